"""The registry that belongs to a population: what owners declare about their numbers."""

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.traffic.numbers import text_of


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One assigned code, or one number: what it may be used for."""

    block: str
    first: str
    last: str
    holder: str
    declared_purpose: str
    outbound_allowed: bool
    contracted_channels: int
    trunks: tuple[str, ...] = ()


class _Registry(msgspec.Struct, frozen=True):
    blocks: tuple[Block, ...]


def code_block(code: str, holder: str, purpose: str, channels: int) -> Block:
    """A 95 code of six digits and its hundred numbers of eight."""
    return _block(code, f"{code}00", f"{code}99", holder, purpose, channels)


def number_blocks(numbers: NDArray[np.int64], holder: str, purpose: str, channels: int) -> list[Block]:
    """One block for each of these numbers; the channels are those of all together."""
    return [_block(text, text, text, holder, purpose, channels) for text in text_of(numbers).to_pylist()]


def _block(block: str, first: str, last: str, holder: str, purpose: str, channels: int) -> Block:
    return Block(
        block=block,
        first=first,
        last=last,
        holder=holder,
        declared_purpose=purpose,
        outbound_allowed=purpose != "inbound_hotline",
        contracted_channels=channels,
    )


def write_registry(blocks: list[Block], path: Path) -> None:
    """The registry as the JSON file that `--registry` reads."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(_Registry(tuple(blocks)))) + b"\n")
