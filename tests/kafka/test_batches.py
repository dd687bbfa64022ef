"""Whole batches against the client's own way, record by record."""

import random
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from detector.source.batches import RawBatch, Values, values_of, whole_batches
from detector.source.kernels.batch import DAMAGED, scan_records
from tests.kafka.broker import Broker

broker_needed = pytest.mark.kafka
Record = tuple[int, int, bytes | None]
"""(offset, time, value)"""

SETTINGS = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "isolation_level": "read_committed"}


class Polled:
    """A record as `poll()` returns it, as far as `values_of` looks."""

    def __init__(self, value: RawBatch) -> None:
        self.value = value


def listed(values: Values) -> list[Record]:
    spans = zip(values.offsets, values.times_ms, values.starts, values.lengths, strict=True)
    return [
        (int(offset), int(time_ms), None if length < 0 else values.data[start : start + length])
        for offset, time_ms, start, length in spans
    ]


def read(
    broker: Broker, topic: str, start: int, *, whole: bool, fetch_bytes: int = 1 << 20
) -> tuple[list[Record], int]:
    """Every record from `start` on, and the position behind them."""
    at = TopicPartition(topic, 0)
    records: list[Record] = []
    with KafkaConsumer(
        bootstrap_servers=broker.bootstrap, max_partition_fetch_bytes=fetch_bytes, max_poll_records=1 << 30, **SETTINGS
    ) as consumer:
        if whole:
            whole_batches(consumer)
        consumer.assign([at])
        consumer.seek(at, start)
        end = consumer.end_offsets([at])[at]
        give_up = time.monotonic() + 60
        while consumer.position(at) < end:
            assert time.monotonic() < give_up
            polled = consumer.poll(500).get(at, [])
            records += listed(values_of(polled)) if whole else [(r.offset, r.timestamp, r.value) for r in polled]
        return records, consumer.position(at)


def same_both_ways(broker: Broker, topic: str, starts: list[int]) -> list[Record]:
    """Assert that both ways read the same from each start; what they read from the first."""
    for start in starts:
        for fetch_bytes in (1 << 20, 300):
            expected = read(broker, topic, start, whole=False, fetch_bytes=fetch_bytes)
            assert read(broker, topic, start, whole=True, fetch_bytes=fetch_bytes) == expected
    return read(broker, topic, starts[0], whole=True)[0]


@pytest.fixture
def writer(broker: Broker) -> Iterator[Any]:
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=20)) as producer:
        yield producer


def write_oddities(producer: Any, topic: str, n: int = 60) -> None:
    dice = random.Random(1)
    for i in range(n):
        value = dice.choice([None, b"", b"x" * i, dice.randbytes(20_000 if i == 7 else 50)])
        key = dice.choice([b"", b"key", b"k" * 200]) if value is None else dice.choice([None, b"", b"key"])
        headers = [("h", b"v" * 100)] * dice.randrange(3)
        producer.send(topic, value, key=key, headers=headers, timestamp_ms=1_600_000_000_000 + dice.randrange(10**9))
        if i % 25 == 24:
            producer.flush()
    producer.flush()


@broker_needed
@pytest.mark.parametrize("codec", ["uncompressed", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_reads_the_same(broker: Broker, topic: str, writer: Any, codec: str) -> None:
    broker.create_topic(topic, 1, retention_ms="-1", compression_type=codec)  # the broker's own codecs
    write_oddities(writer, topic)
    assert len(same_both_ways(broker, topic, [0, 1, 13, 30, 59])) == 60


@broker_needed
def test_the_brokers_clock_reads_the_same(broker: Broker, topic: str, writer: Any) -> None:
    broker.create_topic(topic, 1, message_timestamp_type="LogAppendTime", compression_type="lz4")
    write_oddities(writer, topic)
    records = same_both_ways(broker, topic, [0, 17])
    assert all(time_ms > 1_700_000_000_000 for _, time_ms, _ in records)


@broker_needed
def test_a_compacted_topic_with_transactions_reads_the_same(broker: Broker, topic: str) -> None:
    broker.create_topic(
        topic, 1, cleanup_policy="compact", min_cleanable_dirty_ratio="0.01", segment_ms="200", delete_retention_ms="1"
    )
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=topic)) as producer:
        producer.init_transactions()
        for i in range(12):
            producer.begin_transaction()
            for j in range(10):
                producer.send(topic, b"%d" % (i * 10 + j), key=b"%d" % (j % 3))
            producer.flush()
            if i % 3 == 2:
                producer.abort_transaction()
            else:
                producer.commit_transaction()
            time.sleep(0.25)
    give_up = time.monotonic() + 60
    while len(compacted := read(broker, topic, 0, whole=False)[0]) >= 80:
        assert time.monotonic() < give_up, "the broker did not compact the topic"
        time.sleep(0.5)
    while (last := read(broker, topic, 0, whole=False)[0]) != compacted:
        compacted = last  # the cleaner is still at work
    assert same_both_ways(broker, topic, [0, 5, 37, 100]) == compacted


records_of_a_batch = st.lists(
    st.tuples(
        st.integers(-(2**40), 2**40),
        st.none() | st.binary(max_size=40),
        st.none() | st.binary(max_size=300),
        st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=10)), max_size=2),
    ),
    min_size=1,
    max_size=20,
)


def built(records: list[Any], base_offset: int = 1_000) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=False, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 20,
    )  # fmt: skip
    for offset, (time_ms, key, value, headers) in enumerate(records):
        builder.append(offset, 10**12 + time_ms, key, value, headers)
    data = bytearray(builder.build())
    data[0:8] = base_offset.to_bytes(8, "big")
    return bytes(data)


def raw(batch: bytes, below: int = 0) -> RawBatch:
    read = DefaultRecordBatch(batch)
    return RawBatch(bytearray(batch), 61, read.records_count, read.base_offset, read.first_timestamp, None, below)


@given(st.lists(records_of_a_batch, min_size=1, max_size=3), st.integers(0, 25))
def test_the_kernel_finds_what_the_client_finds(batches: list[list[Any]], skipped: int) -> None:
    below = 1_000 + skipped
    made = [built(records, 1_000 + 100 * i) for i, records in enumerate(batches)]
    twin = [(r.offset, r.timestamp, r.value) for batch in made for r in DefaultRecordBatch(batch) if r.offset >= below]
    assert listed(values_of([Polled(raw(batch, below)) for batch in made])) == twin


@given(records_of_a_batch, st.data())
def test_damaged_bytes_are_refused_or_stay_inside(records: list[Any], data: st.DataObject) -> None:
    batch = bytearray(built(records))
    for _ in range(data.draw(st.integers(1, 3))):
        batch[data.draw(st.integers(61, len(batch) - 1))] = data.draw(st.integers(0, 255))
    batch = batch[: len(batch) - data.draw(st.integers(0, 3))]
    n = len(records)
    starts, lengths = np.empty(n, np.int64), np.empty(n, np.int32)
    offsets, times_ms = np.empty(n, np.int64), np.empty(n, np.int64)
    kept = scan_records(np.frombuffer(bytes(batch), np.uint8), 61, n, 0, starts, lengths, offsets, times_ms)
    assert kept == DAMAGED or kept <= n
    for start, length in zip(starts[: max(kept, 0)], lengths[: max(kept, 0)], strict=True):
        assert 61 <= start <= start + max(length, 0) <= len(batch)


def test_a_torn_batch_is_named() -> None:
    torn = raw(built([(0, None, b"value", [])])[:-1])
    with pytest.raises(CorruptRecordError, match="the batch at offset 1000 does not add up"):
        values_of([Polled(torn)])


def test_nothing_polled_is_nothing() -> None:
    assert listed(values_of([])) == []
