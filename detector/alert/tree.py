"""One story, not a hundred alerts: which alerts belong together. Derived downstream, never in a shard.

The rule, for the page's queue and for `stories.ndjson` alike, whatever the order in which alerts arrive. An alert
belongs, in this order, to
  1. the nearest alert of a wider entity that it is part of (LEVELS),
  2. the alert of an entity that it names as the source of what it does (`linked`),
  3. the most harmful alert of its own entity,
  4. where it holds others: the story to which at least half of its linked parts are linked (the code to which an
     operation moved, whose customers work through the lists of those before),
  5. where it holds nothing itself: the story in which most of its parts are (the trunk of one tenant's lines),
if that one says more than information and both live at the same time. What is left is told together where several
share an entity.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from detector.alert.branch import Branch, Entity

_FOREVER_MS = 2**63 - 1


def parents(branches: Iterable[Branch]) -> dict[str, str]:
    """alert_id -> alert_id of the alert above, of those that have one; of several the most harmful. Never a circle."""
    ranked = sorted(branches, key=_rank)
    above: dict[Entity, list[Branch]] = {}
    for branch in ranked:
        if branch.severity != "info":
            above.setdefault(branch.own, []).append(branch)
    parent: dict[str, str] = {}
    for branch in ranked:
        _place(branch, branch.part_of(), above, parent)
    for branch in sorted(ranked, key=_age):  # the newest first: of two that name each other the older one stays
        if branch.alert_id not in parent:
            _place(branch, branch.sources(), above, parent)
    for branch in ranked:
        if branch.alert_id not in parent:
            same = [one for one in above.get(branch.own, ()) if one.alert_id in parent or _rank(one) < _rank(branch)]
            _place(branch, [branch.own], {branch.own: same}, parent)
    _follow(ranked, above, parent)
    return parent | _elsewhere(ranked, parent)


def _place(
    branch: Branch, entities: Iterable[Entity], above: Mapping[Entity, Sequence[Branch]], parent: dict[str, str]
) -> None:
    """Put an alert below the first alert of these entities that holds it, if there is one and it makes no circle."""
    for entity in entities:
        for one in above.get(entity, ()):
            if _holds(one, branch) and root_of(one.alert_id, parent) != branch.alert_id:
                parent[branch.alert_id] = one.alert_id
                return


def _follow(ranked: Sequence[Branch], above: Mapping[Entity, Sequence[Branch]], parent: dict[str, str]) -> None:
    """Put alerts that hold others below the story to which these are linked, the newest first. In place."""
    by_id, wanted = {branch.alert_id: branch for branch in ranked}, dict[str, list[str | None]]()
    for branch in ranked:
        if branch.linked and branch.alert_id in parent:
            found = (one for entity in branch.sources() for one in above.get(entity, ()) if _holds(one, branch))
            sought = next((root_of(one.alert_id, parent) for one in found), None)
            wanted.setdefault(root_of(branch.alert_id, parent), []).append(sought)
    for branch in sorted((by_id[name] for name in wanted), key=_age):
        targets = wanted[branch.alert_id]
        target, votes = Counter(targets).most_common(1)[0]
        if target is None or target == branch.alert_id or 2 * votes < len(targets):
            continue
        if _holds(by_id[target], branch) and root_of(target, parent) != branch.alert_id:
            parent[branch.alert_id] = target


def _elsewhere(branches: Sequence[Branch], parent: Mapping[str, str]) -> dict[str, str]:
    """Alerts without parent and children: alert_id -> root of the open story in which most of their parts are."""
    by_id, holding = {branch.alert_id: branch for branch in branches}, set(parent.values())
    parts: dict[Entity, list[Branch]] = {}
    for branch in branches:
        for entity in branch.part_of() if branch.alert_id in parent else ():
            parts.setdefault(entity, []).append(branch)
    found = {}
    for branch in branches:
        if branch.alert_id not in parent and branch.alert_id not in holding:
            of_it = (one.alert_id for one in parts.get(branch.own, ()) if _holds(branch, one))
            roots = Counter(root_of(alert_id, parent) for alert_id in of_it)
            open_there = [root for root, _ in roots.most_common() if _holds(by_id[root], branch)]
            if open_there:
                found[branch.alert_id] = open_there[0]
    return found


def root_of(alert_id: str, parent: Mapping[str, str]) -> str:
    """The topmost alert above this one, or itself."""
    while alert_id in parent:
        alert_id = parent[alert_id]
    return alert_id


def together(roots: Sequence[Branch]) -> dict[Entity, list[Branch]]:
    """Entities that several of these alerts are part of, or linked to, and which; each goes where most others are.

    Of entities with equally many the widest. Lines are not brought together by their holder: a carrier holds millions.
    """
    ranked = sorted(roots, key=_rank)
    sought = {entity for branch in ranked for entity in branch.sources()}
    wider = [[*_shareable(branch), *([branch.own] if branch.own in sought else [])] for branch in ranked]
    sizes = Counter(entity for entities in wider for entity in set(entities))
    groups: dict[Entity, list[Branch]] = {}
    for branch, entities in zip(ranked, wider, strict=True):
        if entities:
            groups.setdefault(max(entities, key=lambda entity: sizes[entity]), []).append(branch)
    return {entity: members for entity, members in groups.items() if len(members) > 1}


def _rank(branch: Branch) -> tuple[float, int, str]:
    return -branch.harm, branch.first_call_ms, branch.alert_id


def _age(branch: Branch) -> tuple[int, str]:
    return -branch.first_call_ms, branch.alert_id


def _holds(above: Branch, below: Branch) -> bool:
    """An open alert is held by an open one only; what is over, by what was there at the same time."""
    if above.alert_id == below.alert_id or (below.state == "open" and above.state != "open"):
        return False
    return above.first_call_ms <= _end_ms(below) and below.first_call_ms <= _end_ms(above)


def _end_ms(branch: Branch) -> int:
    return _FOREVER_MS if branch.resolved_at_ms is None else branch.resolved_at_ms


def _shareable(branch: Branch) -> list[Entity]:
    """What it may be told together by: the widest first, then what it is linked to."""
    wider = [
        (kind, entity)
        for kind, entity in reversed(branch.part_of())
        if kind != "trunk" and not (kind == "holder" and branch.entity_kind == "line")
    ]
    return [*wider, *reversed(branch.sources())]
