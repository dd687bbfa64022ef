"""The trace of a replay: what every call of a warm or hot line added, for `explain` and for notebooks.

`trace/calls.parquet` has one row a judged call; `trace/lines.parquet` one row a line held at the end. Lines
are named by their key (numbering.plan); callees are not in it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from detector.cdr.batch import CdrBatch
from detector.decode.rejects import Reject
from detector.features.catalog import COLUMNS, FAMILIES, FEATURES
from detector.features.kernels.layout import COLD_TIER, MILLI, WARM_TIER, Tables
from detector.shard import Findings

ROW_GROUP = 16_384
"""Rows held until they are written: with 131,072 a replay needed over 145 MB beside its start, with these 110."""
_CALLS = pa.schema(
    [("line_key", pa.uint64()), ("release_ms", pa.int64()), ("tier", pa.int8())]
    + [("line_class", pa.uint8()), ("outcome", pa.uint8())]
    + [("score", pa.float32())]
    + [(name, pa.float32()) for name in COLUMNS]
)


class TraceWriter:
    """Writes the trace as calls are judged, in row groups of bounded size. cold: the calls of cold lines too."""

    def __init__(self, folder: Path, *, cold: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lowest_tier = COLD_TIER if cold else WARM_TIER
        self._writer = pq.ParquetWriter(folder / "calls.parquet", _CALLS, compression="zstd")
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Keep the rows that are asked for."""
        rows = np.flatnonzero(findings.scored["tier"] >= self._lowest_tier)
        if len(rows):
            self._waiting.append(_record_batch(batch.calls[rows], findings.scored[rows]))
            self._rows += len(rows)
            if self._rows >= ROW_GROUP:
                self._write()

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Nothing to do between batches."""

    def close(self, tables: Tables) -> None:
        """Write what waits, and the lines held at the end."""
        self._write()
        self._writer.close()
        pq.write_table(_lines(tables), self._folder / "lines.parquet", compression="zstd")

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, _CALLS), row_group_size=ROW_GROUP)
        self._waiting, self._rows = [], 0


def _record_batch(calls: NDArray[np.void], scored: NDArray[np.void]) -> pa.RecordBatch:
    columns = [
        pa.array(calls["line_key"]),
        pa.array(calls["release_ms"]),
        pa.array(scored["tier"]),
        pa.array(calls["line_class"]),
        pa.array(scored["outcome"]),
        pa.array((scored["score"] / MILLI).astype(np.float32)),
    ]
    # one after the other: all together as float64 they took 13 MB of a turn
    columns += [pa.array((scored["share"][:, k] / MILLI).astype(np.float32)) for k in range(len(FAMILIES))]
    columns += [pa.array(scored[feature.name].astype(np.float32)) for feature in FEATURES]
    return pa.RecordBatch.from_arrays(columns, schema=_CALLS)


def _lines(tables: Tables) -> pa.Table:
    rows = tables.rows[tables.rows["key"] != 0]
    return pa.table(
        {name: np.ascontiguousarray(rows[name]) for name in ("key", "calls", "last_ms", "callbacks", "tier")}
    )
