"""What is remembered of a line's calls: its callee map, its kept calls, and who called back."""

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.index import mix
from detector.features.kernels.jit import Record, njit, signed
from detector.features.kernels.layout import (
    CALLED_BACK,
    FIRST_TIME,
    HOT,
    HOT_TIER,
    LATEST,
    MAP,
    TAIL,
    WARM,
    WARM_TIER,
)

_BACK = np.uint16(0x8000)
_PRINT = np.uint16(0x7FFF)
HOUR_MS = 3_600_000


@njit
def ring_size(tier: int) -> int:
    """Calls a ring of this tier holds."""
    if tier == HOT_TIER:
        return HOT
    return WARM if tier == WARM_TIER else TAIL


@njit
def fingerprint(callee_key: np.uint64) -> np.uint16:
    """15 bits of a callee's hash, never 0; two callees share one with probability 3e-5."""
    print15 = np.uint16((mix(callee_key) >> np.uint64(20)) & np.uint64(0x7FFF))
    return print15 if print15 != 0 else np.uint16(1)


@njit
def in_map(entries: NDArray[np.uint16], print15: np.uint16) -> int:
    """Place of a callee in one generation of the map, -1 = not there."""
    for i in range(MAP):
        if (entries[i] & _PRINT) == print15:
            return i
    return -1


@njit
def turn_map(row: Record) -> None:
    """Start a new generation: the current one becomes the older, the older is forgotten. In place."""
    for i in range(MAP):
        row.map_before[i] = row.map_now[i]
        row.map_now[i] = np.uint16(0)
    row.d_before = row.d_now
    row.n_before = row.n_now
    row.d_now = np.uint8(0)
    row.n_now = np.uint16(0)


@njit
def enter_map(row: Record, callee_key: np.uint64) -> bool:
    """Put a called number on the map and count the call; True = it stood there already. In place.

    A callee of the older generation moves into the current one, so favourites are never forgotten.
    """
    print15 = fingerprint(callee_key)
    known = in_map(row.map_now, print15) >= 0
    if not known:
        if row.d_now == MAP:
            turn_map(row)
        entry = print15
        old = in_map(row.map_before, print15)
        if old >= 0:
            known = True
            entry = row.map_before[old]
            row.map_before[old] = np.uint16(0)
            row.d_before -= np.uint8(1)
        row.map_now[signed(row.d_now)] = entry
        row.d_now += np.uint8(1)
    if row.n_now < np.uint16(65535):
        row.n_now += np.uint16(1)
    return known


@njit
def look_back(row: Record, kept: NDArray[np.void], callee_key: np.uint64, setup_ms: int) -> tuple[int, int, int, int]:
    """What the kept calls say about a call that is about to be added.

    Returns (place of the newest kept call to this callee or -1,
             setup of the nearest earlier call to a first-time callee or -1,
             kept calls of the hour before setup_ms, distinct callees among them).
    Calls set up after this one (it arrived late) are not earlier and do not count.
    """
    same = -1
    nearest_new = signed(-1)
    calls = 0
    distinct = 0
    for i in range(signed(row.kept)):
        call = kept[row.ring + i]
        if call.callee_key == callee_key and (call.flags & LATEST) != 0:
            same = i
        if call.setup_ms <= setup_ms:
            if (call.flags & FIRST_TIME) != 0 and call.setup_ms > nearest_new:
                nearest_new = call.setup_ms
            if call.setup_ms > setup_ms - HOUR_MS:
                calls += 1
                if (call.flags & LATEST) != 0:
                    distinct += 1
    return same, nearest_new, calls, distinct


@njit
def keep(row: Record, kept: NDArray[np.void], same: int, first_time: bool) -> int:
    """Open the next place of the line's ring for a call and set its flags; the place is returned. In place.

    same  place of the newest kept call to the same callee, or -1: that one stops being the latest, and a
          call-back it had is handed on, so each person counts once.
    """
    flags = LATEST
    if first_time:
        flags |= FIRST_TIME
    if same >= 0:
        old = kept[row.ring + same]
        flags |= signed(old.flags) & CALLED_BACK
        old.flags = np.uint8(signed(old.flags) & ~LATEST)
    place = signed(row.head)
    kept[row.ring + place].flags = np.uint8(flags)
    size = ring_size(signed(row.tier))
    row.head = np.uint16((place + 1) % size)
    if row.kept < size:
        row.kept += np.uint16(1)
    return place


@njit
def call_in(row: Record, kept: NDArray[np.void], caller_key: np.uint64) -> bool:
    """Somebody calls this number: is it a person it called, for the first time? Counted once a person. In place."""
    print15 = fingerprint(caller_key)
    here = in_map(row.map_now, print15)
    before = in_map(row.map_before, print15) if here < 0 else -1
    place = -1
    for i in range(signed(row.kept)):
        call = kept[row.ring + i]
        if call.callee_key == caller_key and (call.flags & LATEST) != 0:
            place = i
            break
    if here < 0 and before < 0 and place < 0:
        return False
    back = False
    if here >= 0:
        back |= (row.map_now[here] & _BACK) != 0
        row.map_now[here] |= _BACK
    if before >= 0:
        back |= (row.map_before[before] & _BACK) != 0
        row.map_before[before] |= _BACK
    if place >= 0:
        call = kept[row.ring + place]
        back |= (call.flags & CALLED_BACK) != 0
        call.flags = np.uint8(signed(call.flags) | CALLED_BACK)
    if not back and row.callbacks < np.uint16(65535):
        row.callbacks += np.uint16(1)
    return not back
