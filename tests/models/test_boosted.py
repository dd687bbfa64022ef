"""The boosted challenger: its kept trees score as scikit-learn does, and damaged ones are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.errors import ConfigError
from detector.features.catalog import COLUMNS
from models.boosted import LEAST_ROWS, SEED, Boosted, fit, new_booster


def rows(n: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Rows in which two columns together decide, with ties and the values that stand for unknown."""
    rng = np.random.default_rng(seed)
    X = np.round(rng.normal(0.0, 2.0, (n, len(COLUMNS))), 1)
    X[rng.random(X.shape) < 0.1] = -1.0
    return X, (X[:, 0] > 0) ^ (X[:, 2] > 1) ^ (rng.random(n) < 0.05)


def test_kept_trees_score_as_scikit_learn_does() -> None:
    X, y = rows(2_000, seed=1)
    model = Boosted()
    model.learn(X, y)
    fitted = fit(new_booster(SEED), X, y)
    others = np.concatenate(
        [X, rows(500, seed=2)[0], np.full((1, len(COLUMNS)), 1e300), -np.full((1, len(COLUMNS)), 1e300)]
    )
    np.testing.assert_allclose(model.score(others), fitted.decision_function(others), rtol=0, atol=1e-9)
    right = (model.score(others[2_000:2_500]) > 0) == rows(500, seed=2)[1]
    assert right.mean() > 0.85


def test_the_walk_follows_the_trees_node_by_node() -> None:
    """The slow twin of the kernel: one row, one tree, one node at a time."""
    X, y = rows(400, seed=5)
    model = Boosted()
    model.learn(X, y)
    state = model.state()
    for row, score in zip(X[:50], model.score(X[:50]), strict=True):
        total = state["baseline"]
        for node in state["root"]:
            while state["left"][node] >= 0:
                goes_left = row[state["column"][node]] <= state["threshold"][node]
                node = state["left" if goes_left else "right"][node]
            total += state["value"][node]
        assert score == pytest.approx(total, abs=1e-12)


def test_a_state_written_as_json_scores_the_same(tmp_path: Path) -> None:
    X, y = rows(600, seed=3)
    model = Boosted()
    model.learn(X, y)
    text = json.dumps(model.state())
    again = Boosted.from_state(json.loads(text))
    np.testing.assert_array_equal(again.score(X), model.score(X))
    (tmp_path / "boosted.json").write_text(text)
    np.testing.assert_array_equal(Boosted.load(tmp_path / "boosted.json").score(X), model.score(X))


def test_the_same_rows_give_the_same_trees_and_more_rows_count() -> None:
    X, y = rows(600, seed=3)
    whole, parts = Boosted(), Boosted()
    whole.learn(X, y)
    parts.learn(X[:300], y[:300])
    first = parts.state()
    parts.learn(X[300:], y[300:])
    assert parts.state() == whole.state() != first


def test_it_waits_for_enough_of_both_kinds() -> None:
    model = Boosted()
    X, y = rows(3 * LEAST_ROWS, seed=4)
    model.learn(X[~y][:LEAST_ROWS], y[~y][:LEAST_ROWS])
    model.learn(X[y][: LEAST_ROWS - 1], y[y][: LEAST_ROWS - 1])
    assert model.warming_up
    assert not model.score(X).any()
    model.learn(X[y][LEAST_ROWS - 1 : LEAST_ROWS], y[y][LEAST_ROWS - 1 : LEAST_ROWS])
    assert not model.warming_up


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("columns", ["novelty", "phase_of_the_moon"], "phase_of_the_moon"),
        ("left", [0], "lengths"),
        ("root", [10**6], "root"),
        ("column", "loop", "root or a column"),
        ("left", "loop", "before its parent"),
        ("value", ["much"], "value"),
        ("pickle", "gASV", "pickle"),
    ],
)
def test_trees_that_cannot_be_are_refused(name: str, value: Any, told: str, tmp_path: Path) -> None:
    """A file is checked before it is walked: no loop without end, no read beside the arrays."""
    model = Boosted()
    model.learn(*rows(300, seed=6))
    state = model.state()
    if value == "loop":
        value = [0 if name == "left" else 99] * len(state["left"])
    with pytest.raises(ConfigError, match=told):
        Boosted.from_state(state | {name: value})
    (tmp_path / "boosted.json").write_text(json.dumps(state | {name: value}))
    with pytest.raises(ConfigError, match=told):
        Boosted.load(tmp_path / "boosted.json")


def test_a_missing_file_says_how_to_fit_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="detector train --boosted"):
        Boosted.load(tmp_path / "nothing.json")
