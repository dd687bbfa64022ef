"""A dead letter holds the record whole, its reason and its place, in the same bytes every time."""

import base64

import msgspec
import pytest

from detector.decode.deadletter import DeadLetter
from detector.decode.rejects import Reject, RejectReason
from detector.source.memory import chunk
from tests.decode.records import call, decoder


def letter(reject: Reject, place: str) -> DeadLetter:
    encoded = decoder().dead_letter(reject, place)
    assert encoded == decoder().dead_letter(reject, place)
    return msgspec.json.decode(encoded, type=DeadLetter)


@pytest.mark.parametrize(
    ("raw", "as_text", "is_base64"),
    [
        (b'{"a": "\xe7\x94\xb2\x00"}', '{"a": "甲\x00"}', False),
        (b"\xff\x00", base64.b64encode(b"\xff\x00").decode(), True),
        (b"", "", False),
    ],
)
def test_the_record_is_kept_byte_for_byte(raw: bytes, as_text: str, is_base64: bool) -> None:
    reject = Reject(0, 991, -1, RejectReason.WRONG_TYPE, "$.setup_ms", "expected a number, got 'x'", raw)
    read = letter(reject, "cdr[3]@991")
    assert read.place == "cdr[3]@991 $.setup_ms"
    assert (read.schema, read.reason, read.detail) == (1, "wrong_type", "expected a number, got 'x'")
    assert (read.raw, read.raw_base64) == (as_text, is_base64)


def test_a_call_of_many_is_named_by_its_item() -> None:
    _, (reject,) = decoder().decode(chunk([call() + b"\nbad\n" + call()], first_offset=991))
    assert letter(reject, "cdr[3]@991").place == "cdr[3]@991#1 $"


def test_a_record_too_large_is_kept_up_to_the_limit() -> None:
    _, (reject,) = decoder(max_record_bytes=1_000).decode(chunk([b"x" * 5_000]))
    read = letter(reject, "p")
    assert (read.reason, read.raw) == ("too_large", "x" * 1_000)
