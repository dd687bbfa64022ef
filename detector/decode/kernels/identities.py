"""Keys of a call's identities, from where their texts stand."""

import numpy as np
from numpy.typing import NDArray

from detector.cdr.kernels.words import Bytes, Memory, memory
from detector.features.kernels.jit import njit
from detector.numbering.kernels.number import number_key, text_key
from detector.numbering.kernels.siphash import siphash, siphash_words

A_NUMBER, B_NUMBER, LINE_ID, PRESENTED, CALL_ID, TRUNK_IN, TRUNK_OUT, TENANT = range(8)
"""Places in `spans`."""

START, LENGTH = range(2)

SETUP_SPREAD = np.uint64(0x9E3779B97F4A7C15)
"""Odd and without a pattern (2**64 / golden ratio), so that setup and line cannot cancel out in one key."""


@njit
def identify(
    data: Bytes,
    spans: NDArray[np.int64],
    rows: NDArray[np.int64],
    is_china: bool,
    k0: np.uint64,
    k1: np.uint64,
    digits: Bytes,
    calls: NDArray[np.void],
) -> None:
    """Fill the key, hash and class columns of some rows.

    data    uint8[n_bytes]       the texts
    spans   int64[n_rows, 8, 2]  per identity where its text begins and its length; 0 = unknown
    rows    int64[n_rows]        rows of `calls` to fill; their times are known
    k0, k1                       secret of the hashes
    digits  uint8[SCRATCH]       scratch
    calls   CDR[n_calls]         in place
    """
    texts = memory(data)
    for j in range(rows.shape[0]):
        row = rows[j]
        span = spans[j]
        for identity in range(PRESENTED + 1):  # one call in a loop: four calls would be compiled four times
            if span[identity, LENGTH] == 0:
                continue
            key, number_class = number_key(
                texts, span[identity, START], span[identity, LENGTH], is_china, k0, k1, digits
            )
            if identity == B_NUMBER:
                calls["callee_key"][row], calls["callee_class"][row] = key, number_class
            if identity in (A_NUMBER, LINE_ID):
                calls["line_key"][row], calls["line_class"][row] = key, number_class
            if identity in (A_NUMBER, PRESENTED):
                calls["number_key"][row], calls["number_class"][row] = key, number_class
        calls["authenticated"][row] = span[LINE_ID, LENGTH] > 0
        calls["trunk_in_key"][row] = text_key(texts, span[TRUNK_IN, START], span[TRUNK_IN, LENGTH], k0, k1)
        calls["trunk_out_key"][row] = text_key(texts, span[TRUNK_OUT, START], span[TRUNK_OUT, LENGTH], k0, k1)
        calls["tenant_key"][row] = text_key(texts, span[TENANT, START], span[TENANT, LENGTH], k0, k1)
        calls["call_hash"][row] = _call_hash(
            texts,
            span[CALL_ID, START],
            span[CALL_ID, LENGTH],
            calls["line_key"][row],
            calls["callee_key"][row],
            np.uint64(calls["setup_ms"][row]),
            np.uint64(calls["release_ms"][row]),
        )


@njit
def _call_hash(
    texts: Memory,
    start: int,
    length: int,
    line_key: np.uint64,
    callee_key: np.uint64,
    setup_ms: np.uint64,
    release_ms: np.uint64,
) -> np.uint64:
    """The call's name: of line, callee, setup, and call_id or else release.

    A SIP caller writes the call_id himself, so it alone names no call. The rest is its key, not more text: one
    hash as before, where a second one took 67 ns.
    """
    if length > 0:
        return siphash(texts, start, length, line_key ^ setup_ms * SETUP_SPREAD, callee_key)
    return siphash_words(line_key, callee_key, setup_ms, release_ms, np.uint64(0), np.uint64(0))
