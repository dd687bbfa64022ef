"""The calls kept of a line, and what they show beside their kernel: for lives of lines' own."""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from detector.features.kernels.layout import FIRST_TIME, KEPT, PARTY_SHIFT, Tables
from detector.features.kernels.memory import ring_size
from detector.features.kernels.observe import CALLER, NEAR_NUMBERS, RECENT_CALLEES, SHORT_MS
from detector.numbering.kernels.number import HASHED

_NOBODY = np.full(RECENT_CALLEES, HASHED)
_OPAQUE = np.dtype((np.void, KEPT.itemsize))
"""Rows are moved as opaque bytes: 9 ns a row against 186, field by field."""

Kept = NDArray[np.void]
"""KEPT[n], oldest first."""


def kept_calls(tables: Tables, row: np.void) -> Kept:
    """KEPT[n]: the calls kept of a row, oldest first; a copy."""
    ring, head, size = int(row["ring"]), int(row["head"]), ring_size(int(row["tier"]))
    places = tables.kept[ring : ring + size].view(_OPAQUE)
    return np.concatenate((places[head:], places[:head]))[size - int(row["kept"]) :].view(KEPT)


def first_time_calls(kept: Kept) -> Kept:
    """The kept calls that went to a callee new to the line; a copy."""
    return kept.view(_OPAQUE).take((kept["flags"] & FIRST_TIME).nonzero()[0]).view(KEPT)


def ended_by_caller(kept: Kept) -> NDArray[np.bool_]:
    """Which calls the caller ended."""
    ended: NDArray[np.bool_] = kept["flags"] >> PARTY_SHIFT == CALLER
    return ended


def ultra_short(kept: Kept) -> NDArray[np.bool_]:
    """Which calls the caller ended within SHORT_MS of talk, or of ringing where nobody answered."""
    length_ms = np.where(kept["talk_ms"] >= 0, kept["talk_ms"], kept["ring_ms"])
    short: NDArray[np.bool_] = (length_ms >= 0) & (length_ms <= SHORT_MS) & ended_by_caller(kept)
    return short


def next_to_recent(kept: Kept) -> NDArray[np.bool_]:
    """Which callees stand within NEAR_NUMBERS of one of the RECENT_CALLEES called before them."""
    callees = kept["callee_key"]
    before = as_strided(np.concatenate((_NOBODY, callees)), (len(callees), RECENT_CALLEES), (8, 8))  # of each of them
    apart = callees[:, None] - before + NEAR_NUMBERS  # wraps around: 0 to 2 * NEAR_NUMBERS is near, from either side
    near: NDArray[np.bool_] = (apart <= 2 * NEAR_NUMBERS) & (apart != NEAR_NUMBERS) & (callees < HASHED)[:, None]
    beside: NDArray[np.bool_] = np.logical_or.reduce(near, axis=1)
    return beside
