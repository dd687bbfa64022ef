"""CSV records: one row a call; columns are named by the file's first line or by `decode.columns`."""

import csv

from detector.cdr.batch import CallRecord
from detector.config import Decode
from detector.decode.field import Unreadable
from detector.decode.mapping import Mapping
from detector.decode.rejects import RejectReason
from detector.errors import ConfigError

HEADER_OFFSET = 1
"""Where a file's header stands: its first line."""


def check(config: Decode) -> None:
    """Raise ConfigError when nothing, or two things, would name the columns."""
    if config.columns and config.header:
        raise ConfigError("decode.columns names the columns of files without a header; set decode.header = false")
    if not config.columns and not config.header:
        raise ConfigError("decode.header = false: name the columns in decode.columns")


class Columns:
    """The columns of one stream.

    names  as configured; empty = the header will tell
    """

    def __init__(self, config: Decode) -> None:
        self.names = config.columns
        self._delimiter = config.delimiter

    def take_header(self, raw: bytes, mapping: Mapping) -> None:
        """Name the columns by a header line; raises ConfigError when a mapped column is not among them."""
        try:
            names = tuple(name.strip() for name in self._cells(raw))
        except Unreadable as error:
            raise ConfigError(f"decode.header: the first line is no header ({error.detail})") from None
        absent = [source for source in mapping.sources if source not in names]
        if absent:
            raise ConfigError(f"decode.fields: column {absent[0]!r} is not in the header ({', '.join(names)})")
        self.names = names

    def read(self, raw: bytes, mapping: Mapping) -> CallRecord:
        """One call out of one row; raises Unreadable."""
        cells = self._cells(raw)
        if not self.names:
            raise _not_csv("no header line came first; set decode.header = false and decode.columns")
        if len(cells) != len(self.names):
            raise _not_csv(f"{len(cells)} columns in place of {len(self.names)}")
        return mapping.read(dict(zip(self.names, cells, strict=True)))

    def _cells(self, raw: bytes) -> list[str]:
        try:
            line = raw.decode()
            if '"' not in line:
                return line.rstrip("\r\n").split(self._delimiter)
            return next(csv.reader([line], delimiter=self._delimiter, strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise _not_csv(str(error)) from None


def _not_csv(detail: str) -> Unreadable:
    return Unreadable(RejectReason.NOT_CSV, "$", detail)
