"""SipHash-2-4: the keyed 64-bit hash of identities that do not fit into a number key.

Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012; tested with its vectors.
"""

import numpy as np

from detector.cdr.kernels.words import Memory, load, word_at
from detector.features.kernels.jit import njit

State = tuple[np.uint64, np.uint64, np.uint64, np.uint64]


@njit
def _rotate(word: np.uint64, bits: np.uint64) -> np.uint64:
    return (word << bits) | (word >> (np.uint64(64) - bits))


@njit
def _round(state: State) -> State:
    v0, v1, v2, v3 = state
    v0 += v1
    v1 = _rotate(v1, np.uint64(13)) ^ v0
    v0 = _rotate(v0, np.uint64(32))
    v2 += v3
    v3 = _rotate(v3, np.uint64(16)) ^ v2
    v0 += v3
    v3 = _rotate(v3, np.uint64(21)) ^ v0
    v2 += v1
    v1 = _rotate(v1, np.uint64(17)) ^ v2
    v2 = _rotate(v2, np.uint64(32))
    return v0, v1, v2, v3


@njit
def _start(k0: np.uint64, k1: np.uint64) -> State:
    return (
        k0 ^ np.uint64(0x736F6D6570736575),
        k1 ^ np.uint64(0x646F72616E646F6D),
        k0 ^ np.uint64(0x6C7967656E657261),
        k1 ^ np.uint64(0x7465646279746573),
    )


@njit
def _absorb(state: State, word: np.uint64) -> State:
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _round(_round((v0, v1, v2, v3 ^ word)))
    return v0 ^ word, v1, v2, v3


@njit
def _finish(state: State) -> np.uint64:
    v0, v1, v2, v3 = state
    v0, v1, v2, v3 = _round(_round(_round(_round((v0, v1, v2 ^ np.uint64(0xFF), v3)))))
    return v0 ^ v1 ^ v2 ^ v3


@njit
def siphash(data: Memory, start: int, length: int, k0: np.uint64, k1: np.uint64) -> np.uint64:
    """64-bit hash of data[start : start + length] under the key (k0, k1)."""
    state = _start(k0, k1)
    last = start + (length & ~7)
    for at in range(start, last, 8):
        state = _absorb(state, load(data, at))
    rest = word_at(data, last, start + length) | np.uint64(length & 0xFF) << np.uint64(56)
    return _finish(_absorb(state, rest))


@njit
def siphash_word(word: np.uint64, k0: np.uint64, k1: np.uint64) -> np.uint64:
    """64-bit hash of one word, as of its 8 bytes, the lowest first."""
    return _finish(_absorb(_absorb(_start(k0, k1), word), np.uint64(8) << np.uint64(56)))


@njit
def siphash_words(
    first: np.uint64, second: np.uint64, third: np.uint64, fourth: np.uint64, k0: np.uint64, k1: np.uint64
) -> np.uint64:
    """64-bit hash of four words, as of their 32 bytes, the lowest first."""
    state = _absorb(_absorb(_absorb(_absorb(_start(k0, k1), first), second), third), fourth)
    return _finish(_absorb(state, np.uint64(32) << np.uint64(56)))
