"""After the warm-up no record waits for a compiler."""

from typing import Any, cast

from detector.decode.kernels.clock import guard
from detector.decode.kernels.identities import identify
from detector.decode.kernels.scan import scan
from detector.decode.warm_up import warm_up
from detector.numbering.kernels.mask import write_masks
from detector.numbering.kernels.number import number_keys
from detector.source.memory import chunk
from tests.decode.records import PLAN, call, decoder

KERNELS: list[Any] = [cast(Any, kernel) for kernel in (scan, identify, guard, number_keys, write_masks)]


def test_decoding_and_numbering_need_no_further_kernel() -> None:
    warm_up()
    compiled = [list(kernel.signatures) for kernel in KERNELS]
    assert all(compiled)
    decoder().decode(chunk([call(), call(tenant="a\\b"), call() + b"\n" + call(), None]))
    decoder("csv").decode(chunk([b"a_number", b"1"]))
    PLAN.mask("13912345678")
    assert [list(kernel.signatures) for kernel in KERNELS] == compiled
