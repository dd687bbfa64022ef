"""Has the traffic moved away from what the model was fitted on? A warning about the model, never about a line.

Two figures of every minute of event time: the share of calls whose line passed the gate (warm or hot), and the mean
score of all calls as a share of the threshold. Each is compared with what is usual at its hour of the day, and ADWIN
(Bifet & Gavalda 2007, river) watches the difference. Card: models/cards/drift.md.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
from river.drift import ADWIN

from detector import metrics
from detector.cdr.batch import CdrBatch
from detector.features.kernels.layout import MILLI, WARM_TIER

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
LEAST_CALLS = 50
"""Calls that make a figure; minutes with fewer are put together."""

RECENT = 32
"""Figures that say where it moved to; ADWIN looks for a change as often."""

LEAST_MOVE = 0.2
"""A change of less than a fifth is no news, however sure it is: a nation's traffic makes any change significant."""

NEW_DAY = 0.3
"""Weight of the newest day in what is usual at an hour."""

WHAT = {
    "gate_rate": "the share of calls from busy lines",
    "score_mean": "the mean score, as a share of the threshold,",
}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure left its usual values. was, now: means over the last RECENT figures, usual and seen."""

    what: str
    at_ms: int
    was: float
    now: float

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        return f"{WHAT[self.what]} moved from {self.was:.2g} to {self.now:.2g} by {at:%Y-%m-%d %H:%M} UTC"


class Rhythm:
    """One figure against its own day.

    Without the comparison, nine days in which nothing moved raised 5 warnings about the gate rate, most of them about
    the time of day; with it one, about the state that filled (2026-11). The first day only teaches; so does the day
    after a warning, which stands until then.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._forget()

    def _forget(self) -> None:
        self._usual: dict[int, float] = {}
        self._hour, self._sum, self._n = -1, 0.0, 0
        self._adwin = ADWIN(clock=RECENT)
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)
        self.moved: Moved | None = None

    def take(self, at_ms: int, figure: float) -> Moved | None:
        """The next figure, in order; what moved, when this one shows it."""
        hour = at_ms // HOUR_MS
        if hour != self._hour:
            self._learn(hour)
        self._sum, self._n = self._sum + figure, self._n + 1
        usual = self._usual.get(hour % 24)
        if usual is None:
            return None
        self.moved = None
        self._recent.append((usual, figure))
        self._adwin.update(figure - usual)
        if not self._adwin.drift_detected:
            return None
        was, now = (float(mean) for mean in np.mean(self._recent, axis=0))
        if abs(now - was) < LEAST_MOVE * was:
            return None
        self._forget()
        self.moved = Moved(self._what, at_ms, was, now)
        return self.moved

    def _learn(self, hour: int) -> None:
        """An hour is over: its mean becomes part of what is usual then."""
        if self._n:
            mean, of_day = self._sum / self._n, self._hour % 24
            before = self._usual.get(of_day, mean)
            self._usual[of_day] = before + NEW_DAY * (mean - before)
        self._hour, self._sum, self._n = hour, 0.0, 0


class Findings(Protocol):
    """What the shard says of a batch, as far as it is looked at here."""

    @property
    def scored(self) -> NDArray[np.void]:
        """SCORED[n]."""
        ...


class Drift:
    """Watches the loop. How the stream is cut into batches makes no difference: counts and sums are integers.

    threshold  nats
    """

    def __init__(self, threshold: float) -> None:
        self._most = round(threshold * MILLI)
        self._rhythms = {what: Rhythm(what) for what in WHAT}
        self._minute = -1
        self._counts = np.zeros(3, np.int64)  # calls, calls of gated lines, sum of scores in 1/1024 nat

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Count the calls of each minute; a call belongs to the newest minute seen before it."""
        scored = findings.scored
        minutes = np.maximum.accumulate(batch.calls["release_ms"]) // MINUTE_MS
        minutes = np.maximum(minutes, self._minute)
        counted = scored["tier"] >= 0
        gated = scored["tier"] >= WARM_TIER
        score = np.clip(scored["score"], 0, self._most)
        counts = np.stack([counted, gated, np.where(counted, score, 0)], axis=1).astype(np.int64)
        begins = np.flatnonzero(np.diff(minutes, prepend=minutes[0] - 1))
        for minute, sums in zip(minutes[begins].tolist(), np.add.reduceat(counts, begins), strict=True):
            if minute != self._minute:
                self._close()
                self._minute = minute
            self._counts += sums

    def turn(self, rejects: Sequence[object]) -> None:
        """Nothing to do between batches."""

    def warnings(self) -> tuple[str, ...]:
        """What moved during the last day, in an operator's words."""
        return tuple(str(rhythm.moved) for rhythm in self._rhythms.values() if rhythm.moved)

    def _close(self) -> None:
        """A minute is over: its figures, when it had calls enough."""
        calls, gated, score = self._counts.tolist()
        if calls < LEAST_CALLS:
            return
        figures = {"gate_rate": gated / calls, "score_mean": score / calls / self._most}
        self._counts[:] = 0
        for what, figure in figures.items():
            moved = self._rhythms[what].take(self._minute * MINUTE_MS, figure)
            if moved:
                metrics.model_drift.labels(what).inc()
                _log.warning(
                    "model_drift", what=what, was=round(moved.was, 3), now=round(moved.now, 3), text=str(moved)
                )
