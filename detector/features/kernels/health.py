"""Feed health: what is wrong with the records of a trunk, call by call, and which families that spoils.

Integers, in the order of the records, faded by halving: any cut of the stream gives the same states.
"""

import math

import numpy as np

from detector.features.kernels.index import mix
from detector.features.kernels.jit import Record, inlined, njit, signed
from detector.features.kernels.layout import (
    ANSWER,
    CONCURRENCY,
    HOURS,
    PACE,
    PACING,
    PAIRS,
    RING,
    TRUNKS,
    Tables,
)

CLOCK, MISSING, HALVES, LATE, DUPLICATED = 1, 2, 4, 8, 16
STATES = ("clock_off", "missing_unanswered", "half_calls", "late", "duplicated")
"""What can be wrong, in the order of the bits above."""

MUTES = (1 << PACE | 1 << HOURS, 1 << ANSWER | 1 << RING, 1 << PACING | 1 << CONCURRENCY, 0, 0)
"""Families that each spoils, a bit each, for calls of that trunk. Late calls count where they belong."""

FADE, LEAST = 1024, 64
"""Records after which the counts of a trunk are halved, and those before which they say nothing."""

MISSING_NATS, LEAST_RUN = 20.0, 16
"""So unlikely, and so long, is the run of answered calls, by what is usual on the trunk, before others are missed."""

PRIOR_CALLS, PRIOR_ANSWERED = 10, 7
"""What a trunk is worth before its first call."""

TOGETHER_MS = 2_000
"""Two records of one line and callee that were set up so close, and are not the same, are two halves of a call."""

WAYS = 8


@inlined
def meet(t: Tables, call: Record, duplicate: bool, late: bool) -> int:
    """One record of a trunk; the families it spoils for this call, a bit each. In place.

    late  released before the watermark
    """
    row = t.trunks[trunk_of(t, call.trunk_in_key, call.release_ms)]
    all_of_them = t.trunks[0]
    half = not duplicate and is_half(t, call)
    count_record(all_of_them, duplicate, late, half)
    count_record(row, duplicate, late, half)
    if not duplicate:
        count_outcome(row, call.answer_ms >= 0)
        gap = all_of_them.calls - row.last_at
        row.gap += (gap - row.gap) * (1 / 64) if row.calls > 1 else gap * row.calls
        row.last_at = all_of_them.calls
        row.last_ms = max(row.last_ms, call.release_ms)
        row.calls += 1
        all_of_them.calls += 1
    states = states_of(row, all_of_them)
    if states != signed(row.states):
        row.states = np.uint8(states)
        row.since_ms = call.release_ms
    return mutes_of(states)


@inlined
def trunk_of(t: Tables, key: np.uint64, now_ms: int) -> int:
    """The row of a trunk; key 0: calls without one."""
    name = key if key != np.uint64(0) else np.uint64(1)
    first = 1 + signed(mix(name) & np.uint64(TRUNKS // WAYS - 1)) * WAYS
    for at in range(first, first + WAYS):
        if t.trunks[at].key == name:
            return at
    return new_trunk(t, name, first, now_ms)


@njit
def new_trunk(t: Tables, name: np.uint64, first: int, now_ms: int) -> int:
    """A row for a trunk in place of the longest silent of its bucket, which begins at row `first`. In place."""
    place = first
    for at in range(first, first + WAYS):
        if t.trunks[at].last_ms < t.trunks[place].last_ms:
            place = at
    row = t.trunks[place]
    if row.key != np.uint64(0):
        t.trunks[0].key += np.uint64(1)
    row.key = name
    row.last_ms = signed(-1)
    row.since_ms = now_ms
    row.gap = 0.0
    row.last_at = 0
    row.records = row.late = row.duplicates = row.halves = 0
    row.run = row.usual_calls = row.usual_answered = row.calls = 0
    row.states = np.uint8(0)
    return place


@inlined
def is_half(t: Tables, call: Record) -> bool:
    """Another record of the same line and callee was set up just now. Remembers this one. In place."""
    key = mix(call.line_key * np.uint64(0x9E3779B97F4A7C15) + call.callee_key)
    place = signed(key & np.uint64(PAIRS - 1))
    entry = t.halves[place]
    half = bool(entry.key == key and abs(call.setup_ms - entry.setup_ms) <= TOGETHER_MS)
    entry.key = key
    entry.setup_ms = call.setup_ms
    return half


@inlined
def count_record(row: Record, duplicate: bool, late: bool, half: bool) -> None:
    """Into the counts that fade. In place."""
    row.records += 1
    row.duplicates += signed(duplicate)
    row.late += signed(late and not duplicate)
    row.halves += signed(half)
    if row.records >= FADE:
        row.records //= 2
        row.duplicates //= 2
        row.late //= 2
        row.halves //= 2


@inlined
def count_outcome(row: Record, answered: bool) -> None:
    """A run of answered calls grows, or ends; only what had an end is usual. In place."""
    if answered:
        row.run += 1
        return
    if not misses_unanswered(row):
        row.usual_answered += row.run
        row.usual_calls += row.run
    row.usual_calls += 1
    row.run = 0
    if row.usual_calls >= FADE:
        row.usual_calls //= 2
        row.usual_answered //= 2


@inlined
def misses_unanswered(row: Record) -> bool:
    """So many answered calls in a row do not happen on this trunk."""
    if row.run < LEAST_RUN:
        return False
    usual = (row.usual_answered + PRIOR_ANSWERED) / (row.usual_calls + PRIOR_CALLS)
    return bool(-row.run * math.log(usual) >= MISSING_NATS)


@inlined
def states_of(row: Record, all_of_them: Record) -> int:
    """What is wrong with a trunk now, a bit each."""
    states = MISSING if misses_unanswered(row) else 0
    n = row.records
    if n >= LEAST:
        if 5 * row.late >= n:
            states |= LATE
        if 20 * row.duplicates >= n:
            states |= DUPLICATED
        if 10 * row.halves >= 3 * n:
            states |= HALVES
        # the watermark follows the clock that is ahead: on it everybody else is late
        if 2 * all_of_them.late >= all_of_them.records and 10 * row.late < n:
            states |= CLOCK
    return states


@inlined
def mutes_of(states: int) -> int:
    """The families that these states spoil, a bit each."""
    mutes = 0
    for k in range(len(MUTES)):
        if states & (1 << k):
            mutes |= MUTES[k]
    return mutes
