"""One order of calls out of several streams, the same however the streams were cut into chunks.

A call stands at (newest release of its stream up to the call, stream, place in the stream). Within a stream
that keeps the order of arrival: a late call stays behind those it came after. A call leaves as soon as no
stream that is waited for can still bring one that stands before it.
"""

import heapq
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import NEVER_MS, CdrBatch, concat

BUFFERED_CALLS = 200_000
"""Calls that may wait in the merge, all streams together: 27 MB, and the raw bytes they came from."""

UNREADABLE_VALUES = 10_000
"""A stream that brings this many values in a row and no call is not waited for: one broken feed stops no other."""

_Part = tuple[CdrBatch, NDArray[np.int64]]
"""Calls of one stream, and order_ms: the newest release_ms of the stream up to each of them."""


@dataclass(slots=True)
class _Stream:
    """What one stream brought, and what of it still waits."""

    waiting: deque[_Part] = field(default_factory=deque)
    calls: int = 0  # that wait
    newest_ms: int = NEVER_MS  # release_ms
    next_offset: int = -1  # everything before it was brought; -1 = nothing was
    silent_from: int = -1  # where the values begin that brought no call

    def add(self, batch: CdrBatch) -> None:
        order_ms = np.maximum.accumulate(batch.calls["release_ms"])
        np.maximum(order_ms, self.newest_ms, out=order_ms)
        self.newest_ms = int(order_ms[-1])
        self.silent_from = int(batch.calls["offset"][-1]) + 1
        self.waiting.append((batch, order_ms))
        self.calls += len(batch)

    def leave(self, until_ms: int | None, inclusive: bool) -> Iterator[_Part]:
        """Take out the calls that stand before `until_ms` (or at it); None = all of them."""
        while self.waiting:
            batch, order_ms = self.waiting.popleft()
            n = len(batch)
            if until_ms is not None:
                n = int(np.searchsorted(order_ms, until_ms, side="right" if inclusive else "left"))
            self.calls -= n
            if n == len(batch):
                yield batch, order_ms
                continue
            self.waiting.appendleft((batch.take(slice(n, None)), order_ms[n:]))
            if n:
                yield batch.take(slice(0, n)), order_ms[:n]
            return


class Merge:
    """Merges the streams of a source: hand in what was decoded, take out what is in order.

    streams  how many there are; one that brought nothing yet is waited for like any other
    """

    def __init__(self, streams: int, buffered_calls: int = BUFFERED_CALLS) -> None:
        self._streams = [_Stream() for _ in range(streams)]
        self._share = max(1, buffered_calls // streams)

    def add(self, stream: int, batch: CdrBatch) -> None:
        """Hand in the next calls of a stream, in stream order."""
        if len(batch):
            self._streams[stream].add(batch)
            self.advance(stream, self._streams[stream].silent_from)

    def advance(self, stream: int, next_offset: int) -> None:
        """Everything of the stream before this offset was handed in, or could not be read."""
        brought = self._streams[stream]
        brought.next_offset = max(brought.next_offset, next_offset)
        if brought.silent_from < 0:
            brought.silent_from = next_offset

    def drain(self, ended: Collection[int] = ()) -> CdrBatch | None:
        """All calls whose turn has come, in order; None when there are none.

        ended  streams that are not waited for (`Source.ended`); what they bring later is judged late
        """
        lowest = heapq.nsmallest(2, self._awaited(ended))
        parts = [
            part
            for index, stream in enumerate(self._streams)
            if stream.calls
            for part in stream.leave(*_until(index, lowest))
        ]
        if not parts:
            return None
        merged = concat([batch for batch, _ in parts])
        orders = [order_ms for _, order_ms in parts]
        if all(a[-1] <= b[0] for a, b in pairwise(orders)):
            return merged  # one stream, or one after the other: in order as they are
        return merged.take(np.argsort(np.concatenate(orders), kind="stable"))

    def positions(self) -> dict[int, int]:
        """Per stream the offset before which everything has left: where to read on after a restart.

        A value of many calls that left in part is read again. Streams that brought nothing are not in it.
        """
        return {
            index: int(stream.waiting[0][0].calls["offset"][0]) if stream.waiting else stream.next_offset
            for index, stream in enumerate(self._streams)
            if stream.next_offset >= 0
        }

    def full(self) -> frozenset[int]:
        """Streams far ahead of the others, for `Source.hold`; after `drain`, never one that is waited for."""
        return frozenset(index for index, stream in enumerate(self._streams) if stream.calls >= self._share)

    def _awaited(self, ended: Collection[int]) -> Iterator[tuple[int, int]]:
        """Per stream that is waited for, where its next call stands at the earliest: (release_ms, stream)."""
        for index, stream in enumerate(self._streams):
            if index not in ended and stream.next_offset - stream.silent_from < UNREADABLE_VALUES:
                yield stream.newest_ms, index


def _until(index: int, lowest: list[tuple[int, int]]) -> tuple[int | None, bool]:
    """Up to where calls of stream `index` can leave, and whether that instant is included."""
    for newest_ms, other in lowest:
        if other != index:
            return newest_ms, index < other
    return None, True
