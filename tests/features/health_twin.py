"""The slow obvious twin of feed health: lists and dictionaries, a trunk each."""

import math
from dataclasses import dataclass, field

MUTES = {
    "clock_off": {"pace", "hours"},
    "missing_unanswered": {"answer", "ring"},
    "half_calls": {"pacing", "concurrency"},
    "late": set[str](),
    "duplicated": set[str](),
}


@dataclass
class Counts:
    """Of one trunk, or of all. `records`: what was wrong with the newest, by name; halved at 1,024."""

    records: int = 0
    late: int = 0
    duplicates: int = 0
    halves: int = 0
    run: int = 0
    usual: int = 0
    usual_answered: int = 0

    def count(self, late: bool, duplicate: bool, half: bool) -> None:
        self.records += 1
        self.late += late and not duplicate
        self.duplicates += duplicate
        self.halves += half
        if self.records == 1024:
            for name in ("records", "late", "duplicates", "halves"):
                setattr(self, name, getattr(self, name) // 2)

    def end(self, answered: bool) -> None:
        if answered:
            self.run += 1
            return
        if not self.missing():
            self.usual += self.run
            self.usual_answered += self.run
        self.usual, self.run = self.usual + 1, 0
        if self.usual >= 1024:
            self.usual, self.usual_answered = self.usual // 2, self.usual_answered // 2

    def missing(self) -> bool:
        usual = (self.usual_answered + 7) / (self.usual + 10)
        return self.run >= 16 and -self.run * math.log(usual) >= 20


@dataclass
class Health:
    """Every trunk there ever was."""

    lateness_ms: int = 60_000
    newest_ms: int = -1
    trunks: dict[int, Counts] = field(default_factory=dict)
    all_of_them: Counts = field(default_factory=Counts)
    pairs: dict[tuple[int, int], int] = field(default_factory=dict)  # (line, callee) -> setup of its newest record
    states: set[str] = field(default_factory=set)

    def meet(
        self, trunk: int, line: int, callee: int, setup_ms: int, release_ms: int, answered: bool, duplicate: bool
    ) -> set[str]:
        """Families that are spoiled for this call."""
        self.newest_ms = max(self.newest_ms, release_ms)
        late = release_ms < self.newest_ms - self.lateness_ms
        row = self.trunks.setdefault(trunk, Counts())
        half = False
        if not duplicate:
            before = self.pairs.get((line, callee))
            half = before is not None and abs(setup_ms - before) <= 2_000
            self.pairs[line, callee] = setup_ms
        for counts in (self.all_of_them, row):
            counts.count(late, duplicate, half)
        if not duplicate:
            row.end(answered)
        self.states = set(self._wrong(row))
        return set().union(*(MUTES[state] for state in self.states))

    def _wrong(self, row: Counts) -> list[str]:
        wrong = ["missing_unanswered"] if row.missing() else []
        if row.records >= 64:
            wrong += ["late"] * (row.late / row.records >= 0.2)
            wrong += ["duplicated"] * (row.duplicates / row.records >= 0.05)
            wrong += ["half_calls"] * (row.halves / row.records >= 0.3)
            ahead = self.all_of_them.late / self.all_of_them.records >= 0.5 and row.late / row.records < 0.1
            wrong += ["clock_off"] * ahead
        return wrong
