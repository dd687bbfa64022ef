"""Traffic into a Kafka topic."""

from pathlib import Path

from detector.config import Kafka
from detector.sinks.contract import OutRecord
from detector.sinks.kafka import KafkaSink
from detector.traffic.world import Scenario
from detector.traffic.write import BESIDE, Progress, Written, fill, write_truth


def send(kafka: Kafka, topic: str, scenario: Scenario, seed: int, out_dir: Path, progress: Progress) -> Written:
    """Calls to the topic, keyed by line; BESIDE to `out_dir`.

    Raises ConfigError (no such topic, user refused), TemporaryError when the broker stays away.
    """
    sink = KafkaSink(kafka, [topic])

    def chunk_done(done: float, calls: int) -> None:
        sink.flush()  # so that no more than a chunk waits in memory
        progress(done, calls)

    try:
        traffic = fill(
            scenario, seed, lambda key, value: sink.send([OutRecord(topic, key.decode(), value)]), progress=chunk_done
        )
    finally:
        sink.close()
    out_dir.mkdir(parents=True, exist_ok=True)
    write_truth(traffic, out_dir)
    return Written(calls=traffic.given_out, files=BESIDE)
