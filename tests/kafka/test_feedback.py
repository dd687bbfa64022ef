"""`detector run` takes changes from `detector.feedback`, records them, and reads on behind them after a restart."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from detector.config import load
from detector.feedback.applied import AppliedRegistry, decode
from detector.sinks.contract import APPLIED
from detector.sinks.topics import create_topics
from tests.calls import call
from tests.kafka.broker import Broker
from tests.kafka.program import awaited, detector_command, started

pytestmark = pytest.mark.kafka


def settings(broker: Broker, topic: str, group: str) -> dict[str, str]:
    keys: dict[str, Any] = {
        "KAFKA__BOOTSTRAP": broker.bootstrap,
        "KAFKA__TOPICS": json.dumps([topic]),
        "KAFKA__GROUP": group,
        "KAFKA__EPOCH_S": "0.2",
        "KAFKA__SESSION_S": "6.0",
        "STATE__LINE_CAPACITY": "20000",
        "METRICS__PORT": "0",
    }
    return {f"DETECTOR__{key}": value for key, value in keys.items()}


def test_a_pushed_block_is_applied_once_and_remembered(broker: Broker, topic: str, group: str, tmp_path: Path) -> None:
    own = settings(broker, topic, group)
    config = load(None, own)
    create_topics(config.kafka)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR__")} | own
    (tmp_path / "blocks.csv").write_text(
        "block,first,last,holder,declared_purpose\nannas,anna@pbx,anna@pbx,Anna Ltd,pbx\n", encoding="utf-8"
    )

    def push(*arguments: str) -> None:
        command = detector_command("registry", "push", "--author", "ann", *arguments)
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)

    def applied() -> list[AppliedRegistry]:
        changes = [decode(record.value) for record in broker.consume(APPLIED)]
        updates = [change for change in changes if isinstance(change, AppliedRegistry)]
        return [c for c in updates if {b.block for b in c.update.blocks} | {*c.update.withdraw} == {"annas"}]

    def calls(first: int) -> None:
        values = [
            json.dumps(call("13900000001", "13800138000", i * 30.0, 5.0)).encode() for i in range(first, first + 5)
        ]
        broker.produce(topic, values, 0)

    with started(environment, tmp_path, "run") as program:
        calls(0)
        push("blocks.csv")
        awaited(applied, program)
        program.kill()
    with started(environment, tmp_path, "run") as program:
        calls(5)
        push("--withdraw", "annas")
        awaited(lambda: len(applied()) > 1, program)
        assert program.stop() == 0
    first, second = applied()
    assert [b.holder for b in first.update.blocks] == ["Anna Ltd"]
    assert (second.update.withdraw, second.update.author) == (("annas",), "ann")
    assert first.position < second.position
    assert first.apply_ms <= second.apply_ms
    assert first.apply_ms % 60_000 == second.apply_ms % 60_000 == 0
