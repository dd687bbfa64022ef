"""What the models that learn from the stream are worth: drift's warnings, and what shape finds on its own.

`python -m benchmarks.quality.learners` writes benchmarks/results/learners.json and prints it. Nine days of people
and look-alikes in which nothing moves, then the same figures moved by hand; and the training traffic, for every
row of a hot line that shape sees, whether it is of a bad line.
"""

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from river.drift import ADWIN

from detector.app import new_pipeline, new_shard
from detector.config import load
from detector.pipeline import Watcher
from detector.replay.played import NoSink
from detector.shard import Shard
from detector.traffic.scenario import preset
from detector.traffic.suite import World
from detector.warm_up import warm_up
from models.drift import HOUR_MS, RECENT, WHAT, Drift, Moved, Rhythm
from models.measures import Measures, measure
from models.shape import REFERENCE, HotWindows, Shape

RESULT = Path(__file__).parents[1] / "results" / "learners.json"
SEED, TRAINING_SEED = 5, 101
DAYS, MOVED_H = 9.0, 187
FACTORS = {"gate_rate": 1.3, "score_mean": 1.4}


class Moves(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: warnings while nothing moved, without comparing hours too, and how long after a move one came."""

    what: str
    figures: int
    warnings: list[str]
    warnings_without_hours: int
    factor: float
    warned_after_h: float | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """benchmarks/results/learners.json. shape: rows of bad lines (a share of all) against others, and against those
    of undeclared lines."""

    drift: list[Moves]
    shape_rows: int
    shape_bad: float
    shape: Measures
    shape_undeclared: Measures


class Kept(Rhythm):
    """Keeps the figures it takes."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.figures: list[tuple[int, float]] = []

    def take(self, at_ms: int, figure: float) -> Moved | None:
        """As a rhythm does."""
        self.figures.append((at_ms, figure))
        return super().take(at_ms, figure)


class Rows(Shape):
    """Keeps the score of every row before it is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.scores: list[NDArray[np.float64]] = []

    def learn(self, X: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
        """As shape does."""
        self.scores.append(self.score(X))
        super().learn(X, y)


class Lines(HotWindows):
    """Keeps the lines of every window that is closed."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.closed: list[NDArray[np.uint64]] = []

    def _close(self) -> None:
        self.closed.append(self._lines.copy())
        super()._close()


Watched = TypeVar("Watched", bound=Watcher)


def judge(world: World, watcher_of: Callable[[Shard], Watched]) -> tuple[Watched, Shard]:
    """Play a world before a watcher."""
    source = world.source()
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder) / "registry.json"
        world.write_registry(registry)
        config = load(None, {}, {"numbering.registry": str(registry)})
        shard = new_shard(config, source)
    watcher = watcher_of(shard)
    new_pipeline(config, source, ["json"], shard, NoSink(), [watcher]).run()
    return watcher, shard


def moves(what: str, figures: list[tuple[int, float]]) -> Moves:
    """What became of one figure, as it was and moved by hand."""
    begin_ms = figures[0][0]
    moved_ms = begin_ms + MOVED_H * HOUR_MS
    by_hand = ((at, value * FACTORS[what] if at >= moved_ms else value) for at, value in figures)
    after = [moved.at_ms for moved in told(what, by_hand) if moved.at_ms >= moved_ms]
    plain, without_hours = ADWIN(clock=RECENT), 0
    for _, value in figures:
        plain.update(value)
        without_hours += plain.drift_detected
    return Moves(
        what=what,
        figures=len(figures),
        warnings=[str(moved) for moved in told(what, figures)],
        warnings_without_hours=without_hours,
        factor=FACTORS[what],
        warned_after_h=round((after[0] - moved_ms) / HOUR_MS, 1) if after else None,
    )


def told(what: str, figures: Iterable[tuple[int, float]]) -> list[Moved]:
    """The warnings that these figures bring."""
    rhythm = Rhythm(what)
    return [moved for at_ms, figure in figures if (moved := rhythm.take(at_ms, figure))]


def drift() -> list[Moves]:
    """Both figures over days in which nothing moves."""
    kept = {what: Kept(what) for what in WHAT}

    def watcher(shard: Shard) -> Drift:
        made = Drift(shard.threshold)
        made._rhythms = dict(kept)
        return made

    judge(World(preset("lookalikes", days=DAYS), SEED), watcher)
    return [moves(what, rhythm.figures) for what, rhythm in kept.items()]


def shape() -> dict[str, Any]:
    """Every row that shape sees in the training traffic, from its first picture on."""
    world, model = World(preset("training"), TRAINING_SEED), Rows()
    lines, shard = judge(world, lambda shard: Lines(model))
    truth, key = world.truth(), np.concatenate(lines.closed)
    keys, _ = shard.plan.keys([str(line) for line in truth.column("line").to_pylist()])
    label = np.array(truth.column("label").to_pylist()) == "bad"
    score = np.concatenate(model.scores)
    bad, declared = np.isin(key, keys[label]), np.isin(key, keys[truth.column("declared").to_numpy()])
    seen = np.arange(len(score)) >= REFERENCE
    return {
        "shape_rows": int(seen.sum()),
        "shape_bad": round(float(bad[seen].mean()), 3),
        "shape": Measures.mean([measure(bad[seen], score[seen])]),
        "shape_undeclared": Measures.mean([measure(bad[seen & ~declared], score[seen & ~declared])]),
    }


def main() -> None:
    """Run, write the result, print it."""
    warm_up()
    result = Result(drift=drift(), **shape())
    RESULT.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    print(RESULT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
