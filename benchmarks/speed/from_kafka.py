"""The same calls out of a real broker: what reading from Kafka adds."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time

from benchmarks.speed.journey import loop_over
from detector.cdr.batch import CdrBatch
from detector.config import Config
from detector.decode.rejects import Reject
from detector.shard import Findings, Shard
from detector.source.kafka import KafkaSource
from tests.kafka.broker import Broker, jars

PARTITIONS = 4


class _Enough:
    """Tells the source to stop when this many calls were judged."""

    def __init__(self, source: KafkaSource, calls: int) -> None:
        self._source, self._missing = source, calls

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Count."""
        self._missing -= len(batch)
        if self._missing <= 0:
            self._source.stop()

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Nothing: the workload has no rejects."""


def from_kafka_ns(config: Config, shard: Shard, records: list[bytes]) -> float:
    """Processor nanoseconds a call in this process, from a topic of four partitions to alerts."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(jars(), Path(folder))
        broker.start()
        try:
            topic = broker.create_topic("speed", PARTITIONS)
            for partition in range(PARTITIONS):
                broker.produce(topic, records[partition::PARTITIONS], partition)
            source = KafkaSource(broker.config(topics=(topic,), group="speed"), config.order, config.recovery)
            started = process_time()
            loop_over(config, shard, source, [_Enough(source, len(records))]).run()
            spent = process_time() - started
            source.close()
        finally:
            broker.kill()
    return spent / len(records) * 1e9
