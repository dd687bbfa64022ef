"""When people and businesses call: activity by local hour and weekday, and "this much activity later" as a time."""

import numpy as np
from numpy.typing import NDArray

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
ZONE_MS = 8 * HOUR_MS
"""Local time of the whole scenario is China's, UTC+8, without summer time."""

FAR_MS = np.iinfo(np.int64).max // 4
"""Never: the next call of a seat that has stopped."""

_EVERY_DAY = (1.0,) * 7
_WORK_DAYS = (1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0)

# Measured on pupils' phones (Nodobo 2010-11): share of a day's calls by local hour, of a week's by day from Monday, %.
_PEOPLE_HOURS: tuple[float, ...] = (1.9, 1.6, 0.8, 0.2, 0.2, 0.3, 1.4, 4.0, 3.3, 1.9, 3.7, 4.4)
_PEOPLE_HOURS += (5.7, 5.7, 7.3, 8.6, 10.8, 9.3, 7.8, 6.1, 4.1, 3.5, 3.7, 3.8)
_PEOPLE_DAYS = (12.7, 11.3, 11.8, 12.9, 17.9, 20.7, 12.8)


def _hours(*spans: tuple[int, int, float]) -> tuple[float, ...]:
    """24 weights: (first hour, hour after the last, weight), later spans over earlier ones; 0 elsewhere."""
    weights = [0.0] * 24
    for first, after, weight in spans:
        weights[first:after] = [weight] * (after - first)
    return tuple(weights)


_OFFICE = _hours((9, 18, 1.0), (12, 13, 0.0))

PROFILES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # name: (24 hours, 7 days); 1.0 = the rate a habit states. People's profile has mean 1 over the week.
    "people": (tuple(h * 24 / 100 for h in _PEOPLE_HOURS), tuple(d * 7 / 100.1 for d in _PEOPLE_DAYS)),
    "flat": (_hours((0, 24, 1.0)), _EVERY_DAY),
    "office": (_OFFICE, _WORK_DAYS),
    "daily_office": (_OFFICE, (1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.3)),
    "dialing": (_hours((9, 20, 1.0)), _EVERY_DAY),
    "rounds": (_hours((8, 20, 0.6), (9, 12, 1.2), (14, 18, 1.2)), _EVERY_DAY),
    "meals": (_hours((10, 22, 0.4), (11, 13, 1.4), (17, 20, 1.4)), _EVERY_DAY),
    "requests": (_hours((0, 7, 0.2), (7, 24, 1.0)), _EVERY_DAY),
    "taxi": (_hours((0, 24, 1.0), (1, 6, 0.4)), _EVERY_DAY),
    "after_school": (_hours((16, 18, 1.0)), (0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0)),
    "warning": (_hours((10, 11, 1.0), (15, 16, 1.0)), (0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)),
}
PROFILE_NAMES = tuple(PROFILES)


class Clock:
    """Activity of every profile as one rising curve each, so that a gap of activity can be added to a time.

    A quiet hour stretches gaps, a closed hour is skipped. Built for the scenario's days and five weeks more;
    what would happen later never happens (FAR_MS).
    """

    def __init__(self, start_ms: int, days: float) -> None:
        local_day = (start_ms + ZONE_MS) // DAY_MS
        self._origin_ms = local_day * DAY_MS - ZONE_MS
        n_days = int(np.ceil(days)) + 36
        weekdays = (local_day + 3 + np.arange(n_days)) % 7  # 1 January 1970 was a Thursday
        rates = np.array([np.outer(np.array(week)[weekdays], hours).ravel() for hours, week in PROFILES.values()])
        curve = np.zeros((len(rates), rates.shape[1] + 1))
        np.cumsum(rates * HOUR_MS, axis=1, out=curve[:, 1:])
        self._hours = rates.shape[1]
        self._rates = np.pad(rates, ((0, 0), (0, 1)), constant_values=1.0).ravel()
        self._stack = curve.max() + HOUR_MS  # curves of the profiles lie one above the other: one sorted search
        self._curve = (curve + self._stack * np.arange(len(rates))[:, None]).ravel()

    def hour(
        self, profile: NDArray[np.int64], at_ms: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The profile's rate at these times, and when it can next change (the end of the hour)."""
        hour = (at_ms - self._origin_ms) // HOUR_MS
        rate: NDArray[np.float64] = self._rates[profile * (self._hours + 1) + np.clip(hour, 0, self._hours)]
        return rate, self._origin_ms + (hour + 1) * HOUR_MS

    def later(
        self, profile: NDArray[np.int64], at_ms: NDArray[np.int64], gap_ms: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """The times at which this much more activity has passed.

        profile  int64[n]    index into PROFILE_NAMES
        at_ms    int64[n]    UTC ms, from the scenario's first local midnight on
        gap_ms   float64[n]  ms of activity at rate 1
        """
        first = profile * (self._hours + 1)
        hour, rest = np.divmod(at_ms - self._origin_ms, HOUR_MS)
        now = first + np.clip(hour, 0, self._hours)
        height = self._curve[now] + self._rates[now] * rest + gap_ms
        knot = np.searchsorted(self._curve, height, side="right") - 1
        beyond = knot >= first + self._hours
        knot = np.where(beyond, first, knot)
        in_hour = (height - self._curve[knot]) / self._rates[knot]
        at = self._origin_ms + (knot - first) * HOUR_MS + np.where(beyond, 0, in_hour).astype(np.int64)
        return np.where(beyond, FAR_MS, at)
