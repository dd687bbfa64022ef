"""Worlds with known truth through the live path: NDJSON bytes, decoder, merge, shard, and a witness who looks on.

Nothing here knows how the calls are made: whoever calls hands worlds over (`detector.traffic.suite` for the
command), so the code that judges never imports the generator.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detector.app import new_pipeline, new_shard
from detector.cdr.batch import CdrBatch
from detector.config import Config
from detector.decode.rejects import Reject
from detector.errors import InputError
from detector.pipeline import Watcher
from detector.replay.run import Progress
from detector.replay.witness import DAY_MS, Alerted, Chase, Truth, Witness, truth_of
from detector.shard import Findings, Shard
from detector.sinks.contract import OutRecord
from detector.source.contract import Source
from detector.source.file import Format
from models.contract import Model
from models.shape import HotWindows, Shape


class World(Protocol):
    """Calls with known truth. `source()` comes first, and is read once."""

    name: str
    seed: int
    days: float
    start_ms: int
    format: Format

    def source(self) -> Source:
        """The calls."""
        ...

    def truth(self) -> pa.Table:
        """Columns of truth.csv (`detector generate`): all lines from the start on, their counts at the end."""
        ...

    def write_registry(self, file: Path) -> None:
        """What is declared about numbers."""
        ...


@dataclass(frozen=True, slots=True)
class Played:
    """One world after it was judged.

    peaks   float32[scorers, lines, days]  highest score of each line and day that could have alerted
    chases  bad line -> its calls from the first bad one on
    """

    name: str
    seed: int
    days: float
    start_ms: int
    calls: int
    truth: Truth
    peaks: NDArray[np.float32]
    chases: dict[int, Chase]
    alerts: list[Alerted]
    threshold: float
    versions: dict[str, str]
    muted: tuple[str, ...]


def play(config: Config, world: World, models: Sequence[Model], progress: Progress) -> Played:
    """Judge one world. Raises InputError when records of it cannot be read, or the state is too small for it."""
    source = world.source()
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder) / "registry.json"
        world.write_registry(registry)
        numbering = msgspec.structs.replace(config.numbering, registry=str(registry))
        told = msgspec.structs.replace(config, numbering=numbering)
        shard = new_shard(told, source, observe=True)
        witness = Witness(world.truth(), shard.plan, models, world.start_ms, world.days)
        learning = [HotWindows(model) for model in models if isinstance(model, Shape)]  # scored, then learned
        watchers: list[Watcher] = [witness, *learning, _Strict(shard), _Teller(world, progress)]
        new_pipeline(told, source, [world.format], shard, NoSink(), watchers).run()
    truth = truth_of(world.truth())
    return Played(
        name=world.name,
        seed=world.seed,
        days=world.days,
        start_ms=world.start_ms,
        calls=witness.calls,
        truth=truth,
        peaks=witness.peaks,
        chases=witness.chases(truth),
        alerts=witness.alerts,
        threshold=shard.threshold,
        versions=msgspec.to_builtins(msgspec.structs.replace(shard.versions, config=config.version)),
        muted=shard.muted,
    )


def play_all(config: Config, worlds: Sequence[World], models: Sequence[Model], progress: Progress) -> Iterator[Played]:
    """Judge them one after the other."""
    calls = 0
    for i, world in enumerate(worlds):

        def tell(done: float, judged: int, i: int = i, before: int = calls) -> None:
            progress((i + done) / len(worlds), before + judged)

        played = play(config, world, models, tell)
        calls += played.calls
        yield played


class _Teller:
    """Says how far a world is."""

    def __init__(self, world: World, progress: Progress) -> None:
        self._start_ms, self._span_ms = world.start_ms, world.days * DAY_MS
        self._progress, self._calls = progress, 0

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """A batch more."""
        self._calls += len(batch)
        done = (int(batch.calls["release_ms"][-1]) - self._start_ms) / self._span_ms
        self._progress(min(max(done, 0.0), 1.0), self._calls)

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Nothing."""


class _Strict:
    """Refuses what would make figures wrong in silence: unread records, and lines that got no room."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """There must be room for every line."""
        meta = self._shard.tables.meta[0]
        if meta["no_row"] or meta["evicted"].any():
            raise InputError("evaluate: the world has more lines than the state; raise state.line_capacity and others")

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Everything must be read."""
        if rejects:
            raise InputError(f"evaluate: a record cannot be read: {rejects[0]}")


class NoSink:
    """Alerts are seen by the witness; nothing is written."""

    def send(self, records: Sequence[OutRecord]) -> None:
        """Forget them."""

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""
