"""Short ways to write calls down: lists of plain dictionaries in normal form, and what becomes of them."""

import json
import random
from collections.abc import Iterable
from typing import Any

from detector.alert.revision import Alert, decode
from detector.app import new_pipeline, new_shard
from detector.config import Config, load
from detector.pipeline import Watcher
from detector.shard import Shard
from detector.sinks.contract import ALERTS, OutRecord
from detector.source.memory import MemorySource, chunk

START_MS = 1_710_122_400_000  # Monday, 10 in the morning in China
SMALL = {
    "state.line_capacity": 2048,
    "state.warm_capacity": 512,
    "state.hot_capacity": 128,
    "state.entity_capacity": 2048,
    "state.dedup_calls": 16_384,
}


def small_config(**flags: Any) -> Config:
    """A configuration with little state; `alerting__quiet_min=5` sets alerting.quiet_min."""
    return load(None, {}, SMALL | {name.replace("__", "."): value for name, value in flags.items()})


def call(
    line: str,
    callee: str,
    at_s: float,
    talk_s: float | None = None,
    ring_s: float = 8.0,
    cause: int | None = 16,
    **fields: Any,
) -> dict[str, Any]:
    """A call that is set up `at_s` seconds after START_MS; talk_s None = not answered, it rings ring_s."""
    setup_ms = START_MS + round(at_s * 1000)
    answer_ms = setup_ms + round(ring_s * 1000) if talk_s is not None else None
    release_ms = answer_ms + round((talk_s or 0) * 1000) if answer_ms is not None else setup_ms + round(ring_s * 1000)
    return {
        "a_number": line,
        "b_number": callee,
        "setup_ms": setup_ms,
        "ring_ms": setup_ms + 1000 if ring_s >= 1 else None,
        "answer_ms": answer_ms,
        "release_ms": release_ms,
        "release_cause": cause,
    } | fields


def strangers(
    line: str, n: int, gap_s: float, begin_s: float = 0.0, talks: tuple[float, ...] = (21.0,)
) -> list[dict[str, Any]]:
    """A plain dialer: n calls to n strangers here and there, random gaps of mean gap_s, given up after 12 to 24 s.

    Every third is answered and talked to for `talks` in turn.
    """
    chance = random.Random(n)
    calls, at_s = [], begin_s
    for i in range(n):
        talk_s = talks[i // 3 % len(talks)] if i % 3 == 2 else None
        ring_s = chance.uniform(12, 24)
        callee = f"138{chance.randrange(10**8):08}"
        calls.append(call(line, callee, at_s, talk_s, ring_s, 19, release_party="caller"))
        at_s += min(chance.expovariate(1 / gap_s), 3 * gap_s)
    return calls


class Kept:
    """A sink that keeps its records."""

    def __init__(self) -> None:
        self.records: list[OutRecord] = []
        self.flushes = 0

    @property
    def alerts(self) -> list[Alert]:
        return [decode(record.value) for record in self.records if record.topic == ALERTS]

    def send(self, records: Iterable[OutRecord]) -> None:
        self.records += records

    def flush(self) -> None:
        self.flushes += 1

    def close(self) -> None:
        pass


def judge(
    calls: list[dict[str, Any]], config: Config | None = None, turn: int = 1000, watchers: tuple[Watcher, ...] = ()
) -> tuple[list[Alert], Shard]:
    """The alert revisions these calls bring, in order of release, `turn` records at a time; and the shard."""
    config = config or small_config()
    values = [json.dumps(record).encode() for record in sorted(calls, key=lambda record: record["release_ms"])]
    turns = [[chunk(values[i : i + turn], first_offset=i + 1)] for i in range(0, len(values), turn)]
    source, sink = MemorySource(turns), Kept()
    shard = new_shard(config, source, observe=True)
    new_pipeline(config, source, ["json"], shard, sink, watchers).run()
    return sink.alerts, shard
