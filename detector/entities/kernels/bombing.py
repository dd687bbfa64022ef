"""Call bombing: one person, many callers within minutes who had not called before."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.index import mix
from detector.features.kernels.jit import Record, njit, signed

WINDOW_MS = 600_000
LEAST_CALLERS = 10
FEW_CALLERS, MANY_CALLS = 5, 24
"""Fewer new callers will do where they call again and again: ten lines that call one person 90 times in 10 minutes are
seven of them when its row is made."""

ADMITTED = 4
"""New callers in this window and the one before, by a sketch, from which on a callee gets a row of its own."""

TALK_MS = 10_000
MOST_TALKED = 0.3
"""A shop or a hotline talks to those who call; who is bombed does not."""

KEPT, WAYS = 32, 4
SKETCH = 1 << 18

TARGET = np.dtype(
    [
        ("callee", np.uint64),  # 0 = free
        ("last_ms", np.int64),
        ("n", np.int64),  # calls entered; the ring's place is n modulo KEPT
        ("caller", np.uint64, (KEPT,)),
        ("at_ms", np.int64, (KEPT,)),
        ("talked", np.uint8, (KEPT,)),
    ],
    align=True,
)
"""A callee with several new callers lately, and the last of them."""

BOMBED = np.dtype([("call", np.int64), ("callers", np.int64), ("talked", np.int64), ("calls", np.int64)], align=True)
"""A call that makes its callee a target, or is one more against it."""


class Targets(NamedTuple):
    """Who is called by whom for the first time."""

    sketch: NDArray[np.uint8]  # [2, SKETCH] new callers by hash of the callee, this window and the one before
    rows: NDArray[np.void]  # TARGET[buckets * WAYS]
    counts: NDArray[np.int64]  # [0] the window, [1] rows given up while still hot


@njit
def watch(
    calls: NDArray[np.void],
    scored: NDArray[np.void],
    watched: NDArray[np.bool_],
    targets: Targets,
    out: NDArray[np.void],
) -> int:
    """Calls in their order. Calls against somebody who is bombed, into `out`; returns how many.

    A caller that called for the first time stays a new one while it calls again within the window.

    calls    CDR[n]
    scored   SCORED[n]  duplicate, first_time
    watched  bool[n]    the callee is a person, not a hotline or a declared number
    targets  in place
    """
    n = 0
    for i in range(calls.shape[0]):
        if scored[i].duplicate or not watched[i]:
            continue
        call = calls[i]
        first_time = bool(scored[i].first_time)
        turn_window(targets, call.release_ms // WINDOW_MS)
        if count(targets, call.callee_key, first_time) < ADMITTED:
            continue
        place = row_of(targets, call.callee_key, call.release_ms, first_time)
        if place < 0 or not (first_time or is_new_caller(targets.rows[place], call.line_key, call.release_ms)):
            continue
        row = targets.rows[place]
        talked = call.answer_ms >= 0 and call.release_ms - call.answer_ms >= TALK_MS
        enter(row, call.line_key, call.release_ms, talked)
        callers, talks, made = recent(row, call.release_ms)
        many = callers >= LEAST_CALLERS or (callers >= FEW_CALLERS and made >= MANY_CALLS)
        if many and talks <= MOST_TALKED * callers:
            out[n].call = i
            out[n].callers = callers
            out[n].talked = talks
            out[n].calls = made
            n += 1
    return n


@njit
def turn_window(targets: Targets, window: int) -> None:
    """A later window begins: the one before stays, older ones go. In place."""
    now = targets.counts[0]
    if window <= now:
        return
    for i in range(SKETCH):
        targets.sketch[1, i] = targets.sketch[0, i] if window == now + 1 else np.uint8(0)
        targets.sketch[0, i] = np.uint8(0)
    targets.counts[0] = window


@njit
def count(targets: Targets, callee: np.uint64, more: bool) -> int:
    """How many new callers the callee may have had, others of the same hash included; one more. In place."""
    place = signed(mix(callee) % np.uint64(SKETCH))
    if more and targets.sketch[0, place] < np.uint8(255):
        targets.sketch[0, place] += np.uint8(1)
    return signed(targets.sketch[0, place]) + signed(targets.sketch[1, place])


@njit
def row_of(targets: Targets, callee: np.uint64, release_ms: int, create: bool) -> int:
    """The callee's row, a new one where asked for, in place of the idlest; -1 = none. In place."""
    first = signed(mix(callee) % np.uint64(targets.rows.shape[0] // WAYS)) * WAYS
    place = first
    for at in range(first, first + WAYS):
        if targets.rows[at].callee == callee:
            return at
        if targets.rows[at].last_ms < targets.rows[place].last_ms:
            place = at
    if not create:
        return -1
    row = targets.rows[place]
    if row.callee != np.uint64(0) and row.last_ms + WINDOW_MS > release_ms:
        targets.counts[1] += 1
    row.callee = callee
    row.last_ms = release_ms
    row.n = 0
    return place


@njit
def is_new_caller(row: Record, caller: np.uint64, release_ms: int) -> bool:
    """It called for the first time within the window, as far as its calls are kept."""
    for i in range(min(signed(row.n), KEPT)):
        if row.caller[i] == caller and abs(release_ms - row.at_ms[i]) < WINDOW_MS:
            return True
    return False


@njit
def enter(row: Record, caller: np.uint64, release_ms: int, talked: bool) -> None:
    """One call of a new caller over the oldest kept. In place."""
    place = signed(row.n) % KEPT
    row.caller[place] = caller
    row.at_ms[place] = release_ms
    row.talked[place] = np.uint8(1) if talked else np.uint8(0)
    row.n += 1
    row.last_ms = max(row.last_ms, release_ms)


@njit
def recent(row: Record, release_ms: int) -> tuple[int, int, int]:
    """Different callers within the window, how many of them were talked to, and their calls."""
    callers = talks = made = 0
    for i in range(min(signed(row.n), KEPT)):
        if abs(release_ms - row.at_ms[i]) >= WINDOW_MS:
            continue
        made += 1
        fresh, talked = True, False
        for j in range(min(signed(row.n), KEPT)):
            if row.caller[j] == row.caller[i] and abs(release_ms - row.at_ms[j]) < WINDOW_MS:
                fresh = fresh and j >= i
                talked = talked or row.talked[j] != np.uint8(0)
        if fresh:
            callers += 1
            talks += int(talked)
    return callers, talks, made


def new_targets(rows: int) -> Targets:
    """Room for so many callees at a time; allocated once."""
    return Targets(
        sketch=np.zeros((2, SKETCH), np.uint8),
        rows=np.zeros(max(rows // WAYS, 1) * WAYS, TARGET),
        counts=np.zeros(2, np.int64),
    )
