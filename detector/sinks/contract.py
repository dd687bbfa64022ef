"""What leaves the detector: records for a few named topics, sent by a sink."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

ALERTS = "detector.alerts"
DEAD_LETTER = "detector.dead-letter"
FEEDBACK = "detector.feedback"
ACTIONS = "detector.actions"
STATUS = "detector.status"
APPLIED = "detector.applied"
TOPICS = (ALERTS, DEAD_LETTER, FEEDBACK, APPLIED, ACTIONS, STATUS)


@dataclass(frozen=True, slots=True)
class OutRecord:
    """One record on its way out; sent again after a crash it is the same, byte for byte."""

    topic: str
    key: str
    value: bytes


class Sink(Protocol):
    """Where records go."""

    def send(self, records: Sequence[OutRecord]) -> None:
        """Hand records over, in order; may return before they are safe."""
        ...

    def flush(self) -> None:
        """Return when every record sent so far is safe; raise TemporaryError when one is not."""
        ...

    def close(self) -> None:
        """Flush and let go; harmless when called twice."""
        ...
