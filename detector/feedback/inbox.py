"""Reads `detector.feedback` between epochs, and has every change on record before it takes effect."""

from collections.abc import Callable, Iterable

import msgspec
import structlog

from detector import metrics
from detector.decode.deadletter import letter
from detector.errors import StateError
from detector.feedback import applied
from detector.feedback.request import BadRequest, read
from detector.landed.contract import Follower, Landed, Positions
from detector.shard import Shard
from detector.sinks.contract import APPLIED, DEAD_LETTER, FEEDBACK, OutRecord

REMEMBERED = 10_000
"""Ids of requests that are known again when they are sent again."""

_log = structlog.get_logger(__name__)


class Inbox:
    """The requests of `detector.feedback` for one shard.

    journal  every record of `detector.applied`, oldest first
    follow   a follower of `detector.feedback` from these positions; asked for once, after the journal was read

    What was refused after the last change that was applied is refused again after a restart: the same dead letter.
    """

    def __init__(self, journal: Callable[[], Iterable[Landed]], follow: Callable[[Positions], Follower]) -> None:
        self._journal, self._follow = journal, follow
        self._follower: Follower | None = None
        self._seen: dict[str, None] = {}

    def recall(self, shard: Shard) -> None:
        """Enter what earlier runs applied. Raises StateError for a record that is none: scores would be others."""
        if self._follower is not None:
            return
        positions: dict[tuple[str, int], int] = {}
        for landed in self._journal():
            try:
                change = applied.decode(landed.value)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise StateError(
                    f"{APPLIED}[{landed.partition}]@{landed.position - 1} cannot be read: {error}"
                ) from None
            shard.calendar.enter(change)
            self._remember(landed.key)
            positions[FEEDBACK, change.partition] = change.position
        self._follower = self._follow(positions)

    def taken(self, shard: Shard) -> list[OutRecord]:
        """Enter what was asked for since; the records must be safe before the shard judges on."""
        if self._follower is None:
            return []
        answers = (self._answer(shard, landed) for landed in self._follower.poll(0.0))
        return [answer for answer in answers if answer is not None]

    def close(self) -> None:
        """Let go; harmless when called twice."""
        if self._follower is not None:
            self._follower.close()

    def _answer(self, shard: Shard, landed: Landed) -> OutRecord | None:
        """The record that a request is applied, or a dead letter; None when there is nothing to do."""
        try:
            request = read(landed.value)
            if request is None or request.feedback_id in self._seen:
                return None
            change = shard.settle(request, landed.partition, landed.position)
        except BadRequest as error:
            return _refused(landed, error)
        shard.calendar.enter(change)
        self._remember(request.feedback_id)
        return OutRecord(APPLIED, request.feedback_id, applied.encode(change))

    def _remember(self, feedback_id: str) -> None:
        """Whoever sends a record again after a crash means it once."""
        self._seen[feedback_id] = None
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]


def _refused(landed: Landed, error: BadRequest) -> OutRecord:
    metrics.landed_unreadable.labels(landed.topic).inc()
    place = f"{landed.topic}[{landed.partition}]@{landed.position - 1}"
    _log.warning("feedback_refused", place=place, reason=error.reason, detail=str(error))
    return OutRecord(DEAD_LETTER, place, letter(error.reason, f"{place} $", str(error), landed.value))
