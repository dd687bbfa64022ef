"""Compile the kernels of decoding before the first record arrives: a cold compile takes seconds."""

import numpy as np

from detector.config import Decode
from detector.decode.decoder import Decoder
from detector.numbering.plan import NumberPlan
from detector.source.contract import Chunk


def warm_up() -> None:
    """Compile or load every kernel of decoding and numbering."""
    plan = NumberPlan("china", b"")
    plan.mask("110")
    nothing = Chunk(0, b"", np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))
    Decoder(Decode(), plan, ["json"]).decode(nothing)
