"""The records of a chunk: a value is one call, or many lines, or a JSON array of calls."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.source.contract import Chunk

MOST_ITEMS = 16_384
"""Calls in one value; one that would fall into more pieces is read as a single record, and so refused."""

WHOLE_VALUE = -1


@dataclass(frozen=True, slots=True)
class Records:
    """Where the records of a chunk lie.

    segments  buffers
    segment   int32[n]  buffer of record i
    starts    int64[n]  where it begins there
    lengths   int32[n]  its length; -1 = null
    offsets   int64[n]  place of its value in the stream
    items     int32[n]  which record of its value; WHOLE_VALUE = the only one
    """

    segments: Sequence[bytes]
    segment: NDArray[np.int32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    offsets: NDArray[np.int64]
    items: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, i: int) -> bytes:
        """Record i, byte for byte; empty for null."""
        start, length = int(self.starts[i]), max(0, int(self.lengths[i]))
        return self.segments[int(self.segment[i])][start : start + length]

    def after_first(self) -> "Records":
        """The same without the first."""
        return Records(
            self.segments, self.segment[1:], self.starts[1:], self.lengths[1:], self.offsets[1:], self.items[1:]
        )


def whole(chunk: Chunk) -> Records:
    """Every value as one record. Raises ValueError for values outside the buffer: kernels read plain memory."""
    n = len(chunk.starts)
    if n and (chunk.starts.min() < 0 or (chunk.starts + chunk.lengths).max() > len(chunk.data)):
        raise ValueError(f"chunk of stream {chunk.stream} from {chunk.offsets[0]}: a value lies outside its buffer")
    return Records(
        segments=[chunk.data],
        segment=np.zeros(n, np.int32),
        starts=chunk.starts,
        lengths=chunk.lengths,
        offsets=chunk.offsets,
        items=np.full(n, WHOLE_VALUE, np.int32),
    )


Cut = Callable[[bytes], list[bytes]]
"""The records of a value that holds several; none = the value is one record."""


def lines(value: bytes) -> list[bytes]:
    """The lines of a value of several lines; none for a single one."""
    parts = value.rstrip(b"\r\n").split(b"\n")
    return parts if len(parts) > 1 else []


def cut_up(records: Records, suspects: Iterable[int], cut: Cut) -> Records:
    """The same records with the `suspects` that hold several cut into theirs, in order."""
    pieces = {i: parts for i in suspects if 0 < len(parts := cut(records.raw(i))) <= MOST_ITEMS}
    if not pieces:
        return records
    parts = [part for value in pieces.values() for part in value]
    counts = np.ones(len(records), np.int64)
    counts[list(pieces)] = [len(value) for value in pieces.values()]
    rows = np.repeat(np.arange(len(records)), counts)
    new = np.isin(rows, list(pieces))
    item = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    part_lengths = np.array([len(part) for part in parts], np.int32)
    lengths, starts, segment = records.lengths[rows], records.starts[rows], records.segment[rows]
    lengths[new] = part_lengths
    starts[new] = np.cumsum(part_lengths) - part_lengths
    segment[new] = len(records.segments)
    items = np.where(new, item, records.items[rows]).astype(np.int32)
    return Records([*records.segments, b"".join(parts)], segment, starts, lengths, records.offsets[rows], items)
