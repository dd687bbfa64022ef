"""Masks of numbers for other people's eyes, written as lines of text."""

import numpy as np
from numpy.typing import NDArray

from detector.cdr.kernels.words import Bytes
from detector.features.kernels.jit import njit, signed
from detector.numbering.kernels.number import HASHED
from detector.numbering.kernels.siphash import siphash_word

PREFIX_DIGITS = 7
HIDDEN_DIGITS = 4
MASK = PREFIX_DIGITS + 5 + 8 + 1
"""Longest mask in bytes: digits, `****#`, eight of hash, the end of the line."""

_STARS = np.frombuffer(b"****#", np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_NEW_LINE = np.uint8(10)


@njit
def write_masks(keys: NDArray[np.uint64], k0: np.uint64, k1: np.uint64, text: Bytes) -> int:
    """One line of ASCII a key: the digits before the last HIDDEN_DIGITS, at most PREFIX_DIGITS, then a keyed hash.

    keys  uint64[n]         number keys: 10**digits + number, or a hash, of which no digit is known
    text  uint8[n * MASK]   filled
    Returns the bytes written.
    """
    at = 0
    for i in range(keys.shape[0]):
        key = keys[i]
        if key < HASHED:
            rest = signed(key) // 10**HIDDEN_DIGITS
            digits, power = -1, 1  # the first is the key's own 1
            while power <= rest:
                digits, power = digits + 1, power * 10
            for _ in range(digits - PREFIX_DIGITS):
                rest //= 10
            shown = max(min(digits, PREFIX_DIGITS), 0)
            for k in range(shown - 1, -1, -1):
                text[at + k] = np.uint8(48 + rest % 10)
                rest //= 10
            at += shown
        for k in range(_STARS.shape[0]):
            text[at] = _STARS[k]
            at += 1
        mark = signed(siphash_word(key, k0, k1) & np.uint64(0xFFFFFFFF))
        for k in range(8):
            text[at] = _HEX[(mark >> (28 - 4 * k)) & 15]
            at += 1
        text[at] = _NEW_LINE
        at += 1
    return at
