"""Kernel over the bytes of a Kafka record batch (message format 2)."""

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.jit import njit

DAMAGED = -1


@njit
def _varint(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """(value, place behind it) of a zigzag variable-length integer; place DAMAGED when it runs past `end`."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end and shift < np.uint64(64):
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(127)) << shift
        if byte < np.uint64(128):
            return int(np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1))), at
        shift += np.uint64(7)
    return 0, DAMAGED


@njit
def scan_records(
    data: NDArray[np.uint8],
    at: int,
    records: int,
    below: int,
    starts: NDArray[np.int64],
    lengths: NDArray[np.int32],
    offsets: NDArray[np.int64],
    times_ms: NDArray[np.int64],
) -> int:
    """Where the values of a batch lie; how many records were kept, DAMAGED when the bytes do not add up.

    data      uint8[n_bytes]   records, decompressed; they end where the array ends
    at        int              where the first record begins
    records   int              how many there are
    below     int              records with a smaller offset delta are left out (a fetch begins inside a batch)
    starts    int64[records]   filled; where the value begins in `data`
    lengths   int32[records]   filled; -1 = null value
    offsets   int64[records]   filled; offset minus that of the batch
    times_ms  int64[records]   filled; time minus that of the batch
    """
    size = data.shape[0]
    kept = 0
    for _ in range(records):
        length, at = _varint(data, at, size)
        end = at + length
        if at == DAMAGED or length < 1 or end > size:
            return DAMAGED
        at += 1  # attributes, unused
        time_ms, at = _varint(data, at, end)
        offset, at = _varint(data, at, end)
        key_len, at = _varint(data, at, end)
        if at == DAMAGED or key_len > end - at:
            return DAMAGED
        value_len, at = _varint(data, at + max(key_len, 0), end)
        if at == DAMAGED or value_len > end - at:
            return DAMAGED
        if offset >= below:
            starts[kept], lengths[kept] = at, max(value_len, -1)
            offsets[kept], times_ms[kept] = offset, time_ms
            kept += 1
        at = end  # over the headers
    return kept if at == size else DAMAGED
