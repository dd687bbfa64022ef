"""Finding the row of a key: an open hash table with linear probing, deletion by backward shift."""

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.jit import inlined, njit, signed

_LOW = np.uint64(0xFFFFFFFF)
_HIGH = np.uint64(0xFFFFFFFF00000000)
_32 = np.uint64(32)


@inlined
def mix(key: np.uint64) -> np.uint64:
    """A well-spread 64-bit hash of a 64-bit key (splitmix64's finaliser, Steele et al. 2014)."""
    z = np.uint64(key) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inlined
def home(slot_value: np.uint64, n_slots: int) -> int:
    """Slot a stored entry would like best; the tag's top bits, so deletion never reads a row."""
    return signed((slot_value >> _32) * np.uint64(n_slots) >> _32)


@inlined
def find_slot(index: NDArray[np.uint64], rows: NDArray[np.void], key: np.uint64) -> int:
    """Slot that holds the key, or -1 - (free slot where it would go)."""
    n_slots = index.shape[0]
    tag = mix(key) & _HIGH
    slot = home(tag, n_slots)
    while index[slot] != np.uint64(0):
        value = index[slot]
        if (value & _HIGH) == tag and rows[signed(value & _LOW) - 1].key == key:
            return slot
        slot += 1
        if slot == n_slots:
            slot = 0
    return -1 - slot


@inlined
def find(index: NDArray[np.uint64], rows: NDArray[np.void], key: np.uint64) -> int:
    """Row of the key, -1 = none."""
    slot = find_slot(index, rows, key)
    if slot < 0:
        return -1
    return signed(index[slot] & _LOW) - 1


@inlined
def likely(index: NDArray[np.uint64], key: np.uint64) -> int:
    """Row of the key by its tag alone, -1 = none: right but for one search in billions, and reads no row."""
    n_slots = index.shape[0]
    tag = mix(key) & _HIGH
    slot = home(tag, n_slots)
    while index[slot] != np.uint64(0) and (index[slot] & _HIGH) != tag:
        slot += 1
        if slot == n_slots:
            slot = 0
    return signed(index[slot] & _LOW) - 1


@njit
def put(index: NDArray[np.uint64], slot: int, key: np.uint64, row: int) -> None:
    """Enter a row under its key at the free slot that `find_slot` named. In place."""
    index[slot] = (mix(key) & _HIGH) | np.uint64(row + 1)


@njit
def remove(index: NDArray[np.uint64], slot: int) -> None:
    """Empty a slot and close the gap, so later searches need no tombstones. In place."""
    n_slots = index.shape[0]
    hole = slot
    here = slot
    while True:
        here += 1
        if here == n_slots:
            here = 0
        if index[here] == np.uint64(0):
            break
        wish = home(index[here], n_slots)
        # move the entry back unless its wish lies in (hole, here]
        inside = (hole < wish <= here) if hole <= here else (wish > hole or wish <= here)
        if not inside:
            index[hole] = index[here]
            hole = here
    index[hole] = np.uint64(0)
