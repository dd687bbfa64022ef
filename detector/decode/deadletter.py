"""What becomes of a record that could not be read: one JSON value on the dead-letter topic."""

import base64

import msgspec

from detector.decode.rejects import Reject

SCHEMA = 1


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A reject as others read it.

    place       where it stood: `cdr[3]@991#17 $.setup_ms` (#17: which call of a value of many)
    raw         the record, as text where it is UTF-8, else in base64
    raw_base64  which of the two
    """

    schema: int = SCHEMA
    reason: str
    place: str
    detail: str
    raw: str
    raw_base64: bool


def encode(reject: Reject, place: str) -> bytes:
    """The dead letter of a reject whose value stood at `place`; the same bytes every time."""
    item = "" if reject.item < 0 else f"#{reject.item}"
    return letter(reject.reason.value, f"{place}{item} {reject.path}", reject.detail, reject.raw)


def letter(reason: str, place: str, detail: str, raw: bytes) -> bytes:
    """A dead letter; the same bytes every time."""
    try:
        text, raw_base64 = raw.decode(), False
    except UnicodeDecodeError:
        text, raw_base64 = base64.b64encode(raw).decode(), True
    return msgspec.json.encode(DeadLetter(reason=reason, place=place, detail=detail, raw=text, raw_base64=raw_base64))
