"""What was measured: the JSON file, and the tables made of it."""

from pathlib import Path

import msgspec

from benchmarks.speed.machine import Machine

RESULT = Path(__file__).parents[1] / "results" / "speed.json"
DECODE, JUDGE, ROLL_UP, WAY = "JSON decoded", "lines judged", "entities judged", "JSON to alerts"
PLAIN = "plain program: dictionary of deques, msgspec, one rule"


class Part(msgspec.Struct, frozen=True):
    """Processor nanoseconds a call: median, least and most of the repetitions; the median in yardsticks."""

    name: str
    lines: int
    ns: float
    least_ns: float
    most_ns: float
    yardsticks: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """benchmarks/results/speed.json.

    calls           of a part in one repetition
    yardstick_ns    one row of the yardstick
    kafka_ns        a call out of a real broker to alerts; None = not measured
    stages_ns       a call from JSON to alerts, by stage
    revision_us     an alert revision of a line put into words; None = there was none
    bytes_per_line  allocated state by array, at the room the largest population needs
    """

    machine: Machine
    repetitions: int
    calls: int
    yardstick_ns: float
    parts: list[Part]
    kafka_ns: float | None
    stages_ns: dict[str, float]
    revisions_per_million: int
    revision_us: float | None
    bytes_per_line: dict[str, float]
    entities_mb: int
    compile_cold_s: float
    compile_warm_s: float

    def part(self, name: str) -> Part:
        """The last part of this name: at the largest population."""
        return [part for part in self.parts if part.name == name][-1]


def read(file: Path = RESULT) -> Result:
    """The result as it was written."""
    return msgspec.json.decode(file.read_bytes(), type=Result)


def write(result: Result, file: Path = RESULT) -> None:
    """The result as readable JSON."""
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


def tables(result: Result) -> str:
    """Markdown: what was measured, and where time and memory go."""
    return f"{_parts(result)}\n\n{_stages(result)}"


def _parts(result: Result) -> str:
    rows = ["| part | lines | ns a call | calls a second and core | yardsticks |", "|---|---|---|---|---|"]
    for part in result.parts:
        spread = f"{part.ns:,.0f} ({part.least_ns:,.0f}-{part.most_ns:,.0f})"
        rows.append(f"| {part.name} | {part.lines:,} | {spread} | {1e9 / part.ns:,.0f} | {part.yardsticks:.1f} |")
    if result.kafka_ns is not None:
        lines = result.part(WAY).lines
        rows.append(f"| Kafka to alerts | {lines:,} | {result.kafka_ns:,.0f} | {1e9 / result.kafka_ns:,.0f} | |")
    machine, ratio = result.machine, result.part(PLAIN).ns / result.part(WAY).ns
    rows += [
        "",
        f"Processor time of one core of {machine.cores}: {machine.cpu}, Python {machine.python},"
        f" Numba {machine.numba}, NumPy {machine.numpy}. Median of {result.repetitions} turns of {result.calls:,} calls"
        f" (least-most). A yardstick is one random cache line changed, asked for ahead: {result.yardstick_ns:.0f} ns"
        " here and then.",
        "",
        f"From JSON to alerts takes {'1' if ratio >= 1 else f'{1 / ratio:.1f}'} where the plain program takes"
        f" {f'{ratio:.1f}' if ratio >= 1 else '1'}."
        f" Kernels: {result.compile_cold_s:.0f} s of processor to compile once, {result.compile_warm_s:.1f} s after.",
    ]
    return "\n".join(rows)


def _stages(result: Result) -> str:
    whole = sum(result.stages_ns.values())
    rows = ["| stage of JSON to alerts | ns a call | |", "|---|---|---|"]
    for name, ns in sorted(result.stages_ns.items(), key=lambda stage: -stage[1]):
        rows.append(f"| {name} | {ns:,.0f} | {ns / whole:.0%} |")
    if result.revision_us is not None:
        rows += [
            "",
            f"Telling is {result.revision_us:,.0f} us a revision, {result.revisions_per_million:,} of them in a million"
            " calls.",
        ]
    held = ", ".join(f"{name} {size:,.0f}" for name, size in result.bytes_per_line.items())
    rows += [
        "",
        f"State: {sum(result.bytes_per_line.values()):,.0f} bytes a line ({held}), and {result.entities_mb} MB for the"
        " entities above lines.",
    ]
    return "\n".join(rows)
