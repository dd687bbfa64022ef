"""Following the files of a run folder as if they were topics."""

import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from detector.landed.contract import Landed, Positions
from detector.sinks.contract import STATUS
from detector.sinks.ndjson import file_name

_TURN_BYTES = 1 << 20  # read of one file in one turn, so that a long history does not fill the memory
_PAUSE_S = 0.1


class NdjsonFollower:
    """Tails the files of some topics, from given positions (bytes; partition is always 0).

    Only whole lines count: a line that is being written is read on a later turn. A file may not exist yet.
    A file that was started anew (the byte before the position ends no line) is read from its beginning.
    `status.json` is read whenever it was replaced, and once at the start. Keys are not in files: `key` is "".
    """

    def __init__(self, folder: Path, topics: Iterable[str], positions: Positions) -> None:
        self._folder = folder
        self._positions = {topic: positions.get((topic, 0), 0) for topic in topics}
        self._status_seen = (0, 0)
        self._closed = threading.Event()

    def poll(self, timeout_s: float) -> list[Landed]:
        """Lines written since the last call, file by file; empty after the time-out or `close()`."""
        give_up = time.monotonic() + timeout_s
        while not (landed := self._turn()):
            left = give_up - time.monotonic()
            if left <= 0 or self._closed.wait(min(_PAUSE_S, left)):
                break
        return landed

    def close(self) -> None:
        """Wake a waiting `poll`; harmless when called twice."""
        self._closed.set()

    def _turn(self) -> list[Landed]:
        return [
            record
            for topic in self._positions
            for record in (self._status() if topic == STATUS else self._lines(topic))
        ]

    def _lines(self, topic: str) -> list[Landed]:
        path, position = self._folder / file_name(topic), self._positions[topic]
        try:
            with path.open("rb") as file:
                file.seek(max(0, position - 1))
                if position and file.read(1) != b"\n":
                    position = file.seek(0)
                block = _whole_lines(file)
        except FileNotFoundError:
            return []
        landed = []
        for line in _lines_of(block):
            position += len(line)
            landed.append(Landed(topic, "", line[:-1], 0, position))
        self._positions[topic] = position
        return landed

    def _status(self) -> list[Landed]:
        path = self._folder / file_name(STATUS)
        try:
            about = path.stat()
            if (seen := (about.st_ino, about.st_mtime_ns)) == self._status_seen:
                return []
            value = path.read_bytes()
        except FileNotFoundError:
            return []
        self._status_seen = seen
        return [Landed(STATUS, "", value, 0, 0)]


def _whole_lines(file: BinaryIO) -> bytes:
    """About _TURN_BYTES of whole lines, at least one if there is one.

    Cut out of one block: read line by line, a line that grows meanwhile would come in two pieces.
    """
    block = file.read(_TURN_BYTES)
    while b"\n" not in block and (more := file.read(_TURN_BYTES)):
        block += more
    return block[: block.rfind(b"\n") + 1]


def _lines_of(block: bytes) -> list[bytes]:
    """Split at line feeds only: a value may hold other line breaks, escaped or not."""
    return [line + b"\n" for line in block.split(b"\n")[:-1]]
