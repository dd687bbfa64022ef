"""The tokens of JSON, read in place, eight bytes at a time where it pays.

Every reader takes the memory, where the token begins and where the record ends, and answers where the token ends,
or -1 for anything that is wrong or merely unusual (escapes, exponents, long numbers): the general reader decides.
"""

import numpy as np

from detector.cdr.kernels.words import HIGH_BITS, Memory, byte, count_digits, digits_value, trailing_zeros, word_at
from detector.features.kernels.jit import inlined, njit

ONES = np.uint64(0x0101010101010101)
QUOTES = np.uint64(0x2222222222222222)
BACKSLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
BLANKS = np.uint64(0x2020202020202020)
ZERO = np.uint64(48)

QUOTE, COMMA, MINUS, POINT, COLON = 34, 44, 45, 46, 58
OPEN_LIST, BACKSLASH, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = 91, 92, 93, 123, 125
NULL_BEGINS = 110
NULL = np.uint64(0x6C6C756E)
TRUE = np.uint64(0x65757274)
FALSE = np.uint64(0x65736C6166)

MOST_DIGITS = 18
POWER = 10 ** np.arange(8, dtype=np.int64)


@inlined
def after_blanks(data: Memory, at: int, end: int) -> int:
    """Where the first byte stands that is no white space; `end` = nowhere."""
    while (
        at < end
        and byte(data, at) <= 32
        and (byte(data, at) == 32 or byte(data, at) == 10 or byte(data, at) == 13 or byte(data, at) == 9)
    ):
        at += 1
    return at


@njit
def _character_end(data: Memory, at: int, end: int) -> int:
    """End of the UTF-8 sequence of two to four bytes at `at`; -1 = it is none (Unicode 15, table 3-7)."""
    first = byte(data, at)
    width = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if first < 0xC2 or first > 0xF4 or at + width > end:
        return -1
    for i in range(at + 1, at + width):
        if byte(data, i) & 0xC0 != 0x80:
            return -1
    second = byte(data, at + 1)
    if (first == 0xE0 and second < 0xA0) or (first == 0xED and second > 0x9F):
        return -1
    if (first == 0xF0 and second < 0x90) or (first == 0xF4 and second > 0x8F):
        return -1
    return at + width


@inlined
def _special(word: np.uint64) -> np.uint64:
    """The high bits of bytes that end or interrupt a string: quote, backslash, control, not ASCII.

    Only the lowest is sure: a borrow runs upward.
    """
    quotes, backslashes = word ^ QUOTES, word ^ BACKSLASHES
    found = ((quotes - ONES) & ~quotes) | ((backslashes - ONES) & ~backslashes) | ((word - BLANKS) & ~word) | word
    return found & HIGH_BITS


@njit
def _wide_string_end(data: Memory, at: int, end: int) -> int:
    """The same from a byte on that is not plain ASCII."""
    while at < end:
        if byte(data, at) == QUOTE:
            return at
        if byte(data, at) < 32 or byte(data, at) == BACKSLASH:
            return -1
        at = at + 1 if byte(data, at) < 0x80 else _character_end(data, at, end)
        if at < 0:
            return -1
    return -1


@inlined
def string_end(data: Memory, at: int, end: int) -> int:
    """Where the quote stands that closes the string whose first character is at `at`; -1 for escapes."""
    found = _special(word_at(data, at, end))
    while found == np.uint64(0):
        at += 8
        if at >= end:
            return -1
        found = _special(word_at(data, at, end))
    at += trailing_zeros(found) >> 3
    if at < end and byte(data, at) == QUOTE:
        return at
    return _wide_string_end(data, at, end)


@inlined
def whole_number(data: Memory, at: int, end: int) -> tuple[np.int64, int]:
    """(value, where it ends) of a whole number from 0 on with at most 15 digits."""
    word = word_at(data, at, end)
    n = count_digits(word)
    if n == 0 or (word & np.uint64(0xFF) == ZERO and n > 1):
        return np.int64(0), -1
    value = digits_value(word, n)
    if n == 8:
        word = word_at(data, at + 8, end)
        more = count_digits(word)
        if more == 8:
            return np.int64(0), -1
        if more > 0:
            value = value * POWER[more] + digits_value(word, more)
            n += more
    return value, at + n if at + n <= end else -1


@njit
def _digits_end(data: Memory, at: int, end: int) -> int:
    while at < end and 48 <= byte(data, at) <= 57:
        at += 1
    return at


@njit
def _number_end(data: Memory, at: int, end: int) -> int:
    """End of a number without exponent and of at most 18 characters."""
    first = at
    if byte(data, at) == MINUS:
        at += 1
    whole = at
    at = _digits_end(data, at, end)
    if at == whole or (byte(data, whole) == 48 and at > whole + 1):
        return -1
    if at < end and byte(data, at) == POINT:
        fraction = at + 1
        at = _digits_end(data, fraction, end)
        if at == fraction:
            return -1
    return at if at - first <= MOST_DIGITS else -1


@njit
def is_null(data: Memory, at: int, end: int) -> bool:
    """Whether `null` stands at `at`."""
    return at + 4 <= end and word_at(data, at, end) & np.uint64(0xFFFFFFFF) == NULL


@njit
def texts_end(data: Memory, at: int, end: int) -> int:
    """End of a list of strings that opens at `at`."""
    at = after_blanks(data, at + 1, end)
    if at < end and byte(data, at) == CLOSE_LIST:
        return at + 1
    while at < end and byte(data, at) == QUOTE:
        at = string_end(data, at + 1, end)
        if at < 0:
            return -1
        at = after_blanks(data, at + 1, end)
        if at < end and byte(data, at) == CLOSE_LIST:
            return at + 1
        if at >= end or byte(data, at) != COMMA:
            return -1
        at = after_blanks(data, at + 1, end)
    return -1


@njit
def value_end(data: Memory, at: int, end: int) -> int:
    """End of a value that nobody wants: text, number, true, false or null."""
    if at >= end:
        return -1
    if byte(data, at) == QUOTE:
        closing = string_end(data, at + 1, end)
        return closing + 1 if closing >= 0 else -1
    if byte(data, at) == MINUS or 48 <= byte(data, at) <= 57:
        return _number_end(data, at, end)
    word = word_at(data, at, end)
    if at + 4 <= end and (word & np.uint64(0xFFFFFFFF) == NULL or word & np.uint64(0xFFFFFFFF) == TRUE):
        return at + 4
    if at + 5 <= end and word & np.uint64(0xFFFFFFFFFF) == FALSE:
        return at + 5
    return -1
