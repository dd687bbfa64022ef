"""A real page over a run folder."""

import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from detector.config import Web
from detector.landed.ndjson import NdjsonFollower
from detector.sinks.contract import OutRecord
from detector.sinks.ndjson import NdjsonSink
from detector.web.ledger import TOPICS, Ledger
from detector.web.server import WebServer


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

    def wait_for(self, entity: str) -> None:
        """Return when an alert of the entity has landed."""
        for _ in range(400):
            if entity in httpx.get(f"{self.url}/api/v1/alerts?view=all").text:
                return
            time.sleep(0.025)
        raise AssertionError(f"{entity} never landed")

    def stop(self) -> None:
        self.server.stop()
        self.ledger.close()
        self.sink.close()
        self._feedback.close()
