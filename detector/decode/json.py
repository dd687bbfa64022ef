"""JSON records: one object a call."""

from typing import Any

import msgspec

from detector.cdr.batch import CallRecord
from detector.decode.field import Unreadable
from detector.decode.mapping import Mapping
from detector.decode.rejects import RejectReason

_any = msgspec.json.Decoder()


def read(raw: bytes, mapping: Mapping) -> CallRecord:
    """One call out of one JSON object; raises Unreadable."""
    return mapping.read(_object(raw))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = _any.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(RejectReason.NOT_JSON, "$", str(error)) from None
    if not isinstance(value, dict):
        raise Unreadable(RejectReason.NOT_OBJECT, "$", f"expected an object, got {type(value).__name__}")
    return value
