"""`detector run`, killed with open episodes and half-grown evidence, tells the alerts of a run that never died."""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detector.alert.revision import Alert, decode
from detector.app import new_pipeline, new_shard
from detector.config import Config, load
from detector.features.kernels.layout import MILLI
from detector.sinks.contract import ALERTS, OutRecord
from detector.sinks.topics import create_topics
from detector.source.contract import Chunk
from detector.source.memory import MemorySource, chunk
from detector.traffic.scenario import preset
from detector.traffic.write import fill
from tests.kafka.broker import Broker
from tests.kafka.program import awaited, started

pytestmark = pytest.mark.kafka
PARTITIONS = 4
HOUR_MS = 3_600_000


class Collected:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def send(self, records: Sequence[OutRecord]) -> None:
        self.alerts += [decode(record.value) for record in records if record.topic == ALERTS]

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def calls_by_partition() -> list[list[bytes]]:
    """Three hours of a small network, a partition by line; two late calls a partition end every episode."""
    parts: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    traffic = fill(
        preset("demo", people=400, days=0.125), 3, lambda key, value: parts[sum(key) % PARTITIONS].append(value)
    )
    end_ms = traffic.scenario.end_ms
    for number, part in enumerate(parts):
        for hours in (2, 3):
            when = end_ms + hours * HOUR_MS + number
            late = {"a_number": f"1390000000{number}", "b_number": "13800138000"}
            part.append(json.dumps(late | {"setup_ms": when - 9000, "release_ms": when}).encode())
    return parts


def release_ms(value: bytes) -> int:
    return int(json.loads(value)["release_ms"])


def judged_in_memory(config: Config, parts: list[list[bytes]]) -> tuple[list[Alert], Any]:
    """A run that never dies, over the same streams: its revisions, and its evidence at the end."""
    turns: list[list[Chunk]] = [[chunk(part, stream=stream, first_offset=0) for stream, part in enumerate(parts)]]
    source, sink = MemorySource(turns, streams=PARTITIONS), Collected()
    shard = new_shard(config, source)
    new_pipeline(config, source, ["json"] * PARTITIONS, shard, sink, []).run()
    return sink.alerts, shard.tables.evidence


def newest(alerts: list[Alert]) -> dict[str, Alert]:
    """The last revision of each alert; where its call stood differs between sources."""
    found: dict[str, Alert] = {}
    for alert in alerts:
        if alert.alert_id not in found or alert.revision > found[alert.alert_id].revision:
            found[alert.alert_id] = msgspec.structs.replace(alert, position="")
    return found


@pytest.fixture
def settings(broker: Broker, topic: str, group: str) -> dict[str, str]:
    keys = {
        "KAFKA__BOOTSTRAP": broker.bootstrap,
        "KAFKA__TOPICS": json.dumps([topic]),
        "KAFKA__GROUP": group,
        "KAFKA__EPOCH_S": "0.2",
        "KAFKA__SESSION_S": "6.0",
        "ORDER__IDLE_S": "3600.0",  # identity is promised while no partition is left out of the merge
        "STATE__LINE_CAPACITY": "20000",
        "METRICS__PORT": "0",
    }
    return {f"DETECTOR__{key}": value for key, value in keys.items()}


def on_topic(broker: Broker, topic: str) -> Iterator[tuple[bytes, Alert]]:
    for record in broker.consume(ALERTS):
        alert = decode(record.value)
        if alert.position.startswith(topic):
            yield record.value, alert


def has_landed(broker: Broker, topic: str, wanted: set[str]) -> Callable[[], bool]:
    return lambda: wanted <= {alert.alert_id for _, alert in on_topic(broker, topic)}


def test_told_to_stop_while_the_broker_is_away_it_ends_and_says_what_is_open(
    broker: Broker, topic: str, settings: dict[str, str], tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR__")} | settings
    environment["DETECTOR__KAFKA__OUTAGE_S"] = "600"  # stop() waits for a minute
    create_topics(load(None, settings).kafka)
    with started(environment, tmp_path, "run") as program:
        program.heard(r"event=(partition_taken)")
        broker.freeze()
        try:
            program.heard(r"event=(broker_away)")
            assert program.stop() == 75, program.said.read_text()
        finally:
            broker.thaw()
        assert (
            "will be judged again" in program.said.read_text()
            or "did not do what it was asked" in program.said.read_text()
        )


def test_killed_twice_and_nobody_can_tell(broker: Broker, topic: str, settings: dict[str, str], tmp_path: Path) -> None:
    config = load(None, settings)
    create_topics(config.kafka)
    parts = calls_by_partition()
    everything = sorted(release_ms(value) for part in parts for value in part)
    expected = newest(judged_in_memory(config, parts)[0])
    assert len(expected) >= 10
    cuts = [everything[len(everything) * third // 3] for third in (1, 2)] + [everything[-1] + 1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR__")} | settings
    sent = [0] * PARTITIONS
    for cut in cuts:
        for number, part in enumerate(parts):
            until = sum(release_ms(value) < cut for value in part)
            fresh = part[sent[number] : until]
            broker.produce(topic, fresh, number, [release_ms(value) for value in fresh])
            sent[number] = until
        so_far, evidence = judged_in_memory(config, [part[:n] for part, n in zip(parts, sent, strict=True)])
        with started(environment, tmp_path, "run") as program:
            # at the end of a part the merge holds back what another partition could still precede
            wanted = {id for id, alert in newest(so_far).items() if alert.raised_at_ms < cut - 300_000}
            awaited(has_landed(broker, topic, wanted), program)
            if cut != cuts[-1]:
                assert any(alert.state == "open" for alert in newest(so_far).values())
                half_grown = (evidence["severity"] == 0) & (evidence["score"] > 3 * MILLI)
                assert half_grown.any()
                time.sleep(0.3)
                program.kill()
            else:
                awaited(lambda: newest([alert for _, alert in on_topic(broker, topic)]) == expected, program)
                assert program.stop() == 0
    revisions: dict[tuple[str, int], set[bytes]] = {}
    for value, alert in on_topic(broker, topic):
        revisions.setdefault((alert.alert_id, alert.revision), set()).add(value)
    assert all(len(values) == 1 for values in revisions.values()), "a revision was sent again with other bytes"
