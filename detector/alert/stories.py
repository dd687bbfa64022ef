"""Alerts told as one: the stories of `stories.ndjson`, by the rule of `alert.tree`."""

from collections.abc import Iterable

import msgspec

from detector.alert.branch import branch_of
from detector.alert.narrowest import Narrowest, narrowest
from detector.alert.revision import SEVERITIES, Alert
from detector.alert.tree import parents, root_of, together

MOST_MEMBERS = 100


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts told as one. Times are UTC epoch ms; `alerts` and `lines` are bounded, the counts are not.

    alert_id: the alert that holds the others; calls, callees and harm are then at least so many, by the alert that
    counts most. null = several alerts share the entity, which has none: sums, where people called by two count twice.
    narrowest: what to act on; null = no harm is known, or no one object stops nearly all of it.
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
    narrowest: Narrowest | None
    alert_count: int
    alerts: tuple[str, ...]
    line_count: int
    lines: tuple[str, ...]


def stories(alerts: Iterable[Alert]) -> list[Story]:
    """Group the newest revisions of alerts; the story with the most harm first."""
    newest = newest_revisions(alerts)
    by_id = {alert.alert_id: alert for alert in newest}
    branches = [branch_of(alert) for alert in newest]
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
    return sorted(newest.values(), key=lambda alert: (alert.raised_at_ms, alert.alert_id))


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
        narrowest=narrowest([branch_of(alert) for alert in members]),
        alert_count=len(members),
        alerts=tuple(alert.alert_id for alert in members[:MOST_MEMBERS]),
        line_count=len(lines),
        lines=tuple(lines[:MOST_MEMBERS]),
    )


def _why(alert: Alert) -> str:
    return max(alert.reasons, key=lambda reason: reason.share).text if alert.reasons else alert.kind.replace("_", " ")
