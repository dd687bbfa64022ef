"""The slow obvious twins: the same answers as the kernels, written so that a telecom engineer can check them.

One `Twin` holds any number of lines in plain Python objects, without capacity, index or packed bytes.
"""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from tests.features.health_twin import Health

HOUR_MS = 3_600_000
MILLI = 1024
MAP, PAST, NEWEST = 16, 64, 16
TIER_SIZES = (4, 16, 256)
TRAITS = ("ring", "pacing", "short", "targeting", "hours", "concurrency")
FAMILIES = ("novelty", "pace", "script", "answer", "reciprocity", *TRAITS)
TRAIT_WEIGHT, FORGET = 0.3, 0.05
LOG_UNIT = 65_536


@dataclass
class Call:
    """One call as the twin reads it; times in ms, None = did not happen."""

    line: int
    number: int
    callee: int
    setup_ms: int
    release_ms: int
    answer_ms: int | None = None
    cause: int | None = None
    call_hash: int = 0
    ring_ms: int | None = None  # when ringing began
    party: int = 0  # 0 unknown, 1 caller, 2 callee, 3 network
    trunk: int = 0


@dataclass
class Kept:
    callee: int
    setup_ms: int
    talk_s: int | None
    cause: int | None
    first_time: bool
    called_back: bool = False
    release_ms: int = 0
    rang_ms: int | None = None  # ringing until answer or release
    talk_ms: int | None = None
    party: int = 0


@dataclass
class Evidence:
    callbacks_seen: int
    number: int
    mixture: "Mixture"
    shares: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAMILIES, 0))
    weights: list[float] = field(default_factory=lambda: [0.25] * 4)
    traits: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TRAITS, TRAIT_WEIGHT))
    talks: list[int] = field(default_factory=list)
    rings: list[int] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)  # logarithms in 1/LOG_UNIT
    calls: int = 0
    answered: int = 0
    distinct: int = 0

    @property
    def score(self) -> int:
        return sum(self.shares.values())


@dataclass
class Line:
    last_ms: int
    decayed: float = 0.0
    kept: list[Kept] = field(default_factory=list)
    tier: int = 0
    map_now: dict[int, bool] = field(default_factory=dict)  # callee -> called back
    map_before: dict[int, bool] = field(default_factory=dict)
    n_now: int = 0
    n_before: int = 0
    day: int = -1
    new_today: int = 0
    callbacks: int = 0
    newest_new_ms: int = -1
    evidence: Evidence | None = None


@dataclass
class Lives:
    """Laws of the lives but people's, and of the ways of dialing; by life or way, as in the parameter file."""

    prior: list[float]  # people first
    new: list[float]  # and so on: people's entries of new are not used
    gap_shape: list[float]
    gap_scale_s: list[float]
    talk_mu: list[float]
    talk_sigma: list[float]
    outcomes: list[dict[str, float]]
    dial_new: list[float]
    dial_plays: list[float]
    dial_outcomes: list[dict[str, float]]


@dataclass
class Mixture:
    """Which life a line leads and in which way it dials, as believed now."""

    lives: list[float]
    dials: list[float] = field(default_factory=lambda: [1 / 3] * 3)

    def told(self, by_life: list[float], by_dial: list[float], broad: float) -> int:
        lives = [0.99 * chance + 0.01 * broad for chance in by_life]
        p0 = sum(w * chance for w, chance in zip(self.lives, lives, strict=True))
        dials = [0.9 * chance + 0.1 * p0 for chance in by_dial]
        p1 = sum(w * chance for w, chance in zip(self.dials, dials, strict=True))
        self.lives = [w * chance / p0 for w, chance in zip(self.lives, lives, strict=True)]
        self.dials = [w * chance / p1 for w, chance in zip(self.dials, dials, strict=True)]
        return math.floor(MILLI * math.log(p1 / p0) + 0.5)

    def may_change(self, prior: list[float]) -> None:
        self.lives = [0.98 * w + 0.02 * first for w, first in zip(self.lives, prior, strict=True)]
        self.dials = [0.95 * w + 0.05 / 3 for w in self.dials]


def lomax(gap_s: float, shape: float, scale_s: float) -> float:
    density: float = shape / scale_s * (1 + gap_s / scale_s) ** (-shape - 1)
    return density


def rounded_log(seconds: float) -> float:
    return math.floor(LOG_UNIT * math.log(seconds + 0.5) + 0.5) / LOG_UNIT


def whole_second(seconds: int, mean: float, spread: float) -> float:
    """Chance of this whole second under a log-normal law."""

    def cdf(value: float) -> float:
        return 0.5 * math.erfc(-(math.log(value) - mean) / spread / math.sqrt(2)) if value > 0 else 0.0

    return max(cdf(seconds + 1) - cdf(seconds), 1e-5)


def lognormal_bin(seconds: int, past: list[int], mu: float, sigma: float, least_spread: float) -> float:
    """Chance of this whole second about the mean of the past, shrunk to the class."""
    logs = [rounded_log(value) for value in past]
    mean = (2 * mu + sum(logs)) / (2 + len(past))
    variance = (2 * sigma**2 + sum((x - mean) ** 2 for x in logs)) / (2 + len(past))
    return whole_second(seconds, mean, max(math.sqrt(variance), least_spread))


def boxcar(value: int, past: list[int], within: int) -> float:
    """Mass of the past close by, spread over the whole seconds that count as close."""
    near = sum(abs(kept - value) <= within for kept in past)
    return near / (len(past) * (min(value, within) + within + 1)) if past else 0.0


def outcome(answered: bool, cause: int | None) -> str | None:
    if answered:
        return "answered"
    if cause == 17:
        return "busy"
    if cause in (1, 2, 3, 22, 28):
        return "invalid"
    if cause in (27, 34, 38, 41, 42, 44, 47):
        return None
    return "unanswered"


@dataclass
class Twin:
    """parameters: theta, sigma, ... as numbers; callback, silence: 1/1024 nat; limits: (low, high) by family."""

    parameters: Mapping[str, float]
    rates: list[float]  # per second
    lives: Lives
    own_script: bool
    callback: int
    silence: int
    limits: Mapping[str, tuple[int, int]]
    weights: Mapping[str, float]
    threshold: int
    beside_p0: list[float]
    hour_p0: list[float]
    utc_offset_ms: int = 8 * HOUR_MS
    warm_idle_ms: int = 72 * HOUR_MS
    ring_times: list[int] = field(default_factory=list)
    lines: dict[int, Line] = field(default_factory=dict)
    hashes: set[int] = field(default_factory=set)
    health: Health = field(default_factory=Health)
    muted: set[str] = field(default_factory=set)

    def judge(self, call: Call) -> tuple[int, dict[str, int]] | None:
        """(score, shares) in 1/1024 nat after the call; None for a duplicate; (0, {}) for a cold line."""
        again = call.call_hash in self.hashes
        self.muted = self.health.meet(
            call.trunk, call.line, call.callee, call.setup_ms, call.release_ms, call.answer_ms is not None, again
        )
        if again:
            return None
        self.hashes.add(call.call_hash)
        if call.answer_ms is None and call.ring_ms is not None and call.party == 1:
            self.ring_times.append(min((call.release_ms - call.ring_ms) // 1000, 119))
        if call.callee in self.lines:
            self._call_in(self.lines[call.callee], call.number)
        if call.number != call.line:
            self._remember(self.lines.setdefault(call.number, Line(call.release_ms)), call)
        line = self.lines.setdefault(call.line, Line(call.release_ms))
        number = self.lines[call.number]
        if call.release_ms - line.last_ms > self.warm_idle_ms:
            self._cool(line)
        n = line.n_now + line.n_before
        d = len(line.map_now) + len(line.map_before)
        gap_s = self._gap_to_new(line, call)
        self._remember(line, call)
        if line.tier == 0:
            return 0, {}
        if line.evidence is None:
            line.evidence = Evidence(number.callbacks, call.number, Mixture(list(self.lives.prior)))
            if number is line:
                line.evidence.callbacks_seen -= sum(kept.called_back for kept in latest(line))
            self._weigh_kept(line, n, d, gap_s)
        else:
            new = max(number.callbacks - line.evidence.callbacks_seen, 0) if line.evidence.number == call.number else 0
            line.evidence.callbacks_seen, line.evidence.number = number.callbacks, call.number
            self._weigh(line, len(line.kept) - 1, n, d, gap_s, new)
        evidence = line.evidence
        score, shares = evidence.score, dict(evidence.shares)
        full = line.tier == 1 and len(line.kept) == TIER_SIZES[1]
        if full and (line.decayed >= 12 or 2 * score >= self.threshold):
            line.tier = 2
        return score, shares

    def _gap_to_new(self, line: Line, call: Call) -> float | None:
        """Since the newest call to a first-time callee, or for a call set up before it the nearest kept one."""
        if line.newest_new_ms >= 0 and call.setup_ms >= line.newest_new_ms:
            return (call.setup_ms - line.newest_new_ms) / 1000
        return gap_among(line.kept, call.setup_ms)

    def _call_in(self, line: Line, caller: int) -> None:
        spots = [kept for kept in latest(line) if kept.callee == caller]
        maps = [m for m in (line.map_now, line.map_before) if caller in m]
        if not spots and not maps:
            return
        back = any(kept.called_back for kept in spots) or any(m[caller] for m in maps)
        for kept in spots:
            kept.called_back = True
        for m in maps:
            m[caller] = True
        if not back:
            line.callbacks += 1

    def _remember(self, line: Line, call: Call) -> None:
        age = call.release_ms - line.last_ms
        if age >= 0:
            line.decayed = line.decayed * 0.5 ** (age / HOUR_MS) + 1
            line.last_ms = call.release_ms
        else:
            line.decayed += 0.5 ** (-age / HOUR_MS)
        same = [kept for kept in latest(line) if kept.callee == call.callee]
        known = self._enter_map(line, call.callee)
        talk_s = (call.release_ms - call.answer_ms) // 1000 if call.answer_ms is not None else None
        first_time = not same and not known
        back = bool(same) and same[0].called_back
        talk_ms = call.release_ms - call.answer_ms if call.answer_ms is not None else None
        end_ms = call.answer_ms if call.answer_ms is not None else call.release_ms
        rang_ms = end_ms - call.ring_ms if call.ring_ms is not None else None
        line.kept.append(
            Kept(
                call.callee,
                call.setup_ms,
                talk_s,
                call.cause,
                first_time,
                back,
                call.release_ms,
                rang_ms,
                talk_ms,
                call.party,
            )
        )
        del line.kept[: -TIER_SIZES[line.tier]]
        day = (call.release_ms // 86_400_000) % 65_536
        if day != line.day:
            line.day, line.new_today = day, 0
        line.new_today += first_time
        if first_time:
            line.newest_new_ms = max(line.newest_new_ms, call.setup_ms)
        if line.tier == 0 and (line.decayed >= 3 or (first_time and line.new_today >= 8)):
            line.tier = 1

    def _enter_map(self, line: Line, callee: int) -> bool:
        known = callee in line.map_now
        if not known:
            if len(line.map_now) == MAP:
                line.map_before, line.map_now = line.map_now, {}
                line.n_before, line.n_now = line.n_now, 0
            known = callee in line.map_before
            line.map_now[callee] = line.map_before.pop(callee, False)
        line.n_now += 1
        return known

    def _cool(self, line: Line) -> None:
        line.tier, line.evidence = 0, None
        del line.kept[: -TIER_SIZES[0]]

    def _weigh_kept(self, line: Line, n: int, d: int, gap_now_s: float | None) -> None:
        d -= sum(kept.first_time for kept in line.kept[:-1])
        for j, kept in enumerate(line.kept):
            newest = j == len(line.kept) - 1
            gap_s = gap_now_s if newest else gap_among(line.kept[:j], kept.setup_ms)
            self._weigh(line, j, max(n - (len(line.kept) - 1 - j), 0), max(d, 0), gap_s, 0)
            d += kept.first_time

    def _weigh(self, line: Line, j: int, n: int, d: int, gap_s: float | None, callbacks: int) -> None:
        evidence, kept = line.evidence, line.kept[j]
        assert evidence is not None
        evidence.shares |= dict.fromkeys(self.muted, 0)
        self._weigh_novelty(evidence, kept.first_time, n, d)
        if kept.first_time:
            if gap_s is not None and self._speaks("pace"):
                self._weigh_pace(evidence, gap_s)
            ended = outcome(kept.talk_s is not None, kept.cause)
            if ended and self._speaks("answer"):
                by_life, by_dial = self.lives.outcomes, self.lives.dial_outcomes
                told = evidence.mixture.told([o[ended] for o in by_life], [o[ended] for o in by_dial], 0.25)
                self._add(evidence, "answer", told)
            if kept.talk_s is not None:
                if self._speaks("script"):
                    self._weigh_script(evidence, kept.talk_s)
                evidence.talks = [*evidence.talks, kept.talk_s][-PAST:]
            self._weigh_traits_of_strangers(evidence, kept, line.kept[max(0, j - 16) : j])
            evidence.distinct += 1
        before = line.kept[max(0, j - 16) : j]
        self._weigh_pacing(evidence, kept, before)
        beside = min(sum(k.release_ms > kept.setup_ms for k in before), 2)
        self._trait(evidence, "concurrency", (0.3, 0.35, 0.35)[beside], self.beside_p0[beside], 1 / 3)
        if callbacks or kept.first_time:
            self._add(evidence, "reciprocity", self.callback * callbacks + self.silence * kept.first_time)
        evidence.mixture.may_change(self.lives.prior)
        evidence.calls += 1
        evidence.answered += kept.talk_s is not None
        if evidence.score <= 0:
            evidence.shares = dict.fromkeys(FAMILIES, 0)
            evidence.weights = [0.25] * 4
            evidence.mixture.dials = [1 / 3] * 3
            evidence.traits = dict.fromkeys(TRAITS, TRAIT_WEIGHT)
            evidence.calls = evidence.answered = evidence.distinct = 0

    def _speaks(self, family: str) -> bool:
        return self.weights[family] > 0 and family not in self.muted

    def _weigh_novelty(self, evidence: Evidence, first_time: bool, n: int, d: int) -> None:
        if n == 0 or not self._speaks("novelty"):
            return
        theta, sigma = self.parameters["theta"], self.parameters["sigma"]
        lives = [(theta + sigma * d) / (theta + n), *self.lives.new[1:]]
        dials = self.lives.dial_new
        if not first_time:
            lives, dials = [1 - new for new in lives], [1 - new for new in dials]
        self._add(evidence, "novelty", evidence.mixture.told(lives, dials, 0.5))

    def _weigh_pace(self, evidence: Evidence, gap_s: float) -> None:
        gap = max(gap_s, 0.5)
        parts = [w * r * math.exp(-r * gap) for w, r in zip(evidence.weights, self.rates, strict=True)]
        dialing = 0.0
        for part in parts:
            dialing += part
        if dialing > 0:
            evidence.weights = [0.95 * part / dialing + 0.05 / 4 for part in parts]
        laws = zip(self.lives.gap_shape, self.lives.gap_scale_s, strict=True)
        lives = [lomax(gap, shape, scale_s) for shape, scale_s in laws]
        broad = 1 / (max(gap, 1.0) * math.log(30 * 86_400.0))
        self._add(evidence, "pace", evidence.mixture.told(lives, [dialing] * 3, broad))

    def _weigh_script(self, evidence: Evidence, talk_s: int) -> None:
        talks, lives = evidence.talks, self.lives
        if not talks:
            return
        own = lognormal_bin(talk_s, talks, lives.talk_mu[0], lives.talk_sigma[0], self.parameters["talk_least_spread"])
        played = boxcar(talk_s, talks, 4)
        if self.own_script:
            if len(talks) > NEWEST:
                own = 0.5 * own + 0.5 * boxcar(talk_s, talks[:-NEWEST], 4)
            played = boxcar(talk_s, talks[-NEWEST:], 4)
        others = zip(lives.talk_mu[1:], lives.talk_sigma[1:], strict=True)
        by_life = [own, *(whole_second(talk_s, mu, sigma) for mu, sigma in others)]
        by_dial = [(1 - plays) * own + plays * played for plays in lives.dial_plays]
        self._add(evidence, "script", evidence.mixture.told(by_life, by_dial, 1 / 3600))

    def _weigh_traits_of_strangers(self, evidence: Evidence, kept: Kept, before: list[Kept]) -> None:
        p = self.parameters
        hour = (kept.setup_ms + self.utc_offset_ms) // HOUR_MS % 24
        office = 1 / 9 if 9 <= hour < 18 else 0.0
        self._trait(evidence, "hours", 0.5 * office + 0.5 / 24, self.hour_p0[hour], 1 / 24)
        if kept.talk_ms is None and kept.rang_ms is not None and kept.party == 1:
            self._weigh_ring(evidence, min(kept.rang_ms // 1000, 119))
        length_ms = kept.talk_ms if kept.talk_ms is not None else kept.rang_ms
        if kept.party != 0 and length_ms is not None:
            self._yes_or_no(evidence, "short", kept.party == 1 and length_ms <= 3000, 0.6, p["short_p0"])
        distances = [abs(k.callee - kept.callee) for k in before[-8:] if k.callee != kept.callee]
        if distances:
            self._yes_or_no(evidence, "targeting", min(distances) <= 10, 0.5, p["near_p0"])

    def _weigh_ring(self, evidence: Evidence, ring_s: int) -> None:
        if evidence.rings:
            p0 = lognormal_bin(ring_s, evidence.rings, self.parameters["ring_mu"], self.parameters["ring_sigma"], 0.35)
            if len(self.ring_times) >= 200:
                p0 = 0.5 * p0 + 0.5 * self.ring_times.count(ring_s) / len(self.ring_times)
            self._trait(evidence, "ring", boxcar(ring_s, evidence.rings, 1), p0, 1 / 120)
        evidence.rings = [*evidence.rings, ring_s][-PAST:]

    def _weigh_pacing(self, evidence: Evidence, kept: Kept, before: list[Kept]) -> None:
        earlier = [k.setup_ms for k in before if k.setup_ms <= kept.setup_ms]
        if not earlier:
            return
        y = math.log(max((kept.setup_ms - max(earlier)) / 1000, 0.5))
        value = math.floor(LOG_UNIT * y + 0.5)
        if evidence.gaps:
            logs = [gap / LOG_UNIT for gap in evidence.gaps]
            near = sum(abs(gap - value) <= 0.1 * LOG_UNIT for gap in evidence.gaps)
            mean = sum(logs) / len(logs)
            spread = max(math.sqrt(sum((x - mean) ** 2 for x in logs) / len(logs)), 0.8)
            own = math.exp(-0.5 * ((y - mean) / spread) ** 2) / (spread * math.sqrt(2 * math.pi))
            x = (math.exp(y) / 3900.0) ** 0.34
            self._trait(evidence, "pacing", near / (len(logs) * 0.2), 0.5 * 0.34 * x * math.exp(-x) + 0.5 * own, 0.05)
        evidence.gaps = [*evidence.gaps, value][-PAST:]

    def _yes_or_no(self, evidence: Evidence, family: str, seen: bool, p1: float, p0: float) -> None:
        self._trait(evidence, family, p1 if seen else 1 - p1, p0 if seen else 1 - p0, 0.5)

    def _trait(self, evidence: Evidence, family: str, p1: float, p0: float, broad: float) -> None:
        p0 = 0.99 * p0 + 0.01 * broad
        weight = evidence.traits[family]
        mixed = (1 - weight) * p0 + weight * p1
        evidence.traits[family] = (1 - FORGET) * weight * p1 / mixed + FORGET * TRAIT_WEIGHT
        self._add(evidence, family, math.floor(MILLI * math.log(mixed / p0) + 0.5))

    def _add(self, evidence: Evidence, family: str, observed: int) -> None:
        if family in self.muted:
            return
        low, high = self.limits[family]
        weighed = math.floor(self.weights[family] * observed + 0.5)
        evidence.shares[family] = min(max(evidence.shares[family] + weighed, low), high)


@dataclass
class TwinEpisode:
    """When an alert is told: it opened, became critical, a family spoke for the first time, or its calls doubled."""

    threshold: int
    critical: int
    groups: Mapping[str, str]
    severity: str | None = None
    reasons: set[str] = field(default_factory=set)
    calls: int = 0

    def told(self, score: int, shares: Mapping[str, int], calls: int) -> bool:
        """Is a revision written at this call? Score and shares after it; `calls` of the segment."""
        speaking = [
            group
            for group in set(self.groups.values())
            if sum(nats for family, nats in shares.items() if self.groups[family] == group) >= 2048
        ]
        if self.severity is None and (score < self.threshold or len(speaking) < 2):
            return False
        severity = "critical" if score >= self.critical or self.severity == "critical" else "warning"
        reasons = self.reasons | {family for family, nats in shares.items() if nats >= 2048}
        if (severity, reasons) == (self.severity, self.reasons) and calls < 2 * self.calls:
            return False
        self.severity, self.reasons, self.calls = severity, reasons, calls
        return True


def gap_among(kept: list[Kept], setup_ms: int) -> float | None:
    """Seconds from the nearest earlier kept call to a first-time callee."""
    earlier = [k.setup_ms for k in kept if k.first_time and k.setup_ms <= setup_ms]
    return (setup_ms - max(earlier)) / 1000 if earlier else None


def latest(line: Line) -> list[Kept]:
    """The newest kept call to each callee."""
    newest = {kept.callee: kept for kept in line.kept}
    return list(newest.values())


def crowded(values: list[int], within: int) -> tuple[int, int]:
    """(the least value that most are close to, how many are)."""
    return max(((v, sum(abs(w - v) <= within for w in values)) for v in sorted(values)), key=lambda p: p[1])


def median_or(values: list[int], otherwise: float) -> float:
    return statistics.median(values) if values else otherwise


def shown(calls: list[tuple[int, int, int, int, int, int, bool]], now_ms: int, utc_offset_ms: int) -> dict[str, float]:
    """What kept calls show: (setup_ms, callee, ring_ms, talk_ms, held_ms, party, first_time), oldest first."""
    strangers = [c for c in calls if c[6]]
    setups, order = sorted(c[0] for c in strangers), sorted(c[0] for c in calls)
    talks = [c[3] // 1000 for c in strangers if c[3] >= 0]
    rings = [c[2] // 1000 for c in strangers if c[3] < 0 and c[2] >= 0 and c[5] == 1]
    gaps = [b - a for a, b in pairwise(order) if b > a]
    beat = median_or(gaps, 0.0)
    lately = [c for c in strangers if c[0] > now_ms - 3_600_000]
    beside = [
        any(0 < abs(c[1] - d[1]) <= 10 and max(c[1], d[1]) < 1 << 63 for d in calls[max(i - 8, 0) : i])
        for i, c in enumerate(calls)
    ]
    hours = [(c[0] + utc_offset_ms) // 3_600_000 % 24 for c in strangers]
    talk_s, talk_near = crowded(talks, 3) if talks else (0, 0)
    ring_s, ring_near = crowded(rings, 1) if rings else (0, 0)
    return {
        "kept": len(calls),
        "strangers": len(strangers),
        "answered": len(talks),
        "short": sum(c[5] == 1 and 0 <= (c[3] if c[3] >= 0 else c[2]) <= 3000 for c in strangers),
        "night": sum(hour >= 22 or hour < 7 for hour in hours),
        "new_gap_s": median_or([b - a for a, b in pairwise(setups)], 0.0) / 1000,
        "talk_s": talk_s,
        "talk_near": talk_near,
        "given_up": len(rings),
        "ring_s": ring_s,
        "ring_near": ring_near,
        "gaps": len(gaps),
        "gap_s": beat / 1000,
        "even": sum(abs(gap - beat) <= 0.1 * beat for gap in gaps),
        "near": sum(beside),
        "at_once": max((sum(d[0] <= c[0] < d[0] + d[4] for d in calls) for c in calls), default=0),
        "talked_ms": median_or([c[3] for c in calls if c[3] >= 0], -1.0),
        "reached": sum(c[3] >= 0 for c in lately),
        "reached_from_ms": min((c[0] for c in lately), default=-1),
    }
