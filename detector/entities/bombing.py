"""Alerts about people who are bombed with calls."""

from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.alert.revision import Alert, ProposedAction, Reason, Versions
from detector.cdr.batch import CdrBatch
from detector.entities.kernels.bombing import BOMBED, LEAST_CALLERS, new_targets, watch
from detector.entities.notice import notice, resolved
from detector.numbering.plan import NumberClass, NumberPlan

_PEOPLE = (
    NumberClass.UNKNOWN,
    NumberClass.MOBILE,
    NumberClass.FIXED,
    NumberClass.LOCAL,
    NumberClass.M2M,
    NumberClass.IDENTITY,
)
"""Classes of callees that many people do not call for the first time within minutes; hotlines live of it."""

MOST_CALLERS = 4096


@dataclass(slots=True)
class _Target:
    callee_key: int
    low_hash: int
    first_ms: int
    last_ms: int
    callers: dict[str, None] = field(default_factory=dict)
    calls: int = 0
    answered: int = 0
    within: int = 0
    talked: int = 0
    changed: bool = True


class Bombings:
    """Who is bombed now, and its alerts."""

    def __init__(self, targets: int, plan: NumberPlan, versions: Versions, quiet_ms: int) -> None:
        self._targets = new_targets(targets)
        self._plan, self._versions, self._quiet_ms = plan, versions, quiet_ms
        self._bombed: dict[int, _Target] = {}
        self._open: dict[int, Alert] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def lost(self) -> int:
        """Callees that were given up while they had new callers."""
        return int(self._targets.counts[1])

    def take(self, part: CdrBatch, scored: NDArray[np.void], callee_blocks: NDArray[np.int32]) -> None:
        """Calls in their order, judged line by line. callee_blocks: registry places, -1 = none."""
        calls = part.calls
        watched = np.isin(calls["callee_class"], _PEOPLE) & (callee_blocks < 0) & (calls["callee_key"] != 0)
        out = np.zeros(len(calls), BOMBED)
        for bombed in out[: watch(calls, scored, watched, self._targets, out)]:
            self._hit(part, bombed)

    def _hit(self, part: CdrBatch, bombed: np.void) -> None:
        call = part.calls[int(bombed["call"])]
        key = int(call["callee_key"])
        target = self._bombed.get(key)
        if target is None:
            target = self._bombed[key] = _Target(key, int(call["call_hash"]), int(call["setup_ms"]), 0)
        target.last_ms = max(target.last_ms, int(call["release_ms"]))
        target.calls += 1
        target.answered += int(call["answer_ms"] >= 0)
        target.within, target.talked = int(bombed["callers"]), int(bombed["talked"])
        target.changed = True
        if len(target.callers) < MOST_CALLERS:
            target.callers[part.record(int(bombed["call"])).line] = None

    def told(self, now_ms: int, position: str) -> list[Alert]:
        """What a closed minute changes: people bombed from now on, callers that doubled, ends; in order of names."""
        alerts = []
        for key, target in list(self._bombed.items()):
            before = self._open.get(key)
            if target.changed and (before is None or target.calls >= 2 * before.calls):
                self._open[key] = alert = self._updated(before or self._first(target, now_ms), target, now_ms, position)
                alerts.append(alert)
            target.changed = False
            if target.last_ms + self._quiet_ms <= now_ms:
                alert = self._open.pop(key)
                last = msgspec.structs.replace(self._updated(alert, target, now_ms, position), revision=alert.revision)
                alerts.append(resolved(last, now_ms, position))
                del self._bombed[key]
        return sorted(alerts, key=lambda alert: (alert.entity, alert.revision))

    def _first(self, target: _Target, now_ms: int) -> Alert:
        masked = self._plan.mask(target.callee_key)
        return notice(
            "call_bombing",
            "callee",
            masked,
            target.low_hash,
            target.first_ms,
            self._versions,
            about="call_bombing",
            raised_at_ms=now_ms,
            threshold=float(LEAST_CALLERS),
        )

    def _updated(self, alert: Alert, target: _Target, now_ms: int, position: str) -> Alert:
        text = (
            f"{target.within} callers who had not called it before within 10 minutes,"
            f" {target.talked} of them were talked to for 10 s or more"
        )
        reason = Reason(
            family="bombing",
            feature="new_callers_in_10_min",
            value=float(target.within),
            usual=1.0,
            share=float(target.within),
            text=text,
        )
        action = ProposedAction(
            scope="callee",
            target=alert.entity,
            verb="observe",
            ttl_s=3600,
            why="it is the victim; act on the lines that call it, and ask whether it wants protection",
        )
        return msgspec.structs.replace(
            alert,
            revision=alert.revision + 1,
            updated_at_ms=now_ms,
            last_call_ms=target.last_ms,
            calls=target.calls,
            answered=target.answered,
            distinct_callees=1,
            score=float(target.within),
            reasons=(reason,),
            counterfactual=f"With fewer than {LEAST_CALLERS} new callers in 10 minutes it would not alert.",
            proposed_action=action,
            members=tuple(sorted(target.callers)[:100]),
            member_count=len(target.callers),
            position=position,
        )
