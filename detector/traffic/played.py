"""Calls while they are being played, and how they get their parties."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.traffic import trunks
from detector.traffic.callees import ELSEWHERE
from detector.traffic.numbers import ZONES, mix, outside_number, pick
from detector.traffic.population import Population
from detector.traffic.rules import SPOOFS

_GOLDEN = 0.6180339887


@dataclass(slots=True)
class Round:
    """Calls being played, one row each; rows of one seat follow each other in time."""

    seats: NDArray[np.int64]
    group: NDArray[np.int64]
    state: NDArray[np.void]
    made: NDArray[np.int64]
    meant: NDArray[np.bool_]
    number: NDArray[np.int64]
    index: NDArray[np.int64]
    inbound: NDArray[np.bool_]
    campaign: NDArray[np.bool_]
    calls: NDArray[np.void]
    missed: NDArray[np.bool_]
    redials: NDArray[np.bool_]
    gap_ms: NDArray[np.float64]

    def only(self, rows: NDArray[np.bool_]) -> "Round":
        """The same round with these rows only."""
        return Round(*(getattr(self, name)[rows] for name in self.__slots__))


def dress(played: Round, population: Population, rules: NDArray[np.void]) -> NDArray[np.int64]:
    """Puts parties and trunks on the calls; returns the number each seat shows."""
    calls, state = played.calls, played.state
    group = played.group
    turn = played.made // rules["calls_per_number"][group]
    line = state["line"] + turn % rules["cards"][group]
    own = population.lines["calling"][line]
    leased = state["pool"] >= 0
    numbers = rules["numbers"][group]
    start = (played.seats * _GOLDEN % 1.0 * numbers).astype(np.int64)  # seats begin evenly spread over their pool
    in_pool = state["pool"] + (turn + start) % numbers
    shown = np.where(leased, population.pool[np.where(leased, in_pool, 0)], own)
    calls["caller"] = np.where(played.inbound, played.number, own)
    calls["callee"] = np.where(played.inbound, shown, played.number)
    calls["presented"] = np.where(leased & ~played.inbound, shown, 0)
    calls["line"] = np.where(played.inbound, -1, line)
    calls["bad"] = played.campaign
    _spoof(played, rules)
    home = population.lines["trunk"][line]
    zone = population.people.zone(np.maximum(played.index, 0))  # of a trade: that of the first person
    away = np.where(played.index == ELSEWHERE, trunks.interconnect(played.number), zone)
    calls["trunk_in"] = np.where(played.inbound, away, home)
    calls["trunk_out"] = np.where(played.inbound, home, away)
    return shown


def _spoof(played: Round, rules: NDArray[np.void]) -> None:
    """Calls that show a number of nobody's, or a neighbour's of the callee, and no line."""
    spoofs = np.where(played.inbound, 0, rules["spoofs"][played.group])
    rows = np.flatnonzero(spoofs)
    who = mix(played.seats[rows], played.made[rows], 17)
    near = played.number[rows] // 10_000 * 10_000 + pick(who, 10_000)
    anywhere = outside_number(pick(mix(who, 18), ZONES), who)
    played.calls["caller"][rows] = np.where(spoofs[rows] == SPOOFS.index("any"), anywhere, near)
    played.calls["line"][rows] = -1
