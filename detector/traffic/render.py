"""The calls as text: NDJSON and CSV in the normal form, whole blocks at once."""

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detector.cdr.batch import NEVER_MS
from detector.traffic import trunks
from detector.traffic.numbers import text_of
from detector.traffic.population import Population

FIELDS = (
    *("call_id", "a_number", "b_number", "setup_ms", "ring_ms", "answer_ms", "release_ms"),
    *("release_cause", "release_party", "trunk_in", "trunk_out", "line_id", "presented", "tenant", "resellers"),
)
CSV_HEADER = ",".join(FIELDS).encode() + b"\n"
_TEXT = {"call_id", "a_number", "b_number", "release_party", "trunk_in", "trunk_out"}
_LEASED = ("line_id", "presented", "tenant", "resellers")  # of calls over leased voice lines only: all or none
_PARTIES = pa.array([None, "caller", "callee", "network"])
_SLICE = 65_536


class Renderer:
    """Turns calls of one population into text.

    None of the texts needs escaping: they are digits, and names this package makes.
    """

    def __init__(self, population: Population, seed: int) -> None:
        self._prefix = f"{seed:x}-"
        self._trunks = pa.array(trunks.NAMES)
        named = sorted(population.line_ids)
        self._id_of_line = np.full(len(population.lines) + 1, -1, np.int32)  # the last: calls from elsewhere
        self._id_of_line[named] = np.arange(len(named))
        self._ids = pa.array([population.line_ids[line] for line in named], pa.string())
        self._tenant_of_line = np.append(population.lines["tenant"], np.int16(-1))
        self._tenants = pa.array([name for name, _ in population.tenants], pa.string())
        chains = [chain for _, chain in population.tenants]
        self._chains = pa.array([";".join(chain) for chain in chains], pa.string())
        self._chains_json = pa.array([msgspec.json.encode(chain).decode() for chain in chains], pa.string())

    def ndjson(self, calls: NDArray[np.void]) -> list[pa.StringArray]:
        """One JSON object a call with its line end; the fields of leased lines only where there is one."""
        return [self._ndjson(calls[i : i + _SLICE]) for i in range(0, len(calls), _SLICE)]

    def csv(self, calls: NDArray[np.void]) -> list[pa.StringArray]:
        """One row a call with its line end, under CSV_HEADER; empty = null."""
        return [self._csv(calls[i : i + _SLICE]) for i in range(0, len(calls), _SLICE)]

    def lines(self, calls: NDArray[np.void]) -> pa.StringArray:
        """What the record shows as the line: `line_id`, else the calling number."""
        return pc.coalesce(_take(self._ids, self._id_of_line[calls["line"]]), text_of(calls["caller"]))

    def _columns(self, calls: NDArray[np.void]) -> dict[str, pa.StringArray]:
        tenant = self._tenant_of_line[calls["line"]]
        return {
            "call_id": pc.binary_join_element_wise(self._prefix, _digits(calls["serial"]), ""),
            "a_number": text_of(calls["caller"]),
            "b_number": text_of(calls["callee"]),
            "setup_ms": _digits(calls["setup_ms"]),
            "ring_ms": _digits(calls["ring_ms"]),
            "answer_ms": _digits(calls["answer_ms"]),
            "release_ms": _digits(calls["release_ms"]),
            "release_cause": _digits(calls["cause"]),
            "release_party": _PARTIES.take(pa.array(calls["party"])),
            "trunk_in": self._trunks.take(pa.array(calls["trunk_in"])),
            "trunk_out": self._trunks.take(pa.array(calls["trunk_out"])),
            "line_id": _take(self._ids, self._id_of_line[calls["line"]]),
            "presented": pc.if_else(pa.array(tenant >= 0), text_of(calls["presented"]), None),
            "tenant": _take(self._tenants, tenant),
        } | {name: _take(chains, tenant) for name, chains in (("resellers", self._chains), ("json", self._chains_json))}

    def _ndjson(self, calls: NDArray[np.void]) -> pa.StringArray:
        columns = self._columns(calls)
        leased = pc.binary_join_element_wise(
            ',"line_id":"', columns["line_id"], '","presented":"', columns["presented"],
            '","tenant":"', columns["tenant"], '","resellers":', columns["json"], "",
        )  # fmt: skip
        parts: list[object] = []
        for name in FIELDS[: -len(_LEASED)]:
            quote = '"' if name in _TEXT else ""
            parts += [f'{"," if parts else "{"}"{name}":{quote}', pc.fill_null(columns[name], "null"), quote]
        return pc.binary_join_element_wise(*parts, pc.fill_null(leased, ""), "}\n", "")

    def _csv(self, calls: NDArray[np.void]) -> pa.StringArray:
        columns = self._columns(calls)
        parts: list[object] = []
        for name in FIELDS:
            parts += [pc.fill_null(columns[name], ""), ","]
        return pc.binary_join_element_wise(*parts[:-1], "\n", "")


def block_bytes(block: pa.StringArray) -> memoryview:
    """The records of a block one after the other, without copying them."""
    offsets = _offsets(block)
    return memoryview(block.buffers()[2])[offsets[0] : offsets[-1]]


def record_ends(block: pa.StringArray) -> NDArray[np.int64]:
    """Where in `block_bytes` each record ends."""
    offsets = _offsets(block)
    ends: NDArray[np.int64] = offsets[1:] - np.int64(offsets[0])
    return ends


def _offsets(block: pa.StringArray) -> NDArray[np.int32]:
    return np.frombuffer(block.buffers()[1], np.int32, len(block) + 1, block.offset * 4)


def _digits(numbers: NDArray[np.integer]) -> pa.StringArray:
    """Decimal digits; null for NEVER_MS."""
    return pc.cast(pa.array(numbers, mask=numbers == NEVER_MS), pa.string())


def _take(texts: pa.StringArray, rows: NDArray[np.integer]) -> pa.StringArray:
    """The texts at these rows; null where the row is negative."""
    return texts.take(pa.array(rows, mask=rows < 0))
