"""Asking for memory before it is needed: a state of millions of lines does not fit into any cache.

Measured on 1 M lines (2-core AMD EPYC, 2026-11): the judging loop spends most of its time waiting for rows
when they are touched one by one; asked for a group ahead, most of that is gone.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

CACHE_LINE = 64


def _prefetch(typing_context: Any, array: Any, place: Any, beyond: Any) -> Any:
    """What the compiler puts in the place of a call of `prefetch`."""
    signature = types.void(array, types.intp, types.intp)

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array_type = signature.args[0]
        view = context.make_array(array_type)(context, builder, arguments[0])
        size = context.get_abi_sizeof(context.get_data_type(array_type.dtype))
        base = builder.ptrtoint(view.data, cgutils.intp_t)
        start = builder.mul(arguments[1], ir.Constant(cgutils.intp_t, size))
        address = builder.add(base, builder.add(start, arguments[2]))
        byte = ir.IntType(8).as_pointer()
        int32 = ir.IntType(32)
        function = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            builder.module, ir.FunctionType(ir.VoidType(), [byte, int32, int32, int32]), "llvm.prefetch.p0"
        )
        read, keep, data = (ir.Constant(int32, value) for value in (0, 3, 1))
        builder.call(function, [builder.inttoptr(address, byte), read, keep, data])
        return context.get_dummy_value()

    return signature, emit


prefetch = cast(Callable[[NDArray[Any], int, int], None], intrinsic(_prefetch))
"""prefetch(array, place, beyond): ask for the cache line `beyond` bytes behind the start of element `place`."""
