"""From calls to one minute's partial rows: integers and sets only, so that order and shards make no difference."""

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.layout import (
    BLOCK,
    CALLERS,
    DESTINATION,
    HOLDER,
    KIND_COUNT,
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
from detector.features.kernels.jit import Record, inlined, njit, signed
from detector.numbering.kernels.china import MOBILE
from detector.numbering.kernels.number import HASHED

NEW_PARTIALS, NEW_PAIRS = 10, 30
"""Most that one call adds."""

DESTINATION_DIGITS = 7
_LEAST = 10**DESTINATION_DIGITS


@inlined
def entity_key(kind: int, name: np.uint64) -> np.uint64:
    """One key for each entity of each kind."""
    return mix(mix(np.uint64(name)) + np.uint64(kind + 1))


@inlined
def member_key(entity: np.uint64, what: int, member: np.uint64) -> np.uint64:
    """One key for each member of each set of each entity; never 0."""
    key = mix(np.uint64(entity) ^ mix(mix(np.uint64(member)) + np.uint64(what + 11)))
    return key if key != np.uint64(0) else np.uint64(1)


@inlined
def level_of(member: np.uint64) -> int:
    """How rare a member's hash is: leading zeros, so half of all members reach 1, a quarter 2."""
    z = mix(np.uint64(member) ^ np.uint64(0x5851F42D4C957F2D))
    level = 0
    while level < LEVELS - 1 and z < np.uint64(0x8000000000000000):
        z = np.uint64(z << np.uint64(1))
        level += 1
    return level


@inlined
def destination_of(callee_key: np.uint64) -> np.uint64:
    """The first seven digits of a number, as a number key; 0 = it has fewer, or none."""
    if callee_key >= HASHED or callee_key < np.uint64(_LEAST):
        return np.uint64(0)
    key = signed(callee_key)
    while key >= 10 * _LEAST:
        key //= 10
    return np.uint64(key)


@inlined
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


@inlined
def pair_place(pairs: NDArray[np.void], key: np.uint64) -> int:
    """Where a key stands in an open table of records with a `key`, or the free place where it would."""
    place = signed(key % np.uint64(pairs.shape[0]))
    while pairs[place].key != np.uint64(0) and pairs[place].key != key:
        place += 1
        if place == pairs.shape[0]:
            place = 0
    return place


@inlined
def add_member(
    minute: Minute, place: int, what: int, member: np.uint64, level: int, partner: np.uint64, calls: int
) -> None:
    """One member more in a set of a partial row whose bound it reaches, or seen again. In place."""
    row = minute.partials[place]
    key = member_key(row.key, what, member)
    pair = minute.pairs[pair_place(minute.pairs, key)]
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


@inlined
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


@inlined
def beside(call: Record) -> bool:
    """A mobile number is shown that differs from the callee's in its last four digits only."""
    near = call.number_key // np.uint64(10_000) == call.callee_key // np.uint64(10_000)
    return bool(call.number_class == MOBILE and near and call.number_key != call.callee_key)


@inlined
def count_call(row: Record, call: Record, i: int, outcome: int, block: int, broken: int) -> None:
    """A call that an entity made. In place."""
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
    row.beside += int(beside(call))
    if broken != 0:
        for rule in range(RULES):
            row.broken[rule] += (broken >> rule) & 1


@inlined
def name_of(kind: int, call: Record, block: int, holders: NDArray[np.int32]) -> np.uint64:
    """Which entity of a kind made the call; 0 = none."""
    if kind == NUMBER:
        shown = call.number_key != call.line_key or call.tenant_key != np.uint64(0)
        return call.number_key if shown else np.uint64(0)
    if kind == BLOCK:
        return np.uint64(block + 1)
    if kind == TENANT:
        return call.tenant_key  # type: ignore[no-any-return]
    if kind == TRUNK:
        return call.trunk_in_key  # type: ignore[no-any-return]
    if kind == HOLDER:
        return np.uint64(holders[block] + 1) if block >= 0 else np.uint64(0)
    return destination_of(call.callee_key)


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
    counts = minute.counts[0]
    for i in range(start, calls.shape[0]):
        call = calls[i]
        if duplicate[i] or call.release_ms < from_ms or call.release_ms >= to_ms:
            continue
        full = 2 * (counts.partials + NEW_PARTIALS) > minute.slots.shape[0]
        if full or 2 * (counts.pairs + NEW_PAIRS) > minute.pairs.shape[0]:
            return i
        callee_level, line_level = level_of(call.callee_key), level_of(call.line_key)
        number_level = level_of(call.number_key)
        block = signed(blocks[0, i])
        for kind in range(KIND_COUNT):
            name = name_of(kind, call, block, holders)
            if name == np.uint64(0):
                continue
            many = kind in (NUMBER, DESTINATION)
            if many and counts.partials > MINUTE_NAMES:
                counts.refused += 1
                continue
            place = partial_of(minute, known, kind, name)
            row = minute.partials[place]
            own = kind <= TENANT  # behind trunks and holders stand many blocks
            count_call(row, call, i, signed(outcome[i]), block if own else -1, signed(broken[i]))
            if kind == DESTINATION:  # its people are not compared
                continue
            for what in range(CALLERS):
                member, level, partner = call.callee_key, callee_level, np.uint64(0)
                if what == LINES:
                    member, level = call.line_key, line_level
                elif what == NUMBERS:
                    member, level = call.number_key, number_level
                elif what == SHOWN:
                    member = mix(call.line_key) ^ mix(call.number_key + np.uint64(1))
                    level, partner = line_level, call.line_key
                bound = signed(row.shift[what])
                if level >= (max(bound, signed(row.shift[LINES])) if what == SHOWN else bound):
                    add_member(minute, place, what, member, level, partner, 1)
        block = signed(blocks[1, i])
        if block >= 0 or known.counts[0].numbers > 0:
            count_incoming(minute, known, call, block, holders, number_level)
    return signed(calls.shape[0])


@njit
def count_incoming(
    minute: Minute, known: Entities, call: Record, block: int, holders: NDArray[np.int32], level: int
) -> None:
    """A call to a number of a known number, tenant, block or holder: somebody calls them. In place."""
    number = find(known.slots, known.rows, entity_key(NUMBER, call.callee_key))
    if number < 0 and block < 0:
        return
    for kind in range(HOLDER + 1):
        name = np.uint64(0)
        if kind == NUMBER and number >= 0:
            name = call.callee_key
        elif kind == TENANT and number >= 0:
            name = known.rows[number].tenant_key
        elif kind == BLOCK and block >= 0:
            name = np.uint64(block + 1)
        elif kind == HOLDER and block >= 0:
            name = np.uint64(holders[block] + 1)
        if name != np.uint64(0):
            place = partial_of(minute, known, kind, name)
            if level >= signed(minute.partials[place].shift[CALLERS]):
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
        row.beside += part.beside
        for k in range(RULES):
            row.broken[k] += part.broken[k]
        for what in range(WHATS):
            row.shift[what] = max(row.shift[what], part.shift[what])
    for at in range(from_.pairs.shape[0]):
        pair = from_.pairs[at]
        if pair.key != np.uint64(0):
            part = from_.partials[signed(pair.partial)]
            place = partial_of(to, known, signed(part.kind), part.id)
            if pair.level < to.partials[place].shift[signed(pair.what)]:
                continue
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
