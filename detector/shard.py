"""The shard: the unit of state and order. Same calls in the same order, same alerts with the same ids."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.alert.episode import Context, Episodes, Place, Revision
from detector.alert.revision import Alert, Versions
from detector.cdr.batch import CdrBatch
from detector.config import Config, Feed
from detector.entities.bombing import Bombings
from detector.entities.episodes import EntityEpisodes
from detector.entities.handover import Handovers
from detector.entities.handover_episodes import HandoverEpisodes
from detector.entities.hidden_tenants import HiddenTenants
from detector.entities.kernels.layout import MINUTE_MS
from detector.entities.laws import laws
from detector.entities.roll_ups import RollUps, Turn
from detector.entities.weighed import NOTHING, weighed
from detector.features.kernels import layout
from detector.features.kernels.judge import judge
from detector.features.kernels.layout import MILLI
from detector.features.kernels.weigh import OPENED, REVISED, TIMER
from detector.features.state import new_policy, new_tables
from detector.feedback.applied import Applied, AppliedComplaint, AppliedRegistry
from detector.feedback.calendar import Asked, Calendar, next_minute
from detector.feedback.complaints import ComplaintEffects
from detector.feedback.effects import Effects
from detector.feedback.request import Complaint, Request
from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Registry, all_classes
from models.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Findings:
    """What a batch of calls brought: alert revisions in order, and what each call added (SCORED[n_calls]).

    weighed  WEIGHED[n] of the minutes that closed, where somebody observes
    """

    revisions: list[Revision]
    scored: NDArray[np.void]
    weighed: NDArray[np.void] = field(default_factory=NOTHING.copy)


class Shard:
    """State and judgement. No I/O, no wall clock, no randomness; how the stream is cut into batches is invisible."""

    def __init__(
        self,
        config: Config,
        model: Evidence,
        plan: NumberPlan,
        registry: Registry,
        place: Place,
        code: str,
        observe: bool = False,
    ) -> None:
        muted = muted_families(config.feed)
        self._observe, self._weighed = observe, [NOTHING]
        self.plan = plan
        self.calendar = Calendar()
        self._registry = registry
        self.threshold = model.threshold(config.alerting.false_alerts_per_day, config.alerting.active_lines, muted)
        self.muted = muted
        self.tables = new_tables(config.state)
        self._policy = new_policy(config.state, config.order, self.threshold, observe, config.feed.utc_offset_h)
        self._effects = Effects(self.tables, model, plan, registry, muted, self.threshold, config.feed.utc_offset_h)
        self._lateness_ms = config.order.lateness_s * 1000
        self.versions = Versions(config=config.version, model=model.version, code=code)
        self._place = place
        complaint_share = config.alerting.complaint_share
        classes = laws(model, all_classes(), muted, complaint_share)
        self.roll_ups = RollUps(config.state, classes, plan, registry, config.alerting.entity_nats, self._lateness_ms)
        self._complaints = ComplaintEffects(self.tables, self.roll_ups, plan, complaint_share)
        quiet_ms = config.alerting.quiet_min * 60_000
        self.handovers = Handovers(config.state.probes, config.state.followers, round(self.threshold * MILLI / 2))
        self.handover_episodes = HandoverEpisodes(self.handovers, self.roll_ups, self.versions)
        self.bombings = Bombings(config.state.targets, self.roll_ups, self.versions, quiet_ms)
        self.entity_episodes = EntityEpisodes(self.roll_ups, self.versions, quiet_ms)
        self.hidden_tenants = HiddenTenants(self.tables, registry)
        self.episodes = Episodes(
            self.tables,
            Context(
                plan=plan,
                registry=registry,
                place=place,
                versions=self.versions,
                threshold=self.threshold,
                muted=muted,
                most_calls=config.alerting.evidence_calls,
                quiet_ms=quiet_ms,
                utc_offset_h=config.feed.utc_offset_h,
                usual=self._effects.usual,
                complained=lambda line_key: self.roll_ups.complaints.told(("line", line_key)),
            ),
        )

    @property
    def newest_ms(self) -> int:
        """Release time of the newest call, UTC ms; -1 before the first."""
        return int(self.tables.meta[0]["newest_ms"])

    @property
    def watermark_ms(self) -> int:
        """Event time up to which episodes have ended; below 0 before the first call."""
        return self.newest_ms - self._lateness_ms if self.newest_ms >= 0 else -1

    def process(self, batch: CdrBatch) -> Findings:
        """Judge the calls in the order given; a change takes effect before the first call of its minute."""
        parts: list[Findings] = []
        begun = 0
        while (at := self.calendar.reached(batch.calls["release_ms"][begun:], self.newest_ms)) is not None:
            parts.append(self._judged(batch.take(slice(begun, begun + at))))
            begun += at
            parts[-1].revisions.extend(self._apply(self.calendar.leave(), batch, begun))
        parts.append(self._judged(batch.take(slice(begun, None)) if begun else batch))
        return parts[0] if len(parts) == 1 else _together(parts)

    def settle(self, request: Request, partition: int, position: int) -> Applied:
        """What a request of `detector.feedback` comes to now, to be applied from the next event minute on.

        Changes nothing: `calendar.enter` does, once the record is safe. position: where to read on after the request.
        Raises BadRequest.
        """
        return self._settle(request, next_minute(self.newest_ms), partition, position)

    def _settle(self, request: Request, apply_ms: int, partition: int, position: int) -> Applied:
        if isinstance(request, Complaint):
            return self._complaints.settle(request, apply_ms, partition, position)
        return self._effects.settle(request, apply_ms, partition, position)

    def _apply(self, change: Applied | Asked, batch: CdrBatch, i: int) -> list[Revision]:
        """The change comes before call i of the batch; the revision of an episode that it ends."""
        if isinstance(change, Asked):
            change = self._settle(change.request, change.apply_ms, 0, change.position)
        if isinstance(change, AppliedComplaint):
            self._complaints.apply(change)
            return []
        ended = self._effects.apply(change, int(batch.calls[i]["release_ms"]))
        if isinstance(change, AppliedRegistry):
            self.roll_ups.registry_changed()
        self.episodes.judged_by(self._effects.version)
        return [self.episodes.closed(ended, batch, i, change.apply_ms)] if ended is not None else []

    def _judged(self, batch: CdrBatch) -> Findings:
        self._class_declared(batch)
        scored = np.zeros(len(batch), layout.SCORED)
        revisions: list[Revision] = []
        self.roll_ups.begin(batch)
        i = taken = 0
        while i < len(batch):
            self._set_due()
            i, why = judge(batch.calls, i, self.tables, self._effects.parameters, self._policy, scored)
            if why == TIMER:
                self._take(batch, scored, taken, i)
                taken = i
                revisions += self.episodes.ended(batch, i, self.watermark_ms)
                revisions += self._minutes_closed(batch, i)
            elif why in (OPENED, REVISED):
                revisions.append(self.episodes.told(batch, i - 1, int(self.tables.meta[0]["event_row"])))
        self._take(batch, scored, taken, len(batch))
        closed, self._weighed = self._weighed, [NOTHING]
        return Findings(revisions, scored, np.concatenate(closed))

    def _take(self, batch: CdrBatch, scored: NDArray[np.void], start: int, end: int) -> None:
        """Calls [start, end), judged line by line, go to what watches above lines."""
        if start < end:
            part, seen = batch.take(slice(start, end)), scored[start:end]
            blocks = self.roll_ups.take(part, seen)
            self.handovers.take(part, seen, blocks[0])
            self.bombings.take(part, seen, blocks[1])

    def _set_due(self) -> None:
        """The loop stops where the next minute can be closed, or an episode may end."""
        meta = self.tables.meta
        meta["due_ms"] = min(self.episodes.due_ms, self.roll_ups.due_ms)

    def _minutes_closed(self, batch: CdrBatch, i: int) -> list[Revision]:
        """The watermark moved at call i: entities are judged on the minutes it left behind."""
        call = batch.calls[i]
        stream, offset = int(call["stream"]), int(call["offset"])
        alerts: list[Alert] = []
        position = self._place(stream, offset)

        def told(turn: Turn) -> None:
            if self._observe:
                self._weighed.append(weighed(turn.minute, turn.partials, self.roll_ups.entities))
            alerts.extend(self.hidden_tenants.told(self.entity_episodes.told(turn, position)))
            now_ms = (turn.minute + 1) * MINUTE_MS
            alerts.extend(self.handover_episodes.told(now_ms, position))
            alerts.extend(self.bombings.told(now_ms, position))
            self._complaints.turn_hour(turn.minute)

        self.roll_ups.close(self.watermark_ms, told)
        return [Revision(alert, stream, offset) for alert in alerts]

    def _class_declared(self, batch: CdrBatch) -> None:
        """A line that shows a declared number is judged against that declaration. In place."""
        calls = batch.calls
        calls["line_class"] = self._registry.declared_classes(calls["number_key"], calls["line_class"])
        calls["number_class"] = self._registry.declared_classes(calls["number_key"], calls["number_class"])


def _together(parts: Sequence[Findings]) -> Findings:
    """Findings of a batch that was judged in parts."""
    scored = np.concatenate([part.scored for part in parts])
    closed = np.concatenate([part.weighed for part in parts])
    return Findings([revision for part in parts for revision in part.revisions], scored, closed)


def muted_families(feed: Feed) -> tuple[str, ...]:
    """Families that the feed cannot carry."""
    carried = {
        "script": feed.duration_rounding_s <= 1.0,
        "answer": feed.unanswered_calls,
        "reciprocity": feed.calls_to_numbers,
        "ring": feed.ring_times,
        "short": feed.ring_times and feed.duration_rounding_s <= 1.0,
        "targeting": feed.number_order,
    }
    return tuple(family for family, seen in carried.items() if not seen)
