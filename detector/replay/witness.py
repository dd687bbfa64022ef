"""What `detector evaluate` keeps of one world while it is judged: per line, how far every model went, and the alerts.

Memory grows with the lines and with the calls of bad lines, not with the calls of the world.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detector.cdr.batch import CdrBatch
from detector.decode.rejects import Reject
from detector.features.catalog import COLUMNS, FAMILIES, GROUPS, matrix
from detector.features.kernels.layout import MILLI, WARM_TIER
from detector.numbering.plan import NumberPlan
from detector.shard import Findings
from models.contract import Model
from models.shape import WINDOW_MS, Shape

DAY_MS = 86_400_000
_BAD_CALL = np.dtype([("line", np.int32), ("setup_ms", np.int64), ("release_ms", np.int64), ("nats", np.float32)])
ENSEMBLE = "evidence + boosted"
LEAST_NATS = 2.0
"""Nats with which a group of families speaks; an alert needs two such groups."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The lines of a world: entry i of every array is line i.

    kind          class of honest line, or kind of campaign
    was           class before it was taken over; "" = was not
    first_bad_ms  setup of its first bad call; -1 = made none
    """

    lines: list[str]
    kind: NDArray[np.str_]
    was: NDArray[np.str_]
    bad: NDArray[np.bool_]
    declared: NDArray[np.bool_]
    evasive: NDArray[np.bool_]
    bad_calls: NDArray[np.int64]
    first_bad_ms: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Alerted:
    """One revision of a line's alert that says it is open."""

    line: int
    revision: int
    kind: str
    at_ms: int  # release of the call that wrote it


@dataclass(frozen=True, slots=True)
class Chase:
    """One bad line from its first bad call on; entry i is its call i.

    release_ms  int64[n]
    nats        float32[n]          evidence
    scores      float32[scorers, n]  -inf = could not have alerted
    """

    release_ms: NDArray[np.int64]
    nats: NDArray[np.float32]
    scores: NDArray[np.float32]


def truth_of(table: pa.Table) -> Truth:
    """truth.csv's columns as arrays."""

    def texts(name: str) -> NDArray[np.str_]:
        return np.array([text or "" for text in table.column(name).to_pylist()], np.str_)

    first_bad_ms = table.column("first_bad_call_ms").fill_null(-1)
    return Truth(
        lines=[str(line) for line in table.column("line").to_pylist()],
        kind=texts("class"),
        was=texts("was"),
        bad=texts("label") == "bad",
        declared=table.column("declared").to_numpy(),
        evasive=table.column("evasive").to_numpy(),
        bad_calls=table.column("bad_calls").to_numpy(),
        first_bad_ms=first_bad_ms.to_numpy(),
    )


class Witness:
    """Watches one world being judged.

    peaks   float32[scorers, lines, days]  highest score that could have alerted, -inf = none
    alerts  revisions of lines' alerts while open, in order; line -1 = of another operator
    """

    def __init__(self, table: pa.Table, plan: NumberPlan, models: Sequence[Model], start_ms: int, days: float) -> None:
        truth = truth_of(table)
        keys, _ = plan.keys(truth.lines)
        self._order = np.argsort(keys)
        self._keys = keys[self._order]
        self._index = {line: i for i, line in enumerate(truth.lines)}
        self._models, self._start_ms = models, start_ms
        self._bad = truth.bad
        self.peaks = np.full((len(scorers(models)), len(keys), max(1, round(days))), -np.inf, np.float32)
        self.alerts: list[Alerted] = []
        self.calls = 0
        self.newest_ms = start_ms
        self._chased: list[tuple[NDArray[np.void], NDArray[np.float32]]] = []

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Take in a batch."""
        calls, scored = batch.calls, findings.scored
        self.calls += len(batch)
        self.newest_ms = max(self.newest_ms, int(calls["release_ms"].max()))
        line = self._lines_of(calls["line_key"])
        bad = (line >= 0) & self._bad[line]
        rows = np.flatnonzero((line >= 0) & (scored["tier"] >= 0) & (bad | (scored["tier"] >= WARM_TIER)))
        scores = all_scores(
            self._models, matrix(scored[rows]), newest_of_windows(line[rows], calls["release_ms"][rows])
        )
        self._raise_peaks(line[rows], calls["release_ms"][rows], scores)
        chased = bad[rows]
        kept = rows[chased]
        self._chased.append((_bad_calls(line[kept], calls[kept], scored[kept]), scores[:, chased]))
        self._hear(findings)

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Nothing to do between batches."""

    def chases(self, truth: Truth) -> dict[int, Chase]:
        """Every bad line that made a bad call. truth: as it stands at the end."""
        calls = np.concatenate([part for part, _ in self._chased])
        scores = np.concatenate([part for _, part in self._chased], axis=1)
        found = {}
        for i in np.flatnonzero(truth.bad & (truth.first_bad_ms >= 0)):
            own = (calls["line"] == i) & (calls["setup_ms"] >= truth.first_bad_ms[i])
            found[int(i)] = Chase(calls["release_ms"][own], calls["nats"][own], scores[:, own])
        return found

    def _lines_of(self, keys: NDArray[np.uint64]) -> NDArray[np.intp]:
        """Index of each line, -1 = of another operator."""
        place = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
        return np.where(self._keys[place] == keys, self._order[place], -1)

    def _raise_peaks(self, line: NDArray[np.intp], release_ms: NDArray[np.int64], scores: NDArray[np.float32]) -> None:
        day = ((release_ms - self._start_ms) // DAY_MS).clip(0, self.peaks.shape[2] - 1)
        for model in range(len(scores)):
            np.maximum.at(self.peaks[model], (line, day), scores[model])

    def _hear(self, findings: Findings) -> None:
        for revision in findings.revisions:
            alert = revision.alert
            if alert.entity_kind == "line" and alert.state == "open":
                line = self._index.get(alert.entity, -1)
                self.alerts.append(Alerted(line, alert.revision, alert.kind, alert.updated_at_ms))


def _bad_calls(line: NDArray[np.intp], calls: NDArray[np.void], scored: NDArray[np.void]) -> NDArray[np.void]:
    """The columns of bad lines' calls that figures need."""
    kept = np.empty(len(line), _BAD_CALL)
    kept["line"], kept["nats"] = line, scored["score"] / MILLI
    kept["setup_ms"], kept["release_ms"] = calls["setup_ms"], calls["release_ms"]
    return kept


def scorers(models: Sequence[Model]) -> list[str]:
    """What is compared: every model alone, and evidence with boosted: both speak in nats, so their sum is a score."""
    names = [model.name for model in models]
    return [*names, ENSEMBLE] if {"evidence", "boosted"} <= set(names) else names


def newest_of_windows(line: NDArray[np.intp], release_ms: NDArray[np.int64]) -> NDArray[np.intp]:
    """Rows at which shape looks at a line: the newest of each of its windows."""
    _, back = np.unique(np.stack([line, release_ms // WINDOW_MS])[:, ::-1], axis=1, return_index=True)
    return len(line) - 1 - back


def all_scores(models: Sequence[Model], X: NDArray[np.float64], windows: NDArray[np.intp]) -> NDArray[np.float32]:
    """float32[scorers, n]: every score of each row; what evidence has a part in only where it could alert.

    windows  rows that shape scores; elsewhere it says nothing
    """
    scores = {model.name: model.score(X) for model in models if not isinstance(model, Shape)}
    for model in models:
        if isinstance(model, Shape):
            scores[model.name] = np.full(len(X), -np.inf)
            scores[model.name][windows] = model.score(X[windows])
    if "evidence" in scores:
        scores["evidence"] = np.where(speaking_groups(X) < 2, -np.inf, scores["evidence"])
    names = scorers(models)
    if ENSEMBLE in names:
        scores[ENSEMBLE] = scores["evidence"] + scores["boosted"]
    return np.stack([scores[name] for name in names]).astype(np.float32)


def speaking_groups(X: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many groups of families speak against the line in each row of X."""
    total = np.zeros(len(X), np.int64)
    for group in GROUPS:
        columns = [COLUMNS.index(family.name) for family in FAMILIES if family.group == group]
        total += X[:, columns].sum(axis=1) >= LEAST_NATS
    return total
