"""Calls out of files: NDJSON or CSV, gzipped or not; each file is a stream."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Literal

import numpy as np

from detector.config import Decode
from detector.errors import InputError
from detector.source.contract import Chunk

Format = Literal["json", "csv"]

BLOCK_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_SUFFIXES: dict[str, Format] = {".ndjson": "json", ".jsonl": "json", ".json": "json", ".csv": "csv"}


def formats(config: Decode, paths: Sequence[Path]) -> list[Format]:
    """Format of each file: `decode.format`, or by its name. Raises InputError for a name that does not tell."""
    return [config.format if config.format != "auto" else _format(path) for path in paths]


def _format(path: Path) -> Format:
    suffix = (path.with_suffix("") if path.suffix == ".gz" else path).suffix
    if suffix not in _SUFFIXES:
        raise InputError(
            f"{path}: the name does not end in {', '.join(_SUFFIXES)} (or these with .gz); set decode.format"
        )
    return _SUFFIXES[suffix]


class FileSource:
    """Reads files in step, one block of each a turn, so that memory does not grow with their size.

    block_bytes       about how much of a file is read at a time
    max_record_bytes  a longer line is cut to one byte more, so that decode refuses it
    Raises InputError when a file cannot be opened, and later when one is found damaged.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        max_record_bytes: int = Decode().max_record_bytes,
        block_bytes: int = BLOCK_BYTES,
    ) -> None:
        self._files: list[_File] = []
        try:
            for path in paths:
                self._files.append(_File(path, block_bytes, max_record_bytes))
        except InputError:
            self.close()
            raise
        self._held: frozenset[int] = frozenset()
        self._stopped = False

    @property
    def streams(self) -> int:
        """How many files there are."""
        return len(self._files)

    def hold(self, streams: frozenset[int]) -> None:
        """Read on without these files for now."""
        self._held = streams

    def stop(self) -> None:
        """End `chunks()` at the next turn."""
        self._stopped = True

    def chunks(self) -> Iterator[list[Chunk]]:
        """A block of each file that is neither held nor at its end; ends when all are."""
        while not self._stopped and len(self.ended()) < self.streams:
            turn = []
            for stream, file in enumerate(self._files):
                if stream not in self._held and not file.ended:
                    turn += file.read(stream)
            yield turn

    def ended(self) -> frozenset[int]:
        """Files that were read to their end."""
        return frozenset(stream for stream, file in enumerate(self._files) if file.ended)

    def replaying(self, stream: int, offset: int) -> bool:
        """Never: files keep no positions."""
        return False

    def recovering(self) -> bool:
        """Never."""
        return False

    def commit(self, positions: dict[int, int]) -> None:
        """Nothing: a file is read from its start every time."""

    def place(self, stream: int, offset: int) -> str:
        """`calls.ndjson:17`."""
        return f"{self._files[stream].path.name}:{offset}"

    def lag(self) -> int | None:
        """Not known: lines are not counted before they are read."""
        return None

    def read_share(self) -> float:
        """How much of the files was read, 0..1, by their size on disk."""
        size = sum(file.size for file in self._files)
        return sum(file.position for file in self._files) / size if size else 1.0

    def close(self) -> None:
        """Close all files."""
        for file in self._files:
            file.close()


class _File:
    """One file: lines in, chunks of whole lines out."""

    def __init__(self, path: Path, block_bytes: int, max_record_bytes: int) -> None:
        self.path = path
        self.ended = False
        self._block_bytes = block_bytes
        self._max_record_bytes = max_record_bytes
        self._lines = 0  # handed out
        self._rest: bytes | None = None  # of the last block, behind its last line end; None = nothing read yet
        self._skipping = False  # inside a line of which enough was handed out
        self._disk, self._file = _open(path)
        self.size = path.stat().st_size
        self.position = 0  # on disk, of what was read

    def read(self, stream: int) -> list[Chunk]:
        """The next lines as one chunk; none when the block held no whole line."""
        if self._rest is None:
            self._rest = self._block(len(_BOM)).removeprefix(_BOM)
        block = self._block(self._block_bytes)
        self.ended = not block
        data = self._rest + block
        if self._skipping:
            line_end = data.find(b"\n")
            self._skipping = line_end < 0
            data = data[line_end + 1 :] if line_end >= 0 else b""
        whole = len(data) if self.ended else data.rfind(b"\n") + 1
        if len(data) - whole > self._max_record_bytes:
            whole += self._max_record_bytes + 1
            self._skipping = True
        self._rest = b"" if self._skipping else data[whole:]
        if self.ended:
            self.close()
        return [self._chunk(stream, data[:whole])] if whole else []

    def close(self) -> None:
        """Close it."""
        self._file.close()
        self._disk.close()

    def _block(self, size: int) -> bytes:
        try:
            block = self._file.read(size)
            self.position = self._disk.tell()
            return block
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.path}: cannot be read on after line {self._lines}: {error}") from None

    def _chunk(self, stream: int, data: bytes) -> Chunk:
        buffer = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(buffer == ord("\n"))
        if not len(ends) or ends[-1] != len(data) - 1:  # the last line of a file, or the start of one too long
            ends = np.append(ends, len(data))
        starts = np.append(0, ends[:-1] + 1)
        returns = (ends > starts) & (buffer[ends - 1] == ord("\r"))
        offsets = np.arange(self._lines + 1, self._lines + 1 + len(ends))
        self._lines += len(ends)
        return Chunk(stream, data, starts, (ends - starts - returns).astype(np.int32), offsets)


def _open(path: Path) -> tuple[BufferedReader, gzip.GzipFile | BufferedReader]:
    """The file on disk, and what its content is read from."""
    try:
        disk = path.open("rb")
        return disk, gzip.GzipFile(fileobj=disk) if path.suffix == ".gz" else disk
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name a file that can be read") from None
