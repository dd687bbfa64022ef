"""The source against the real broker: order, look-back, groups, outages."""

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.admin import MemberToRemove

from detector import metrics
from detector.config import Kafka, Order, Recovery
from detector.errors import ConfigError, StateError, TemporaryError
from detector.source import kafka as source_module
from detector.source.contract import Chunk
from detector.source.kafka import KafkaSource
from tests.kafka.broker import Broker

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.filterwarnings("ignore:Exception ignored in. <(ssl|socket):pytest.PytestUnraisableExceptionWarning"),
]
HOUR_MS = 3_600_000
START_MS = 1_580_000_000_000
PATIENCE_S = 60.0


def source_of(kafka: Kafka, lookback_h: int = 24, idle_s: float = 0.5) -> KafkaSource:
    return KafkaSource(kafka, Order(idle_s=idle_s), Recovery(lookback_h=lookback_h))


def values(chunk: Chunk) -> list[tuple[int, int, bytes | None]]:
    """(stream, offset, value) of every record."""
    spans = zip(chunk.starts.tolist(), chunk.lengths.tolist(), strict=True)
    read = [None if n < 0 else chunk.data[start : start + n] for start, n in spans]
    return [(chunk.stream, offset, value) for offset, value in zip(chunk.offsets.tolist(), read, strict=True)]


def turns(source: KafkaSource) -> Iterator[list[Chunk]]:
    give_up = time.monotonic() + PATIENCE_S
    for chunks in source.chunks():
        yield chunks
        assert time.monotonic() < give_up, "nothing happened for too long"


def read(source: KafkaSource, n: int) -> list[tuple[int, int, bytes | None]]:
    """The next n records (or the few more that came with the last)."""
    records: list[tuple[int, int, bytes | None]] = []
    for chunks in turns(source):
        records += [record for chunk in chunks for record in values(chunk)]
        if len(records) >= n:
            break
    return records


def until_live(source: KafkaSource) -> list[tuple[int, int, bytes | None]]:
    records: list[tuple[int, int, bytes | None]] = []
    for chunks in turns(source):
        records += [record for chunk in chunks for record in values(chunk)]
        if source.phase == "live":
            break
    return records


def commit(broker: Broker, group: str, topic: str, offsets: dict[int, int]) -> None:
    """Set committed offsets from outside, as an operator's tool does."""
    with KafkaConsumer(bootstrap_servers=broker.bootstrap, group_id=group, enable_auto_commit=False) as consumer:
        consumer.assign([TopicPartition(topic, partition) for partition in offsets])
        consumer.commit({TopicPartition(topic, p): OffsetAndMetadata(o, "", -1) for p, o in offsets.items()})


def hourly(n: int, first_hour: int = 0) -> list[int]:
    return [START_MS + HOUR_MS * (first_hour + i) for i in range(n)]


def test_every_partition_is_read_from_its_beginning_in_order(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic, 3)
    broker.produce(topic, [b"a%d" % i for i in range(50)], partition=0)
    broker.produce(topic, [b"x", None, b"", b"y"], partition=2, keys=[b"k"] * 4)
    with closing(source_of(broker.config(topics=(topic,), group=group))) as source:
        records = read(source, 54)
        assert [r for r in records if r[0] == 0] == [(0, i, b"a%d" % i) for i in range(50)]
        assert [r for r in records if r[0] == 2] == [(2, 0, b"x"), (2, 1, None), (2, 2, b""), (2, 3, b"y")]
        assert source.streams == 3
        assert source.phase == "live"
        assert not source.replaying(0, 0)
        assert source.place(2, 3) == f"{topic}[2]@3"


def test_topics_are_numbered_together(broker: Broker, topic: str, group: str) -> None:
    other = broker.create_topic("b" + topic, 1)
    broker.create_topic(topic, 2)
    broker.produce(topic, [b"late in the alphabet"], partition=1)
    with closing(source_of(broker.config(topics=(topic, other), group=group))) as source:
        assert read(source, 1) == [(2, 0, b"late in the alphabet")]
        assert source.place(2, 0) == f"{topic}[1]@0"
        assert source.place(0, 0) == f"{other}[0]@0"


def test_after_a_restart_the_look_back_is_read_again_by_the_time_of_the_topic(
    broker: Broker, topic: str, group: str
) -> None:
    broker.create_topic(topic, 2, retention_ms="-1")
    broker.produce(topic, [b"%d" % i for i in range(50)], partition=0, timestamps_ms=hourly(50))
    broker.produce(topic, [b"%d" % i for i in range(40)], partition=1, timestamps_ms=hourly(40))
    kafka = broker.config(topics=(topic,), group=group)
    with closing(source_of(kafka)) as source:
        assert len(read(source, 90)) == 90
        source.commit({0: 30, 1: 28})
        source.commit({0: 20, 1: 28})  # never back
    assert broker.committed(group, topic) == {0: 30, 1: 28}
    with closing(source_of(kafka, lookback_h=5)) as source:
        records = until_live(source)
        assert source.phase == "live"
        while len(records) < 42:
            records += read(source, 1)
    assert [offset for stream, offset, _ in records if stream == 0] == list(range(24, 50))
    assert [offset for stream, offset, _ in records if stream == 1] == list(range(24, 40))
    assert source.replaying(0, 29)
    assert not source.replaying(0, 30)
    assert source.replaying(1, 27)
    assert not source.replaying(1, 28)


def test_without_look_back_reading_goes_on_at_the_committed_offset(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic)
    broker.produce(topic, [b"%d" % i for i in range(10)])
    commit(broker, group, topic, {0: 7})
    with closing(source_of(broker.config(topics=(topic,), group=group), lookback_h=0)) as source:
        assert [offset for _, offset, _ in read(source, 3)] == [7, 8, 9]


def test_the_look_back_steps_over_the_marks_of_transactions(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic, 1, retention_ms="-1")
    with KafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id=group) as producer:
        producer.init_transactions()
        for hour in range(20):
            producer.begin_transaction()
            producer.send(topic, b"%d" % hour, timestamp_ms=START_MS + hour * HOUR_MS).get(timeout=30)
            producer.commit_transaction()
        for _ in range(3):  # marks without records that anybody may read
            producer.begin_transaction()
            producer.send(topic, b"never", timestamp_ms=START_MS + 900 * HOUR_MS).get(timeout=30)
            producer.abort_transaction()
    commit(broker, group, topic, {0: 46})  # behind the last mark
    with closing(source_of(broker.config(topics=(topic,), group=group), lookback_h=3)) as source:
        records = until_live(source)
        # the first mark after the record of hour 0 is as young as this test: reading begins there, a bit too early
        assert [value for _, _, value in records] == [b"%d" % hour for hour in range(1, 20)]


def test_a_quiet_partition_at_its_end_is_not_waited_for(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic, 2)
    broker.produce(topic, [b"a", b"b"], partition=1)
    counted = metrics.merge_idle._value.get()
    with closing(source_of(broker.config(topics=(topic,), group=group))) as source:
        for _ in turns(source):
            if source.ended() == {0, 1}:
                break
        assert metrics.merge_idle._value.get() == counted + 2
        assert source.lag() == 0
        broker.produce(topic, [b"c"], partition=1)
        assert read(source, 1) == [(1, 2, b"c")]
        assert source.ended() == {0}


def test_a_held_partition_is_read_on_without_a_gap(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic, 2)
    for partition in (0, 1):
        broker.produce(topic, [b"%d" % i for i in range(3)], partition=partition)
    with closing(source_of(broker.config(topics=(topic,), group=group))) as source:
        source.hold(frozenset({1}))
        assert [stream for stream, _, _ in read(source, 3)] == [0, 0, 0]
        broker.produce(topic, [b"more"], partition=0)
        assert read(source, 1) == [(0, 3, b"more")]
        source.hold(frozenset())
        assert read(source, 3) == [(1, 0, b"0"), (1, 1, b"1"), (1, 2, b"2")]
        source.hold(frozenset({1}))
        broker.produce(topic, [b"last"], partition=1)
        for _ in range(20):
            next(source.chunks())
        assert source.ended() == {0}
        source.hold(frozenset())
        assert read(source, 1) == [(1, 3, b"last")]


def test_stop_ends_the_reading(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic)
    source = source_of(broker.config(topics=(topic,), group=group))
    seen = 0
    for _ in source.chunks():
        seen += 1
        source.stop()
    source.close()
    source.close()
    assert seen == 1


def test_one_process_reads_and_the_other_takes_over_when_it_leaves(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic, 2)
    kafka = broker.config(topics=(topic,), group=group)
    broker.produce(topic, [b"%d" % i for i in range(5)], partition=0)
    owner = source_of(kafka)
    assert len(read(owner, 5)) == 5
    with closing(source_of(kafka)) as standby:
        give_up = time.monotonic() + PATIENCE_S
        while len(members(broker, group)) < 2:
            assert next(owner.chunks()) == []
            assert next(standby.chunks()) == []
            assert time.monotonic() < give_up
        broker.produce(topic, [b"%d" % i for i in range(5)], partition=1)
        assert [stream for stream, _, _ in read(owner, 5)] == [1] * 5  # nothing of partition 0 came again
        for _ in range(20):
            assert next(owner.chunks()) == []
            assert next(standby.chunks()) == []
        assert (owner.phase, standby.phase) == ("live", "standby")
        owner.commit({0: 5, 1: 3})
        owner.stop()
        owner.close()
        records = read(standby, 10)
        assert len(records) == 10
        assert standby.replaying(1, 2)
        assert not standby.replaying(1, 3)
        assert standby.phase == "live"


def test_joining_is_finished_however_short_a_poll_is(
    broker: Broker, topic: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `finish_joining` nearly every such start ends without heartbeats, and commits are put off for ever."""
    monkeypatch.setattr(source_module, "POLL_MS", 1)
    broker.create_topic(topic)
    broker.produce(topic, [b"a"])
    with closing(source_of(broker.config(topics=(topic,), group=group))) as source:
        read(source, 1)
        for _ in turns(source):
            source.commit({0: 1})
            if broker.committed(group, topic) == {0: 1}:
                break


def test_an_owner_the_group_forgot_stops_instead_of_sharing(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic)
    broker.produce(topic, [b"a"])
    with closing(source_of(broker.config(topics=(topic,), group=group))) as source:
        read(source, 1)
        with broker.admin() as admin:
            admin.remove_group_members(group, [MemberToRemove(member_id=member) for member in members(broker, group)])
        with pytest.raises(TemporaryError, match=f"another process of kafka.group = {group} took"):
            commit_or_turn(source)


def commit_or_turn(source: KafkaSource) -> None:
    for _ in turns(source):
        source.commit({0: 1})


def members(broker: Broker, group: str) -> list[Any]:
    with broker.admin() as admin:
        return [member["member_id"] for member in admin.describe_groups([group])[group]["members"]]


def test_a_killed_broker_is_waited_for(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic, 2)
    broker.produce(topic, [b"%d" % i for i in range(2_000)], partition=0)
    with closing(source_of(broker.config(topics=(topic,), group=group))) as source:
        records = read(source, 2_000)
        source.commit({0: 1_000})
        broker.kill()
        for _ in range(3):
            records += [record for chunk in next(source.chunks()) for record in values(chunk)]
        broker.start()
        source.commit({0: 2_000})
        broker.produce(topic, [b"%d" % i for i in range(2_000)], partition=1)
        records += read(source, 2_000)
        assert records == [(0, i, b"%d" % i) for i in range(2_000)] + [(1, i, b"%d" % i) for i in range(2_000)]
    assert broker.committed(group, topic) == {0: 2_000}


def test_a_broker_that_stays_away_ends_the_process(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic)
    broker.produce(topic, [b"a"])
    with closing(source_of(broker.config(topics=(topic,), group=group, outage_s=2.0))) as source:
        read(source, 1)
        broker.freeze()
        try:
            with pytest.raises(TemporaryError, match=r"no broker answered at .* for kafka.outage_s = 2"):
                for _ in turns(source):
                    pass
        finally:
            broker.thaw()


def test_a_new_partition_is_not_overlooked(
    broker: Broker, topic: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_module, "METADATA_MS", 500)
    broker.create_topic(topic)
    broker.produce(topic, [b"a"])
    with closing(source_of(broker.config(topics=(topic,), group=group))) as source:
        read(source, 1)
        with broker.admin() as admin:
            admin.create_partitions({topic: 2})
        with pytest.raises(TemporaryError, match="more partitions than at the start"):
            for _ in turns(source):
                pass


@pytest.mark.parametrize(
    ("kept_from", "committed", "complaint"),
    [
        (0, 11, r"ends at 10, but 11 was committed: the topic was made anew"),
        (6, 4, r"begins at 6, but only 4 was committed: 2 records were deleted"),
        (6, 9, r"keeps 2.0 h before the committed offset, but recovery.lookback_h = 5"),
    ],
)
def test_a_log_that_lacks_what_is_needed_stops_the_start(
    broker: Broker, topic: str, group: str, kept_from: int, committed: int, complaint: str
) -> None:
    broker.create_topic(topic, 1, retention_ms="-1")
    broker.produce(topic, [b"%d" % i for i in range(10)], timestamps_ms=hourly(10))
    with broker.admin() as admin:
        admin.delete_records({TopicPartition(topic, 0): kept_from})
    commit(broker, group, topic, {0: committed})
    with (
        closing(source_of(broker.config(topics=(topic,), group=group), lookback_h=5)) as source,
        pytest.raises(StateError, match=complaint),
    ):
        read(source, 1)


def test_a_missing_topic_names_the_key(broker: Broker, topic: str, group: str) -> None:
    with pytest.raises(ConfigError, match=rf"kafka.topics: there is no topic '{topic}'"):
        source_of(broker.config(topics=(topic,), group=group))
