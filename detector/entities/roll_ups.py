"""The entity levels of a shard: open minutes, what is remembered between them, and their episodes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import CDR, CdrBatch
from detector.config import State
from detector.entities import moved
from detector.entities.complaints import Complaints, Name
from detector.entities.kernels import layout
from detector.entities.kernels.close import changed, close
from detector.entities.kernels.gather import NEW_PAIRS, NEW_PARTIALS, entity_key, gather, move
from detector.entities.kernels.heard import bucket_of, hear, new_heard
from detector.entities.kernels.layout import (
    BLOCK,
    HOLDER,
    KINDS,
    MINUTE_MS,
    NUMBER,
    TENANT,
    TRUNK,
    Entities,
    Minute,
)
from detector.entities.kernels.samples import by_age, coarsen, members_of, shortened, sweep
from detector.entities.kernels.told import fade, faded, told
from detector.entities.rules import Rules
from detector.features.kernels.index import find
from detector.features.kernels.layout import ANSWER, MILLI, UNOBSERVED
from detector.features.state import CRITICAL_NATS, NEVER_DUE_MS
from detector.numbering.plan import NumberPlan
from detector.numbering.registry import NO_BLOCK, Registry

SAMPLE_DAYS = 7
"""A callee not called for so many closed days is new again."""

LEAST_SAMPLE = 8
"""A sample of so few is not halved when room runs out."""

SPARE_PAIRS = 1 << 16
"""A minute grown beyond this is not used again: what a flood took is given back."""

MEMBERS_PER_ENTITY = 16
"""Places for sample members per entity: most numbers have few, large entities up to 1,900."""


@dataclass(frozen=True, slots=True)
class Words:
    """A tenant or trunk in its own words."""

    text: str
    resellers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Turn:
    """A closed minute that brought news: rows whose episode opened or changed, rows that broke rules in it."""

    minute: int
    changed: NDArray[np.int32]
    partials: NDArray[np.void]


class RollUps:
    """Gathers calls into event-time minutes, closes them in order, and keeps the entities' evidence."""

    def __init__(
        self,
        state: State,
        laws: NDArray[np.void],
        plan: NumberPlan,
        registry: Registry,
        threshold: float,
        lateness_ms: int,
    ) -> None:
        self.registry, self.plan = registry, plan
        self.threshold = threshold
        self.entities = new_entities(state.entity_capacity)
        self.names: dict[int, Words] = {}
        self.moved = moved.MovedOperations(state.list_entries)
        self.complaints = Complaints(state)
        self.holders: list[str] = []
        self.registry_changed()
        self._laws = laws
        self.complaint_share = float(laws["complaints"].max())
        self._lateness_ms = lateness_ms
        self._open: dict[int, Minute] = {}
        self._spare: list[Minute] = []
        self._oldest = -1
        self._day = -1

    def registry_changed(self) -> None:
        """Take over the registry as it is now; places of blocks and holders stay what they were."""
        blocks = self.registry.blocks
        self.holders += sorted({block.holder for block in blocks} - set(self.holders))
        first: dict[str, int] = {}
        self._named_first = np.array([first.setdefault(block.block, i) for i, block in enumerate(blocks)], np.int32)
        place_of = {holder: i for i, holder in enumerate(self.holders)}
        self._holder_of = np.array([place_of[block.holder] for block in blocks], np.int32)
        self._rules = Rules(self.registry, self.plan)

    @property
    def due_ms(self) -> int:
        """Watermark at which the oldest open minute can be closed."""
        return (self._oldest + 1) * MINUTE_MS if self._oldest >= 0 else NEVER_DUE_MS

    def row_of(self, key: int) -> int:
        """Row of an entity that is remembered; rows move when room is made."""
        return find(self.entities.slots, self.entities.rows, np.uint64(key))

    def name_of(self, kind: int, name: int) -> str | None:
        """What people call an entity of a kind with this id (layout.ENTITY); None = forgotten, or a hash."""
        if kind == BLOCK:
            return self.registry.blocks[name - 1].block
        if kind == HOLDER:
            return self.holders[name - 1]
        if kind in (TENANT, TRUNK):
            return self.names[name].text if name in self.names else None
        return self.plan.text(name)

    def trunk_text(self, key: int) -> str | None:
        """A trunk in its own words; None = none of its minutes was gathered lately."""
        return self.names[key].text if key in self.names else None

    def behind(self, line_key: int, number_key: int, tenant_key: int) -> list[Name]:
        """The line of a call, and the entities above it that complaints speak about."""
        place = int(self.registry.places_of(np.array([number_key], np.uint64))[0])
        names = {NUMBER: number_key if number_key != line_key or tenant_key else 0, TENANT: tenant_key}
        if place >= 0:
            names |= {BLOCK: int(self._named_first[place]) + 1, HOLDER: int(self._holder_of[place]) + 1}
        return [("line", line_key), *((KINDS[kind], name) for kind, name in sorted(names.items()) if name)]

    def entity(self, name: Name) -> np.void | None:
        """The row of an entity above lines that is remembered."""
        row = self.row_of(int(entity_key(KINDS.index(name[0]), np.uint64(name[1])))) if name[0] in KINDS else -1
        return self.entities.rows[row] if row >= 0 else None

    def complained(self, name: Name, minute: int) -> None:
        """Its complainants at a minute into the row of an entity; the next minute in which it calls weighs them."""
        row, account = self.entity(name), self.complaints.account(name)
        if row is not None:
            fade(row, minute)
            row["complainants"] = account.at(minute) if account else 0.0

    def begin(self, batch: CdrBatch) -> None:
        """The first calls of the stream: minutes begin before the earliest that can still come."""
        if self._oldest < 0 and len(batch):
            self._oldest = (int(batch.calls[0]["release_ms"]) - self._lateness_ms) // MINUTE_MS

    def take(self, part: CdrBatch, scored: NDArray[np.void]) -> NDArray[np.int32]:
        """Count judged calls into their minutes, late ones into the oldest; registry places of both parties, [2, n]."""
        places = np.stack([self.registry.places_of(part.calls[name]) for name in ("number_key", "callee_key")])
        places = places.astype(np.int32)
        broken = self._rules.broken(part, places[0])
        # a block of several ranges is one entity
        blocks = np.append(self._named_first, NO_BLOCK).astype(np.int32)[places]
        release_ms = part.calls["release_ms"]
        minutes = np.unique(np.maximum(release_ms // MINUTE_MS, self._oldest))
        duplicate, outcome = scored["duplicate"].copy(), scored["outcome"].copy()
        outcome[scored["muted"] >> ANSWER & 1 > 0] = UNOBSERVED  # its trunk lacks unanswered calls
        self.moved.take(part.calls, duplicate, blocks[0])
        self.complaints.take(part.calls, duplicate)
        for number in minutes.tolist():
            from_ms = number * MINUTE_MS if number > self._oldest else -1
            self._gather(part, number, from_ms, duplicate, outcome, blocks, broken)
        return blocks

    def _gather(
        self,
        part: CdrBatch,
        number: int,
        from_ms: int,
        duplicate: NDArray[np.bool_],
        outcome: NDArray[np.uint8],
        blocks: NDArray[np.int32],
        broken: NDArray[np.uint8],
    ) -> None:
        minute = self._open.get(number) or (self._spare.pop() if self._spare else new_minute(256, 1024))
        before, i = int(minute.counts[0]["partials"]), 0
        to_ms = (number + 1) * MINUTE_MS
        known, holders = self.entities, self._holder_of
        while True:
            i = gather(part.calls, i, duplicate, outcome, blocks, broken, holders, from_ms, to_ms, minute, known)
            if i == len(part):
                break
            minute = grown(minute)
        self._open[number] = minute
        self._learn_names(part, minute.partials[before : int(minute.counts[0]["partials"])])

    def _learn_names(self, part: CdrBatch, fresh: NDArray[np.void]) -> None:
        """Names of tenants and trunks that are new to this minute, from the records themselves."""
        for kind, field in ((TENANT, "tenant"), (TRUNK, "trunk_in")):
            for row in fresh[(fresh["kind"] == kind) & (fresh["first_call"] >= 0)]:
                key = int(row["id"])
                if key not in self.names:
                    record = part.record(int(row["first_call"]))
                    resellers = record.resellers if kind == TENANT else ()
                    self.names[key] = Words(str(getattr(record, field)), resellers)
        if len(self.names) > 2 * len(self.entities.rows):
            self._forget_names()

    def _forget_names(self) -> None:
        """Of entities not remembered: a feed that names a new customer with every call must not fill memory."""
        known = [self.entities.rows[: int(self.entities.counts[0]["partials"])]]
        known += [minute.partials[: int(minute.counts[0]["partials"])] for minute in self._open.values()]
        live = set[int]().union(*(rows[name].tolist() for rows in known for name in ("id", "tenant_key")))
        self.names = {key: name for key, name in self.names.items() if key in live}

    def close(self, watermark_ms: int, told: Callable[[Turn], None]) -> None:
        """Close every minute that ended at the watermark or before, oldest first, and hand over what it brought."""
        last = watermark_ms // MINUTE_MS - 1
        for number in sorted(self._open):
            if number > last:
                break
            minute = self._open.pop(number)
            self._turn_day(number)
            close(minute, self.entities, number, self._laws)
            self.moved.close(minute, self.entities, number, self._laws)
            partials = minute.partials[: int(minute.counts[0]["partials"])]
            rows = np.empty(len(partials), np.int32)
            critical = round((self.threshold + CRITICAL_NATS) * MILLI)
            n = changed(minute, self.entities, round(self.threshold * MILLI), critical, rows)
            told(Turn(number, rows[:n], partials))
            if len(minute.pairs) <= SPARE_PAIRS:
                self._spare.append(emptied(minute))
        self._oldest = max(self._oldest, last + 1)

    def _turn_day(self, number: int) -> None:
        """When the event-time day turns, or the samples fill up, forget members of days long past."""
        day = number // 1440
        crowded = 4 * int(self.entities.counts[0]["pairs"]) > 3 * len(self.entities.members)
        if day > self._day or crowded:
            self._forget_members(day)
            self._make_room(number)
            self._forget_names()
            if day > self._day:
                self.moved.turn_day()
            self._day = day

    def _forget_members(self, day: int) -> None:
        """Keep as many days as fill half of the room; where one day is too much, halve the large samples.

        Refused instead, people whom an entity calls every day would count as new to it.
        """
        known, ages = self.entities, np.zeros(SAMPLE_DAYS + 2, np.int64)
        room = len(known.members) // 2
        by_age(known, day, ages)
        while ages[0] > room and coarsen(known, LEAST_SAMPLE):
            by_age(known, day, ages)
        days = max(int(np.searchsorted(ages[:-1].cumsum(), room, "right")) - 1, 0)
        fresh = np.zeros(len(known.members), layout.MEMBER)
        known.counts[0]["pairs"] = sweep(known, day - days, fresh)
        self.entities = known._replace(members=fresh)

    def _make_room(self, number: int) -> None:
        """While more than half of the rows are taken, entities without an episode leave, the longest quiet first."""
        known = self.entities
        taken = int(known.counts[0]["partials"])
        if 2 * taken <= len(known.rows):
            return
        rows = known.rows[:taken]
        for idle_days in (SAMPLE_DAYS, 2, 1):
            keep = (rows["severity"] > 0) | (rows["last_minute"] > number - idle_days * 1440)
            if 2 * int(keep.sum()) <= len(known.rows):
                break
        if keep.all():
            return
        fewer = new_entities(len(known.rows))
        shortened(known, keep, fewer)
        self.entities = fewer


def new_entities(capacity: int) -> Entities:
    """Room for this many entities; allocated once."""
    return Entities(
        slots=np.zeros(2 * capacity, np.uint64),
        rows=np.zeros(capacity, layout.ENTITY),
        members=np.zeros(capacity * MEMBERS_PER_ENTITY, layout.MEMBER),
        counts=np.zeros(1, layout.COUNTS),
    )


def new_minute(partials: int, pairs: int) -> Minute:
    """An empty minute with room for half as many."""
    return Minute(
        slots=np.zeros(partials, np.uint64),
        partials=np.zeros(partials, layout.PARTIAL),
        pairs=np.zeros(pairs, layout.PAIR),
        counts=np.zeros(1, layout.COUNTS),
    )


def emptied(minute: Minute) -> Minute:
    """The same minute's arrays, empty."""
    for array in (minute.slots, minute.partials[: int(minute.counts[0]["partials"])], minute.pairs, minute.counts):
        array.view(np.uint8)[:] = 0  # as bytes: field by field it takes 7 ms instead of 0.1
    return minute


def grown(minute: Minute) -> Minute:
    """The same minute with more room."""
    more_rows = 2 * (int(minute.counts[0]["partials"]) + NEW_PARTIALS) > len(minute.slots)
    more_pairs = 2 * (int(minute.counts[0]["pairs"]) + NEW_PAIRS) > len(minute.pairs)
    wider = new_minute(len(minute.slots) << more_rows, len(minute.pairs) << more_pairs)
    move(minute, wider)
    return wider


def compile_kernels() -> None:
    """Compile or load the kernels of gathering and closing."""
    none, known, minute = np.zeros(0, CDR), new_entities(1), new_minute(64, 64)
    nothing = (np.zeros(0, bool), np.zeros(0, np.uint8), np.zeros((2, 0), np.int32), np.zeros(0, np.uint8))
    gather(none, 0, *nothing, np.zeros(0, np.int32), 0, 1, minute, known)
    move(minute, new_minute(64, 64))
    close(minute, known, 0, np.zeros(256, layout.LAW))
    changed(minute, known, 0, 0, np.zeros(1, np.int32))
    by_age(known, 0, np.zeros(1, np.int64))
    coarsen(known, 0)
    sweep(known, 0, np.zeros(1, layout.MEMBER))
    members_of(known.members, 0, np.zeros(1, np.int32), np.zeros(1, np.uint64))
    shortened(known, np.zeros(1, bool), new_entities(1))
    moved.compile_kernels(minute, known)
    heard = new_heard(1)
    hear(none, np.zeros(0, bool), heard)
    bucket_of(heard, np.uint64(1))
    entity_key(NUMBER, np.uint64(1))
    fade(known.rows[0], 0)
    told(faded(0.0, 0), 0.0, 1.0)
