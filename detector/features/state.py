"""The state of one shard: its arrays, made to the sizes of the configuration."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.config import Order, State
from detector.features.kernels import layout
from detector.features.kernels.layout import BUCKET, HOT, TAIL, WARM, Tables
from detector.features.kernels.prefetch import CACHE_LINE

NEVER_DUE_MS = np.iinfo(np.int64).max


def aligned(shape: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Zeros that begin at a cache line, so that a row of 128 bytes lies in two of them and never in three."""
    space = np.zeros(shape * dtype.itemsize + CACHE_LINE, np.uint8)
    start = -space.ctypes.data % CACHE_LINE
    return space[start : start + shape * dtype.itemsize].view(dtype)


def new_tables(config: State) -> Tables:
    """Empty state for `line_capacity` lines and numbers; every array is allocated once and never grows."""
    rows, warm, hot = config.line_capacity, config.warm_capacity, config.hot_capacity
    meta = np.zeros(1, layout.META)
    meta["due_ms"] = NEVER_DUE_MS
    meta["newest_ms"] = -1
    meta["free_n"][0] = (rows, warm, hot, warm + hot)
    evidence = np.zeros(warm + hot, layout.EVIDENCE)
    evidence["row"] = -1
    return Tables(
        slots=np.zeros(2 * rows, np.uint64),
        rows=aligned(rows, layout.ROW),
        kept=aligned(rows * TAIL + warm * WARM + hot * HOT, layout.KEPT),
        prints=np.zeros(hot * HOT, np.uint16),
        evidence=evidence,
        free_rows=np.arange(rows, dtype=np.int32)[::-1].copy(),
        free_warm=np.arange(warm, dtype=np.int32)[::-1].copy(),
        free_hot=np.arange(hot, dtype=np.int32)[::-1].copy(),
        free_evidence=np.arange(warm + hot, dtype=np.int32)[::-1].copy(),
        seen=aligned(2 * BUCKET * -(-config.dedup_calls // BUCKET), np.dtype(np.uint64)).reshape(-1, 2, BUCKET),
        door=np.zeros((2, max(rows // 8, 64)), np.uint64),
        ring_times=np.zeros(layout.RING_TIMES + 1, np.int64),
        trunks=new_trunks(),
        halves=np.zeros(layout.PAIRS, layout.HALF),
        scratch=np.zeros(1, layout.SCORED),
        meta=meta,
    )


def new_trunks() -> NDArray[np.void]:
    """HEALTH of no trunk yet."""
    trunks = np.zeros(1 + layout.TRUNKS, layout.HEALTH)
    trunks["last_ms"] = -1
    return trunks


def new_policy(
    state: State, order: Order, threshold_nats: float, observe: bool, utc_offset_h: float = 8.0
) -> NDArray[np.void]:
    """POLICY[1]: the numbers the judging loop compares with. threshold_nats in nats; observe: for a trace."""
    policy = np.zeros(1, layout.POLICY)
    policy["threshold"] = round(threshold_nats * layout.MILLI)
    policy["critical"] = round((threshold_nats + CRITICAL_NATS) * layout.MILLI)
    policy["lateness_ms"] = order.lateness_s * 1000
    policy["line_idle_ms"] = state.line_idle_h * 3_600_000
    policy["warm_idle_ms"] = state.warm_idle_h * 3_600_000
    policy["observe"] = observe
    policy["utc_offset_ms"] = round(utc_offset_h * 3_600_000)
    return policy


CRITICAL_NATS = 7.0
"""Nats above the threshold that make an alert critical: a thousand times less likely to be ordinary life."""
