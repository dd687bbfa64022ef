"""How many processor nanoseconds a call costs: decoded, judged, from JSON to alerts, and beside a plain program.

`python -m benchmarks.speed.run` writes benchmarks/results/speed.json and prints its table. All parts take turns in
one process, each on fresh calls, garbage collection off (on, it would double the plain program's time), so what a
neighbour on the machine takes, it takes from all. What is judged before the clock runs is not counted.
"""

import gc
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median
from time import process_time
from typing import Any, TypeVar

import click
import numpy as np

from benchmarks.readme import write_between
from benchmarks.speed.from_kafka import from_kafka_ns
from benchmarks.speed.journey import Stopwatch, chunks, config_for, decoded, in_memory, judged, run
from benchmarks.speed.machine import compile_s, this_machine
from benchmarks.speed.plain import Plain
from benchmarks.speed.result import DECODE, JUDGE, PLAIN, ROLL_UP, WAY, Part, Result, tables, write
from benchmarks.speed.workload import records
from benchmarks.speed.yardstick import Yardstick
from detector.app import new_shard
from detector.cdr.batch import CdrBatch
from detector.decode.decoder import Decoder
from detector.source.memory import MemorySource

PIECE = 50_000
"""Calls of a part in one repetition."""

KAFKA_PIECES = 4
PRELOAD = 1.8
"""Calls a line before the clock runs: nearly three hours."""

Done = TypeVar("Done")


class Population:
    """So many lines: their stream of calls, and a shard that has seen the first of them."""

    def __init__(self, n_lines: int, pieces: int, also: Callable[[list[bytes]], None]) -> None:
        preload = max(round(PRELOAD * n_lines / PIECE), 1)
        self.lines = n_lines
        self.config = config_for(n_lines)
        self.shard = new_shard(self.config, MemorySource([]))
        self.decoder = Decoder(self.config.decode, self.shard.plan, ["json"])
        self.pieces: Iterator[list[bytes]] = records(n_lines, (preload + pieces) * PIECE, PIECE)
        for piece in islice(self.pieces, preload):
            judged(self.shard, decoded(self.decoder, chunks(piece)), Stopwatch())
            also(piece)

    def bytes_per_line(self) -> dict[str, float]:
        """Memory of the state by array, of a line it is sized for."""
        arrays = zip(self.shard.tables._fields, self.shard.tables, strict=True)
        sizes = {name: round(np.asarray(array).nbytes / self.lines, 1) for name, array in arrays}
        return {name: size for name, size in sizes.items() if size}

    def evicted(self) -> int:
        """Rows and rings given up for want of room: the figures are of a state that holds everybody."""
        return int(self.shard.tables.meta["evicted"].sum())


class Clock:
    """Nanoseconds a call by part and number of lines, one figure a repetition, and the yardstick's beside them."""

    def __init__(self) -> None:
        self._yardstick = Yardstick()
        self._ns: dict[tuple[str, int], list[float]] = {}
        self.row_ns: list[float] = []

    def turn(self) -> None:
        """A repetition begins."""
        self.row_ns.append(self._yardstick.ns())

    def time(self, name: str, lines: int, work: Callable[..., Done], *arguments: Any) -> Done:
        """Do a part's work on one piece."""
        started = process_time()
        done = work(*arguments)
        self.add(name, lines, process_time() - started)
        return done

    def add(self, name: str, lines: int, seconds: float) -> None:
        """A part took so long for one piece."""
        self._ns.setdefault((name, lines), []).append(seconds / PIECE * 1e9)

    def parts(self) -> list[Part]:
        """The figures of all parts, in the order in which they first ran."""
        return [self._part(name, lines, ns) for (name, lines), ns in self._ns.items()]

    def _part(self, name: str, lines: int, ns: list[float]) -> Part:
        rows = median(a / b for a, b in zip(ns, self.row_ns, strict=True))
        return Part(name, lines, *(round(x, 1) for x in (median(ns), min(ns), max(ns), rows)))


def measure(lines: int, few_lines: int, repetitions: int, kafka: bool) -> Result:
    """Everything, in turns."""
    cold_s, warm_s = compile_s()
    gc.disable()
    plain = Plain()
    many = Population(lines, 2 * repetitions + KAFKA_PIECES, plain.judge)
    few = Population(few_lines, repetitions, lambda piece: None)
    clock, way = Clock(), Stopwatch()
    for _ in range(repetitions):
        clock.turn()
        judge(clock, few, decoded(few.decoder, chunks(next(few.pieces))))
        piece = next(many.pieces)
        judge(clock, many, clock.time(DECODE, lines, decoded, many.decoder, chunks(piece)))
        plain.judge(piece)
        piece = next(many.pieces)
        clock.time(WAY, lines, run, in_memory(many.config, many.shard, chunks(piece)), way)
        clock.time(PLAIN, lines, plain.judge, piece)
    if many.evicted():
        raise ValueError(f"{many.evicted()} lines were given up: the state is too small for the workload")
    return Result(
        machine=this_machine(),
        repetitions=repetitions,
        calls=PIECE,
        yardstick_ns=round(median(clock.row_ns), 1),
        parts=clock.parts(),
        kafka_ns=round(out_of_kafka(many), 1) if kafka else None,
        stages_ns=way.ns(repetitions * PIECE),
        revisions_per_million=round(way.times["tell"] / repetitions / PIECE * 1e6),
        revision_us=round(way.seconds["tell"] / way.times["tell"] * 1e6, 1) if way.times["tell"] else None,
        bytes_per_line=many.bytes_per_line(),
        entities_mb=round(sum(np.asarray(array).nbytes for array in many.shard.roll_ups.entities) / 1e6),
        compile_cold_s=round(cold_s, 1),
        compile_warm_s=round(warm_s, 1),
    )


def judge(clock: Clock, population: Population, batch: CdrBatch) -> None:
    """One piece through the shard: the judging of lines, and the roll-ups."""
    watch = Stopwatch()
    judged(population.shard, batch, watch)
    clock.add(JUDGE, population.lines, watch.seconds["judge"])
    clock.add(ROLL_UP, population.lines, watch.seconds["roll up"])


def out_of_kafka(many: Population) -> float:
    """The last calls of the stream out of a real broker; nanoseconds a call."""
    rest = [record for piece in islice(many.pieces, KAFKA_PIECES) for record in piece]
    return from_kafka_ns(many.config, many.shard, rest)


@click.command()
@click.option("--lines", default=1_000_000, help="Lines of the large population.")
@click.option("--few-lines", default=100_000, help="Lines of the small one.")
@click.option("--repetitions", default=9, help="Turns; the figures are their median.")
@click.option("--kafka", is_flag=True, help="Also out of a real broker (Java and Maven).")
@click.option("--readme", is_flag=True, help="Also write the tables into the README.")
def main(lines: int, few_lines: int, repetitions: int, kafka: bool, readme: bool) -> None:
    """Measure, write benchmarks/results/speed.json, print its tables."""
    result = measure(lines, few_lines, repetitions, kafka)
    write(result)
    click.echo(tables(result))
    if readme:
        write_between("speed", tables(result))


if __name__ == "__main__":
    main()
