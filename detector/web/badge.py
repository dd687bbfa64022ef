"""The data-age badge: whether the detector lives, calls arrive, and it keeps up.

A pure function of what the detector last said about itself and of the wall clock.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from detector.config import Web
from detector.status import Feed, Status
from detector.web.ledger import DAY_MS, Ledger
from detector.web.words import age, count, moment

Word = Literal["waiting", "live", "quiet", "behind", "recovering", "replay", "standby", "finished", "stopped", "dead"]
Level = Literal["good", "notice", "alarm"]

_URGENT_FIRST: tuple[Word, ...] = (
    *("dead", "behind", "recovering", "quiet", "replay", "live"),
    *("standby", "finished", "stopped"),
)
"""Of several instances the page shows the first of these: what an operator must know first."""

_LEVEL: dict[Word, Level] = {"dead": "alarm", "live": "good", "replay": "good", "finished": "good"}


class Heard(NamedTuple):
    """The newest status of one instance; `moving`: it counted more calls than in the status before."""

    status: Status
    moving: bool


class Badge(NamedTuple):
    """One word, one sentence, and how loud. `now_ms` is the feed's clock: what "ago" in alerts is counted from."""

    word: Word
    text: str
    level: Level
    now_ms: int
    calls: int
    lines: int
    rejected: int
    since_ms: int | None
    muted: tuple[str, ...]
    warnings: tuple[str, ...]
    instances: int
    feeds: tuple[Feed, ...] = ()


def heard(ledger: Ledger) -> list[Heard]:
    """What every instance said last."""
    with ledger.reading() as db:
        rows = db.execute("SELECT value, moving FROM status ORDER BY instance").fetchall()
    return [Heard(msgspec.json.decode(value, type=Status), bool(moving)) for value, moving in rows]


def badge(instances: Sequence[Heard], settings: Web, wall_ms: int) -> Badge:
    """The badge of the whole feed: the instance that needs attention most speaks for all.

    One that said goodbye, or has been silent for a day, is forgotten while another one is there.
    """
    here = [one for one in instances if not _gone(one.status, wall_ms)]
    fresh = here or sorted(instances, key=lambda one: one.status.wall_ms)[-1:]
    if not fresh:
        text = "no detector has reported yet; start `detector run`"
        return Badge("waiting", text, "notice", wall_ms, 0, 0, 0, None, (), (), 0)
    judged = [(*_judge(one, settings, wall_ms), one.status) for one in fresh]
    word, text, status = min(judged, key=lambda one: _URGENT_FIRST.index(one[0]))
    statuses = [one.status for one in fresh]
    return Badge(
        word=word,
        text=text if len(fresh) == 1 else f"{status.instance}: {text}",
        level=_LEVEL.get(word, "notice"),
        now_ms=_feed_clock(status, word, wall_ms),
        calls=sum(one.calls for one in statuses),
        lines=sum(one.lines for one in statuses),
        rejected=sum(one.rejected for one in statuses),
        since_ms=min(one.started_ms for one in statuses),
        muted=tuple(sorted({family for one in statuses for family in one.muted})),
        warnings=tuple(sorted({warning for one in statuses for warning in one.warnings})),
        instances=len(fresh),
        feeds=tuple(sorted((feed for one in statuses for feed in one.feeds), key=lambda feed: -len(feed.states))),
    )


def _gone(status: Status, wall_ms: int) -> bool:
    return status.phase in ("stopping", "finished") or wall_ms - status.wall_ms > DAY_MS


def _judge(one: Heard, settings: Web, wall_ms: int) -> tuple[Word, str]:
    status = one.status
    newest = status.newest_release_ms
    if status.phase == "finished":
        return "finished", f"all calls are read; the last one is of {_moment(newest)}"
    if status.phase == "stopping":
        return "stopped", f"the detector was stopped at {moment(status.wall_ms)}; nothing is watched"
    if wall_ms - status.wall_ms > settings.stale_after_s * 1000:
        return "dead", f"no sign of life from the detector since {moment(status.wall_ms)}; nothing is watched"
    waiting = f", {count(status.lag)} records wait" if status.lag else ""
    if status.phase == "standby":
        return "standby", "waits to take over from another detector, which has not reported here"
    if status.phase == "recovering":
        return "recovering", f"reading calls again after a start, now at {_moment(newest)}{waiting}"
    if status.speed != 1:
        return "replay", f"history at {status.speed:g} times its speed, now at {_moment(newest)}"
    return _judge_live(one, settings, wall_ms, waiting)


def _judge_live(one: Heard, settings: Web, wall_ms: int, waiting: str) -> tuple[Word, str]:
    newest = one.status.newest_release_ms
    if newest is None:
        return "quiet", f"no call yet since {moment(one.status.started_ms)}, but the detector is alive"
    if wall_ms - newest <= settings.quiet_after_s * 1000:
        return "live", f"newest call {age(wall_ms - newest)} ago{waiting}"
    if waiting:
        return "behind", f"newest call judged {age(wall_ms - newest)} ago{waiting}"
    if one.moving:
        return "live", f"calls arrive {age(wall_ms - newest)} after they end"
    return "quiet", f"no calls since {moment(newest)}, but the detector is alive"


def _feed_clock(status: Status, word: Word, wall_ms: int) -> int:
    """Live, the wall clock; in a replay and after its end, the newest call."""
    if word in ("replay", "finished") or status.speed != 1:
        return status.newest_release_ms or wall_ms
    return wall_ms


def _moment(ms: int | None) -> str:
    return "none yet" if ms is None else moment(ms)
