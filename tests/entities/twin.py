"""The slow obvious twin of the entity levels: sets, dictionaries and the formulas as they are written."""

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

MINUTE_MS = 60_000
LOW = {
    "novelty": -4,
    "pace": -4,
    "script": -4,
    "answer": -4,
    "reciprocity": -16,
    "rotation": -2,
    "surge": -4,
    "neighbour": 0,
    "moved": 0,
    "told": 0,
}
HIGH = {
    "novelty": 8,
    "pace": 6,
    "script": 10,
    "answer": 5,
    "reciprocity": 0,
    "rotation": 8,
    "surge": 8,
    "neighbour": 16,
    "moved": 16,
    "told": 6,
}
SPEAKS = {
    "number": {"novelty", "pace", "script", "answer", "reciprocity", "told"},
    "tenant": {"novelty", "pace", "script", "answer", "reciprocity", "rotation", "neighbour", "told"},
    "trunk": {"novelty", "script", "answer", "neighbour"},
    "destination": {"script", "answer", "surge"},
}


@dataclass
class Known:
    """What is remembered of an entity, without any bound."""

    callees: set[int] = field(default_factory=set)
    callers: set[int] = field(default_factory=set)
    lines: set[int] = field(default_factory=set)
    shown: set[tuple[int, int]] = field(default_factory=set)
    sampled_calls: int = 0
    rate: float = 0.0
    last_minute: int = 0
    tenant: int = 0
    shares: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LOW, 0))
    score: int = 0
    begin: int | None = None
    calls: int = 0
    backs: int = 0
    strangers: int = 0
    changes: int = 0
    keeps: int = 0
    beside: int = 0
    answered: list[tuple[int, int]] = field(default_factory=list)  # (minute, calls), ever
    people: list[tuple[int, float]] = field(default_factory=list)  # (minute, complainant by probability), ever
    outcome: list[int] = field(default_factory=lambda: [0] * 4)
    talk: list[int] = field(default_factory=lambda: [0] * 40)


class Twin:
    """Judges whole minutes of calls; every entity has the same law."""

    def __init__(self, law: np.void) -> None:
        self.law = law
        self.known: dict[tuple[str, int], Known] = {}

    def close(self, number: int, calls: list[dict[str, int]]) -> None:
        """One minute; calls in any order, as dictionaries of CDR fields with `outcome`."""
        made = defaultdict(list)
        for call in calls:
            for entity in _entities(call):
                made[entity].append(call)
        incoming = defaultdict(set)
        for call in calls:
            number_known = self.known.get(("number", call["callee_key"]))
            if number_known:
                incoming["number", call["callee_key"]].add(call["number_key"])
                if number_known.tenant:
                    incoming["tenant", number_known.tenant].add(call["number_key"])
        for entity in {*made, *(name for name in incoming if name in self.known)}:
            self._weigh(entity, number, made[entity], incoming[entity])

    def _weigh(self, entity: tuple[str, int], number: int, calls: list[dict[str, int]], callers: set[int]) -> None:
        known = self.known.setdefault(entity, Known(last_minute=number))
        people = {call["callee_key"] for call in calls} if entity[0] != "destination" else set()
        new = people - known.callees
        old = len(calls) - len(new) if people else 0
        backs = (callers & known.callees) - known.callers
        known.callers |= backs
        changes, keeps = self._shown(known, calls) if people else (0, 0)
        known.lines |= {call["line_key"] for call in calls}
        if not calls and not backs:
            return
        known.begin = number if known.begin is None else known.begin
        told = self._novelty(known, len(new), old)
        known.callees |= new
        known.tenant = max([known.tenant, *(call["tenant_key"] for call in calls)])
        known.calls += len(calls)
        known.backs += len(backs)
        known.strangers += len(new)
        known.changes += changes
        known.keeps += keeps
        known.beside += sum(_beside(call) for call in calls)
        for call in calls:
            if call["outcome"] < 4:
                known.outcome[call["outcome"]] += 1
            if call["answer_ms"] >= 0:
                known.talk[_talk_bin((call["release_ms"] - call["answer_ms"]) / 1000)] += 1
        found = {
            "novelty": known.shares["novelty"] + told,
            "surge": known.shares["surge"] + (_surge(known, len(calls), number) if entity[0] == "destination" else 0),
            "answer": self._answer(known),
            "script": self._script(known),
            "pace": _pace(known, number),
            "reciprocity": int(self.law["callback"]) * max(known.backs - known.strangers // 50, 0),
            "rotation": _rotation(known),
            "neighbour": _neighbour(known),
        }
        for family, value in found.items():
            within = min(max(value, LOW[family] * 1024), HIGH[family] * 1024)
            known.shares[family] = within if family in SPEAKS[entity[0]] else 0
        known.answered.append((number, sum(call["outcome"] == 0 for call in calls)))
        rest = sum(nats for family, nats in known.shares.items() if family != "told")
        heard = "told" in SPEAKS[entity[0]] and rest > 0
        known.shares["told"] = _told(known, number, float(self.law["complaints"])) if heard else 0
        known.score = sum(known.shares.values())
        known.last_minute = number
        if known.score <= 0 or (entity[0] == "destination" and known.shares["surge"] <= 0):
            known.score, known.begin, known.calls = 0, None, 0
            known.backs = known.strangers = known.changes = known.keeps = known.beside = 0
            known.shares, known.outcome, known.talk = dict.fromkeys(LOW, 0), [0] * 4, [0] * 40

    def _shown(self, known: Known, calls: list[dict[str, int]]) -> tuple[int, int]:
        pairs: dict[tuple[int, int], int] = defaultdict(int)
        for call in calls:
            if call["line_key"] in known.lines:
                pairs[call["line_key"], call["number_key"]] += 1
        changes = sum(pair not in known.shown for pair in pairs)
        keeps = sum(count for pair, count in pairs.items() if pair in known.shown)
        known.shown |= {(call["line_key"], call["number_key"]) for call in calls}
        return changes, keeps

    def _novelty(self, known: Known, new: int, old: int) -> int:
        told, d, n = 0, len(known.callees), known.sampled_calls
        scale = max(float(self.law["theta"]), 0.5) * max(len(known.lines), 1)
        p1, sigma = float(self.law["new_p1"]), float(self.law["sigma"])
        for i in range(new):
            if n > 0 and i < 200:
                told += _ratio(p1, (scale + sigma * d) / (scale + n))
            d, n = d + 1, n + 1
        for _ in range(min(old, 200)):
            told += _ratio(1 - p1, 1 - min((scale + sigma * d) / (scale + max(n, 1)), 0.999))
            n += 1
        known.sampled_calls += new + old
        return told

    def _answer(self, known: Known) -> int:
        ordinary = self.law["ordinary"]
        dialing = 0.9 * self.law["dialing"] + 0.1 * ordinary
        told = _dirichlet(known.outcome, 12 * dialing) - _dirichlet(known.outcome, 12 * ordinary)
        return math.floor(1024 * told + 0.5)

    def _script(self, known: Known) -> int:
        law = self.law["talk"].tolist()
        n = sum(known.talk)
        told = sum(
            sign * sum(math.lgamma(a * p + c) - math.lgamma(a * p) for p, c in zip(law, known.talk, strict=True) if c)
            + sign * (math.lgamma(a) - math.lgamma(a + n))
            for sign, a in ((1, 4.0), (-1, 40.0))
        )
        return math.floor(1024 * told + 0.5)


def _entities(call: dict[str, int]) -> list[tuple[str, int]]:
    found = [("trunk", call["trunk_in_key"]), ("tenant", call["tenant_key"])]
    if call["number_key"] != call["line_key"] or call["tenant_key"]:
        found.append(("number", call["number_key"]))
    digits = str(call["callee_key"])[1:]
    if len(digits) >= 7:
        found.append(("destination", int("1" + digits[:7])))
    return [(kind, name) for kind, name in found if name]


def _talk_bin(seconds: float) -> int:
    return int(seconds) // 2 if seconds < 60 else min(30 + int(math.log(seconds / 60, 1.5) + 1e-9), 39)


def _ratio(p1: float, p0: float) -> int:
    p0 = 0.99 * p0 + 0.01 * 0.5
    p1 = 0.9 * p1 + 0.1 * p0
    return math.floor(1024 * math.log(p1 / p0) + 0.5)


def _dirichlet(counts: list[int], prior: np.ndarray) -> float:
    return sum(math.lgamma(a + c) - math.lgamma(a) for a, c in zip(prior.tolist(), counts, strict=True))


def _pace(known: Known, number: int) -> int:
    assert known.begin is not None
    hours = max(len(known.lines), 1) * (number - known.begin + 1) / 60

    def log_gamma_poisson(shape: float, mean: float) -> float:
        rate = shape / mean
        told = math.lgamma(shape + known.calls) - math.lgamma(shape)
        return told + shape * math.log(rate / (rate + hours)) - known.calls * math.log(rate + hours)

    return math.floor(1024 * (log_gamma_poisson(1.0, 30.0) - log_gamma_poisson(0.5, 1.0)) + 0.5)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _rotation(known: Known) -> int:
    n, m = known.changes, known.keeps
    dialing = _log_beta(2 + n, 1 + m) - _log_beta(2, 1)
    return math.floor(1024 * (dialing - _log_beta(0.5 + n, 9.5 + m) + _log_beta(0.5, 9.5)) + 0.5)


def _beside(call: dict[str, int]) -> bool:
    shown, called = str(call["number_key"]), str(call["callee_key"])
    return call["number_class"] == 1 and shown[:-4] == called[:-4] and shown != called


def _neighbour(known: Known) -> int:
    n, m = known.beside, known.calls - known.beside
    borrowed = _log_beta(1 + n, 4 + m) - _log_beta(1, 4)
    return math.floor(1024 * (borrowed - _log_beta(0.5 + n, 99.5 + m) + _log_beta(0.5, 99.5)) + 0.5)


def _told(known: Known, number: int, usual: float) -> int:
    """Both counts fade by half in three days; a Gamma law of mean `usual` (shape 1/2) against 40 times it (shape 1)."""
    people = sum(share * 0.5 ** ((number - minute) / 4320) for minute, share in known.people)
    answered = sum(calls * 0.5 ** ((number - minute) / 4320) for minute, calls in known.answered)

    def law(shape: float, mean: float) -> float:
        rate = shape / mean
        told: float = math.lgamma(shape + people) - math.lgamma(shape) + shape * math.log(rate)
        told -= (shape + people) * math.log(rate + answered)
        return told

    nats = law(1.0, 40 * usual) - law(0.5, usual) if people else 0.0
    return math.floor(1024 * min(max(nats, 0.0), 6.0) + 0.5)


def _surge(known: Known, calls: int, number: int) -> int:
    fade = 1 - 0.5 ** (1 / 360)
    known.rate *= (1 - fade) ** max(number - known.last_minute, 1)
    usual = max(known.rate, 3.0)

    def law(mean: float) -> float:
        return 0.5 * math.log(0.5 / (0.5 + mean)) + calls * math.log(mean / (0.5 + mean))

    told = min(max(law(20 * usual) - law(usual), -2.0), 4.0)
    known.rate += fade * calls
    return math.floor(1024 * told + 0.5)
