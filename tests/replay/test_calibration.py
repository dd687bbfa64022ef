"""As many false alerts come as were asked for, on people and look-alikes of seeds the model was not fitted on."""

from benchmarks.quality.calibration import FIRST_SEED, counted, judge, mixes
from detector.config import load
from detector.traffic.suite import World
from models.evidence import Evidence

FACTOR = 2.0


def test_false_alerts_are_those_of_the_budget() -> None:
    scenario = mixes(people=6_000, days=3.0)["natural mix"]
    played = judge(load(None, {}, {"state.line_capacity": 40_000}), [World(scenario, FIRST_SEED)])
    found = counted("natural mix", played, Evidence.load(), per_million=1_000)
    ratio = found.observed_over_predicted
    assert found.line_days > 18_000
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low < FACTOR, found
    assert ratio.high > 1 / FACTOR, found
