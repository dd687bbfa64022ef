"""Following Kafka topics: every program reads all partitions and keeps its positions itself."""

import time
from collections.abc import Iterable

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from detector.broker import asking, connect, refusal
from detector.config import Kafka
from detector.errors import ConfigError, TemporaryError
from detector.landed.contract import Landed, Positions

_LOOK_MS = 1_000


class KafkaFollower:
    """Reads the given topics from the given positions; what is unknown or no longer kept, from the earliest.

    Belongs to no consumer group and commits nothing. Raises ConfigError (topic missing, user refused),
    TemporaryError when the broker stays away for longer than `kafka.outage_s`.
    """

    def __init__(self, kafka: Kafka, topics: Iterable[str], positions: Positions) -> None:
        self._kafka = kafka
        self._consumer = connect(kafka, KafkaConsumer, **_SETTINGS)
        try:
            self._partitions = [at for topic in topics for at in self._partitions_of(topic)]
        except BaseException:
            self._consumer.close()
            raise
        self._consumer.assign(self._partitions)
        for at in self._partitions:
            if at in positions:
                self._consumer.seek(at, positions[at])
            else:
                self._consumer.seek_to_beginning(at)
        self._answered = time.monotonic()

    def poll(self, timeout_s: float) -> list[Landed]:
        """Records that landed since the last call, in order within a partition; empty after the time-out.

        Key "" = none; a record without a value (a tombstone) is left out.
        """
        try:
            records = self._consumer.poll(int(timeout_s * 1000))
        except KafkaError as error:
            if not error.retriable:
                raise refusal(self._kafka, error) from None
            records = {}
        if records:
            self._answered = time.monotonic()
        else:
            self._look()
        return [
            Landed(at.topic, (r.key or b"").decode(errors="replace"), r.value, at.partition, r.offset + 1)
            for at, some in records.items()
            for r in some
            if r.value is not None
        ]

    def rest(self) -> list[Landed]:
        """Everything up to where the topics end now."""
        landed: list[Landed] = []
        with asking(self._kafka):
            ends = self._consumer.end_offsets(self._partitions)
            while any(self._consumer.position(at) < end for at, end in ends.items()):
                landed += self.poll(0.1)
        return landed

    def close(self) -> None:
        """Let go; harmless when called twice."""
        self._consumer.close()

    def _partitions_of(self, topic: str) -> list[TopicPartition]:
        with asking(self._kafka):
            partitions = self._consumer.partitions_for_topic(topic)
        if not partitions:
            raise ConfigError(f"there is no topic {topic}: `detector topics` creates it")
        return [TopicPartition(topic, partition) for partition in sorted(partitions)]

    def _look(self) -> None:
        """Silence may be a broker that is away: ask it something, and give up once that lasted too long."""
        try:
            self._consumer.end_offsets(self._partitions, timeout_ms=_LOOK_MS)
            self._answered = time.monotonic()
        except KafkaError as error:
            if time.monotonic() - self._answered > self._kafka.outage_s:
                raise TemporaryError(
                    f"no broker answered at {self._kafka.bootstrap} for kafka.outage_s = {self._kafka.outage_s:g} "
                    f"({error!r})"
                ) from None


_SETTINGS = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "isolation_level": "read_committed",
    "allow_auto_create_topics": False,
    "max_partition_fetch_bytes": 1 << 20,
    "fetch_max_bytes": 4 << 20,
}
