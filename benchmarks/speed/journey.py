"""The way of the calls, whole and in parts, with a stopwatch on each part."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import process_time
from typing import Any

from detector.app import new_pipeline
from detector.cdr.batch import CdrBatch, concat
from detector.config import Config, load
from detector.decode.decoder import Decoder
from detector.pipeline import Pipeline, Watcher
from detector.shard import Shard
from detector.sinks.contract import OutRecord
from detector.source.contract import Chunk, Source
from detector.source.memory import MemorySource, chunk

CHUNK_CALLS = 4096
"""Calls in a chunk, as a Kafka poll brings them."""


@dataclass(slots=True)
class Stopwatch:
    """Processor seconds by part; what runs inside another part is taken off that one's."""

    seconds: dict[str, float] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    _inside: float = 0.0

    @contextmanager
    def running(self, part: str) -> Iterator[None]:
        """The time spent in the block belongs to this part."""
        outside, self._inside = self._inside, 0.0
        started = process_time()
        yield
        spent = process_time() - started
        self.seconds[part] = self.seconds.get(part, 0.0) + spent - self._inside
        self.times[part] += 1
        self._inside = outside + spent

    @contextmanager
    def on(self, part: str, owner: object, *methods: str) -> Iterator[None]:
        """In the block, the time spent in these methods of this object belongs to this part."""
        for method in methods:
            vars(owner)[method] = self._timed(part, getattr(owner, method))
        yield
        for method in methods:
            del vars(owner)[method]

    def _timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            with self.running(part):
                return work(*arguments)

        return timed

    def ns(self, calls: int) -> dict[str, float]:
        """Nanoseconds a call by part."""
        return {part: round(seconds / calls * 1e9, 1) for part, seconds in self.seconds.items()}


class Nowhere:
    """A sink that keeps nothing: the alerts are made, and not sent."""

    def send(self, records: Sequence[OutRecord]) -> None:
        """Dropped."""

    def flush(self) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        """Nothing to let go of."""


def config_for(n_lines: int) -> Config:
    """Room for these lines and a tenth more, warm rings for one line in eight, hot ones for one in a hundred."""
    room = {"line_capacity": n_lines * 11 // 10, "warm_capacity": n_lines // 8, "hot_capacity": n_lines // 100}
    return load(None, {}, {f"state.{name}": n for name, n in room.items()} | {"alerting.active_lines": n_lines})


def chunks(records: Sequence[bytes]) -> list[Chunk]:
    """The records as a poll hands them over."""
    return [chunk(records[i : i + CHUNK_CALLS], first_offset=i) for i in range(0, len(records), CHUNK_CALLS)]


def decoded(decoder: Decoder, arrived: Iterable[Chunk]) -> CdrBatch:
    """The calls of the chunks; there must be no rejects."""
    batches = []
    for part in arrived:
        batch, rejects = decoder.decode(part)
        if rejects:
            raise ValueError(f"the workload is not readable: {rejects[0]}")
        batches.append(batch)
    return concat(batches)


def judged(shard: Shard, batch: CdrBatch, watch: Stopwatch) -> None:
    """The calls through the shard, as many at a time as the loop brings; the parts of `inside`."""
    with inside(shard, watch):
        for start in range(0, len(batch), CHUNK_CALLS):
            shard.process(batch.take(slice(start, start + CHUNK_CALLS)))


@contextmanager
def inside(shard: Shard, watch: Stopwatch) -> Iterator[None]:
    """In the block: parts `judge` (lines and numbers), `roll up` (entities), `tell` (once a line's revision), `end`."""
    with ExitStack() as parts:
        parts.enter_context(watch.on("judge", shard, "process"))
        parts.enter_context(watch.on("roll up", shard.roll_ups, "begin", "take", "close"))
        parts.enter_context(watch.on("tell", shard.episodes, "told"))
        parts.enter_context(watch.on("tell entities", shard.entity_episodes, "told"))
        parts.enter_context(watch.on("end", shard.episodes, "ended"))
        yield


def in_memory(config: Config, shard: Shard, arrived: Iterable[Chunk]) -> Pipeline:
    """The real loop over these chunks, from bytes to alerts."""
    return loop_over(config, shard, MemorySource([[part] for part in arrived]), [])


def loop_over(config: Config, shard: Shard, source: Source, watchers: Sequence[Watcher]) -> Pipeline:
    """The real loop over a source of JSON."""
    return new_pipeline(config, source, ["json"] * source.streams, shard, Nowhere(), watchers)


def run(loop: Pipeline, watch: Stopwatch) -> None:
    """The loop from start to end; parts `decode`, `merge`, those of `inside`, and the `rest`."""
    with (
        watch.on("decode", loop.decoder, "decode"),
        watch.on("merge", loop.merge, "add", "advance", "drain"),
        inside(loop.shard, watch),
        watch.running("rest"),
    ):
        loop.run()
