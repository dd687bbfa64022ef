"""Duplicates: was this call seen before? Two generations of exact 64-bit hashes, bounded."""

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.index import mix
from detector.features.kernels.jit import Record, njit, signed


@njit
def _place(slots: NDArray[np.uint64], call_hash: np.uint64) -> int:
    """Slot of the hash, or -1 - (free slot)."""
    n_slots = slots.shape[0]
    slot = signed((mix(call_hash) >> np.uint64(32)) * np.uint64(n_slots) >> np.uint64(32))
    while slots[slot] != np.uint64(0):
        if slots[slot] == call_hash:
            return slot
        slot += 1
        if slot == n_slots:
            slot = 0
    return -1 - slot


@njit
def seen_before(seen: NDArray[np.uint64], meta: Record, call_hash: np.uint64) -> bool:
    """True for a call already judged; remembers it otherwise. In place.

    seen       uint64[2, n_slots]  two generations; the older is dropped when the current is half full,
                                   so at least n_slots / 2 calls are remembered
    call_hash  a hash of 0 is read as 1
    """
    value = call_hash if call_hash != np.uint64(0) else np.uint64(1)
    place = _place(seen[meta.seen_now], value)
    if place >= 0 or _place(seen[1 - meta.seen_now], value) >= 0:
        return True
    seen[meta.seen_now][-1 - place] = value
    meta.seen_n += 1
    if 2 * meta.seen_n >= seen.shape[1]:
        meta.seen_now = 1 - meta.seen_now
        meta.seen_n = 0
        seen[meta.seen_now, :] = np.uint64(0)
    return False
