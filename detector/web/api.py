"""The interface for programs: JSON in, JSON out. Times are UTC epoch ms."""

from typing import Annotated

import msgspec
from prometheus_client import generate_latest

from detector import metrics
from detector.alert.revision import Alert
from detector.hooks.action import Action
from detector.landed.feedback import Judgement, Verdict
from detector.status import Feed
from detector.web.contract import Call, Room, Text
from detector.web.desk import EntityKind
from detector.web.queue import ROWS, Filter, Silence, Standing, View
from detector.web.words import iso

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class AlertsQuery(Filter, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which alerts, and which page of them."""

    page: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    size: Annotated[int, msgspec.Meta(ge=1, le=500)] = ROWS


class Alerts(msgspec.Struct, frozen=True, kw_only=True):
    """One page of alerts and how many stand in each place."""

    alerts: list[Standing]
    counts: dict[View, int]


class AlertDetail(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known of one alert. Revisions oldest first, the others newest first."""

    standing: Standing
    revisions: list[Alert]
    verdicts: list[Verdict]
    actions: list[Action]
    below: list[str]


class VerdictBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found."""

    verdict: Judgement
    reason: Reason


class SilenceBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whom to keep out of the queue, why and for how long; kind "" = alerts of every kind."""

    entity_kind: EntityKind
    entity: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    kind: Annotated[str, msgspec.Meta(max_length=40)] = ""
    reason: Reason
    hours: Annotated[float, msgspec.Meta(gt=0, le=24 * 30)]


class Silenced(msgspec.Struct, frozen=True, kw_only=True):
    """The silence that was made."""

    silence_id: int


class Silences(msgspec.Struct, frozen=True, kw_only=True):
    """Silences in force, the next to end first."""

    silences: list[Silence]


class FeedState(msgspec.Struct, frozen=True, kw_only=True):
    """What the badge says, and the counts behind it."""

    state: str
    text: str
    calls: int
    lines: int
    rejected: int
    since: str | None
    muted: tuple[str, ...]
    warnings: tuple[str, ...]
    instances: int
    feeds: tuple[Feed, ...]


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """This program answers; `detector` is what it knows of the detector it follows."""

    status: str
    detector: str


def list_alerts(room: Room, call: Call) -> Alerts:
    """Alerts of one view, most harmful first."""
    query: AlertsQuery = call.query
    return Alerts(alerts=room.queue.rows(query, query.page, query.size), counts=room.queue.counts(query))


def get_alert(room: Room, call: Call) -> AlertDetail:
    """One alert with its history, verdicts and actions."""
    alert_id = call.path["alert_id"]
    return AlertDetail(
        standing=room.queue.one(alert_id),
        revisions=room.queue.revisions(alert_id),
        verdicts=room.queue.verdicts(alert_id),
        actions=room.queue.actions(alert_id),
        below=[standing.alert.alert_id for standing in room.queue.below(alert_id)],
    )


def acknowledge(room: Room, call: Call) -> Standing:
    """Take an alert: from now on you own it."""
    room.desk.acknowledge(call.who, call.path["alert_id"])
    return room.queue.one(call.path["alert_id"])


def unacknowledge(room: Room, call: Call) -> Standing:
    """Give an alert back to the queue."""
    room.desk.unacknowledge(call.who, call.path["alert_id"])
    return room.queue.one(call.path["alert_id"])


def give_verdict(room: Room, call: Call) -> Standing:
    """Say what was found; goes to detector.feedback."""
    room.desk.judge(call.who, call.path["alert_id"], call.body.verdict, call.body.reason)
    return room.queue.one(call.path["alert_id"])


def list_silences(room: Room, call: Call) -> Silences:
    """Silences in force, and what each holds back."""
    return Silences(silences=room.queue.silences())


def make_silence(room: Room, call: Call) -> Silenced:
    """Keep alerts of an entity, and of what belongs to it, out of the queue for a while."""
    body: SilenceBody = call.body
    silence_id = room.desk.silence(call.who, body.entity_kind, body.entity, body.kind, body.reason, body.hours)
    return Silenced(silence_id=silence_id)


def lift_silence(room: Room, call: Call) -> Silences:
    """End a silence now; those left."""
    room.desk.lift_silence(call.who, int(call.path["silence_id"]))
    return list_silences(room, call)


def feed_state(room: Room, call: Call) -> FeedState:
    """What the badge says: whether the detector lives, calls arrive, and it keeps up."""
    now = room.badge()
    return FeedState(
        state=now.word,
        text=now.text,
        calls=now.calls,
        lines=now.lines,
        rejected=now.rejected,
        since=None if now.since_ms is None else iso(now.since_ms),
        muted=now.muted,
        warnings=now.warnings,
        instances=now.instances,
        feeds=now.feeds,
    )


def health(room: Room, call: Call) -> Health:
    """Whether this program is alive."""
    return Health(status="ok", detector=room.badge().word)


def prometheus(room: Room, call: Call) -> Text:
    """The metrics of this process."""
    return Text(generate_latest(metrics.REGISTRY).decode())
