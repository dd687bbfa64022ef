"""What may be done about an alert: pure rules, from the mildest mode to the strictest guard."""

from collections.abc import Sequence

import msgspec

from detector.alert.revision import ENTITY_KINDS, Alert, ProposedAction
from detector.config import Hooks
from detector.hooks.action import Action, HeldBy, rank
from detector.hooks.limits import Limit
from detector.hooks.never import NeverList

VOUCHED_SCOPES = ("line", "trunk")
"""What the network itself can know. A number is only ever asserted."""
LONGEST_TARGET = 256


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done. held_by: why a person must agree first; empty = nobody must."""

    verb: str
    scope: str
    target: str
    ttl_s: int
    why: str
    held_by: HeldBy


def decide(alert: Alert, settings: Hooks, never: NeverList, before: Sequence[Action], limit: Limit) -> Decision | None:
    """What to do about this revision; None = nothing (more).

    before  actions about this alert, and those in force on what it proposes to act on
    limit   what the caps say about one more action (`limits.limit`)

    A dry run decides as `auto` would. What was decided before is answered only by something harder.
    """
    wanted = alert.proposed_action
    if settings.mode == "off" or alert.state == "resolved" or wanted is None:
        return None
    if not _may_act(alert, wanted, never) or rank(wanted.verb) <= _answered(wanted, before):
        return None
    ttl_s = min(wanted.ttl_s, settings.ttl_s) if wanted.ttl_s > 0 else settings.ttl_s
    held_by = _held_by(alert, wanted, settings, never, before, limit)
    return Decision(
        verb=wanted.verb, scope=wanted.scope, target=wanted.target, ttl_s=ttl_s, why=wanted.why, held_by=held_by
    )


def _may_act(alert: Alert, wanted: ProposedAction, never: NeverList) -> bool:
    """Information is never acted on, nor is a listed entity, nor a name that cannot be handed on as it is."""
    if alert.kind == "unusual_shape" or rank(wanted.verb) < 0 or wanted.scope not in ENTITY_KINDS:
        return False
    if not (0 < len(wanted.target) <= LONGEST_TARGET and wanted.target.isprintable()):
        return False
    return not never.protects(alert, wanted.target)


def _answered(wanted: ProposedAction, before: Sequence[Action]) -> int:
    """The hardest verb that already stands for this target, or that a person has refused."""
    return max(
        (
            rank(action.verb)
            for action in before
            if (action.scope, action.target) == (wanted.scope, wanted.target)
            and (action.state != "ended" or action.ended_by == "operator")
        ),
        default=-1,
    )


def _held_by(
    alert: Alert, wanted: ProposedAction, settings: Hooks, never: NeverList, before: Sequence[Action], limit: Limit
) -> HeldBy:
    if wanted.verb == "observe":
        return ""
    if settings.mode == "approve":
        return "mode"
    if not _vouched(alert, wanted):
        return "asserted"
    if never.names_listed(alert):
        return "listed"
    if any(action.ended_by == "operator" for action in before):
        return "lifted"
    return limit


def _vouched(alert: Alert, wanted: ProposedAction) -> bool:
    """Does the network itself vouch for what would be acted on? Spoofing a hospital must not suspend it."""
    same = (wanted.scope, wanted.target) == (alert.entity_kind, alert.entity)
    return alert.authenticated and same and wanted.scope in VOUCHED_SCOPES
