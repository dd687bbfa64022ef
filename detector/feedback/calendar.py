"""Which change takes effect before which call."""

import heapq
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from detector.feedback.applied import Applied
from detector.feedback.request import Request

MINUTE_MS = 60_000


def next_minute(newest_ms: int) -> int:
    """The event minute (UTC ms) that begins after the newest call; before the first call: 0."""
    return (newest_ms // MINUTE_MS + 1) * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Asked:
    """A request out of a file: what it comes to is settled when its minute (UTC ms) has come. position: its line."""

    apply_ms: int
    position: int
    request: Request


class Calendar:
    """Changes that wait for their minute. Of one minute, those that came first take effect first."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, Applied | Asked]] = []
        self._entered = count()

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, change: Applied | Asked) -> None:
        """Let it wait."""
        heapq.heappush(self._waiting, (change.apply_ms, next(self._entered), change))

    def reached(self, release_ms: NDArray[np.int64], newest_ms: int) -> int | None:
        """Place of the first of these calls that the next change comes before; None = of none of them.

        release_ms  int64[n], in order of judgement
        newest_ms   newest release_ms of the calls before; a change that is overdue comes before the first call
        """
        if not self._waiting or not len(release_ms):
            return None
        apply_ms = self._waiting[0][0]
        if newest_ms >= apply_ms:
            return 0
        first = int(np.argmax(release_ms >= apply_ms))
        return first if release_ms[first] >= apply_ms else None

    def leave(self) -> Applied | Asked:
        """The next change, taken out."""
        return heapq.heappop(self._waiting)[2]
