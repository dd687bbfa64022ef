"""What complaints say about an entity: its complainants against the calls that people answered."""

import math

from detector.features.kernels.jit import Record, njit
from detector.features.kernels.layout import MILLI

HALF_LIFE_MINUTES = 72 * 60
"""Complainants and answered calls count half after three days, so that their ratio is that of now."""

DIALER_TIMES = 40.0
"""How many times as often a dialer is complained of: 4 in 1,000 answered calls where life brings 1 in 10,000."""

LIFE_SHAPE, DIALER_SHAPE = 0.5, 1.0
MOST_NATS = 6.0
"""Complaints cost nothing to make: alone they never make an alert, and another witness must bring the rest."""


@njit
def faded(value: float, minutes: int) -> float:
    """What a count is worth so many minutes later; a time before that of the count is no time."""
    return value * math.exp(max(minutes, 0) * (-math.log(2.0) / HALF_LIFE_MINUTES))


@njit
def fade(row: Record, number: int) -> None:
    """Bring an ENTITY's answered calls and complainants to minute `number`. In place."""
    if number > row.told_minute:
        row.heard = faded(row.heard, number - row.told_minute)
        row.complainants = faded(row.complainants, number - row.told_minute)
        row.told_minute = number


@njit
def told(complainants: float, answered: float, usual: float) -> int:
    """Gamma-Poisson of a dialer's complaints against life's, 1/1024 nat; 0 to MOST_NATS: silence clears nobody.

    complainants  different people, each by the probability that a call of the entity is the one they mean
    answered      calls that people answered
    usual         complainants an answered call in ordinary life
    """
    if complainants <= 0.0:
        return 0
    nats = math.lgamma(DIALER_SHAPE + complainants) - math.lgamma(DIALER_SHAPE)
    nats -= math.lgamma(LIFE_SHAPE + complainants) - math.lgamma(LIFE_SHAPE)
    life, dialer = LIFE_SHAPE / usual, DIALER_SHAPE / (DIALER_TIMES * usual)
    nats += DIALER_SHAPE * math.log(dialer) - (DIALER_SHAPE + complainants) * math.log(dialer + answered)
    nats -= LIFE_SHAPE * math.log(life) - (LIFE_SHAPE + complainants) * math.log(life + answered)
    return math.floor(MILLI * min(max(nats, 0.0), MOST_NATS) + 0.5)
