"""The web program as a whole: from run folder to page and back, and how it ends."""

import socket
import threading
import time
from pathlib import Path

import httpx
import msgspec
import pytest

from detector.config import Web
from detector.errors import ConfigError, DetectorError, TemporaryError
from detector.landed.contract import Landed
from detector.landed.feedback import Verdict
from detector.landed.ndjson import NdjsonFollower
from detector.sinks.ndjson import NdjsonSink
from detector.web.ledger import TOPICS, Ledger
from detector.web.server import WebServer, serve
from tests.web.house import House
from tests.web.sample import alert, landing


def eventually(condition: object) -> None:
    assert callable(condition)
    for _ in range(400):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("it never came true")


def test_verdicts_reach_the_feedback_topic_once(house: House) -> None:
    house.write(landing(alert()))
    house.wait_for(alert().entity)
    feedback = house.folder / "feedback.ndjson"
    for found in ("dialer", "fault"):
        said = {"verdict": found, "reason": "looked at it"}
        httpx.post(f"{house.url}/api/v1/alerts/{alert().alert_id}/verdict", json=said)
        eventually(lambda said=found: feedback.exists() and said.encode() in feedback.read_bytes())
    verdicts = [msgspec.json.decode(line, type=Verdict) for line in feedback.read_bytes().splitlines()]
    assert [(one.entity, one.verdict, one.author) for one in verdicts] == [
        (alert().entity, "dialer", "operator"),
        (alert().entity, "fault", "operator"),
    ]


def test_a_new_start_reads_on_and_keeps_what_people_did(tmp_path: Path) -> None:
    first = House(tmp_path / "run")
    first.write(landing(alert("one")))
    first.wait_for("one")
    httpx.post(f"{first.url}/api/v1/alerts/{alert('one').alert_id}/acknowledge", json={})
    first.write(landing(alert("two")))
    first.stop()
    second = House(tmp_path / "run")
    try:
        second.wait_for("two")
        rows = httpx.get(f"{second.url}/api/v1/alerts").json()["alerts"]
        assert {row["alert"]["entity"]: row["owner"] for row in rows} == {"one": "operator", "two": None}
    finally:
        second.stop()


def test_open_streams_do_not_keep_it_from_stopping(house: House) -> None:
    opened = threading.Semaphore(0)
    heard: list[str] = []

    def listen() -> None:
        with httpx.stream("GET", f"{house.url}/events", timeout=30) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    heard.append(line)
                    opened.release()

    listeners = [threading.Thread(target=listen) for _ in range(12)]
    for listener in listeners:
        listener.start()
    for _ in listeners:
        assert opened.acquire(timeout=10)
    stopping = threading.Thread(target=house.server.stop)
    stopping.start()
    stopping.join(20)
    assert not stopping.is_alive()
    for listener in listeners:
        listener.join(5)
    assert not any(listener.is_alive() for listener in listeners)
    assert len(set(heard)) == 1


def test_the_stream_tells_a_new_version_when_something_lands(house: House) -> None:
    with httpx.stream("GET", f"{house.url}/events", timeout=10) as stream:
        versions = (line for line in stream.iter_lines() if line.startswith("data:"))
        first = next(versions)
        house.write(landing(alert()))
        assert next(versions) != first


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ledger = Ledger(tmp_path / "ledger.sqlite", 30)
        server = WebServer(Web(port=port), ledger, NdjsonFollower(tmp_path, TOPICS, {}), NdjsonSink(tmp_path))
        with pytest.raises(ConfigError, match=rf"web\.port = {port}.*free port"):
            server.start()
        server.stop()
        ledger.close()


class Failing:
    """A follower whose broker is away for two turns, and then gives what it is told to."""

    def __init__(self, after: Exception | None) -> None:
        self.turns = 0
        self.after = after

    def poll(self, timeout_s: float) -> list[Landed]:
        self.turns += 1
        if self.turns <= 2:
            raise TemporaryError("the broker is away")
        if self.after:
            raise self.after
        time.sleep(timeout_s)
        return []

    def close(self) -> None:
        pass


def test_a_broker_that_is_away_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.web.server._PAUSE_S", 0.01)
    follower = Failing(after=None)
    ledger = Ledger(tmp_path / "ledger.sqlite", 30)
    server = WebServer(Web(port=0), ledger, follower, NdjsonSink(tmp_path))
    url = server.start()
    eventually(lambda: follower.turns > 2)
    assert httpx.get(url).status_code == 200
    server.stop()
    server.wait()
    ledger.close()


def test_a_ledger_that_cannot_be_fed_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.web.server._PAUSE_S", 0.01)
    ledger = Ledger(tmp_path / "ledger.sqlite", 30)
    with pytest.raises(DetectorError, match="disk is full"):
        serve(Web(port=0), ledger, Failing(after=OSError("disk is full")), NdjsonSink(tmp_path))
    ledger.close()
