"""The threshold that follows from a budget, what the version covers, and the bound that holds when p0 is true."""

import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.errors import ConfigError
from detector.features.catalog import FAMILIES
from detector.features.kernels import mixture
from detector.features.kernels.evidence import answer, novelty
from detector.features.kernels.jit import njit
from detector.features.kernels.layout import EVIDENCE, MILLI
from detector.features.kernels.mixture import LIFE_CHANGES, begin_dialing, begin_life, may_change
from models.evidence import Evidence, Tail

LEVELS = (4.0, 6.0, 8.0, 12.0)
RATES = (3e-3, 8e-4, 2e-4, 1e-5)
LINES = 100_000


def evidence(**changes: Any) -> Evidence:
    tail = Tail(levels=LEVELS, per_line_day=RATES, line_days=1e6)
    return Evidence(msgspec.structs.replace(Evidence.load().parameters, **({"tail": tail} | changes)))


@pytest.mark.parametrize(("level", "rate"), list(zip(LEVELS, RATES, strict=True)))
def test_at_the_tails_own_rates_the_threshold_is_its_level(level: float, rate: float) -> None:
    assert evidence().threshold(rate * LINES, LINES, ()) == pytest.approx(level)


def test_between_levels_the_logarithm_is_interpolated_and_beyond_the_last_goes_on() -> None:
    half_way = math.sqrt(RATES[1] * RATES[2])
    assert evidence().threshold(half_way * LINES, LINES, ()) == pytest.approx(7.0)
    slope = math.log(RATES[3] / RATES[1]) / (LEVELS[3] - LEVELS[1])  # of the last three levels
    assert evidence().threshold(1e-6 * LINES, LINES, ()) == pytest.approx(12.0 + math.log(1e-6 / 1e-5) / slope)
    assert evidence().threshold(0.5 * LINES, LINES, ()) == LEVELS[0]  # never under the lowest level counted


@given(st.floats(1e-8, 1.0), st.floats(1e-8, 1.0), st.integers(1_000, 10_000_000))
def test_a_larger_budget_never_asks_for_more(one: float, other: float, lines: int) -> None:
    small, large = sorted((one, other))
    model = evidence()
    assert model.threshold(small * lines, lines, ()) >= model.threshold(large * lines, lines, ())
    # only the budget per line counts
    assert model.threshold(2 * small * lines, 2 * lines, ()) == pytest.approx(model.threshold(small * lines, lines, ()))


def test_a_threshold_that_the_families_cannot_reach_is_refused_by_name() -> None:
    model = evidence()
    caps = {family.name: model.parameters.limits[family.name].high for family in FAMILIES}
    loudest = sorted(caps, key=lambda name: -caps[name])
    muted = loudest[: len(caps) - 2]
    reach = sum(cap for name, cap in caps.items() if name not in muted)
    with pytest.raises(ConfigError, match=r"alerting\.false_alerts_per_day = 0\.1 .*alerting\.active_lines") as refused:
        model.threshold(0.1, 1_000_000, muted)
    assert f"reach {reach:.1f}" in str(refused.value)
    assert model.threshold(0.1, 1_000_000, ()) <= sum(caps.values())


def test_the_version_covers_what_decides_scores_and_nothing_else() -> None:
    model = evidence()
    assert evidence(fitted={"by": "somebody else"}).version == model.version
    limits = model.parameters.limits
    wider = limits | {"pace": msgspec.structs.replace(limits["pace"], high=limits["pace"].high + 1)}
    classes = model.parameters.classes
    other = classes | {"any": msgspec.structs.replace(classes["any"], theta=classes["any"].theta + 0.1)}
    assert len({model.version, evidence(limits=wider).version, evidence(classes=other).version}) == 3


def test_a_class_without_parameters_gets_everybodys_and_muted_families_weigh_nothing() -> None:
    model = evidence()
    known = next(name for name in model.parameters.classes if name != "any")
    table = model.table({1: known, 2: "of nobody"}, ("script",))
    fitted = model.parameters.classes
    assert table[1]["theta"] == fitted[known].theta
    assert table[2]["theta"] == table[99]["theta"] == fitted["any"].theta
    script, novel = [[family.name for family in FAMILIES].index(name) for name in ("script", "novelty")]
    assert not table["weight"][:, script].any()
    assert table["weight"][2, novel] == model.parameters.limits["novelty"].weight > 0


@pytest.mark.parametrize("text", ["", "{}", '{"schema": 1}', "not json"])
def test_what_is_no_parameter_file_is_refused_with_its_name(text: str, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"model\.file .*odd\.json.*detector train"):
        Evidence.load(file)


def test_a_row_may_be_filled_again_and_a_life_of_its_own_is_the_only_one() -> None:
    model = Evidence.load()
    once = model.table({}, (), spare=1)
    row = once[-1]
    for _ in range(2):
        model.fill(row, model.of_class("any"), ())
        assert row == once[0]
        assert row["life_prior"].sum() == pytest.approx(1.0)
    model.fill(row, model.of_class("any"), (), alone=20.0)
    assert row["life_prior"].tolist() == [1.0, 0.0, 0.0]


# -- P(S > h from one start) <= exp(-h) ------------------------------------------------------------------------------
# Page's test on the joint ratio: while p0 is the truth, exp(S) of one segment is a martingale that starts at 1, so it
# passes exp(h) with a probability of at most exp(-h) (Ville 1939; a segment's end only stops it). The truth here is p0
# itself: a life drawn by its prior that may change after every call, and one observation in a hundred of any kind.

MOST_CALLS, N = 120, 40_000


@njit
def highest(rows: Any, p: Any, past_calls: int, ordinary: bool, uniform: Any, top: Any) -> None:
    """Highest S, 1/1024 nat, of a segment that begins after so many calls; novelty and answer, no clip, weight 1.

    rows  EVIDENCE[n]; uniform  float64[n, calls, 6]; top  int64[n], filled
    """
    for i in range(rows.shape[0]):
        evidence = rows[i]
        begin_life(evidence, p)
        begin_dialing(evidence)
        life = 0
        d = 0
        score = 0
        for n in range(uniform.shape[1]):
            u = uniform[i, n]
            if n == 0 or u[0] < LIFE_CHANGES:
                life = drawn(p.life_prior, u[1])
            dialing = not ordinary and n >= past_calls
            law = (p.theta + p.sigma * d) / (p.theta + n) if life == 0 else p.life_new[life]
            new = u[2] < (0.95 if dialing else 0.99 * law + 0.005)
            of = p.dial_outcome[1] if dialing else p.life_outcome[life]
            ended = drawn(of, u[3])
            if not dialing and u[4] < 0.01:
                ended = int(4 * u[5])
            score += novelty(evidence, p, new, n, d)
            if new:
                score += answer(evidence, p, ended)
                d += 1
            may_change(evidence, p)
            if n < past_calls:  # the life is learned before the segment
                score = 0
                begin_dialing(evidence)
            elif score <= 0:
                break
            top[i] = max(top[i], score)


@njit
def drawn(shares: Any, u: float) -> int:
    """Index of a share by a uniform number."""
    k = 0
    while k < len(shares) - 1 and u >= shares[k]:
        u -= shares[k]
        k += 1
    return k


def tops(past_calls: int, ordinary: bool) -> NDArray[np.float64]:
    """Nats, float64[N]."""
    parameters = Evidence.load().table({}, ())[0].copy()
    for shares in (*parameters["life_outcome"], *parameters["dial_outcome"]):
        shares /= shares.sum()
    uniform = np.random.default_rng(past_calls).random((N, past_calls + MOST_CALLS, 6))
    found = np.zeros(N, np.int64)
    highest(np.zeros(N, EVIDENCE), parameters, past_calls, ordinary, uniform, found)
    return found / MILLI


@pytest.mark.parametrize("past_calls", [1, 10, 60])
def test_with_a_true_p0_a_segment_passes_h_at_most_once_in_exp_h(past_calls: int) -> None:
    top = tops(past_calls, ordinary=True)
    passed = {h: float((top > h).mean()) for h in (1.0, 2.0, 3.0, 4.0, 5.0)}
    assert passed[1.0] > 0.01  # it does happen
    for h, share in passed.items():
        noise = 3 * math.sqrt(math.exp(-h) / N)
        assert share <= math.exp(-h) + noise, passed


def test_a_dialer_passes_soon_in_the_same_simulation() -> None:
    assert (tops(10, ordinary=False) > 8.0).mean() > 0.5  # the others in a later segment


def told(by_life: tuple[float, ...], by_dial: tuple[float, ...], times: int) -> Any:
    """Weights after the same observation many times."""
    row, parameters = np.zeros(1, EVIDENCE), Evidence.load().table({}, ())
    begin_life(row[0], parameters[0])
    begin_dialing(row[0])
    for _ in range(times):
        mixture.told(row[0], by_life, by_dial, 0.5)
        may_change(row[0], parameters[0])
    return row[0]


def test_a_life_that_predicts_better_is_believed_and_excuses_the_line() -> None:
    courier = told((0.1, 0.9, 0.1), (0.9, 0.9, 0.9), 20)
    assert courier["life_weight"].argmax() == 1
    assert courier["life_weight"].sum() == pytest.approx(1.0)
    assert courier["dial_weight"] == pytest.approx(1 / 3)
    assert told((0.1, 0.1, 0.1), (0.1, 0.9, 0.1), 20)["dial_weight"].argmax() == 1


@given(st.lists(st.tuples(*[st.floats(0.0, 1.0)] * 6, st.floats(1e-6, 1.0)), min_size=1, max_size=40))
def test_weights_stay_shares_and_no_observation_weighs_without_bound(seen: list[tuple[float, ...]]) -> None:
    row, parameters = np.zeros(1, EVIDENCE), Evidence.load().table({}, ())
    begin_life(row[0], parameters[0])
    begin_dialing(row[0])
    for *chances, broad in seen:
        nats = mixture.told(row[0], tuple(chances[:3]), tuple(chances[3:]), broad) / MILLI
        may_change(row[0], parameters[0])
        assert math.log(0.1) - 0.001 <= nats <= math.log(1 / (0.01 * broad)) + 0.001
        for weights in (row[0]["life_weight"], row[0]["dial_weight"]):
            assert weights.sum() == pytest.approx(1.0)
            assert (weights > 0).all()
