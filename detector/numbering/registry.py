"""Who holds a number, and what it was declared for: the registry of blocks."""

import csv
from bisect import insort
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.errors import ConfigError
from detector.numbering.kernels.number import HASHED
from detector.numbering.plan import NumberClass, NumberPlan

Purpose = Literal[
    "inbound_hotline",
    "inbound_hotline_with_callback",
    "outbound_callcentre",
    "hospital_notify",
    "school_notify",
    "government_emergency_notify",
    "telemetry",
    "otp_notify",
    "flash_call_otp",
    "number_masking",
    "pbx",
    "taxi_dispatch",
    "fixed_subscriber",
    "test",
]
LISTS = ("resellers", "trunks")
"""Fields of many texts; in CSV separated by |."""

NO_BLOCK = -1

PURPOSES: tuple[str, ...] = get_args(Purpose)
DECLARED = 100
"""Classes of declared numbers: DECLARED + the place of the purpose in PURPOSES; below are numbering's own classes."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A range of numbers with its holder; an assigned code, or any range, down to one number. Null = not known.

    valid_from_ms, valid_to_ms  from when, and before when, it counts; UTC epoch ms
    """

    block: str
    first: str
    last: str
    holder: str
    declared_purpose: Purpose
    outbound_allowed: bool | None = None
    contracted_channels: int | None = None
    resellers: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()
    valid_from_ms: int | None = None
    valid_to_ms: int | None = None

    def valid(self, at_ms: int) -> bool:
        """Whether it counts at this time."""
        return (self.valid_from_ms or 0) <= at_ms and (self.valid_to_ms is None or at_ms < self.valid_to_ms)


class Registry:
    """Finds the block of a number: the narrowest valid one; of equals the first.

    Keys of numbers of one length are in the order of the numbers, so a range of numbers is a range of keys.
    All range ends together cut the keys into stretches; each stretch knows its blocks, the narrowest first.
    """

    def __init__(self, plan: NumberPlan, blocks: Sequence[Block] = ()) -> None:
        """Raises ConfigError for a range that is none."""
        self._plan = plan
        self._take(tuple(blocks), frozenset())

    @classmethod
    def load(cls, path: str, plan: NumberPlan) -> "Registry":
        """Read a registry file (JSON or CSV, by its name); no path: nobody is known.

        Raises ConfigError that names file, row and field.
        """
        if not path:
            return cls(plan)
        try:
            blocks = list(_csv_blocks(path) if path.endswith(".csv") else _json_blocks(path))
            return cls(plan, blocks)
        except OSError as error:
            raise ConfigError(f"numbering.registry {path}: {error.strerror}; name a file that can be read") from None
        except ConfigError as error:
            raise ConfigError(f"numbering.registry {path}: {error}") from None

    def check(self, blocks: Sequence[Block]) -> None:
        """Raises ConfigError for a range that is none."""
        _ranges(self._plan, blocks)

    def update(self, blocks: Sequence[Block], withdraw: Collection[str]) -> None:
        """Put blocks in the place of those of their names, or beside the others; withdraw names. In place, all or none.

        A block that stays keeps its place in `blocks`; that of a withdrawn one is never given to another name.
        Raises ConfigError for a range that is none; names that nobody has are withdrawn in peace.
        """
        changed, gone = list(self.blocks), set(self._gone)
        coming: dict[str, list[Block]] = {name: [] for name in withdraw}
        for block in blocks:
            coming.setdefault(block.block, []).append(block)
        places: dict[str, list[int]] = {name: [] for name in coming}
        for place, block in enumerate(changed):
            if block.block in places:
                places[block.block].append(place)
        for name, rows in coming.items():
            gone |= set(places[name][len(rows) :])
            for place, block in zip_longest(places[name][: len(rows)], rows):
                if place is None:
                    changed.append(block)
                else:
                    changed[place] = block
                    gone.discard(place)
        self._take(tuple(changed), frozenset(gone))

    def _take(self, blocks: tuple[Block, ...], gone: frozenset[int]) -> None:
        """gone: places of withdrawn blocks."""
        ranges = _ranges(self._plan, blocks)
        self._edges, self._stretches = _cut({i: r for i, r in enumerate(ranges) if i not in gone})
        self.blocks, self._gone = blocks, gone
        self._narrowest = np.array([stretch[0] if stretch else NO_BLOCK for stretch in self._stretches], np.int64)
        self._class_of_block = np.array([_class_of(block) for block in blocks], np.uint8)

    def block_of(self, number: str, at_ms: int) -> Block | None:
        """The block of a number, in any writing, at a time; None = nobody's."""
        return self.block_of_key(self._plan.key(number), at_ms)

    def block_of_key(self, key: int, at_ms: int) -> Block | None:
        """The block of a number's key at a time; None = nobody's."""
        stretch = int(np.searchsorted(self._edges, np.uint64(key), side="right")) - 1
        if stretch < 0:
            return None
        return next((self.blocks[i] for i in self._stretches[stretch] if self.blocks[i].valid(at_ms)), None)

    def places_of(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Places in `blocks` of numbers' narrowest blocks, valid or not; NO_BLOCK: int64[n] for keys uint64[n]."""
        if not self.blocks:
            return np.full(len(keys), NO_BLOCK, np.int64)
        stretch = np.searchsorted(self._edges, keys, side="right") - 1
        place: NDArray[np.int64] = np.where(stretch >= 0, self._narrowest[stretch], NO_BLOCK)
        return place

    def declared_classes(self, keys: NDArray[np.uint64], classes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The classes of numbers, those declared for outbound calls by their purpose: uint8[n] for keys uint64[n].

        Of blocks within blocks the narrowest counts, valid or not: validity is a matter of rules, not of behaviour.
        """
        if not self.blocks:
            return classes
        block = self.places_of(keys)
        declared = np.where(block >= 0, self._class_of_block[block], 0)
        return np.where(declared > 0, declared, classes).astype(np.uint8)


def _class_of(block: Block) -> int:
    """The class of a block's numbers; 0 = they are judged like any other."""
    if block.declared_purpose == "fixed_subscriber" or block.outbound_allowed is False:
        return 0
    return DECLARED + PURPOSES.index(block.declared_purpose)


def class_name(number_class: int) -> str:
    """What a class is called in parameter files: `mobile`, `declared_otp_notify`."""
    if number_class >= DECLARED:
        return f"declared_{PURPOSES[number_class - DECLARED]}"
    return NumberClass(number_class).name.lower()


def all_classes() -> dict[int, str]:
    """Every class a number can have, with its name."""
    numbers = [number_class.value for number_class in NumberClass]
    declared = range(DECLARED, DECLARED + len(PURPOSES))
    return {number_class: class_name(number_class) for number_class in (*numbers, *declared)}


def _ranges(plan: NumberPlan, blocks: Sequence[Block]) -> list[tuple[int, int]]:
    """First and last key of each block."""
    firsts, _ = plan.keys([block.first for block in blocks])
    lasts, _ = plan.keys([block.last for block in blocks])
    ranges = list(zip(firsts.tolist(), lasts.tolist(), strict=True))
    for i, (first, last) in enumerate(ranges):
        if first == 0 or (first != last and not _one_length(first, last)):
            block = blocks[i]
            raise ConfigError(
                f"blocks[{i}] $.last: {block.first!r} to {block.last!r} is no range of numbers of one length"
            )
    return ranges


def _one_length(first: int, last: int) -> bool:
    """Whether a range of numbers lies between these keys."""
    return 0 < first < last < int(HASHED) and len(str(first)) == len(str(last))


def _cut(ranges: Mapping[int, tuple[int, int]]) -> tuple[NDArray[np.uint64], list[tuple[int, ...]]]:
    """Where each stretch of keys begins, and its blocks, the narrowest first; the last stretch has none."""
    changes = sorted(
        [(first, True, i) for i, (first, _) in ranges.items()]
        + [(last + 1, False, i) for i, (_, last) in ranges.items()]
    )
    edges: list[int] = []
    stretches: list[tuple[int, ...]] = []
    open_blocks: list[tuple[int, int]] = []
    for key, begins, i in changes:
        entry = (ranges[i][1] - ranges[i][0], i)
        insort(open_blocks, entry) if begins else open_blocks.remove(entry)
        if not edges or edges[-1] != key:
            edges.append(key)
            stretches.append(())
        stretches[-1] = tuple(i for _, i in open_blocks)
    return np.array(edges or [0], np.uint64), stretches or [()]


def _json_blocks(path: str) -> Iterator[Block]:
    try:
        content = msgspec.json.decode(Path(path).read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"not JSON: {error}") from None
    rows = content.get("blocks") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise ConfigError('$.blocks: write it as {"blocks": [...]}')
    for i, row in enumerate(rows):
        yield _block(row, f"blocks[{i}]", strict=True)


def _csv_blocks(path: str) -> Iterator[Block]:
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                yield _block(_typed(row), f"line {reader.line_num}", strict=False)
        except (csv.Error, UnicodeDecodeError) as error:
            raise ConfigError(f"line {reader.line_num + 1}: not CSV: {error}") from None


def _typed(row: dict[str | Any, str | Any]) -> dict[str, Any]:
    """A CSV row without its empty cells, lists taken apart."""
    return {name: cell.split("|") if name in LISTS else cell for name, cell in row.items() if name and cell}


def _block(row: Any, place: str, *, strict: bool) -> Block:
    try:
        return msgspec.convert(row, Block, strict=strict)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{place}: {error}") from None
