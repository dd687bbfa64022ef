"""From the text of a number to its key and class."""

import numpy as np
from numpy.typing import NDArray

from detector.cdr.kernels.words import Bytes, Memory, byte, count_digits, digits_value, memory, word_at
from detector.features.kernels.jit import njit, signed
from detector.numbering.kernels.china import (
    CARRIER_10,
    EMERGENCY,
    IDENTITY,
    INTERNATIONAL,
    INVALID,
    LOCAL,
    MAX_KEY_DIGITS,
    POWER,
    PUBLIC_12,
    SERVICE_95,
    SERVICE_96,
    UNKNOWN,
    WITHHELD,
    ZERO,
    china,
    national,
    value,
)
from detector.numbering.kernels.siphash import siphash

MAX_DIGITS = 32
"""Longer runs of digits are no numbers."""

SCRATCH = MAX_DIGITS + 2
"""Bytes that `number_key` needs to work in; kernels do not allocate."""

HASHED = np.uint64(1 << 63)
"""Set in keys that are hashes; the other keys are 10**n + digits, so leading zeros count."""

BLANK = (9, 10, 13, 32)
AT, SEMICOLON = 64, 59

_EXTENSION_WORDS = (b"ext.", b"ext", b"x", b",", b"#", "转".encode(), "分机".encode())
_WITHHELD_WORDS = (b"anonymous", b"restricted", b"private", b"unavailable", b"unknown", b"withheld")


def _table(words: tuple[bytes, ...]) -> NDArray[np.uint8]:
    """Words as rows, zero-padded."""
    return np.array([list(word.ljust(12, b"\0")) for word in words], dtype=np.uint8)


EXTENSION = _table(_EXTENSION_WORDS)
WITHHELD_WORD = _table(_WITHHELD_WORDS)
SCHEME = _table((b"sips:", b"sip:", b"tel:"))


@njit
def _word_at(data: Memory, start: int, end: int, words: NDArray[np.uint8]) -> int:
    """Length of the first of `words` (lower case) that stands at `start` in any case; 0 = none does."""
    for row in range(words.shape[0]):
        n = 0
        while n < words.shape[1] and words[row, n] != 0 and start + n < end:
            letter = byte(data, start + n)
            if 65 <= letter <= 90:
                letter += 32
            if letter != words[row, n]:
                break
            n += 1
        if n == words.shape[1] or words[row, n] == 0:
            return n
    return 0


@njit
def _is_extension(data: Memory, start: int, end: int) -> bool:
    """Whether the rest is a marker and at most six digits: `x123`, `ext. 12`, `转8001`."""
    width = _word_at(data, start, end, EXTENSION)
    if width == 0:
        return False
    i = start + width
    while i < end and (
        byte(data, i) == 32 or byte(data, i) == 46 or byte(data, i) == 58 or byte(data, i) == 61
    ):  # blank . : =
        i += 1
    if end - i > 6:
        return False
    while i < end and 48 <= byte(data, i) <= 57:
        i += 1
    return i == end


@njit
def _find(data: Memory, start: int, end: int, wanted: int) -> int:
    """Where `wanted` first stands in the text; `end` = nowhere."""
    i = start
    while i < end and byte(data, i) != wanted:
        i += 1
    return i


@njit
def _is_address(data: Memory, start: int, end: int) -> bool:
    """Whether it is four groups of one to three digits with dots between, an IPv4 address."""
    groups, width = 1, 0
    for i in range(start, end):
        if 48 <= byte(data, i) <= 57:
            width += 1
        elif byte(data, i) == 46 and width > 0:
            groups += 1
            width = 0
        else:
            return False
        if width > 3:
            return False
    return groups == 4 and width > 0


@njit
def _collect(data: Memory, start: int, end: int, digits: Bytes) -> tuple[int, bool]:
    """Digits of a number as people and switches write it: (how many, were there more than bare digits).

    A leading + is written as 00. (0, True) = this is no number.
    """
    n = 0
    prefix = 0
    dressed = False
    for i in range(start, end):
        sign = byte(data, i)
        if 48 <= sign <= 57:
            if n == MAX_DIGITS:
                return 0, True
            digits[n] = sign
            n += 1
        elif sign == 43 and n == 0:
            digits[0] = digits[1] = ZERO
            n = prefix = 2
        elif sign == 32 or sign == 45 or sign == 46 or sign == 40 or sign == 41:  # blank - . ( )
            dressed = True
        elif n > prefix and _is_extension(data, i, end):
            dressed = True
            break
        else:
            return 0, True
    if n == prefix or (dressed and _is_address(data, start, end)):
        return 0, True
    return n, dressed


@njit
def _certain(n: int, number_class: int, plain: bool, hosted: bool) -> bool:
    """Whether this reading of a text that is more than bare digits may stand for the text.

    Slot names (2-11-1-3) and accounts (1001@pbx) of different places must not fall together, so only full
    numbers may.
    """
    if plain:
        return n >= 10
    if number_class in (SERVICE_95, SERVICE_96):
        return True
    if number_class in (INVALID, LOCAL):
        return False
    if number_class in (CARRIER_10, PUBLIC_12, EMERGENCY):
        return n >= 7 and not hosted
    return True


@njit
def _key(n: int, v: np.int64) -> np.uint64:
    return np.uint64(POWER[n] + v)


@njit
def text_key(data: Memory, start: int, length: int, k0: np.uint64, k1: np.uint64) -> np.uint64:
    """Key of a text that is no number (trunk, tenant, account): a keyed hash; 0 for the empty text."""
    if length <= 0:
        return np.uint64(0)
    return siphash(data, start, length, k0, k1) | HASHED


@njit
def _any_number(
    data: Memory, start: int, length: int, is_china: bool, k0: np.uint64, k1: np.uint64, digits: Bytes
) -> tuple[np.uint64, int]:
    """The same for every way of writing."""
    end = start + length
    while start < end and byte(data, start) in BLANK:
        start += 1
    while start < end and byte(data, end - 1) in BLANK:
        end -= 1
    if start == end:
        return np.uint64(0), UNKNOWN
    start += _word_at(data, start, end, SCHEME)
    user_end = _find(data, start, end, signed(AT))
    hosted = user_end < end
    number_end = _find(data, start, user_end, signed(SEMICOLON))
    n, dressed = _collect(data, start, number_end, digits)
    if n > 0:
        if is_china:
            m, w, number_class = china(digits, n)
        else:
            m, w = (n, value(digits, signed(0), n)) if n <= MAX_KEY_DIGITS else (0, np.int64(0))
            number_class = INTERNATIONAL if n > 2 and digits[0] == ZERO and digits[1] == ZERO else UNKNOWN
        if not (dressed or number_end < end) or _certain(n, number_class, not is_china, hosted):
            return (_key(m, w) if m > 0 else text_key(memory(digits), signed(0), n, k0, k1)), number_class
    number_class = IDENTITY
    if user_end > start and _word_at(data, start, end, WITHHELD_WORD) == user_end - start:
        number_class = WITHHELD
    return text_key(data, start, end - start, k0, k1), number_class


@njit
def _bare(data: Memory, start: int, length: int) -> tuple[int, np.int64]:
    """(digits, value) of a text of 8 to 15 digits that begins with no prefix of a plan; (0, 0) = it is none.

    The common case without the general way's copy: 25 in place of 85 ns a number (2026-11).
    """
    word, more = word_at(data, start, start + length), word_at(data, start + 8, start + length)
    if count_digits(word) < 8 or (length > 8 and count_digits(more) < length - 8):
        return 0, np.int64(0)
    v = digits_value(word, signed(8))
    if length > 8:
        v = v * POWER[length - 8] + digits_value(more, length - 8)
    if v < POWER[length - 2] or (length >= 12 and v >= POWER[length - 1]):  # 00, or 86 or a carrier's prefix
        return 0, np.int64(0)
    return length, v


@njit
def number_key(
    data: Memory, start: int, length: int, is_china: bool, k0: np.uint64, k1: np.uint64, digits: Bytes
) -> tuple[np.uint64, int]:
    """(key, class) of the number written in the `length` bytes from `start` on.

    digits  uint8[SCRATCH]  scratch
    (0, UNKNOWN) for blank text. Source of the rules: the plan's docstring in numbering/plan.py.
    """
    if 8 <= length <= 15:
        n, v = _bare(data, start, length)
        if n > 0:
            if is_china:
                n, v, number_class = national(n, v)
                return _key(n, v), number_class
            return _key(n, v), UNKNOWN
    return _any_number(data, start, length, is_china, k0, k1, digits)


@njit
def number_keys(
    data: Bytes,
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    is_china: bool,
    k0: np.uint64,
    k1: np.uint64,
    digits: Bytes,
    keys: NDArray[np.uint64],
    classes: NDArray[np.uint8],
) -> None:
    """Keys and classes of many numbers in one buffer.

    data     uint8[n_bytes]     their texts
    starts   int64[n_numbers]   where each begins
    lengths  int64[n_numbers]   its length, 0 = blank
    digits   uint8[SCRATCH]     scratch
    keys     uint64[n_numbers]  filled
    classes  uint8[n_numbers]   filled
    """
    for i in range(starts.shape[0]):
        keys[i], classes[i] = number_key(memory(data), starts[i], lengths[i], is_china, k0, k1, digits)


@njit
def text_keys(
    data: Bytes,
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    k0: np.uint64,
    k1: np.uint64,
    keys: NDArray[np.uint64],
) -> None:
    """Keys of many texts that are no numbers in one buffer; arrays as in `number_keys`."""
    for i in range(starts.shape[0]):
        keys[i] = text_key(memory(data), starts[i], lengths[i], k0, k1)
