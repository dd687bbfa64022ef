"""Records for the tests of decoding: a plain call, and how it is changed."""

from typing import Any

import msgspec
import numpy as np

from detector.config import Decode
from detector.decode.decoder import Decoder
from detector.numbering.plan import NumberPlan

PLAN = NumberPlan("china", b"sixteen bytes at least")
SETUP_MS = 1_700_000_000_000

CALL: dict[str, Any] = {
    "call_id": "c-1",
    "a_number": "13912345678",
    "b_number": "+8613812340000",
    "setup_ms": SETUP_MS,
    "ring_ms": SETUP_MS + 2_000,
    "answer_ms": SETUP_MS + 8_000,
    "release_ms": SETUP_MS + 40_000,
    "release_cause": 16,
    "release_party": "callee",
    "trunk_in": "TG-1",
    "trunk_out": None,
    "line_id": "sip-7",
    "presented": "95275012",
    "tenant": "南京某某科技",
    "resellers": ["甲", "乙"],
}


def call(**changes: Any) -> bytes:
    """The plain call as JSON, with some fields changed."""
    return msgspec.json.encode(CALL | changes)


def without(*names: str) -> bytes:
    """The plain call as JSON without some fields."""
    return msgspec.json.encode({name: value for name, value in CALL.items() if name not in names})


def decoder(*formats: Any, **decode: Any) -> Decoder:
    """A decoder of one JSON stream, or of streams of these formats."""
    return Decoder(Decode(**decode), PLAN, formats or ("json",))


def slow_decoder() -> Decoder:
    """A decoder of one JSON stream that leaves every record to the general reader."""
    slow = decoder()
    slow._readers[0].scans = False
    return slow


def same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> bool:
    """Whether two batches of calls are equal, column by column."""
    names = one.dtype.names or ()
    return len(one) == len(other) and all((one[name] == other[name]).all() for name in names)
