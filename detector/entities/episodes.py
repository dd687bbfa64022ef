"""Alerts of entities: their episodes, revision by revision, and what they say."""

from collections import Counter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.alert.revision import ACTION_TTL_S, HARM_MIN, SEVERITIES, Alert, Linked, ProposedAction, Reason, Versions
from detector.entities.kernels.layout import (
    BLOCK,
    CALLEES,
    DESTINATION,
    KINDS,
    MINUTE_MS,
    NUMBER,
    NUMBERS,
    TENANT,
)
from detector.entities.kernels.samples import estimate, members_of
from detector.entities.moved import Link
from detector.entities.notice import notice
from detector.entities.reasons import beyond_contract, kind_of, reasons_of
from detector.entities.repeats import Repeats
from detector.entities.roll_ups import RollUps, Turn
from detector.entities.rule_episodes import RuleEpisodes
from detector.features.kernels.layout import MILLI

MOST_MEMBERS = 100


class EntityEpisodes:
    """The open episodes of entities, and of rules they break."""

    def __init__(self, roll_ups: RollUps, versions: Versions, quiet_ms: int) -> None:
        self._roll_ups, self._versions, self._quiet_ms = roll_ups, versions, quiet_ms
        self._open: dict[int, Alert] = {}
        self._rules = RuleEpisodes(self._first, _action)
        self._shown: tuple[NDArray[np.int32], NDArray[np.uint64]] | None = None
        self._repeated: dict[int, Reason] = {}
        self.repeats = Repeats()

    def __len__(self) -> int:
        return len(self._open) + len(self._rules)

    def open_by_kind(self) -> dict[str, int]:
        """Open alerts by kind of entity, all kinds."""
        count = Counter(alert.entity_kind for alert in (*self._open.values(), *self._rules.open()))
        return {kind: count[kind] for kind in KINDS}

    def told(self, turn: Turn, position: str) -> list[Alert]:
        """What a closed minute changes, in the order of entities' names; ends of episodes among it."""
        now_ms = (turn.minute + 1) * MINUTE_MS
        self._shown = None
        alerts = [self._changed(int(row), now_ms, position) for row in turn.changed]
        alerts += self._rules.told(turn, self._roll_ups.entities, position)
        alerts += self._ended(now_ms, position)
        return sorted(alerts, key=lambda alert: (alert.entity_kind, alert.entity, alert.kind, alert.revision))

    def _changed(self, row: int, now_ms: int, position: str) -> Alert:
        entity = self._roll_ups.entities.rows[row]
        key = int(entity["key"])
        before = self._open.get(key)
        if before is None:
            before = self._first(entity)
            minute = now_ms // MINUTE_MS
            self._roll_ups.moved.opened(self._roll_ups.entities, row, before.entity, before.alert_id, minute)
            hours = self.repeats.opened(before.entity_kind, before.entity, now_ms)
            if hours is not None and before.entity_kind in ("tenant", "holder"):
                self._repeated[key] = _repeat(hours, self.repeats.count[before.entity_kind, before.entity])
        self._open[key] = alert = self._updated(before, row, now_ms, position)
        link = self._roll_ups.moved.link(key)
        of_a_customer = alert.entity_kind == "number" and alert.tenant is not None  # who is counted itself
        if link and alert.kind == "moved_operation" != before.kind and not of_a_customer:
            self._count_move(link)
        return alert

    def _before(self, link: Link) -> tuple[Linked, ...]:
        """Whose list it works through, and what that is part of."""
        owner = link.owner
        named = [Linked(entity_kind=KINDS[owner.kind], entity=owner.entity)]
        if owner.block >= 0:
            block = self._roll_ups.registry.blocks[owner.block]
            named += [Linked(entity_kind="block", entity=block.block)] if owner.kind == NUMBER else []
            named += [Linked(entity_kind="holder", entity=block.holder)]
        return tuple(named)

    def _count_move(self, link: Link) -> None:
        """Whose list it is began again: a customer, or the holder of a number or block."""
        if link.owner.kind == TENANT:
            self.repeats.moved("tenant", link.owner.entity)
        elif link.owner.block >= 0:
            self.repeats.moved("holder", self._roll_ups.registry.blocks[link.owner.block].holder)

    def _ended(self, now_ms: int, position: str) -> list[Alert]:
        ended = []
        for key, alert in list(self._open.items()):
            row = self._roll_ups.row_of(key)
            entity = self._roll_ups.entities.rows[row]
            due_ms = int(entity["against_ms"]) + self._quiet_ms
            if due_ms <= now_ms:
                alert = self._updated(alert, row, now_ms, position)
                self._roll_ups.moved.ended(entity, now_ms // MINUTE_MS)
                end = msgspec.structs.replace(alert, state="resolved", resolved_at_ms=due_ms, proposed_action=None)
                ended.append(end)
                self.repeats.ended(alert.entity_kind, alert.entity, now_ms)
                self._repeated.pop(key, None)
                del self._open[key]
                entity["severity"], entity["reasons"], entity["revision_calls"] = 0, 0, 0
                entity["score"], entity["share"], entity["begin_minute"] = 0, 0, -1
                for name in ("calls", "strangers", "backs", "changes", "keeps", "outcome", "talk"):
                    entity[name] = 0
        return ended

    def _first(self, entity: np.void) -> Alert:
        """Revision 0, never written: what does not change while the episode lasts."""
        kind, text = KINDS[int(entity["kind"])], self.text_of(entity)
        return notice(
            "mass_dialing",
            kind,
            text,
            int(entity["low_hash"]),
            int(entity["first_ms"]),
            self._versions,
            authenticated=bool(entity["authenticated"]) and kind in ("tenant", "trunk"),
            raised_at_ms=int(entity["last_ms"]),
            threshold=round(self._roll_ups.threshold, 2),
            **self._named(entity, text),
        )

    def _updated(self, alert: Alert, row: int, now_ms: int, position: str) -> Alert:
        entity = self._roll_ups.entities.rows[row]
        key = int(entity["key"])
        link = self._roll_ups.moved.link(key)
        reasons = reasons_of(entity, link, self._roll_ups.complaint_share)
        if entity["kind"] in (BLOCK, NUMBER) and entity["block"] >= 0:
            block = self._roll_ups.registry.blocks[int(entity["block"])]
            reasons = (*reasons, *beyond_contract(entity, block.contracted_channels))
        if key in self._repeated:
            reasons = (*reasons, self._repeated[key])
        severity = SEVERITIES[max(int(entity["severity"]) - 1, 1)]
        spoke = int(entity["score"]) >= round(self._roll_ups.threshold * MILLI)  # a kind stays what the evidence said
        kind = kind_of(reasons) if spoke or alert.revision == 0 else alert.kind
        minutes = max(now_ms // MINUTE_MS - int(entity["begin_minute"]), 1)
        answered = int(entity["talk"].sum())
        strangers = int(entity["strangers"]) << int(entity["shift"][CALLEES])
        members, count = self._members(entity)
        share = answered / max(int(entity["outcome"].sum()), answered, 1)
        return msgspec.structs.replace(
            alert,
            revision=alert.revision + 1,
            kind=kind,
            severity=severity,
            updated_at_ms=now_ms,
            last_call_ms=int(entity["last_ms"]),
            calls=int(entity["calls"]),
            answered=answered,
            distinct_callees=min(strangers, int(entity["calls"])),
            score=round(int(entity["score"]) / MILLI, 2),
            reasons=reasons,
            linked=self._before(link) if link else alert.linked,
            counterfactual=_counterfactual(int(entity["score"]) / MILLI - self._roll_ups.threshold, reasons),
            harm=round(min(strangers, int(entity["calls"])) * share / minutes * HARM_MIN, 1),
            proposed_action=_action(alert),
            members=members,
            member_count=count,
            complaints=self._roll_ups.complaints.told((alert.entity_kind, int(entity["id"])))[1],
            position=position,
        )

    def text_of(self, entity: np.void) -> str:
        """The entity's name, as people know it."""
        kind, name = int(entity["kind"]), int(entity["id"])
        return self._roll_ups.name_of(kind, name) or f"#{name:016x}"

    def place_of(self, entity: np.void) -> tuple[str | None, str | None]:
        """The block and the tenant it belongs to, where known."""
        place, tenant = int(entity["block"]), self._roll_ups.names.get(int(entity["tenant_key"]))
        return self._roll_ups.registry.blocks[place].block if place >= 0 else None, tenant.text if tenant else None

    def _named(self, entity: np.void, text: str) -> dict[str, Any]:
        """The flat fields of what the entity is and belongs to."""
        kind, place = int(entity["kind"]), int(entity["block"])
        named: dict[str, Any] = {}
        if place >= 0 and kind in (NUMBER, BLOCK, TENANT):
            block = self._roll_ups.registry.blocks[place]
            named["holder"] = block.holder
            if kind != TENANT:
                named["block"] = block.block
        tenant = self._roll_ups.names.get(int(entity["tenant_key"]))
        if kind == NUMBER and tenant:
            named["tenant"] = tenant.text
        if kind == TENANT and tenant:
            named["resellers"] = tenant.resellers
        if kind != DESTINATION:
            named[KINDS[kind]] = text
        return named

    def _members(self, entity: np.void) -> tuple[tuple[str, ...], int]:
        """Numbers it showed (of the sample, in order), and how many there are."""
        if self._shown is None:  # read once a turn: the table is large, and a turn may change hundreds of alerts
            known = self._roll_ups.entities
            most = int(known.counts[0]["pairs"])
            shown = np.empty(most, np.int32), np.empty(most, np.uint64)
            n = members_of(known.members, NUMBERS, *shown)
            order = np.argsort(shown[0][:n], kind="stable")
            self._shown = shown[0][order], shown[1][order]
        rows, keys = self._shown
        row = self._roll_ups.row_of(int(entity["key"]))
        own = keys[np.searchsorted(rows, row) : np.searchsorted(rows, row, side="right")]
        texts = sorted(filter(None, (self._roll_ups.plan.text(int(key)) for key in own)))
        return tuple(texts[:MOST_MEMBERS]), estimate(entity, NUMBERS)


def _repeat(hours: int, count: int) -> Reason:
    """It began again: information, no evidence."""
    text = f"the alert before ended {hours} h ago; began again {count} times after an alert"
    return Reason(family="repeat", feature="repeats", value=float(count), usual=0.0, share=0.0, text=text)


def _counterfactual(over: float, reasons: tuple[Reason, ...]) -> str:
    if over < 0:
        return f"The score is {-over:.1f} nats under the threshold now."
    alone = [reason.family for reason in reasons if reason.share > over]
    return f"Without {' or without '.join(alone[:3])} it would not alert." if alone else "No single family decides it."


def _action(alert: Alert) -> ProposedAction:
    """Slow a tenant the network knows; of others only look, for honest people share them."""
    if alert.entity_kind == "tenant" and alert.authenticated:
        verb, why = "throttle", "the network knows this customer; slowing it leaves its neighbours alone"
    elif alert.entity_kind in ("number", "block"):
        verb, why = "re-verify", "a shown number is only asserted; its holder has to say who uses it"
    else:
        verb, why = "observe", "honest people use it, too; act on the lines or the customer behind it"
    return ProposedAction(scope=alert.entity_kind, target=alert.entity, verb=verb, ttl_s=ACTION_TTL_S, why=why)
