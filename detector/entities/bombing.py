"""Alerts about people who are bombed with calls."""

from collections import Counter
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.alert.revision import ACTION_TTL_S, Alert, Linked, ProposedAction, Reason, Versions
from detector.cdr.batch import CdrBatch
from detector.entities.kernels.bombing import (
    BOMBED,
    FEW_CALLERS,
    LEAST_CALLERS,
    MANY_CALLS,
    new_targets,
    watch,
)
from detector.entities.kernels.gather import destination_of
from detector.entities.kernels.layout import DESTINATION, KINDS, TENANT, TRUNK
from detector.entities.notice import notice, resolved
from detector.entities.roll_ups import RollUps
from detector.numbering.plan import NumberClass

_PEOPLE = (
    NumberClass.UNKNOWN,
    NumberClass.MOBILE,
    NumberClass.FIXED,
    NumberClass.LOCAL,
    NumberClass.M2M,
    NumberClass.IDENTITY,
)
"""Classes of callees that many people do not call for the first time within minutes; hotlines live of it."""

MOST_CALLERS, MOST_SOURCES = 4096, 64

SOURCE_SHARE = 0.5
"""A customer or trunk that brought so many of the calls is where they come from; a flood reaches people with a life."""

TOGETHER = 4
"""So many people bombed from one source at a time are one thing: a flood of a million callers bombed 1,000."""

PATIENCE = 1
"""Closed minutes before a bombed person is told: by then a flood has bombed TOGETHER."""

Source = tuple[int, int]
"""(TENANT or TRUNK, key)."""


@dataclass(slots=True)
class _Target:
    callee_key: int
    low_hash: int
    first_ms: int
    last_ms: int
    callers: dict[str, None] = field(default_factory=dict)
    sources: Counter[Source] = field(default_factory=Counter)
    calls: int = 0
    answered: int = 0
    within: int = 0
    within_calls: int = 0
    talked: int = 0
    minutes: int = 0  # closed since it is bombed
    changed: bool = True
    held_back: bool = False

    @property
    def source(self) -> Source | None:
        """The customer its calls come from, else the trunk; None = from everywhere."""
        for kind in (TENANT, TRUNK):
            for source, calls in self.sources.items():
                if source[0] == kind and source[1] and calls >= SOURCE_SHARE * self.calls:
                    return source
        return None


class Bombings:
    """Who is bombed now, and its alerts. Many at a time from one source are told once, or by the source's own alert."""

    def __init__(self, targets: int, roll_ups: RollUps, versions: Versions, quiet_ms: int) -> None:
        self._targets = new_targets(targets)
        self._roll_ups, self._versions, self._quiet_ms = roll_ups, versions, quiet_ms
        self._bombed: dict[int, _Target] = {}
        self._open: dict[int, Alert] = {}
        self.held_back = 0
        """People whose alert was not written, for it is the source's story."""

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
        target.within_calls = int(bombed["calls"])
        target.changed = True
        for source in ((TENANT, int(call["tenant_key"])), (TRUNK, int(call["trunk_in_key"]))):
            if len(target.sources) < MOST_SOURCES or source in target.sources:
                target.sources[source] += 1
        if len(target.callers) < MOST_CALLERS:
            target.callers[part.record(int(bombed["call"])).line] = None

    def told(self, now_ms: int, position: str) -> list[Alert]:
        """What a closed minute changes: people bombed from now on, callers that doubled, ends; in order of names."""
        alerts = []
        spoken_for = self._spoken_for()
        for key, target in list(self._bombed.items()):
            before = self._open.get(key)
            if before is None and target.minutes < PATIENCE:
                target.minutes += 1
                continue
            due = target.changed and (before is None or target.calls >= 2 * before.calls)
            target.changed = False
            if due and before is None and key in spoken_for:
                self.held_back += not target.held_back
                target.held_back = True
            elif due:
                self._open[key] = alert = self._updated(before or self._first(target, now_ms), target, now_ms, position)
                alerts.append(alert)
            if target.last_ms + self._quiet_ms <= now_ms:
                del self._bombed[key]
                if key in self._open:
                    alert = self._open.pop(key)
                    last = self._updated(alert, target, now_ms, position)
                    last = msgspec.structs.replace(last, revision=alert.revision)
                    alerts.append(resolved(last, now_ms, position))
        return sorted(alerts, key=lambda alert: (alert.entity, alert.revision))

    def _spoken_for(self) -> set[int]:
        """Who is bombed together with others, but for the one of each source that is told where nothing else is.

        The source's own alert tells, or that of where the calls go.
        """
        groups: dict[Source, list[_Target]] = {}
        for target in self._bombed.values():
            if (source := target.source) is not None:
                groups.setdefault(source, []).append(target)
        alerted = self._alerted() if groups else set()
        found = set[int]()
        for source, group in groups.items():
            if len(group) < TOGETHER:
                continue
            found |= {target.callee_key for target in group}
            destinations = {(DESTINATION, int(destination_of(np.uint64(target.callee_key)))) for target in group}
            if not alerted & {source, *destinations}:
                loudest = min(
                    group, key=lambda target: (target.callee_key not in self._open, -target.within, target.callee_key)
                )
                found.discard(loudest.callee_key)
        return found

    def _alerted(self) -> set[Source]:
        """Customers, trunks and destinations with an open alert."""
        known = self._roll_ups.entities
        rows = known.rows[: int(known.counts[0]["partials"])]
        rows = rows[(rows["severity"] > 0) & np.isin(rows["kind"], (TENANT, TRUNK, DESTINATION))]
        return set(zip(rows["kind"].tolist(), rows["id"].tolist(), strict=True))

    def _first(self, target: _Target, now_ms: int) -> Alert:
        masked = self._roll_ups.plan.mask(target.callee_key)
        return notice(
            "call_bombing",
            "callee",
            masked,
            target.low_hash,
            target.first_ms,
            self._versions,
            about="call_bombing",
            raised_at_ms=now_ms,
            threshold=float(FEW_CALLERS),
        )

    def _updated(self, alert: Alert, target: _Target, now_ms: int, position: str) -> Alert:
        text = (
            f"{target.within_calls} calls of {target.within} callers who had not called it before within 10 minutes,"
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
            ttl_s=ACTION_TTL_S,
            why="it is the victim; act on the lines that call it, and ask whether it wants protection",
        )
        few = f"{FEW_CALLERS} that call {MANY_CALLS} times"
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
            linked=self._linked(target),
            counterfactual=f"With fewer than {LEAST_CALLERS} new callers, or {few}, in 10 minutes it would not alert.",
            proposed_action=action,
            members=tuple(sorted(target.callers)[:100]),
            member_count=len(target.callers),
            position=position,
        )

    def _linked(self, target: _Target) -> tuple[Linked, ...]:
        """Where its calls come from."""
        source = target.source
        name = self._roll_ups.name_of(*source) if source else None
        return (Linked(entity_kind=KINDS[source[0]], entity=name),) if source and name else ()
