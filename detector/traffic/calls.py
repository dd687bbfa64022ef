"""The generated calls as columns, and how one call goes: ringing, talk, who hangs up and why."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import NEVER_MS, PARTY_CALLEE, PARTY_CALLER, PARTY_NETWORK
from detector.traffic.habit import Habit

CALL = np.dtype(
    [
        ("serial", np.int64),  # 0, 1, 2 ... in order of release
        ("caller", np.int64),  # calling number (numbers.py)
        ("callee", np.int64),
        ("presented", np.int64),  # 0 = the calling number
        ("setup_ms", np.int64),
        ("ring_ms", np.int64),  # NEVER_MS
        ("answer_ms", np.int64),  # NEVER_MS
        ("release_ms", np.int64),
        ("line", np.int32),  # index into Population.lines, -1 = a customer of another operator
        ("trunk_in", np.int16),  # index into trunks.NAMES
        ("trunk_out", np.int16),
        ("cause", np.int16),  # Q.850
        ("party", np.uint8),  # who released (cdr.batch.PARTY_*)
        ("bad", np.bool_),  # belongs to a campaign
    ]
)

ANSWERED, BUSY, ABSENT, INVALID, REJECTED, NO_ANSWER = range(6)
_CAUSE = np.array([16, 17, 20, 1, 21, 16], dtype=np.int16)
_NO_ANSWER_CAUSE = 19  # the network's timer ended it
_INCOMPLETE_CAUSE = 28
_NETWORK_TIMER_MS = 60_000
_REJECTED_SHARE = 0.1  # of calls that ring and are not answered
_LONGEST_TALK_MS = 3 * 3_600_000
_TALKS = 4


class Manners:
    """The habits of all groups as columns: how their calls go. Group 0 is ordinary people."""

    def __init__(self, habits: Sequence[Habit]) -> None:
        def column(name: str) -> NDArray[np.float64]:
            return np.array([getattr(habit, name) for habit in habits], dtype=np.float64)

        self.busy, self.absent, self.invalid = column("busy"), column("absent"), column("invalid")
        self.ring_ms, self.give_up_ms = column("ring_s") * 1000, column("give_up_s") * 1000
        self.give_up_sigma = column("give_up_sigma")
        talks = [(habit.talk * _TALKS)[:_TALKS] for habit in habits]
        weights = np.array(
            [
                [t.weight if i < len(h.talk) else 0 for i, t in enumerate(row)]
                for h, row in zip(habits, talks, strict=True)
            ]
        )
        self.talk_upto = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
        self.talk_ms = np.array([[np.log(talk.median_s * 1000) for talk in row] for row in talks])
        self.talk_sigma = np.array([[talk.sigma for talk in row] for row in talks])
        self.caller_hangs = np.array([[talk.caller_hangs for talk in row] for row in talks])


def place(
    draw: np.random.Generator,
    manners: Manners,
    group: NDArray[np.int64],
    at_ms: NDArray[np.int64],
    answer: NDArray[np.float64],
    talk_shift: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Calls that begin at these times, without their parties, and how each ended (ANSWERED ... NO_ANSWER).

    group       int64[n]    whose manners
    at_ms       int64[n]    seizure
    answer      float64[n]  chance of an answer
    talk_shift  float64[n]  log of this line's talk median against its group's
    known       bool[n]     the number was called before: it exists
    """
    n = len(at_ms)
    end = _ending(draw, manners, group, answer, known)
    rings = (end == ANSWERED) | (end >= REJECTED)
    reached = at_ms + (1200 + draw.gamma(3.0, 400.0, n)).astype(np.int64)
    ringing = _ringing(draw, manners, group, end)
    talk, caller_hangs = _talk(draw, manners, group, talk_shift)
    answered = end == ANSWERED
    calls = np.zeros(n, CALL)
    calls["setup_ms"] = at_ms
    calls["ring_ms"] = np.where(rings, reached, NEVER_MS)
    calls["answer_ms"] = np.where(answered, reached + ringing, NEVER_MS)
    calls["release_ms"] = reached + ringing + np.where(answered, talk, 0)
    timed_out = (end == NO_ANSWER) & (ringing >= _NETWORK_TIMER_MS)
    calls["cause"] = np.where(timed_out, _NO_ANSWER_CAUSE, _CAUSE[end])
    calls["cause"][(end == INVALID) & (draw.random(n) < 0.15)] = _INCOMPLETE_CAUSE
    party = np.where(answered & ~caller_hangs | (end == REJECTED), PARTY_CALLEE, PARTY_CALLER)
    network = timed_out | (end == BUSY) | (end == ABSENT) | (end == INVALID)
    calls["party"] = np.where(network, PARTY_NETWORK, party)
    return calls, end


def _ending(
    draw: np.random.Generator,
    manners: Manners,
    group: NDArray[np.int64],
    answer: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> NDArray[np.int64]:
    u = draw.random(len(group))
    busy = answer + manners.busy[group]
    absent = busy + manners.absent[group]
    invalid = absent + np.where(known, 0.0, manners.invalid[group])
    rejected = invalid + _REJECTED_SHARE * np.maximum(1 - invalid, 0)
    bounds = np.stack([answer, busy, absent, invalid, rejected])
    ending: NDArray[np.int64] = (u >= bounds).sum(axis=0)
    return ending


def _ringing(
    draw: np.random.Generator, manners: Manners, group: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Milliseconds of ringing; of calls that never ring, the time until the network clears."""
    n = len(group)
    waits = end == NO_ANSWER
    median = np.where(waits, manners.give_up_ms[group], manners.ring_ms[group])
    sigma = np.where(waits, manners.give_up_sigma[group], 0.5)
    ringing = np.clip(median * np.exp(sigma * draw.standard_normal(n)), 300, _NETWORK_TIMER_MS)
    silent = (end == BUSY) | (end == ABSENT) | (end == INVALID)
    return np.where(silent, 200 + 3000 * draw.random(n), ringing).astype(np.int64)


def _talk(
    draw: np.random.Generator, manners: Manners, group: NDArray[np.int64], shift: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Milliseconds of talk, and whether the caller hangs up."""
    n = len(group)
    part = (draw.random(n)[:, None] >= manners.talk_upto[group]).sum(axis=1)
    logarithm = manners.talk_ms[group, part] + shift + manners.talk_sigma[group, part] * draw.standard_normal(n)
    talk = np.clip(np.exp(logarithm), 400, _LONGEST_TALK_MS).astype(np.int64)
    return talk, draw.random(n) < manners.caller_hangs[group, part]
