"""What each family observes in one call: log p1/p0, in 1/1024 nat (models/cards/evidence.md).

Every p1 holds a tenth of p0, so no observation speaks for a line with more than log 10; every p0 holds a
little of a broad law, so none speaks against it without bound.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.jit import Record, njit, signed
from detector.features.kernels.layout import LOG_UNIT, MILLI, RATES, TALKS

P1_SHARE_OF_P0 = 0.1
P0_SHARE_OF_BROAD = 0.01
FORGET = 0.05
"""Part of the pace mixture's weight shared out again after every call: a dialer may change its pace."""

_LOG_MONTH_S = math.log(30 * 86_400.0)
_TALK_FLOOR = 1e-5


@njit
def ratio(p1: float, p0: float, broad: float) -> int:
    """What an observation says, log p1/p0 after mixing, in 1/1024 nat, rounded to nearest."""
    p0 = (1.0 - P0_SHARE_OF_BROAD) * p0 + P0_SHARE_OF_BROAD * broad
    p1 = (1.0 - P1_SHARE_OF_P0) * p1 + P1_SHARE_OF_P0 * p0
    return math.floor(MILLI * math.log(p1 / p0) + 0.5)


@njit
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


@njit
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


@njit
def _normal_cdf(z: float) -> float:
    return 0.5 * math.erfc(-z * 0.7071067811865476)


@njit
def talk_log(talk_s: int) -> int:
    """log(talk + 0.5) in 1/LOG_UNIT."""
    return math.floor(LOG_UNIT * math.log(talk_s + 0.5) + 0.5)


@njit
def script(talk_s: int, evidence: Record, mu: float, sigma: float) -> int:
    """Whole seconds of talk with a first-time callee, against the m talks kept before; m = 0 says nothing.

    p0: log-normal about the line's own mean of log talk, with two pseudo-observations of the class (mu), spread
    shrunk to the class's sigma and at least 0.8. p1: within 4 s of a kept talk, seven times in ten.
    """
    m = signed(evidence.talk_n)
    if m == 0:
        return 0
    near = 0
    for i in range(m):
        near += signed(abs(signed(evidence.talk_s[i]) - talk_s) <= 4)
    logs = evidence.talk_logs / LOG_UNIT
    mean = (2.0 * mu + logs) / (2.0 + m)
    squares = evidence.talk_squares / LOG_UNIT**2 - 2.0 * mean * logs + m * mean * mean
    spread = max(math.sqrt((2.0 * sigma * sigma + max(squares, 0.0)) / (2.0 + m)), 0.8)
    upper = _normal_cdf((math.log(talk_s + 1.0) - mean) / spread)
    lower = _normal_cdf((math.log(talk_s) - mean) / spread) if talk_s > 0 else 0.0
    p0 = max(upper - lower, _TALK_FLOOR)
    boxcar = near / (m * (min(talk_s, 4) + 5.0))
    return ratio(0.3 * p0 + 0.7 * boxcar, p0, 1.0 / 3600.0)


@njit
def keep_talk(evidence: Record, talk_s: int) -> None:
    """Remember a talk time for the script family, in the place of the oldest when TALKS are kept. In place."""
    talk_s = min(talk_s, 65_535)
    place = signed(evidence.talk_head)
    if evidence.talk_n == TALKS:
        old = talk_log(signed(evidence.talk_s[place]))
        evidence.talk_logs -= old
        evidence.talk_squares -= old * old
    else:
        evidence.talk_n += np.uint16(1)
    log = talk_log(talk_s)
    evidence.talk_logs += log
    evidence.talk_squares += log * log
    evidence.talk_s[place] = np.uint16(talk_s)
    evidence.talk_head = np.uint16((place + 1) % TALKS)


@njit
def add_share(evidence: Record, k: int, observed: int, weight: float, low: int, high: int) -> int:
    """C_k <- clip(C_k + w_k * l_k, -b_k, +c_k). In place; returns w_k * l_k: a full share still speaks."""
    weighed = signed(math.floor(weight * observed + 0.5))
    evidence.share[k] = np.int32(min(max(signed(evidence.share[k]) + weighed, low), high))
    return weighed
