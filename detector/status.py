"""How a running detector says that it lives: one small record every few seconds on `detector.status`."""

import msgspec


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """How the records of one trunk are. Times UTC epoch ms; shares of its last thousand records or so.

    trunk   its name; "" = calls that name none
    states  what is wrong: clock_off, missing_unanswered, half_calls, late, duplicated, silent; mutes: families that
            are not judged on its calls meanwhile; since_ms: since when, null = nothing is wrong
    """

    trunk: str
    states: tuple[str, ...]
    mutes: tuple[str, ...]
    since_ms: int | None
    last_ms: int
    calls: int
    late: float
    duplicated: float
    half_calls: float
    answered_in_a_row: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `detector run` knows about itself and its feed. Key on the topic: the instance.

    Times are UTC epoch ms; null = nothing seen yet. A page tells "quiet" from "dead" by `wall_ms`
    (the program lives) against `newest_release_ms` (calls arrive).
    """

    instance: str
    wall_ms: int
    started_ms: int
    phase: str  # standby (another one judges), recovering, live, stopping, finished (the end of a file)
    newest_release_ms: int | None
    watermark_ms: int | None
    calls: int
    rejected: int
    lag: int | None
    open_alerts: int
    lines: int
    muted: tuple[str, ...]
    warnings: tuple[str, ...] = ()  # about the model, in an operator's words
    feeds: tuple[Feed, ...] = ()  # those with trouble first; the busiest of the others, bounded
    speed: float = 1.0  # event seconds per wall second asked of a paced replay; 1 = live
