"""Whom a seat calls: friends by rank, services, its list, second attempts, the next number, or a stranger.

Nothing is remembered: the k-th entry of a list and the friend at a rank are hashes, so that millions of lines
need no address books. Friendship is mutual: at every rank people are paired off by a reflection of their index,
within communities of similar activity.
"""

import numpy as np
from numpy.typing import NDArray

from detector.traffic.numbers import Numbers, People, mix, outside_number, unit
from detector.traffic.population import Population

# Nodobo: share of calls by rank of the callee; beyond the tenth a long tail.
_TOP = np.array([0.31, 0.17, 0.11, 0.08, 0.06, 0.05, 0.04, 0.03, 0.03, 0.02])
_TAIL = 1.0 / np.arange(11, 61)
_RANKS = np.cumsum(np.concatenate([_TOP, _TAIL / _TAIL.sum() * (1 - _TOP.sum())]))
_COMMUNITY = 64  # people among whom a rank pairs off; even, so that nobody is paired with himself
_OTHER_OPERATOR = 0.35  # share of friends who are customers of another operator
_NATION = 50_000  # strangers are this operator's own with share n / (2 n + this): a small town is soon dialed through
_ATTEMPTS_BACK = 40.0  # calls between two attempts at the same stranger, mean

_MANNERS = ("friends", "services", "listed", "again", "step")  # shares in RULES; strangers are the rest
FRIEND, SERVICE, LISTED, AGAIN, STEP, STRANGER = range(6)

ELSEWHERE, TRADE = -1, -2
"""In place of a person's index: a customer of another operator; a line of a trade or campaign, whose seats call
nobody back."""

Indices = NDArray[np.int64]
Chosen = tuple[Numbers, Indices]
"""Number, and index of the person; ELSEWHERE or TRADE: not one of this operator's people."""


class Callees:
    """Callees for the seats of one population.

    services  int64[n]  numbers that ordinary people call
    """

    def __init__(self, people: People, services: Numbers, seed: int) -> None:
        self._people, self._services, self._seed = people, services, seed
        self._inside = people.n / (2 * people.n + _NATION)
        draw = np.random.default_rng([seed, 2])
        self._community = min(_COMMUNITY, people.n // 2 * 2)
        self._shift = draw.integers(people.n, size=len(_RANKS))
        self._mirror = draw.integers(_COMMUNITY // 2, size=len(_RANKS)) * 2 + 1

    def choose(
        self, draw: np.random.Generator, seat: Indices, zone: Indices, rules: NDArray[np.void], made: Indices
    ) -> tuple[Numbers, Indices, Indices]:
        """Number, person and manner (FRIEND ... STRANGER) of the next callee of each seat.

        zone   int[n]    city of the seat
        rules  RULES[n]  its group's habits
        made   int64[n]  calls it has made so far
        """
        n = len(seat)
        manner, bound, v = np.zeros(n, np.int64), np.zeros(n), draw.random(n)
        for name in _MANNERS:
            bound += rules[name]
            manner += v >= bound
        u = draw.random(n)
        key = made.copy()
        again = manner == AGAIN
        key[again] = np.maximum(made[again] - 1 + (_ATTEMPTS_BACK * np.log1p(-u[again])).astype(np.int64), 0)
        listed = manner == LISTED
        key[listed] = -1 - (made[listed] + seat[listed] * 61) % rules["list_size"][listed]
        ranked = manner == FRIEND
        key[ranked] = -1_000_000 - self._rank(u[ranked])
        local = np.where(ranked, 0.8, rules["local"])
        number, index = self._people.stranger(mix(seat, key, self._seed), zone, local, self._inside)
        mutual = np.flatnonzero(ranked & (seat < self._people.n))
        number[mutual], index[mutual] = self._friend(seat[mutual], self._rank(u[mutual]))
        served = manner == SERVICE
        if served.any() and len(self._services):
            number[served] = self._services[(len(self._services) * u[served] ** 2).astype(np.int64)]
            index[served] = TRADE
        stepped = manner == STEP
        if stepped.any():
            number[stepped], index[stepped] = self._next_number(seat[stepped], zone[stepped], made[stepped]), ELSEWHERE
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
        return np.where(elsewhere, theirs, self._people.number(other)), np.where(elsewhere, ELSEWHERE, other)

    def _next_number(self, seat: Indices, zone: Indices, made: Indices) -> Numbers:
        """Numbers in order from a place of the seat's own, a new place every thousand."""
        place = mix(seat, made // 1000, self._seed, 6)
        start = outside_number(zone, place) // 1000 * 1000
        return start + made % 1000


def services_of(population: Population) -> Numbers:
    """The numbers that people look up and call: of seats whose trade takes calls."""
    takes = np.array([group.habit.inbound >= 0.3 and not group.habit.bad for group in population.groups])
    seats = population.seats[takes[population.seats["group"]]]
    leased = seats["pool"] >= 0
    pooled = population.pool[np.where(leased, seats["pool"], 0)]
    return np.unique(np.where(leased, pooled, population.lines["calling"][seats["line"]]))
