"""Calls from Kafka: one process reads every partition of the topics, others of its group stand by.

At the start, and when it takes over, it reads again what the look-back asks for (`lookback`), then goes on.
It never resets an offset on its own: where the log lacks something, it stops and says so.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition
from kafka.errors import (
    CommitFailedError,
    CorruptRecordError,
    InconsistentGroupProtocolError,
    KafkaError,
    LogTruncationError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
)

from detector import metrics
from detector.broker import asking, connect, refusal
from detector.config import Kafka, Order, Recovery
from detector.errors import ConfigError, DetectorError, StateError, TemporaryError
from detector.source.batches import values_of, whole_batches
from detector.source.contract import Chunk
from detector.source.lookback import Start, starts
from detector.source.ownership import Ownership, SingleOwner, finish_joining, taken

POLL_MS = 100
METADATA_MS = 60_000  # a new partition is noticed within this
LOOK_S = 1.0  # how often the broker is asked where the partitions end
CLOSING_S = 5.0  # patience with a broker that is away while stopping

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Partition:
    """One partition, and how far it was read."""

    at: TopicPartition
    ours: bool = False
    replayed: int = 0  # offsets below were committed when it was taken over
    committed: int = 0
    next: int = 0  # offset to be read next
    end: int | None = None  # behind its last record, as the broker said last
    quiet_since: float = 0.0  # monotonic seconds
    ended: bool = False


class KafkaSource:
    """The partitions of the configured topics as streams, numbered by (topic, partition).

    Raises ConfigError (topic missing, user refused), TemporaryError (broker away for longer than
    `kafka.outage_s`, partitions lost to another process: start again), StateError (the log lacks what the
    committed offsets or the look-back need).
    """

    def __init__(self, kafka: Kafka, order: Order, recovery: Recovery) -> None:
        self._kafka, self._order, self._recovery = kafka, order, recovery
        self._consumer = connect(kafka, KafkaConsumer, **_settings(kafka))
        try:
            whole_batches(self._consumer)
            self._partitions = [_Partition(at) for at in _find(self._consumer, kafka)]
        except BaseException:
            self._consumer.close()
            raise
        self._by_place = {partition.at: partition for partition in self._partitions}
        self._ownership = Ownership(self._consumer)
        self._consumer.subscribe(list(kafka.topics), listener=self._ownership)
        self._gained: set[TopicPartition] = set()
        self._held: frozenset[int] = frozenset()
        self._answered = self._looked = time.monotonic()
        self._away = self._stopping = False

    @property
    def streams(self) -> int:
        """How many partitions there are."""
        return len(self._partitions)

    @property
    def phase(self) -> str:
        """`standby` (another process owns the partitions), `recovering` (reads again), `live`."""
        if not all(partition.ours for partition in self._partitions):
            return "standby"
        return "recovering" if self.recovering() else "live"

    def chunks(self) -> Iterator[list[Chunk]]:
        """What arrived, at the latest every 0.1 s an empty list; ends after `stop()`."""
        while not self._stopping:
            yield self._turn()

    def stop(self) -> None:
        """End `chunks()` after the present turn; may be called from a signal handler."""
        self._stopping = True

    def hold(self, streams: frozenset[int]) -> None:
        """Do not read these partitions for now."""
        for stream in streams ^ self._held:
            if self._partitions[stream].ours:
                switch = self._consumer.pause if stream in streams else self._consumer.resume
                switch(self._partitions[stream].at)
        self._held = streams

    def ended(self) -> frozenset[int]:
        """Partitions that have stood at their end for `order.idle_s`."""
        return frozenset(stream for stream, partition in enumerate(self._partitions) if partition.ended)

    def replaying(self, stream: int, offset: int) -> bool:
        """Whether this offset was committed before we took over."""
        return offset < self._partitions[stream].replayed

    def recovering(self) -> bool:
        """Whether a partition is not ours yet, or offsets committed before we took over are still to be read again."""
        return not all(p.ours and p.next >= p.replayed for p in self._partitions)

    def commit(self, positions: dict[int, int]) -> None:
        """Commit what is beyond the committed offsets; while the group is changing, the next epoch does it."""
        moved = {stream: next_ for stream, next_ in positions.items() if next_ > self._partitions[stream].committed}
        offsets = {self._partitions[stream].at: OffsetAndMetadata(next_, "", -1) for stream, next_ in moved.items()}
        if not offsets:
            return
        while (done := self._ask(lambda: self._commit(offsets))) is None:
            if self._stopping and time.monotonic() - self._answered > CLOSING_S:
                raise TemporaryError("the broker is away: the last epoch was not committed and will be judged again")
        for stream, next_ in moved.items() if done else ():
            self._partitions[stream].committed = next_

    def place(self, stream: int, offset: int) -> str:
        """`topic[partition]@offset`."""
        at = self._partitions[stream].at
        return f"{at.topic}[{at.partition}]@{offset}"

    def lag(self) -> int | None:
        """Records between what was read and the ends of the partitions; None before they are known."""
        if any(partition.end is None for partition in self._partitions):
            return None
        return sum(max(0, (p.end or 0) - p.next) for p in self._partitions)

    def close(self) -> None:
        """Leave the group, so that a standby takes over at once."""
        self._consumer.close(timeout_ms=int(CLOSING_S * 1000))

    def _turn(self) -> list[Chunk]:
        self._follow_group()
        records = self._ask(lambda: self._consumer.poll(POLL_MS)) or {}
        finish_joining(self._consumer)
        chunks = [
            self._read(stream, partition, records[partition.at])
            for stream, partition in enumerate(self._partitions)
            if partition.at in records
        ]
        if time.monotonic() - self._looked >= LOOK_S:
            self._ask(self._look)
            self._looked = time.monotonic()
        return chunks

    def _follow_group(self) -> None:
        lost = taken(self._ownership.lost)
        if lost and not self._stopping:
            raise TemporaryError(f"another process of kafka.group = {self._kafka.group} took the partitions over")
        self._gained |= taken(self._ownership.gained)
        if self._gained - self._by_place.keys():
            raise TemporaryError("a topic has more partitions than at the start: start again to read them")
        if self._gained and (begun := self._ask(self._begin)):
            for at, start in begun.items():
                self._own(self._by_place[at], start)
            self._gained.clear()

    def _begin(self) -> dict[TopicPartition, Start]:
        return starts(self._consumer, sorted(self._gained), self._recovery.lookback_h)

    def _own(self, partition: _Partition, start: Start) -> None:
        partition.ours = True
        partition.next, partition.replayed, partition.committed = start.offset, start.committed, start.committed
        partition.quiet_since = time.monotonic()
        self._consumer.seek(partition.at, start.offset)
        if self._partitions.index(partition) not in self._held:
            self._consumer.resume(partition.at)
        log.info(
            "partition_taken",
            place=f"{partition.at.topic}[{partition.at.partition}]",
            start=start.offset,
            committed=start.committed,
        )

    def _read(self, stream: int, partition: _Partition, records: list[Any]) -> Chunk:
        partition.next = records[-1].offset + 1
        partition.quiet_since = self._heard()
        partition.ended = False
        try:
            values = values_of(records)
        except CorruptRecordError as error:
            raise self._refusal(error) from None
        return Chunk(stream, values.data, values.starts, values.lengths, values.offsets)

    def _look(self) -> None:
        """Ask where the partitions end: for the lag, for those that stand there, and as a sign of life."""
        ends = self._consumer.end_offsets([partition.at for partition in self._partitions], timeout_ms=1_000)
        now = self._heard()
        for partition in self._partitions:
            partition.end = ends[partition.at]
            if partition.ours:
                partition.next = max(partition.next, self._consumer.position(partition.at))  # over gaps
                idle = partition.next >= partition.end and now - partition.quiet_since >= self._order.idle_s
                if idle and not partition.ended:
                    partition.ended = True
                    metrics.merge_idle.inc()

    def _commit(self, offsets: dict[TopicPartition, Any]) -> bool:
        try:
            self._consumer.commit(offsets, timeout_ms=1_000)
        except RebalanceInProgressError:
            return False
        except CommitFailedError:
            raise TemporaryError(
                f"another process of kafka.group = {self._kafka.group} took the partitions over"
            ) from None
        self._heard()
        return True

    def _heard(self) -> float:
        """The broker answered, now."""
        if self._away:
            log.info("broker_back", bootstrap=self._kafka.bootstrap)
        self._away = False
        self._answered = time.monotonic()
        return self._answered

    def _ask(self, question: Callable[[], Answer]) -> Answer | None:
        """The broker's answer; None while it is away, TemporaryError once that lasted for `kafka.outage_s`."""
        try:
            return question()
        except KafkaError as error:
            if not error.retriable:
                raise self._refusal(error) from error
            if not self._away:
                log.warning("broker_away", bootstrap=self._kafka.bootstrap, error=repr(error))
            self._away = True
            if time.monotonic() - self._answered > self._kafka.outage_s:
                raise TemporaryError(
                    f"no broker answered at {self._kafka.bootstrap} for kafka.outage_s = {self._kafka.outage_s:g}"
                ) from None
        return None

    def _refusal(self, error: KafkaError) -> DetectorError:
        if isinstance(error, OffsetOutOfRangeError | LogTruncationError):
            return StateError(f"the log no longer holds what is to be read next: {error!r}")
        if isinstance(error, CorruptRecordError):
            return StateError(f"a record is damaged: {error!r}")
        if isinstance(error, InconsistentGroupProtocolError):
            return ConfigError(f"kafka.group = {self._kafka.group} is used by another program: choose another")
        return refusal(self._kafka, error)


def _settings(kafka: Kafka) -> dict[str, Any]:
    session_ms = int(kafka.session_s * 1000)
    return {
        "group_id": kafka.group,
        "partition_assignment_strategy": [SingleOwner],
        "session_timeout_ms": session_ms,
        "heartbeat_interval_ms": min(3_000, session_ms // 4),
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",  # the users' producers may be transactional
        "allow_auto_create_topics": False,
        "metadata_max_age_ms": METADATA_MS,
        "fetch_min_bytes": 100_000,  # with fetch_max_wait_ms: 2 % of a core at 1 000 records/s, else 9-29 %
        "fetch_max_wait_ms": 100,
        # A turn is bounded by bytes, never by records: what poll() leaves over of a partition that is then
        # paused is lost to it for as long as other partitions have data (kafka-python 3.0.12).
        "fetch_max_bytes": 4 << 20,
        "max_partition_fetch_bytes": 1 << 20,
        "max_poll_records": 1 << 30,
    }


def _find(consumer: KafkaConsumer, kafka: Kafka) -> list[TopicPartition]:
    """All partitions of the topics, sorted."""
    found = []
    for topic in sorted(set(kafka.topics)):
        with asking(kafka):
            partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            raise ConfigError(f"kafka.topics: there is no topic {topic!r}; `detector topics` creates it")
        found += [TopicPartition(topic, partition) for partition in sorted(partitions)]
    return found
