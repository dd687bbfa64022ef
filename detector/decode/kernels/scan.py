"""The fast way for JSON in normal form: flat records straight into the columns.

It reads only what is plainly right, and leaves every other record to the general reader, which decides what is
wrong with it. So it must never read a record otherwise than that one does: tests mutate records and compare.
"""

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import (
    NEVER_MS,
    PARTY_CALLER,
    PARTY_NETWORK,
    PARTY_UNKNOWN,
)
from detector.cdr.kernels.words import Bytes, Memory, byte, memory, word_at
from detector.decode.kernels.identities import A_NUMBER, B_NUMBER, LENGTH, START
from detector.decode.kernels.tokens import (
    CLOSE_OBJECT,
    COLON,
    COMMA,
    NULL_BEGINS,
    OPEN_LIST,
    OPEN_OBJECT,
    QUOTE,
    after_blanks,
    is_null,
    string_end,
    texts_end,
    value_end,
    whole_number,
)
from detector.features.kernels.jit import inlined, njit

EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000  # as in decode/field.py
LONGEST_CALL_MS = 48 * 3_600_000
HIGHEST_CAUSE = 127

_IDENTITIES = ("a_number", "b_number", "line_id", "presented", "call_id", "trunk_in", "trunk_out", "tenant")
_NUMBERS = ("setup_ms", "ring_ms", "answer_ms", "release_ms", "release_cause", "release_party")
_FIELDS = (*_IDENTITIES, *_NUMBERS, "resellers")

NUMBERS_FROM, CAUSE, PARTY, RESELLERS = 8, 12, 13, 14
"""Fields by place: identities as in kernels/identities.py, then times, cause, party, resellers."""

SETUP, RING, ANSWER, RELEASE = range(4)
UNKNOWN_FIELD = -1
FIELDS = len(_FIELDS)


def _words(texts: tuple[str, ...]) -> NDArray[np.uint64]:
    """Each text and its closing quote as two words, and the masks of the bytes that count: uint64[n, 4]."""
    rows = []
    for text in texts:
        name = text.encode() + b'"'
        padded = name.ljust(16, b"\0") + (b"\xff" * len(name)).ljust(16, b"\0")
        rows.append(np.frombuffer(padded, np.uint64))
    return np.array(rows)


FIELD_WORDS = _words(_FIELDS)
NAME_LENGTH = np.array([len(name) for name in _FIELDS], np.int64)
PARTY_WORDS = _words(("caller", "callee", "network"))


@inlined
def _is_word(data: Memory, at: int, end: int, words: NDArray[np.uint64], row: int) -> bool:
    """Whether the row's text and a closing quote stand at `at`."""
    wrong = (word_at(data, at, end) ^ words[row, 0]) & words[row, 2]
    if wrong == np.uint64(0) and words[row, 3] != np.uint64(0):
        wrong = (word_at(data, at + 8, end) ^ words[row, 1]) & words[row, 3]
    return bool(wrong == np.uint64(0))


@inlined
def _field_at(data: Memory, at: int, end: int, expected: np.int64) -> int:
    """Which field's name stands at `at`, trying the expected one first."""
    if expected != UNKNOWN_FIELD and _is_word(data, at, end, FIELD_WORDS, int(expected)):
        return int(expected)
    for field in range(FIELDS):
        if _is_word(data, at, end, FIELD_WORDS, field):
            return field
    return UNKNOWN_FIELD


@inlined
def _text(data: Memory, at: int, end: int, span: NDArray[np.int64]) -> int:
    """Where an identity's text ends; its place goes into `span`."""
    if at >= end or byte(data, at) != QUOTE:
        return at + 4 if is_null(data, at, end) else -1
    start = at + 1
    closing = string_end(data, start, end)
    if closing > start and (byte(data, start) == 32 or byte(data, closing - 1) == 32):
        return -1
    span[START] = start
    span[LENGTH] = closing - start
    return closing + 1 if closing >= 0 else -1


@inlined
def _number(data: Memory, at: int, end: int, field: int, numbers: NDArray[np.int64]) -> int:
    """Where a time, the cause or the party ends; its value goes into `numbers`."""
    if at < end and byte(data, at) == NULL_BEGINS:
        return at + 4 if is_null(data, at, end) else -1
    if field == PARTY:
        if at < end and byte(data, at) == QUOTE:
            for row in range(PARTY_WORDS.shape[0]):
                if _is_word(data, at + 1, end, PARTY_WORDS, row):
                    numbers[PARTY - NUMBERS_FROM] = PARTY_CALLER + row
                    return at + (9 if row == PARTY_NETWORK - PARTY_CALLER else 8)
        return -1
    value, at = whole_number(data, at, end)
    if field == CAUSE:
        if value > HIGHEST_CAUSE:
            return -1
    elif value < EARLIEST_MS or value >= LATEST_MS:
        return -1
    numbers[field - NUMBERS_FROM] = value
    return at


@njit
def _plausible(spans: NDArray[np.int64], numbers: NDArray[np.int64]) -> bool:
    """Whether the record has what it must have, in an order that can be."""
    setup_ms, ring_ms, answer_ms, release_ms = numbers[SETUP], numbers[RING], numbers[ANSWER], numbers[RELEASE]
    if spans[A_NUMBER, LENGTH] == 0 or spans[B_NUMBER, LENGTH] == 0 or setup_ms == NEVER_MS or release_ms < setup_ms:
        return False
    if release_ms - setup_ms > LONGEST_CALL_MS:
        return False
    if answer_ms != NEVER_MS and not setup_ms <= answer_ms <= release_ms:
        return False
    until_ms = release_ms if answer_ms == NEVER_MS else answer_ms
    return bool(ring_ms == NEVER_MS or setup_ms <= ring_ms <= until_ms)


@njit
def _record(
    data: Memory,
    at: int,
    end: int,
    follows: NDArray[np.int8],
    spans: NDArray[np.int64],
    numbers: NDArray[np.int64],
) -> bool:
    """Read one record into `spans` and `numbers`; False = leave it to the general reader.

    follows  int8[16]  per field the one that came next last time (the last place: the first one), in place
    """
    spans[:, LENGTH] = 0
    numbers[:] = NEVER_MS  # also CAUSE_UNKNOWN
    numbers[PARTY - NUMBERS_FROM] = PARTY_UNKNOWN
    seen = 0
    before = FIELDS
    at = after_blanks(data, at, end)
    if at >= end or byte(data, at) != OPEN_OBJECT:
        return False
    while True:
        at = after_blanks(data, at + 1, end)
        if at >= end or byte(data, at) != QUOTE:
            return False
        field = _field_at(data, at + 1, end, np.int64(follows[before]))
        closing = at + 1 + NAME_LENGTH[field] if field != UNKNOWN_FIELD else string_end(data, at + 1, end)
        if closing < 0:
            return False
        at = after_blanks(data, closing + 1, end)
        if at >= end or byte(data, at) != COLON:
            return False
        at = after_blanks(data, at + 1, end)
        if field == UNKNOWN_FIELD:
            at = value_end(data, at, end)
        else:
            if seen >> field & 1:
                return False
            seen |= 1 << field
            follows[before] = field
            before = field
            if field < NUMBERS_FROM:
                at = _text(data, at, end, spans[field])
            elif field < RESELLERS:
                at = _number(data, at, end, field, numbers)
            elif is_null(data, at, end):
                at += 4
            else:
                at = texts_end(data, at, end) if at < end and byte(data, at) == OPEN_LIST else -1
        if at < 0:
            return False
        at = after_blanks(data, at, end)
        if at >= end:
            return False
        if byte(data, at) == CLOSE_OBJECT:
            return after_blanks(data, at + 1, end) == end and _plausible(spans, numbers)
        if byte(data, at) != COMMA:
            return False


@njit
def scan(
    data: Bytes,
    starts: NDArray[np.int64],
    lengths: NDArray[np.int32],
    rows: NDArray[np.int64],
    most_bytes: int,
    calls: NDArray[np.void],
    spans: NDArray[np.int64],
    read: NDArray[np.bool_],
    follows: NDArray[np.int8],
    numbers: NDArray[np.int64],
) -> int:
    """Read the times, cause and party of some records, and find their identities; answers how many were read.

    data     uint8[n_bytes]
    starts   int64[n_records]    where each record begins
    lengths  int32[n_records]    its length; null and blank records are left
    rows     int64[n_rows]       which records to read, in place: those that were read stand first afterwards
    most_bytes                   longer records are left
    calls    CDR[n_records]      in place
    spans    int64[n_rows,8,2]   filled for the records that were read, as `identify` takes them
    read     bool[n_records]     set for those
    follows  int8[16]            scratch: the order of fields in the records before; begin with UNKNOWN_FIELD
    numbers  int64[6]            scratch
    """
    done = 0
    for j in range(rows.shape[0]):
        row = rows[j]
        length = lengths[row]
        if length <= 0 or length > most_bytes:
            continue
        if _record(memory(data), starts[row], starts[row] + length, follows, spans[done], numbers):
            calls["setup_ms"][row] = numbers[SETUP]
            calls["ring_ms"][row] = numbers[RING]
            calls["answer_ms"][row] = numbers[ANSWER]
            calls["release_ms"][row] = numbers[RELEASE]
            calls["release_cause"][row] = numbers[CAUSE - NUMBERS_FROM]
            calls["release_party"][row] = numbers[PARTY - NUMBERS_FROM]
            read[row] = True
            rows[done] = row
            done += 1
    return done
