"""Processor time a call, from JSON bytes to judgement, beside a plain program that only counts callees.

`python -m benchmarks.speed.run` writes benchmarks/results/speed.json and prints its table. Fresh state and a fresh
stream for each repetition, the programs in turn in one process, the collector off (it doubles the plain program's
time); medians. The plain program holds the exact rule "ten distinct callees in 60 minutes" and nothing else.
"""

import gc
import platform
from pathlib import Path
from statistics import median
from time import process_time

import msgspec
import numba

from benchmarks.speed.plain import Plain
from benchmarks.speed.workload import records
from benchmarks.speed.yardstick import Yardstick
from detector.config import Config, load
from detector.decode.decoder import Decoder
from detector.features.warm_up import warm_up
from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Registry
from detector.shard import Shard
from detector.source.memory import chunk
from models.evidence import Evidence

RESULT = Path(__file__).parents[1] / "results" / "speed.json"
LINES = (100_000, 1_000_000)
CALLS = 500_000
SIZE = 20_000
REPETITIONS = 3


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Nanoseconds of processor time a call, medians; yardstick: one random touch of a cache line on 64 MB."""

    lines: int
    calls: int
    decode: float
    judge: float
    plain: float
    yardstick: float
    bytes_per_line: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """benchmarks/results/speed.json."""

    machine: str
    python: str
    numba: str
    rows: list[Row]


def measure(lines: int) -> Row:
    """One size of network."""
    yardstick = Yardstick()
    config = load(None, {}, {"state.line_capacity": round(1.1 * lines), "state.warm_capacity": max(lines // 16, 4096)})
    decode, judge, plain, touch = [], [], [], []
    for repetition in range(REPETITIONS):
        touch.append(yardstick.ns())
        plain.append(_plain(lines, repetition))
        decoded, judged, size = _detector(config, lines, repetition)
        decode.append(decoded)
        judge.append(judged)
    return Row(
        lines=lines,
        calls=CALLS,
        decode=round(median(decode)),
        judge=round(median(judge)),
        plain=round(median(plain)),
        yardstick=round(median(touch), 1),
        bytes_per_line=round(size / lines),
    )


def _plain(lines: int, seed: int) -> float:
    program, spent = Plain(), 0.0
    for part in records(lines, CALLS, SIZE, seed):
        started = process_time()
        program.judge(part)
        spent += process_time() - started
    return spent / CALLS * 1e9


def _detector(config: Config, lines: int, seed: int) -> tuple[float, float, int]:
    """(decode, judge) ns a call with everything on: number keys, duplicates, evidence, alerts; and bytes of state."""
    plan = NumberPlan("china", b"speed")
    shard = Shard(config, Evidence.load(), plan, Registry(plan), lambda stream, offset: str(offset), "speed")
    decoder, offset, decoding, judging = Decoder(config.decode, plan, ["json"]), 1, 0.0, 0.0
    for part in records(lines, CALLS, SIZE, seed):
        values = chunk(part, first_offset=offset)
        offset += len(part)
        started = process_time()
        batch, rejects = decoder.decode(values)
        decoded = process_time()
        shard.process(batch)
        judging += process_time() - decoded
        decoding += decoded - started
        assert not rejects
    return decoding / CALLS * 1e9, judging / CALLS * 1e9, sum(array.nbytes for array in shard.tables)


def table(result: Result) -> str:
    """Markdown: ns a call, and how they stand to the plain program's."""
    lines = [
        "| lines | JSON to columns | judgement | together | plain program | ratio | bytes a line |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result.rows:
        together = row.decode + row.judge
        lines.append(
            f"| {row.lines:,} | {row.decode:.0f} ns | {row.judge:.0f} ns | {together:.0f} ns ({1e3 / together:.1f} M/s)"
            f" | {row.plain:.0f} ns | {row.plain / together:.1f} | {row.bytes_per_line:.0f} |"
        )
    return "\n".join([*lines, "", f"One core of {result.machine}, Python {result.python}, Numba {result.numba}."])


def cpu() -> str:
    """What the processor calls itself."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Measure, write, print."""
    warm_up()
    gc.disable()
    rows = [measure(lines) for lines in LINES]
    result = Result(machine=cpu(), python=platform.python_version(), numba=numba.__version__, rows=rows)
    RESULT.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    print(table(result))


if __name__ == "__main__":
    main()
