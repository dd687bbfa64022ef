"""A closed minute into its entities: samples grow, evidence is weighed, episodes open and change.

Shares are logarithms of Bayes factors over the whole segment, closed forms of its counts (Dirichlet-multinomial,
Gamma-Poisson; Good 1965), so they depend on what happened and not on its order within the minute.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.gather import member_key, pair_place
from detector.entities.kernels.layout import (
    ANSWER,
    CALLEES,
    CALLERS,
    DESTINATION,
    FAMILIES,
    LEVELS,
    LINES,
    LIST_SAMPLE,
    MOVED,
    NOVELTY,
    NUMBER,
    OUTCOMES,
    PACE,
    RECIPROCITY,
    RULES,
    SAMPLE,
    SCRIPT,
    SHOWN,
    SURGE,
    TALKS,
    WHATS,
    Entities,
    Minute,
)
from detector.features.kernels import evidence as law
from detector.features.kernels.index import find_slot, put
from detector.features.kernels.jit import Record, njit, signed
from detector.features.kernels.layout import MILLI
from detector.features.kernels.weigh import CRITICAL, REASON, WARNING

MINUTE_MS = 60_000
DAY_MINUTES = 1440

ANSWER_PRIOR = 12.0
"""Calls that a class's outcomes are worth before an entity has any of its own."""

SPREAD, PEAKED = 40.0, 4.0
"""Concentration of talk times about the class's law: in life, and where recordings are played."""

LIFE_RATE_H, DIAL_RATE_H, LIFE_SHAPE, DIAL_SHAPE = 1.0, 30.0, 0.5, 1.0
"""Calls an hour and line: mean and shape of the Gamma laws of ordinary life and of dialing."""

SURGE_FACTOR, SURGE_LEAST, SURGE_SHAPE = 20.0, 3.0, 0.5
RATE_FADE = 1.0 - 0.5 ** (1 / 360.0)
"""A minute's part of the usual rate: half-life six hours."""

LIFE_CHANGES, LIFE_KEEPS = 0.5, 9.5
DIAL_CHANGES, DIAL_KEEPS = 2.0, 1.0
"""Beta laws of how often a line shows another number than before."""

LOW = np.array([-4, -4, -4, -4, -16, -2, -4, 0], np.int64) * MILLI
HIGH = np.array([8, 6, 10, 5, 0, 8, 8, 16], np.int64) * MILLI

#                novelty pace script answer reciprocity rotation surge moved
SPEAKS = np.array(
    [
        [True, True, True, True, True, False, False, True],  # number
        [True, True, True, True, True, True, False, True],  # block
        [True, True, True, True, True, True, False, True],  # tenant
        [True, False, True, True, False, False, False, False],  # trunk: other people's lines, too
        [True, True, True, True, True, True, False, False],  # holder
        [False, False, True, True, False, False, True, False],  # destination
    ]
)
"""Which families speak about which kind of entity."""

VOLUME, SHAPE, OUTCOME, IDENTITY = range(4)
GROUP = np.array([VOLUME, VOLUME, SHAPE, OUTCOME, OUTCOME, IDENTITY, VOLUME, IDENTITY])
GROUPS = 4


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
def close(minute: Minute, known: Entities, number: int, laws: NDArray[np.void]) -> None:
    """Weigh minute `number` (event-time minutes since 1970). Everything in place; partials learn their `row`."""
    for i in range(signed(minute.counts[0].partials)):
        part = minute.partials[i]
        part.row = np.int32(row_for(known, part, number))
        part.new = part.old = part.backs = part.changes = part.keeps = part.fresh = np.int32(0)
    known.counts[0].refused += minute.counts[0].refused
    day = np.int32(number // DAY_MINUTES)
    compare(minute, known)
    remember(minute, known, day)
    for i in range(signed(minute.counts[0].partials)):
        part = minute.partials[i]
        if part.row >= 0:
            weigh(known.rows[part.row], part, number, laws)


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
    row.first_minute = number
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
        elif what == LINES:
            part.fresh += np.int32(member.key == np.uint64(0))
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
def weigh(row: Record, part: Record, number: int, laws: NDArray[np.void]) -> None:
    """One minute's counts into an entity's segment, its shares and its score. In place."""
    if part.calls == 0 and part.backs == 0:
        return
    row.number_class = min(row.number_class, part.least_class)
    row.block = np.int32(max(signed(row.block), signed(part.block)))
    row.tenant_key = max(row.tenant_key, part.tenant_key)
    row.authenticated |= part.authenticated
    if row.begin_minute < 0:
        row.begin_minute = number
        row.first_ms = part.first_ms
        row.low_hash = part.low_hash
    row.first_ms = min(row.first_ms, part.first_ms) if part.calls > 0 else row.first_ms
    row.last_ms = max(row.last_ms, part.last_ms)
    for rule in range(RULES):
        row.broken[rule] += part.broken[rule]
    p = laws[signed(row.number_class)]
    score = signed(row.score)
    lines_now = max(estimate(row, LINES), 1)
    strangers = novelty(row, part, p, lines_now)
    row.calls += part.calls
    row.fresh += part.fresh
    row.strangers += part.new
    row.backs += part.backs
    row.changes += part.changes
    row.keeps += part.keeps
    for k in range(OUTCOMES):
        row.outcome[k] += part.outcome[k]
    for k in range(TALKS):
        row.talk[k] += part.talk[k]
    kind = signed(row.kind)
    for k in range(FAMILIES):
        if p.speaks[k] == 0 or not SPEAKS[kind, k] or k == MOVED:  # moved: when a list is measured (moved.py)
            continue
        value = 0
        if k == NOVELTY:
            value = signed(row.share[NOVELTY]) + strangers
        elif k == SURGE:
            value = signed(row.share[SURGE]) + surge_of(row, part, number)
        elif k == ANSWER:
            value = answer(row, p)
        elif k == SCRIPT:
            value = script(row, p)
        elif k == PACE:
            value = pace(row, number, lines_now)
        elif k == RECIPROCITY:
            value = signed(p.callback) * signed(row.backs)
        else:
            value = rotation(row)
        row.share[k] = np.int32(min(max(value, LOW[k]), HIGH[k]))
    total = 0
    for k in range(FAMILIES):
        total += signed(row.share[k])
    row.score = np.int32(total)
    row.last_minute = number
    if total > score:
        row.against_ms = (number + 1) * MINUTE_MS
    if total <= 0 or (kind == DESTINATION and row.share[SURGE] <= 0):
        end_segment(row)


@njit
def end_segment(row: Record) -> None:
    """The score fell to 0: the next minute begins a new segment. In place; what an open episode counted stays."""
    row.score = np.int32(0)
    for k in range(FAMILIES):
        row.share[k] = np.int32(0)
    for k in range(OUTCOMES):
        row.outcome[k] = 0
    for k in range(TALKS):
        row.talk[k] = np.int32(0)
    row.begin_minute = -1
    row.backs = row.changes = row.keeps = 0
    if row.severity == np.uint8(0):
        row.calls = row.fresh = row.strangers = 0


@njit
def novelty(row: Record, part: Record, p: Record, lines_now: int) -> int:
    """New callees against Pitman-Yor of as many ordinary lines, 1/1024 nat; counts of the sample in place.

    n calls to d callees of L alike lines meet a new one with (theta L + sigma d) / (theta L + n). New ones of a
    minute are taken first, so order within it does not matter.
    """
    told = 0
    d = sampled(row, CALLEES) - signed(part.new)
    n = signed(row.sampled_calls)
    scale = max(float(p.theta), 0.5) * max(lines_now >> signed(row.shift[CALLEES]), 1)
    for _ in range(min(signed(part.new), 200)):
        if n > 0:
            told += law.ratio(p.new_p1, (scale + p.sigma * max(d, 0)) / (scale + n), 0.5)
        d += 1
        n += 1
    for _ in range(min(signed(part.old), 200)):
        p_new = (scale + p.sigma * max(d, 0)) / (scale + max(n, 1))
        told += law.ratio(1.0 - p.new_p1, 1.0 - min(p_new, 0.999), 0.5)
        n += 1
    row.sampled_calls += signed(part.new) + signed(part.old)
    return told


@njit
def answer(row: Record, p: Record) -> int:
    """Outcomes of the segment, Dirichlet-multinomial about the class's and about a dialer's, 1/1024 nat."""
    told = 0.0
    for k in range(OUTCOMES):
        n = signed(row.outcome[k])
        ordinary = float(p.ordinary[k])
        dialing = 0.9 * float(p.dialing[k]) + 0.1 * ordinary
        told += math.lgamma(ANSWER_PRIOR * dialing + n) - math.lgamma(ANSWER_PRIOR * dialing)
        told -= math.lgamma(ANSWER_PRIOR * ordinary + n) - math.lgamma(ANSWER_PRIOR * ordinary)
    return math.floor(MILLI * told + 0.5)


@njit
def script(row: Record, p: Record) -> int:
    """Talk times of the segment: peaked as where recordings are played, or spread as in life; 1/1024 nat."""
    told = 0.0
    n = 0
    for k in range(TALKS):
        c = signed(row.talk[k])
        n += c
        if c > 0:
            part = p.talk[k]
            told += math.lgamma(PEAKED * part + c) - math.lgamma(PEAKED * part)
            told -= math.lgamma(SPREAD * part + c) - math.lgamma(SPREAD * part)
    told += math.lgamma(PEAKED) - math.lgamma(PEAKED + n) - math.lgamma(SPREAD) + math.lgamma(SPREAD + n)
    return math.floor(MILLI * told + 0.5)


@njit
def pace(row: Record, number: int, lines_now: int) -> int:
    """Calls of the segment in its line-hours: Gamma-Poisson of dialing against life, 1/1024 nat."""
    hours = lines_now * (number - row.begin_minute + 1) / 60.0
    n = float(row.calls)
    dial = DIAL_SHAPE / DIAL_RATE_H
    life = LIFE_SHAPE / LIFE_RATE_H
    told = math.lgamma(DIAL_SHAPE + n) - math.lgamma(DIAL_SHAPE)
    told += DIAL_SHAPE * math.log(dial / (dial + hours)) - n * math.log(dial + hours)
    told -= math.lgamma(LIFE_SHAPE + n) - math.lgamma(LIFE_SHAPE)
    told -= LIFE_SHAPE * math.log(life / (life + hours)) - n * math.log(life + hours)
    return math.floor(MILLI * told + 0.5)


@njit
def rotation(row: Record) -> int:
    """How often lines show another number than before: Beta laws of rotation against life, 1/1024 nat."""
    told = log_beta(DIAL_CHANGES + row.changes, DIAL_KEEPS + row.keeps) - log_beta(DIAL_CHANGES, DIAL_KEEPS)
    told -= log_beta(LIFE_CHANGES + row.changes, LIFE_KEEPS + row.keeps) - log_beta(LIFE_CHANGES, LIFE_KEEPS)
    return math.floor(MILLI * told + 0.5)


@njit
def log_beta(a: float, b: float) -> float:
    """Logarithm of the Beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


@njit
def surge_of(row: Record, part: Record, number: int) -> int:
    """This minute's calls against the entity's own usual rate: negative binomials, mean and 20 times it; 1/1024 nat."""
    gap = max(number - row.last_minute, 1)
    row.rate *= (1.0 - RATE_FADE) ** gap
    usual = max(row.rate, SURGE_LEAST)
    told = log_negative_binomial(part.calls, SURGE_FACTOR * usual) - log_negative_binomial(part.calls, usual)
    row.rate += RATE_FADE * part.calls
    return math.floor(MILLI * min(max(told, -2.0), 4.0) + 0.5)


@njit
def log_negative_binomial(n: int, mean: float) -> float:
    """Log probability of n, but for the term that does not depend on the mean."""
    return SURGE_SHAPE * math.log(SURGE_SHAPE / (SURGE_SHAPE + mean)) + n * math.log(mean / (SURGE_SHAPE + mean))


@njit
def speaking(row: Record) -> int:
    """Groups of families with 2 nats or more."""
    groups = 0
    for group in range(GROUPS):
        nats = 0
        for k in range(FAMILIES):
            if GROUP[k] == group:
                nats += signed(row.share[k])
        groups += int(nats >= 2 * MILLI)
    return groups


@njit
def changed(minute: Minute, known: Entities, threshold: int, critical: int, out: NDArray[np.int32]) -> int:
    """Rows whose episode opened or changed in this minute, into `out`; returns how many. Trigger state in place."""
    n = 0
    for i in range(signed(minute.counts[0].partials)):
        place = signed(minute.partials[i].row)
        if place < 0:
            continue
        row = known.rows[place]
        was = signed(row.severity)
        alone = signed(row.share[MOVED]) >= threshold
        if was == 0 and (row.score < threshold or (speaking(row) < 2 and not alone)):
            continue
        severity = max(was, CRITICAL if row.score >= critical else WARNING)
        reasons = signed(row.reasons) if was > 0 else 0
        for k in range(FAMILIES):
            if row.share[k] >= REASON:
                reasons |= 1 << k
        if severity == was and reasons == signed(row.reasons) and row.calls < 2 * row.revision_calls:
            continue
        row.severity = np.uint8(severity)
        row.reasons = np.uint32(reasons)
        row.revision_calls = row.calls
        out[n] = np.int32(place)
        n += 1
    return n


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
        if member.key == np.uint64(0) or member.day < oldest_day:
            continue
        row = known.rows[member.row]
        what = signed(member.what)
        bound = max(row.shift[LINES], row.shift[SHOWN]) if what == SHOWN else row.shift[what]
        if member.level < bound:
            continue
        place = pair_place(fresh, member.key)
        fresh[place] = member
        row.members[what, signed(member.level)] += np.int16(1)
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
