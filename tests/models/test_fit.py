"""Fits find the law that made the calls, whatever else is in them, and leave what too few calls tell as it was."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.features.kernels.layout import ANSWERED, BUSY, INVALID, UNANSWERED, UNOBSERVED
from detector.replay.train import START
from models.evidence import Evidence
from models.fit import (
    COVERED,
    LEAST_CALLS,
    MOST_CALLS_PER_LINE,
    first_calls,
    fit_beside,
    fit_class,
    fit_dialing,
    fit_gaps,
    fit_hours,
    fit_least_spread,
    fit_life,
    fit_logs,
    fit_new_share,
    fit_novelty,
    fit_outcomes,
    fit_share,
    people,
)

SHIPPED = Evidence.load(START).parameters
ANY = SHIPPED.classes["any"]


def lives(
    lines: int, calls: int, theta: float, sigma: float, seed: int, kind: str = "ordinary"
) -> dict[str, NDArray[Any]]:
    """Lines that meet people by the Pitman-Yor law, as a trace tells it."""
    rng = np.random.default_rng(seed)
    n, d = np.tile(np.arange(calls), (lines, 1)), np.zeros((lines, calls), int)
    first_time = np.zeros((lines, calls), bool)
    known = np.zeros(lines, int)
    for i in range(calls):
        d[:, i] = known
        first_time[:, i] = rng.random(lines) < (theta + sigma * known) / (theta + i)
        known += first_time[:, i]
    size = lines * calls
    return {
        "line_key": np.repeat(np.arange(lines, dtype=np.uint64), calls),
        "known_calls": n.ravel(),
        "known_callees": d.ravel(),
        "first_time": first_time.ravel(),
        "outcome": rng.choice([ANSWERED, UNANSWERED, BUSY, INVALID, UNOBSERVED], size, p=[0.6, 0.25, 0.04, 0.01, 0.1]),
        "talk_s": rng.lognormal(3.4, 1.1, size).astype(np.float32),
        "ring_s": np.where(rng.random(size) < 0.7, -1, rng.lognormal(2.6, 0.5, size)),
        "ultra_short": rng.choice([-1, 0, 1], size, p=[0.5, 0.45, 0.05]),
        "near": rng.choice([-1, 0, 1], size, p=[0.2, 0.79, 0.01]),
        "beside": rng.choice([0, 1, 2, 3], size, p=[0.96, 0.03, 0.005, 0.005]),
        "hour": rng.integers(0, 24, size),
        "gap_new_s": np.where(rng.random(size) < 0.1, -1, 600.0 * (rng.random(size) ** (-1 / 0.8) - 1)),
        "kind": np.full(size, kind),
    }


@pytest.mark.parametrize(("theta", "sigma"), [(3.0, 0.5), (1.0, 0.2), (20.0, 0.8)])
def test_the_law_of_meeting_people_is_found_again(theta: float, sigma: float) -> None:
    found_theta, found_sigma = fit_novelty(lives(400, 100, theta, sigma, seed=1), ANY)
    assert found_theta == pytest.approx(theta, rel=0.25, abs=0.1)
    assert found_sigma == pytest.approx(sigma, abs=0.04)


def test_a_class_is_fitted_and_what_is_a_choice_stays() -> None:
    fitted = fit_class(lives(200, 40, 3.0, 0.5, seed=2), ANY)
    assert (fitted.talk_mu, fitted.talk_sigma) == pytest.approx((3.4, 1.1), abs=0.06)
    assert (fitted.ring_mu, fitted.ring_sigma) == pytest.approx((2.6, 0.5), abs=0.06)
    assert fitted.short_p0 == pytest.approx(0.1, abs=0.02)
    assert fitted.beside_p0[0] == pytest.approx(0.96, abs=0.01)
    assert fitted.outcomes_p0.unanswered == pytest.approx(0.25 / 0.9, abs=0.02)  # faults of the network do not count
    for chosen in ("gap_shape", "gap_scale_s", "rates_per_hour", "callback", "muted"):
        assert getattr(fitted, chosen) == getattr(ANY, chosen)


def test_a_trade_is_fitted_on_its_own_lines_and_people_without_them() -> None:
    start = SHIPPED.lives["rounds"]
    couriers = lives(60, 50, 400.0, 0.1, seed=9, kind=start.of[0])
    both = {name: np.concatenate([lives(60, 50, 2.0, 0.2, seed=10)[name], couriers[name]]) for name in couriers}
    fitted = fit_life(both, start)
    assert fitted == fit_life(couriers, start)
    assert fitted.new > 0.9
    assert (fitted.gap_shape, fitted.gap_scale_s) == pytest.approx((0.8, 600.0), rel=0.15)
    assert (fitted.prior, fitted.of) == (start.prior, start.of)
    assert set(people(both, [start])["kind"].tolist()) == {"ordinary"}


def test_ways_of_dialing_are_fitted_on_their_campaigns_one_takes_the_rest() -> None:
    named, rest = SHIPPED.dialing["silent"], SHIPPED.dialing["script"]
    silent = lives(40, 50, 400.0, 0.1, seed=11, kind=named.of[0])
    silent["outcome"] = np.full(len(silent["outcome"]), UNANSWERED)
    others = lives(40, 50, 400.0, 0.1, seed=12, kind="burst_dialer")
    both = {name: np.concatenate([silent[name], others[name]]) for name in silent}
    assert fit_dialing(both, named, named.of).outcomes.unanswered > 0.97
    assert fit_dialing(both, rest, named.of).outcomes.answered == pytest.approx(0.6 / 0.9, abs=0.03)
    assert fit_dialing(both, rest, named.of).plays == rest.plays


@pytest.mark.parametrize(("shape", "scale_s"), [(0.4, 1200.0), (1.4, 500.0)])
def test_the_law_of_gaps_is_found_again(shape: float, scale_s: float) -> None:
    gaps = scale_s * (np.random.default_rng(13).random(20_000) ** (-1 / shape) - 1)
    found = fit_gaps(np.append(gaps, -np.ones(500)), 1.0, 100.0)
    assert found == pytest.approx((shape, scale_s), rel=0.1)


def test_too_few_calls_tell_nothing() -> None:
    few = {name: column[: LEAST_CALLS // 20] for name, column in lives(50, 40, 9.0, 0.9, seed=4).items()}
    fitted = fit_class(few, ANY)
    kept = msgspec.structs.replace(fitted, hour_p0=ANY.hour_p0)
    assert kept == ANY  # the hours lean on the start profile, however few
    np.testing.assert_allclose(fitted.hour_p0, ANY.hour_p0, atol=0.01)


def test_a_declared_purpose_covers_pace_and_with_few_calls_more() -> None:
    many = lives(60, 40, 30.0, 0.9, seed=5)
    few = {name: column[:100] for name, column in many.items()}
    assert fit_class(many, ANY, declared=True).muted == COVERED
    assert set(fit_class(few, ANY, declared=True).muted) == {*COVERED, "novelty", "script"}


@given(st.lists(st.integers(1, 5), max_size=60), st.integers(1, 6))
def test_the_first_calls_of_each_line_in_their_order(lines: list[int], most: int) -> None:
    calls = {"line_key": np.array(lines, np.uint64), "nth": np.arange(len(lines))}
    seen: dict[int, int] = {}
    expected = []
    for i, line in enumerate(lines):
        seen[line] = seen.get(line, 0) + 1
        if seen[line] <= most:
            expected.append(i)
    assert first_calls(calls, most)["nth"].tolist() == expected


def test_a_busy_line_counts_no_more_than_others() -> None:
    """One courier with ten thousand calls does not become ordinary life."""
    quiet, courier = lives(200, 40, 1.0, 0.2, seed=6), lives(1, 10_000, 9_000.0, 0.9, seed=7)
    courier["line_key"] = courier["line_key"] + np.uint64(10_000)
    both = {name: np.concatenate([quiet[name], courier[name]]) for name in quiet}
    alone, mixed = fit_class(quiet, ANY), fit_class(both, ANY)
    assert mixed.theta == pytest.approx(alone.theta, abs=0.3)
    assert mixed.sigma == pytest.approx(alone.sigma, abs=0.1)
    assert MOST_CALLS_PER_LINE < 100


def test_shares_leave_out_what_is_not_known_and_never_reach_zero() -> None:
    never = np.array([0] * 2 * LEAST_CALLS + [-1] * 9_000)
    assert 0 < fit_share(never, 0.04) < 0.001
    assert fit_share(never[: LEAST_CALLS - 1], 0.04) == 0.04
    beside = fit_beside({"beside": np.zeros(LEAST_CALLS, int)}, ANY)
    assert min(beside) > 0
    assert sum(beside) == pytest.approx(1.0, abs=1e-3)
    dialed = {"first_time": np.ones(LEAST_CALLS, bool), "outcome": np.full(LEAST_CALLS, UNANSWERED)}
    assert fit_new_share(dialed, 0.5) == 0.97  # a dialer redials now and then, whatever these did
    outcomes = fit_outcomes(dialed, ANY.outcomes_p0)
    assert min(outcomes.array()) > 0.004
    assert sum(outcomes.array()) == pytest.approx(1.0, abs=1e-3)


def test_seconds_are_read_as_whole_ones_and_hours_add_up() -> None:
    assert fit_logs(np.full(LEAST_CALLS, 21.9), 9.0, 9.0) == pytest.approx((np.log(21.5), 0.0), abs=1e-3)
    hours = fit_hours(np.full(10 * LEAST_CALLS, 9), ANY)
    assert hours[9] > 0.9
    assert min(hours) > 0
    assert sum(hours) == pytest.approx(1.0, abs=2e-3)


def test_spread_within_lines_ignores_that_lines_differ() -> None:
    """Each line plays its own script: nothing varies within a line, much between them."""
    rng = np.random.default_rng(8)
    script = rng.lognormal(3.0, 0.8, 100).repeat(20)
    calls = {
        "line_key": np.arange(100, dtype=np.uint64).repeat(20),
        "first_time": np.ones(2_000, bool),
        "outcome": np.full(2_000, ANSWERED),
        "talk_s": script,
    }
    assert fit_least_spread(calls, ANY) == 0.1  # the floor
    calls["talk_s"] = script * rng.lognormal(0.0, 0.3, 2_000)
    assert fit_least_spread(calls, ANY) == pytest.approx(0.3, abs=0.03)
    calls["talk_s"] = script * rng.lognormal(0.0, 2.0, 2_000)
    assert fit_least_spread(calls, ANY) == ANY.talk_least_spread  # never wider than ordinary life is taken to be
