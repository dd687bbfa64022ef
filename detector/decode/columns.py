"""Calls in normal form, as text, into the columns of a batch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import (
    CAUSE_UNKNOWN,
    NEVER_MS,
    PARTY_CALLEE,
    PARTY_CALLER,
    PARTY_NETWORK,
    PARTY_UNKNOWN,
    CallRecord,
)
from detector.decode.kernels.identities import identify
from detector.numbering.kernels.number import SCRATCH
from detector.numbering.plan import NumberPlan

_PARTIES = {None: PARTY_UNKNOWN, "caller": PARTY_CALLER, "callee": PARTY_CALLEE, "network": PARTY_NETWORK}


def fill(calls: NDArray[np.void], rows: Sequence[int], records: Sequence[CallRecord], plan: NumberPlan) -> None:
    """Write each record into its row of `calls`: times, cause, party, keys, classes and hash."""
    if not records:
        return
    at = np.array(rows, np.int64)
    for name in ("setup_ms", "release_ms"):
        calls[name][at] = [getattr(call, name) for call in records]
    for name in ("ring_ms", "answer_ms"):
        calls[name][at] = [_or(getattr(call, name), NEVER_MS) for call in records]
    calls["release_cause"][at] = [_or(call.release_cause, CAUSE_UNKNOWN) for call in records]
    calls["release_party"][at] = [_PARTIES[call.release_party] for call in records]
    texts = [text.encode() for call in records for text in _identities(call)]
    spans = np.empty((len(records), 8, 2), np.int64)
    lengths = np.array([len(text) for text in texts], np.int64)
    spans[:, :, 1] = lengths.reshape(-1, 8)
    spans[:, :, 0] = (np.cumsum(lengths) - lengths).reshape(-1, 8)
    data = np.frombuffer(b"".join(texts), np.uint8)
    identify(data, spans, at, plan.is_china, plan.k0, plan.k1, np.empty(SCRATCH, np.uint8), calls)


def _identities(call: CallRecord) -> tuple[str, ...]:
    """The texts in the order of kernels/identities.py; empty = unknown."""
    return (
        call.a_number,
        call.b_number,
        call.line_id or "",
        call.presented or "",
        call.call_id or "",
        call.trunk_in or "",
        call.trunk_out or "",
        call.tenant or "",
    )


def _or(value: int | None, unknown: int) -> int:
    return unknown if value is None else value
