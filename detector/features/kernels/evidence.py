"""What each family observes in one call: log p1/p0, in 1/1024 nat (models/cards/evidence.md).

Every p1 holds a tenth of p0, so no observation speaks for a line with more than log 10; every p0 holds a
little of a broad law, so none speaks against it without bound.
"""

import math

import numpy as np

from detector.features.kernels.jit import Record, inlined, signed
from detector.features.kernels.layout import GAP_PAST, LOG_UNIT, NEWEST, PAST, PEOPLE, RATES, TALK_PAST
from detector.features.kernels.mixture import told

FORGET = 0.05
"""Part of the pace mixture's weight shared out again after every call: a dialer may change its pace."""

_LOG_MONTH_S = math.log(30 * 86_400.0)
_MASS_FLOOR = 1e-5


@inlined
def novelty(evidence: Record, p: Record, first_time: bool, n: int, d: int) -> int:
    """Is this callee new to the line? n = 0 says nothing. Weights in place.

    p0 of people: Pitman-Yor after n calls to d callees (Pitman & Yor 1997); other lives and dialers: a fixed share.
    """
    if n == 0:
        return 0
    people = (p.theta + p.sigma * d) / (p.theta + n)
    lives, dials = p.life_new, p.dial_new
    if first_time:
        return told(evidence, (people, lives[1], lives[2]), (dials[0], dials[1], dials[2]), 0.5)
    return told(
        evidence,
        (1.0 - people, 1.0 - lives[1], 1.0 - lives[2]),
        (1.0 - dials[0], 1.0 - dials[1], 1.0 - dials[2]),
        0.5,
    )


@inlined
def _lomax(gap_s: float, p: Record, life: int) -> float:
    shape: float = p.life_gap_shape[life]
    scale_s: float = p.life_gap_scale_s[life]
    density: float = shape / scale_s * (1.0 + gap_s / scale_s) ** (-shape - 1.0)
    return density


@inlined
def pace(evidence: Record, p: Record, gap_s: float) -> int:
    """Gap between first-time callees. p0: Lomax; p1: exponentials whose weights follow Bayes' rule. In place.

    gap_s  seconds, not negative; a gap under half a second counts as half a second (clock resolution)
    """
    gap = max(gap_s, 0.5)
    total = 0.0
    for j in range(RATES):
        total += evidence.rate_weight[j] * p.rate_per_s[j] * math.exp(-p.rate_per_s[j] * gap)
    if total > 0.0:
        for j in range(RATES):
            posterior = evidence.rate_weight[j] * p.rate_per_s[j] * math.exp(-p.rate_per_s[j] * gap) / total
            evidence.rate_weight[j] = (1.0 - FORGET) * posterior + FORGET / RATES
    lives = (_lomax(gap, p, 0), _lomax(gap, p, 1), _lomax(gap, p, 2))
    return told(evidence, lives, (total, total, total), 1.0 / (max(gap, 1.0) * _LOG_MONTH_S))


@inlined
def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z * 0.7071067811865476)


@inlined
def log_of(seconds: int) -> int:
    """log(seconds + 0.5) in 1/LOG_UNIT."""
    return math.floor(LOG_UNIT * math.log(seconds + 0.5) + 0.5)


@inlined
def close_by(evidence: Record, which: int, value: int, within: int) -> int:
    """How many kept values of a past are within `within` of a value; 32 bits wide, so eight are compared at a time."""
    low, high = np.int32(value - within), np.int32(value + within)
    near = np.int32(0)
    for i in range(which * PAST, which * PAST + signed(evidence.past_n[which])):
        near = np.int32(near + np.int32(low <= evidence.past[i] <= high))
    return signed(near)


@inlined
def whole_second(seconds: int, mean: float, spread: float) -> float:
    """Chance of this whole second under a log-normal law."""
    upper = _normal_cdf((math.log(seconds + 1.0) - mean) / spread)
    lower = _normal_cdf((math.log(seconds) - mean) / spread) if seconds > 0 else 0.0
    return max(upper - lower, _MASS_FLOOR)


@inlined
def repeated(
    seconds: int, evidence: Record, which: int, within: int, mu: float, sigma: float, least_spread: float
) -> tuple[float, float]:
    """Whole seconds against the line's own past: (p0 about its own centre, share of the past close by).

    p0: log-normal about the own mean of logarithms with two pseudo-observations of the class (mu), spread shrunk to
    the class's sigma and at least least_spread. The second is a boxcar: mass of kept values within `within` seconds,
    spread over as many whole seconds; 0 where nothing is kept.
    """
    m = signed(evidence.past_n[which])
    near = close_by(evidence, which, seconds, within)
    logs = evidence.log_sum[which] / LOG_UNIT
    mean = (2.0 * mu + logs) / (2.0 + m)
    squares = evidence.log_squares[which] / LOG_UNIT**2 - 2.0 * mean * logs + m * mean * mean
    spread = max(math.sqrt((2.0 * sigma * sigma + max(squares, 0.0)) / (2.0 + m)), least_spread)
    boxcar = near / (m * (min(seconds, within) + within + 1.0)) if m > 0 else 0.0
    return whole_second(seconds, mean, spread), boxcar


@inlined
def _newest_close_by(evidence: Record, which: int, value: int, within: int) -> int:
    """How many of the NEWEST kept values of a past are within `within` of a value."""
    near = 0
    for back in range(1, min(signed(evidence.past_n[which]), NEWEST) + 1):
        place = (signed(evidence.past_head[which]) - back) % PAST
        near += int(abs(signed(evidence.past[which * PAST + place]) - value) <= within)
    return near


@inlined
def script(evidence: Record, p: Record, talk_s: int) -> int:
    """Talk with a first-time callee: is it within 4 s of a kept talk? Nothing kept says nothing. Weights in place.

    A line whose own script is its own affair (declared) is compared with itself: p0 is half the talks before the
    NEWEST, p1 the newest, so only a change of script speaks.
    """
    m = signed(evidence.past_n[TALK_PAST])
    if m == 0:
        return 0
    mu, sigma = p.life_talk_mu, p.life_talk_sigma
    own, boxcar = repeated(talk_s, evidence, TALK_PAST, 4, mu[PEOPLE], sigma[PEOPLE], p.talk_least_spread)
    if p.own_script:
        width = min(talk_s, 4) + 5.0
        newest = _newest_close_by(evidence, TALK_PAST, talk_s, 4)
        if m > NEWEST:
            before = close_by(evidence, TALK_PAST, talk_s, 4) - newest
            own = 0.5 * own + 0.5 * before / ((m - NEWEST) * width)
        boxcar = newest / (min(m, NEWEST) * width)
    plays = p.dial_plays
    return told(
        evidence,
        (own, whole_second(talk_s, mu[1], sigma[1]), whole_second(talk_s, mu[2], sigma[2])),
        (
            (1.0 - plays[0]) * own + plays[0] * boxcar,
            (1.0 - plays[1]) * own + plays[1] * boxcar,
            (1.0 - plays[2]) * own + plays[2] * boxcar,
        ),
        1.0 / 3600.0,
    )


@inlined
def answer(evidence: Record, p: Record, outcome: int) -> int:
    """How a call to a first-time callee ended. Weights in place."""
    lives, dials = p.life_outcome, p.dial_outcome
    return told(
        evidence,
        (lives[0, outcome], lives[1, outcome], lives[2, outcome]),
        (dials[0, outcome], dials[1, outcome], dials[2, outcome]),
        0.25,
    )


@inlined
def keep_past(evidence: Record, which: int, value: int, log: int) -> None:
    """Remember a value of one of the line's pasts, in the place of the oldest when PAST are kept. In place.

    log  its logarithm in 1/LOG_UNIT; for GAP_PAST value and log are the same
    """
    place = which * PAST + signed(evidence.past_head[which])
    if evidence.past_n[which] == PAST:
        old = signed(evidence.past[place])
        old_log = old if which == GAP_PAST else log_of(old)
        evidence.log_sum[which] -= old_log
        evidence.log_squares[which] -= old_log * old_log
    else:
        evidence.past_n[which] += np.uint16(1)
    evidence.log_sum[which] += log
    evidence.log_squares[which] += log * log
    evidence.past[place] = np.int32(value)
    evidence.past_head[which] = np.uint16((signed(evidence.past_head[which]) + 1) % PAST)


@inlined
def add_share(evidence: Record, k: int, observed: int, weight: float, low: int, high: int) -> int:
    """C_k <- clip(C_k + w_k * l_k, -b_k, +c_k). In place; returns w_k * l_k: a full share still speaks."""
    weighed = signed(math.floor(weight * observed + 0.5))
    evidence.share[k] = np.int32(min(max(signed(evidence.share[k]) + weighed, low), high))
    return weighed
