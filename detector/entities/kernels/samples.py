"""What is remembered of entities: their rows, and samples of the people, lines and numbers that belong to them."""

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.gather import member_key, pair_place
from detector.entities.kernels.layout import (
    CALLEES,
    CALLERS,
    DESTINATION,
    LEVELS,
    LINES,
    LIST_SAMPLE,
    NUMBER,
    SAMPLE,
    SHOWN,
    WHATS,
    Entities,
    Minute,
)
from detector.features.kernels.index import find_slot, put
from detector.features.kernels.jit import Record, njit, signed


@njit
def estimate(row: Record, what: int) -> int:
    """How many members a set has, from its sample; relative error 1 / sqrt(sample)."""
    n = 0
    for level in range(signed(row.shift[what]), LEVELS):
        n += signed(row.members[what, level])
    return n << signed(row.shift[what])


@njit
def sampled(row: Record, what: int) -> int:
    """Members of a set that are kept."""
    n = 0
    for level in range(signed(row.shift[what]), LEVELS):
        n += signed(row.members[what, level])
    return n


@njit
def row_for(known: Entities, part: Record, number: int) -> int:
    """The entity's row, a new one where there is room; -1 = none. In place."""
    slot = find_slot(known.slots, known.rows, part.key)
    if slot >= 0:
        return signed(known.slots[slot] & np.uint64(0xFFFFFFFF)) - 1
    if part.calls == 0:
        return -1
    counts = known.counts[0]
    many = part.kind in (NUMBER, DESTINATION)  # they may not take the room of the few others
    if counts.partials >= (known.rows.shape[0] * 3 // 4 if many else known.rows.shape[0]):
        counts.refused += 1
        return -1
    place = signed(counts.partials)
    counts.partials += 1
    put(known.slots, -1 - slot, part.key, place)
    row = known.rows[place]
    row.key = part.key
    row.id = part.id
    row.kind = part.kind
    row.last_minute = number
    row.number_class = part.least_class
    row.block = part.block
    row.rate = 0.0
    row.begin_minute = -1
    counts.numbers += np.int64(part.kind == NUMBER)
    return place


@njit
def compare(minute: Minute, known: Entities) -> None:
    """Every member against what was known before this minute. Partials' counts in place."""
    for at in range(minute.pairs.shape[0]):
        pair = minute.pairs[at]
        if pair.key == np.uint64(0):
            continue
        part = minute.partials[signed(pair.partial)]
        what = signed(pair.what)
        if part.row < 0 or pair.level < part.shift[what]:
            continue
        row = known.rows[part.row]
        if what == CALLERS:
            if pair.level >= row.shift[CALLEES]:
                place = pair_place(known.members, member_key(part.key, CALLEES, pair.member))
                member = known.members[place]
                if member.key != np.uint64(0) and not member.back:
                    member.back = True
                    part.backs += np.int32(1)
            continue
        bound = row.shift[LINES] if what == SHOWN else row.shift[what]
        if pair.level < bound:
            continue
        member = known.members[pair_place(known.members, pair.key)]
        if what == CALLEES:
            if member.key == np.uint64(0):
                part.new += np.int32(1)
                part.old += np.int32(pair.calls - 1)
            else:
                part.old += pair.calls
        elif what == SHOWN:
            line = known.members[pair_place(known.members, member_key(part.key, LINES, pair.partner))]
            if line.key != np.uint64(0):
                if member.key == np.uint64(0):
                    part.changes += np.int32(1)
                else:
                    part.keeps += pair.calls


@njit
def remember(minute: Minute, known: Entities, day: np.int32) -> None:
    """Members of the minute into the samples of their entities. In place."""
    counts = known.counts[0]
    for at in range(minute.pairs.shape[0]):
        pair = minute.pairs[at]
        if pair.key == np.uint64(0) or pair.what == CALLERS:
            continue
        part = minute.partials[signed(pair.partial)]
        if part.row < 0:
            continue
        what = signed(pair.what)
        row = known.rows[part.row]
        bound = max(row.shift[LINES], row.shift[SHOWN]) if what == SHOWN else row.shift[what]
        if pair.level < bound:
            continue
        place = pair_place(known.members, pair.key)
        member = known.members[place]
        if member.key == np.uint64(0):
            if 8 * (counts.pairs + 1) > 7 * known.members.shape[0]:
                counts.refused += 1
                continue
            counts.pairs += 1
            member.key = pair.key
            member.member = pair.member
            member.row = part.row
            member.what = pair.what
            member.level = pair.level
            row.members[what, signed(pair.level)] += np.int16(1)
            while row.shift[what] < LEVELS - 1 and sampled(row, what) > most(row, what):
                halve(row, what)
        member.day = day


@njit
def most(row: Record, what: int) -> int:
    """Members of a set that are kept: more callees of an entity whose list may have to be known again."""
    if what == CALLEES and row.list > 0:
        return LIST_SAMPLE
    return signed(SAMPLE[what])


@njit
def halve(row: Record, what: int) -> None:
    """Keep every other member of a set. In place; the table itself is swept when the day turns."""
    before = sampled(row, what)
    row.shift[what] += np.uint8(1)
    if what == CALLEES:
        row.sampled_calls = row.sampled_calls * sampled(row, what) // max(before, 1)


@njit
def coarsen(known: Entities, least: int) -> int:
    """Halve every set of more than `least` kept members; returns how many those are. In place."""
    halved = 0
    for i in range(signed(known.counts[0].partials)):
        row = known.rows[i]
        for what in range(WHATS):
            if row.shift[what] < LEVELS - 1 and sampled(row, what) > least:
                halve(row, what)
                halved += 1
    return halved


@njit
def counts_still(known: Entities, member: Record) -> bool:
    """Its set was not halved below it."""
    row = known.rows[member.row]
    what = signed(member.what)
    bound = max(row.shift[LINES], row.shift[SHOWN]) if what == SHOWN else row.shift[what]
    return bool(member.level >= bound)


@njit
def by_age(known: Entities, day: int, ages: NDArray[np.int64]) -> None:
    """How many members that still count were last seen so many days before: ages int64[n], the last for all older."""
    ages[:] = 0
    for at in range(known.members.shape[0]):
        member = known.members[at]
        if member.key != np.uint64(0) and counts_still(known, member):
            ages[min(max(day - signed(member.day), 0), ages.shape[0] - 1)] += 1


@njit
def sweep(known: Entities, oldest_day: int, fresh: NDArray[np.void]) -> int:
    """Copy the members that still count into an empty table of any size; returns how many. Counts of rows in place."""
    for i in range(signed(known.counts[0].partials)):
        row = known.rows[i]
        for what in range(WHATS):
            for level in range(LEVELS):
                row.members[what, level] = np.int16(0)
    kept = 0
    for at in range(known.members.shape[0]):
        member = known.members[at]
        if member.key == np.uint64(0) or member.day < oldest_day or not counts_still(known, member):
            continue
        place = pair_place(fresh, member.key)
        fresh[place] = member
        known.rows[member.row].members[signed(member.what), signed(member.level)] += np.int16(1)
        kept += 1
    return kept


@njit
def shortened(known: Entities, keep: NDArray[np.bool_], into: Entities) -> None:
    """The rows to keep, and their members, into empty arrays of the same sizes. In place."""
    n = 0
    for i in range(signed(known.counts[0].partials)):
        row = known.rows[i]
        if keep[i]:
            into.rows[n] = row
            put(into.slots, -1 - find_slot(into.slots, into.rows, row.key), row.key, n)
            into.counts[0].numbers += np.int64(row.kind == NUMBER)
            n += 1
    into.counts[0].partials = n
    into.counts[0].refused = known.counts[0].refused
    for at in range(known.members.shape[0]):
        member = known.members[at]
        if member.key != np.uint64(0) and keep[member.row]:
            place = pair_place(into.members, member.key)
            into.members[place] = member
            slot = find_slot(into.slots, into.rows, known.rows[member.row].key)
            into.members[place].row = np.int32(signed(into.slots[slot] & np.uint64(0xFFFFFFFF)) - 1)
            into.counts[0].pairs += 1


@njit
def members_of(members: NDArray[np.void], what: int, rows: NDArray[np.int32], keys: NDArray[np.uint64]) -> int:
    """Every kept member of one kind of set, with the row of its entity, into `rows` and `keys`; returns how many."""
    n = 0
    for at in range(members.shape[0]):
        if members[at].what == what and members[at].key != np.uint64(0):
            rows[n] = members[at].row
            keys[n] = members[at].member
            n += 1
    return n
