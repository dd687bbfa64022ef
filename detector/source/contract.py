"""What a source hands to decode, and what the loop may ask of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Chunk:
    """Values read from one stream, in stream order.

    stream   index of the stream in the source: a partition, or a file
    data     the bytes of all values
    starts   int64[n]  where value i begins in `data`
    lengths  int32[n]  its length; -1 = the value was null (a Kafka tombstone)
    offsets  int64[n]  its position in the stream: Kafka offset, or line number of a file (from 1)
    """

    stream: int
    data: bytes
    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    offsets: NDArray[np.int64]


class Source(Protocol):
    """Where calls come from. One call of `chunks()` a process; positions are committed by the loop."""

    @property
    def streams(self) -> int:
        """How many streams there are; every `Chunk.stream` is below it. Never changes."""
        ...

    def hold(self, streams: frozenset[int]) -> None:
        """Read on without these streams for now: the merge has enough of them. The next call replaces this one."""
        ...

    def chunks(self) -> Iterator[list[Chunk]]:
        """What arrived since the last turn: at most one chunk a stream, an empty list when nothing did.

        Ends at the end of a file, or when the source was told to stop. Raises TemporaryError when the
        outside stays away for longer than configured.
        """
        ...

    def ended(self) -> frozenset[int]:
        """Streams that have nothing more to say for now: the merge does not wait for them."""
        ...

    def replaying(self, stream: int, offset: int) -> bool:
        """Was this position already committed? Then its output was sent before and is not sent again."""
        ...

    def recovering(self) -> bool:
        """Are positions committed before still to be read again? Until then nobody changes anything."""
        ...

    def commit(self, positions: dict[int, int]) -> None:
        """Step 3 of an epoch: everything before these offsets (stream -> next offset) has taken effect."""
        ...

    def place(self, stream: int, offset: int) -> str:
        """The position as people read it: `cdr[3]@991`, or `calls.ndjson:17`."""
        ...

    def lag(self) -> int | None:
        """Records that wait in the source; None where it does not know."""
        ...

    def close(self) -> None:
        """Let go of files and connections; harmless when called twice."""
        ...
