"""One story, not a hundred alerts: which alerts belong together. Derived downstream, never in a shard.

A story is the widest entity that two or more alerting lines share, or the line alone: tenant, else block,
else number. An alert of the entity itself absorbs those below it.
"""

from collections.abc import Iterable

import msgspec

from detector.alert.revision import SEVERITIES, Alert

LEVELS = ("tenant", "block", "number", "line")
"""From the widest; a line belongs to at most one entity of each."""

MOST_MEMBERS = 100


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts told as one. Times are UTC epoch ms; `alerts` is bounded, `alert_count` is not."""

    entity_kind: str
    entity: str
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
    lines: tuple[str, ...]


def stories(alerts: Iterable[Alert]) -> list[Story]:
    """Group the newest revisions of alerts; the story with the most harm first."""
    groups: dict[tuple[str, str], list[Alert]] = {}
    newest = newest_revisions(alerts)
    shared = _shared(newest)
    for alert in newest:
        groups.setdefault(_root(alert, shared), []).append(alert)
    told = [_story(kind, entity, members) for (kind, entity), members in groups.items()]
    return sorted(told, key=lambda story: (-story.harm, story.first_call_ms, story.entity))


def newest_revisions(alerts: Iterable[Alert]) -> list[Alert]:
    """The newest revision of each alert, in the order the alerts were raised."""
    newest: dict[str, Alert] = {}
    for alert in alerts:
        known = newest.get(alert.alert_id)
        if known is None or alert.revision > known.revision:
            newest[alert.alert_id] = alert
    return list(newest.values())


def _shared(alerts: list[Alert]) -> dict[tuple[str, str], set[str]]:
    """Alerting lines below each wider entity."""
    below: dict[tuple[str, str], set[str]] = {}
    for alert in alerts:
        for level in LEVELS[:-1]:
            entity = getattr(alert, level)
            if entity is not None:
                below.setdefault((level, entity), set()).add(alert.entity)
    return below


def _root(alert: Alert, shared: dict[tuple[str, str], set[str]]) -> tuple[str, str]:
    for level in LEVELS[:-1]:
        entity = getattr(alert, level)
        if entity is not None and len(shared[level, entity]) > 1:
            return level, entity
    return alert.entity_kind, alert.entity


def _story(kind: str, entity: str, members: list[Alert]) -> Story:
    still_open = [alert for alert in members if alert.state == "open"]
    lines = sorted({alert.line for alert in members if alert.line})
    return Story(
        entity_kind=kind,
        entity=entity,
        holder=members[0].holder,
        state="open" if still_open else "resolved",
        severity=max((alert.severity for alert in members), key=SEVERITIES.index),
        kinds=tuple(sorted({alert.kind for alert in members})),
        first_call_ms=min(alert.first_call_ms for alert in members),
        last_call_ms=max(alert.last_call_ms for alert in members),
        calls=sum(alert.calls for alert in members),
        distinct_callees=sum(alert.distinct_callees for alert in members),
        harm=round(sum(alert.harm for alert in still_open), 1),
        alert_count=len(members),
        alerts=tuple(alert.alert_id for alert in members[:MOST_MEMBERS]),
        lines=tuple(lines[:MOST_MEMBERS]),
    )
