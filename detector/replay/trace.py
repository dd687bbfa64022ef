"""The trace of a replay: what every call of a warm or hot line added, for `explain` and for notebooks.

`trace/calls.parquet` has one row a judged call; `trace/lines.parquet` one row a line held at the end;
`trace/entities.parquet` one row a number, block, tenant, trunk or holder and minute in which it called. Lines are
named by their key (numbering.plan), entities as in alerts; callees are not in it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from detector.cdr.batch import CdrBatch
from detector.decode.rejects import Reject
from detector.entities.kernels.layout import KINDS, MINUTE_MS
from detector.entities.laws import FAMILY_NAMES
from detector.entities.rules import TOLD
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

ENTITY_COLUMNS = ("calls", "answered", "lines", "numbers", "all_numbers")
_NAMES = pa.dictionary(pa.int32(), pa.string())
_ENTITIES = pa.schema(
    [("minute_ms", pa.int64()), ("kind", _NAMES), ("entity", _NAMES), ("block", _NAMES), ("tenant", _NAMES)]
    + [("open", pa.bool_())]
    + [(name, pa.int32()) for name in ENTITY_COLUMNS]
    + [(f"rule_{rule.name}", pa.int32()) for rule in TOLD]
    + [(name, pa.float32()) for name in FAMILY_NAMES]
    + [("score", pa.float32())]
)


class EntityNames(Protocol):
    """Says what an entity is called."""

    def text_of(self, entity: np.void) -> str:
        """Its name, as people know it."""
        ...

    def place_of(self, entity: np.void) -> tuple[str | None, str | None]:
        """Its block and its tenant, where known."""
        ...


class TraceWriter:
    """Writes the trace as calls are judged, in row groups of bounded size.

    names  the entities' names, by what was weighed
    cold   the calls of cold lines too
    """

    def __init__(self, folder: Path, names: EntityNames, *, cold: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._names = folder, names
        self._entities = pq.ParquetWriter(folder / "entities.parquet", _ENTITIES, compression="zstd")
        self._weighed: list[pa.RecordBatch] = []
        self._weighed_rows = 0
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
        if len(findings.weighed):
            self._weighed.append(_weighed_batch(findings.weighed, self._names))
            self._weighed_rows += len(findings.weighed)
            if self._weighed_rows >= ROW_GROUP:
                self._write_weighed()

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Nothing to do between batches."""

    def close(self, tables: Tables) -> None:
        """Write what waits, and the lines held at the end."""
        self._write()
        self._writer.close()
        self._write_weighed()
        self._entities.close()
        pq.write_table(_lines(tables), self._folder / "lines.parquet", compression="zstd")

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, _CALLS), row_group_size=ROW_GROUP)
        self._waiting, self._rows = [], 0

    def _write_weighed(self) -> None:
        if self._weighed:
            self._entities.write_table(pa.Table.from_batches(self._weighed, _ENTITIES), row_group_size=ROW_GROUP)
        self._weighed, self._weighed_rows = [], 0


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


def _weighed_batch(rows: NDArray[np.void], names: EntityNames) -> pa.RecordBatch:
    places = [names.place_of(row) for row in rows]
    columns = [
        pa.array(rows["minute"] * MINUTE_MS),
        pa.array([KINDS[kind] for kind in rows["kind"]], pa.string()).dictionary_encode(),
        pa.array([names.text_of(row) for row in rows], pa.string()).dictionary_encode(),
        pa.array([block for block, _ in places], pa.string()).dictionary_encode(),
        pa.array([tenant for _, tenant in places], pa.string()).dictionary_encode(),
        pa.array(rows["severity"] > 0),
    ]
    columns += [pa.array(np.ascontiguousarray(rows[name])) for name in ENTITY_COLUMNS]
    columns += [pa.array(np.ascontiguousarray(column)) for column in rows["broken"].T]
    columns += [pa.array((column / MILLI).astype(np.float32)) for column in rows["share"].T]
    columns.append(pa.array((rows["score"] / MILLI).astype(np.float32)))
    return pa.RecordBatch.from_arrays(columns, schema=_ENTITIES)
