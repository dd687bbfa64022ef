"""What to act on: the narrowest object that stops nearly all of a story's harm, and what honest calls it carries."""

from collections.abc import Iterable, Sequence

import msgspec

from detector.alert.branch import LEVELS, Branch, Entity

NEARLY_ALL = 0.9
_CALLERS = ("line", "number")


class Narrowest(msgspec.Struct, frozen=True, kw_only=True):
    """One line, number, block, tenant, trunk or holder.

    stops         share of the harm that ends with it, 0 to 1
    calls         all calls of it that its own alert counts; null = it has none
    honest_calls  of them at most so many by lines and numbers without an alert: the blast radius, too large by what
                  those with one called since their last revision. null = unknown
    """

    entity_kind: str
    entity: str
    stops: float
    calls: int | None
    honest_calls: int | None


def narrowest(branches: Sequence[Branch]) -> Narrowest | None:
    """Of the alerts of one story. None = no harm is known, or no one object stops nearly all.

    Harm is that of open alerts; where all are over, what would have stopped it. Alerts of several levels count the same
    calls, so sums are made level by level, and the largest is believed. Of objects that stop enough, the one with the
    least honest traffic; of those with as little, the narrowest.
    """
    known = [branch for branch in branches if branch.entity_kind in LEVELS]
    if any(branch.state == "open" for branch in known):
        known = [b if b.state == "open" else msgspec.structs.replace(b, harm=0.0) for b in known]
    total = _sum(known, "harm", LEVELS)
    inside: dict[Entity, list[Branch]] = {}
    for branch in known:
        for entity in (branch.own, *branch.part_of()):
            inside.setdefault(entity, []).append(branch)
    found = [_object(entity, parts, total) for entity, parts in inside.items()] if total > 0 else []
    return min((one for one in found if one.stops >= NEARLY_ALL), key=_cost, default=None)


def _object(entity: Entity, parts: list[Branch], total: float) -> Narrowest:
    kind, name = entity
    calls = max((branch.calls for branch in parts if branch.own == entity), default=None)
    alerted = int(_sum(parts, "calls", _CALLERS))
    return Narrowest(
        entity_kind=kind,
        entity=name,
        stops=round(min(_sum(parts, "harm", LEVELS) / total, 1.0), 3),
        calls=calls,
        honest_calls=None if calls is None else max(calls - alerted, 0),
    )


def _sum(branches: Iterable[Branch], of: str, kinds: Sequence[str]) -> float:
    """The largest sum over one level; of several alerts of one entity the largest counts."""
    levels: dict[str, dict[str, float]] = {kind: {} for kind in kinds}
    for branch in branches:
        if branch.entity_kind in levels:
            level = levels[branch.entity_kind]
            level[branch.entity] = max(level.get(branch.entity, 0.0), getattr(branch, of))
    return max(sum(level.values()) for level in levels.values())


def _cost(one: Narrowest) -> tuple[float, int, float, str]:
    honest = float("inf") if one.honest_calls is None else one.honest_calls
    return honest, LEVELS.index(one.entity_kind), -one.stops, one.entity


def as_text(one: Narrowest) -> str:
    """`tenant T: stops 97 % of the harm; at most 12 of its 480 calls are of others`."""
    told = f"{one.entity_kind} {one.entity}: stops {one.stops:.0%} of the harm"
    if one.calls is None or one.honest_calls is None:
        return f"{told}; what else it carries is not known"
    return f"{told}; at most {one.honest_calls:,} of its {one.calls:,} calls are of others"
