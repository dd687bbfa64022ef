"""The sink, the follower and the topics against the real broker."""

import random
import time
from contextlib import closing

import pytest

from detector.errors import ConfigError, TemporaryError
from detector.landed.contract import Landed
from detector.landed.kafka import KafkaFollower
from detector.sinks.contract import ALERTS, DEAD_LETTER, TOPICS, OutRecord
from detector.sinks.kafka import LARGEST_RECORD, KafkaSink
from detector.sinks.topics import create_topics
from tests.kafka.broker import Broker

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.filterwarnings("ignore:Exception ignored in. <(ssl|socket):pytest.PytestUnraisableExceptionWarning"),
]


def records(topic: str, n: int, first: int = 0) -> list[OutRecord]:
    return [OutRecord(topic, f"line-{i % 7}", b"revision %d" % i) for i in range(first, first + n)]


def landed_of(follower: KafkaFollower, n: int) -> list[Landed]:
    landed: list[Landed] = []
    give_up = time.monotonic() + 60
    while len(landed) < n:
        landed += follower.poll(0.2)
        assert time.monotonic() < give_up, f"only {len(landed)} of {n} records landed"
    return landed


def test_records_of_a_key_arrive_in_the_order_sent(broker: Broker, topic: str) -> None:
    broker.create_topic(topic, 3)
    with closing(KafkaSink(broker.config(), [topic])) as sink:
        sink.send(records(topic, 300))
        sink.flush()
        sink.flush()
    arrived = broker.consume(topic)
    assert len(arrived) == 300
    for key in {record.key for record in arrived}:
        ours = [int(record.value.split()[1]) for record in arrived if record.key == key]
        assert ours == sorted(ours)
        assert len({record.partition for record in arrived if record.key == key}) == 1


def test_a_killed_broker_loses_and_repeats_nothing(broker: Broker, topic: str) -> None:
    broker.create_topic(topic)
    with closing(KafkaSink(broker.config(), [topic])) as sink:
        sink.send(records(topic, 100))
        sink.flush()
        sink.send(records(topic, 1_000, first=100))
        broker.kill()
        sink.send(records(topic, 100, first=1_100))
        broker.start()
        sink.flush()
    assert [record.value for record in broker.consume(topic)] == [b"revision %d" % i for i in range(1_200)]


def test_a_broker_that_stays_away_fails_the_flush(broker: Broker, topic: str) -> None:
    broker.create_topic(topic)
    sink = KafkaSink(broker.config(outage_s=2.0), [topic])
    sink.send(records(topic, 1))
    sink.flush()
    broker.freeze()
    try:
        sink.send(records(topic, 10, first=1))
        with pytest.raises(TemporaryError, match=r"did not do what it was asked: .*Timeout"):
            sink.flush()
    finally:
        broker.thaw()
        sink.close()
        sink.close()


def test_a_missing_topic_is_named(broker: Broker, topic: str) -> None:
    with pytest.raises(ConfigError, match=f"no topic {topic}: `detector"):
        KafkaSink(broker.config(), [topic])
    with pytest.raises(ConfigError, match=f"no topic {topic}: `detector"):
        KafkaFollower(broker.config(), [topic], {})


def test_a_record_too_large_for_its_topic_is_named(broker: Broker, topic: str) -> None:
    broker.create_topic(topic, 1, max_message_bytes="1000")
    with closing(KafkaSink(broker.config(), [topic])) as sink:
        sink.send([OutRecord(topic, "k", random.Random(1).randbytes(5_000))])
        with pytest.raises(ConfigError, match=f"too large for topic {topic}: raise its max.message.bytes"):
            sink.flush()


def test_a_follower_reads_on_where_its_positions_say(broker: Broker, topic: str) -> None:
    broker.create_topic(topic, 2)
    other = broker.create_topic("o" + topic)
    broker.produce(topic, [b"a", None, b"b"], keys=[b"k", b"k", None])
    broker.produce(topic, [b"c"], partition=1)
    broker.produce(other, [b"d"])
    with closing(KafkaFollower(broker.config(), [topic, other], {})) as follower:
        landed = landed_of(follower, 4)
        assert [r for r in landed if r.partition == 0 and r.topic == topic] == [
            Landed(topic, "k", b"a", 0, 1),
            Landed(topic, "", b"b", 0, 3),
        ]
        assert follower.poll(0.1) == []
    positions = {(topic, 0): 1, (topic, 1): 1, (other, 0): 1}
    with closing(KafkaFollower(broker.config(), [topic, other], positions)) as follower:
        assert landed_of(follower, 1) == [Landed(topic, "", b"b", 0, 3)]
        broker.produce(other, [b"e"])
        assert landed_of(follower, 1) == [Landed(other, "", b"e", 0, 2)]


def test_a_follower_whose_position_is_no_longer_kept_reads_from_the_earliest(broker: Broker, topic: str) -> None:
    broker.create_topic(topic)
    broker.produce(topic, [b"a", b"b"])
    with closing(KafkaFollower(broker.config(), [topic], {(topic, 0): 99})) as follower:
        assert [record.value for record in landed_of(follower, 2)] == [b"a", b"b"]


def test_a_follower_waits_for_a_broker_and_gives_up_in_the_end(broker: Broker, topic: str) -> None:
    broker.create_topic(topic)
    with closing(KafkaFollower(broker.config(outage_s=2.0), [topic], {})) as follower:
        broker.freeze()
        try:
            assert follower.poll(0.1) == []
            with pytest.raises(TemporaryError, match="no broker answered at"):
                landed_of(follower, 1)
        finally:
            broker.thaw()


def test_topics_are_created_once_and_differences_are_said(broker: Broker, topic: str) -> None:
    kafka = broker.config(topics=(topic,), cdr_partitions=3)
    first = create_topics(kafka)
    assert f"{topic}: created, 3 partition(s)" in first
    assert create_topics(kafka) == [f"{name}: exists" for name in (topic, *_others(first, topic))]
    again = create_topics(broker.config(topics=(topic,), cdr_partitions=4))
    assert f"{topic}: exists, but partitions = 3 (not 4)" in again
    other = broker.create_topic("o" + topic, 1, retention_ms="5")
    (line,) = [line for line in create_topics(broker.config(topics=(other,))) if line.startswith(other)]
    assert "partitions = 1 (not 4), retention.ms = 5 (not 604800000)" in line
    with closing(KafkaSink(broker.config())) as sink:
        sink.send([OutRecord(DEAD_LETTER, "k", b"x" * (LARGEST_RECORD - 100))])
        sink.send([OutRecord(ALERTS, "k", b"{}")])
        sink.flush()


def _others(lines: list[str], topic: str) -> list[str]:
    others = [line.partition(":")[0] for line in lines if not line.startswith(topic)]
    assert sorted(others) == sorted(TOPICS)
    return others
