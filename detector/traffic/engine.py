"""Plays a scenario: every seat makes one call after the other, window of time by window of time.

A seat is due at the earlier of its own next call and of what it *means* to do (call somebody back, try again),
and never before its last call has ended. All seats that are due are played together, one call each, until
nobody is due before the window's end; what ends inside the window leaves it, ordered by release.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detector.traffic import trunks
from detector.traffic.callees import FRIEND, STRANGER, Callees, services_of
from detector.traffic.calls import ABSENT, ANSWERED, CALL, INVALID, Manners, place
from detector.traffic.clock import FAR_MS, HOUR_MS, PROFILE_NAMES, Clock
from detector.traffic.population import Population
from detector.traffic.scenario import Scenario

_WINDOW_CALLS = 150_000  # expected in one window: bounds memory
_BREATH_MS = 3000  # shortest time between two calls of a seat
_MEANT_FOR_SURE_MS = 15_000  # soonest call-back

Seats = NDArray[np.int64]


class Engine:
    """The state of every seat, and the loop over windows. One run per instance."""

    def __init__(self, scenario: Scenario, population: Population, seed: int) -> None:
        habits = [group.habit for group in population.groups]
        self._scenario, self._population = scenario, population
        self._draw = np.random.Generator(np.random.SFC64([seed, 3]))
        self._clock = Clock(scenario.start_ms, scenario.days)
        self._manners = Manners(habits)
        self._seats = seats = population.seats.copy()
        n = len(seats)
        pooled = np.concatenate([population.pool, [0]])[seats["pool"]]
        shown = np.where(seats["pool"] >= 0, pooled, population.lines["calling"][seats["line"]])
        services = services_of(habits, seats["group"].astype(np.int64), shown)
        self._callees = Callees(population.people, habits, services, seed)
        self._profile = np.array([PROFILE_NAMES.index(habit.hours) for habit in habits])
        self._start = np.array([group.start_ms for group in population.groups])
        self._end = np.array([min(group.end_ms, scenario.end_ms) for group in population.groups])
        for name in ("shape", "floor_s", "ramp_h", "inbound", "pickup", "redial", "redial_s", "call_back"):
            setattr(self, f"_{name}", np.array([getattr(habit, name) for habit in habits], dtype=np.float64))
        for name in ("call_back_answered", "call_back_s", "cards", "numbers", "calls_per_number", "bad"):
            setattr(self, f"_{name}", np.array([getattr(habit, name) for habit in habits]))
        self._next_ms = np.full(n, FAR_MS)
        self._free_ms = np.zeros(n, np.int64)
        self._made = np.zeros(n, np.int32)
        self._meant_ms = np.full(n, FAR_MS)
        self._meant_number = np.zeros(n, np.int64)
        self._meant_index = np.full(n, -1, np.int32)
        self._meant_answer = np.zeros(n, np.float32)
        self._begin(np.arange(n))
        self._recruits = sorted(population.recruits, key=lambda recruits: recruits.start_ms)
        self._played: list[NDArray[np.void]] = []

    def play(self) -> Iterator[NDArray[np.void]]:
        """CALL[n] by CALL[n], ordered by release_ms within and across; ends when every call has ended."""
        waiting = np.zeros(0, CALL)
        start_ms, step_ms = self._scenario.start_ms, self._window_ms()
        while start_ms < self._scenario.end_ms:
            end_ms = min(start_ms + step_ms, self._scenario.end_ms)
            self._enlist(end_ms)
            self._play_until(end_ms)
            waiting = np.concatenate([waiting, *self._played])
            self._played.clear()
            ended = waiting["release_ms"] < end_ms
            yield _by_release(waiting[ended])
            waiting = waiting[~ended]
            start_ms = end_ms
        yield _by_release(waiting[waiting["setup_ms"] < self._scenario.end_ms])

    def _window_ms(self) -> int:
        """Windows short enough for `_WINDOW_CALLS`, at most an hour; depends on nothing but the scenario."""
        an_hour = float((HOUR_MS / (self._seats["pause_ms"].astype(np.float64) + 20_000)).sum()) * 2
        return int(np.clip(_WINDOW_CALLS / an_hour, 1 / 3600, 1) * 3600) * 1000

    def _begin(self, seats: Seats) -> None:
        """The first call of these seats, as if they had always lived like this: a rest of a gap."""
        group = self._group(seats)
        shape = self._shape[group]
        rest = self._draw.random(len(seats)) * self._draw.gamma(1 + 1 / shape) ** (1 / shape) / _mean(shape)
        self._next_ms[seats] = self._later(seats, self._start[group], rest * self._seats["pause_ms"][seats])

    def _enlist(self, end_ms: int) -> None:
        """Lines that are taken over before the window's end change their way of life."""
        while self._recruits and self._recruits[0].start_ms < end_ms:
            recruits = self._recruits.pop(0)
            self._seats[recruits.seats] = recruits.after
            self._meant_ms[recruits.seats] = FAR_MS
            self._begin(recruits.seats)

    def _play_until(self, end_ms: int) -> None:
        while len(seats := np.flatnonzero(self._due(slice(None)) < end_ms)):
            while len(seats):
                self._play_round(seats, self._due(seats))
                seats = seats[self._due(seats) < end_ms]

    def _due(self, seats: Seats | slice) -> NDArray[np.int64]:
        return np.maximum(np.minimum(self._next_ms[seats], self._meant_ms[seats]), self._free_ms[seats])

    def _group(self, seats: Seats) -> NDArray[np.int64]:
        return self._seats["group"][seats].astype(np.int64)

    def _later(self, seats: Seats, at_ms: NDArray[np.int64], gap_ms: NDArray[np.float64]) -> NDArray[np.int64]:
        """That much activity later by the clock of each seat; never after its group's end."""
        group, early = self._group(seats), self._seats["early_ms"][seats]
        later = self._clock.later(self._profile[group], at_ms + early, gap_ms) - early
        later = np.maximum(later, at_ms)
        return np.where(later < self._end[group], later, FAR_MS)

    def _play_round(self, seats: Seats, at_ms: NDArray[np.int64]) -> None:
        """One call of each of these seats (each at most once), at these times."""
        draw, n = self._draw, len(seats)
        group, state = self._group(seats), self._seats[seats]
        zone, made = state["zone"].astype(np.int64), self._made[seats].astype(np.int64)
        meant = self._meant_ms[seats] <= self._next_ms[seats]
        number, index, manner = self._callees.choose(draw, seats, group, zone, made)
        number = np.where(meant, self._meant_number[seats], number)
        index = np.where(meant, self._meant_index[seats], index)
        friendly = ~meant & (manner == FRIEND)
        u = draw.random(n)
        customer = ~meant & (u < self._inbound[group])
        inbound = customer | (friendly & (index < 0) & (u < 0.5))
        number = np.where(customer, self._callees.customer(draw, seats, zone), number)
        index = np.where(customer, -1, index)

        answer = np.where(meant, self._meant_answer[seats], np.where(inbound, self._pickup[group], state["answer"]))
        manners = np.where(friendly | (inbound & self._bad[group]), 0, group)
        known = meant | inbound | (manner != STRANGER) & (manner != 5)
        calls, end = place(draw, self._manners, manners, at_ms, answer, state["talk_shift"], known)
        shown = self._dress(calls, seats, group, number, index, inbound)
        calls["bad"] = self._bad[group] & ~inbound & ~friendly
        self._played.append(calls)
        self._carry_on(seats, group, calls["release_ms"], meant)
        self._follow_up(seats, group, zone, calls, end, number, index, shown, ~inbound)

    def _dress(
        self,
        calls: NDArray[np.void],
        seats: Seats,
        group: NDArray[np.int64],
        number: NDArray[np.int64],
        index: NDArray[np.int64],
        inbound: NDArray[np.bool_],
    ) -> NDArray[np.int64]:
        """Puts the parties and trunks on the calls; returns the number each seat shows."""
        population, state = self._population, self._seats[seats]
        turn = self._made[seats] // self._calls_per_number[group]
        line = state["line"] + turn % self._cards[group]
        own = population.lines["calling"][line]
        pooled = state["pool"] >= 0
        place_in_pool = state["pool"] + (turn + seats * 7) % self._numbers[group]
        shown = np.where(
            pooled, population.pool[np.where(pooled, place_in_pool, 0)] if len(population.pool) else 0, own
        )
        calls["caller"] = np.where(inbound, number, own)
        calls["callee"] = np.where(inbound, shown, number)
        calls["presented"] = np.where(inbound | ~pooled, 0, shown)
        calls["line"] = np.where(inbound, -1, line)
        home = population.lines["trunk"][line]
        away = np.where(index >= 0, population.people.zone(np.maximum(index, 0)), trunks.interconnect(number))
        calls["trunk_in"], calls["trunk_out"] = np.where(inbound, away, home), np.where(inbound, home, away)
        return shown

    def _carry_on(
        self, seats: Seats, group: NDArray[np.int64], release_ms: NDArray[np.int64], meant: NDArray[np.bool_]
    ) -> None:
        """When each seat calls next of its own accord."""
        draw = self._draw
        self._made[seats] += 1
        self._free_ms[seats] = release_ms + _BREATH_MS
        self._meant_ms[seats[meant]] = FAR_MS
        own = ~meant
        seats, group, release_ms = seats[own], group[own], release_ms[own]
        shape = self._shape[group]
        gap = draw.standard_exponential(len(seats)) ** (1 / shape) / _mean(shape) * self._seats["pause_ms"][seats]
        ramp_ms = self._ramp_h[group] * HOUR_MS
        rate = np.where(ramp_ms > 0, np.clip((release_ms - self._start[group]) / np.maximum(ramp_ms, 1), 0.1, 1), 1)
        self._next_ms[seats] = self._later(seats, release_ms, self._floor_s[group] * 1000 + gap / rate)

    def _follow_up(
        self,
        seats: Seats,
        group: NDArray[np.int64],
        zone: NDArray[np.int64],
        calls: NDArray[np.void],
        end: NDArray[np.int64],
        number: NDArray[np.int64],
        index: NDArray[np.int64],
        shown: NDArray[np.int64],
        outgoing: NDArray[np.bool_],
    ) -> None:
        """Second attempts by the caller, calls back by the callee."""
        draw, n = self._draw, len(seats)
        missed = outgoing & (end != ANSWERED) & (end != ABSENT) & (end != INVALID)
        redials = np.flatnonzero(missed & (draw.random(n) < self._redial[group]))
        wait = self._redial_s[group[redials]] * 1000 * np.exp(draw.normal(0, 0.8, len(redials)))
        at_ms = calls["release_ms"] + self._call_back_s[group] * 1000 * np.exp(draw.normal(0, 1.2, n))
        at_ms = np.maximum(at_ms.astype(np.int64), calls["release_ms"] + _MEANT_FOR_SURE_MS)
        chance = np.where(missed, self._call_back[group], self._call_back_answered[group] * (end == ANSWERED))
        back = outgoing & (draw.random(n) < chance)
        here, elsewhere = np.flatnonzero(back & (index >= 0)), np.flatnonzero(back & (index < 0))
        self._mean(index[here], at_ms[here], shown[here], -1, self._pickup[group[here]])
        self._mean(
            seats[redials],
            calls["release_ms"][redials] + wait.astype(np.int64),
            number[redials],
            index[redials],
            self._seats["answer"][seats[redials]],
        )
        self._call_from_elsewhere(seats[elsewhere], at_ms[elsewhere], number[elsewhere], shown[elsewhere])

    def _mean(self, seats: Seats, at_ms: Seats, number: Seats, index: Seats | int, answer: NDArray[np.float64]) -> None:
        """These seats mean to call these numbers; the newest intention replaces an older one."""
        self._meant_ms[seats], self._meant_number[seats] = at_ms, number
        self._meant_index[seats], self._meant_answer[seats] = index, answer

    def _call_from_elsewhere(self, seats: Seats, at_ms: Seats, number: Seats, shown: Seats) -> None:
        """Customers of other operators call back the number they saw."""
        n = len(seats)
        group = self._group(seats)
        nobody, sure = np.zeros(n), np.ones(n, np.bool_)
        calls, _ = place(self._draw, self._manners, np.zeros(n, np.int64), at_ms, self._pickup[group], nobody, sure)
        calls["caller"], calls["callee"], calls["line"] = number, shown, -1
        calls["trunk_in"] = trunks.interconnect(number)
        calls["trunk_out"] = self._population.lines["trunk"][self._seats["line"][seats]]
        self._played.append(calls)


def _mean(shape: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of a Weibull law of scale 1."""
    from scipy.special import gamma

    mean: NDArray[np.float64] = gamma(1 + 1 / shape)
    return mean


def _by_release(calls: NDArray[np.void]) -> NDArray[np.void]:
    return calls[np.argsort(calls["release_ms"], kind="stable")]
