"""JSON records: one object a call; a value may hold several, in lines or in one array."""

from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import CallRecord
from detector.config import Decode
from detector.decode.field import Unreadable
from detector.decode.kernels.identities import identify
from detector.decode.kernels.scan import FIELDS, UNKNOWN_FIELD, scan
from detector.decode.mapping import Mapping
from detector.decode.records import Records, lines, whole
from detector.decode.rejects import RejectReason
from detector.numbering.kernels.number import SCRATCH
from detector.numbering.plan import NumberPlan
from detector.source.contract import Chunk

Value = TypeVar("Value")


class JsonReader:
    """Reads JSON; records in normal form first by the fast scanner.

    scans  whether there is a scanner: not when `decode.fields` maps anything
    """

    def __init__(self, config: Decode, plan: NumberPlan) -> None:
        self.mapping = Mapping(config.fields, text=False)
        self.scans = not config.fields
        self._plan = plan
        self._most_bytes = config.max_record_bytes
        self._digits = np.empty(SCRATCH, np.uint8)
        self._numbers = np.empty(6, np.int64)
        self._follows = np.full(FIELDS + 1, UNKNOWN_FIELD, np.int8)

    def values(self, chunk: Chunk) -> Records:
        """Every value of a chunk."""
        return whole(chunk)

    def fill(self, records: Records, calls: NDArray[np.void]) -> NDArray[np.bool_]:
        """Fill the rows of records that are plainly right; answers which: bool[n_records]."""
        read = np.zeros(len(records), np.bool_)
        if self.scans:
            for segment in range(len(records.segments)):
                self._fill(records, segment, calls, read)
        return read

    def _fill(self, records: Records, segment: int, calls: NDArray[np.void], read: NDArray[np.bool_]) -> None:
        data = np.frombuffer(records.segments[segment] or b"\\0", np.uint8)
        rows = np.flatnonzero(records.segment == segment)
        spans = np.empty((len(rows), 8, 2), np.int64)
        done = scan(
            data,
            records.starts,
            records.lengths,
            rows,
            self._most_bytes,
            calls,
            spans,
            read,
            self._follows,
            self._numbers,
        )
        plan = self._plan
        identify(data, spans, rows[:done], plan.is_china, plan.k0, plan.k1, self._digits, calls)

    def cut(self, value: bytes) -> list[bytes]:
        """The objects of a value that holds several; none = it is one record.

        An object written over several lines is one: its first line does not end with a brace, and the whole is JSON.
        """
        text = value.strip(b" \t\r\n")
        if text.startswith(b"["):
            return [bytes(part) for part in _parsed(text, list[msgspec.Raw]) or ()]
        parts = lines(text)
        if parts and not parts[0].rstrip().endswith(b"}") and _parsed(text, dict) is not None:
            return []
        return parts

    def read(self, raw: bytes) -> CallRecord:
        """One call out of one JSON object; raises Unreadable."""
        return self.mapping.read(_object(raw))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(RejectReason.NOT_JSON, "$", str(error)) from None
    if not isinstance(value, dict):
        raise Unreadable(RejectReason.NOT_OBJECT, "$", f"expected an object, got {type(value).__name__}")
    return value


def _parsed(text: bytes, wanted: type[Value]) -> Value | None:
    """The value if it is JSON of this type, else None."""
    try:
        return msgspec.json.decode(text, type=wanted)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
