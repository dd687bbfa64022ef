"""From calls to one minute's partial rows: integers and sets only, so that order and shards make no difference."""

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.layout import (
    BLOCK,
    CALLEES,
    CALLERS,
    DESTINATION,
    HOLDER,
    LEVELS,
    LINES,
    MINUTE_NAMES,
    MINUTE_SAMPLE,
    NUMBER,
    NUMBERS,
    OUTCOMES,
    RULES,
    SHOWN,
    TALKS,
    TENANT,
    TRUNK,
    WHATS,
    Entities,
    Minute,
)
from detector.features.kernels.index import find, find_slot, mix, put
from detector.features.kernels.jit import Record, njit, signed
from detector.numbering.kernels.number import HASHED

NEW_PARTIALS, NEW_PAIRS = 10, 30
"""Most that one call adds."""

DESTINATION_DIGITS = 7
_LEAST = 10**DESTINATION_DIGITS


@njit
def entity_key(kind: int, name: np.uint64) -> np.uint64:
    """One key for each entity of each kind."""
    return mix(mix(np.uint64(name)) + np.uint64(kind + 1))


@njit
def member_key(entity: np.uint64, what: int, member: np.uint64) -> np.uint64:
    """One key for each member of each set of each entity; never 0."""
    key = mix(np.uint64(entity) ^ mix(mix(np.uint64(member)) + np.uint64(what + 11)))
    return key if key != np.uint64(0) else np.uint64(1)


@njit
def level_of(member: np.uint64) -> int:
    """How rare a member's hash is: leading zeros, so half of all members reach 1, a quarter 2."""
    z = mix(np.uint64(member) ^ np.uint64(0x5851F42D4C957F2D))
    level = 0
    while level < LEVELS - 1 and z < np.uint64(0x8000000000000000):
        z = np.uint64(z << np.uint64(1))
        level += 1
    return level


@njit
def destination_of(callee_key: np.uint64) -> np.uint64:
    """The first seven digits of a number, as a number key; 0 = it has fewer, or none."""
    if callee_key >= HASHED or callee_key < np.uint64(_LEAST):
        return np.uint64(0)
    key = signed(callee_key)
    while key >= 10 * _LEAST:
        key //= 10
    return np.uint64(key)


@njit
def talk_bin(talk_s: float) -> int:
    """Bin of a talk time: two seconds each up to a minute, then ten on a log scale."""
    if talk_s < 60.0:
        return max(int(talk_s) // 2, 0)
    place = 30
    edge = 60.0
    while place < TALKS - 1 and talk_s >= edge * 1.5:
        edge *= 1.5
        place += 1
    return place


@njit
def pair_place(pairs: NDArray[np.void], key: np.uint64) -> int:
    """Where a key stands in an open table of records with a `key`, or the free place where it would."""
    place = signed(key % np.uint64(pairs.shape[0]))
    while pairs[place].key != np.uint64(0) and pairs[place].key != key:
        place += 1
        if place == pairs.shape[0]:
            place = 0
    return place


@njit
def add_member(
    minute: Minute, place: int, what: int, member: np.uint64, level: int, partner: np.uint64, calls: int
) -> None:
    """One member more in a set of a partial row, or seen again. In place."""
    row = minute.partials[place]
    if level < signed(row.shift[what]):
        return
    key = member_key(row.key, what, member)
    at = pair_place(minute.pairs, key)
    pair = minute.pairs[at]
    if pair.key == np.uint64(0):
        pair.key = key
        pair.member = member
        pair.partner = partner
        pair.partial = np.int32(place)
        pair.what = np.uint8(what)
        pair.level = np.uint8(level)
        pair.calls = np.int32(0)
        minute.counts[0].pairs += 1
        row.members[what, level] += np.int16(1)
        if what != SHOWN:
            limit(row, what)
    pair.calls += np.int32(calls)


@njit
def limit(row: Record, what: int) -> None:
    """Raise the bound of a set until no more than MINUTE_SAMPLE members reach it. In place."""
    while row.shift[what] < LEVELS - 1 and reaching(row, what) > MINUTE_SAMPLE:
        row.shift[what] += np.uint8(1)


@njit
def reaching(row: Record, what: int) -> int:
    """Members of a set at or above its bound."""
    n = 0
    for level in range(signed(row.shift[what]), LEVELS):
        n += signed(row.members[what, level])
    return n


@njit
def partial_of(minute: Minute, known: Entities, kind: int, name: np.uint64) -> int:
    """The partial row of an entity, made with the bounds of its samples when the minute has none yet. In place."""
    key = entity_key(kind, name)
    slot = find_slot(minute.slots, minute.partials, key)
    if slot >= 0:
        return signed(minute.slots[slot] & np.uint64(0xFFFFFFFF)) - 1
    place = signed(minute.counts[0].partials)
    minute.counts[0].partials += 1
    put(minute.slots, -1 - slot, key, place)
    row = minute.partials[place]
    row.key = key
    row.id = name
    row.kind = np.uint8(kind)
    row.block = np.int32(-1)
    row.first_call = np.int64(-1)
    row.first_ms = np.int64(0x7FFFFFFFFFFFFFFF)
    row.low_hash = np.uint64(0xFFFFFFFFFFFFFFFF)
    row.least_class = np.uint8(255)
    row.row = np.int32(-1)
    entity = find(known.slots, known.rows, key)
    if entity >= 0:
        for what in range(WHATS):
            row.shift[what] = known.rows[entity].shift[what]
    return place


@njit
def count_call(
    minute: Minute, place: int, call: Record, i: int, outcome: int, block: int, broken: int, line_level: int
) -> None:
    """A call that an entity made. In place."""
    row = minute.partials[place]
    if row.first_call < 0:
        row.first_call = np.int64(i)
    row.first_ms = min(row.first_ms, call.setup_ms)
    row.last_ms = max(row.last_ms, call.release_ms)
    row.low_hash = min(row.low_hash, call.call_hash)
    row.calls += 1
    row.least_class = min(row.least_class, call.number_class)
    row.authenticated |= call.authenticated
    row.block = np.int32(max(signed(row.block), block))
    row.tenant_key = max(row.tenant_key, call.tenant_key)
    if outcome < OUTCOMES:
        row.outcome[outcome] += 1
    if call.answer_ms >= 0:
        row.talk[talk_bin((call.release_ms - call.answer_ms) / 1000.0)] += np.int32(1)
    for rule in range(RULES):
        row.broken[rule] += (broken >> rule) & 1
    add_member(minute, place, LINES, call.line_key, line_level, np.uint64(0), 1)


@njit
def count_people(
    minute: Minute, place: int, call: Record, callee_level: int, line_level: int, number_level: int
) -> None:
    """Whom a call went to, and which number it showed. In place."""
    add_member(minute, place, CALLEES, call.callee_key, callee_level, np.uint64(0), 1)
    add_member(minute, place, NUMBERS, call.number_key, number_level, np.uint64(0), 1)
    if line_level >= signed(minute.partials[place].shift[LINES]):
        shown = mix(call.line_key) ^ mix(call.number_key + np.uint64(1))
        add_member(minute, place, SHOWN, shown, line_level, call.line_key, 1)


@njit
def gather(
    calls: NDArray[np.void],
    start: int,
    duplicate: NDArray[np.bool_],
    outcome: NDArray[np.uint8],
    blocks: NDArray[np.int32],
    broken: NDArray[np.uint8],
    holders: NDArray[np.int32],
    from_ms: int,
    to_ms: int,
    minute: Minute,
    known: Entities,
) -> int:
    """Add the calls released in [from_ms, to_ms) to a minute; returns the first call for which there was no room.

    calls      CDR[n]        in any order
    duplicate  bool[n]       calls to leave out
    outcome    uint8[n]      features.kernels.layout.ANSWERED ...
    blocks     int32[2, n]   registry place of the caller's number and of the callee's; -1 = none
    broken     uint8[n]      rules the call breaks, a bit each
    holders    int32[blocks] which holder has a block
    """
    for i in range(start, calls.shape[0]):
        call = calls[i]
        if duplicate[i] or call.release_ms < from_ms or call.release_ms >= to_ms:
            continue
        full = 2 * (minute.counts[0].partials + NEW_PARTIALS) > minute.slots.shape[0]
        if full or 2 * (minute.counts[0].pairs + NEW_PAIRS) > minute.pairs.shape[0]:
            return i
        callee_level, line_level = level_of(call.callee_key), level_of(call.line_key)
        number_level = level_of(call.number_key)
        block = signed(blocks[0, i])
        for kind in range(5):
            name = np.uint64(0)
            if kind == NUMBER and (call.number_key != call.line_key or call.tenant_key != np.uint64(0)):
                name = call.number_key
            elif kind == BLOCK and block >= 0:
                name = np.uint64(block + 1)
            elif kind == TENANT:
                name = call.tenant_key
            elif kind == TRUNK:
                name = call.trunk_in_key
            elif kind == HOLDER and block >= 0:
                name = np.uint64(holders[block] + 1)
            if kind == NUMBER and minute.counts[0].partials > MINUTE_NAMES:
                minute.counts[0].refused += np.int64(name != np.uint64(0))
                name = np.uint64(0)
            if name != np.uint64(0):
                place = partial_of(minute, known, kind, name)
                of = block if kind <= TENANT else -1
                count_call(minute, place, call, i, signed(outcome[i]), of, signed(broken[i]), line_level)
                count_people(minute, place, call, callee_level, line_level, number_level)
        name = destination_of(call.callee_key)
        if minute.counts[0].partials > MINUTE_NAMES:
            minute.counts[0].refused += 1
        elif name != np.uint64(0):
            place = partial_of(minute, known, DESTINATION, name)
            count_call(minute, place, call, i, signed(outcome[i]), -1, 0, line_level)
        count_incoming(minute, known, call, signed(blocks[1, i]), holders, level_of(call.number_key))
    return signed(calls.shape[0])


@njit
def count_incoming(
    minute: Minute, known: Entities, call: Record, block: int, holders: NDArray[np.int32], level: int
) -> None:
    """A call to a number of a known number, tenant, block or holder: somebody calls them. In place."""
    number = find(known.slots, known.rows, entity_key(NUMBER, call.callee_key))
    if number >= 0:
        place = partial_of(minute, known, NUMBER, call.callee_key)
        add_member(minute, place, CALLERS, call.number_key, level, np.uint64(0), 1)
        if known.rows[number].tenant_key != np.uint64(0):
            place = partial_of(minute, known, TENANT, known.rows[number].tenant_key)
            add_member(minute, place, CALLERS, call.number_key, level, np.uint64(0), 1)
    if block >= 0:
        place = partial_of(minute, known, BLOCK, np.uint64(block + 1))
        add_member(minute, place, CALLERS, call.number_key, level, np.uint64(0), 1)
        place = partial_of(minute, known, HOLDER, np.uint64(holders[block] + 1))
        add_member(minute, place, CALLERS, call.number_key, level, np.uint64(0), 1)


@njit
def add_minute(from_: Minute, to: Minute, known: Entities) -> None:
    """Add one shard's minute to another's, which must have room for all of it. In place."""
    for i in range(signed(from_.counts[0].partials)):
        part = from_.partials[i]
        row = to.partials[partial_of(to, known, signed(part.kind), part.id)]
        row.first_ms = min(row.first_ms, part.first_ms)
        row.last_ms = max(row.last_ms, part.last_ms)
        row.low_hash = min(row.low_hash, part.low_hash)
        row.calls += part.calls
        row.tenant_key = max(row.tenant_key, part.tenant_key)
        row.block = np.int32(max(signed(row.block), signed(part.block)))
        row.least_class = min(row.least_class, part.least_class)
        row.authenticated |= part.authenticated
        for k in range(OUTCOMES):
            row.outcome[k] += part.outcome[k]
        for k in range(TALKS):
            row.talk[k] += part.talk[k]
        for k in range(RULES):
            row.broken[k] += part.broken[k]
        for what in range(WHATS):
            row.shift[what] = max(row.shift[what], part.shift[what])
    for at in range(from_.pairs.shape[0]):
        pair = from_.pairs[at]
        if pair.key != np.uint64(0):
            part = from_.partials[signed(pair.partial)]
            place = partial_of(to, known, signed(part.kind), part.id)
            add_member(to, place, signed(pair.what), pair.member, signed(pair.level), pair.partner, signed(pair.calls))


@njit
def move(from_: Minute, to: Minute) -> None:
    """Everything of a minute into a wider, empty one, but for members below their bounds. In place."""
    n = signed(from_.counts[0].partials)
    for place in range(n):
        to.partials[place] = from_.partials[place]
        key = from_.partials[place].key
        put(to.slots, -1 - find_slot(to.slots, to.partials, key), key, place)
    pairs = 0
    for at in range(from_.pairs.shape[0]):
        pair = from_.pairs[at]
        if pair.key != np.uint64(0) and pair.level >= from_.partials[signed(pair.partial)].shift[signed(pair.what)]:
            to.pairs[pair_place(to.pairs, pair.key)] = pair
            pairs += 1
    to.counts[0].partials = n
    to.counts[0].pairs = pairs
