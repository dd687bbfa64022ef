"""Chunks in, batches of calls and rejects out, whatever the format."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import CDR, CallRecord, CdrBatch
from detector.config import Decode
from detector.decode import csv, deadletter, json
from detector.decode.columns import fill
from detector.decode.field import Unreadable
from detector.decode.kernels.clock import AHEAD, BELIEVED, guard
from detector.decode.mapping import Mapping
from detector.decode.records import Records, cut_json, cut_lines, cut_up, whole
from detector.decode.rejects import Reject, RejectReason
from detector.numbering.plan import NumberPlan
from detector.source.contract import Chunk

Format = Literal["json", "csv"]

HOUR_MS = 3_600_000


class Decoder:
    """Reads the streams of one source; keeps each stream's CSV header and time.

    formats  of each stream, by its index
    Raises ConfigError when `decode` contradicts itself.
    """

    def __init__(self, config: Decode, plan: NumberPlan, formats: Sequence[Format]) -> None:
        self._config = config
        self._plan = plan
        self._formats = formats
        self._json = Mapping(config.fields, text=False)
        self._csv = Mapping(config.fields, text=True)
        if "csv" in formats:
            csv.check(config)
        self._columns = [csv.Columns(config) for _ in formats]
        self._clocks = np.zeros((len(formats), 6), np.int64)

    def decode(self, chunk: Chunk) -> tuple[CdrBatch, list[Reject]]:
        """The calls of a chunk in stream order, and what could not be read, in stream order.

        Never raises for what a record holds; ConfigError for a CSV header without a mapped column.
        """
        records = self._records(chunk)
        calls = _placed(records, chunk.stream)
        rejects: dict[int, Reject] = {}
        rows: list[int] = []
        read: list[CallRecord] = []
        for row in range(len(records)):
            try:
                read.append(self._read(records.raw(row), chunk.stream))
                rows.append(row)
            except Unreadable as error:
                rejects[row] = self._reject(records, row, chunk.stream, error)
        fill(calls, rows, read, self._plan)
        believed = self._believed(calls, np.array(rows, np.int64), records, chunk.stream, rejects)
        batch = CdrBatch(calls if len(believed) == len(calls) else calls[believed], records.segments, self.describe)
        return batch, [rejects[row] for row in sorted(rejects)]

    def describe(self, raw: bytes, stream: int) -> CallRecord:
        """One record that was read before, again, as text."""
        return self._read(raw, stream)

    def dead_letter(self, reject: Reject, place: str) -> bytes:
        """The record of the dead-letter topic for a reject whose value stood at `place`."""
        return deadletter.encode(reject, place)

    def _records(self, chunk: Chunk) -> Records:
        records = whole(chunk)
        if self._formats[chunk.stream] == "json":
            return cut_up(records, range(len(records)), cut_json)
        if self._config.header and len(records) and records.offsets[0] == csv.HEADER_OFFSET:
            self._columns[chunk.stream].take_header(records.raw(0), self._csv)
            records = records.after_first()
        return cut_up(records, range(len(records)), cut_lines) if b"\n" in chunk.data else records

    def _read(self, raw: bytes, stream: int) -> CallRecord:
        if not raw.strip():
            raise Unreadable(RejectReason.EMPTY, "$", "nothing in it")
        if len(raw) > self._config.max_record_bytes:
            raise Unreadable(RejectReason.TOO_LARGE, "$", f"longer than {self._config.max_record_bytes} bytes")
        if self._formats[stream] == "json":
            return json.read(raw, self._json)
        return self._columns[stream].read(raw, self._csv)

    def _believed(
        self,
        calls: NDArray[np.void],
        rows: NDArray[np.int64],
        records: Records,
        stream: int,
        rejects: dict[int, Reject],
    ) -> NDArray[np.int64]:
        """Rows whose time is near the stream's own; the others are added to the rejects."""
        verdict = np.empty(len(rows), np.uint8)
        ahead_h, behind_h = self._config.max_ahead_h, self._config.max_behind_h
        guard(calls["release_ms"][rows], int(ahead_h * HOUR_MS), int(behind_h * HOUR_MS), self._clocks[stream], verdict)
        for i in np.flatnonzero(verdict != BELIEVED):
            row = int(rows[i])
            ahead = verdict[i] == AHEAD
            reason = RejectReason.TIME_AHEAD if ahead else RejectReason.TIME_BEHIND
            detail = f"{ahead_h if ahead else behind_h:g} hours or more {'ahead of' if ahead else 'behind'} the stream"
            path = (self._json if self._formats[stream] == "json" else self._csv).release_path
            rejects[row] = self._reject(records, row, stream, Unreadable(reason, path, detail))
        believed: NDArray[np.int64] = rows[verdict == BELIEVED]
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
