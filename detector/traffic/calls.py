"""The generated calls as columns, and how one call goes: ringing, talk, who hangs up and why."""

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import NEVER_MS, PARTY_CALLEE, PARTY_CALLER, PARTY_NETWORK
from detector.traffic.rules import TALKS

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
_INCOMPLETE_CAUSE, _INCOMPLETE_SHARE = 28, 0.15  # of numbers that do not exist
_NETWORK_TIMER_MS = 60_000
_REJECTED_SHARE = 0.1  # of calls that ring and are not answered
_LONGEST_TALK_MS = 3 * 3_600_000


def place(
    draw: np.random.Generator,
    rules: NDArray[np.void],
    group: NDArray[np.int64],
    answer: NDArray[np.float64],
    talk_shift: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Calls that begin at time 0, without their parties, and how each ended (ANSWERED ... NO_ANSWER).

    rules       RULES       the table
    group       int64[n]    whose manners
    answer      float64[n]  chance of an answer
    talk_shift  float64[n]  log of this line's talk median against its group's
    known       bool[n]     the number was called before: it exists
    """
    n = len(group)
    end = _ending(draw, rules, group, answer, known)
    silent = (end == BUSY) | (end == ABSENT) | (end == INVALID)
    answered = end == ANSWERED
    reached = (1200 + draw.gamma(3.0, 400.0, n)).astype(np.int64)
    ringing = _ringing(draw, rules, group, end == NO_ANSWER, silent)
    talk, caller_hangs = _talk(draw, rules, group, talk_shift)
    timed_out = (end == NO_ANSWER) & (ringing >= _NETWORK_TIMER_MS)
    incomplete = (end == INVALID) & (draw.random(n) < _INCOMPLETE_SHARE)
    calls = np.zeros(n, CALL)
    calls["ring_ms"] = np.where(silent, NEVER_MS, reached)
    calls["answer_ms"] = np.where(answered, reached + ringing, NEVER_MS)
    calls["release_ms"] = reached + ringing + np.where(answered, talk, 0)
    calls["cause"] = np.select([timed_out, incomplete], [_NO_ANSWER_CAUSE, _INCOMPLETE_CAUSE], _CAUSE[end])
    party = np.where(answered & ~caller_hangs | (end == REJECTED), PARTY_CALLEE, PARTY_CALLER)
    calls["party"] = np.where(silent | timed_out, PARTY_NETWORK, party)
    return calls, end


def begin(calls: NDArray[np.void], at_ms: NDArray[np.int64]) -> None:
    """Moves calls of `place` to the times at which they begin, in place."""
    calls["setup_ms"] = at_ms
    calls["release_ms"] += at_ms
    for name in ("ring_ms", "answer_ms"):
        calls[name] += np.where(calls[name] == NEVER_MS, 0, at_ms)


def _ending(
    draw: np.random.Generator,
    rules: NDArray[np.void],
    group: NDArray[np.int64],
    answer: NDArray[np.float64],
    known: NDArray[np.bool_],
) -> NDArray[np.int64]:
    busy = answer + rules["busy"][group]
    absent = busy + rules["absent"][group]
    invalid = absent + np.where(known, 0.0, rules["invalid"][group])
    rejected = invalid + _REJECTED_SHARE * np.maximum(1 - invalid, 0)
    u = draw.random(len(group))
    ending = np.zeros(len(group), np.int64)
    for bound in (answer, busy, absent, invalid, rejected):
        ending += u >= bound
    return ending


def _ringing(
    draw: np.random.Generator,
    rules: NDArray[np.void],
    group: NDArray[np.int64],
    waits: NDArray[np.bool_],
    silent: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Milliseconds of ringing; of calls that never ring, the time until the network clears."""
    n, patience = len(group), rules["give_up_ms"][group]
    median, sigma = (
        np.where(waits, patience, rules["ring_ms"][group]),
        np.where(waits, rules["give_up_sigma"][group], 0.5),
    )
    ringing = median * np.exp(sigma * draw.standard_normal(n))
    in_time = waits | (ringing < patience)  # whoever takes or rejects a call does it before the caller gives up
    ringing = np.clip(np.where(in_time, ringing, patience * draw.random(n)), 300, _NETWORK_TIMER_MS)
    return np.where(silent, 200 + 3000 * draw.random(n), ringing).astype(np.int64)


def _talk(
    draw: np.random.Generator, rules: NDArray[np.void], group: NDArray[np.int64], shift: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Milliseconds of talk, and whether the caller hangs up."""
    n = len(group)
    part = np.minimum((draw.random(n)[:, None] >= rules["talk_upto"][group]).sum(axis=1), TALKS - 1)
    logarithm = rules["talk_log_ms"][group, part] + shift + rules["talk_sigma"][group, part] * draw.standard_normal(n)
    talk = np.clip(np.exp(logarithm), 400, _LONGEST_TALK_MS).astype(np.int64)
    return talk, draw.random(n) < rules["caller_hangs"][group, part]
