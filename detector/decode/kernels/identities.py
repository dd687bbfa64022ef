"""Keys of a call's identities, from where their texts stand."""

import numpy as np
from numpy.typing import NDArray

from detector.cdr.kernels.words import Bytes, memory
from detector.features.kernels.jit import njit
from detector.numbering.kernels.number import number_key, text_key
from detector.numbering.kernels.siphash import siphash, siphash_words

A_NUMBER, B_NUMBER, LINE_ID, PRESENTED, CALL_ID, TRUNK_IN, TRUNK_OUT, TENANT = range(8)
"""Places in `spans`."""

START, LENGTH = range(2)

CALL_KEY = np.uint64(0)
"""Call hashes are the same in every deployment, so alerts keep their ids."""


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
        if span[CALL_ID, LENGTH] > 0:
            name = siphash(texts, span[CALL_ID, START], span[CALL_ID, LENGTH], CALL_KEY, CALL_KEY)
        else:
            name = siphash_words(
                calls["line_key"][row],
                calls["callee_key"][row],
                np.uint64(calls["setup_ms"][row]),
                np.uint64(calls["release_ms"][row]),
                CALL_KEY,
                CALL_KEY,
            )
        calls["call_hash"][row] = name
