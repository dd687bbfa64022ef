"""Reading what landed in the detector's topics: for the page, the ledger, the hooks and feedback."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

Positions = Mapping[tuple[str, int], int]
"""(topic, partition) -> where to read on; what is missing is read from the earliest record kept."""


@dataclass(frozen=True, slots=True)
class Landed:
    """One record that landed. `position` is the next place to read from in its partition."""

    topic: str
    key: str
    value: bytes
    partition: int
    position: int


class Follower(Protocol):
    """Follows some topics from given positions; each program keeps its own positions (in its SQLite file)."""

    def poll(self, timeout_s: float) -> list[Landed]:
        """Records that landed since the last call, in order within a partition; empty after the time-out."""
        ...

    def close(self) -> None:
        """Let go; harmless when called twice."""
        ...
