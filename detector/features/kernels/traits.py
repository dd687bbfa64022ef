"""The traits: what only some dialers do. Ring, pacing, short, targeting, hours, concurrency; log p1/p0 in 1/1024 nat.

A dialer has a trait or not, so p1 mixes the trait's own law with ordinary life, and the weight follows Bayes' rule
call by call. Without the trait the weight fades and the family falls silent: not to ring for exactly 18 seconds is
no alibi (a fixed p1 took up to 18 nats off a plain dialer).
"""

import math

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.evidence import FORGET, close_by, keep_past, log_of, repeated
from detector.features.kernels.jit import Record, inlined, signed
from detector.features.kernels.layout import (
    BESIDE,
    FIRST_TRAIT,
    GAP_PAST,
    LOG_UNIT,
    MILLI,
    RING_PAST,
    RING_TIMES,
)
from detector.features.kernels.mixture import P0_SHARE_OF_BROAD
from detector.features.kernels.tiers import TRAIT_WEIGHT

LEAST_RING_TIMES = 200
"""Given-up rings of everybody before the network's own time-outs are known."""

GAP_SHAPE, GAP_SCALE_S = 0.34, 3900.0
"""Gaps of ordinary people, Weibull (Nodobo)."""

GAP_WITHIN = 0.1
"""Gaps within 10 % of one another are of one pace."""

HUMAN_SPREAD = 0.8
"""Least spread of log gaps of people about their own mean."""

SHORT_P1, NEAR_P1 = 0.6, 0.5
_BESIDE_P1 = (0.3, 0.35, 0.35)
_OFFICE = (9, 18)
"""Local hours in which a dialer of office hours calls, evenly, without a break."""


@inlined
def trait(evidence: Record, family: int, p1: float, p0: float, broad: float) -> int:
    """What one observation says of a trait. The trait's weight is brought up to date in place."""
    p0 = (1.0 - P0_SHARE_OF_BROAD) * p0 + P0_SHARE_OF_BROAD * broad
    weight = evidence.trait_weight[family - FIRST_TRAIT]
    mixed = (1.0 - weight) * p0 + weight * p1
    evidence.trait_weight[family - FIRST_TRAIT] = (1.0 - FORGET) * weight * p1 / mixed + FORGET * TRAIT_WEIGHT
    return math.floor(MILLI * math.log(mixed / p0) + 0.5)


@inlined
def ring(evidence: Record, family: int, ring_s: int, mu: float, sigma: float, ring_times: NDArray[np.int64]) -> int:
    """How long an unanswered call rang before the caller gave up; dialers always wait as long.

    p0 is half the line's own spread, half the times at which everybody's calls end (time-outs of the network).
    """
    ring_s = min(ring_s, RING_TIMES - 1)
    p0, boxcar = repeated(ring_s, evidence, RING_PAST, 1, mu, sigma, 0.35)
    if ring_times[RING_TIMES] >= LEAST_RING_TIMES:
        p0 = 0.5 * p0 + 0.5 * ring_times[ring_s] / ring_times[RING_TIMES]
    told = trait(evidence, family, boxcar, p0, 1.0 / RING_TIMES) if evidence.past_n[RING_PAST] > 0 else 0
    keep_past(evidence, RING_PAST, ring_s, log_of(ring_s))
    return told


@inlined
def pacing(evidence: Record, family: int, gap_s: float) -> int:
    """Gap to the previous call, on a logarithmic scale; a machine's are even.

    p0 is half the bursts of people (Weibull), half a normal law about the line's own mean, never narrower than people.
    """
    y = math.log(max(gap_s, 0.5))
    value = math.floor(LOG_UNIT * y + 0.5)
    m = signed(evidence.past_n[GAP_PAST])
    told = 0
    if m > 0:
        near = close_by(evidence, GAP_PAST, value, math.floor(GAP_WITHIN * LOG_UNIT))
        mean = evidence.log_sum[GAP_PAST] / LOG_UNIT / m
        variance = evidence.log_squares[GAP_PAST] / LOG_UNIT**2 / m - mean * mean
        spread = max(math.sqrt(max(variance, 0.0)), HUMAN_SPREAD)
        z = (y - mean) / spread
        own = math.exp(-0.5 * z * z) / (spread * 2.5066282746310002)
        x = (math.exp(y) / GAP_SCALE_S) ** GAP_SHAPE
        told = trait(
            evidence, family, near / (m * 2.0 * GAP_WITHIN), 0.5 * GAP_SHAPE * x * math.exp(-x) + 0.5 * own, 0.05
        )
    keep_past(evidence, GAP_PAST, value, value)
    return told


@inlined
def yes_or_no(evidence: Record, family: int, seen: bool, p1: float, p0: float) -> int:
    """An observation with two values."""
    if seen:
        return trait(evidence, family, p1, p0, 0.5)
    return trait(evidence, family, 1.0 - p1, 1.0 - p0, 0.5)


@inlined
def hours(evidence: Record, family: int, hour: int, hour_p0: NDArray[np.float64]) -> int:
    """Local hour of a call: people's profile against office hours without a break, or all day and night alike."""
    office = 1.0 / (_OFFICE[1] - _OFFICE[0]) if _OFFICE[0] <= hour < _OFFICE[1] else 0.0
    return trait(evidence, family, 0.5 * office + 0.5 / 24.0, hour_p0[hour], 1.0 / 24.0)


@inlined
def concurrency(evidence: Record, family: int, beside: int, beside_p0: NDArray[np.float64]) -> int:
    """Calls of the line at the same time: people hold one."""
    beside = min(beside, BESIDE - 1)
    return trait(evidence, family, _BESIDE_P1[beside], beside_p0[beside], 1.0 / BESIDE)
