"""Eight bytes as one word: the two machine instructions that Numba does not offer by itself, and what they carry."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from detector.features.kernels.jit import inlined, njit

Bytes = NDArray[np.uint8]

ASCII_ZEROS = np.uint64(0x3030303030303030)
HIGH_BITS = np.uint64(0x8080808080808080)
ABOVE_NINE = np.uint64(0x7676767676767676)  # added to 0..9 it stays below the high bit, from 10 on it does not


def _load(_typing: Any, data: Any, _at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        first = builder.gep(array.data, [arguments[1]])
        return builder.load(builder.bitcast(first, ir.IntType(64).as_pointer()), align=1)

    return types.uint64(data, types.intp), generate


def _trailing_zeros(_typing: Any, _word: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


load = cast(Callable[[Bytes, int], np.uint64], intrinsic(_load))
"""The eight bytes of `data` from `at` on, the first in the lowest bits. Not checked: `at + 8` must not pass the end."""

trailing_zeros = cast(Callable[[np.uint64], int], intrinsic(_trailing_zeros))
"""How many low bits of a word are 0; 64 for 0."""


@njit
def _last_word(data: Bytes, at: int) -> np.uint64:
    word = np.uint64(0)
    for i in range(at, data.shape[0]):
        word |= np.uint64(data[i]) << np.uint64(8 * (i - at))
    return word


@inlined
def word_at(data: Bytes, at: int) -> np.uint64:
    """The eight bytes from `at` on, the first in the lowest bits; zeros behind the end of `data`.

    The rare end is a function of its own: with its loop inside, this one was not inlined and cost 4 ns in
    place of 0.6 (2026-11).
    """
    return load(data, at) if at + 8 <= data.shape[0] else _last_word(data, at)


@inlined
def count_digits(word: np.uint64) -> int:
    """How many of the eight bytes are ASCII digits before the first that is none: 0 to 8."""
    digits = word ^ ASCII_ZEROS
    return trailing_zeros(((digits + ABOVE_NINE) | digits) & HIGH_BITS) >> 3


@inlined
def digits_value(word: np.uint64, n: int) -> np.int64:
    """Value of the first n bytes, ASCII digits all; n from 1 to 8."""
    unused = np.uint64(8 * (8 - n))
    word = (word ^ ASCII_ZEROS) << unused  # as if zeros stood before them
    word = word * np.uint64(2561) >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF)  # 10 * 256 + 1
    word = word * np.uint64(6553601) >> np.uint64(16) & np.uint64(0x0000FFFF0000FFFF)  # 100 * 65536 + 1
    return np.int64(word * np.uint64(42949672960001) >> np.uint64(32))
