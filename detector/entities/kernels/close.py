"""A closed minute into its entities: evidence is weighed, episodes open and change.

Shares are logarithms of Bayes factors over the whole segment, closed forms of its counts (Dirichlet-multinomial,
Gamma-Poisson; Good 1965), so they depend on what happened and not on its order within the minute.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.layout import (
    ANSWER,
    BLOCK,
    CALLEES,
    DESTINATION,
    FAMILIES,
    HOLDER,
    LINES,
    MINUTE_MS,
    MOVED,
    NEIGHBOUR,
    NOVELTY,
    OUTCOMES,
    PACE,
    RECIPROCITY,
    RULES,
    SCRIPT,
    SURGE,
    TALKS,
    TOLD,
    Entities,
    Minute,
)
from detector.entities.kernels.samples import compare, estimate, remember, row_for, sampled
from detector.entities.kernels.told import fade, told
from detector.features.kernels.jit import Record, njit, signed
from detector.features.kernels.layout import MILLI
from detector.features.kernels.mixture import ratio
from detector.features.kernels.weigh import CRITICAL, REASON, WARNING

DAY_MINUTES = 1440

CALLED_FOR_A_BACK = 50
"""Of so many people newly called one calls back even a dialer, which speaks for nobody. Counted as 1.5 nats each, 7
call-backs out of thousands took 10.5 nats off 952750 while it made 150 calls a minute."""

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

LIFE_BESIDE, LIFE_ELSEWHERE = 0.5, 99.5
SPOOF_BESIDE, SPOOF_ELSEWHERE = 1.0, 4.0
"""Beta laws of calls that show a number of the callee's own ten thousand: under one in a hundred by chance, a tenth and
more where neighbours' numbers are borrowed (signature 17)."""

LOW = np.array([-4, -4, -4, -4, -16, -2, -4, 0, 0, 0], np.int64) * MILLI
HIGH = np.array([8, 6, 10, 5, 0, 8, 8, 16, 16, 6], np.int64) * MILLI

LEAST_SCRIPT_OF_MANY = -1 * MILLI
"""Behind a block or a holder many customers talk; that no recording stands out says little: with -4 nats 952750 fell
under the threshold of 14 while people took over from the machines and 150 calls a minute went on."""

#                novelty pace script answer reciprocity rotation surge neighbour moved told
SPEAKS = np.array(
    [
        [True, True, True, True, True, False, False, False, True, True],  # number
        [True, True, True, True, True, True, False, False, True, True],  # block
        [True, True, True, True, True, True, False, True, True, True],  # tenant
        [True, False, True, True, False, False, False, True, False, False],  # trunk: other people's lines, too
        [True, True, True, True, True, True, False, True, False, True],  # holder
        [False, False, True, True, False, False, True, False, False, False],  # destination
    ]
)
"""Which families speak about which kind of entity."""

VOLUME, SHAPE, OUTCOME, IDENTITY = range(4)
NO_GROUP = 4
GROUP = np.array([VOLUME, VOLUME, SHAPE, OUTCOME, OUTCOME, IDENTITY, VOLUME, IDENTITY, IDENTITY, NO_GROUP])
"""Complaints are no group: they add to what two others say, and cannot be one of the two."""

GROUPS = 4


@njit
def close(minute: Minute, known: Entities, number: int, laws: NDArray[np.void]) -> None:
    """Weigh minute `number` (event-time minutes since 1970). Everything in place; partials learn their `row`."""
    for i in range(signed(minute.counts[0].partials)):
        part = minute.partials[i]
        part.row = np.int32(row_for(known, part, number))
        part.new = part.old = part.backs = part.changes = part.keeps = np.int32(0)
    known.counts[0].refused += minute.counts[0].refused
    day = np.int32(number // DAY_MINUTES)
    compare(minute, known)
    remember(minute, known, day)
    for i in range(signed(minute.counts[0].partials)):
        part = minute.partials[i]
        if part.row >= 0:
            weigh(known.rows[part.row], part, number, laws)


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
    rest = score - signed(row.share[TOLD])
    lines_now = max(estimate(row, LINES), 1)
    strangers = novelty(row, part, p, lines_now)
    row.calls += part.calls
    row.strangers += part.new
    row.backs += part.backs
    row.changes += part.changes
    row.keeps += part.keeps
    row.beside += part.beside
    for k in range(OUTCOMES):
        row.outcome[k] += part.outcome[k]
    for k in range(TALKS):
        row.talk[k] += part.talk[k]
    fade(row, number)
    for k in range(TALKS):  # outcomes are not counted where a trunk lacks unanswered calls
        row.heard += part.talk[k]
    kind = signed(row.kind)
    for k in range(FAMILIES):
        if p.speaks[k] == 0 or not SPEAKS[kind, k] or k >= MOVED:  # moved: when a list is measured (moved.py)
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
            value = signed(p.callback) * max(signed(row.backs) - signed(row.strangers) // CALLED_FOR_A_BACK, 0)
        elif k == NEIGHBOUR:
            value = neighbour(row)
        else:
            value = rotation(row)
        many = k == SCRIPT and kind in (BLOCK, HOLDER)
        row.share[k] = np.int32(min(max(value, LEAST_SCRIPT_OF_MANY if many else LOW[k]), HIGH[k]))
    total = 0
    for k in range(TOLD):
        total += signed(row.share[k])
    stands = total >= rest  # at its limits it cannot rise, and complaints fade while it goes on
    row.share[TOLD] = np.int32(
        told(row.complainants, row.heard, p.complaints) if total > 0 and SPEAKS[kind, TOLD] else 0
    )
    total += signed(row.share[TOLD])
    row.score = np.int32(total)
    row.last_minute = number
    if total > score or (stands and part.calls > 0):
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
        row.calls = row.strangers = row.beside = 0


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
            told += ratio(p.new_p1, (scale + p.sigma * max(d, 0)) / (scale + n), 0.5)
        d += 1
        n += 1
    for _ in range(min(signed(part.old), 200)):
        p_new = (scale + p.sigma * max(d, 0)) / (scale + max(n, 1))
        told += ratio(1.0 - p.new_p1, 1.0 - min(p_new, 0.999), 0.5)
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
def neighbour(row: Record) -> int:
    """How often the number shown stands beside the callee's: Beta laws of borrowed numbers against life, 1/1024 nat."""
    elsewhere = row.calls - row.beside
    told = log_beta(SPOOF_BESIDE + row.beside, SPOOF_ELSEWHERE + elsewhere) - log_beta(SPOOF_BESIDE, SPOOF_ELSEWHERE)
    told -= log_beta(LIFE_BESIDE + row.beside, LIFE_ELSEWHERE + elsewhere) - log_beta(LIFE_BESIDE, LIFE_ELSEWHERE)
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
        alone = max(signed(row.share[MOVED]), signed(row.share[NEIGHBOUR])) >= threshold
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
