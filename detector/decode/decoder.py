"""Chunks in, batches of calls and rejects out, whatever the format."""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from detector import metrics
from detector.cdr.batch import CDR, CallRecord, CdrBatch
from detector.config import Decode
from detector.decode import deadletter
from detector.decode.columns import fill
from detector.decode.csv import CsvReader
from detector.decode.field import Unreadable
from detector.decode.json import JsonReader
from detector.decode.kernels.clock import AHEAD, BELIEVED, guard
from detector.decode.mapping import Mapping
from detector.decode.records import Records, cut_up
from detector.decode.rejects import Reject, RejectReason
from detector.numbering.plan import NumberPlan
from detector.source.contract import Chunk

Format = Literal["json", "csv"]

HOUR_MS = 3_600_000


class Reader(Protocol):
    """Reads one format.

    mapping  from the user's fields to the normal form
    scans    whether `fill` tries: what it leaves is then counted
    """

    mapping: Mapping
    scans: bool

    def values(self, chunk: Chunk) -> Records:
        """The values of a chunk that are to hold calls."""
        ...

    def cut(self, value: bytes) -> list[bytes]:
        """The records of a value that holds several; none = the value is one record."""
        ...

    def fill(self, records: Records, calls: NDArray[np.void]) -> NDArray[np.bool_]:
        """The fast way: fill the rows of some records; answers which."""
        ...

    def read(self, raw: bytes) -> CallRecord:
        """The general way, for one record; raises Unreadable."""
        ...


class Decoder:
    """Reads the streams of one source; keeps each stream's time, and its CSV header.

    formats  of each stream, by its index
    Raises ConfigError when `decode` contradicts itself.
    """

    def __init__(self, config: Decode, plan: NumberPlan, formats: Sequence[Format]) -> None:
        json = JsonReader(config, plan)
        self._readers: list[Reader] = [json if name == "json" else CsvReader(config) for name in formats]
        self._clocks = np.zeros((len(formats), 6), np.int64)
        self._config = config
        self._plan = plan

    def decode(self, chunk: Chunk) -> tuple[CdrBatch, list[Reject]]:
        """The calls of a chunk in stream order, and what could not be read, in stream order.

        Never raises for what a record holds; ConfigError for a CSV header without a mapped column.
        """
        records, calls, read = self._filled(chunk)
        rejects: dict[int, Reject] = {}
        rows: list[int] = []
        texts: list[CallRecord] = []
        for row in np.flatnonzero(~read).tolist():
            try:
                texts.append(self._read(records.raw(row), chunk.stream))
                rows.append(row)
            except Unreadable as error:
                rejects[row] = self._reject(records, row, chunk.stream, error)
        fill(calls, rows, texts, self._plan)
        read[rows] = True
        believed = self._believed(calls, np.flatnonzero(read), records, chunk.stream, rejects)
        batch = CdrBatch(calls if len(believed) == len(calls) else calls[believed], records.segments, self.describe)
        return batch, [rejects[row] for row in sorted(rejects)]

    def describe(self, raw: bytes, stream: int) -> CallRecord:
        """One record that was read before, again, as text."""
        return self._read(raw, stream)

    def dead_letter(self, reject: Reject, place: str) -> bytes:
        """The record of the dead-letter topic for a reject whose value stood at `place`."""
        return deadletter.encode(reject, place)

    def _filled(self, chunk: Chunk) -> tuple[Records, NDArray[np.void], NDArray[np.bool_]]:
        """The records of a chunk, a row for each, and which rows the fast way has filled."""
        reader = self._readers[chunk.stream]
        values = reader.values(chunk)
        calls = _placed(values, chunk.stream)
        read = reader.fill(values, calls)
        records = cut_up(values, np.flatnonzero(~read).tolist(), reader.cut)
        if records is not values:
            calls = _placed(records, chunk.stream)
            read = reader.fill(records, calls)
        if reader.scans:
            metrics.decode_fallback.inc(len(read) - int(np.count_nonzero(read)))
        return records, calls, read

    def _read(self, raw: bytes, stream: int) -> CallRecord:
        if not raw.strip():
            raise Unreadable(RejectReason.EMPTY, "$", "nothing in it")
        if len(raw) > self._config.max_record_bytes:
            raise Unreadable(RejectReason.TOO_LARGE, "$", f"longer than {self._config.max_record_bytes} bytes")
        return self._readers[stream].read(raw)

    def _believed(
        self, calls: NDArray[np.void], rows: NDArray[np.intp], records: Records, stream: int, rejects: dict[int, Reject]
    ) -> NDArray[np.intp]:
        """Rows whose time is near the stream's own; the others are added to the rejects."""
        verdict = np.empty(len(rows), np.uint8)
        ahead_h, behind_h = self._config.max_ahead_h, self._config.max_behind_h
        guard(calls["release_ms"][rows], int(ahead_h * HOUR_MS), int(behind_h * HOUR_MS), self._clocks[stream], verdict)
        for i in np.flatnonzero(verdict != BELIEVED):
            ahead = verdict[i] == AHEAD
            reason = RejectReason.TIME_AHEAD if ahead else RejectReason.TIME_BEHIND
            detail = f"over {ahead_h if ahead else behind_h:g} hours {'ahead of' if ahead else 'behind'} the stream"
            error = Unreadable(reason, self._readers[stream].mapping.release_path, detail)
            rejects[int(rows[i])] = self._reject(records, int(rows[i]), stream, error)
        believed: NDArray[np.intp] = rows[verdict == BELIEVED]
        return believed

    def _reject(self, records: Records, row: int, stream: int, error: Unreadable) -> Reject:
        return Reject(
            stream=stream,
            offset=int(records.offsets[row]),
            item=int(records.items[row]),
            reason=error.reason,
            path=error.path,
            detail=error.detail,
            raw=records.raw(row)[: self._config.max_record_bytes],
        )


def _placed(records: Records, stream: int) -> NDArray[np.void]:
    """A row per record that says where it came from; the rest is to be filled."""
    calls = np.zeros(len(records), CDR)
    calls["offset"] = records.offsets
    calls["item"] = records.items
    calls["raw_start"] = records.starts
    calls["raw_len"] = records.lengths
    calls["segment"] = records.segment
    calls["stream"] = stream
    return calls
