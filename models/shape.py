"""Half-space trees over the state of busy lines: a second opinion on what is unusual. It never opens an alert.

The evidence asks whether a line dials like a campaign; this asks whether busy lines of the last hours ever stood
where this one stands. river's HalfSpaceTrees (Tan, Ting & Liu 2011) counts how many fell into each part of the
space; a line where few fell is unusual. Card: models/cards/shape.md.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from river.anomaly import HalfSpaceTrees

from detector import metrics
from detector.cdr.batch import CdrBatch
from detector.features.catalog import COLUMNS, FAMILIES, matrix
from detector.features.kernels.layout import HOT_TIER, SCORED

SEED = 1
TREES, HEIGHT = 20, 8
REFERENCE = 500
"""Rows that make the picture of what is usual; a new picture replaces it after as many again."""

WINDOW_MS = 600_000
WIDEST_NATS = 16.0
MOST_CALLS = 1_000.0
COUNTS = ("known_calls", "known_callees")
_WHOLE = np.dtype(f"V{SCORED.itemsize}")  # rows are moved as they are: 5 times as fast as field by field


class Shape:
    """How few busy lines stood where this one stands, 0 to 1; 0 throughout while it is warming up."""

    name = "shape"
    columns = (*(family.name for family in FAMILIES), *COUNTS)

    def __init__(self) -> None:
        self._trees = HalfSpaceTrees(n_trees=TREES, height=HEIGHT, window_size=REFERENCE, seed=SEED)
        self._learned = 0

    @property
    def warming_up(self) -> bool:
        """True until the first picture is complete: river would say 0, "usual", of everything."""
        return self._learned < REFERENCE

    def score(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64[n, len(COLUMNS)] -> float64[n]."""
        return np.array([self._trees.score_one(point) for point in self._points(X)], np.float64)

    def learn(self, X: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
        """Take rows in, in order; what they are labelled makes no difference."""
        for point in self._points(X):
            self._trees.learn_one(point)
            self._learned += 1

    def state(self) -> dict[str, Any]:
        """The picture: how many rows fell into each part of each tree."""
        trees = [] if self.warming_up else self._trees.trees
        masses = [[node.r_mass for node in tree.iter_dfs()] for tree in trees]
        return {"columns": list(self.columns), "seed": SEED, "masses": masses}

    def _points(self, X: NDArray[np.float64]) -> list[dict[str, float]]:
        """Rows as river takes them: nats about 0.5, counts by their logarithm, all between 0 and 1."""
        read = X[:, [COLUMNS.index(name) for name in self.columns]]
        nats, counts = np.split(read, [len(FAMILIES)], axis=1)
        scaled = np.hstack([0.5 + nats / (2 * WIDEST_NATS), np.log1p(np.maximum(counts, 0.0)) / np.log1p(MOST_CALLS)])
        return [dict(zip(self.columns, row, strict=True)) for row in np.clip(scaled, 0.0, 1.0).tolist()]


class Findings(Protocol):
    """What the shard says of a batch, as far as it is looked at here."""

    @property
    def scored(self) -> NDArray[np.void]:
        """SCORED[n]."""
        ...


class HotWindows:
    """Watches the loop: every ten minutes of event time the newest call of each hot line, first scored, then learned.

    A call belongs to the window of the newest release before it, so a late one counts where it comes. Lines are
    taken in the order of their keys: how the stream is cut into batches makes no difference.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._newest_ms = 0
        self._window = -1
        self._lines = np.zeros(0, np.uint64)
        self._newest = np.zeros(0, _WHOLE)

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Keep the newest call of each hot line; close the windows that are over."""
        release_ms = np.maximum(batch.calls["release_ms"], self._newest_ms)
        windows = np.maximum.accumulate(release_ms) // WINDOW_MS
        self._newest_ms = int(release_ms.max(initial=self._newest_ms))
        hot = np.flatnonzero(findings.scored["tier"] == HOT_TIER)
        begins = np.flatnonzero(np.diff(windows[hot], prepend=-1))
        for rows in np.split(hot, begins[1:]) if len(hot) else []:
            if windows[rows[0]] != self._window:
                self._close()
                self._window = int(windows[rows[0]])
            self._keep(batch.calls["line_key"][rows[::-1]], findings.scored.view(_WHOLE).take(rows[::-1]))

    def turn(self, rejects: Sequence[object]) -> None:
        """Nothing to do between batches."""

    def _keep(self, line_key: NDArray[np.uint64], scored: NDArray[np.void]) -> None:
        """line_key, scored: newest first."""
        lines = np.concatenate([line_key, self._lines])
        self._lines, newest = np.unique(lines, return_index=True)
        self._newest = np.concatenate([scored, self._newest]).take(newest)

    def _close(self) -> None:
        if not len(self._lines):
            return
        X = matrix(self._newest.view(SCORED))
        if not self._shape.warming_up:
            for score in self._shape.score(X):
                metrics.shape_score.observe(score)
        self._shape.learn(X, np.zeros(len(X), bool))
        self._lines, self._newest = self._lines[:0], self._newest[:0]
