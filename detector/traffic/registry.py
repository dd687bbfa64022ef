"""The registry that belongs to a population: what owners declare about their numbers."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.numbering.registry import Block, Purpose
from detector.traffic.numbers import text_of


@dataclass(frozen=True, slots=True)
class Entry:
    """What one owner declares about all its numbers."""

    holder: str
    purpose: Purpose
    channels: int
    resellers: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()

    def block(self, name: str, first: str, last: str) -> Block:
        """The entry for one range of numbers."""
        return Block(
            block=name,
            first=first,
            last=last,
            holder=self.holder,
            declared_purpose=self.purpose,
            outbound_allowed=self.purpose != "inbound_hotline",
            contracted_channels=self.channels,
            resellers=self.resellers,
            trunks=self.trunks,
        )


def code_block(code: str, entry: Entry) -> Block:
    """A 95 code of six digits and its hundred numbers of eight."""
    return entry.block(code, f"{code}00", f"{code}99")


def number_blocks(numbers: NDArray[np.int64], entry: Entry) -> list[Block]:
    """One block for each of these numbers; the channels are those of all together."""
    return [entry.block(text, text, text) for text in text_of(numbers).to_pylist()]


def write_registry(blocks: list[Block], path: Path) -> None:
    """The registry as the JSON file that `--registry` reads."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"blocks": blocks})) + b"\n")
