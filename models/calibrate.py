"""The tail of the score on benign lines: how often each level is reached, so that a budget becomes a threshold."""

import numpy as np
from numpy.typing import NDArray

from models.evidence import Tail

LEVELS = tuple(float(level) for level in range(4, 31))
LEAST_LINE_DAYS = 3
"""Line-days that must have reached a level for it to stand in the tail; beyond, the slope goes on."""

DAY_MS = 86_400_000


def tail_of(
    line_key: NDArray[np.uint64],
    release_ms: NDArray[np.int64],
    score: NDArray[np.floating],
    line_days: float,
) -> Tail:
    """Line-days that reach each level, over all benign line-days.

    line_key, release_ms, score  one entry a judged call of a benign line that could alert (two groups speak)
    line_days                    lines of the benign population times days, the silent ones included

    Look-alikes that alert are in it: they are what they are. Raises ValueError when too few calls reach the
    lowest levels to say anything.
    """
    day = release_ms // DAY_MS
    order = np.lexsort((day, line_key))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(line_key[order]) != 0) | (np.diff(day[order]) != 0)
    peaks = np.maximum.reduceat(score[order], np.flatnonzero(first)) if len(order) else np.zeros(0)
    reached = [(level, int((peaks >= level).sum())) for level in LEVELS]
    reached = [(level, count) for level, count in reached if count >= LEAST_LINE_DAYS]
    levels = strictly_falling(reached)
    if len(levels) < 3:
        raise ValueError(f"only {len(peaks)} line-days were weighed; train on more benign traffic")
    return Tail(
        levels=tuple(level for level, _ in levels),
        per_line_day=tuple(float(f"{count / line_days:.6g}") for _, count in levels),
        line_days=line_days,
    )


def strictly_falling(reached: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Drop levels that no fewer line-days reach than the level before: the tail must be invertible."""
    kept: list[tuple[float, int]] = []
    for level, count in reached:
        if not kept or count < kept[-1][1]:
            kept.append((level, count))
    return kept
