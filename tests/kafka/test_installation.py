"""The README's Kafka section, as processes on a real broker: calls in, an alert on the page, every stop clean."""

import json
import os
import signal
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.broker import Broker
from tests.kafka.program import awaited, detector_command, started

pytestmark = pytest.mark.kafka


def _json(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.load(answer)


def test_from_topics_to_the_page(broker: Broker, topic: str, group: str, tmp_path: Path) -> None:
    approvals = tmp_path / "approvals"
    approvals.write_bytes(os.urandom(16).hex().encode())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR__")} | {
        "DETECTOR__KAFKA__BOOTSTRAP": broker.bootstrap,
        "DETECTOR__KAFKA__TOPICS": json.dumps([topic]),
        "DETECTOR__KAFKA__GROUP": group,
        "DETECTOR__WEB__PORT": "0",
        "DETECTOR__HOOKS__APPROVAL_SECRET_FILE": str(approvals),
        "DETECTOR__METRICS__PORT": "0",
        "DETECTOR__METRICS__HOOKS_PORT": "0",
    }

    def done(*arguments: str) -> str:
        command = detector_command(*arguments)
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout

    assert f"{topic}: created, 4 partition(s)" in done("topics")
    assert "has every topic" in done("check-config")
    written = json.loads(done("generate", "demo", "--days", "0.1", "--out", "traffic", "--topic", topic, "--json"))
    assert written["calls"] == len(broker.consume(topic))
    with ExitStack() as stack:
        run, hooks, web = (
            stack.enter_context(started(environment, tmp_path, name)) for name in ("run", "hooks", "web")
        )
        page = web.heard(r"event=page_ready address=(\S+)")

        def shown() -> bool:
            return any(one["alert"]["position"].startswith(topic) for one in _json(page + "api/v1/alerts")["alerts"])

        awaited(shown, run, hooks, web)
        # the played calls are old, so the feed counts as quiet; the badge knows that `run` lives
        awaited(lambda: _json(page + "api/v1/feed")["state"] == "quiet", run, web)
        assert "rehearsed" in awaited(lambda: done("hooks", "standing"), hooks)
        done("hooks", "lift", "--all", "--author", "night shift")
        awaited(lambda: not done("hooks", "standing"), hooks)
        assert hooks.stop() == 0
        assert web.stop() == 0
        assert run.stop(signal.SIGINT) == 130
    assert all("Traceback" not in program.said.read_text(encoding="utf-8") for program in (run, hooks, web))
