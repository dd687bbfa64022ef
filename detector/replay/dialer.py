"""An adaptive dialer, number by number: how it calls so as not to be noticed, as calls that the live path can read.

Figures of people are those measured on real logs (talk log-normal, a third unanswered); those of campaigns are
published ones (signature catalogue). Every number has a script and a time-out of its own, so that no two look alike.
"""

from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np

from detector.cdr.batch import CallRecord

DAY_S = 86_400
WORK_S = ((9 * 3600, 12 * 3600), (13 * 3600, 18 * 3600))
"""When campaigns call, seconds after midnight, local time."""

HOURS_A_DAY = sum(end - begin for begin, end in WORK_S) / 3600
FRIENDS = 8
START_MS = 1_710_086_400_000
"""Monday 11 March 2024, 00:00 in China."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a number is used.

    even         gaps of a machine, else at random
    script       a played text, else talk and ringing like a person's
    answer       share of targets who answer
    invalid      share of targets that do not exist
    call_back    share of targets who call the number, for money or not
    ordinary     calls to and from accomplices for each call to a target
    work, rest   days in use, then days of rest
    """

    even: bool = True
    script: bool = True
    answer: float = 0.3
    invalid: float = 0.06
    call_back: float = 0.03
    ordinary: float = 0.0
    work: int = 1
    rest: int = 0


TECHNIQUES: tuple[tuple[str, dict[str, Any], str], ...] = (
    # name, what it changes, what it costs the dialer
    ("none", {}, "nothing"),
    ("random gaps", {"even": False}, "idle agents"),
    ("human talk and ringing", {"script": False}, "people, or a robot that converses"),
    ("warm list", {"answer": 0.7, "invalid": 0.005}, "a list of people who know the caller"),
    ("call-backs bought", {"call_back": 0.3}, "pay for three targets in ten"),
    ("ordinary calls mixed in", {"ordinary": 1.0}, "accomplices, and as many calls again"),
    ("rotation: a day's work, three of rest", {"rest": 3}, "four times the numbers"),
)


def ways(together: bool) -> list[tuple[str, Way, str]]:
    """Each technique (name, way, cost): alone, or added to all above it."""
    found, way = [], Way()
    for name, changes, cost in TECHNIQUES:
        way = replace(way if together else Way(), **changes)
        found.append((name, way, cost))
    return found


def calls_of(way: Way, numbers: int, calls_a_day: int, days: int) -> list[bytes]:
    """All calls of so many numbers, JSON records in order of release. calls_a_day: to targets, on a day of work."""
    made: list[CallRecord] = []
    for number in range(numbers):
        made += _Number(way, number).calls(calls_a_day, days)
    made.sort(key=lambda call: call.release_ms)
    encode = msgspec.json.Encoder().encode
    return [encode(call) for call in made]


def line_of(number: int) -> str:
    """The line of a number, a mobile."""
    return f"1391200{number:04}"


class _Number:
    """One number at work."""

    def __init__(self, way: Way, number: int) -> None:
        self._way, self._line = way, line_of(number)
        self._draw = np.random.default_rng(number)
        self._phase = int(self._draw.integers(way.work + way.rest))
        self._script_s, self._time_out_s = self._draw.integers(15, 36), self._draw.integers(15, 31)
        self._targets = 0
        self._free_ms = 0
        self._serial = number * 100_000
        self._friends = [f"1370000{(number * FRIENDS + i) % 10_000:04}" for i in range(FRIENDS)]

    def calls(self, calls_a_day: int, days: int) -> list[CallRecord]:
        """Its calls in the order they are made, and those made to it."""
        way, made = self._way, []
        for day in range(days):
            if (day + self._phase) % (way.work + way.rest) >= way.work:
                continue
            ordinary = self._draw.binomial(2 * calls_a_day, way.ordinary / 2)
            wanted = [(at, False) for at in self._times(calls_a_day, way.even)]
            wanted += [(at, True) for at in self._times(ordinary, False)]
            for at_s, private in sorted(wanted):
                at_ms = START_MS + int(1000 * (day * DAY_S + at_s))
                made += self._friendly(at_ms) if private else self._to_target(at_ms)
        return made

    def _times(self, n: int, even: bool) -> list[float]:
        """Seconds after midnight at which calls are wanted."""
        worked = (np.arange(n) + 0.5) / max(n, 1) if even else self._draw.random(n)
        lengths = [end - begin for begin, end in WORK_S]
        at = np.interp(np.sort(worked) * sum(lengths), [0, lengths[0]], [WORK_S[0][0], WORK_S[0][1]])
        late = np.sort(worked) * sum(lengths) > lengths[0]
        at[late] = WORK_S[1][0] + (np.sort(worked)[late] * sum(lengths) - lengths[0])
        return [float(second) for second in at]

    def _to_target(self, at_ms: int) -> list[CallRecord]:
        """A call to somebody new, and perhaps the call back."""
        way, draw = self._way, self._draw
        target = f"15{int(draw.integers(10**9)):09}"
        u = float(draw.random())
        if u < way.invalid:
            call = self._call(target, at_ms, None, 0.0, 1, "network")
        elif u < way.invalid + way.answer:
            talk_s = draw.normal(self._script_s, 0.7) if way.script else draw.lognormal(3.2, 1.2)
            call = self._call(target, at_ms, float(draw.lognormal(2.0, 0.5)), max(1.0, float(talk_s)), 16, "caller")
        else:
            ring_s = self._time_out_s + draw.normal(0, 0.2) if way.script else draw.lognormal(3.2, 0.4)
            call = self._call(target, at_ms, float(ring_s), 0.0, 19, "caller")
        back = call.release_cause != 1 and draw.random() < way.call_back
        return [call, self._call_in(target, call.release_ms)] if back else [call]

    def _friendly(self, at_ms: int) -> list[CallRecord]:
        """A call to or from an accomplice."""
        friend = self._friends[int(len(self._friends) * self._draw.random() ** 2)]
        if self._draw.random() < 0.5:
            return [self._call_in(friend, at_ms)]
        return [self._call(friend, at_ms, float(self._draw.lognormal(2.0, 0.5)), self._human_talk(), 16, "callee")]

    def _call(self, callee: str, at_ms: int, ring_s: float | None, talk_s: float, cause: int, party: str) -> CallRecord:
        """An attempt of the line, after its last one has ended. ring_s: None = it never rang."""
        setup_ms = max(at_ms, self._free_ms)
        ring_ms = setup_ms + 1500 if ring_s is not None else None
        ended_ms = setup_ms + 1500 + int(1000 * (ring_s or 0.0))
        answer_ms = ended_ms if talk_s > 0 else None
        self._free_ms = ended_ms + int(1000 * talk_s) + 2000
        return self._record(self._line, callee, setup_ms, ring_ms, answer_ms, self._free_ms - 2000, cause, party)

    def _call_in(self, caller: str, after_ms: int) -> CallRecord:
        """Somebody calls the line some minutes later."""
        setup_ms = after_ms + int(1000 * (15 + self._draw.lognormal(5.5, 1.0)))
        answer_ms = setup_ms + 8000
        release_ms = answer_ms + int(1000 * self._human_talk())
        return self._record(caller, self._line, setup_ms, setup_ms + 1500, answer_ms, release_ms, 16, "caller")

    def _human_talk(self) -> float:
        return float(self._draw.lognormal(3.6, 1.2)) + 1.0

    def _record(
        self,
        caller: str,
        callee: str,
        setup_ms: int,
        ring_ms: int | None,
        answer_ms: int | None,
        release_ms: int,
        cause: int,
        party: str,
    ) -> CallRecord:
        self._serial += 1
        return CallRecord(
            call_id=f"e{self._serial}",
            a_number=caller,
            b_number=callee,
            setup_ms=setup_ms,
            ring_ms=ring_ms,
            answer_ms=answer_ms,
            release_ms=release_ms,
            release_cause=cause,
            release_party=party,
        )
