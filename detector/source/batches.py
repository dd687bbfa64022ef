"""Whole record batches out of kafka-python, instead of one object a record: a thirteenth of the CPU time.

`KafkaConsumer.poll()` makes an object of every record, 3.9 CPU seconds a million; here a batch stays one piece
of bytes, and a kernel finds the values: 0.3 (2026-11-24). The client's own bookkeeping is kept as it is
(checksums, positions, aborted transactions, control batches): only what a batch answers when it is walked
through is replaced. That is private to kafka-python 3.0; tests/kafka/test_batches.py holds both ways equal.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError, UnsupportedVersionError
from numpy.typing import NDArray

from detector.source.kernels.batch import DAMAGED, scan_records


@dataclass(frozen=True, slots=True)
class RawBatch:
    """The value of what `poll()` returns once `whole_batches` was asked for.

    data         records, decompressed, from `start` on
    records      how many
    base_offset  offset that the records' own are relative to
    base_ms      time that the records' own are relative to
    stamped_ms   time of all records where the broker stamps them; None = their own
    below        offsets below were not asked for
    """

    data: bytearray
    start: int
    records: int
    base_offset: int
    base_ms: int
    stamped_ms: int | None
    below: int

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True, slots=True)
class Values:
    """Records of one partition: `data`, starts int64[n], lengths int32[n] (-1 = null), offsets int64[n],
    times_ms int64[n] (UTC).
    """

    data: bytes
    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    offsets: NDArray[np.int64]
    times_ms: NDArray[np.int64]


def whole_batches(consumer: Any) -> None:
    """From now on `poll()` returns one record a batch: its `value` is a RawBatch, its `offset` the batch's last."""
    consumer._fetcher.PartitionRecords = _PartitionRecords


def values_of(records: Sequence[Any]) -> Values:
    """What `poll()` returned for one partition, cut into values. Raises CorruptRecordError."""
    batches: list[RawBatch] = [record.value for record in records]
    count = sum(batch.records for batch in batches)
    data = b"".join([batch.data for batch in batches])
    found = Values(
        data, np.empty(count, np.int64), np.empty(count, np.int32), np.empty(count, np.int64), np.empty(count, np.int64)
    )
    whole = np.frombuffer(data, np.uint8)
    begin = row = 0
    for batch in batches:
        rows, end = slice(row, row + batch.records), begin + len(batch.data)
        columns = found.starts[rows], found.lengths[rows], found.offsets[rows], found.times_ms[rows]
        below = batch.below - batch.base_offset
        kept = scan_records(whole[:end], begin + batch.start, batch.records, below, *columns)
        if kept == DAMAGED:
            raise CorruptRecordError(f"the batch at offset {batch.base_offset} does not add up")
        found.offsets[row : row + kept] += batch.base_offset
        found.times_ms[row : row + kept] += batch.base_ms
        if batch.stamped_ms is not None:
            found.times_ms[row : row + kept] = batch.stamped_ms
        begin, row = end, row + kept
    return Values(data, found.starts[:row], found.lengths[:row], found.offsets[:row], found.times_ms[:row])


class _PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python is not typed
    """The client's own, over batches that are walked through in one step."""

    def __init__(self, fetch_offset: int, tp: Any, records: Any, **keys: Any) -> None:
        super().__init__(fetch_offset, tp, _Batches(records, fetch_offset), **keys)


class _Batches:
    def __init__(self, records: Any, fetch_offset: int) -> None:
        self._records, self._fetch_offset = records, fetch_offset

    def next_batch(self) -> "_Batch | None":
        batch = self._records.next_batch()
        return None if batch is None else _Batch(batch, self._fetch_offset)


class _Batch:
    """A batch of the client, all of whose records are one record."""

    def __init__(self, batch: Any, fetch_offset: int) -> None:
        if batch.magic != 2:
            raise UnsupportedVersionError(f"records at {batch.base_offset} are in a format older than Kafka 0.11")
        self._batch, self._fetch_offset = batch, fetch_offset

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # asked for the marker in a control batch
        return next(self._batch)

    def __iter__(self) -> Iterator["_Whole"]:
        batch = self._batch
        if batch.records_count:
            batch._maybe_uncompress()
            stamped = batch.max_timestamp if batch.timestamp_type else None
            size = batch.records_count, batch.base_offset, batch.first_timestamp, stamped, self._fetch_offset
            yield _Whole(batch, RawBatch(batch._buffer, batch._pos, *size))


class _Whole:
    """Looks to the client like one record."""

    key = checksum = None
    headers: Sequence[Any] = ()

    def __init__(self, batch: Any, value: RawBatch) -> None:
        self.value = value
        self.offset = batch.last_offset
        self.timestamp, self.timestamp_type = batch.max_timestamp, batch.timestamp_type
        self.size_in_bytes = batch.size_in_bytes

    def validate_crc(self) -> bool:
        return True  # the batch's own was checked
