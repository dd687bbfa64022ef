"""The topics of a deployment, made once: `detector topics`."""

from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from detector.broker import asking, connect
from detector.config import Kafka
from detector.sinks.contract import ACTIONS, ALERTS, APPLIED, DEAD_LETTER, FEEDBACK, STATUS
from detector.sinks.kafka import LARGEST_RECORD

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


def create_topics(kafka: Kafka) -> list[str]:
    """Create what is missing and leave what exists as it is; one line a topic, saying what was done or differs.

    Raises ConfigError (a right is missing, too few brokers for kafka.replication), TemporaryError.
    """
    wanted = _wanted(kafka)
    with connect(kafka, KafkaAdminClient) as admin, asking(kafka):
        existing = set(admin.list_topics())
        missing = {topic: options for topic, options in wanted.items() if topic not in existing}
        if missing:
            admin.create_topics(missing, wait_for_metadata=True)
        return [
            f"{topic}: created, {options['num_partitions']} partition(s)"
            if topic in missing
            else f"{topic}: exists{_differences(admin, topic, options)}"
            for topic, options in wanted.items()
        ]


def _wanted(kafka: Kafka) -> dict[str, dict[str, Any]]:
    """Topic -> what `KafkaAdminClient.create_topics` takes."""

    def options(partitions: int, **configs: object) -> dict[str, Any]:
        return {
            "num_partitions": partitions,
            "replication_factor": kafka.replication,
            "configs": {name.replace("_", "."): str(value) for name, value in configs.items()},
        }

    # The broker's clock on calls: the look-back and the retention go by it, and a feed's may be anything.
    calls = {"retention_ms": 7 * _DAY_MS, "message_timestamp_type": "LogAppendTime"}
    kept = {"cleanup_policy": "delete", "retention_ms": 30 * _DAY_MS}
    letters = {"cleanup_policy": "delete", "retention_ms": 7 * _DAY_MS, "max_message_bytes": LARGEST_RECORD}
    newest = {"cleanup_policy": "compact,delete", "retention_ms": _DAY_MS, "segment_ms": _HOUR_MS}
    return {
        **{topic: options(kafka.cdr_partitions, **calls) for topic in kafka.topics},
        ALERTS: options(1, **kept),
        FEEDBACK: options(1, **kept),
        APPLIED: options(
            1, cleanup_policy="delete", retention_ms=-1, max_message_bytes=2 << 20
        ),  # state: never deleted
        ACTIONS: options(1, **kept),
        DEAD_LETTER: options(1, **letters),
        STATUS: options(1, **newest),
    }


def _differences(admin: Any, topic: str, options: dict[str, Any]) -> str:
    """What an existing topic has other than it would be created: `, but retention.ms = 5 (not 7)`."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    has = admin.describe_configs([resource], config_filter="all")["topic"][topic]
    partitions = len(admin.describe_topics([topic])[0]["partitions"])
    found = {"partitions": str(partitions)} | {name: has[name]["value"] for name in options["configs"]}
    wanted = {"partitions": str(options["num_partitions"])} | options["configs"]
    other = [f"{name} = {found[name]} (not {wanted[name]})" for name in wanted if found[name] != wanted[name]]
    return f", but {', '.join(other)}" if other else ""
