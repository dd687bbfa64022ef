"""AUC, AP and recall at a false-positive rate against their definitions, and at another share of bad lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.measures import RARE, Measures, measure, precision, recall_at

SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=60).filter(
    lambda rows: len({bad for bad, _ in rows}) == 2
)


def arrays(rows: list[tuple[bool, int]]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    return np.array([bad for bad, _ in rows]), np.array([score for _, score in rows], float)


@settings(deadline=None)
@given(SCORES)
def test_auc_is_the_chance_that_a_bad_line_scores_higher(rows: list[tuple[bool, int]]) -> None:
    bad, score = arrays(rows)
    pairs = [(b > o) + 0.5 * (b == o) for b in score[bad] for o in score[~bad]]
    assert measure(bad, score).auc == pytest.approx(np.mean(pairs))


@given(SCORES, st.sampled_from([0.0, 0.01, 0.1, 0.5]))
def test_recall_is_the_best_that_accuses_so_few(rows: list[tuple[bool, int]], fpr: float) -> None:
    bad, score = arrays(rows)
    found, accused = recall_at(bad, score, fpr)
    thresholds = [t for t in range(-1, 10) if (score[~bad] > t).mean() <= fpr]
    assert accused <= fpr
    assert found == max((score[bad] > t).mean() for t in thresholds)


@settings(deadline=None)
@given(SCORES)
def test_a_rarer_kind_is_as_if_the_other_came_more_often(rows: list[tuple[bool, int]]) -> None:
    """AP at 1 % bad lines: as many copies of the ordinary lines as it takes."""
    bad, score = arrays(rows)
    n_bad, n_ordinary = int(bad.sum()), int((~bad).sum())
    copies_bad, copies_ordinary = n_ordinary, round(n_bad * (1 - RARE) / RARE)  # n_bad * n_ordinary of either, times 99
    copies = np.where(bad, copies_bad, copies_ordinary)
    assert measure(bad, score).ap_at_1_percent_bad == pytest.approx(
        measure(np.repeat(bad, copies), np.repeat(score, copies)).ap, abs=1e-9
    )


def test_precision_at_one_bad_line_in_a_hundred() -> None:
    assert precision(0.5, 0.0) == 1.0
    assert precision(1.0, 1.0) == pytest.approx(RARE)
    assert precision(0.671, 0.01) == pytest.approx(0.40, abs=0.005)  # the measured figures of a reference model
    assert precision(0.0, 0.0) == 0.0


def test_the_mean_of_runs_is_told_to_four_digits() -> None:
    one = measure(np.array([True, False, False]), np.array([1.0, 0.0, 0.5]))
    other = measure(np.array([True, False, False]), np.array([0.2, 0.0, 0.5]))
    assert Measures.mean([one, other]).auc == 0.75
    assert Measures.mean([one, one, other]).auc == 0.8333
