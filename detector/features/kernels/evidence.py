"""What each family observes in one call: log p1/p0, in 1/1024 nat (models/cards/evidence.md).

Every p1 holds a tenth of p0, so no observation speaks for a line with more than log 10; every p0 holds a
little of a broad law, so none speaks against it without bound.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.jit import Record, inlined, signed
from detector.features.kernels.layout import GAP_PAST, LOG_UNIT, MILLI, PAST, RATES, TALK_PAST

P1_SHARE_OF_P0 = 0.1
P0_SHARE_OF_BROAD = 0.01
FORGET = 0.05
"""Part of the pace mixture's weight shared out again after every call: a dialer may change its pace."""

_LOG_MONTH_S = math.log(30 * 86_400.0)
_MASS_FLOOR = 1e-5


@inlined
def ratio(p1: float, p0: float, broad: float) -> int:
    """What an observation says, log p1/p0 after mixing, in 1/1024 nat, rounded to nearest."""
    p0 = (1.0 - P0_SHARE_OF_BROAD) * p0 + P0_SHARE_OF_BROAD * broad
    p1 = (1.0 - P1_SHARE_OF_P0) * p1 + P1_SHARE_OF_P0 * p0
    return math.floor(MILLI * math.log(p1 / p0) + 0.5)


@inlined
def novelty(first_time: bool, n: int, d: int, theta: float, sigma: float, new_p1: float) -> int:
    """Is this callee new to the line? n = 0 says nothing.

    p0: Pitman-Yor after n calls to d callees (Pitman & Yor 1997).
    """
    if n == 0:
        return 0
    p_new = (theta + sigma * d) / (theta + n)
    if first_time:
        return ratio(new_p1, p_new, 0.5)
    return ratio(1.0 - new_p1, 1.0 - p_new, 0.5)


@inlined
def pace(
    gap_s: float, shape: float, scale_s: float, rate_per_s: NDArray[np.float64], weight: NDArray[np.float64]
) -> int:
    """Gap between first-time callees. p0: Lomax; p1: exponentials whose weights follow Bayes' rule, in place.

    gap_s  seconds, not negative; a gap under half a second counts as half a second (clock resolution)
    """
    gap = max(gap_s, 0.5)
    p0 = shape / scale_s * (1.0 + gap / scale_s) ** (-shape - 1.0)
    total = 0.0
    for j in range(RATES):
        total += weight[j] * rate_per_s[j] * math.exp(-rate_per_s[j] * gap)
    evidence = ratio(total, p0, 1.0 / (max(gap, 1.0) * _LOG_MONTH_S))
    if total > 0.0:
        for j in range(RATES):
            posterior = weight[j] * rate_per_s[j] * math.exp(-rate_per_s[j] * gap) / total
            weight[j] = (1.0 - FORGET) * posterior + FORGET / RATES
    return evidence


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
    upper = _normal_cdf((math.log(seconds + 1.0) - mean) / spread)
    lower = _normal_cdf((math.log(seconds) - mean) / spread) if seconds > 0 else 0.0
    boxcar = near / (m * (min(seconds, within) + within + 1.0)) if m > 0 else 0.0
    return max(upper - lower, _MASS_FLOOR), boxcar


@inlined
def script(talk_s: int, evidence: Record, mu: float, sigma: float, least_spread: float) -> int:
    """Talk with a first-time callee: seven times in ten within 4 s of a kept talk? Nothing kept says nothing."""
    if evidence.past_n[TALK_PAST] == 0:
        return 0
    p0, boxcar = repeated(talk_s, evidence, TALK_PAST, 4, mu, sigma, least_spread)
    return ratio(0.3 * p0 + 0.7 * boxcar, p0, 1.0 / 3600.0)


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
