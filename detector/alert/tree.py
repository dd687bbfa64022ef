"""One story, not a hundred alerts: which alerts belong together. Derived downstream, never in a shard.

The rule, for the page's queue and for `stories.ndjson` alike: an alert belongs to the nearest alert of a wider
entity that it is part of (LEVELS), if that one says more than information and both live at the same time. An
alert that so holds nothing, because all its parts are in one other story (the trunk of one tenant's lines),
belongs to that story. What is left is told together where several share an entity that has no alert of its own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from detector.alert.revision import SEVERITIES, Alert

LEVELS = ("line", "number", "block", "tenant", "trunk", "holder")
"""From the narrowest. An alert carries the names of what it is part of; destinations and callees stand alone."""

MOST_MEMBERS = 100
_FOREVER_MS = 2**63 - 1


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """What the tree looks at in an alert. begin_ms, end_ms: UTC epoch ms of its first call and its end."""

    alert_id: str
    state: str
    severity: str
    entity_kind: str
    entity: str
    number: str | None
    block: str | None
    tenant: str | None
    trunk: str | None
    holder: str | None
    harm: float
    begin_ms: int = 0
    end_ms: int = _FOREVER_MS

    def part_of(self) -> list[tuple[str, str]]:
        """(kind, entity) of all wider entities, the nearest first."""
        wider = LEVELS[LEVELS.index(self.entity_kind) + 1 :] if self.entity_kind in LEVELS else ()
        named = ((kind, getattr(self, kind)) for kind in wider)
        return [(kind, entity) for kind, entity in named if entity is not None]


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts told as one. Times are UTC epoch ms; `alerts` and `lines` are bounded, the counts are not.

    alert_id: the alert that holds the others; calls, callees and harm are then at least so many, by the alert that
    counts most. null = several alerts share the entity, which has none: sums, where people called by two count twice.
    """

    entity_kind: str
    entity: str
    alert_id: str | None
    why: str
    holder: str | None
    state: str
    severity: str
    kinds: tuple[str, ...]
    first_call_ms: int
    last_call_ms: int
    calls: int
    distinct_callees: int
    harm: float
    alert_count: int
    alerts: tuple[str, ...]
    line_count: int
    lines: tuple[str, ...]


def parents(branches: Sequence[Branch]) -> dict[str, str]:
    """alert_id -> alert_id of the nearest alert above, of those that have one; of several the most harmful."""
    above: dict[tuple[str, str], list[Branch]] = {}
    for branch in sorted(branches, key=lambda branch: -branch.harm):
        if branch.severity != "info":
            above.setdefault((branch.entity_kind, branch.entity), []).append(branch)
    parts: dict[tuple[str, str], list[Branch]] = {}
    found = {}
    for branch in branches:
        for entity in branch.part_of():
            parts.setdefault(entity, []).append(branch)
            holding = [one for one in above.get(entity, ()) if _holds(one, branch)]
            if holding and branch.alert_id not in found:
                found[branch.alert_id] = holding[0].alert_id
    return found | _elsewhere(branches, parts, found)


def _elsewhere(
    branches: Sequence[Branch], parts: Mapping[tuple[str, str], list[Branch]], parent: Mapping[str, str]
) -> dict[str, str]:
    """Alerts without parent and children, all parts of which are in one other story: alert_id -> that story's root."""
    by_id, holding = {branch.alert_id: branch for branch in branches}, set(parent.values())
    found = {}
    for branch in branches:
        if branch.alert_id not in parent and branch.alert_id not in holding:
            of_it = [one for one in parts.get((branch.entity_kind, branch.entity), ()) if _holds(branch, one)]
            roots = {root_of(one.alert_id, parent) for one in of_it} & holding
            if len(roots) == 1 and all(one.alert_id in parent for one in of_it):
                (root,) = roots
                if _holds(by_id[root], branch):
                    found[branch.alert_id] = root
    return found


def root_of(alert_id: str, parent: Mapping[str, str]) -> str:
    """The topmost alert above this one, or itself."""
    while alert_id in parent:
        alert_id = parent[alert_id]
    return alert_id


def together(roots: Sequence[Branch]) -> dict[tuple[str, str], list[Branch]]:
    """Entities that several of these alerts are part of, and which; every alert goes where most others are.

    Of entities with equally many the widest. Lines are not brought together by their holder: a carrier holds millions.
    """
    wider = [list(reversed(_shareable(branch))) for branch in roots]
    sizes = Counter(entity for entities in wider for entity in entities)
    groups: dict[tuple[str, str], list[Branch]] = {}
    for branch, entities in zip(roots, wider, strict=True):
        if entities:
            groups.setdefault(max(entities, key=lambda entity: sizes[entity]), []).append(branch)
    return {entity: members for entity, members in groups.items() if len(members) > 1}


def stories(alerts: Iterable[Alert]) -> list[Story]:
    """Group the newest revisions of alerts; the story with the most harm first."""
    newest = newest_revisions(alerts)
    by_id = {alert.alert_id: alert for alert in newest}
    branches = [_branch(alert) for alert in newest]
    parent = parents(branches)
    members: dict[str, list[Alert]] = {}
    for alert in newest:
        members.setdefault(root_of(alert.alert_id, parent), []).append(alert)
    shared = together([branch for branch in branches if branch.alert_id not in parent])
    told = [
        _story(kind, entity, None, [alert for root in roots for alert in members.pop(root.alert_id)])
        for (kind, entity), roots in shared.items()
    ]
    told += [_story(by_id[i].entity_kind, by_id[i].entity, by_id[i], below) for i, below in members.items()]
    return sorted(told, key=lambda story: (-story.harm, story.first_call_ms, story.entity))


def newest_revisions(alerts: Iterable[Alert]) -> list[Alert]:
    """The newest revision of each alert, in the order the alerts were raised."""
    newest: dict[str, Alert] = {}
    for alert in alerts:
        known = newest.get(alert.alert_id)
        if known is None or alert.revision > known.revision:
            newest[alert.alert_id] = alert
    return list(newest.values())


def _holds(above: Branch, below: Branch) -> bool:
    """An open alert is held by an open one only; what is over, by what was there at the same time."""
    if below.state == "open" and above.state != "open":
        return False
    return above.begin_ms <= below.end_ms and below.begin_ms <= above.end_ms


def _shareable(branch: Branch) -> list[tuple[str, str]]:
    return [
        (kind, entity)
        for kind, entity in branch.part_of()
        if kind != "trunk" and not (kind == "holder" and branch.entity_kind == "line")
    ]


def _branch(alert: Alert) -> Branch:
    return Branch(
        alert_id=alert.alert_id,
        state=alert.state,
        severity=alert.severity,
        entity_kind=alert.entity_kind,
        entity=alert.entity,
        number=alert.number,
        block=alert.block,
        tenant=alert.tenant,
        trunk=alert.trunk,
        holder=alert.holder,
        harm=alert.harm,
        begin_ms=alert.first_call_ms,
        end_ms=_FOREVER_MS if alert.resolved_at_ms is None else alert.resolved_at_ms,
    )


def _story(kind: str, entity: str, root: Alert | None, members: list[Alert]) -> Story:
    total = sum if root is None else max  # an alert of the whole has counted its parts, a broken rule not all of them
    lines = sorted({alert.line for alert in members if alert.line})
    first = members[0] if root is None else root
    return Story(
        entity_kind=kind,
        entity=entity,
        alert_id=root.alert_id if root else None,
        why=_why(root) if root else f"{len(members)} alerts are part of this {kind}",
        holder=first.holder,
        state="open" if any(alert.state == "open" for alert in members) else "resolved",
        severity=max((alert.severity for alert in members), key=SEVERITIES.index),
        kinds=tuple(sorted({alert.kind for alert in members})),
        first_call_ms=min(alert.first_call_ms for alert in members),
        last_call_ms=max(alert.last_call_ms for alert in members),
        calls=total([alert.calls for alert in members]),
        distinct_callees=total([alert.distinct_callees for alert in members]),
        harm=round(total([alert.harm if alert.state == "open" else 0.0 for alert in members]), 1),
        alert_count=len(members),
        alerts=tuple(alert.alert_id for alert in members[:MOST_MEMBERS]),
        line_count=len(lines),
        lines=tuple(lines[:MOST_MEMBERS]),
    )


def _why(alert: Alert) -> str:
    return max(alert.reasons, key=lambda reason: reason.share).text if alert.reasons else alert.kind.replace("_", " ")
