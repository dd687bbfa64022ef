"""Complaints: the calls they may mean, and who complained of which entity."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detector.alert.revision import Complained
from detector.config import State
from detector.entities.kernels.heard import calls_to, hear, new_heard
from detector.entities.kernels.layout import MINUTE_MS
from detector.entities.kernels.told import faded
from detector.entities.matching import Complaint, Match, match

Name = tuple[str, int]
"""An entity: its kind (`line` among them) and its id, as layout.PARTIAL; of a line its key."""

KINDS_TOLD = ("line", "number", "block", "tenant", "holder")
PROBABLE = 0.5
"""From here on a complaint means an entity: it counts as matched, and for lead times."""

SHOWN = 8
MOST_FIRST = 1024
KEPT_MINUTES = 7 * 1440
"""Whoever complains again a week later counts again."""


@dataclass(slots=True)
class Account:
    """What was told of one entity.

    people        complainant -> probability that a call of the entity is meant, the highest of all complaints
    complainants  their sum at `minute` (event time), each counting half after three days
    first         (made at, call set up at), UTC ms, of the first complaints that probably mean it
    """

    people: dict[str, float] = field(default_factory=dict)
    complainants: float = 0.0
    minute: int = 0
    first: list[tuple[int, int]] = field(default_factory=list)
    newest: deque[Complained] = field(default_factory=lambda: deque(maxlen=SHOWN))

    def at(self, minute: int) -> float:
        """Complainants by then."""
        return faded(self.complainants, minute - self.minute)


class Complaints:
    """The calls that complaints can mean, and an account an entity. Bounded by configuration."""

    def __init__(self, state: State) -> None:
        self._heard = new_heard(state.heard_calls)
        self._most = state.complaints * len(KINDS_TOLD)
        self._accounts: dict[Name, Account] = {}
        self._entries: deque[tuple[int, Name, str]] = deque()
        self.matched = self.unmatched = self.forgotten = 0

    @property
    def overwritten(self) -> int:
        """Answered calls that gave way to newer ones while a complaint could still mean them."""
        return int(self._heard.counts[0])

    def take(self, calls: NDArray[np.void], duplicate: NDArray[np.bool_]) -> None:
        """Keep who called whom, CDR[n] in order of judgement."""
        hear(calls, duplicate, self._heard)

    def match(self, callee_key: int, at_ms: int, about_ms: int, number_key: int) -> tuple[Match, ...]:
        """Calls of the callee before at_ms that a complaint may mean. number_key: as heard, 0 = withheld, not told."""
        return match(calls_to(self._heard, callee_key, at_ms), about_ms, number_key)

    def enter(self, complaint: Complaint, meant: Iterable[tuple[Match, list[Name]]], now_ms: int) -> list[Name]:
        """Count a complaint for the entities behind each match; those whose complainants grew, in order."""
        minute = now_ms // MINUTE_MS
        shares: dict[Name, float] = {}
        calls: dict[Name, Match] = {}
        for one, names in meant:
            for name in names:
                shares[name] = min(shares.get(name, 0.0) + one.share, 1.0)
                if name not in calls or one.share > calls[name].share:
                    calls[name] = one
        self.matched += any(share >= PROBABLE for share in shares.values())
        self.unmatched += not any(share >= PROBABLE for share in shares.values())
        return [name for name, share in shares.items() if self._count(name, complaint, calls[name], share, minute)]

    def account(self, name: Name) -> Account | None:
        """What was told of an entity within a week; None = nothing."""
        return self._accounts.get(name)

    def accounts(self, kind: str) -> list[tuple[Name, Account]]:
        """All of a kind, in order of ids."""
        return sorted((name, account) for name, account in self._accounts.items() if name[0] == kind)

    def told(self, name: Name) -> tuple[float, tuple[Complained, ...]]:
        """People who complained of an entity within a week, each by their probability; the newest complaints."""
        account = self._accounts.get(name)
        return (sum(account.people.values()), tuple(account.newest)) if account else (0.0, ())

    def forget(self, minute: int) -> list[Name]:
        """Complaints of a week ago; the entities that nobody complains of any more."""
        gone = []
        while self._entries and (len(self._entries) > self._most or self._entries[0][0] + KEPT_MINUTES <= minute):
            entered, name, person = self._entries.popleft()
            self.forgotten += entered + KEPT_MINUTES > minute
            account = self._accounts[name]
            account.people.pop(person)
            if not account.people:
                del self._accounts[name]
                gone.append(name)
        return gone

    def _count(self, name: Name, complaint: Complaint, call: Match, share: float, minute: int) -> bool:
        """One person counts once, by the complaint that most probably means the entity; whether that is news."""
        account = self._accounts.get(name)
        before = account.people.get(complaint.complainant, 0.0) if account else 0.0
        if share <= before:
            return False
        if account is None:
            account = self._accounts[name] = Account(minute=minute)
        if complaint.complainant not in account.people:
            self._entries.append((minute, name, complaint.complainant))
        account.people[complaint.complainant] = share
        account.complainants = account.at(minute) + share - before
        account.minute = max(account.minute, minute)
        account.newest.append(
            Complained(
                at_ms=complaint.at_ms,
                setup_ms=call.setup_ms,
                complainant=complaint.complainant,
                number=complaint.number,
                share=round(share, 2),
                text=complaint.text,
            )
        )
        if share >= PROBABLE and len(account.first) < MOST_FIRST:
            account.first.append((complaint.at_ms, call.setup_ms))
        return True
