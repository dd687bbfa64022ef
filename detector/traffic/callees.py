"""Whom a seat calls: friends by rank, services, its list, second attempts, the next number, or a stranger.

Nothing is remembered: the k-th entry of a list and the friend at a rank are hashes, so that millions of lines
need no address books. Friendship is mutual: at every rank people are paired off by a reflection of their index,
within communities of similar activity.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detector.traffic.habit import Habit
from detector.traffic.numbers import Numbers, People, mix, outside_number, unit

# Nodobo: share of calls by rank of the callee; beyond the tenth a long tail.
_TOP = np.array([0.31, 0.17, 0.11, 0.08, 0.06, 0.05, 0.04, 0.03, 0.03, 0.02])
_TAIL = 1.0 / np.arange(11, 61)
_RANKS = np.cumsum(np.concatenate([_TOP, _TAIL / _TAIL.sum() * (1 - _TOP.sum())]))
_COMMUNITY = 64  # people among whom a rank pairs off; even, so that nobody is paired with himself
_OTHER_OPERATOR = 0.35  # share of friends who are customers of another operator
_NATION = 50_000  # strangers are this operator's own with share n / (2 n + this): a small town is soon dialed through
_ATTEMPTS_BACK = 40.0  # calls between two attempts at the same stranger, mean

STRANGER, FRIEND, SERVICE, LISTED, AGAIN, STEP = range(6)

Indices = NDArray[np.int64]
Chosen = tuple[Numbers, Indices]
"""Number, and index of the person; -1 = not one of this operator's people."""


class Callees:
    """Callees for the seats of one population.

    services  int64[n]  numbers that ordinary people call
    """

    def __init__(self, people: People, habits: Sequence[Habit], services: Numbers, seed: int) -> None:
        self._people, self._services, self._seed = people, services, seed
        shares = np.array([(h.friends, h.services, h.listed, h.again, h.step) for h in habits])
        self._upto = np.cumsum(shares, axis=1)
        self._local = np.array([habit.local for habit in habits])
        self._inside = people.n / (2 * people.n + _NATION)
        self._list_size = np.array([habit.list_size for habit in habits])
        draw = np.random.default_rng([seed, 2])
        self._community = min(_COMMUNITY, people.n // 2 * 2)
        self._shift = draw.integers(people.n, size=len(_RANKS))
        self._mirror = draw.integers(_COMMUNITY // 2, size=len(_RANKS)) * 2 + 1

    def choose(
        self,
        draw: np.random.Generator,
        seat: Indices,
        group: Indices,
        zone: Indices,
        made: Indices,
    ) -> tuple[Numbers, Indices, Indices]:
        """Number, person and manner (STRANGER ... STEP) of the next callee of each seat.

        made  int64[n]  calls the seat has made so far
        """
        n = len(seat)
        manner = (np.array([FRIEND, SERVICE, LISTED, AGAIN, STEP, STRANGER]))[
            (draw.random(n)[:, None] >= self._upto[group]).sum(axis=1)
        ]
        u = draw.random(n)
        key = made.copy()
        again = manner == AGAIN
        key[again] = np.maximum(made[again] - 1 + (_ATTEMPTS_BACK * np.log1p(-u[again])).astype(np.int64), 0)
        listed = manner == LISTED
        key[listed] = -1 - (made[listed] + seat[listed] * 61) % self._list_size[group[listed]]
        ranked = manner == FRIEND
        key[ranked] = -1_000_000 - self._rank(u[ranked])
        local = np.where(ranked, 0.8, self._local[group])
        number, index = self._people.stranger(mix(seat, key, self._seed), zone, local, self._inside)
        mutual = np.flatnonzero(ranked & (seat < self._people.n))
        number[mutual], index[mutual] = self._friend(seat[mutual], self._rank(u[mutual]))
        served = manner == SERVICE
        if served.any() and len(self._services):
            number[served] = self._services[(len(self._services) * u[served] ** 2).astype(np.int64)]
            index[served] = -1
        stepped = manner == STEP
        if stepped.any():
            number[stepped], index[stepped] = self._next_number(seat[stepped], zone[stepped], made[stepped]), -1
        return number, index, manner

    def customer(self, draw: np.random.Generator, seat: Indices, zone: Indices) -> Numbers:
        """Somebody at another operator who calls this seat: one of a few hundred customers."""
        who = mix(seat, draw.integers(400, size=len(seat)), self._seed, 5)
        return outside_number(zone, who)

    def _rank(self, u: NDArray[np.float64]) -> Indices:
        return np.minimum(np.searchsorted(_RANKS, u, side="right"), len(_RANKS) - 1)

    def _friend(self, seat: Indices, rank: Indices) -> Chosen:
        """The friend of these people at this rank of theirs (and they are his at the same rank)."""
        n, size, shift = self._people.n, self._community, self._shift[rank]
        block, rest = np.divmod((seat + shift) % n, size)
        other = (block * size + (self._mirror[rank] - rest) % size - shift) % n
        pair = mix(np.minimum(seat, other), np.maximum(seat, other), rank, self._seed)
        elsewhere = (unit(pair) < _OTHER_OPERATOR) | ((block + 1) * size > n)
        theirs = outside_number(self._people.zone(seat), mix(seat, rank, self._seed))
        return np.where(elsewhere, theirs, self._people.number(other)), np.where(elsewhere, -1, other)

    def _next_number(self, seat: Indices, zone: Indices, made: Indices) -> Numbers:
        """Numbers in order from a place of the seat's own, a new place every thousand."""
        place = mix(seat, made // 1000, self._seed, 6)
        start = outside_number(zone, place) // 1000 * 1000
        return start + made % 1000


def services_of(habits: Sequence[Habit], group: Indices, number: Numbers) -> Numbers:
    """The numbers that people look up and call: of seats whose trade takes calls."""
    takes = np.array([habit.inbound >= 0.3 and not habit.bad for habit in habits])
    return np.unique(number[takes[group]])
