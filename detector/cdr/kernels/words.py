"""The bytes of records, one or eight at a time, at plain memory addresses.

Numba hands an array to a function as seven numbers and allows for negative indices at every access; over plain
addresses the JSON scanner takes half the time to compile and to run (2026-11). Nothing here checks bounds: `end` is
where the text ends, and callers stay before it. The array must outlive the kernel that took its address.
"""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from detector.features.kernels.jit import inlined, njit

Bytes = NDArray[np.uint8]
Memory = int
"""Address of the first byte of a buffer; positions count from there."""

ASCII_ZEROS = np.uint64(0x3030303030303030)
HIGH_BITS = np.uint64(0x8080808080808080)
ABOVE_NINE = np.uint64(0x7676767676767676)  # added to 0..9 it stays below the high bit, from 10 on it does not


def _memory(_typing: Any, data: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        return builder.ptrtoint(array.data, ir.IntType(64))

    return types.int64(data), generate


def _reader(bits: int, result: Any) -> Any:
    """An intrinsic that reads so many bits."""

    def read(_typing: Any, _memory: Any, _at: Any) -> Any:
        def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
            address = builder.add(arguments[0], arguments[1])
            value = builder.load(builder.inttoptr(address, ir.IntType(bits).as_pointer()), align=1)
            return value if bits == 64 else builder.zext(value, ir.IntType(64))

        return result(types.int64, types.int64), generate

    return intrinsic(read)


def _trailing_zeros(_typing: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


memory = cast(Callable[[Bytes], Memory], intrinsic(_memory))
"""Where an array's bytes begin."""

byte = cast(Callable[[Memory, int], int], _reader(8, types.int64))
"""The byte at a position."""

load = cast(Callable[[Memory, int], np.uint64], _reader(64, types.uint64))
"""Eight bytes from a position on, the first in the lowest bits."""

trailing_zeros = cast(Callable[[np.uint64], int], intrinsic(_trailing_zeros))
"""How many low bits of a word are 0; 64 for 0."""


@njit
def _last_word(data: Memory, at: int, end: int) -> np.uint64:
    if at >= end:
        return np.uint64(0)
    if end >= 8:
        return load(data, end - 8) >> np.uint64(8 * (at + 8 - end))
    word = np.uint64(0)
    for i in range(at, end):
        word |= np.uint64(byte(data, i)) << np.uint64(8 * (i - at))
    return word


@inlined
def word_at(data: Memory, at: int, end: int) -> np.uint64:
    """Eight bytes from a position on, the first in the lowest bits; zeros from `end` on."""
    return load(data, at) if at + 8 <= end else _last_word(data, at, end)


@njit
def count_digits(word: np.uint64) -> int:
    """How many of the eight bytes are ASCII digits before the first that is none: 0 to 8."""
    digits = word ^ ASCII_ZEROS
    return trailing_zeros(((digits + ABOVE_NINE) | digits) & HIGH_BITS) >> 3


@njit
def digits_value(word: np.uint64, n: int) -> np.int64:
    """Value of the first n bytes, ASCII digits all; n from 1 to 8."""
    unused = np.uint64(8 * (8 - n))
    word = (word ^ ASCII_ZEROS) << unused  # as if zeros stood before them
    word = word * np.uint64(2561) >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF)  # 10 * 256 + 1
    word = word * np.uint64(6553601) >> np.uint64(16) & np.uint64(0x0000FFFF0000FFFF)  # 100 * 65536 + 1
    return np.int64(word * np.uint64(42949672960001) >> np.uint64(32))
