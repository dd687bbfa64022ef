"""Some of everybody's calls: what chance looks like."""

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.crowd import DRAWN, draw

MOST_CALLS = 8_192


class Crowd:
    """A threshold sample of the calls of today and yesterday: any cut and order of the stream gives the same one."""

    def __init__(self) -> None:
        self._today = self._before = np.zeros(0, DRAWN)
        self._level = 0

    def take(self, calls: NDArray[np.void], duplicate: NDArray[np.bool_], blocks: NDArray[np.int32]) -> None:
        """Draw from some calls; duplicates are left out. blocks: registry place of each caller's number."""
        drawn = np.zeros(len(calls), DRAWN)
        n = draw(calls, duplicate, blocks, self._level, drawn)
        self._today = np.concatenate([self._today, drawn[:n]])
        while len(self._today) > MOST_CALLS:
            self._level += 1
            self._today = self._today[self._today["level"] >= self._level]

    def turn_day(self) -> None:
        """Yesterday's calls are forgotten."""
        self._before, self._today = self._today, np.zeros(0, DRAWN)

    def callees(self, tenants: set[int], numbers: set[int], blocks: set[int]) -> NDArray[np.uint64]:
        """Whom they called, but for calls of these tenants, numbers and blocks; once a call."""
        calls = np.concatenate([self._before, self._today])
        apart = (
            np.isin(calls["tenant_key"], np.array(sorted(tenants - {0}), np.uint64))
            | np.isin(calls["number_key"], np.array(sorted(numbers), np.uint64))
            | np.isin(calls["block"], np.array(sorted(blocks - {-1}), np.int32))
        )
        callees: NDArray[np.uint64] = calls["callee_key"][~apart]
        return callees
