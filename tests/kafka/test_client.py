"""Reaching the broker: TLS and SCRAM by configuration, and errors that say which key is wrong."""

from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer

from detector import broker as client
from detector.config import Kafka, Order, Recovery
from detector.errors import ConfigError, DetectorError, TemporaryError
from detector.sinks.contract import OutRecord
from detector.sinks.kafka import KafkaSink
from detector.sinks.topics import create_topics
from detector.source.kafka import KafkaSource
from tests.kafka.broker import Broker

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.filterwarnings("ignore:Exception ignored in. <(ssl|socket):pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CONNECT_S", 2.0)


def refused(kafka: Kafka, error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        client.connect(kafka, KafkaConsumer)


def test_records_go_and_come_over_tls_with_scram(broker: Broker, topic: str, group: str) -> None:
    broker.create_topic(topic)
    kafka = broker.tls_config(topics=(topic,), group=group)
    with closing(KafkaSink(kafka, [topic])) as sink:
        sink.send([OutRecord(topic, "k", b"secret")])
    with closing(KafkaSource(kafka, Order(), Recovery())) as source:
        chunk = next(chunk for chunks in source.chunks() for chunk in chunks)
        source.commit({0: 1})
    start = int(chunk.starts[0])
    assert chunk.data[start : start + int(chunk.lengths[0])] == b"secret"
    assert broker.committed(group, topic) == {0: 1}


def test_a_wrong_password_is_named(broker: Broker, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("wrong")
    kafka = broker.tls_config(password_file=str(wrong))
    for kind in (KafkaConsumer, KafkaAdminClient):
        with pytest.raises(DetectorError, match=r"kafka\.username and (what )?kafka\.password_file"):
            client.connect(kafka, kind)


def test_a_certificate_that_is_not_trusted_is_named(broker: Broker) -> None:
    other = str(broker.other_ca_file)
    refused(broker.tls_config(ca_file=other), ConfigError, "is not trusted: kafka.ca_file = .*other.pem does not cover")
    refused(broker.tls_config(ca_file=""), ConfigError, "is not trusted: kafka.ca_file is not set")


def test_nobody_answers(broker: Broker) -> None:
    refused(Kafka(bootstrap="127.0.0.1:1"), TemporaryError, r"no broker answered at kafka.bootstrap .*ECONNREFUSED")
    refused(broker.config(bootstrap=broker.tls_bootstrap), TemporaryError, "with kafka.security = PLAINTEXT")


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({"security": "SASL_SSL"}, "SASL_SSL needs kafka.username and kafka.password_file"),
        ({"security": "SASL_SSL", "username": "alice", "password_file": "/no/such"}, "kafka.password_file = /no/such"),
        ({"security": "SSL", "ca_file": "/no/such"}, "kafka.ca_file = /no/such: No such file"),
        ({"security": "SSL", "client_key_file": "/no/such"}, "kafka.client_key_file = /no/such"),
    ],
)
def test_bad_keys_are_named_before_anything_is_sent(keys: dict[str, str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        client.client_settings(Kafka(**keys))  # type: ignore[arg-type]


def test_more_replicas_than_brokers_are_refused(broker: Broker, topic: str) -> None:
    with pytest.raises(ConfigError, match=r"kafka\.replication = 3 asks for more brokers than there are"):
        create_topics(broker.config(topics=(topic,), replication=3))
