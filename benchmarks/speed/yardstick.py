"""How fast this machine is right now: a kernel that does nothing but touch rows of one cache line at random.

On a shared machine nanoseconds come and go with the neighbours; as multiples of this kernel, measured in the same
seconds, they stay.
"""

from time import process_time

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.jit import njit
from detector.features.kernels.prefetch import prefetch

ROWS = 1_000_000
WORDS = 8
TOUCHES = 200_000
AHEAD = 32


@njit
def touch(rows: NDArray[np.uint64], chosen: NDArray[np.int64]) -> None:
    """Read, change and write all eight words of each chosen row, asked for 32 rows ahead. In place."""
    for i in range(chosen.shape[0]):
        if i + AHEAD < chosen.shape[0]:
            prefetch(rows, chosen[i + AHEAD] * WORDS, 0)
        for k in range(WORDS):
            place = chosen[i] * WORDS + k
            rows[place] = (rows[place] ^ np.uint64(i)) * np.uint64(0x94D049BB133111EB)


class Yardstick:
    """64 MB of rows, and the order in which they are touched."""

    def __init__(self) -> None:
        self._rows = np.ones(ROWS * WORDS, np.uint64)
        self._chosen = np.random.default_rng(1).integers(0, ROWS, TOUCHES)
        self.ns()

    def ns(self) -> float:
        """Processor nanoseconds a row now."""
        started = process_time()
        touch(self._rows, self._chosen)
        return (process_time() - started) / TOUCHES * 1e9
