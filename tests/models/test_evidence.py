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
from detector.features.kernels.evidence import novelty
from detector.features.kernels.layout import ANSWERED, BUSY, INVALID, MILLI, UNANSWERED
from models.evidence import Evidence, Outcomes, Tail, outcome_evidence

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


# -- P(S > h from one start) <= exp(-h) ------------------------------------------------------------------------------
# Page's test on the joint ratio: while p0 is the truth, exp(S) of one segment is a martingale that starts at 1, so it
# passes exp(h) with a probability of at most exp(-h) (Ville 1939; a segment's end only stops it).

THETA, SIGMA, NEW = 3.0, 0.5, 0.9
ORDINARY = Outcomes(answered=0.67, unanswered=0.28, busy=0.045, invalid=0.005)
DIALING = Outcomes(answered=0.3, unanswered=0.55, busy=0.05, invalid=0.1)
assert list(range(4)) == [ANSWERED, UNANSWERED, BUSY, INVALID]  # the order of Outcomes.array
MOST_CALLS, N = 120, 200_000


def highest(past_calls: int, ordinary: bool, seed: int) -> NDArray[np.float64]:
    """Highest S of a segment that begins after so many calls, for N lines: float64[N], nats.

    Novelty and answer, joint, weight 1, no clip, as the kernels weigh them. Ordinary lines meet people by the very
    law that is p0; the others dial as p1 has it.
    """
    rng = np.random.default_rng(seed)
    ends = past_calls + MOST_CALLS
    of_novelty = np.zeros((2, ends + 1, ends + 1))
    for n in range(1, ends + 1):
        for met in range(1, n + 1):
            for new in (0, 1):
                of_novelty[new, n, met] = novelty(bool(new), n, met, THETA, SIGMA, NEW) / MILLI
    of_outcome = outcome_evidence(ORDINARY, DIALING) / MILLI
    outcomes = (ORDINARY if ordinary else DIALING).array()
    d, score, top, alive = np.zeros(N, np.int64), np.zeros(N), np.zeros(N), np.ones(N, bool)
    for n in range(ends):
        by_law = (THETA + SIGMA * d) / (THETA + n)
        first_time = rng.random(N) < (by_law if ordinary or n < past_calls else NEW)
        if n >= past_calls:
            ended = rng.choice(4, N, p=outcomes / outcomes.sum())
            seen = of_novelty[first_time.astype(int), n, d] + np.where(first_time, of_outcome[ended], 0.0)
            score = np.where(alive, score + seen, score)
            top = np.maximum(top, score)
            alive &= score > 0
        d += first_time
    return top


@pytest.mark.parametrize("past_calls", [1, 10, 60])
def test_with_a_true_p0_a_segment_passes_h_at_most_once_in_exp_h(past_calls: int) -> None:
    top = highest(past_calls, ordinary=True, seed=past_calls)
    passed = {h: float((top > h).mean()) for h in (1.0, 2.0, 3.0, 4.0, 5.0)}
    assert passed[1.0] > 0.01  # it does happen
    for h, share in passed.items():
        noise = 3 * math.sqrt(math.exp(-h) / N)
        assert share <= math.exp(-h) + noise, passed


def test_a_dialer_passes_soon_in_the_same_simulation() -> None:
    assert (highest(10, ordinary=False, seed=1) > 8.0).mean() > 0.5  # the others in a later segment
