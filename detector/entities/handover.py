"""From a machine to a person: people whom suspects probed are called, at length, by numbers nobody suspects."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import CdrBatch
from detector.entities.kernels.chain import (
    LONG,
    LOST_FOLLOWERS,
    LOST_PROBES,
    MATCH,
    MATCHED,
    WITHIN_MS,
    follow,
    new_chains,
)
from detector.entities.kernels.layout import BLOCK, NUMBER, TENANT, Entities
from detector.entities.moved import log_beta_binomial

NATS, LEAST_MATCHED = 8.0, 4
"""A number is a suspect from here on: 3,000 to one against chance, and not by a few calls."""

LEAST_CHANCE, HETEROGENEITY, UNLIKE = 0.01, 1.3, 60.0
"""Chance is at least this and a third above what everybody's long calls show; callers differ in it as a Beta law of
this concentration does."""

FOLLOWING = (3.0, 1.0)
"""Beta law of the share of its long calls to new people that a follower makes to probed ones: most of them."""

FADE = 0.5 ** (1 / 1440)
MOST_PAIRS, MOST_OWN_PAIRS, MOST_NAMES = 65_536, 2_048, 65_536
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Pair:
    """A probe and the first call that followed it. Times UTC ms, talk in s; 0 = not answered.

    probe_tenant  key of the customer that probed, 0 = unknown
    probe_block   registry place of the number that probed, -1 = none
    """

    callee_key: int
    probe_line: str
    probe_tenant: int
    probe_block: int
    probe_ms: int
    probe_talk_s: float
    follow_line: str
    follow_ms: int
    follow_talk_s: float


@dataclass(slots=True)
class Follower:
    """A number that calls people after they were probed."""

    number_key: int
    text: str
    tenant: str | None
    first_ms: int
    last_ms: int
    low_hash: int
    pairs: dict[tuple[str, int], Pair] = field(default_factory=dict)  # by line that follows and callee
    calls: int = 0
    matched: int = 0
    chance: float = 0.0
    nats: float = 0.0

    @property
    def is_suspect(self) -> bool:
        """It calls whom suspects probed, and chance does not explain it."""
        return self.nats >= NATS and self.matched >= LEAST_MATCHED

    @property
    def lift(self) -> tuple[float, float, float]:
        """How much more often than by chance, and its 95 % interval (Wilson)."""
        low, high = wilson(self.matched, self.calls)
        return self.matched / max(self.calls, 1) / self.chance, low / self.chance, high / self.chance


class Handovers:
    """Probes of suspects, and who talks to the probed afterwards."""

    def __init__(self, probes: int, followers: int, line_threshold: int) -> None:
        """line_threshold: score (1/1024 nat) from which on a line's short calls are probes."""
        self._chains = new_chains(probes, followers)
        self._line_threshold = line_threshold
        self._followers: dict[int, Follower] = {}
        self._touched: set[int] = set()
        self._names: dict[int, str] = {}
        self._open: dict[int, NDArray[np.uint64]] = {kind: np.zeros(0, np.uint64) for kind in (NUMBER, BLOCK, TENANT)}
        self._pairs = 0
        self._day = -1
        self.lost_pairs = 0

    @property
    def lost(self) -> int:
        """Probes, followers and pairs that were given up while still young."""
        return int(self._chains.counts[[LOST_PROBES, LOST_FOLLOWERS]].sum()) + self.lost_pairs

    def take(self, part: CdrBatch, scored: NDArray[np.void], blocks: NDArray[np.int32]) -> None:
        """Calls in their order, judged line by line."""
        calls = part.calls
        suspicious = scored["score"] >= self._line_threshold
        suspicious |= np.isin(calls["number_key"], self._open[NUMBER])
        suspicious |= np.isin(calls["tenant_key"], self._open[TENANT])
        suspicious |= np.isin(blocks + 1, self._open[BLOCK].astype(np.int32))
        matches = np.zeros(len(calls), MATCH)
        n = follow(calls, scored, blocks, suspicious, self._chains, matches)
        self._learn_names(part, suspicious)
        for match in matches[:n]:
            self._pair(part, match)

    def _learn_names(self, part: CdrBatch, suspicious: NDArray[np.bool_]) -> None:
        """Lines that probe, in their own words: the probe's record is gone when somebody follows."""
        lines, first = np.unique(part.calls["line_key"][suspicious], return_index=True)
        for key, i in zip(lines.tolist(), np.flatnonzero(suspicious)[first].tolist(), strict=True):
            if key not in self._names and len(self._names) < MOST_NAMES:
                self._names[key] = part.record(i).line

    def _pair(self, part: CdrBatch, match: np.void) -> None:
        i, probe = int(match["call"]), match["probe"]
        call = part.calls[i]
        account = self._chains.followers[int(match["follower"])]
        number = int(call["number_key"])
        follower = self._followers.get(number)
        record = part.record(i)
        if follower is None and self._pairs >= MOST_PAIRS:
            self.lost_pairs += 1
            return
        if follower is None:
            follower = self._followers[number] = Follower(
                number_key=number,
                text=record.number,
                tenant=record.tenant,
                first_ms=int(account["first_ms"]),
                last_ms=0,
                low_hash=int(account["low_hash"]),
            )
        follower.last_ms = max(follower.last_ms, int(call["release_ms"]))
        talk_ms = int(call["release_ms"]) - int(call["answer_ms"]) if call["answer_ms"] >= 0 else 0
        key = record.line, int(call["callee_key"])
        if key not in follower.pairs:
            if len(follower.pairs) >= MOST_OWN_PAIRS or self._pairs >= MOST_PAIRS:
                self.lost_pairs += 1
            else:
                self._pairs += 1
                follower.pairs[key] = Pair(
                    callee_key=int(call["callee_key"]),
                    probe_line=self._names.get(int(probe["line"]), f"#{int(probe['line']):016x}"),
                    probe_tenant=int(probe["tenant"]),
                    probe_block=int(probe["block"]),
                    probe_ms=int(probe["at_ms"]),
                    probe_talk_s=int(probe["talk_ms"]) / 1000,
                    follow_line=record.line,
                    follow_ms=int(call["setup_ms"]),
                    follow_talk_s=talk_ms / 1000,
                )
        if match["counted"]:
            follower.calls, follower.matched = int(account["calls"]), int(account["matched"])
            self._touched.add(number)

    def close(self, known: Entities, now_ms: int) -> Iterator[Follower]:
        """A minute was closed: suspects whose account grew in it, in order of their numbers. Chance fades."""
        if now_ms // DAY_MS > self._day:
            self._day = now_ms // DAY_MS
            self._forget(now_ms)
        rows = known.rows[: int(known.counts[0]["partials"])]
        rows = rows[rows["severity"] > 0]
        for kind in self._open:
            self._open[kind] = np.sort(rows["id"][rows["kind"] == kind])
        counts = self._chains.counts
        counts[[LONG, MATCHED]] *= FADE
        chance = (float(counts[MATCHED]) + 0.5) / (float(counts[LONG]) + 50)
        for number in sorted(self._touched):
            follower = self._followers[number]
            follower.chance = min(max(HETEROGENEITY * chance, LEAST_CHANCE), 0.9)
            follower.nats = nats_for_following(follower.matched, follower.calls, follower.chance)
            if follower.is_suspect:
                yield follower
        self._touched.clear()

    def _forget(self, now_ms: int) -> None:
        """Accounts that proved nothing within 72 hours are forgotten."""
        for number, follower in list(self._followers.items()):
            if not follower.is_suspect and follower.last_ms + WITHIN_MS < now_ms:
                self._pairs -= len(follower.pairs)
                del self._followers[number]

    def suspects(self) -> list[Follower]:
        """Numbers that follow probes more often than chance, in order of their numbers."""
        return [follower for _, follower in sorted(self._followers.items()) if follower.is_suspect]


def nats_for_following(matched: int, calls: int, chance: float) -> float:
    """Log Bayes factor that a number calls whom suspects probed, against chance: two beta-binomial laws."""
    ordinary = UNLIKE * chance, UNLIKE * (1 - chance)
    return log_beta_binomial(matched, calls, *FOLLOWING) - log_beta_binomial(matched, calls, *ordinary)


def wilson(k: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    p, scale = k / n, 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max((p + z * z / (2 * n) - half) / scale, 0.0), min((p + z * z / (2 * n) + half) / scale, 1.0)
