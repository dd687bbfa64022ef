"""Where to read from after a start: far enough back that state is rebuilt, never past what was not yet judged."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError

from detector.errors import StateError
from detector.source.batches import values_of

_ANSWER_MS = 5_000
_READ_S = 20.0
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Start:
    """Where a partition is read from, and up to where its output was sent by an earlier run."""

    offset: int
    committed: int


def starts(
    consumer: KafkaConsumer, partitions: Sequence[TopicPartition], lookback_h: int
) -> dict[TopicPartition, Start]:
    """Per partition where to start; nothing committed = the oldest record kept.

    partitions  assigned to the consumer and paused; it reads in `whole_batches`

    "Now" is the time of the newest record that was committed, not the wall clock: a topic filled from history
    has its own time. Raises StateError where the log lacks what the committed offsets or the look-back need,
    KafkaError while the broker is away.
    """
    begins = consumer.beginning_offsets(partitions, timeout_ms=_ANSWER_MS)
    ends = consumer.end_offsets(partitions, timeout_ms=_ANSWER_MS)
    committed = {p: consumer.committed(p, timeout_ms=_ANSWER_MS) for p in partitions}
    known = {p: offset for p, offset in committed.items() if offset is not None}
    for partition, offset in known.items():
        _check_kept(partition, offset, begins[partition], ends[partition])
    back = _look_back(consumer, known, begins, lookback_h) if lookback_h else known
    return {p: Start(back.get(p, begins[p]), known.get(p, begins[p])) for p in partitions}


def _check_kept(partition: TopicPartition, committed: int, begin: int, end: int) -> None:
    where = f"{partition.topic}[{partition.partition}]"
    if committed > end:
        raise StateError(
            f"{where} ends at {end}, but {committed} was committed: the topic was made anew or cut. "
            "Use a new kafka.group to judge it from its beginning"
        )
    if committed < begin:
        raise StateError(
            f"{where} begins at {begin}, but only {committed} was committed: {begin - committed} records were "
            "deleted before they were judged. Use a new kafka.group to go on without them"
        )


def _look_back(
    consumer: KafkaConsumer,
    committed: dict[TopicPartition, int],
    begins: dict[TopicPartition, int],
    lookback_h: int,
) -> dict[TopicPartition, int]:
    times = [_newest_ms(consumer, p, offset, begins[p]) for p, offset in committed.items()]
    now_ms = max((ms for ms in times if ms is not None), default=None)
    if now_ms is None:  # nothing that was judged is still kept
        return committed
    since_ms = max(0, now_ms - lookback_h * _HOUR_MS)
    found = consumer.offsets_for_times(dict.fromkeys(committed, since_ms), timeout_ms=_ANSWER_MS)
    back = {}
    for partition, offset in committed.items():
        first = found[partition]
        back[partition] = offset if first is None else min(offset, first.offset)
        if 0 < begins[partition] == back[partition] < offset:
            kept_h = (now_ms - first.timestamp) / _HOUR_MS
            raise StateError(
                f"{partition.topic}[{partition.partition}] keeps {kept_h:.1f} h before the committed offset, but "
                f"recovery.lookback_h = {lookback_h}: give the topic a longer retention.ms, or lower the look-back"
            )
    return back


def _newest_ms(consumer: KafkaConsumer, partition: TopicPartition, offset: int, begin: int) -> int | None:
    """Time of the last record before `offset`; None when none is kept. Offsets have gaps: step back further."""
    step = 1
    while offset > begin:
        start = max(begin, offset - step)
        times = _times_ms(consumer, partition, start, offset)
        if times:
            return times[-1]
        offset, step = start, step * 8
    return None


def _times_ms(consumer: KafkaConsumer, partition: TopicPartition, start: int, stop: int) -> list[int]:
    """Times of the records from `start` to before `stop`."""
    consumer.seek(partition, start)
    consumer.resume(partition)
    times: list[int] = []
    give_up = time.monotonic() + _READ_S
    while consumer.position(partition, timeout_ms=_ANSWER_MS) < stop:
        if time.monotonic() > give_up:
            raise KafkaTimeoutError(f"{partition} could not be read at {start}")
        read = values_of(consumer.poll(500).get(partition, []))
        times += read.times_ms[read.offsets < stop].tolist()
    consumer.pause(partition)
    return times
