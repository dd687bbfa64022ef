"""What every model keeps to, whatever is inside it, and that each has a card."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.features.catalog import COLUMNS, FAMILIES, FEATURES
from models.boosted import Boosted
from models.catalog import all_models
from models.contract import Model
from models.shape import REFERENCE

CARDS = Path(__file__).parents[2] / "models" / "cards"
NAMES = [model.name for model in all_models()]
BESIDE = {"drift", "line_features"}
"""Cards of what learns but is no model of calls: one watches the traffic, the other judges labelled lines."""


def rows(n: int, seed: int, dialer: bool = False) -> NDArray[np.float64]:
    """Judged calls as the shard tells them: shares in 1/1024 nat, whole counts, -1 where something is not known."""
    rng = np.random.default_rng(seed)
    X = np.zeros((n, len(COLUMNS)))
    for name in (family.name for family in FAMILIES):
        X[:, COLUMNS.index(name)] = np.rint(1024 * rng.normal(2.5 if dialer else -1.5, 1.0, n)) / 1024
    for feature in FEATURES:
        if feature.unit == "0/1":
            values = (rng.random(n) < (0.9 if dialer else 0.2)).astype(float)
        elif feature.unit == "h":
            values = rng.integers(0, 24, n).astype(float)
        else:
            values = rng.poisson(20.0 if dialer else 3.0, n).astype(float)
        unknown = (rng.random(n) < 0.1) & ("-1 =" in feature.definition)
        X[:, COLUMNS.index(feature.name)] = np.where(unknown, -1.0, values)
    return X


def fresh(name: str) -> Model:
    return next(model for model in all_models() if model.name == name)


def taught(name: str, seed: int = 1) -> Model:
    """A model that has seen what it needs: many ordinary calls, some of dialers."""
    model = fresh(name)
    X = np.concatenate([rows(2 * REFERENCE, seed), rows(REFERENCE // 2, seed + 100, dialer=True)])
    order = np.random.default_rng(seed).permutation(len(X))
    model.learn(X[order], order >= 2 * REFERENCE)
    return model


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_names_are_unique_and_columns_exist() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 4
    for model in all_models():
        assert set(model.columns) <= set(COLUMNS), model.name
        assert model.columns, model.name


def test_scoring_changes_nothing(name: str) -> None:
    model, X = taught(name), rows(40, seed=2)
    kept, state = X.copy(), json.dumps(model.state())
    first = model.score(X)
    np.testing.assert_array_equal(model.score(X), first)
    np.testing.assert_array_equal(X, kept)
    assert json.dumps(model.state()) == state


def test_scores_are_finite_and_one_a_row_whatever_stands_beside_it(name: str) -> None:
    model, X = taught(name), rows(40, seed=3)
    scores = model.score(X)
    assert scores.shape == (40,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal([model.score(X[i : i + 1])[0] for i in range(40)], scores)
    np.testing.assert_array_equal(model.score(X[::-1]), scores[::-1])


def test_columns_that_are_not_read_do_not_matter(name: str) -> None:
    model, X = taught(name), rows(40, seed=4)
    scores = model.score(X)
    unread = [i for i, column in enumerate(COLUMNS) if column not in model.columns]
    for anything in (0.0, 1e12, np.nan):
        X[:, unread] = anything
        np.testing.assert_array_equal(model.score(X), scores)


def test_before_any_data(name: str) -> None:
    model, nothing = fresh(name), np.zeros((0, len(COLUMNS)))
    state, warming = json.dumps(model.state()), model.warming_up
    assert model.score(nothing).shape == (0,)
    model.learn(nothing, np.zeros(0, bool))
    assert (json.dumps(model.state()), model.warming_up) == (state, warming)
    assert np.isfinite(model.score(rows(5, seed=5))).all()


def test_warming_up_is_honest(name: str) -> None:
    """While it lasts the scores say nothing: all the same. After it they differ."""
    model, X = fresh(name), np.concatenate([rows(40, seed=6), rows(40, seed=6, dialer=True)])
    if model.warming_up:
        assert len(np.unique(model.score(X))) == 1
    model = taught(name)
    assert not model.warming_up
    assert len(np.unique(model.score(X))) > 1


def test_the_state_is_json_and_equal_states_score_equally(name: str) -> None:
    one, same, other = taught(name), taught(name), taught(name, seed=7)
    X = np.concatenate([rows(40, seed=8), rows(40, seed=8, dialer=True)])
    assert json.loads(json.dumps(one.state())) == json.loads(json.dumps(same.state()))
    np.testing.assert_array_equal(one.score(X), same.score(X))
    if json.dumps(one.state()) == json.dumps(other.state()):
        np.testing.assert_array_equal(one.score(X), other.score(X))
    else:
        assert (one.score(X) != other.score(X)).any()


def test_a_call_of_a_dialer_scores_above_ordinary_ones(name: str) -> None:
    model = taught(name)
    ordinary, dialer = model.score(rows(200, seed=9)), model.score(rows(200, seed=9, dialer=True))
    above = (dialer[:, None] > ordinary[None, :]).mean()
    assert above > 0.95


def test_the_boosted_model_that_ships_is_fitted_to_features_that_exist() -> None:
    assert not Boosted.load().warming_up


@pytest.mark.parametrize("card", [*NAMES, *sorted(BESIDE)])
def test_every_model_has_a_card(card: str) -> None:
    text = (CARDS / f"{card}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {card}\n")
    parts = dict(re.findall(r"(?s)\*\*(.+?)\.\*\* (.+?)(?=\n\*\*|\n*\Z)", text))
    assert list(parts) == ["What it sees", "What it was fitted on", "Where it is blind", "Figures"]
    assert all(len(part.split()) >= 5 for part in parts.values()), card
    assert re.search(r"`(python -m|detector) \w", parts["Figures"]), "no command that makes the figures again"


def test_no_card_is_left_over() -> None:
    assert {card.stem for card in CARDS.glob("*.md")} == {*NAMES, *BESIDE}
