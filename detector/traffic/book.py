"""Hands out numbers to trades and campaigns; nobody gets a number twice."""

import numpy as np
from numpy.typing import NDArray

from detector.traffic.habit import Habit
from detector.traffic.numbers import Numbers, fixed_number, spare_mobile

_FIRST_CODE = 950_100  # assigned 95 codes of six digits, a hundred numbers each
_FIRST_BANK = 95_510
_FIRST_MACHINE = 1_064_800_000_000


class NumberBook:
    """The numbers still free, by kind."""

    def __init__(self, seed: int) -> None:
        self._used: dict[str, int] = {"fixed": seed % 1_000_003}

    def shown(self, habit: Habit, zone: NDArray[np.int64], code: str = "") -> Numbers:
        """int64[n_owners, habit.numbers]: what callees of these owners (each in its city) see.

        code  the assigned code whose numbers they share, instead of one of their own
        """
        owners, each = len(zone), habit.numbers
        if code:
            return int(code) * 100 + (self._next(code, owners * each) % 100).reshape(owners, each)
        match habit.shows:
            case "code":
                return (_FIRST_CODE + self._next("codes", owners))[:, None] * 100 + np.arange(each)
            case "bank":
                return _FIRST_BANK + self._next("banks", owners)[:, None]
            case "machine":
                return _FIRST_MACHINE + self._next("machines", owners)[:, None]
            case "fixed":
                return self.fixed(np.repeat(zone, each)).reshape(owners, each)
            case "mobile":
                return self.mobiles(np.repeat(zone, each)).reshape(owners, each)

    def fixed(self, zone: NDArray[np.int64]) -> Numbers:
        """One fixed number in each of these cities."""
        return fixed_number(zone, self._next("fixed", len(zone)))

    def mobiles(self, zone: NDArray[np.int64]) -> Numbers:
        """One mobile number in each of these cities."""
        return spare_mobile(self._next("mobiles", len(zone)), zone)

    def _next(self, kind: str, n: int) -> NDArray[np.int64]:
        first = self._used.get(kind, 0)
        self._used[kind] = first + n
        return np.arange(first, first + n)
