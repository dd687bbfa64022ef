"""A ledger in a fresh file with a clock that tests set, and a real server over a run folder."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from detector.config import Web
from detector.landed.contract import Landed
from detector.landed.ndjson import NdjsonFollower
from detector.sinks.contract import OutRecord
from detector.sinks.ndjson import NdjsonSink
from detector.web.ledger import TOPICS, Ledger
from detector.web.server import WebServer
from tests.web.sample import NOW_MS


class Clock:
    """A wall clock that stands until it is moved."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger.sqlite", retention_days=30, now=clock)
    yield ledger
    ledger.close()


Feed = Callable[[Sequence[OutRecord]], None]


@pytest.fixture
def feed(ledger: Ledger) -> Feed:
    """Lands records in the ledger, as a follower would."""
    position = 0

    def land(records: Sequence[OutRecord]) -> None:
        nonlocal position
        landed = []
        for record in records:
            position += 1
            landed.append(Landed(record.topic, record.key, record.value, 0, position))
        ledger.apply(landed)

    return land


class House:
    """A running page over a run folder: `sink` writes what the detector would, `url` is the page."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.sink = NdjsonSink(folder)
        self.ledger = Ledger(folder / "ledger.sqlite", retention_days=30)
        follower = NdjsonFollower(folder, TOPICS, self.ledger.positions())
        self._feedback = NdjsonSink(folder)
        self.server = WebServer(Web(port=0, **settings), self.ledger, follower, self._feedback)  # type: ignore[arg-type]
        self.url = self.server.start().rstrip("/")

    def write(self, records: Sequence[OutRecord]) -> None:
        """Records land in the folder, as the detector writes them."""
        self.sink.send(records)
        self.sink.flush()

    def stop(self) -> None:
        self.server.stop()
        self.ledger.close()
        self.sink.close()
        self._feedback.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "run")
    yield house
    house.stop()
