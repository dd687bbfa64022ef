"""Room for lines: taking and giving up rows, rings and evidence; idle sweep and eviction."""

import numpy as np

from detector.features.kernels.index import find_slot, mix, put, remove
from detector.features.kernels.jit import Record, inlined, njit, signed
from detector.features.kernels.layout import (
    COLD_TIER,
    HOT,
    HOT_TIER,
    MILLI,
    PASTS,
    RATES,
    TAIL,
    TOLD_UNIT,
    TRAITS,
    WARM,
    WARM_TIER,
    Tables,
)
from detector.features.kernels.memory import fingerprint, prints_start, ring_size
from detector.features.kernels.mixture import begin_dialing

ROWS, EVIDENCE_ROWS = 0, 3
"""Places in meta.free_n; warm and hot rings stand at their tier's number."""

TRAIT_WEIGHT = 0.3
"""How far a line is believed to have a trait before its first call."""

CLOCK_STEPS = 32
"""Candidates an eviction looks at: it gives up the longest silent of them."""

SCARCE = 5
"""Rows are scarce when fewer than 1 in SCARCE is free: then a caller seen once gets no row."""


@njit
def ring_start(t: Tables, tier: int, place: int) -> int:
    """First slot in `kept` of ring `place` of a tier."""
    if tier == COLD_TIER:
        return place * TAIL
    warm = signed(t.rows.shape[0]) * TAIL
    if tier == WARM_TIER:
        return warm + place * WARM
    return warm + signed(t.free_warm.shape[0]) * WARM + place * HOT


@njit
def clear_evidence(evidence: Record) -> None:
    """End the segment: S = 0, every share 0, mixtures of p1 as before the first call. In place.

    What the line's own past and life are taken to be stays: they are p0's.
    """
    for k in range(evidence.share.shape[0]):
        evidence.share[k] = np.int32(0)
    for j in range(RATES):
        evidence.rate_weight[j] = 1.0 / RATES
    begin_dialing(evidence)
    for j in range(TRAITS):
        evidence.trait_weight[j] = TRAIT_WEIGHT
    evidence.score = np.int32(0)
    evidence.first_ms = signed(-1)
    evidence.calls = np.uint32(0)
    evidence.answered = np.uint32(0)
    evidence.distinct = np.uint32(0)
    evidence.callbacks = np.uint32(0)


@njit
def move_ring(t: Tables, row: Record, tier: int, place: int) -> None:
    """Copy the newest kept calls, oldest first, into a ring of another tier. In place; the old ring is not freed."""
    size = ring_size(tier)
    start = ring_start(t, tier, place)
    old_size = ring_size(signed(row.tier))
    n = min(signed(row.kept), size)
    first = (signed(row.head) - n) % old_size
    for i in range(n):
        t.kept[start + i] = t.kept[row.ring + (first + i) % old_size]
    row.ring = start
    row.tier = np.uint8(tier)
    row.kept = np.uint16(n)
    row.head = np.uint16(n % size)
    if tier == HOT_TIER:
        base = prints_start(t, row)
        for i in range(HOT):
            t.prints[base + i] = fingerprint(t.kept[start + i].callee_key) if i < n else np.uint16(0)


@njit
def cool(t: Tables, place: int) -> None:
    """Give up a line's ring and evidence; it keeps its summary and its last calls. In place."""
    row = t.rows[place]
    meta = t.meta[0]
    tier = signed(row.tier)
    if tier == COLD_TIER:
        return
    warm = t.rows.shape[0] * TAIL
    if tier == WARM_TIER:
        ring = (row.ring - warm) // WARM
        t.free_warm[meta.free_n[WARM_TIER]] = np.int32(ring)
    else:
        ring = (row.ring - warm - t.free_warm.shape[0] * WARM) // HOT
        t.free_hot[meta.free_n[HOT_TIER]] = np.int32(ring)
    meta.free_n[tier] += 1
    move_ring(t, row, COLD_TIER, place)
    if row.evidence >= 0:
        t.evidence[row.evidence].row = np.int32(-1)
        t.free_evidence[meta.free_n[EVIDENCE_ROWS]] = row.evidence
        meta.free_n[EVIDENCE_ROWS] += 1
        row.evidence = np.int32(-1)


@inlined
def episode_open(t: Tables, place: int) -> bool:
    """Is an alert of this line open? Such a line is never given up."""
    evidence = t.rows[place].evidence
    return bool(evidence >= 0 and t.evidence[evidence].severity > 0)


@njit
def forget(t: Tables, place: int) -> None:
    """Give up a line altogether. In place."""
    cool(t, place)
    row = t.rows[place]
    remove(t.slots, find_slot(t.slots, t.rows, row.key))
    row.key = np.uint64(0)
    meta = t.meta[0]
    t.free_rows[meta.free_n[ROWS]] = np.int32(place)
    meta.free_n[ROWS] += 1


@njit
def longest_silent(t: Tables, tier: int, hand: int) -> tuple[int, int]:
    """Among the next rows of this tier from the clock hand: the longest silent without an open alert.

    Returns (row or -1, new hand). Looks at no more than 64 * CLOCK_STEPS rows.
    """
    n_rows = t.rows.shape[0]
    best = -1
    found = 0
    for _ in range(min(64 * CLOCK_STEPS, n_rows)):
        row = t.rows[hand]
        if row.key != 0 and signed(row.tier) == tier and not episode_open(t, hand):
            found += 1
            if best < 0 or row.last_ms < t.rows[best].last_ms:
                best = hand
        hand += 1
        if hand == n_rows:
            hand = 0
        if found == CLOCK_STEPS:
            break
    return best, hand


@njit
def make_room(t: Tables, tier: int) -> bool:
    """Give up one row (cold tier) or one ring of a full tier; False = every candidate has an open alert. In place."""
    meta = t.meta[0]
    if meta.free_n[tier] > 0:
        return True
    victim, meta.pool_hand[tier] = longest_silent(t, tier, meta.pool_hand[tier])
    if victim < 0:
        return False
    if tier == COLD_TIER:
        forget(t, victim)
    else:
        cool(t, victim)
    meta.evicted[tier] += 1
    return True


@njit
def promote(t: Tables, place: int, tier: int) -> bool:
    """Give a line a larger ring; False = no room, it stays as it is. In place."""
    if not make_room(t, tier):
        return False
    meta = t.meta[0]
    row = t.rows[place]
    old_tier = signed(row.tier)
    old_ring = signed(row.ring)
    meta.free_n[tier] -= 1
    ring = t.free_warm[meta.free_n[tier]] if tier == WARM_TIER else t.free_hot[meta.free_n[tier]]
    move_ring(t, row, tier, signed(ring))
    if old_tier == WARM_TIER:
        t.free_warm[meta.free_n[WARM_TIER]] = np.int32((old_ring - t.rows.shape[0] * TAIL) // WARM)
        meta.free_n[WARM_TIER] += 1
    return True


@njit
def give_evidence(t: Tables, place: int) -> int:
    """A fresh evidence row for a warm line. Never lacks room: there are as many as warm and hot rings. In place."""
    meta = t.meta[0]
    meta.free_n[EVIDENCE_ROWS] -= 1
    number = t.free_evidence[meta.free_n[EVIDENCE_ROWS]]
    evidence = t.evidence[number]
    clear_evidence(evidence)
    evidence.row = np.int32(place)
    evidence.against_ms = signed(-1)
    evidence.revision_calls = np.uint32(0)
    evidence.reasons = np.uint32(0)
    evidence.severity = np.uint8(0)
    for which in range(PASTS):
        evidence.log_sum[which] = 0
        evidence.log_squares[which] = 0
        evidence.past_n[which] = np.uint16(0)
        evidence.past_head[which] = np.uint16(0)
    evidence.callbacks_seen = np.int32(t.rows[place].callbacks)
    evidence.muted = np.uint16(0)
    evidence.told = np.int32(signed(t.rows[place].told) * (MILLI // TOLD_UNIT))
    t.rows[place].evidence = number
    return signed(number)


@njit
def seen_at_door(t: Tables, key: np.uint64) -> bool:
    """Did this caller knock before? Remembers the knock (blocked Bloom filter, three bits in one word). In place."""
    meta = t.meta[0]
    words = t.door.shape[1]
    h = mix(key)
    word = signed((h >> np.uint64(32)) * np.uint64(words) >> np.uint64(32))
    bits = (
        (np.uint64(1) << (h & np.uint64(63)))
        | (np.uint64(1) << ((h >> np.uint64(6)) & np.uint64(63)))
        | (np.uint64(1) << ((h >> np.uint64(12)) & np.uint64(63)))
    )
    known = bool((t.door[0, word] & bits) == bits or (t.door[1, word] & bits) == bits)
    if not known:
        t.door[meta.door_now, word] |= bits
        meta.door_n += 1
        if meta.door_n >= words * 4:  # 16 bits a caller keeps false knocks near 1 in 100
            meta.door_now = 1 - meta.door_now
            meta.door_n = 0
            t.door[meta.door_now, :] = np.uint64(0)
    return known


@inlined
def row_of(t: Tables, key: np.uint64, number_class: int, now_ms: int) -> int:
    """The row of a key, made if need be; -1 = no row (rows are scarce and the caller is seen once). In place."""
    slot = find_slot(t.slots, t.rows, key)
    if slot < 0:
        return new_row(t, -1 - slot, key, number_class, now_ms)
    return signed(t.slots[slot] & np.uint64(0xFFFFFFFF)) - 1


@njit
def new_row(t: Tables, slot: int, key: np.uint64, number_class: int, now_ms: int) -> int:
    """A row for a key that is to stand at this free slot; -1 = none is given, as of `row_of`. In place."""
    meta = t.meta[0]
    if meta.free_n[ROWS] * SCARCE < t.rows.shape[0] and not seen_at_door(t, key):
        meta.no_row += 1
        return -1
    if meta.free_n[ROWS] == 0:
        if not make_room(t, COLD_TIER):
            meta.no_row += 1
            return -1
        slot = -1 - find_slot(t.slots, t.rows, key)  # entries moved
    meta.free_n[ROWS] -= 1
    place = signed(t.free_rows[meta.free_n[ROWS]])
    row = t.rows[place]
    for i in range(row.map_now.shape[0]):
        row.map_now[i] = np.uint16(0)
        row.map_before[i] = np.uint16(0)
    row.key = key
    row.last_ms = now_ms
    row.newest_new_ms = signed(-1)
    row.decayed = np.float32(0)
    row.evidence = np.int32(-1)
    row.ring = signed(place * TAIL)
    row.calls = np.uint32(0)
    row.kept = np.uint16(0)
    row.head = np.uint16(0)
    row.n_now = np.uint16(0)
    row.n_before = np.uint16(0)
    row.day = np.uint16(0)
    row.callbacks = np.uint16(0)
    row.d_now = np.uint8(0)
    row.d_before = np.uint8(0)
    row.new_today = np.uint8(0)
    row.tier = np.uint8(COLD_TIER)
    row.number_class = np.uint8(number_class)
    row.told = np.uint8(0)
    row.own = np.uint16(0)
    put(t.slots, slot, key, place)
    return place


@njit
def sweep(t: Tables, steps: int, line_idle_ms: int, warm_idle_ms: int) -> None:
    """Look at the next rows in turn: cool lines idle for warm_idle_ms, forget lines idle for line_idle_ms. In place."""
    meta = t.meta[0]
    for _ in range(steps):
        place = signed(meta.sweep)
        row = t.rows[place]
        if row.key != 0 and not episode_open(t, place):
            idle_ms = meta.newest_ms - row.last_ms
            if idle_ms > line_idle_ms:
                forget(t, place)
            elif idle_ms > warm_idle_ms:
                cool(t, place)
        meta.sweep = (meta.sweep + 1) % t.rows.shape[0]
