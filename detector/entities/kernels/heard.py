"""Who called whom lately and was answered: where a complaint finds its call."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.index import mix
from detector.features.kernels.jit import njit, signed

WAYS = 16
"""Calls of one bucket, those of all callees whose hashes fall into it; the oldest is overwritten."""

LOOK_BACK_MS = 72 * 3_600_000
"""A complaint about an older call finds nothing."""

HEARD = np.dtype(
    [
        ("callee", np.uint64),  # 0 = free
        ("setup_ms", np.int64),
        ("line", np.uint64),
        ("number", np.uint64),
        ("tenant", np.uint64),
    ],
    align=True,
)
"""One answered call."""


class Heard(NamedTuple):
    """Answered calls by hash of the callee."""

    calls: NDArray[np.void]  # HEARD[buckets, WAYS]
    turn: NDArray[np.uint8]  # [buckets] place that is written next
    counts: NDArray[np.int64]  # [1] calls overwritten while younger than the look-back


@njit
def bucket_of(heard: Heard, callee: np.uint64) -> int:
    """The bucket of a callee."""
    return signed(mix(callee) % np.uint64(heard.turn.shape[0]))


@njit
def hear(calls: NDArray[np.void], duplicate: NDArray[np.bool_], heard: Heard) -> None:
    """Keep the answered calls (CDR[n]) in their order; duplicates are left out. `heard` in place."""
    for i in range(calls.shape[0]):
        call = calls[i]
        if duplicate[i] or call.answer_ms < 0 or call.callee_key == np.uint64(0):
            continue
        bucket = bucket_of(heard, call.callee_key)
        entry = heard.calls[bucket, heard.turn[bucket]]
        if entry.callee != np.uint64(0) and entry.setup_ms + LOOK_BACK_MS > call.setup_ms:
            heard.counts[0] += 1
        entry.callee = call.callee_key
        entry.setup_ms = call.setup_ms
        entry.line = call.line_key
        entry.number = call.number_key
        entry.tenant = call.tenant_key
        heard.turn[bucket] = (heard.turn[bucket] + 1) % WAYS


def calls_to(heard: Heard, callee: int, before_ms: int) -> NDArray[np.void]:
    """HEARD[n]: the calls this callee answered in the look-back before a time (UTC ms), in order of setup; copies."""
    bucket = heard.calls[bucket_of(heard, np.uint64(callee))]
    own = bucket[bucket["callee"] == np.uint64(callee)]
    own = own[(own["setup_ms"] <= before_ms) & (own["setup_ms"] > before_ms - LOOK_BACK_MS)]
    ordered: NDArray[np.void] = own[np.lexsort((own["number"], own["line"], own["setup_ms"]))]
    return ordered


def new_heard(calls: int) -> Heard:
    """Room for so many calls, rounded up to whole buckets; allocated once."""
    buckets = -(-calls // WAYS)
    return Heard(np.zeros((buckets, WAYS), HEARD), np.zeros(buckets, np.uint8), np.zeros(1, np.int64))
