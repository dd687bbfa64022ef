"""Plays a scenario: every seat makes one call after the other, window of time by window of time.

A seat is due at the earlier of its own next call and of what it *means* to do (call somebody back, try again),
and never before its last call has ended. All seats that are due are played together: people one call each, busy
seats a run of calls. When nobody is due before the window's end, what has ended leaves it, ordered by release.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import NEVER_MS
from detector.traffic.callees import ELSEWHERE, FRIEND, STEP, STRANGER, TRADE, Callees, services_of
from detector.traffic.calls import ABSENT, ANSWERED, CALL, INVALID, begin, place
from detector.traffic.clock import FAR_MS, HOUR_MS, Clock
from detector.traffic.follow_ups import FollowUps
from detector.traffic.played import Round, dress
from detector.traffic.population import Population
from detector.traffic.rules import PEOPLE, rules_of
from detector.traffic.world import Scenario

_WINDOW_CALLS = 100_000  # expected in one window: bounds memory
_LONGEST_WINDOW_S = 7200  # a call-back may wait for its window: longer ones would delay too many
_AT_ONCE = 65_536
_BREATH_MS = 3000  # shortest time between two calls of a seat
_SOONEST_CALL_BACK_MS = 15_000
_BUSY_PAUSE_MS = 360_000  # seats with shorter pauses are played in runs
_LONGEST_RUN = 64

Seats = NDArray[np.int64]
Times = NDArray[np.int64]


class Engine:
    """The state of every seat, and the loop over windows. One run per instance."""

    def __init__(self, scenario: Scenario, population: Population, seed: int) -> None:
        self._scenario, self._population = scenario, population
        self._draw = np.random.Generator(np.random.SFC64([seed, 3]))
        self._clock = Clock(scenario.start_ms, scenario.days)
        self._rules = rules_of(population.groups, scenario.end_ms)
        self._seats = population.seats.copy()
        self._callees = Callees(population.people, self._rules, services_of(population), seed)
        n = len(self._seats)
        self._next_ms, self._meant_ms = np.full(n, FAR_MS), np.full(n, FAR_MS)
        self._free_ms, self._meant_number = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self._made, self._meant_index = np.zeros(n, np.int32), np.full(n, -1, np.int32)
        self._meant_answer = np.zeros(n, np.float32)
        for first in range(0, n, _AT_ONCE):
            self._wake(np.arange(first, min(first + _AT_ONCE, n)))
        self._recruits = sorted(population.recruits, key=lambda recruits: recruits.start_ms)
        self._played: list[NDArray[np.void]] = []
        closers = np.flatnonzero(np.isin(self._seats["group"], self._rules["closers"][self._rules["closers"] >= 0]))
        self._follow_ups = FollowUps(closers, self._seats["group"][closers].astype(np.int64))

    def play(self) -> Iterator[NDArray[np.void]]:
        """CALL[n] by CALL[n], ordered by release_ms within and across; ends when every call has ended."""
        waiting = np.zeros(0, CALL)
        start_ms, step_ms = self._scenario.start_ms, self._window_ms()
        while start_ms < self._scenario.end_ms:
            end_ms = min(start_ms + step_ms, self._scenario.end_ms)
            self._enlist(end_ms)
            self._follow_up(end_ms)
            self._play_until(end_ms)
            waiting = np.concatenate([waiting, *self._played])
            self._played.clear()
            ended = waiting["release_ms"] < end_ms
            yield _by_release(waiting[ended])
            waiting = waiting[~ended]
            start_ms = end_ms
        yield _by_release(waiting[waiting["setup_ms"] < self._scenario.end_ms])

    def _window_ms(self) -> int:
        """Windows short enough for `_WINDOW_CALLS`; depends on nothing but the population."""
        an_hour = 2 * float((HOUR_MS / (self._seats["pause_ms"].astype(np.float64) + 20_000)).sum())
        return int(np.clip(3600 * _WINDOW_CALLS / an_hour, 1, _LONGEST_WINDOW_S)) * 1000

    def _wake(self, seats: Seats) -> None:
        """The first call of these seats, as if they had always lived like this: a rest of a gap."""
        group = self._seats["group"][seats]
        shape = self._rules["shape"][group]
        rest = self._draw.random(len(seats)) * self._draw.gamma(1 + 1 / shape) ** (1 / shape)
        rest_ms = rest / self._rules["mean_gap"][group] * self._seats["pause_ms"][seats]
        self._next_ms[seats] = self._later(seats, self._rules["start_ms"][group], rest_ms)

    def _enlist(self, end_ms: int) -> None:
        """Lines that are taken over before the window's end change their way of life."""
        while self._recruits and self._recruits[0].start_ms < end_ms:
            recruits = self._recruits.pop(0)
            self._seats[recruits.seats] = recruits.after
            self._meant_ms[recruits.seats] = FAR_MS
            self._wake(recruits.seats)

    def _play_until(self, end_ms: int) -> None:
        while len(seats := np.flatnonzero(self._due(slice(None)) < end_ms)):
            while len(seats):
                self._play_round(seats, end_ms)
                self._follow_up(end_ms)
                seats = seats[self._due(seats) < end_ms]

    def _due(self, seats: Seats | slice) -> Times:
        due: Times = np.maximum(np.minimum(self._next_ms[seats], self._meant_ms[seats]), self._free_ms[seats])
        return due

    def _later(self, seats: Seats, at_ms: Times, gap_ms: NDArray[np.float64]) -> Times:
        """That much activity later by the clock of each seat; FAR_MS after its group's end."""
        early, group = self._seats["early_ms"][seats], self._seats["group"][seats]
        later = np.maximum(self._clock.later(self._rules["profile"][group], at_ms + early, gap_ms) - early, at_ms)
        return np.where(later < self._rules["end_ms"][group], later, FAR_MS)

    def _play_round(self, seats: Seats, end_ms: int) -> None:
        """At least one call of each of these seats, none of its own that begins at or after end_ms.

        A run ends with the hour (another pace), before the seat means to do something, and with a call that it
        will try again.
        """
        at_ms, early_ms = self._due(seats), self._seats["early_ms"][seats]
        meant = self._meant_ms[seats] <= self._next_ms[seats]
        group = self._seats["group"][seats]
        rate, hour_end_ms = self._clock.hour(self._rules["profile"][group], at_ms + early_ms)
        until_ms = np.minimum(np.minimum(self._rules["end_ms"][group], end_ms), hour_end_ms - early_ms)
        until_ms = np.minimum(until_ms, self._meant_ms[seats])
        run = np.where(meant, 1, self._run_length(seats, rate, until_ms - at_ms))
        row = np.repeat(np.arange(len(seats)), run)
        first = (np.cumsum(run) - run)[row]
        step = np.arange(len(row)) - first
        drafts = self._draft(seats[row], step, meant[row], at_ms[row])
        pause_ms = np.maximum(drafts.gap_ms / np.maximum(rate, 1e-6)[row], _BREATH_MS).astype(np.int64)
        before = _sum_before(drafts.calls["release_ms"] + pause_ms)
        begins_ms = at_ms[row] + before - before[first]
        begin(drafts.calls, begins_ms)
        redialled = _sum_before(drafts.redials)
        keep = (step == 0) | ((begins_ms < until_ms[row]) & (redialled == redialled[first]))
        self._settle(drafts.only(keep))

    def _run_length(self, seats: Seats, rate: NDArray[np.float64], open_ms: Times) -> NDArray[np.int64]:
        """How many calls to draw for each seat: about as many as fit, more for busy seats; 1 for people."""
        pause_ms = self._seats["pause_ms"][seats] / np.maximum(rate, 1e-6)
        fit = 1.3 * open_ms / (pause_ms + 10_000) + 2
        return np.where(pause_ms < _BUSY_PAUSE_MS, np.clip(fit, 1, _LONGEST_RUN), 1).astype(np.int64)

    def _draft(self, seats: Seats, step: NDArray[np.int64], meant: NDArray[np.bool_], at_ms: Times) -> Round:
        """Calls of these seats as if they began at time 0. step: 0, 1, 2 ... within a run; at_ms: its begin."""
        draw, n = self._draw, len(seats)
        state = self._seats[seats]
        rules, group = self._rules, state["group"].astype(np.int64)
        made = self._made[seats] + step
        number, index, manner = self._callees.choose(draw, seats, state, made)
        friendly = ~meant & (manner == FRIEND)
        u = draw.random(n)
        customer = ~meant & (u < rules["inbound"][group])
        # A friend elsewhere calls as often as he is called: every other call of such a pair is his.
        inbound = customer | (friendly & (index == ELSEWHERE) & (u < 0.5))
        number[meant] = self._meant_number[seats[meant]]
        number[customer] = self._callees.customer(draw, seats[customer], state["zone"][customer])
        index = np.select([meant, customer], [self._meant_index[seats], ELSEWHERE], index)
        answer = np.select([meant, inbound], [self._meant_answer[seats], rules["pickup"][group]], state["answer"])
        private = friendly | (inbound & rules["bad"][group])
        manners = np.where(private, PEOPLE, group)
        known = meant | inbound | (manner != STRANGER) & (manner != STEP)
        calls, end = place(draw, rules, manners, answer, state["talk_shift"], known)
        missed = ~inbound & (end != ANSWERED) & (end != ABSENT) & (end != INVALID)
        gap_ms = self._gap(group, state)
        return Round(
            seats=seats,
            group=group,
            state=state,
            made=made,
            meant=meant,
            number=number,
            index=index,
            inbound=inbound,
            campaign=rules["bad"][group] & ~inbound & ~friendly,
            calls=calls,
            missed=missed,
            redials=missed & (draw.random(n) < rules["redial"][group]),
            gap_ms=rules["floor_ms"][group] + gap_ms / self._ramp(group, at_ms),
        )

    def _gap(self, group: NDArray[np.int64], state: NDArray[np.void]) -> NDArray[np.float64]:
        """Pauses after calls above the shortest: Weibull with the seat's mean, or the short one inside a burst."""
        n, draw, rules = len(group), self._draw, self._rules
        usual = draw.standard_exponential(n) ** (1 / rules["shape"][group]) / rules["mean_gap"][group]
        usual *= state["pause_ms"] / (1 - rules["burst"][group])  # bursts keep the mean
        short = rules["burst_ms"][group] * np.exp(0.8 * draw.standard_normal(n))
        return np.where(draw.random(n) < rules["burst"][group], short, usual)

    def _ramp(self, group: NDArray[np.int64], at_ms: Times) -> NDArray[np.float64]:
        """Share of its full rate that a campaign has reached."""
        ramp_ms = self._rules["ramp_ms"][group]
        reached = (at_ms - self._rules["start_ms"][group]) / np.maximum(ramp_ms, 1)
        return np.where(ramp_ms > 0, np.clip(reached, 0.1, 1), 1)

    def _settle(self, played: Round) -> None:
        """The calls of a round happen: they are given parties, change the seats' state, and have consequences."""
        shown = dress(played, self._population, self._rules)
        self._played.append(played.calls)
        last = np.append(played.seats[1:] != played.seats[:-1], True)
        self._carry_on(played.only(last))
        self._call_back(played, shown)
        self._redial(played.only(played.redials))
        self._bite(played)

    def _carry_on(self, played: Round) -> None:
        """When each seat calls next of its own accord; rows are the seats' last calls."""
        seats, release_ms = played.seats, played.calls["release_ms"]
        self._made[seats] = played.made + 1
        self._free_ms[seats] = release_ms + _BREATH_MS
        self._meant_ms[seats[played.meant]] = FAR_MS
        own = ~played.meant
        self._next_ms[seats[own]] = self._later(seats[own], release_ms[own], played.gap_ms[own])

    def _call_back(self, played: Round, shown: NDArray[np.int64]) -> None:
        """Callees mean to call back the number they saw; those of other operators just do."""
        n, rules, group = len(shown), self._rules, played.group
        answered = ~played.inbound & (played.calls["answer_ms"] > 0)
        chance = np.select(
            [played.missed, answered], [rules["call_back"][group], rules["call_back_answered"][group]], 0
        )
        wait_ms = rules["call_back_ms"][group] * np.exp(self._draw.normal(0, 1.2, n))
        at_ms = played.calls["release_ms"] + np.maximum(wait_ms, _SOONEST_CALL_BACK_MS).astype(np.int64)
        back = self._draw.random(n) < chance
        here, away = np.flatnonzero(back & (played.index >= 0)), np.flatnonzero(back & (played.index == ELSEWHERE))
        caller = np.where(played.seats < self._population.people.n, played.seats, TRADE)
        self._mean(played.index[here], at_ms[here], shown[here], caller[here], rules["pickup"][group[here]])
        calls, _ = place(
            self._draw,
            rules,
            np.full(len(away), PEOPLE),
            rules["pickup"][group[away]],
            np.zeros(len(away)),
            np.ones(len(away), np.bool_),
        )
        begin(calls, at_ms[away])
        calls["caller"], calls["callee"], calls["line"] = played.number[away], shown[away], -1
        calls["trunk_in"], calls["trunk_out"] = played.calls["trunk_out"][away], played.calls["trunk_in"][away]
        self._played.append(calls)

    def _redial(self, played: Round) -> None:
        """Callers mean to try again."""
        wait_ms = self._rules["redial_ms"][played.group] * np.exp(self._draw.normal(0, 0.8, len(played.seats)))
        at_ms = played.calls["release_ms"] + wait_ms.astype(np.int64)
        self._mean(played.seats, at_ms, played.number, played.index, played.state["answer"])

    def _bite(self, played: Round) -> None:
        """Some of those who stayed on the line will be called by people of the campaign."""
        closers, bites = self._rules["closers"][played.group], self._rules["bites"][played.group]
        bit = played.campaign & (played.calls["answer_ms"] != NEVER_MS) & (closers >= 0)
        bit &= self._draw.random(len(bites)) < bites
        if bit.any():
            self._follow_ups.bite(self._draw, closers[bit], played.calls[bit], played.number[bit], played.index[bit])

    def _follow_up(self, end_ms: int) -> None:
        """People of campaigns who are idle take what waits for them."""
        closers = self._follow_ups.closers
        if not len(closers):
            return
        line = self._seats["line"][closers]
        seats, bites = self._follow_ups.assign(self._draw, self._meant_ms[closers] == FAR_MS, line, end_ms)
        at_ms = np.maximum(bites["ready_ms"], self._free_ms[seats])
        self._mean(seats, at_ms, bites["number"], bites["index"], self._seats["answer"][seats])

    def handovers(self) -> NDArray[np.int64]:
        """int64[3, n]: line that probed, number, line that was told to call it later; of what was played so far."""
        return self._follow_ups.done()

    def _mean(
        self, seats: Seats, at_ms: Times, number: NDArray[np.int64], index: Seats, answer: NDArray[np.float64]
    ) -> None:
        """These seats mean to call these numbers; the newest intention replaces an older one."""
        self._meant_ms[seats], self._meant_number[seats] = at_ms, number
        self._meant_index[seats], self._meant_answer[seats] = index, answer


def _sum_before(counts: NDArray[np.integer] | NDArray[np.bool_]) -> NDArray[np.int64]:
    """Running sum of the rows before each row."""
    return np.cumsum(counts, dtype=np.int64) - counts


def _by_release(calls: NDArray[np.void]) -> NDArray[np.void]:
    return calls[np.argsort(calls["release_ms"], kind="stable")]
