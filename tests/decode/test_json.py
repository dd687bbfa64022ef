"""JSON values: one call, many lines, an array; what is wrong becomes a reject with its place."""

from typing import Any

import msgspec
import pytest

from detector.config import FieldMap
from detector.decode.rejects import Reject, RejectReason
from detector.source.memory import chunk
from tests.decode import reference
from tests.decode.records import CALL, PLAN, SETUP_MS, call, decoder, without

R = RejectReason


def only_reject(value: bytes | None, **decode: Any) -> Reject:
    batch, rejects = decoder(**decode).decode(chunk([value], first_offset=991))
    assert len(batch) == 0
    (reject,) = rejects
    assert (reject.stream, reject.offset, reject.item) == (0, 991, -1)
    return reject


def test_a_call_fills_its_columns_as_the_twin_says() -> None:
    records = [
        call(),
        without("call_id", "ring_ms", "answer_ms", "release_cause", "release_party", "line_id", "presented", "tenant"),
        call(trunk_out="TG\\u002d2", a_number="alice@a", b_number="95588"),  # not by the scanner
    ]
    batch, rejects = decoder().decode(chunk(records, first_offset=5))
    assert rejects == []
    for i, raw in enumerate(records):
        assert batch.raw(i) == raw
        expected = reference.row(batch.record(i), PLAN) | {"offset": 5 + i, "item": -1, "stream": 0}
        assert {name: int(batch.calls[i][name]) for name in expected} == expected


def test_a_call_is_told_again_as_text() -> None:
    batch, _ = decoder().decode(chunk([call(resellers=["甲", "乙"], tenant=" T ", trunk_in="")]))
    record = batch.record(0)
    assert msgspec.structs.asdict(record) == CALL | {"tenant": "T", "trunk_in": None, "resellers": ("甲", "乙")}


@pytest.mark.parametrize("blank", ["", " "])
def test_blank_is_unknown(blank: str) -> None:
    batch, rejects = decoder().decode(
        chunk([call(line_id=blank, presented=blank, tenant=blank, trunk_in=blank, call_id=blank, release_party=blank)])
    )
    assert rejects == []
    row = batch.calls[0]
    assert (row["tenant_key"], row["trunk_in_key"], row["release_party"], row["authenticated"]) == (0, 0, 0, False)
    assert row["line_key"] == row["number_key"] == PLAN.key(CALL["a_number"])
    assert batch.record(0).line_id is None


@pytest.mark.parametrize(
    ("value", "reason", "path"),
    [
        (None, R.EMPTY, "$"),
        (b"", R.EMPTY, "$"),
        (b" \r\n", R.EMPTY, "$"),
        (b"{", R.NOT_JSON, "$"),
        (call()[:-1], R.NOT_JSON, "$"),
        (call() + b"x", R.NOT_JSON, "$"),
        (call().replace(b"callee", b"\xff"), R.NOT_JSON, "$"),
        (b"[" * 60_000, R.NOT_JSON, "$"),
        (b"[]", R.NOT_OBJECT, "$"),
        (b"17", R.NOT_OBJECT, "$"),
        (b"x" * 65_537, R.TOO_LARGE, "$"),
        (without("a_number"), R.MISSING_FIELD, "$.a_number"),
        (call(b_number=""), R.MISSING_FIELD, "$.b_number"),
        (call(setup_ms=None), R.MISSING_FIELD, "$.setup_ms"),
        (without("release_ms"), R.MISSING_FIELD, "$.release_ms"),
        (call(a_number=13912345678), R.WRONG_TYPE, "$.a_number"),
        (call(setup_ms=str(SETUP_MS)), R.WRONG_TYPE, "$.setup_ms"),
        (call(setup_ms=True), R.WRONG_TYPE, "$.setup_ms"),
        (call(setup_ms=SETUP_MS + 0.5), R.WRONG_TYPE, "$.setup_ms"),
        (call(tenant={"name": "T"}), R.WRONG_TYPE, "$.tenant"),
        (call(resellers="R"), R.WRONG_TYPE, "$.resellers"),
        (call(resellers=[1]), R.WRONG_TYPE, "$.resellers"),
        (call(release_cause="NO_ANSWER"), R.WRONG_TYPE, "$.release_cause"),
        (call(release_cause=128), R.BAD_VALUE, "$.release_cause"),
        (call(release_cause=-1), R.BAD_VALUE, "$.release_cause"),
        (call(release_party="me"), R.BAD_VALUE, "$.release_party"),
        (call(setup_ms=1_700_000_000), R.BAD_VALUE, "$.setup_ms"),  # seconds
        (call(setup_ms=946_684_799_999), R.BAD_VALUE, "$.setup_ms"),
        (call(release_ms=4_102_444_800_000), R.BAD_VALUE, "$.release_ms"),
        (call(release_ms=10**400), R.BAD_VALUE, "$.release_ms"),
        (call(release_ms=SETUP_MS + 48 * 3_600_000 + 1), R.BAD_VALUE, "$.release_ms"),
        (call(release_ms=SETUP_MS - 1), R.BAD_ORDER, "$.release_ms"),
        (call(answer_ms=SETUP_MS - 1, ring_ms=None), R.BAD_ORDER, "$.answer_ms"),
        (call(answer_ms=SETUP_MS + 40_001), R.BAD_ORDER, "$.answer_ms"),
        (call(ring_ms=SETUP_MS - 1), R.BAD_ORDER, "$.ring_ms"),
        (call(ring_ms=SETUP_MS + 8_001), R.BAD_ORDER, "$.ring_ms"),
        (call(ring_ms=SETUP_MS + 40_001, answer_ms=None), R.BAD_ORDER, "$.ring_ms"),
    ],
)
def test_what_cannot_be_read_is_rejected_whole_with_reason_and_path(
    value: bytes | None, reason: RejectReason, path: str
) -> None:
    reject = only_reject(value)
    assert (reject.reason, reject.path) == (reason, path)
    assert reject.raw == (value or b"")[:65_536]
    assert 0 < len(reject.detail) < 160


def test_sip_status_is_read_as_cause() -> None:
    batch, _ = decoder().decode(chunk([call(release_cause=486), call(release_cause=200)]))
    assert batch.calls["release_cause"].tolist() == [17, 16]


def several(value: bytes) -> tuple[list[tuple[int, int]], list[tuple[int, int, str]]]:
    """(offset, item) of the calls, and (offset, item, reason) of the rejects, the value between two others."""
    batch, rejects = decoder().decode(chunk([call(), value, call()], first_offset=4))
    calls = list(zip(batch.calls["offset"].tolist(), batch.calls["item"].tolist(), strict=True))
    assert (calls[0], calls[-1]) == ((4, -1), (6, -1))
    for i in range(len(batch)):
        assert batch.record(i).b_number == CALL["b_number"]
    return calls[1:-1], [(r.offset, r.item, r.reason) for r in rejects]


def test_one_bad_line_does_not_fail_its_value() -> None:
    value = b"\n".join([call(), b"bad", call(), b"", call(a_number=""), call()]) + b"\n"
    assert several(value) == (
        [(5, 0), (5, 2), (5, 5)],
        [(5, 1, R.NOT_JSON), (5, 3, R.EMPTY), (5, 4, R.MISSING_FIELD)],
    )


def test_lines_that_begin_badly_are_lines_all_the_same() -> None:
    assert several(b"bad\n" + call() + b"\n" + call()) == ([(5, 1), (5, 2)], [(5, 0, R.NOT_JSON)])


def test_one_line_with_its_end_is_one_call() -> None:
    assert several(call() + b"\r\n") == ([(5, -1)], [])


def test_an_object_written_over_several_lines_is_one_call() -> None:
    assert several(msgspec.json.format(call(), indent=2)) == ([(5, -1)], [])
    assert several(msgspec.json.format(call(tenant="a\\b"), indent=2)) == ([(5, -1)], [])


def test_an_array_of_calls_is_many() -> None:
    assert several(b" [" + call() + b", 7,\n" + call() + b"]") == ([(5, 0), (5, 2)], [(5, 1, R.NOT_OBJECT)])
    assert several(b"[" + call() + b"]") == ([(5, 0)], [])
    assert several(b"[" + call() + b",]") == ([], [(5, -1, R.NOT_JSON)])


def test_a_value_of_absurdly_many_lines_is_one_reject() -> None:
    assert several(b"\n" * 20_000 + b"x" + b"\n" * 20_000 + b"x") == ([], [(5, -1, R.NOT_JSON)])


def test_the_same_stream_in_any_chunks_gives_the_same() -> None:
    stream = [call(call_id=f"c{i}") if i % 7 else b"bad" for i in range(60)]
    whole, rejects = decoder().decode(chunk(stream))
    for size in (1, 7, 59):
        cut = decoder()
        parts = [cut.decode(chunk(stream[i : i + size], first_offset=1 + i)) for i in range(0, 60, size)]
        assert [h for part, _ in parts for h in part.calls["call_hash"].tolist()] == whole.calls["call_hash"].tolist()
        assert [reject for _, part_rejects in parts for reject in part_rejects] == rejects


def test_fields_are_found_where_the_configuration_says() -> None:
    fields = {
        "a_number": FieldMap(source="from.number"),
        "b_number": FieldMap(source="to"),
        "setup_ms": FieldMap(source="times.start", unit="s"),
        "release_ms": FieldMap(source="times.end", unit="iso8601", zone="Asia/Shanghai"),
        "release_party": FieldMap(source="hangup", values={"A": "caller", "B": "callee", "-": ""}),
        "release_cause": FieldMap(source="cause"),
        "tenant": FieldMap(source="customer"),
    }
    record = {
        "from": {"number": "13912345678"},
        "to": 95588,
        "times": {"start": "1700000000.25", "end": "2023-11-15 06:13:30"},
        "hangup": "B",
        "cause": "USER_BUSY",
        "customer": 17,
        "ring_ms": None,
    }
    batch, rejects = decoder(fields=fields).decode(chunk([msgspec.json.encode(record)]))
    assert rejects == []
    call = batch.record(0)
    assert (call.a_number, call.b_number, call.setup_ms, call.release_ms) == (
        "13912345678",
        "95588",
        1_700_000_000_250,
        1_700_000_010_000,
    )
    assert (call.release_party, call.release_cause, call.tenant) == ("callee", 17, "17")
    reject = only_reject(msgspec.json.encode(record | {"from": {"number": None}}), fields=fields)
    assert (reject.reason, reject.path) == (R.MISSING_FIELD, "$.from.number")
    reject = only_reject(msgspec.json.encode(record | {"hangup": "C"}), fields=fields)
    assert (reject.reason, reject.path) == (R.BAD_VALUE, "$.hangup")
