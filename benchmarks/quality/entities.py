"""What is found above single lines, after how many calls, and who is wrongly named.

`python -m benchmarks.quality.entities [SEEDS]` writes benchmarks/results/entities.json and prints its tables. Generated
worlds with known truth go through the shipped decoder and shard: the 2020 case (952750), plain, evasive and quiet;
one customer with 2,000 numbers; a flood of a million callers; and honest traffic with owners of hundreds of agents.
"""

import multiprocessing
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.learners import judge
from detector.alert.revision import Alert
from detector.alert.stories import stories
from detector.app import new_pipeline, new_shard
from detector.cdr.batch import CdrBatch
from detector.config import load
from detector.decode.rejects import Reject
from detector.replay.played import NoSink
from detector.shard import Findings, Shard
from detector.source.file import FileSource
from detector.traffic.scenario import preset
from detector.traffic.suite import World
from detector.traffic.world import Campaign, Scenario
from detector.traffic.write import write
from detector.warm_up import warm_up

RESULT = Path(__file__).parents[1] / "results" / "entities.json"
FIRST_SEED = 301
"""Training uses 101, evaluation 201 and above."""

CODE, ROTATING = "952750", "customer-rotating"
PEOPLE, DAYS, PART_OF_A_DAY = 10_000, 3.0, 0.5
LOOK_EVERY_MS = 300_000
MIB = 1 << 20
NEVER_MS = np.iinfo(np.int64).max

P = ParamSpec("P")
R = TypeVar("R")


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """When an entity was first named. None everywhere: it never was.

    minutes          event time from its first call to the call that brought the alert
    calls            calls of it until then
    most_of_a_number calls that any one number it showed had made by then
    """

    minutes: float | None = None
    calls: int | None = None
    most_of_a_number: int | None = None


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """Hand-overs: (line that talks, callee). true: told to call whom a machine probed; found: pairs of suspects."""

    true: int = 0
    found: int = 0
    both: int = 0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One world with something to find. evidence: rules left out; either: what came first; pairs: of hand-overs."""

    name: str
    seed: int
    calls: int
    evidence: Named
    either: Named
    alerts: int
    stories: int
    most_open_stories: int
    pairs: Pairs = Pairs()
    entities_refused: int


class Honest(msgspec.Struct, frozen=True, kw_only=True):
    """One world without anything bad: entities above lines named by evidence, by kind, and the days they lived."""

    name: str
    seed: int
    calls: int
    entity_days: float
    named: dict[str, int]
    rules: int
    entities_refused: int


class Flood(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that each show another number. growth: resident memory at its highest above that at the first call.

    held_back: people bombed with calls who are told by the alert of the trunk
    """

    calls: int
    callers: int
    alerts: dict[str, int]
    held_back: int = 0
    growth_mib: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """benchmarks/results/entities.json."""

    cases: list[Case]
    honest: list[Honest]
    flood: Flood


class Watch:
    """Looks on while one world is judged. own: which calls are the entity's; names: (kind, name) that name it."""

    def __init__(self, own: Callable[[NDArray[np.void]], NDArray[np.bool_]], names: set[tuple[str, str]]) -> None:
        self._own, self._names = own, names
        self._numbers: list[NDArray[np.uint64]] = []
        self._first_ms = NEVER_MS
        self._looked_ms = 0
        self.calls = self.most_open = 0
        self.alerts: dict[str, Alert] = {}
        self.evidence, self.either = Named(), Named()

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Count, and listen to the alerts."""
        own = self._own(batch.calls)
        self.calls += len(batch)
        for revision in findings.revisions:
            alert = revision.alert
            self.alerts[alert.alert_id] = alert
            if (alert.entity_kind, alert.entity) in self._names:
                end = int(np.flatnonzero(batch.calls["offset"] == revision.offset)[0]) + 1
                self._hear(alert, batch.calls[:end][own[:end]], int(batch.calls["release_ms"][:end].max()))
            if alert.updated_at_ms >= self._looked_ms + LOOK_EVERY_MS:
                self._looked_ms = alert.updated_at_ms
                self.most_open = max(self.most_open, open_stories(self.alerts.values()))
        mine = batch.calls[own]
        if len(mine):
            self._first_ms = min(self._first_ms, int(mine["setup_ms"].min()))
            self._numbers.append(mine["number_key"].copy())

    def _hear(self, alert: Alert, mine: NDArray[np.void], now_ms: int) -> None:
        if self.either.calls is None:
            self.either = self._named(mine, now_ms)
        if self.evidence.calls is None and alert.kind != "rule_violation":
            self.evidence = self._named(mine, now_ms)

    def _named(self, mine: NDArray[np.void], now_ms: int) -> Named:
        numbers = np.concatenate([*self._numbers, mine["number_key"]])
        first_ms = min([self._first_ms, *mine["setup_ms"].tolist()])
        most = int(np.unique(numbers, return_counts=True)[1].max(initial=0))
        return Named(minutes=round((now_ms - first_ms) / 60_000, 1), calls=len(numbers), most_of_a_number=most)

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Every record can be read."""
        assert not rejects, rejects[0]


def open_stories(alerts: Iterable[Alert]) -> int:
    """What a NOC would have before it."""
    return sum(story.state == "open" for story in stories(alerts))


def at_once(scenario: Scenario) -> Scenario:
    """The same case without its first customer's quiet day: everybody behind the code begins within five minutes."""
    first_h = min(sorted(campaign.start_h for campaign in scenario.campaigns)[1:])
    campaigns = tuple(
        msgspec.structs.replace(campaign, start_h=max(campaign.start_h, first_h)) for campaign in scenario.campaigns
    )
    return msgspec.structs.replace(scenario, name=f"{scenario.name}-at-once", campaigns=campaigns)


def case(scenario: Scenario, seed: int) -> Case:
    """Whether 952750 is named."""

    def watch(shard: Shard) -> Watch:
        keys, _ = shard.plan.keys([f"{CODE}{i:02d}" for i in range(100)])
        return Watch(lambda calls: np.isin(calls["number_key"], keys), {("block", CODE)})

    return _case(scenario, seed, watch)


def rotation(seed: int) -> Case:
    """2,000 numbers with at most five calls a day each: whether the customer is named, or its trunk."""

    def watch(shard: Shard) -> Watch:
        key = shard.plan.text_keys([ROTATING])[0]
        return Watch(lambda calls: calls["tenant_key"] == key, {("tenant", ROTATING), ("trunk", "GW-05")})

    return _case(preset("entities"), seed, watch)


def _case(scenario: Scenario, seed: int, watch: Callable[[Shard], Watch]) -> Case:
    world = World(scenario, seed)
    seen, shard = judge(world, watch)
    return Case(
        name=scenario.name,
        seed=seed,
        calls=seen.calls,
        evidence=seen.evidence,
        either=seen.either,
        alerts=len(seen.alerts),
        stories=len(stories(seen.alerts.values())),
        most_open_stories=seen.most_open,
        pairs=handovers(world, shard),
        entities_refused=int(shard.roll_ups.entities.counts[0]["refused"]),
    )


def handovers(world: World, shard: Shard) -> Pairs:
    """Pairs of suspects against who was told to call whom."""
    told = world.handovers().to_pydict()
    callees, _ = shard.plan.keys(told["callee"])
    true = set(zip(told["follow_line"], callees.tolist(), strict=True))
    found = {pair for suspect in shard.handovers.suspects() for pair in suspect.pairs}
    return Pairs(true=len(true), found=len(found), both=len(true & found))


def honest(scenario: Scenario, seed: int) -> Honest:
    """Nothing bad happens: every entity named is one too many."""
    seen, shard = judge(World(scenario, seed), lambda shard: Watch(lambda calls: np.zeros(len(calls), bool), set()))
    above = [alert for alert in seen.alerts.values() if alert.entity_kind != "line"]
    counts = shard.roll_ups.entities.counts[0]
    return Honest(
        name=scenario.name,
        seed=seed,
        calls=seen.calls,
        entity_days=round(int(counts["partials"]) * scenario.days),
        named=dict(Counter(f"{alert.entity_kind}, {alert.kind}" for alert in above if alert.kind != "rule_violation")),
        rules=sum(alert.kind == "rule_violation" for alert in above),
        entities_refused=int(counts["refused"]),
    )


def flood_scenario() -> Scenario:
    """An hour of ordinary life, then about a million calls in an hour on one trunk, each from another number."""
    campaign = Campaign(kind="flood", lines=15, start_h=1.0, hours=1.0, pause_s=0.5, leads=1)
    start_ms = preset("demo").start_ms
    return msgspec.structs.replace(preset("ordinary", 20_000, 2.1 / 24), start_ms=start_ms, campaigns=(campaign,))


def write_flood(folder: Path) -> None:
    """Its calls as a file, so that making them takes no memory of the program that is measured."""
    write(flood_scenario(), FIRST_SEED, folder)


def flood(folder: Path) -> Flood:
    """Judge the file. Every page of the tables is touched first: they are allocated once and do not grow."""
    config = load(None, {}, {"numbering.registry": str(folder / "registry.json")})
    source = FileSource([folder / "calls.ndjson"], block_bytes=1 << 18)
    shard = new_shard(config, source)
    warm_up()
    for table in (*shard.tables, *shard.roll_ups.entities):
        pages = table.reshape(-1).view(np.uint8)[::4096]
        pages[:] = pages.copy()
    watch = _FloodWatch()
    new_pipeline(config, source, ["json"], shard, NoSink(), [watch]).run()
    return Flood(
        calls=watch.calls,
        callers=len(np.unique(np.concatenate(watch.callers))),
        alerts=dict(Counter(f"{alert.entity_kind}, {alert.kind}" for alert in watch.alerts.values())),
        held_back=shard.bombings.held_back,
        growth_mib=round(watch.growth / MIB, 1),
    )


class _FloodWatch:
    """Counts calls from the flood's first on, and the memory since then."""

    def __init__(self) -> None:
        self._begin_ms = flood_scenario().start_ms + 3_600_000
        self._before = self.calls = self.growth = 0
        self.callers: list[NDArray[np.uint64]] = []
        self.alerts: dict[str, Alert] = {}

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """A batch more."""
        if int(batch.calls["release_ms"].max()) < self._begin_ms:
            self._before = resident()
            return
        self.calls += len(batch)
        self.callers.append(batch.calls["number_key"].copy())
        kept = sum(part.nbytes for part in self.callers)
        self.growth = max(self.growth, resident() - kept - self._before)
        for revision in findings.revisions:
            self.alerts[revision.alert.alert_id] = revision.alert

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Every record can be read."""
        assert not rejects, rejects[0]


def resident() -> int:
    """Bytes of this process in memory now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def alone(function: Callable[P, R], *args: P.args, **named: P.kwargs) -> R:
    """The function's result, from a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *args, **named).result()


def tables(result: Result) -> str:
    """Markdown: what was found, what was wrongly named, and the flood."""
    lines = [
        "| world (seeds) | named by evidence after: calls | minutes | calls of its busiest number | with rules: calls |"
        " alerts | open stories at most |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(one.name for one in result.cases):
        seeds = [one for one in result.cases if one.name == name]
        cells = [
            _told([one.evidence.calls for one in seeds]),
            _told([one.evidence.minutes for one in seeds]),
            _told([one.evidence.most_of_a_number for one in seeds]),
            _told([one.either.calls for one in seeds]),
            _told([one.alerts for one in seeds]),
            _told([one.most_open_stories for one in seeds]),
        ]
        lines.append(f"| {name.replace('-', ' ')} ({len(seeds)}) | {' | '.join(cells)} |")
    lines += ["", "| honest world (seeds) | entity-days | named | by kind | rules broken |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(one.name for one in result.honest):
        quiet = [one for one in result.honest if one.name == name]
        kinds = sum((Counter(one.named) for one in quiet), Counter[str]())
        days, rules = sum(one.entity_days for one in quiet), sum(one.rules for one in quiet)
        by_kind = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "none"
        lines.append(
            f"| {name.replace('-', ' ')} ({len(quiet)}) | {days:,.0f} | {kinds.total()} | {by_kind} | {rules} |"
        )
    told = ", ".join(f"{count} {kind}" for kind, count in result.flood.alerts.items()) or "none"
    lines += [
        "",
        f"Flood of {result.flood.calls:,} calls from {result.flood.callers:,} numbers: alerts {told};"
        f" {result.flood.held_back:,} bombed people are told by them; memory grew by {result.flood.growth_mib:g} MiB.",
    ]
    lines += ["", "| hand-overs (seeds) | pairs | precision | recall |", "|---|---|---|---|"]
    for name in dict.fromkeys(one.name for one in result.cases if one.pairs.true):
        pairs = [one.pairs for one in result.cases if one.name == name]
        precision = _told([round(one.both / one.found, 2) if one.found else None for one in pairs])
        recall = _told([round(one.both / one.true, 2) for one in pairs])
        all_pairs = sum(one.true for one in pairs)
        lines.append(f"| {name.replace('-', ' ')} ({len(pairs)}) | {all_pairs:,} | {precision} | {recall} |")
    return "\n".join(lines)


def _told(values: Sequence[float | None]) -> str:
    """`93` or `60 to 93`; seeds in which it never happened are said."""
    found = sorted(value for value in values if value is not None)
    if not found:
        return "never"
    text = f"{found[0]:,g}" if found[0] == found[-1] else f"{found[0]:,g} to {found[-1]:,g}"
    return text if len(found) == len(values) else f"{text}; never in {len(values) - len(found)}"


def main(seeds: int = 3) -> None:
    """Run everything, write the result, print the tables."""
    warm_up()
    cases: list[Case] = []
    quiet: list[Honest] = []
    for seed in range(FIRST_SEED, FIRST_SEED + seeds):
        for name in ("nantong", "nantong-evasive"):
            cases.append(case(at_once(preset(name, PEOPLE, PART_OF_A_DAY)), seed))
            print(cases[-1], file=sys.stderr)
        for name in ("nantong", "nantong-quiet"):
            cases.append(case(preset(name, PEOPLE, DAYS), seed))
            print(cases[-1], file=sys.stderr)
        cases.append(rotation(seed))
        print(cases[-1], file=sys.stderr)
        for name in ("lookalikes", "large-owners"):
            quiet.append(honest(preset(name), seed))
            print(quiet[-1], file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        alone(write_flood, Path(folder))
        flooded = alone(flood, Path(folder))
    result = Result(cases=cases, honest=quiet, flood=flooded)
    RESULT.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    print(tables(result))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
