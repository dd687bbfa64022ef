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
_ONE_WAY = 0.2  # share of friends who never call: the doctor, the landlord, the absent
_NATION = 50_000  # strangers are this operator's own with share n / (2 n + this): a small town is soon dialed through
_ATTEMPTS_BACK = 40.0  # calls between two attempts at the same stranger, mean

_MANNERS = ("friends", "services", "listed", "again", "step")  # shares in RULES; strangers are the rest
FRIEND, SERVICE, LISTED, AGAIN, STEP, STRANGER = range(6)

ELSEWHERE, TRADE = -1, -2
"""In place of a person's index: a customer of another operator; a line of a trade or campaign, whose seats call
nobody back."""

Indices = NDArray[np.int64]
Draws = NDArray[np.float64]
Chosen = tuple[Numbers, Indices]
"""Number, and index of the person; ELSEWHERE or TRADE: not one of this operator's people."""


class Callees:
    """Callees for the seats of one population.

    rules     RULES     the habits of all groups
    services  int64[n]  numbers that ordinary people call
    """

    def __init__(self, people: People, rules: NDArray[np.void], services: Numbers, seed: int) -> None:
        self._people, self._rules, self._services, self._seed = people, rules, services, seed
        self._inside = people.n / (2 * people.n + _NATION)
        draw = np.random.default_rng([seed, 2])
        self._community = min(_COMMUNITY, people.n // 2 * 2)
        self._shift = draw.integers(people.n, size=len(_RANKS))
        self._mirror = draw.integers(_COMMUNITY // 2, size=len(_RANKS)) * 2 + 1

    def choose(
        self, draw: np.random.Generator, seat: Indices, state: NDArray[np.void], made: Indices
    ) -> tuple[Numbers, Indices, Indices]:
        """Number, person and manner (FRIEND ... STRANGER) of the next callee of each seat.

        state  SEAT[n]   how it lives
        made   int64[n]  calls it has made so far
        """
        n, group = len(seat), state["group"].astype(np.int64)
        manner, bound, v = np.zeros(n, np.int64), np.zeros(n), draw.random(n)
        for name in _MANNERS:
            bound += self._rules[name][group]
            manner += v >= bound
        u, number, index = draw.random(n), np.zeros(n, np.int64), np.full(n, TRADE)
        mutual = (manner == FRIEND) & (seat < self._people.n)
        served = (manner == SERVICE) & (len(self._services) > 0)
        stepped = manner == STEP
        for rows, chosen in (
            (mutual, self._friend),
            (served, self._service),
            (stepped, self._next_number),
            (~mutual & ~served & ~stepped, self._stranger),
        ):
            which = np.flatnonzero(rows)
            if len(which):
                who = seat[which], state[which], made[which], manner[which], u[which]
                number[which], index[which] = chosen(*who)
        return number, index, manner

    def customer(self, draw: np.random.Generator, seat: Indices, zone: Indices) -> Numbers:
        """Somebody at another operator who calls this seat: one of a few hundred customers."""
        return outside_number(zone, mix(seat, draw.integers(400, size=len(seat)), self._seed, 5))

    def _friend(self, seat: Indices, state: NDArray[np.void], made: Indices, manner: Indices, u: Draws) -> Chosen:
        """The friend of these people at a rank of theirs (and they are his at the same rank)."""
        rank = _rank(u)
        n, size, shift = self._people.n, self._community, self._shift[rank]
        block, rest = np.divmod((seat + shift) % n, size)
        other = (block * size + (self._mirror[rank] - rest) % size - shift) % n
        pair = mix(np.minimum(seat, other), np.maximum(seat, other), rank, self._seed)
        elsewhere = (unit(pair) < _OTHER_OPERATOR) | ((block + 1) * size > n)
        theirs = mix(seat, rank, self._seed, 9)
        one_way = unit(theirs) < _ONE_WAY
        number, away = self._people.number(other), elsewhere | one_way
        number[away] = outside_number(state["zone"][away], theirs[away])
        return number, np.select([one_way, elsewhere], [TRADE, ELSEWHERE], other)

    def _service(self, seat: Indices, state: NDArray[np.void], made: Indices, manner: Indices, u: Draws) -> Chosen:
        """A shop or hotline; few of them get most calls."""
        return self._services[(len(self._services) * u**2).astype(np.int64)], np.full(len(u), TRADE)

    def _next_number(self, seat: Indices, state: NDArray[np.void], made: Indices, manner: Indices, u: Draws) -> Chosen:
        """Numbers in order from a place of the seat's own, a new place every thousand."""
        start = outside_number(state["zone"], mix(seat, made // 1000, self._seed, 6)) // 1000 * 1000
        return start + made % 1000, np.full(len(u), ELSEWHERE)

    def _stranger(self, seat: Indices, state: NDArray[np.void], made: Indices, manner: Indices, u: Draws) -> Chosen:
        """Whoever comes next, or came a while ago, or stands on the seat's list or among its friends."""
        group = state["group"].astype(np.int64)
        ago = 1 - np.log1p(-u) * _ATTEMPTS_BACK
        turn = np.where(manner == AGAIN, np.maximum(made - ago.astype(np.int64), 0), made)
        place = state["lead"] + turn * state["stride"].astype(np.int64)
        leads = self._rules["leads"][group]
        place = np.where(leads > 0, place % np.maximum(leads, 1), place)
        on_list = -1 - (made + seat * 61) % self._rules["list_size"][group]
        friend, listed = manner == FRIEND, manner == LISTED
        key = np.select([listed, friend], [on_list, -1_000_000 - _rank(u)], place)
        whose = np.where(friend | listed, seat, state["leads"].astype(np.int64))
        local = np.where(friend, 0.8, self._rules["local"][group])
        return self._people.stranger(mix(whose, key, self._seed), state["zone"].astype(np.int64), local, self._inside)


def _rank(u: Draws) -> Indices:
    """The rank of a friend, decided by a uniform number."""
    return np.minimum(np.searchsorted(_RANKS, u, side="right"), len(_RANKS) - 1)


def services_of(population: Population) -> Numbers:
    """The numbers that people look up and call: of seats whose trade takes calls."""
    takes = np.array([group.habit.inbound >= 0.3 and not group.habit.bad for group in population.groups])
    seats = population.seats[takes[population.seats["group"]]]
    leased = seats["pool"] >= 0
    pooled = population.pool[np.where(leased, seats["pool"], 0)]
    return np.unique(np.where(leased, pooled, population.lines["calling"][seats["line"]]))
