"""Hidden tenants: in how many ways the lines behind one code or holder dial.

Whoever sublets a code puts many customers behind it, and each has a recording, a ringing time-out and a pause of its
own. A line belongs to the way whose pooled calls its own could be drawn from (two-sample Kolmogorov-Smirnov), else it
begins another. Two customers with the same dialer and the same recording are one way, so it is the least number.
"""

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.alert.revision import Alert, Reason
from detector.features.kept import ended_by_caller, kept_calls
from detector.features.kernels.layout import Tables
from detector.numbering.registry import Registry

EDGES_S = np.concatenate((np.arange(1, 61), np.round(60 * 1.2 ** np.arange(1, 22))))
"""Talk, ringing and pauses are compared at these seconds; the last is 46 minutes."""

WEIGHT = np.array([1.0, 1.0, 0.4])
"""Weight of talk, ringing, pauses: lines of one customer keep their own rhythm, so that pauses count less."""

DIFFERS = 1.8
"""Kolmogorov-Smirnov statistic at which two sets of calls are two ways: one pair in 300 of the same law is above.

How many of 5 to 155 customers are found: benchmarks/quality/hidden_tenants.py.
"""

LEAST_CALLS = 30
"""A line with fewer kept calls could be drawn from anything."""

MOST_LINES = 1024
LEAST_LINES = 2
"""A way that a single line has is its own."""


class HiddenTenants:
    """Looks at the kept calls of the lines that show a code's numbers."""

    def __init__(self, tables: Tables, registry: Registry) -> None:
        self._tables, self._registry = tables, registry
        self._told: dict[str, Reason] = {}  # by id of open alerts

    def told(self, alerts: list[Alert]) -> list[Alert]:
        """The same alerts; those of blocks and holders say how many ways there are, where there are several.

        The last revision of an alert says what the one before it said.
        """
        lines = np.zeros(0, np.int32), np.zeros(0, np.int64)
        if any(_may_hide(alert) and alert.state == "open" for alert in alerts):
            rows = self._tables.evidence["row"]
            used = np.flatnonzero(rows >= 0)
            lines = rows[used], self._registry.places_of(self._tables.evidence["number_key"][used])
        return [self._noted(alert, lines) if _may_hide(alert) else alert for alert in alerts]

    def _noted(self, alert: Alert, lines: tuple[NDArray[np.int32], NDArray[np.int64]]) -> Alert:
        if alert.state == "open":
            reason = self._reason(alert, *lines)
            if reason:
                self._told[alert.alert_id] = reason
        else:
            reason = self._told.pop(alert.alert_id, None)
        return msgspec.structs.replace(alert, reasons=(*alert.reasons, reason)) if reason else alert

    def _reason(self, alert: Alert, rows: NDArray[np.int32], places: NDArray[np.int64]) -> Reason | None:
        field = "block" if alert.entity_kind == "block" else "holder"
        of_it = [i for i, block in enumerate(self._registry.blocks) if getattr(block, field) == alert.entity]
        mine = rows[np.isin(places, of_it)]
        mine = mine[self._tables.rows["kept"][mine] >= LEAST_CALLS]
        if len(mine) < 2 * LEAST_LINES:
            return None
        mine = mine[np.argsort(self._tables.rows["key"][mine])][:MOST_LINES]
        ways = ways_of(np.stack([calls_by_length(kept) for kept in self._kept(mine)]))
        several = int(np.count_nonzero(np.bincount(ways) >= LEAST_LINES))
        if several < 2:
            return None
        text = (
            f"its {len(mine)} busiest lines dial in {several} ways (length of talk, of ringing, pauses):"
            " so many customers at least seem to stand behind it"
        )
        return Reason(
            family="hidden_tenants", feature="ways_of_dialing", value=float(several), usual=1.0, share=0.0, text=text
        )

    def _kept(self, rows: NDArray[np.int32]) -> Iterator[NDArray[np.void]]:
        for row in self._tables.rows[rows]:
            yield kept_calls(self._tables, row)


def _may_hide(alert: Alert) -> bool:
    return alert.entity_kind in ("block", "holder")


def calls_by_length(kept: NDArray[np.void]) -> NDArray[np.int64]:
    """How many talks, given-up rings and pauses of KEPT[n] are of which length: int64[3, len(EDGES_S) + 1]."""
    talks, rings, pauses = kept["talk_ms"], kept["ring_ms"], np.diff(np.sort(kept["setup_ms"]))
    given_up = (talks < 0) & (rings >= 0) & ended_by_caller(kept)
    lengths = (talks[talks >= 0], rings[given_up], pauses[pauses < 1000 * EDGES_S[-1]])
    bins = len(EDGES_S) + 1
    return np.stack([np.bincount(EDGES_S.searchsorted(ms / 1000, "right"), minlength=bins) for ms in lengths])


def ways_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The way of each line, int64[n], from what each of them did, int64[n, 3, bins]; the busiest line begins."""
    n = counts.sum(axis=2)
    law = np.cumsum(counts, axis=2) / np.maximum(n, 1)[:, :, None]
    pooled, ways, own = np.zeros_like(counts), 0, np.zeros(len(counts), np.int64)
    for i in np.argsort(-n.sum(axis=1), kind="stable").tolist():
        known = pooled[:ways]
        m = known.sum(axis=2)
        apart = np.abs(np.cumsum(known, axis=2) / np.maximum(m, 1)[:, :, None] - law[i]).max(axis=2)
        differs = (apart * np.sqrt(n[i] * m / np.maximum(n[i] + m, 1)) * WEIGHT).max(axis=1)
        own[i] = differs.argmin() if ways and differs.min() < DIFFERS else ways
        ways = max(ways, int(own[i]) + 1)
        pooled[own[i]] += counts[i]
    return own
