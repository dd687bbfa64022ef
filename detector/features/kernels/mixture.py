"""Which life a line leads, and in which way it dials if it does: mixtures whose weights follow Bayes' rule.

p0 of an observation is mixed of ordinary lives (people, rounds, trade), p1 of ways of dialing (silent, script,
talking). Every family that predicts differently for them moves the same weights, so a courier's short talk excuses
his many callees, and a SIM box's long talk takes that excuse away. After every call a little of the weight returns
to where it began: a life may change (fixed share, Herbster & Warmuth 1998).
"""

import math

from detector.features.kernels.jit import Record, inlined, njit
from detector.features.kernels.layout import DIALS, LIVES, MILLI

P1_SHARE_OF_P0 = 0.1
P0_SHARE_OF_BROAD = 0.01
LIFE_CHANGES, DIAL_CHANGES = 0.02, 0.05
"""Weight that returns after a call; 0.01 to 0.05 made no difference to what is found (2026-11)."""


@njit
def begin_life(evidence: Record, p: Record) -> None:
    """Weights of the lives as before the line's first call. In place."""
    for i in range(LIVES):
        evidence.life_weight[i] = p.life_prior[i]


@njit
def begin_dialing(evidence: Record) -> None:
    """Weights of the ways of dialing as before a segment's first call. In place."""
    for j in range(DIALS):
        evidence.dial_weight[j] = 1.0 / DIALS


@inlined
def ratio(p1: float, p0: float, broad: float) -> int:
    """What an observation says of one law against one other, log p1/p0 after mixing, in 1/1024 nat, to nearest."""
    p0 = (1.0 - P0_SHARE_OF_BROAD) * p0 + P0_SHARE_OF_BROAD * broad
    p1 = (1.0 - P1_SHARE_OF_P0) * p1 + P1_SHARE_OF_P0 * p0
    return math.floor(MILLI * math.log(p1 / p0) + 0.5)


@inlined
def told(evidence: Record, by_life: tuple[float, ...], by_dial: tuple[float, ...], broad: float) -> int:
    """What an observation says, log p1/p0 after mixing, in 1/1024 nat, rounded to nearest. Weights in place.

    by_life, by_dial  its probability in each life and in each way of dialing
    broad             its probability under a law that expects anything
    """
    p0 = 0.0
    for i in range(LIVES):
        p0 += evidence.life_weight[i] * ((1.0 - P0_SHARE_OF_BROAD) * by_life[i] + P0_SHARE_OF_BROAD * broad)
    p1 = 0.0
    for j in range(DIALS):
        p1 += evidence.dial_weight[j] * ((1.0 - P1_SHARE_OF_P0) * by_dial[j] + P1_SHARE_OF_P0 * p0)
    for i in range(LIVES):
        likely = (1.0 - P0_SHARE_OF_BROAD) * by_life[i] + P0_SHARE_OF_BROAD * broad
        evidence.life_weight[i] = evidence.life_weight[i] * likely / p0
    for j in range(DIALS):
        likely = (1.0 - P1_SHARE_OF_P0) * by_dial[j] + P1_SHARE_OF_P0 * p0
        evidence.dial_weight[j] = evidence.dial_weight[j] * likely / p1
    return math.floor(MILLI * math.log(p1 / p0) + 0.5)


@inlined
def may_change(evidence: Record, p: Record) -> None:
    """After a call: a little weight returns. In place."""
    for i in range(LIVES):
        evidence.life_weight[i] = (1.0 - LIFE_CHANGES) * evidence.life_weight[i] + LIFE_CHANGES * p.life_prior[i]
    for j in range(DIALS):
        evidence.dial_weight[j] = (1.0 - DIAL_CHANGES) * evidence.dial_weight[j] + DIAL_CHANGES / DIALS
