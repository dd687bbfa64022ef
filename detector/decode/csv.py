"""CSV records: one row a call; columns are named by the file's first line or by `decode.columns`."""

import csv

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import CallRecord
from detector.config import Decode
from detector.decode.field import Unreadable
from detector.decode.mapping import Mapping
from detector.decode.records import Records, lines, whole
from detector.decode.rejects import RejectReason
from detector.errors import ConfigError
from detector.source.contract import Chunk

HEADER_OFFSET = 1
"""Where a file's header stands: its first line."""


class CsvReader:
    """Reads one stream of rows.

    scans  never: there is no fast scanner for CSV
    Raises ConfigError when nothing, or two things, would name the columns.
    """

    def __init__(self, config: Decode) -> None:
        if config.columns and config.header:
            raise ConfigError("decode.columns names the columns of files without a header; set decode.header = false")
        if not config.columns and not config.header:
            raise ConfigError("decode.header = false: name the columns in decode.columns")
        self.mapping = Mapping(config.fields, text=True)
        self.scans = False
        self._delimiter = config.delimiter
        self._header = config.header
        self._names = config.columns  # empty = the header will tell

    def values(self, chunk: Chunk) -> Records:
        """Every row of a chunk but the header; raises ConfigError when a mapped column is not in the header."""
        records = whole(chunk)
        if self._header and len(records) and records.offsets[0] == HEADER_OFFSET:
            self._take_header(records.raw(0))
            return records.after_first()
        return records

    def fill(self, records: Records, calls: NDArray[np.void]) -> NDArray[np.bool_]:
        """Fill no row."""
        return np.zeros(len(records), np.bool_)

    def cut(self, value: bytes) -> list[bytes]:
        """The rows of a value that holds several; none = it is one record."""
        return lines(value)

    def read(self, raw: bytes) -> CallRecord:
        """One call out of one row; raises Unreadable."""
        cells = self._cells(raw)
        if not self._names:
            raise _not_csv("no header line came first; set decode.header = false and decode.columns")
        if len(cells) != len(self._names):
            raise _not_csv(f"{len(cells)} columns in place of {len(self._names)}")
        return self.mapping.read(dict(zip(self._names, cells, strict=True)))

    def _take_header(self, raw: bytes) -> None:
        try:
            names = tuple(name.strip() for name in self._cells(raw))
        except Unreadable as error:
            raise ConfigError(f"decode.header: the first line is no header ({error.detail})") from None
        absent = [source for source in self.mapping.sources if source not in names]
        if absent:
            raise ConfigError(f"decode.fields: column {absent[0]!r} is not in the header ({', '.join(names)})")
        self._names = names

    def _cells(self, raw: bytes) -> list[str]:
        try:
            line = raw.decode().rstrip("\r\n")
            if '"' not in line:
                return line.split(self._delimiter)
            return next(csv.reader([line], delimiter=self._delimiter, strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise _not_csv(str(error)) from None


def _not_csv(detail: str) -> Unreadable:
    return Unreadable(RejectReason.NOT_CSV, "$", detail)
