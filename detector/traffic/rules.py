"""The habits of all groups as one table of numbers, so that many seats are played at once."""

from collections.abc import Sequence
from math import gamma, log

import numpy as np
from numpy.typing import NDArray

from detector.traffic.clock import PROFILE_NAMES
from detector.traffic.habit import Habit

TALKS = 4
PEOPLE = 0
"""Row of ordinary people: how everybody talks to friends."""

_SAME = (
    *("shape", "burst", "friends", "services", "listed", "again", "step", "inbound", "local"),
    *("busy", "absent", "invalid", "give_up_sigma", "redial", "call_back", "call_back_answered", "pickup"),
)
_MS = ("floor", "burst", "ring", "give_up", "redial", "call_back")
_WHOLE = ("cards", "numbers", "calls_per_number", "list_size")

RULES = np.dtype(
    [(name, np.float64) for name in _SAME]
    + [(f"{name}_ms", np.float64) for name in _MS]
    + [(name, np.int64) for name in _WHOLE]
    + [
        ("bad", np.bool_),
        ("profile", np.int64),  # index into clock.PROFILE_NAMES
        ("ramp_ms", np.float64),
        ("mean_gap", np.float64),  # of a Weibull law of scale 1 and this shape
        ("start_ms", np.int64),
        ("end_ms", np.int64),
        ("talk_upto", np.float64, TALKS),  # running sum of the components' weights
        ("talk_log_ms", np.float64, TALKS),
        ("talk_sigma", np.float64, TALKS),
        ("caller_hangs", np.float64, TALKS),
    ]
)


def rules_of(habits: Sequence[Habit], start_ms: Sequence[int], end_ms: Sequence[int]) -> NDArray[np.void]:
    """RULES[n]: one row a group. Raises ValueError for a habit with more than TALKS components of talk."""
    rules = np.zeros(len(habits), RULES)
    rules["start_ms"], rules["end_ms"] = start_ms, end_ms
    for rule, habit in zip(rules, habits, strict=True):
        for name in (*_SAME, *_WHOLE, "bad"):
            rule[name] = getattr(habit, name)
        for name in _MS:
            rule[f"{name}_ms"] = 1000 * getattr(habit, f"{name}_s")
        rule["profile"] = PROFILE_NAMES.index(habit.hours)
        rule["ramp_ms"] = habit.ramp_h * 3_600_000
        rule["mean_gap"] = gamma(1 + 1 / habit.shape)
        _put_talk(rule, habit)
    return rules


def _put_talk(rule: np.void, habit: Habit) -> None:
    if len(habit.talk) > TALKS:
        raise ValueError(f"habit {habit.name} has {len(habit.talk)} components of talk, at most {TALKS} fit")
    rest = TALKS - len(habit.talk)
    weights = np.array([talk.weight for talk in habit.talk] + [0.0] * rest)
    talks = habit.talk + habit.talk[-1:] * rest
    rule["talk_upto"] = np.cumsum(weights) / weights.sum()
    rule["talk_log_ms"] = [log(1000 * talk.median_s) for talk in talks]
    rule["talk_sigma"] = [talk.sigma for talk in talks]
    rule["caller_hangs"] = [talk.caller_hangs for talk in talks]
