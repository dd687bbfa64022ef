"""Talk time, yes or no and a word in place of release and answer; times in seconds and in zones; words of causes."""

from typing import Any

import msgspec
import pytest

from detector.cdr.batch import CallRecord
from detector.config import FieldMap
from detector.decode import causes
from detector.decode.field import Unreadable
from detector.decode.mapping import Mapping
from detector.decode.rejects import RejectReason

T = 1_700_000_000_000  # 2023-11-14T22:13:20Z
BASE = {"a_number": "1", "b_number": "2", "setup_ms": T}


def read(record: dict[str, Any], **fields: FieldMap) -> CallRecord:
    return Mapping(fields, text=False).read(BASE | record)


DERIVED = {
    "duration": FieldMap(source="talk", unit="s"),
    "answered": FieldMap(source="answered"),
    "disposition": FieldMap(source="word"),
}


@pytest.mark.parametrize(
    ("record", "answer_ms", "release_ms", "cause"),
    [
        # in place of both
        ({"talk": 30, "answered": 1}, T, T + 30_000, None),
        ({"talk": "30.5", "answered": "yes"}, T, T + 30_500, None),
        ({"talk": 0, "answered": True}, T, T, None),
        ({"talk": 0, "answered": 0}, None, T, None),
        ({"talk": 12, "answered": "no"}, None, T + 12_000, None),
        ({"talk": 30}, T, T + 30_000, None),
        ({"talk": 0}, None, T, None),
        ({"talk": 30, "word": "ANSWERED"}, T, T + 30_000, 16),
        ({"talk": 0, "word": "NO ANSWER"}, None, T, 19),
        ({"talk": 0, "word": "busy"}, None, T, 17),
        ({"talk": 0, "word": "FAILED"}, None, T, None),
        ({"talk": 0, "word": "MISSED", "release_cause": 20}, None, T, 20),
        # ringing known: talk began after it
        ({"talk": 30, "answered": 1, "ring_ms": T + 2_000}, T + 2_000, T + 32_000, None),
        ({"talk": 0, "answered": 0, "ring_ms": T + 2_000}, None, T + 2_000, None),
        # the answer known
        ({"talk": 30, "answer_ms": T + 8_000}, T + 8_000, T + 38_000, None),
        ({"talk": 30, "answer_ms": T + 8_000, "answered": 0}, None, T + 30_000, None),
        # the release known
        ({"talk": 30, "answered": 1, "release_ms": T + 50_000}, T + 20_000, T + 50_000, None),
        ({"talk": 0, "answered": 0, "release_ms": T + 50_000}, None, T + 50_000, None),
        ({"answered": 1, "release_ms": T + 50_000}, T, T + 50_000, None),
    ],
)
def test_answer_and_release_are_derived(
    record: dict[str, Any], answer_ms: int | None, release_ms: int, cause: int | None
) -> None:
    call = read(record, **DERIVED)
    assert (call.answer_ms, call.release_ms, call.release_cause) == (answer_ms, release_ms, cause)


@pytest.mark.parametrize(
    ("record", "reason", "path"),
    [
        ({"answered": 1}, RejectReason.MISSING_FIELD, "$.release_ms"),
        ({"talk": -5, "answered": 1}, RejectReason.BAD_ORDER, "$.release_ms"),
        ({"talk": 0, "answered": "perhaps"}, RejectReason.BAD_VALUE, "$.answered"),
        ({"talk": 0, "word": "VOICEMAIL?"}, RejectReason.BAD_VALUE, "$.word"),
        ({"talk": 60, "answered": 1, "release_ms": T + 50_000}, RejectReason.BAD_ORDER, "$.answer_ms"),
    ],
)
def test_what_cannot_be_derived_is_unreadable(record: dict[str, Any], reason: RejectReason, path: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(record, **DERIVED)
    assert (caught.value.reason, caught.value.path) == (reason, path)


def test_derived_fields_mean_nothing_unless_they_are_mapped() -> None:
    record = {"release_ms": T + 5, "duration": "x", "answered": "x", "disposition": "x"}
    assert read(record).answer_ms is None


@pytest.mark.parametrize(
    ("written", "unit", "zone", "at_ms"),
    [
        (1_700_000_000_000, "ms", "UTC", T),
        ("1700000000000", "ms", "UTC", T),
        (1_700_000_000, "s", "UTC", T),
        (1_700_000_000.123, "s", "UTC", T + 123),
        ("1700000000.123", "s", "UTC", T + 123),
        ("2023-11-14T22:13:20Z", "iso8601", "Asia/Shanghai", T),
        ("2023-11-15T06:13:20+08:00", "iso8601", "UTC", T),
        ("2023-11-15 06:13:20.5", "iso8601", "Asia/Shanghai", T + 500),
        ("20231114T221320", "iso8601", "UTC", T),
    ],
)
def test_times_are_read_as_configured(written: Any, unit: Any, zone: str, at_ms: int) -> None:
    found = FieldMap(source="at", unit=unit, zone=zone)
    assert read({"at": written, "release_ms": T + 1_000}, setup_ms=found).setup_ms == at_ms


@pytest.mark.parametrize(
    "written", ["2023-11-14", "yesterday", "2023-13-40T00:00:00", "0001-01-01T00:00:00+14:00", "1", ""]
)
def test_a_time_that_is_none_is_unreadable(written: str) -> None:
    with pytest.raises(Unreadable):
        read({"at": written, "release_ms": T}, setup_ms=FieldMap(source="at", unit="iso8601"))


def test_words_of_the_user_are_replaced_before_anything_else() -> None:
    zero_is_never = FieldMap(source="answer", unit="s", values={"0": ""})
    assert read({"answer": 0, "release_ms": T}, answer_ms=zero_is_never).answer_ms is None
    truth = FieldMap(source="ok", values={"true": "1", "false": "0"})
    assert read({"ok": True, "release_ms": T}, answered=truth).answer_ms == T


def test_a_name_with_a_dot_is_found_as_it_stands() -> None:
    assert read({"from.number": "7", "release_ms": T}, a_number=FieldMap(source="from.number")).a_number == "7"


def test_resellers_are_a_list_or_parts_of_a_text() -> None:
    assert read({"resellers": ["A", " ", "B"], "release_ms": T}).resellers == ("A", "B")
    assert read({"chain": "A|B", "release_ms": T}, resellers=FieldMap(source="chain")).resellers == ("A", "B")


@pytest.mark.parametrize(
    ("value", "q850"),
    [
        *((cause, cause) for cause in (0, 1, 16, 127)),
        *((200, 16), (404, 1), (408, 102), (480, 18), (484, 28), (486, 17), (487, 16), (503, 41), (603, 21), (604, 1)),
        *(("486", 17), ("16", 16), ("USER_BUSY", 17), ("no answer", 19), ("NORMAL_CLEARING", 16)),
        *((128, None), (-1, None), (999, None), (10**30, None), ("?", None), ("１６", None), ("0016", None)),
    ],
)
def test_causes_in_every_writing(value: int | str, q850: int | None) -> None:
    assert causes.cause(value) == q850


def test_every_known_word_and_status_is_a_q850_cause() -> None:
    known = [*causes.SIP_STATUS.values(), *causes.WORDS.values()]
    assert all(0 < cause < 128 for cause in known)


def test_a_detail_never_repeats_a_long_value() -> None:
    with pytest.raises(Unreadable) as caught:
        read({"tenant": ["x" * 10_000], "release_ms": T})
    assert len(caught.value.detail) < 100
    assert msgspec.json.encode(caught.value.detail)
