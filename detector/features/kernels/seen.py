"""Duplicates: was this call seen before? Two generations of exact 64-bit hashes, bounded."""

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.index import home, mix
from detector.features.kernels.jit import Record, inlined, signed
from detector.features.kernels.layout import BUCKET


@inlined
def _look(seen: NDArray[np.uint64], generation: int, call_hash: np.uint64) -> tuple[bool, int, int]:
    """Is the hash in this generation? Returns (yes or no, bucket, next free place of the bucket)."""
    n_buckets = seen.shape[0]
    bucket = home(mix(call_hash), n_buckets)
    while True:
        known = False
        used = 0
        for k in range(BUCKET):  # no early exit, so that all are compared at once
            known |= seen[bucket, generation, k] == call_hash
            used += signed(seen[bucket, generation, k] != np.uint64(0))
        if known or used < BUCKET:
            return known, bucket, used
        bucket += 1
        if bucket == n_buckets:
            bucket = 0


@inlined
def seen_before(seen: NDArray[np.uint64], meta: Record, call_hash: np.uint64) -> bool:
    """True for a call already judged; remembers it otherwise. In place.

    seen       uint64[n, 2, BUCKET]  both generations of a bucket lie in one cache line; the older is dropped when
                                     the current is half full, so at least n * BUCKET / 2 calls are remembered
    call_hash  a hash of 0 is read as 1
    """
    value = call_hash if call_hash != np.uint64(0) else np.uint64(1)
    now = signed(meta.seen_now)
    known, bucket, place = _look(seen, now, value)
    if known or _look(seen, 1 - now, value)[0]:
        return True
    seen[bucket, now, place] = value
    meta.seen_n += 1
    if 2 * meta.seen_n >= seen.shape[0] * BUCKET:
        meta.seen_now = 1 - now
        meta.seen_n = 0
        seen[:, 1 - now] = np.uint64(0)
    return False
