"""From an AI probe to a person: who bit waits in a queue until somebody of the campaign is free to call."""

import numpy as np
from numpy.typing import NDArray

from detector.traffic.clock import HOUR_MS

_WAIT_MS = 1_800_000  # median from the probe's end
_WAIT_SIGMA = 1.5
_WITHIN_MS = (120_000, 72 * HOUR_MS)

BITE = np.dtype(
    [
        ("group", np.int64),  # whose people are to call
        ("ready_ms", np.int64),  # not before
        ("number", np.int64),
        ("index", np.int64),  # the person behind it (callees.py)
        ("probe_line", np.int64),
    ]
)


class FollowUps:
    """The queue of all campaigns, and what came of it.

    closers  int64[n]  seats of the people who call
    group    int64[n]  their groups
    """

    def __init__(self, closers: NDArray[np.int64], group: NDArray[np.int64]) -> None:
        self.closers, self._group = closers, group
        self._queue = np.zeros(0, BITE)
        self._done: list[NDArray[np.int64]] = []

    def bite(
        self,
        draw: np.random.Generator,
        group: NDArray[np.int64],
        calls: NDArray[np.void],
        number: NDArray[np.int64],
        index: NDArray[np.int64],
    ) -> None:
        """The callees of these probes will be called by people of these groups."""
        bites = np.zeros(len(calls), BITE)
        wait_ms = np.clip(_WAIT_MS * np.exp(draw.normal(0, _WAIT_SIGMA, len(calls))), *_WITHIN_MS)
        bites["group"], bites["ready_ms"] = group, calls["release_ms"] + wait_ms.astype(np.int64)
        bites["number"], bites["index"], bites["probe_line"] = number, index, calls["line"]
        self._queue = np.concatenate([self._queue, bites])
        self._queue = self._queue[np.lexsort((self._queue["ready_ms"], self._queue["group"]))]

    def assign(
        self, draw: np.random.Generator, idle: NDArray[np.bool_], line: NDArray[np.int64], end_ms: int
    ) -> tuple[NDArray[np.int64], NDArray[np.void]]:
        """Who calls whom: seats, and their BITEs, which leave the queue; only what is ready before end_ms.

        idle  bool[n_closers]   has nothing to do
        line  int64[n_closers]  their lines
        """
        ready = np.flatnonzero(self._queue["ready_ms"] < end_ms)
        free = draw.permutation(np.flatnonzero(idle)) if len(ready) else np.zeros(0, np.int64)
        free = free[np.argsort(self._group[free], kind="stable")]
        waiting, who = _paired(self._queue["group"][ready], self._group[free])
        bites, seats = self._queue[ready[waiting]], free[who]
        self._done.append(np.stack([bites["probe_line"], bites["number"], line[seats]]))
        self._queue = np.delete(self._queue, ready[waiting])
        return self.closers[seats], bites

    def done(self) -> NDArray[np.int64]:
        """int64[3, n]: line that probed, number, line that was told to call it."""
        return np.concatenate([np.zeros((3, 0), np.int64), *self._done], axis=1)


def _paired(a: NDArray[np.int64], b: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of two sorted columns of groups, paired first with first, second with second inside each group."""
    size = len(a) + len(b) + 1
    key_a, key_b = (group * size + np.arange(len(group)) - np.searchsorted(group, group) for group in (a, b))
    _, in_a, in_b = np.intersect1d(key_a, key_b, assume_unique=True, return_indices=True)
    return in_a.astype(np.int64), in_b.astype(np.int64)
