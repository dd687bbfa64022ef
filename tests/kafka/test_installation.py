"""The README's Kafka section, as processes on a real broker: calls in, an alert on the page, every stop clean."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.broker import Broker

pytestmark = pytest.mark.kafka
PATIENCE_S = 120.0  # for kernels that have to be compiled on a busy machine


class Program:
    """One `detector` process; what it says on stderr is in `said`."""

    def __init__(self, environment: dict[str, str], folder: Path, *arguments: str) -> None:
        self.said = folder / f"{arguments[0]}.log"
        with self.said.open("wb") as log:
            self._process = subprocess.Popen(_detector(*arguments), cwd=folder, env=environment, stderr=log)

    def heard(self, pattern: str) -> str:
        """What the pattern's group matches in the log, once it is there."""
        return str(_awaited(lambda: re.search(pattern, self.said.read_text(encoding="utf-8")), self)[1])

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; the exit code."""
        self._process.send_signal(number)
        return self._process.wait(60)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def _started(environment: dict[str, str], folder: Path, *arguments: str) -> Iterator[Program]:
    program = Program(environment, folder, *arguments)
    try:
        yield program
    finally:
        program.kill()


def _detector(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "detector.command", *arguments]


def _awaited(look: Callable[[], Any], *programs: Program) -> Any:
    """What `look` answers, once that is something; fails when a program ends before."""
    give_up = time.monotonic() + PATIENCE_S
    while not (found := look()):
        for program in programs:
            assert program.running(), program.said.read_text(encoding="utf-8")
        assert time.monotonic() < give_up, "\n".join(p.said.read_text(encoding="utf-8") for p in programs)
        time.sleep(0.2)
    return found


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
        command = _detector(*arguments)
        return subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True).stdout

    assert f"{topic}: created, 4 partition(s)" in done("topics")
    assert "has every topic" in done("check-config")
    written = json.loads(done("generate", "demo", "--days", "0.1", "--out", "traffic", "--topic", topic, "--json"))
    assert written["calls"] == len(broker.consume(topic))
    with ExitStack() as stack:
        run, hooks, web = (
            stack.enter_context(_started(environment, tmp_path, name)) for name in ("run", "hooks", "web")
        )
        page = web.heard(r"event=page_ready address=(\S+)")

        def shown() -> bool:
            return any(one["alert"]["position"].startswith(topic) for one in _json(page + "api/v1/alerts")["alerts"])

        _awaited(shown, run, hooks, web)
        # the played calls are old, so the feed counts as quiet; the badge knows that `run` lives
        _awaited(lambda: _json(page + "api/v1/feed")["state"] == "quiet", run, web)
        assert "rehearsed" in _awaited(lambda: done("hooks", "standing"), hooks)
        done("hooks", "lift", "--all", "--author", "night shift")
        _awaited(lambda: not done("hooks", "standing"), hooks)
        assert hooks.stop() == 0
        assert web.stop() == 0
        assert run.stop(signal.SIGINT) == 130
    assert all("Traceback" not in program.said.read_text(encoding="utf-8") for program in (run, hooks, web))
