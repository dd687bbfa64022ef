"""Alerts about numbers that call people after a machine probed them."""

import statistics
from collections import Counter

import msgspec

from detector.alert.revision import ACTION_TTL_S, Alert, Linked, ProposedAction, Reason, Versions
from detector.entities.handover import NATS, Follower, Handovers
from detector.entities.kernels.layout import TENANT
from detector.entities.notice import notice, resolved
from detector.entities.roll_ups import RollUps

QUIET_MS = 24 * 3_600_000
"""Such an alert ends when the number followed no probe for a day."""


SOURCE_SHARE = 0.25
"""Who made so many of the probes is named as their source: an operation that moved has two names."""


class HandoverEpisodes:
    """The open episodes of followers. roll_ups: what customers, blocks and holders are called."""

    def __init__(self, handovers: Handovers, roll_ups: RollUps, versions: Versions) -> None:
        self._handovers, self._roll_ups, self._versions = handovers, roll_ups, versions
        self._open: dict[int, Alert] = {}

    def __len__(self) -> int:
        return len(self._open)

    def told(self, now_ms: int, position: str) -> list[Alert]:
        """What a closed minute changes: new suspects, accounts that doubled, ends; in order of numbers."""
        alerts = []
        for follower in self._handovers.close(self._roll_ups.entities, now_ms):
            before = self._open.get(follower.number_key)
            if before is None:
                before = self._first(follower, now_ms)
            elif follower.matched < 2 * before.calls:
                self._open[follower.number_key] = msgspec.structs.replace(before, last_call_ms=follower.last_ms)
                continue
            self._open[follower.number_key] = alert = self._updated(before, follower, now_ms, position)
            alerts.append(alert)
        for key, alert in list(self._open.items()):
            if alert.last_call_ms + QUIET_MS <= now_ms:
                alerts.append(resolved(self._open.pop(key), now_ms, position))
        return sorted(alerts, key=lambda alert: (alert.entity, alert.revision))

    def _first(self, follower: Follower, now_ms: int) -> Alert:
        return notice(
            "handover",
            "number",
            follower.text,
            follower.low_hash,
            follower.first_ms,
            self._versions,
            about="handover",
            number=follower.text,
            tenant=follower.tenant,
            raised_at_ms=now_ms,
            threshold=NATS,
        )

    def _updated(self, alert: Alert, follower: Follower, now_ms: int, position: str) -> Alert:
        pairs = list(follower.pairs.values())
        lift, low, high = follower.lift
        waits_min = sorted((pair.follow_ms - pair.probe_ms) / 60_000 for pair in pairs)
        probes = sorted({pair.probe_line for pair in pairs})
        expected = follower.calls * follower.chance
        text = (
            f"{follower.matched:,} of {follower.calls:,} long calls went to people whom one of {len(probes):,}"
            f" suspected lines had called shortly before (median {statistics.median(waits_min):.0f} min);"
            f" by chance {expected:.2g}: lift {lift:.3g} ({low:.3g} to {high:.3g})"
        )
        reason = Reason(
            family="handover",
            feature="long_calls_after_probes",
            value=round(follower.matched / follower.calls, 3),
            usual=round(follower.chance, 3),
            share=round(follower.nats, 2),
            text=text,
        )
        action = ProposedAction(
            scope="number",
            target=alert.entity,
            verb="re-verify",
            ttl_s=ACTION_TTL_S,
            why="it calls whom machines have called before; its owner has to say who uses it",
        )
        return msgspec.structs.replace(
            alert,
            revision=alert.revision + 1,
            updated_at_ms=now_ms,
            last_call_ms=follower.last_ms,
            calls=follower.matched,
            answered=follower.matched,
            distinct_callees=len({pair.callee_key for pair in pairs}),
            score=round(follower.nats, 2),
            reasons=(reason,),
            linked=self._sources(follower),
            counterfactual="Without the probes of suspected lines it would not alert.",
            proposed_action=action,
            members=tuple(probes[:100]),
            member_count=len(probes),
            position=position,
        )

    def _sources(self, follower: Follower) -> tuple[Linked, ...]:
        """Who probed: lines, blocks, customers, holders with SOURCE_SHARE of the probes or more, the nearest first."""
        blocks = self._roll_ups.registry.blocks
        count: dict[str, Counter[str | None]] = {kind: Counter() for kind in ("line", "block", "tenant", "holder")}
        for pair in follower.pairs.values():
            block = blocks[pair.probe_block] if pair.probe_block >= 0 else None
            count["line"][pair.probe_line] += 1
            count["block"][block.block if block else None] += 1
            count["tenant"][self._roll_ups.name_of(TENANT, pair.probe_tenant)] += 1
            count["holder"][block.holder if block else None] += 1
        least = SOURCE_SHARE * len(follower.pairs)
        return tuple(
            Linked(entity_kind=kind, entity=name)
            for kind, names in count.items()
            for name, n in sorted(names.items(), key=lambda one: (-one[1], one[0] or ""))
            if name is not None and n >= least
        )
