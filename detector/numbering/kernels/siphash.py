"""SipHash-2-4: the keyed 64-bit hash of identities that do not fit into a number key."""

import numpy as np

from detector.cdr.kernels.words import Bytes, load
from detector.features.kernels.jit import njit


@njit
def _rotate(word: np.uint64, bits: np.uint64) -> np.uint64:
    return (word << bits) | (word >> (np.uint64(64) - bits))


@njit
def _round(
    v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
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
def siphash(data: Bytes, start: int, length: int, k0: np.uint64, k1: np.uint64) -> np.uint64:
    """64-bit hash of data[start : start + length] under the key (k0, k1).

    Source: Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012; tested with its vectors.
    """
    v0 = k0 ^ np.uint64(0x736F6D6570736575)
    v1 = k1 ^ np.uint64(0x646F72616E646F6D)
    v2 = k0 ^ np.uint64(0x6C7967656E657261)
    v3 = k1 ^ np.uint64(0x7465646279746573)
    words = length >> 3
    for word in range(words):
        block = load(data, start + 8 * word)
        v3 ^= block
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= block
    block = np.uint64(length & 0xFF) << np.uint64(56)
    for i in range(length & 7):
        block |= np.uint64(data[start + 8 * words + i]) << np.uint64(8 * i)
    v3 ^= block
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= block
    v2 ^= np.uint64(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3
