"""`detector evaluate --evasion`: what it costs a dialer not to be seen, at the configured threshold.

For each technique a search over the live path itself: how many calls a day can a number make to targets so that no
more than a share (TOLERATED) of such numbers alert within DAYS? From that, how many numbers GOAL calls a day take.
Roll-ups over numbers (block, tenant, trunk) are not in it: what they see of so many numbers comes on top.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec

from detector.app import new_pipeline, new_shard
from detector.cdr.batch import CdrBatch
from detector.config import Config
from detector.decode.rejects import Reject
from detector.replay.dialer import HOURS_A_DAY, Way, calls_of, line_of, ways
from detector.replay.intervals import Estimate, rounded, share_of
from detector.replay.played import NoSink
from detector.replay.run import Progress
from detector.replay.svg import Panel, drawing, legend, text
from detector.replay.tables import Table, as_markdown
from detector.shard import Findings
from detector.source.memory import MemorySource, chunk
from detector.warm_up import warm_up

TOLERATED = (0.1, 0.5)
"""Shares of its numbers that a dialer loses in DAYS: a careful one, and one that buys new numbers all the time."""

DAYS = 8
GOAL = 10_000
NUMBERS = 60
RATES = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Calls a day that are tried, from the slowest, until nearly every number alerts."""

_TURN = 65_536


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers that alerted when each made so many calls to targets on a day of work."""

    calls_a_day: int
    alerted: Estimate


class Passes(msgspec.Struct, frozen=True, kw_only=True):
    """The most a number can do when a share of such numbers may alert.

    calls_a_day  to targets, on a day of work; 0 = not even the slowest passes
    numbers      for GOAL calls a day, the resting ones included; None = never
    """

    tolerated: float
    calls_a_day: int
    calls_an_hour: float
    numbers: int | None


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one technique buys. together: added to all techniques before it, else alone."""

    technique: str
    together: bool
    price: str
    passes: list[Passes]
    tried: list[Tried]


class Evasion(msgspec.Struct, frozen=True, kw_only=True):
    """What `detector evaluate --evasion --json` prints."""

    schema: int = 1
    threshold: float
    model: str
    days: int = DAYS
    goal: int = GOAL
    costs: list[Cost]


def evasion(config: Config, progress: Progress, numbers: int = NUMBERS) -> Evasion:
    """Search every technique, alone and together with those before it."""
    warm_up()
    config = msgspec.structs.replace(config, state=msgspec.structs.replace(config.state, line_capacity=65_536))
    shard = new_shard(config, MemorySource([]))
    searched = [(together, *one) for together in (False, True) for one in ways(together)]
    costs = []
    for i, (together, technique, way, price) in enumerate(searched):
        tried = search(partial(alerted, config, way, numbers))
        costs.append(cost_of(technique, together, price, way, tried))
        progress((i + 1) / len(searched), 0)
    return Evasion(threshold=round(shard.threshold, 2), model=shard.versions.model, costs=costs)


def search(try_rate: Callable[[int], Tried]) -> list[Tried]:
    """Rates from the slowest until nearly all alert, then halving where TOLERATED is passed; by rate."""
    tried: list[Tried] = []
    for rate in RATES:
        tried.append(try_rate(rate))
        if _share(tried[-1]) > 0.9:
            break
    for tolerated in TOLERATED:
        while middle := _between(tried, tolerated):
            tried.append(try_rate(middle))
            tried.sort(key=lambda one: one.calls_a_day)
    return tried


def _between(tried: Sequence[Tried], tolerated: float) -> int | None:
    """A rate between the highest that passes and the next one tried; None when they are close enough."""
    safe = _highest_safe(tried, tolerated)
    over = next((one.calls_a_day for one in tried if one.calls_a_day > safe), safe)
    if not safe or over - safe <= max(1, 0.1 * safe):
        return None
    return min(max(round(math.sqrt(safe * over)), safe + 1), over - 1)


def alerted(config: Config, way: Way, numbers: int, calls_a_day: int) -> Tried:
    """Let so many numbers call like this, from an empty state."""
    records = calls_of(way, numbers, calls_a_day, DAYS)
    turns = [[chunk(records[first : first + _TURN], first_offset=first + 1)] for first in range(0, len(records), _TURN)]
    source, seen = MemorySource(turns), _Alerted()
    new_pipeline(config, source, ["json"], new_shard(config, source), NoSink(), [seen]).run()
    lines = {line_of(number) for number in range(numbers)}
    return Tried(calls_a_day=calls_a_day, alerted=share_of(len(lines & seen.lines), numbers))


def write(found: Evasion, folder: Path) -> None:
    """evasion.json, evasion.md and evasion.svg in a folder, which is made if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    as_json = msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"
    texts = (as_json, as_markdown(tables(found)).encode() + b"\n", picture(found).encode())
    for kind, content in zip(("json", "md", "svg"), texts, strict=True):
        (folder / f"evasion.{kind}").write_bytes(content)


def tables(found: Evasion) -> list[Table]:
    """What is printed."""
    alone = {cost.technique: cost for cost in found.costs if not cost.together}
    rows: list[tuple[str, ...]] = [
        (cost.technique, cost.price, *_told(alone[cost.technique]), *_told(cost))
        for cost in found.costs
        if cost.together
    ]
    title = (
        f"What a dialer can do at {found.threshold:g} nats, losing so many of its numbers in {found.days} days:"
        f" calls an hour a number; numbers for {found.goal:,} calls a day"
    )
    alone_lost, together_lost = (
        [f"{how}, {share:.0%} lost" for share in TOLERATED] for how in ("alone", "with those above")
    )
    return [Table(title, ("technique", "its price", *alone_lost, *together_lost), rows)]


def picture(found: Evasion) -> str:
    """Share of numbers that alert against calls an hour: the techniques together, one after the other."""
    ticks = [(rate, f"{rate:g}") for rate in (0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)]
    shares = ((0.0, "0"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1.0, "100 %"))
    parts = [text(30, 34, "How slow must a dialer be not to be seen?", "title")]
    kinds = ("a", "b", "c", "d", "e", "f", "a dash")
    for left, together, title in ((72, False, "each technique alone"), (680, True, "each with all above it")):
        titles = (f"Numbers that alert in {found.days} days: {title}", "calls an hour to targets, a number")
        panel = Panel(left, 84, 500, 240, (0.25, 64), (0, 1), ticks, shares, *titles, x_log=True)
        for tolerated in TOLERATED:
            panel.level(tolerated, f"{tolerated:.0%} lost")
        chosen = [cost for cost in found.costs if cost.together == together]
        for cost, kind in zip(chosen, kinds, strict=False):
            panel.curve([(one.calls_a_day / HOURS_A_DAY, one.alerted.value or 0.0) for one in cost.tried], kind)
        names = [(f"{'+ ' if together and i else ''}{cost.technique}", kinds[i]) for i, cost in enumerate(chosen)]
        parts += [*panel.parts, *legend(left + 10, 384, names)]
    return drawing(1240, 500, "Evasion", parts)


class _Alerted:
    """Remembers which lines alerted."""

    def __init__(self) -> None:
        self.lines: set[str] = set()

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Alerts of a batch."""
        self.lines.update(revision.alert.line or "" for revision in findings.revisions)

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Everything must be read."""
        if rejects:
            raise ValueError(f"evasion: a record cannot be read: {rejects[0]}")


def _share(tried: Tried) -> float:
    return tried.alerted.value or 0.0


def _highest_safe(tried: Sequence[Tried], tolerated: float) -> int:
    """The highest rate up to which no rate tried (in their order) alerts too often; 0 = none."""
    safe = 0
    for one in tried:
        if _share(one) > tolerated:
            break
        safe = one.calls_a_day
    return safe


def cost_of(technique: str, together: bool, price: str, way: Way, tried: list[Tried]) -> Cost:
    """The bill of one technique."""
    cycle = (way.work + way.rest) / way.work
    passes = [
        Passes(
            tolerated=tolerated,
            calls_a_day=safe,
            calls_an_hour=rounded(safe / HOURS_A_DAY),
            numbers=math.ceil(GOAL * cycle / safe) if safe else None,
        )
        for tolerated, safe in ((share, _highest_safe(tried, share)) for share in TOLERATED)
    ]
    return Cost(technique=technique, together=together, price=price, passes=passes, tried=tried)


def _told(cost: Cost) -> tuple[str, ...]:
    return tuple(
        f"{one.calls_an_hour:.2g}; {'-' if one.numbers is None else f'{one.numbers:,}'}" for one in cost.passes
    )
