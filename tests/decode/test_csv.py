"""CSV rows: header or configured columns, quoting, and times as the user's system writes them."""

from typing import Any

import pytest

from detector.config import FieldMap
from detector.decode.rejects import RejectReason
from detector.errors import ConfigError
from detector.source.memory import chunk
from tests.decode.records import CALL, SETUP_MS, call, decoder

R = RejectReason
NAMES = ("call_id", "a_number", "b_number", "setup_ms", "ring_ms", "answer_ms", "release_ms", "release_cause", "tenant")
HEADER = ",".join(NAMES).encode()


def row(**changes: Any) -> bytes:
    record = CALL | changes
    return ",".join("" if record[name] is None else str(record[name]) for name in NAMES).encode()


def reject_of(line: bytes, **decode: Any) -> tuple[RejectReason, str]:
    batch, rejects = decoder("csv", **decode).decode(chunk([HEADER, line]))
    assert len(batch) == 0
    (reject,) = rejects
    assert (reject.offset, reject.raw) == (2, line)
    return reject.reason, reject.path


def test_the_same_call_fills_the_same_columns_as_json() -> None:
    changes: dict[str, Any] = {"release_party": None, "trunk_in": None, "line_id": None, "presented": None}
    csv, rejects = decoder("csv").decode(chunk([HEADER, row(**changes), row(ring_ms=None, answer_ms=None)]))
    json, _ = decoder().decode(chunk([call(**changes), call(**changes, ring_ms=None, answer_ms=None)], first_offset=2))
    assert rejects == []
    placed = ("raw_start", "raw_len")
    for name in (name for name in csv.calls.dtype.names or () if name not in placed):
        assert csv.calls[name].tolist() == json.calls[name].tolist(), name
    assert csv.raw(0) == row(**changes)
    assert csv.record(0).tenant == CALL["tenant"]


def test_the_header_is_kept_for_later_chunks_and_belongs_to_its_stream() -> None:
    reads = decoder("csv", "csv")
    reads.decode(chunk([HEADER, row()], stream=0))
    batch, rejects = reads.decode(chunk([row(), row()], stream=0, first_offset=3))
    assert (batch.calls["offset"].tolist(), rejects) == ([3, 4], [])
    _, rejects = reads.decode(chunk([row()], stream=1, first_offset=3))
    assert [(r.reason, "header" in r.detail) for r in rejects] == [(R.NOT_CSV, True)]


def test_columns_may_be_configured_in_place_of_a_header() -> None:
    batch, rejects = decoder("csv", header=False, columns=NAMES).decode(chunk([row(), row()]))
    assert (len(batch), rejects) == (2, [])


def test_quoted_cells_and_another_delimiter() -> None:
    header = HEADER.replace(b",", b";")
    line = row(tenant='"a ""b""; c"').replace(b",", b";")
    batch, rejects = decoder("csv", delimiter=";").decode(chunk([header, line + b"\r"]))
    assert rejects == []
    assert batch.record(0).tenant == 'a "b"; c'


def test_a_value_of_several_rows_is_many_calls() -> None:
    reads = decoder("csv", header=False, columns=NAMES)
    batch, rejects = reads.decode(chunk([row() + b"\nbad\n" + row() + b"\n", row()]))
    assert batch.calls[["offset", "item"]].tolist() == [(1, 0), (1, 2), (2, -1)]
    assert [(r.item, r.reason) for r in rejects] == [(1, R.NOT_CSV)]


@pytest.mark.parametrize(
    ("line", "reason", "path"),
    [
        (b"", R.EMPTY, "$"),
        (row() + b",", R.NOT_CSV, "$"),
        (row()[:20], R.NOT_CSV, "$"),
        (row(tenant='"open'), R.NOT_CSV, "$"),
        (row(tenant='"a"b'), R.NOT_CSV, "$"),
        (row().replace("南".encode(), b"\xff"), R.NOT_CSV, "$"),
        (row(tenant="x" * 70_000), R.TOO_LARGE, "$"),
        (row(a_number=""), R.MISSING_FIELD, "$.a_number"),
        (row(setup_ms="soon"), R.BAD_VALUE, "$.setup_ms"),
        (row(setup_ms="1_700_000_000_000"), R.BAD_VALUE, "$.setup_ms"),
        (row(setup_ms="9" * 5_000), R.BAD_VALUE, "$.setup_ms"),
        (row(release_cause="?"), R.BAD_VALUE, "$.release_cause"),
        (row(answer_ms=SETUP_MS + 40_001), R.BAD_ORDER, "$.answer_ms"),
    ],
)
def test_what_cannot_be_read_is_rejected(line: bytes, reason: RejectReason, path: str) -> None:
    if reason is R.TOO_LARGE:
        _, (reject,) = decoder("csv").decode(chunk([HEADER, line]))
        assert (reject.reason, len(reject.raw)) == (reason, 65_536)
    else:
        assert reject_of(line) == (reason, path)


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        ({"columns": NAMES}, "decode.header = false"),
        ({"header": False}, r"decode\.columns"),
        ({"fields": {"caller": FieldMap(source="a")}}, r"decode\.fields\.caller"),
        (
            {"fields": {"setup_ms": FieldMap(source="a", unit="iso8601", zone="Mars/Base")}},
            r"setup_ms\.zone.*Mars/Base",
        ),
        ({"fields": {"setup_ms": FieldMap(source="a", unit="iso8601", zone="../secret")}}, r"setup_ms\.zone"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(decode: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        decoder("csv", **decode)


def test_a_mapped_column_that_the_header_lacks_is_refused() -> None:
    reads = decoder("csv", fields={"a_number": FieldMap(source="caler")})
    with pytest.raises(ConfigError, match=r"'caler'.*call_id, a_number"):
        reads.decode(chunk([HEADER, row()]))
