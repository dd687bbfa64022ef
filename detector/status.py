"""How a running detector says that it lives: one small record every few seconds on `detector.status`."""

import msgspec


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
    speed: float = 1.0  # event seconds per wall second asked of a paced replay; 1 = live
