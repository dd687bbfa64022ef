"""What is remembered of a line's calls: its callee map, its kept calls, and who called back."""

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.index import mix
from detector.features.kernels.jit import Record, inlined, njit, signed
from detector.features.kernels.layout import (
    CALLED_BACK,
    FIRST_TIME,
    HOT,
    HOT_TIER,
    LATEST,
    MAP,
    PARTY_SHIFT,
    TAIL,
    WARM,
    WARM_TIER,
    Tables,
)

_BACK = np.uint16(0x8000)
_PRINT = np.uint16(0x7FFF)
HOUR_MS = 3_600_000
LONGEST_MS = 2_000_000_000
"""Longer ring and talk times are kept as this: 23 days fit into 32 bits."""


@inlined
def ring_size(tier: int) -> int:
    """Calls a ring of this tier holds."""
    if tier == HOT_TIER:
        return HOT
    return WARM if tier == WARM_TIER else TAIL


@inlined
def fingerprint(callee_key: np.uint64) -> np.uint16:
    """15 bits of a callee's hash, never 0; two callees share one with probability 3e-5."""
    print15 = np.uint16((mix(callee_key) >> np.uint64(20)) & np.uint64(0x7FFF))
    return print15 if print15 != 0 else np.uint16(1)


@inlined
def on(entries: NDArray[np.uint16], print15: np.uint16) -> bool:
    """Is a callee in this generation of the map? No early exit, so that all entries are compared at once."""
    found = False
    for i in range(MAP):
        found |= (entries[i] & _PRINT) == print15
    return found


@inlined
def in_map(entries: NDArray[np.uint16], print15: np.uint16) -> int:
    """Place of a callee in one generation of the map, -1 = not there."""
    if on(entries, print15):
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


@inlined
def enter_map(row: Record, print15: np.uint16) -> bool:
    """Put a called number on the map and count the call; True = it stood there already. In place.

    A callee of the older generation moves into the current one, so favourites are never forgotten.
    """
    known = on(row.map_now, print15)
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


@inlined
def latest_to(t: Tables, row: Record, callee_key: np.uint64, print15: np.uint16, on_map: bool) -> int:
    """Place in the ring of the newest kept call to a callee, -1 = none is kept.

    on_map  the callee stands on the row's map. The map holds the last MAP callees at least, so a callee of a
            cold or warm ring is always on it; hot rings are searched by fingerprint first.
    """
    ring = t.kept[row.ring :]
    if row.tier != HOT_TIER:
        latest = -1
        if on_map:
            for i in range(signed(row.kept)):
                if ring[i].callee_key == callee_key and (ring[i].flags & LATEST) != 0:
                    latest = i
        return latest
    prints = t.prints[prints_start(t, row) :]
    found = False
    for i in range(HOT):
        found |= prints[i] == print15
    if found:
        for back in range(1, signed(row.kept) + 1):  # the newest to a callee is the latest
            i = (signed(row.head) - back) & (HOT - 1)
            if prints[i] == print15 and ring[i].callee_key == callee_key:
                return i
    return -1


@inlined
def prints_start(t: Tables, row: Record) -> int:
    """First of a hot ring's fingerprints."""
    return signed(row.ring) - (signed(t.rows.shape[0]) * TAIL + signed(t.free_warm.shape[0]) * WARM)


@inlined
def gap_to_new(row: Record, kept: NDArray[np.void], setup_ms: int) -> float:
    """Seconds since the nearest earlier call to a first-time callee; -1 = none, or none kept for a late call.

    A call that was set up before the newest of them (it lasted longer, or came late) looks among the kept ones.
    """
    nearest = signed(row.newest_new_ms)
    if setup_ms < nearest:
        nearest = -1
        ring = kept[row.ring :]
        for i in range(signed(row.kept)):
            call = ring[i]
            candidate = (call.flags & FIRST_TIME) != 0 and call.setup_ms <= setup_ms
            nearest = max(nearest, call.setup_ms if candidate else signed(-1))
    return (setup_ms - nearest) / 1000.0 if nearest >= 0 else -1.0


@njit
def last_hour(row: Record, kept: NDArray[np.void], setup_ms: int) -> tuple[int, int]:
    """Kept calls set up in the hour up to setup_ms, and distinct callees among them."""
    calls = 0
    distinct = 0
    for i in range(signed(row.kept)):
        call = kept[row.ring + i]
        if setup_ms - HOUR_MS < call.setup_ms <= setup_ms:
            calls += 1
            if (call.flags & LATEST) != 0:
                distinct += 1
    return calls, distinct


@inlined
def keep(t: Tables, row: Record, call: Record, print15: np.uint16, same: int, first_time: bool) -> None:
    """Write a call into the next place of the line's ring. In place.

    same  place of the newest kept call to the same callee, or -1: that one stops being the latest, and a
          call-back it had is handed on, so each person counts once.
    """
    flags = LATEST | signed(call.release_party) << PARTY_SHIFT
    if first_time:
        flags |= FIRST_TIME
    if same >= 0:
        old = t.kept[row.ring + same]
        flags |= signed(old.flags) & CALLED_BACK
        old.flags = np.uint8(signed(old.flags) & ~LATEST)
    place = signed(row.head)
    write(t.kept[row.ring + place], call, flags)
    if row.tier == HOT_TIER:
        t.prints[prints_start(t, row) + place] = print15
    size = ring_size(signed(row.tier))
    row.head = np.uint16((place + 1) & (size - 1))
    if row.kept < size:
        row.kept += np.uint16(1)


@inlined
def write(kept: Record, call: Record, flags: int) -> None:
    """Put a call into the form in which it is kept. In place."""
    end = call.answer_ms if call.answer_ms >= 0 else call.release_ms
    kept.setup_ms = call.setup_ms
    kept.callee_key = call.callee_key
    kept.ring_ms = np.int32(min(end - call.ring_ms, LONGEST_MS)) if call.ring_ms >= 0 else np.int32(-1)
    kept.talk_ms = np.int32(min(call.release_ms - call.answer_ms, LONGEST_MS)) if call.answer_ms >= 0 else np.int32(-1)
    kept.held_ms = np.int32(min(call.release_ms - call.setup_ms, LONGEST_MS))
    kept.cause = np.int8(call.release_cause) if -1 <= call.release_cause <= 127 else np.int8(-1)
    kept.flags = np.uint8(flags)


@inlined
def call_in(t: Tables, row: Record, caller_key: np.uint64) -> bool:
    """Somebody calls this number: is it a person it called, for the first time? Counted once a person. In place."""
    print15 = fingerprint(caller_key)
    here = in_map(row.map_now, print15)
    before = in_map(row.map_before, print15) if here < 0 else -1
    place = latest_to(t, row, caller_key, print15, here >= 0 or before >= 0)
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
        call = t.kept[row.ring + place]
        back |= (call.flags & CALLED_BACK) != 0
        call.flags = np.uint8(signed(call.flags) | CALLED_BACK)
    if not back and row.callbacks < np.uint16(65535):
        row.callbacks += np.uint16(1)
    return not back
