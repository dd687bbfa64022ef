"""Do as many false alerts come as were asked for? Benign calls the model was never fitted on.

`python -m benchmarks.quality.calibration` writes benchmarks/results/calibration.json and prints its table: two mixes
of generated traffic from other seeds (the natural one; another, with the class that training never sees and other
shares), 10^6 line-days in all, and the real logs, judged with parameters fitted without them. For each budget the
threshold comes out of the fitted tail, as in production, and line-days that reach it are counted. 10 and 1 per
million line-days lie beyond what such a run can count: they are extrapolation, and say so.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from benchmarks.quality.overlay import COPENHAGEN, NODOBO, RealSet, as_csv, read, released_s
from detector.config import Config, load
from detector.errors import ConfigError
from detector.replay.intervals import Estimate, rate_of, rounded
from detector.replay.played import Played, World, play
from detector.source.file import Format
from detector.source.memory import MemorySource, chunk
from detector.traffic.suite import World as GeneratedWorld
from detector.traffic.world import Scenario, natural_look_alikes
from models.evidence import Evidence

RESULT = Path(__file__).parents[1] / "results" / "calibration.json"
PER_MILLION = (1000, 300, 100, 10, 1)
"""False alerts asked for, per million line-days. The goal is a factor of 2 at 100."""

FIRST_SEED = 401
PEOPLE, DAYS, SEEDS = 20_000, 9.0, 3
OTHER_MIX = {"courier": 1.5, "food_rider": 2.0, "small_business": 0.5, "restaurant": 2.0}
"""Lines of a class in the other mix, against the natural one."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """One budget on one kind of traffic. classes: line-days that alerted by class of line."""

    traffic: str
    per_million: int
    threshold: float | None
    line_days: int
    predicted: float
    observed: int | None
    observed_over_predicted: Estimate
    classes: dict[str, int]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """benchmarks/results/calibration.json."""

    model: str
    calls: int
    counted: list[Counted]


class RealWorld:
    """A set of real calls, all of them benign."""

    seed = 0
    format: Format = "csv"

    def __init__(self, real: RealSet) -> None:
        self.name, self._rows = real.name, read(real)
        released = [released_s(row) for row in self._rows]
        self.start_ms = int(1000 * released[0])
        self.days = max(1.0, (released[-1] - released[0]) / 86_400)

    def source(self) -> MemorySource:
        """The calls in order of release."""
        return MemorySource([[chunk(as_csv(self._rows))]])

    def truth(self) -> pa.Table:
        """Every caller is an ordinary line."""
        callers = sorted({row["caller"] for row in self._rows})
        n = len(callers)
        none = pa.nulls(n, pa.string())
        return pa.table(
            {"line": callers, "class": ["person"] * n, "label": ["benign"] * n, "was": none}
            | {name: np.zeros(n, bool) for name in ("declared", "evasive")}
            | {"bad_calls": np.zeros(n, np.int64), "first_bad_call_ms": pa.nulls(n, pa.int64())}
        )

    def write_registry(self, file: Path) -> None:
        """Nobody declares anything."""
        file.write_text('{"blocks": []}')


def mixes(people: int = PEOPLE, days: float = DAYS) -> dict[str, Scenario]:
    """The two mixes of benign traffic."""
    natural = natural_look_alikes(people)
    other = {name: max(1, round(lines * OTHER_MIX.get(name, 1.0))) for name, lines in natural.items()}
    return {
        name: Scenario(name=name, days=days, people=people, teenagers=round(people * share), look_alikes=look_alikes)
        for name, look_alikes, share in (("natural mix", natural, 0.002), ("other mix", other, 0.006))
    }


def counted(traffic: str, played: Sequence[Played], model: Evidence, per_million: int) -> Counted:
    """Undeclared line-days that reach the threshold of a budget, against what was asked for."""
    line_days = sum(float((~world.truth.declared).sum() * world.days) for world in played)
    predicted = per_million * line_days / 1e6
    try:
        threshold = model.threshold(per_million, 1_000_000, played[0].muted)
    except ConfigError:  # no score reaches it: the families that the feed carries cannot be that sure
        threshold = np.inf
    classes: Counter[str] = Counter()
    for world in played:
        over = (world.peaks[0] >= threshold) & ~world.truth.declared[:, None]
        classes.update(np.repeat(world.truth.kind, over.sum(axis=1)).tolist())
    observed = classes.total()
    return Counted(
        traffic=traffic,
        per_million=per_million,
        threshold=rounded(threshold) if np.isfinite(threshold) else None,
        line_days=round(line_days),
        predicted=rounded(predicted),
        observed=observed,
        observed_over_predicted=rate_of(observed, predicted),
        classes=dict(classes.most_common()),
    )


def judge(config: Config, worlds: Sequence[World]) -> list[Played]:
    """Play benign worlds, one after the other."""
    played = []
    for world in worlds:
        played.append(play(config, world, [Evidence.load()], lambda done, calls: None))
        print(f"{world.name}, seed {world.seed}: {played[-1].calls:,} calls", file=sys.stderr)
    return played


def run(people: int = PEOPLE, days: float = DAYS, seeds: int = SEEDS) -> Result:
    """Every kind of traffic at every budget."""
    model = Evidence.load()
    generated = {
        name: judge(load(None, {}), [GeneratedWorld(scenario, FIRST_SEED + i) for i in range(seeds)])
        for name, scenario in mixes(people, days).items()
    }
    generated["both mixes"] = [world for played in generated.values() for world in played]
    rows = [counted(name, played, model, rate) for name, played in generated.items() for rate in PER_MILLION]
    calls = sum(world.calls for world in generated["both mixes"])
    for real in (NODOBO, COPENHAGEN):
        played, without = judge(real.config(), [RealWorld(real)]), Evidence.load(Path(real.config().model.file))
        rows += [counted(real.name, played, without, rate) for rate in PER_MILLION]
        calls += played[0].calls
    return Result(model=model.version, calls=calls, counted=rows)


def main() -> None:
    """Run it, write the result, print the table."""
    result = run()
    RESULT.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    print(table(result))


def table(result: Result) -> str:
    """Markdown: one row a budget."""
    lines = [
        "| benign traffic | line-days | asked for, per million | threshold | predicted | observed |"
        " observed / predicted | classes |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result.counted:
        ratio = row.observed_over_predicted
        classes = ", ".join(f"{count} {name}" for name, count in row.classes.items())
        threshold = "out of reach" if row.threshold is None else f"{row.threshold:g}"
        asked = f"{row.per_million}{' (extrapolated)' if row.per_million < 100 else ''}"
        lines.append(
            f"| {row.traffic} | {row.line_days:,} | {asked} | {threshold} | {row.predicted:g} | {row.observed} |"
            f" {ratio.value} ({ratio.low}..{ratio.high}) | {classes} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
