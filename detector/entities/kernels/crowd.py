"""Drawing a sample of calls by their hashes."""

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.gather import level_of
from detector.features.kernels.jit import njit, signed

DRAWN = np.dtype(
    [
        ("callee_key", np.uint64),
        ("number_key", np.uint64),
        ("tenant_key", np.uint64),
        ("block", np.int32),  # place in the registry; -1 = none
        ("level", np.uint8),  # how rare the hash of the call is
    ],
    align=True,
)
"""One drawn call."""


@njit
def draw(
    calls: NDArray[np.void],
    duplicate: NDArray[np.bool_],
    blocks: NDArray[np.int32],
    level: int,
    out: NDArray[np.void],
) -> int:
    """The calls (CDR[n]) whose hash is at least that rare, into DRAWN `out`; returns how many."""
    n = 0
    for i in range(calls.shape[0]):
        call = calls[i]
        own = signed(level_of(call.call_hash))
        if not duplicate[i] and own >= level:
            drawn = out[n]
            drawn.level = np.uint8(own)
            drawn.callee_key = call.callee_key
            drawn.number_key = call.number_key
            drawn.tenant_key = call.tenant_key
            drawn.block = blocks[i]
            n += 1
    return n
