"""Where busy lines stand every ten minutes, and how few stood where one stands."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector import metrics
from detector.cdr.batch import CDR, CdrBatch
from detector.features.catalog import COLUMNS, FAMILIES, matrix
from detector.features.kernels.layout import COLD_TIER, HOT_TIER, MILLI, SCORED, WARM_TIER
from detector.shard import Findings
from models.shape import REFERENCE, WINDOW_MS, HotWindows, Shape
from tests.calls import call, judge, small_config, strangers

BEGIN_MS = 1_710_122_400_000 // WINDOW_MS * WINDOW_MS


def calls(n: int, lines: int, seed: int, span_windows: int = 3) -> tuple[CdrBatch, NDArray[np.void]]:
    """Calls of some lines, cold, warm and hot, in order but for late ones."""
    rng = np.random.default_rng(seed)
    made, scored = np.zeros(n, CDR), np.zeros(n, SCORED)
    at = np.sort(rng.integers(0, span_windows * WINDOW_MS, n))
    made["release_ms"] = BEGIN_MS + at - np.where(np.arange(n) % 53 == 52, 30_000, 0)
    made["line_key"] = rng.integers(1, lines + 1, n)
    scored["tier"] = rng.choice([-1, COLD_TIER, WARM_TIER, HOT_TIER], n, p=[0.1, 0.2, 0.2, 0.5])
    scored["share"] = rng.integers(-4 * MILLI, 8 * MILLI, scored["share"].shape)
    scored["known_calls"] = rng.integers(0, 200, n)
    return CdrBatch(made, [], lambda raw, stream: pytest.fail("nobody reads texts here")), scored


class Heard(Shape):
    """Keeps what it is taught."""

    def __init__(self) -> None:
        super().__init__()
        self.windows: list[NDArray[np.float64]] = []

    def learn(self, X: NDArray[np.float64], y: NDArray[np.bool_]) -> None:
        self.windows.append(X)
        super().learn(X, y)


def fed(batch: CdrBatch, scored: NDArray[np.void], cuts: list[int]) -> list[NDArray[np.float64]]:
    shape = Heard()
    watcher = HotWindows(shape)
    edges = [0, *sorted(cuts), len(batch)]
    for begin, end in pairwise(edges):
        if end > begin:
            watcher.judged(batch.take(slice(begin, end)), Findings([], scored[begin:end]))
    return shape.windows


def one_by_one(batch: CdrBatch, scored: NDArray[np.void]) -> list[list[NDArray[np.float64]]]:
    """The twin: one call after the other, in a dictionary. A window is over when a hot call of a later one comes."""
    X, newest_ms, window = matrix(scored), 0, -1
    lines: dict[int, NDArray[np.float64]] = {}
    told = []
    for i in range(len(batch)):
        newest_ms = max(newest_ms, int(batch.calls["release_ms"][i]))
        if scored["tier"][i] != HOT_TIER:
            continue
        if newest_ms // WINDOW_MS != window:
            if lines:
                told.append([lines[key] for key in sorted(lines)])
            window, lines = newest_ms // WINDOW_MS, {}
        lines[int(batch.calls["line_key"][i])] = X[i]
    return told


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 300), max_size=6))
def test_windows_are_those_of_the_slow_twin_however_the_stream_is_cut(seed: int, cuts: list[int]) -> None:
    batch, scored = calls(300, lines=7, seed=seed)
    windows = fed(batch, scored, cuts)
    twin = one_by_one(batch, scored)
    assert len(windows) == len(twin) >= 1
    for one, other in zip(windows, twin, strict=True):
        np.testing.assert_array_equal(one, np.array(other))


def test_hot_lines_of_the_real_loop_are_seen_the_same_in_any_batches() -> None:
    """A dialer becomes hot after a dozen calls; people stay cold."""
    dialed = strangers("13900000001", 300, 10.0)
    people = [call(f"1380000{i:04}", f"1370000{i:04}", 10.0 * i, 30.0) for i in range(300)]
    seen = []
    for turn in (1000, 7):
        shape = Heard()
        judge([*dialed, *people], small_config(), turn, (HotWindows(shape),))
        seen.append(shape.windows)
    assert [len(window) for window in seen[0]] == [1] * len(seen[0])
    assert len(seen[0]) == 4  # 3,000 s; the fifth is not over
    for one, other in zip(*seen, strict=True):
        np.testing.assert_array_equal(one, other)
    novelty = COLUMNS.index("novelty")
    assert seen[0][-1][0, novelty] > 2.0


def test_the_first_picture_is_waited_for_and_then_what_is_rare_scores_high() -> None:
    rng = np.random.default_rng(1)
    usual = rng.normal(1.0, 0.5, (REFERENCE, len(COLUMNS)))
    odd = usual[:20].copy()
    odd[:, : len(FAMILIES)] = 9.0
    shape = Shape()
    shape.learn(usual[:-1], np.zeros(REFERENCE - 1, bool))
    warming, silent = shape.warming_up, shape.score(odd)
    shape.learn(usual[-1:], np.zeros(1, bool))
    assert (warming, shape.warming_up) == (True, False)
    assert not silent.any()
    assert shape.score(odd).min() > np.quantile(shape.score(usual), 0.9)
    assert ((shape.score(usual) >= 0) & (shape.score(usual) <= 1)).all()


def test_labels_make_no_difference_and_the_seed_is_fixed() -> None:
    X = np.random.default_rng(2).normal(1.0, 2.0, (REFERENCE + 10, len(COLUMNS)))
    one, other = Shape(), Shape()
    one.learn(X, np.zeros(len(X), bool))
    other.learn(X, np.ones(len(X), bool))
    assert json.dumps(one.state()) == json.dumps(other.state())


def test_scores_of_closed_windows_are_a_metric() -> None:
    def count() -> float:
        return metrics.REGISTRY.get_sample_value("detector_shape_score_count") or 0.0

    shape = Shape()
    shape.learn(np.random.default_rng(3).normal(1.0, 1.0, (REFERENCE, len(COLUMNS))), np.zeros(REFERENCE, bool))
    watcher, before = HotWindows(shape), count()
    batch, scored = calls(200, lines=5, seed=4)
    scored["tier"] = HOT_TIER
    watcher.judged(batch, Findings([], scored))
    assert count() == before + 10  # two windows are over, five lines each
