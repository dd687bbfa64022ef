"""How every numeric kernel is compiled: one decorator, one cache folder, one set of flags.

`fastmath` is never used: it makes `np.isnan` answer False and the sums differ from the slow twins.
Compiled code is kept on disk, because a cold compile of all kernels costs several CPU seconds. Numba's
cache does not notice an edit in *another* file that a kernel calls, so the folder is named by a hash of
every kernel source and of the compiler's version: any edit starts a fresh folder.
"""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba import types

Record = Any
"""One row of a structured array: Numba knows its fields, mypy does not."""

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parents[2]


def _cache_folder() -> str:
    """Folder for compiled kernels, fresh for every state of the sources and versions."""
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__} {sys.version}".encode())
    for source in sorted(_PACKAGE.rglob("kernels/*.py")):
        digest.update(source.read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return str(base / "cdr-detector" / f"kernels-{digest.hexdigest()[:16]}")


if "NUMBA_CACHE_DIR" not in os.environ:
    vars(numba.config)["CACHE_DIR"] = _cache_folder()


_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
_FROM_PYTHON: dict[str, Any] = {"cache": True}
_FROM_KERNELS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def njit(kernel: Kernel) -> Kernel:
    """Compile without Python objects, release the GIL, keep the machine code on disk.

    Without Numba's reference counts (`_nrt`): kernels never allocate, and counting the twelve arrays of
    `Tables` at every call of a helper took a quarter of the judging loop (1,200 -> 900 ns a call, 2026-11).
    """
    # forceinline said outright: left open, it is inherited from an inlined caller, rare branches and all
    return _compile(kernel, forceinline=False)


def inlined(kernel: Kernel) -> Kernel:
    """As `njit`, but always merged into its caller: for small steps of the tightest loops only.

    A call hands every array over as seven numbers, `Tables` as 84 pushes; without it the JSON scanner took 380 in
    place of 240 ns a record, and the judging loop a third more for cold lines (330 in place of 220 ns, 2026-11).
    """
    return _compile(kernel, forceinline=True)


def _compile(kernel: Kernel, forceinline: bool) -> Kernel:
    """Compile apart for Python and for other kernels, and once for all constants.

    Only what Python calls needs a door to Python, and a file on disk: without them the helpers of a cold start take
    33 in place of 46 seconds of processor. And Numba would compile a kernel again for each number written at a call
    of it: 30 in place of 22 (2026-11).
    """
    outer = numba.njit(**_OPTIONS, **_FROM_PYTHON)(kernel)
    inner = numba.njit(**_OPTIONS, **_FROM_KERNELS, forceinline=forceinline)(kernel)
    outer.get_overload = inner.get_overload
    outer.get_call_template = lambda arguments, keywords: inner.get_call_template(
        [_widened(a) for a in arguments], {name: _widened(a) for name, a in keywords.items()}
    )
    return cast(Kernel, outer)


def _widened(argument: Any) -> Any:
    """The type of an argument without its value."""
    return types.unliteral(argument)  # type: ignore[no-untyped-call]


@njit
def signed(value: Any) -> int:
    """The value as a signed 64-bit integer: Numba would carry on in the unsigned type of the column."""
    return np.int64(value)  # type: ignore[return-value]
