"""The tail of the score on benign lines, against counting by hand."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.calibrate import DAY_MS, LEAST_LINE_DAYS, LEVELS, tail_of

CALLS = st.lists(st.tuples(st.integers(1, 12), st.integers(0, 4), st.integers(0, 24)), min_size=1, max_size=200)


def columns(
    calls: list[tuple[int, int, int]],
) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.float64]]:
    line, day, score = np.array(calls).T
    return line.astype(np.uint64), day * DAY_MS + 5, score + 0.5


def counted(calls: list[tuple[int, int, int]]) -> dict[float, int]:
    """Line-days that reach each level; levels that nobody reaches, or as many as the one before, left out."""
    peaks: dict[tuple[int, int], float] = defaultdict(float)
    for line, day, score in calls:
        peaks[line, day] = max(peaks[line, day], score + 0.5)
    found: dict[float, int] = {}
    for level in LEVELS:
        reached = sum(peak >= level for peak in peaks.values())
        if reached >= LEAST_LINE_DAYS and reached not in found.values():
            found[level] = reached
    return found


@given(CALLS)
def test_line_days_that_reach_a_level(calls: list[tuple[int, int, int]]) -> None:
    expected = counted(calls)
    if len(expected) < 3:
        with pytest.raises(ValueError, match="more benign traffic"):
            tail_of(*columns(calls), line_days=1000.0)
        return
    tail = tail_of(*columns(calls), line_days=1000.0)
    assert dict(zip(tail.levels, tail.per_line_day, strict=True)) == {
        level: pytest.approx(count / 1000.0) for level, count in expected.items()
    }
    assert all(np.diff(tail.per_line_day) < 0)  # it can be inverted


@given(CALLS, st.randoms())
def test_the_order_of_calls_makes_no_difference(calls: list[tuple[int, int, int]], shuffler: object) -> None:
    if len(counted(calls)) < 3:
        return
    mixed = sorted(calls, key=lambda _: shuffler.random())  # type: ignore[attr-defined]
    assert tail_of(*columns(mixed), line_days=10.0) == tail_of(*columns(calls), line_days=10.0)


def test_nothing_weighed_is_refused() -> None:
    with pytest.raises(ValueError, match="only 0 line-days"):
        tail_of(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0), line_days=10.0)
