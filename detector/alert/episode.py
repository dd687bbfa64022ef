"""Episodes: one open alert an entity, its revisions, and its end."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from detector.alert.revision import SEVERITIES, Alert, Complained, Versions, alert_id
from detector.alert.wording import UNUSUAL, action_of, counterfactual_of, evidence_calls, harm_of, kind_of
from detector.cdr.batch import CdrBatch
from detector.features.feeds import muted_by
from detector.features.kernels.layout import MILLI, Tables
from detector.features.kernels.look_back import Shown, look_back, new_workspace
from detector.features.kernels.memory import HOUR_MS
from detector.features.kernels.tiers import clear_evidence
from detector.features.state import NEVER_DUE_MS
from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Registry
from detector.score.reasons import Behaviour, reasons
from models.evidence import ClassParameters

Place = Callable[[int, int], str]
"""(stream, offset) -> the position as people read it."""


@dataclass(frozen=True, slots=True)
class Revision:
    """An alert revision, and the position of the call that wrote it."""

    alert: Alert
    stream: int
    offset: int


@dataclass(frozen=True, slots=True)
class Context:
    """What every alert of a run has in common."""

    plan: NumberPlan
    registry: Registry
    place: Place
    versions: Versions
    threshold: float  # nats
    muted: tuple[str, ...]
    most_calls: int
    quiet_ms: int
    utc_offset_h: float
    usual: Callable[[int], ClassParameters]  # by row of the parameters: class of number, or of one line
    complained: Callable[[int], tuple[float, tuple[Complained, ...]]] = lambda line_key: (0.0, ())  # by key of the line


class Episodes:
    """The open episodes of one shard; each is bound to an evidence row of its state."""

    def __init__(self, tables: Tables, context: Context) -> None:
        self._tables = tables
        self._context = context
        self._versions = context.versions
        self._work = new_workspace()
        self._utc_offset_ms = round(context.utc_offset_h * HOUR_MS)
        self._open: dict[int, Alert] = {}
        self.due_ms = NEVER_DUE_MS
        """Watermark before which no episode ends: every call against a line moves its end away."""

    def __len__(self) -> int:
        return len(self._open)

    def told(self, batch: CdrBatch, i: int, number: int) -> Revision:
        """Call i of the batch opened or changed the episode of evidence row `number`."""
        alert = self._open.get(number) or self._first(batch, i)
        alert = self._updated(alert, number, int(batch.calls[i]["release_ms"]), self._position(batch, i))
        self._open[number] = alert
        self.due_ms = min(self.due_ms, self._due(number))
        return self._revision(alert, batch, i)

    def ended(self, batch: CdrBatch, i: int, watermark_ms: int) -> list[Revision]:
        """The watermark moved at call i: write the end of every episode that was quiet long enough."""
        if watermark_ms < self.due_ms:
            return []
        due = sorted(
            (self._due(number), alert.entity, number)
            for number, alert in self._open.items()
            if self._due(number) <= watermark_ms
        )
        revisions = [self.closed(number, batch, i, due_ms) for due_ms, _, number in due]
        self.due_ms = min(map(self._due, self._open), default=NEVER_DUE_MS)
        return revisions

    def closed(self, number: int, batch: CdrBatch, i: int, at_ms: int) -> Revision:
        """The episode of evidence row `number` ends at at_ms, before call i of the batch."""
        alert = self._updated(self._open.pop(number), number, at_ms, self._position(batch, i))
        alert = msgspec.structs.replace(alert, state="resolved", resolved_at_ms=at_ms, proposed_action=None)
        evidence = self._tables.evidence[number]
        evidence["severity"] = 0
        evidence["reasons"] = 0
        clear_evidence(evidence)
        return self._revision(alert, batch, i)

    def judged_by(self, model: str) -> None:
        """Episodes that open from now on were judged by this version of the model."""
        self._versions = msgspec.structs.replace(self._versions, model=model)

    def _due(self, number: int) -> int:
        return int(self._tables.evidence[number]["against_ms"]) + self._context.quiet_ms

    def _position(self, batch: CdrBatch, i: int) -> str:
        call = batch.calls[i]
        place = self._context.place(int(call["stream"]), int(call["offset"]))
        return place if call["item"] < 0 else f"{place}#{int(call['item'])}"

    def _revision(self, alert: Alert, batch: CdrBatch, i: int) -> Revision:
        return Revision(alert, int(batch.calls[i]["stream"]), int(batch.calls[i]["offset"]))

    def _first(self, batch: CdrBatch, i: int) -> Alert:
        """Revision 0, never written: what does not change while the episode lasts."""
        call, record = batch.calls[i], batch.record(i)
        release_ms = int(call["release_ms"])
        block = self._context.registry.block_of(record.number, release_ms)
        return Alert(
            alert_id=alert_id("line", record.line, int(call["call_hash"]), release_ms),
            revision=0,
            kind="mass_dialing",
            entity_kind="line",
            entity=record.line,
            line=record.line,
            number=record.number,
            block=block.block if block else None,
            holder=block.holder if block else None,
            tenant=record.tenant,
            resellers=record.resellers,
            trunk=record.trunk_in,
            authenticated=bool(call["authenticated"]),
            state="open",
            severity="warning",
            raised_at_ms=release_ms,
            updated_at_ms=release_ms,
            first_call_ms=release_ms,
            last_call_ms=release_ms,
            calls=0,
            answered=0,
            distinct_callees=0,
            score=0.0,
            threshold=round(self._context.threshold, 2),
            reasons=(),
            counterfactual="",
            harm=0.0,
            evidence=(),
            muted=self._context.muted,
            versions=self._versions,
            position="",
        )

    def _updated(self, alert: Alert, number: int, now_ms: int, position: str) -> Alert:
        """The next revision, from the state as it is now."""
        evidence = self._tables.evidence[number]
        row = self._tables.rows[evidence["row"]]
        usual = self._context.usual(int(row["own"] or row["number_class"]))
        look_back(self._tables, row, now_ms, self._utc_offset_ms, self._work)
        shown = Shown(*self._work.shown[0].item())
        complainants, complaints = self._context.complained(int(row["key"]))
        seen = Behaviour(
            share=evidence["share"].tolist(),
            shown=shown,
            calls=int(evidence["calls"]),
            answered=int(evidence["answered"]),
            distinct=int(evidence["distinct"]),
            callbacks=int(evidence["callbacks"]),
            told=int(evidence["told"]),
            complainants=complainants,
        )
        why = reasons(seen, usual)
        score = int(evidence["score"]) / MILLI
        kind = kind_of(why, seen, alert.kind if alert.revision else None)
        severity = SEVERITIES[int(evidence["severity"]) - 1] if kind != UNUSUAL else SEVERITIES[0]
        return msgspec.structs.replace(
            alert,
            revision=alert.revision + 1,
            kind=kind,
            severity=severity,
            updated_at_ms=now_ms,
            first_call_ms=int(evidence["first_ms"]) if evidence["first_ms"] >= 0 else alert.first_call_ms,
            last_call_ms=int(row["last_ms"]),
            calls=seen.calls,
            answered=seen.answered,
            distinct_callees=seen.distinct,
            score=round(score, 2),
            reasons=why,
            counterfactual=counterfactual_of(score, self._context.threshold, why, usual.callback),
            harm=harm_of(seen, now_ms),
            proposed_action=action_of(kind, severity, alert.entity, alert.authenticated),
            evidence=evidence_calls(self._work.calls[: shown.kept], self._context.most_calls, self._context.plan),
            complaints=complaints,
            muted=tuple(dict.fromkeys((*self._context.muted, *muted_by(int(evidence["muted"]))))),
            position=position,
        )
