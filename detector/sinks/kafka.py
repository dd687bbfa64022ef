"""Records to Kafka: sent by an idempotent producer, every one checked before the source's offsets move on."""

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError

from detector.broker import asking, connect, refusal
from detector.config import Kafka
from detector.errors import ConfigError, DetectorError
from detector.sinks.contract import TOPICS, OutRecord

LARGEST_RECORD = 8 << 20
"""Bytes of one record; a dead letter holds what it could not read, whole. `sinks.topics` lets topics take it."""

_CLOSING_S = 5.0
_LOOK_S = 1.0


class KafkaSink:
    """Sends records to the topics they name, keyed; records of one key arrive in the order they were sent.

    topics  those it is going to write to; they must exist

    Raises ConfigError (topic missing, user refused, record too large for the topic), TemporaryError when the
    broker stays away for longer than `kafka.outage_s`.
    """

    def __init__(self, kafka: Kafka, topics: Iterable[str] = TOPICS) -> None:
        self._kafka = kafka
        _check_topics(kafka, topics)
        self._producer = connect(kafka, KafkaProducer, **_settings(kafka))
        self._sent: list[tuple[str, Any]] = []  # (topic, future)
        self._stopped_s = math.inf  # monotonic
        self._closed = False

    def send(self, records: Sequence[OutRecord]) -> None:
        """Hand the records to the producer, in order; safe after `flush()`."""
        for record in records:
            self._sent.append((record.topic, self._handed_over(record)))

    def stop(self) -> None:
        """The program is to end: wait no longer than _CLOSING_S from now; may be called from a signal handler."""
        self._stopped_s = time.monotonic()

    def flush(self) -> None:
        """Return when every record sent so far is acknowledged by all replicas in sync; else raise."""
        sent, self._sent = self._sent, []
        if not sent:
            return
        give_up_s = time.monotonic() + self._kafka.outage_s + _CLOSING_S
        while (error := self._unfinished()) is not None:
            if time.monotonic() > min(give_up_s, self._stopped_s + _CLOSING_S):
                raise self._refused(sent[0][0], error) from None
        for topic, future in sent:  # flush() itself says nothing about batches that failed
            if future.failed():
                raise self._refused(topic, future.exception) from None

    def close(self) -> None:
        """Flush and let go; harmless when called twice."""
        if self._closed:
            return
        self._closed = True
        try:
            self.flush()
        finally:
            # What is not acknowledged by now is given up: close() would wait for it once more, and raise (3.0.12).
            self._producer._sender.force_close()
            self._producer.close(timeout=_CLOSING_S)

    def _unfinished(self) -> KafkaError | None:
        """Wait a little for the acknowledgements; why they are not all there, or None."""
        try:
            self._producer.flush(_LOOK_S)
        except KafkaTimeoutError as error:
            return error
        return None

    def _handed_over(self, record: OutRecord) -> Any:
        try:
            return self._producer.send(record.topic, record.value, key=record.key.encode() or None)
        except KafkaError as error:
            raise self._refused(record.topic, error) from None

    def _refused(self, topic: str, error: KafkaError) -> DetectorError:
        if isinstance(error, MessageSizeTooLargeError):
            return ConfigError(f"a record is too large for topic {topic}: raise its max.message.bytes ({error})")
        return refusal(self._kafka, error)


def _check_topics(kafka: Kafka, topics: Iterable[str]) -> None:
    """The producer would have the broker create a missing topic, with settings nobody chose (3.0.12)."""
    with connect(kafka, KafkaAdminClient) as admin, asking(kafka):
        missing = set(topics) - set(admin.list_topics())
    if missing:
        raise ConfigError(f"there is no topic {min(missing)}: `detector topics` creates it")


def _settings(kafka: Kafka) -> dict[str, Any]:
    outage_ms = int(kafka.outage_s * 1000)
    return {
        "enable_idempotence": True,  # with acks=all: retries neither repeat nor reorder records
        "acks": "all",
        "compression_type": "lz4",
        "linger_ms": 5,
        "retry_backoff_ms": 20,
        "delivery_timeout_ms": outage_ms,
        "request_timeout_ms": min(30_000, outage_ms // 2),
        "max_block_ms": outage_ms,
        "max_request_size": LARGEST_RECORD,
    }
