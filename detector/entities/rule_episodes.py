"""Alerts about broken numbering rules: one an entity and rule, until no call broke it for a day."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from detector.alert.revision import HARM_MIN, Alert, ProposedAction, Reason, alert_id
from detector.entities.kernels.layout import BLOCK, CALLEES, INVALID_CALLER, MINUTE_MS, TRUNK, Entities
from detector.entities.notice import resolved
from detector.entities.roll_ups import Turn
from detector.entities.rules import TOLD
from detector.features.kernels.layout import ANSWERED, MILLI

QUIET_MS = 24 * 3_600_000


@dataclass(slots=True)
class _Breach:
    """An open episode. answered, people: of the calls that broke the rule, as the minutes they fell in tell."""

    alert: Alert
    answered: float = 0.0
    people: float = 0.0
    calls: int = 0


class RuleEpisodes:
    """The open episodes of rules that blocks and trunks break.

    first   revision 0 of an alert about an entity
    action  what to propose about it
    """

    def __init__(self, first: Callable[[np.void], Alert], action: Callable[[Alert], ProposedAction]) -> None:
        self._first, self._action = first, action
        self._open: dict[tuple[int, int], _Breach] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self) -> Iterator[Alert]:
        """Their newest revisions."""
        return (breach.alert for breach in self._open.values())

    def told(self, turn: Turn, known: Entities, position: str) -> list[Alert]:
        """Rules that calls of a closed minute broke: a new alert each, the next revision when calls doubled, ends."""
        now_ms = (turn.minute + 1) * MINUTE_MS
        alerts = []
        breaking = turn.partials[(turn.partials["broken"] > 0).any(axis=1) & (turn.partials["row"] >= 0)]
        for part in breaking[np.isin(breaking["kind"], (BLOCK, TRUNK))]:
            entity = known.rows[int(part["row"])]
            for rule in np.flatnonzero(part["broken"]).tolist():
                if (part["kind"] == TRUNK) == (rule == INVALID_CALLER):
                    alerts += self._broken(part, entity, rule, now_ms, position)
        for key, breach in list(self._open.items()):
            if breach.alert.last_call_ms + QUIET_MS <= now_ms:
                alerts.append(resolved(breach.alert, now_ms, position))
                del self._open[key]
        return alerts

    def _broken(self, part: np.void, entity: np.void, rule: int, now_ms: int, position: str) -> list[Alert]:
        key = (int(part["key"]), rule)
        breach = self._open.get(key)
        is_new = breach is None
        if breach is None:
            breach = self._open[key] = _Breach(self._opened(part, entity, rule))
        share = int(part["broken"][rule]) / int(part["calls"])
        breach.calls += int(part["broken"][rule])
        breach.answered += share * int(part["outcome"][ANSWERED])
        breach.people += share * min(int(part["new"]) << int(entity["shift"][CALLEES]), int(part["calls"]))
        before = breach.alert
        if not is_new and breach.calls < 2 * before.calls:
            breach.alert = msgspec.structs.replace(before, last_call_ms=int(part["last_ms"]))
            return []
        text = TOLD[rule].text.format(calls=f"{breach.calls:,}")
        reason = Reason(
            family="rules", feature=TOLD[rule].name, value=float(breach.calls), usual=0.0, share=0.0, text=text
        )
        minutes = max((now_ms - before.first_call_ms) / MINUTE_MS, 1.0)
        breach.alert = msgspec.structs.replace(
            before,
            revision=before.revision + 1,
            updated_at_ms=now_ms,
            last_call_ms=int(part["last_ms"]),
            calls=breach.calls,
            answered=round(breach.answered),
            distinct_callees=round(breach.people),
            score=round(int(entity["score"]) / MILLI, 2),
            harm=round(breach.people * breach.answered / breach.calls / minutes * HARM_MIN, 1),
            reasons=(reason,),
            position=position,
        )
        return [breach.alert]

    def _opened(self, part: np.void, entity: np.void, rule: int) -> Alert:
        alert, told = self._first(entity), TOLD[rule]
        about, first_ms = f"{alert.entity}\n{told.name}", int(part["first_ms"])
        return msgspec.structs.replace(
            alert,
            alert_id=alert_id(alert.entity_kind, about, int(part["low_hash"]), first_ms),
            kind="rule_violation",
            first_call_ms=first_ms,
            raised_at_ms=int(part["last_ms"]),
            counterfactual=f"One such call is enough: {told.source}.",
            proposed_action=self._action(alert),
        )
