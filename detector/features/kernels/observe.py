"""What a kept call looked like beside the line's calls before it: the observations of the families."""

import numpy as np

from detector.features.kernels.jit import Record, inlined, signed
from detector.features.kernels.layout import (
    ANSWERED,
    BUSY,
    FIRST_TIME,
    INVALID,
    PARTY_SHIFT,
    UNANSWERED,
    UNOBSERVED,
    Tables,
)
from detector.features.kernels.memory import HOUR_MS, ring_size

CALLER = 1
"""Releasing party: cdr.batch.PARTY_CALLER."""

LOOK_AT = 16
"""Calls before it that an observation is compared with: a warm line's whole ring."""

RECENT_CALLEES = 8
SHORT_MS = 3_000
"""Ring or talk up to 3 s is ultra-short (signature 11; the ratio that worked in practice)."""

NEAR_NUMBERS = 10
_REVERSIBLE = np.uint64(1) << np.uint64(63)


@inlined
def outcome_of(answered: bool, cause: int) -> int:
    """How an attempt ended, for the answer family; unanswered of unknown cause is unanswered, never busy."""
    if answered:
        return ANSWERED
    if cause == 17:
        return BUSY
    if cause in (1, 2, 3, 22, 28):
        return INVALID
    if cause in (27, 34, 38, 41, 42, 44, 47):  # faults and congestion are the network's
        return UNOBSERVED
    return UNANSWERED


@inlined
def given_up_ms(kept: Record) -> int:
    """How long an unanswered call rang before the caller gave up; -1 = answered, ended otherwise, or not known."""
    by_caller = signed(kept.flags) >> PARTY_SHIFT == CALLER
    return signed(kept.ring_ms) if kept.talk_ms < 0 and by_caller else -1


@inlined
def ultra_short(kept: Record) -> int:
    """1 = ended by the caller within SHORT_MS of ringing or talk, 0 = not, -1 = party or ring not known."""
    party = signed(kept.flags) >> PARTY_SHIFT
    length_ms = signed(kept.talk_ms) if kept.talk_ms >= 0 else signed(kept.ring_ms)
    if party == 0 or length_ms < 0:
        return -1
    return int(party == CALLER and length_ms <= SHORT_MS)


@inlined
def number_distance(a: np.uint64, b: np.uint64) -> int:
    """How far two numbers of digits are apart; -1 where one of them is a hash."""
    if a >= _REVERSIBLE or b >= _REVERSIBLE:
        return -1
    return signed(a - b) if a > b else signed(b - a)


@inlined
def look_at(t: Tables, row: Record, back: int, utc_offset_ms: int, seen: Record) -> None:
    """Fill the columns of `seen` that follow from kept call `back` (0 = the newest) and at most LOOK_AT before it.

    seen  SCORED, in place: outcome, talk_s, ring_s, gap_s, ultra_short, near, hour, beside, first_time
    """
    size = ring_size(signed(row.tier))
    here = (signed(row.head) - 1 - back) & (size - 1)
    call = t.kept[row.ring + here]
    seen.first_time = (signed(call.flags) & FIRST_TIME) != 0
    seen.outcome = np.uint8(outcome_of(call.talk_ms >= 0, signed(call.cause)))
    seen.talk_s = np.float32(call.talk_ms / 1000.0) if call.talk_ms >= 0 else np.float32(-1)
    rang_ms = given_up_ms(call)
    seen.ring_s = np.float32(rang_ms / 1000.0) if rang_ms >= 0 else np.float32(-1)
    seen.ultra_short = np.int8(ultra_short(call))
    seen.hour = np.uint8(((call.setup_ms + utc_offset_ms) // HOUR_MS) % 24)
    nearest = signed(-1)
    beside = 0
    near = signed(-1)
    for k in range(1, min(signed(row.kept) - back, LOOK_AT + 1)):
        before = t.kept[row.ring + ((here - k) & (size - 1))]
        if nearest < before.setup_ms <= call.setup_ms:
            nearest = signed(before.setup_ms)
        if before.setup_ms + before.held_ms > call.setup_ms:
            beside += 1
        if k <= RECENT_CALLEES and near < 1:
            apart = number_distance(call.callee_key, before.callee_key)
            if apart > 0:
                near = signed(apart <= NEAR_NUMBERS)
    seen.gap_s = np.float32((call.setup_ms - nearest) / 1000.0) if nearest >= 0 else np.float32(-1)
    seen.beside = np.uint8(beside)
    seen.near = np.int8(near)
