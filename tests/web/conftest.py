"""A ledger in a fresh file with a clock that tests set."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from detector.landed.contract import Landed
from detector.sinks.contract import OutRecord
from detector.web.ledger import Ledger
from tests.web.house import House
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


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "run")
    yield house
    house.stop()
