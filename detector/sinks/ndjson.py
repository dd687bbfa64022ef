"""Records as files of one run folder: the embedded stand-in for the detector's topics.

`detector.alerts` becomes `alerts.ndjson`, one record value a line, and so on. `detector.status` becomes
`status.json`, which always holds the newest record. Every file has one writer.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from detector.errors import InputError
from detector.sinks.contract import STATUS, OutRecord


def file_name(topic: str) -> str:
    """The file that stands for a topic: `detector.dead-letter` -> `dead-letter.ndjson`."""
    return topic.removeprefix("detector.") + (".json" if topic == STATUS else ".ndjson")


class NdjsonSink:
    """Appends records to the files of a run folder, which is made if it is missing.

    Keys are not written: every value carries what its key says. A last line that a crash tore is cut off
    at the first append, because its record is sent again. Raises InputError when a file cannot be opened,
    ValueError when a value holds a line break.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        self._unflushed: set[str] = set()

    def send(self, records: Sequence[OutRecord]) -> None:
        """Append each record to its topic's file, in order; safe after `flush()`."""
        for record in records:
            if record.topic == STATUS:
                _replace(self._folder / file_name(STATUS), record.value)
                continue
            if b"\n" in record.value:
                raise ValueError(f"a record for {record.topic} holds a line break, so it is no line of a file")
            self._file(record.topic).write(record.value + b"\n")
            self._unflushed.add(record.topic)

    def flush(self) -> None:
        """Return when every record sent so far is on disk."""
        for topic in self._unflushed:
            file = self._files[topic]
            file.flush()
            os.fsync(file.fileno())
        self._unflushed.clear()

    def close(self) -> None:
        """Flush and close the files; harmless when called twice."""
        self.flush()
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _file(self, topic: str) -> BinaryIO:
        if topic not in self._files:
            path = self._folder / file_name(topic)
            try:
                file = path.open("ab+")
            except OSError as error:
                raise InputError(f"{path}: {error.strerror}; name a folder that can be written") from None
            _cut_torn_line(file)
            self._files[topic] = file
        return self._files[topic]


def _replace(path: Path, value: bytes) -> None:
    """Readers see the old record or the new one, never half of one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(value)
    fresh.replace(path)


def _cut_torn_line(file: BinaryIO) -> None:
    """Truncate to the end of the last whole line."""
    end = size = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 65_536)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        file.truncate(end)
    file.seek(end)
