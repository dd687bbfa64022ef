"""Calls out of a list, for tests; an ABORT in it is where the process dies."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from detector.source.contract import Chunk


class Abort(Exception):
    """The process dies here."""


ABORT: Final = Abort()
"""In the turns of a MemorySource: raised in place of a turn."""


def chunk(values: Sequence[bytes | None], *, stream: int = 0, first_offset: int = 1) -> Chunk:
    """Values as one chunk of a stream; None = a null value."""
    lengths = np.array([-1 if value is None else len(value) for value in values], np.int32)
    taken = np.maximum(lengths, 0).astype(np.int64)
    data = b"".join(value or b"" for value in values)
    return Chunk(stream, data, np.cumsum(taken) - taken, lengths, np.arange(first_offset, first_offset + len(values)))


class MemorySource:
    """Hands out the turns of a list, and remembers what was committed.

    turns      each a list of chunks, or ABORT
    committed  positions to read on from: values before them were handed out, and took effect, before
    """

    def __init__(
        self, turns: Sequence[list[Chunk] | Abort], *, streams: int = 1, committed: dict[int, int] | None = None
    ) -> None:
        self.committed = dict(committed or {})
        self._replayed = dict(self.committed)
        self._next: dict[int, int] = {}
        self._turns = turns
        self._streams = streams
        self._left = [sum(1 for turn in turns if _brings(turn, stream)) for stream in range(streams)]

    @property
    def streams(self) -> int:
        """How many streams there are."""
        return self._streams

    def hold(self, streams: frozenset[int]) -> None:
        """The list decides what comes when."""

    def chunks(self) -> Iterator[list[Chunk]]:
        """The turns, one by one; raises ABORT where it stands."""
        for turn in self._turns:
            if isinstance(turn, Abort):
                raise turn
            for part in turn:
                self._left[part.stream] -= 1
                self._next[part.stream] = int(part.offsets[-1]) + 1
            yield turn

    def ended(self) -> frozenset[int]:
        """Streams that the rest of the list does not mention."""
        return frozenset(stream for stream, left in enumerate(self._left) if left == 0)

    def replaying(self, stream: int, offset: int) -> bool:
        """Whether it was committed before this source began."""
        return offset < self._replayed.get(stream, 0)

    def recovering(self) -> bool:
        """Whether positions committed before are still to come."""
        return any(self._next.get(stream, 0) < offset for stream, offset in self._replayed.items())

    def commit(self, positions: dict[int, int]) -> None:
        """Remember them."""
        self.committed.update(positions)

    def place(self, stream: int, offset: int) -> str:
        """`memory[0]@17`."""
        return f"memory[{stream}]@{offset}"

    def lag(self) -> int | None:
        """Chunks to come."""
        return sum(self._left)

    def close(self) -> None:
        """Nothing to let go."""


def _brings(turn: list[Chunk] | Abort, stream: int) -> bool:
    return not isinstance(turn, Abort) and any(part.stream == stream for part in turn)
