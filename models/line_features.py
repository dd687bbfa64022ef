"""What a whole life of calls says of a line: boosting, and the families' aggregate forms, on labelled lines.

`detector train --line-features FILE` fits and cross-validates on a table with one labelled line a row (features of
the 2020 Digital Sichuan competition). Nothing of it judges calls: it shows what real labels say about the families,
and how far features of connected calls go. Card: models/cards/line_features.md.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray
from scipy.special import gammaln

from detector.errors import InputError
from models.boosted import fit, new_booster
from models.measures import Measures, measure

LINE, LABEL = "phone_no_m", "label"
STREAMED = {
    "calls": "opposite_count",
    "peers": "opposite_unique",
    "outbound_calls": "voccalltype1",
    "call_types": "calltype_id_unique",
    "calls_per_peer": "phone2opposite_mean",
    "most_calls_to_a_peer": "phone2opposite_max",
    "spread_of_calls_per_peer": "phone2opposite_std",
    "talk_mean_s": "call_dur_mean",
    "talk_median_s": "call_dur_median",
    "talk_longest_s": "call_dur_max",
    "talk_shortest_s": "call_dur_min",
    "talk_spread_s": "call_dur_std",
    "hours_of_day": "voc_hour_nunique",
    "calls_in_busiest_hour": "voc_hour_mode_count",
    "days_of_month": "voc_day_nunique",
    "calls_on_busiest_day": "voc_day_mode_count",
}
"""Features that a stream can keep of a line -> columns of the table. Handsets (IMEIs) are not in a call record."""

FAMILIES = ("novelty", "pace", "script", "direction", "hours", "days")
"""Aggregate forms of the evidence: peers against those of ordinary life, peers a day, spread of talk, share of calls
made, and the shares of the busiest hour and day."""

THETA, SIGMA = 3.0, 0.5
"""Ordinary life meets strangers like this (Pitman-Yor): the start values of the novelty family."""

FOLDS, REPEATS = 5, 3
LEAST_LINES = 50
"""Of each kind, to fit on."""

Report = Callable[[float, int], None]
"""Told the share that is done (0..1) and how many scores were given so far."""


class Lines(msgspec.Struct, frozen=True):
    """Labelled lines, a row each. X: float64[n, features]; bad: bool[n]."""

    name: str
    line: NDArray[np.str_]
    X: NDArray[np.float64]
    bad: NDArray[np.bool_]

    def only(self, rows: NDArray[Any]) -> "Lines":
        """These rows (numbers, or one bool a row)."""
        return Lines(self.name, self.line[rows], self.X[rows], self.bad[rows])


class Scorer(msgspec.Struct, frozen=True, kw_only=True):
    """One way to score lines, and how well it does on lines that it was not fitted on."""

    name: str
    features: int
    measures: Measures


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """What `detector train --line-features` found out."""

    fitted_on: str
    judged: str
    lines: int
    bad: int
    left_out: int  # lines of the first file that the other one has too
    seed: int
    scorers: tuple[Scorer, ...]

    def as_text(self) -> str:
        """For a terminal."""
        rows = [
            f"{self.lines:,} lines, {self.bad:,} of them bad, of {self.judged}; fitted on {self.fitted_on}",
            f"{'':28}{'':10}{'recall at FPR':>18}{'with 1 % bad lines:':>22} precision at FPR",
            f"{'scorer':28}{'AUC':>5}{'AP':>7}{'1 %':>10}{'0.1 %':>7}{'AP':>17}{'1 %':>11}{'0.1 %':>7}",
        ]
        for one in self.scorers:
            m = one.measures
            rows.append(
                f"{f'{one.name} ({one.features})':28}{m.auc:5.3f}{m.ap:7.3f}{m.recall_at_fpr_1_percent:10.3f}"
                f"{m.recall_at_fpr_01_percent:7.3f}{m.ap_at_1_percent_bad:17.3f}"
                f"{m.precision_at_fpr_1_percent:11.2f}{m.precision_at_fpr_01_percent:7.2f}"
            )
        if self.left_out:
            rows.append(f"{self.left_out:,} lines that both files have were not fitted on")
        return "\n".join(rows)


def read_lines(file: Path) -> Lines:
    """A table of labelled lines (.csv, may be gzipped). Raises InputError that says what is wrong with it."""
    types = dict.fromkeys(STREAMED.values(), pa.float64()) | {LINE: pa.string(), LABEL: pa.int8()}
    convert = pa_csv.ConvertOptions(column_types=types, include_columns=list(types))
    try:
        table = pa_csv.read_csv(file, convert_options=convert)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise InputError(f"{file}: not a table of labelled lines: {error}") from None
    columns = {name: table.column(column).to_numpy() for name, column in STREAMED.items()}
    label = np.array(table.column(LABEL).to_pylist())
    if set(label) != {0, 1}:
        raise InputError(f"{file}: column {LABEL} must say 0 (ordinary) or 1 (bad) of every line, and have both")
    for name in ("calls", "peers"):
        if not (columns[name] >= 1).all():
            raise InputError(f"{file}: column {STREAMED[name]} must be at least 1; every line here has made a call")
    X = np.column_stack([*columns.values(), *families(columns).values()])
    return Lines(file.name, np.array(table.column(LINE).to_pylist(), np.str_), X, label == 1)


def families(of: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """FAMILIES of lines with these STREAMED features; NaN where one of them is missing."""
    median_s, days = np.maximum(of["talk_median_s"], 0.5), np.maximum(of["days_of_month"], 1.0)
    values = (
        np.log(of["peers"] / usual_peers(of["calls"])),
        np.log(of["peers"] / days),
        np.sqrt(2.0 * np.log(np.maximum(of["talk_mean_s"] / median_s, 1.0))),  # sigma of a log-normal
        of["outbound_calls"] / of["calls"],
        of["calls_in_busiest_hour"] / of["calls"],
        of["calls_on_busiest_day"] / of["calls"],
    )
    return dict(zip(FAMILIES, values, strict=True))


def usual_peers(calls: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many people an ordinary line has met after so many calls: the mean of Pitman & Yor 1997."""
    log_ratio = gammaln(THETA + calls + SIGMA) + gammaln(THETA + 1) - gammaln(THETA + calls) - gammaln(THETA + SIGMA)
    met: NDArray[np.float64] = np.exp(log_ratio) / SIGMA - THETA / SIGMA
    return met


def assess(fitted_on: Lines, other: Lines | None, seed: int, report: Report, repeats: int = REPEATS) -> Assessment:
    """Score every line by models that have not seen it: cross-validated, or fitted on one file for the other.

    Lines of both files are left out of the fit. Raises InputError when too few lines of a kind are left.
    """
    known = np.isin(fitted_on.line, other.line) if other else np.zeros(len(fitted_on.line), bool)
    fitted_on = fitted_on.only(~known)
    if min(fitted_on.bad.sum(), (~fitted_on.bad).sum()) < LEAST_LINES:
        raise InputError(f"{fitted_on.name}: fewer than {LEAST_LINES} lines of a kind are left to fit on")
    judged, scorers, ways = other or fitted_on, [], _ways(seed)
    for i, (name, columns, new_model) in enumerate(ways, 1):
        turns = _in_turns(fitted_on, columns, new_model, seed, repeats)
        scores = [_scores(new_model, fitted_on, other, columns)] if other else turns
        results = [measure(judged.bad, each) for each in scores]
        scorers.append(Scorer(name=name, features=len(columns), measures=Measures.mean(results)))
        report(i / len(ways), i * len(judged.bad))
    return Assessment(
        fitted_on=fitted_on.name if other else f"the other {FOLDS - 1} of {FOLDS} folds, {repeats} times",
        judged=judged.name,
        lines=len(judged.bad),
        bad=int(judged.bad.sum()),
        left_out=int(known.sum()),
        seed=seed,
        scorers=tuple(scorers),
    )


def _in_turns(
    lines: Lines, columns: list[int], new_model: Callable[[], Any], seed: int, repeats: int
) -> Iterator[NDArray[np.float64]]:
    """Scores of all lines, each fold by a model fitted on the other folds; once for each repetition."""
    from sklearn.model_selection import StratifiedKFold

    for repeat in range(repeats):
        scores = np.zeros(len(lines.bad))
        for rest, fold in StratifiedKFold(FOLDS, shuffle=True, random_state=seed + repeat).split(lines.X, lines.bad):
            scores[fold] = _scores(new_model, lines.only(rest), lines.only(fold), columns)
        yield scores


def _scores(new_model: Callable[[], Any], fitted_on: Lines, judged: Lines, columns: list[int]) -> NDArray[np.float64]:
    model = fit(new_model(), fitted_on.X[:, columns], fitted_on.bad)
    bad: NDArray[np.float64] = model.predict_proba(judged.X[:, columns])[:, 1]
    return bad


def _ways(seed: int) -> list[tuple[str, list[int], Callable[[], Any]]]:
    """(name, columns of X, an unfitted model) of each scorer; the first is the one to look at."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def logistic() -> Any:
        return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression())

    streamed, own = list(range(len(STREAMED))), list(range(len(STREAMED), len(STREAMED) + len(FAMILIES)))
    return [
        ("boosting, all", streamed + own, lambda: new_booster(seed)),
        ("boosting, streamed", streamed, lambda: new_booster(seed)),
        ("boosting, families", own, lambda: new_booster(seed)),
        ("logistic, families", own, logistic),
        ("logistic, novelty alone", own[:1], logistic),
    ]
