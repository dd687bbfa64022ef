"""The habits of all groups as one table of numbers, so that many seats are played at once."""

from collections.abc import Sequence
from math import gamma, log

import numpy as np
from numpy.typing import NDArray

from detector.traffic.clock import HOUR_MS, PROFILE_NAMES
from detector.traffic.habit import Habit
from detector.traffic.population import Group

SPOOFS = ("", "any", "neighbour")
TALKS = 4
PEOPLE = 0
"""Row of ordinary people: how everybody talks to friends."""

_SAME = (
    *("shape", "burst", "friends", "services", "listed", "again", "step", "inbound", "local"),
    *("busy", "absent", "invalid", "give_up_sigma", "redial", "call_back", "call_back_answered", "pickup", "bites"),
)
_MS = ("floor", "burst", "ring", "give_up", "redial", "call_back")
_WHOLE = ("cards", "numbers", "calls_per_number", "list_size", "leads")

RULES = np.dtype(
    [(name, np.float64) for name in _SAME]
    + [(f"{name}_ms", np.float64) for name in _MS]
    + [(name, np.int64) for name in _WHOLE]
    + [
        ("bad", np.bool_),
        ("spoofs", np.int64),  # index into SPOOFS
        ("closers", np.int64),  # group whose people call those who bit, -1 = nobody
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


def rules_of(groups: Sequence[Group], end_ms: int) -> NDArray[np.void]:
    """RULES[n]: one row a group. Raises ValueError for a habit with more than TALKS components of talk."""
    rules = np.zeros(len(groups), RULES)
    for rule, group in zip(rules, groups, strict=True):
        habit = group.habit
        rule["start_ms"], rule["end_ms"] = group.start_ms, min(group.end_ms, end_ms)
        for name in (*_SAME, *_WHOLE, "bad"):
            rule[name] = getattr(habit, name)
        for name in _MS:
            rule[f"{name}_ms"] = 1000 * getattr(habit, f"{name}_s")
        rule["spoofs"], rule["closers"] = SPOOFS.index(habit.spoofs), group.closers
        rule["profile"] = PROFILE_NAMES.index(habit.hours)
        rule["ramp_ms"] = habit.ramp_h * HOUR_MS
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
