"""A moved operation: the contact list of a suspect, worked through again by another number, block or tenant."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import CDR
from detector.entities.crowd import Crowd
from detector.entities.kernels.layout import BLOCK, CALLEES, LEVELS, MINUTE_MS, MOVED, NUMBER, TENANT, Entities, Minute
from detector.entities.kernels.lists import FLOOR, HELD, REFUSED, adopt, keep, new_lists, on_list, overlap, seek
from detector.features.kernels.layout import MILLI

KEPT_MINUTES = 7 * 1440
"""A list is remembered so long after its alert ended."""

OWNERS = 512
LEAST_NATS, MOST_NATS = 2.0, 16.0
LEAST_SHARED = 6

OLD_LIST = (8.0, 1.0)
"""Beta law of the share of its callees that a moved operation takes from its old list: nearly all of them.

Half of them is worth 2 nats only: two customers that dial through one small town share as many."""

LEAST_CHANCE, HETEROGENEITY, UNLIKE = 0.02, 2.0, 10.0
"""Chance is at least this and twice what everybody's calls show, and unrelated callers differ in it as a Beta law of
this concentration does: people of one city, or of one trade, call the same people more often than others do."""

SAME_SCRIPT, OTHER_SCRIPT, TALK_WEIGHT = 3.0, -2.0, 40.0


@dataclass(slots=True)
class Owner:
    """A suspect whose list is kept."""

    kind: int
    id: int
    tenant_key: int
    block: int
    entity: str
    alert_id: str
    ended_minute: int | None
    talk: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Link:
    """An entity works through the list of a suspect.

    shared, sampled  of so many sampled people it called, those that stood on the list before
    chance           share of everybody's callees that stand on it
    script           1/1024 nat: for (above 0) or against the same recordings
    """

    owner: Owner
    shared: int
    sampled: int
    chance: float
    script: float
    minute: int

    @property
    def text(self) -> str:
        """In a NOC's words."""
        owner = self.owner
        silent = "still dialing"
        if owner.ended_minute is not None:
            silent = f"silent for {(self.minute - owner.ended_minute) / 60:.1f} h"
        same = "; talk times are alike" if self.script >= 1 else ""
        return (
            f"{self.shared:,} of {self.sampled:,} people it called were on the list of {KIND_NAMES[owner.kind]}"
            f" {owner.entity}, {silent} (alert {owner.alert_id}); by chance {self.chance * self.sampled:.2g}{same}"
        )


KIND_NAMES = {NUMBER: "number", BLOCK: "block", TENANT: "tenant"}
_NAMED_FIRST = {BLOCK: 0, NUMBER: 1, TENANT: 2}
"""Of lists that explain as much, the customer's is named: others may have shown its numbers."""


class MovedOperations:
    """The lists of suspects, and who was found to work through one of them."""

    def __init__(self, list_entries: int) -> None:
        self._lists = new_lists(list_entries, OWNERS)
        self._owners: list[Owner | None] = [None] * OWNERS
        self._crowd = Crowd()
        self._links: dict[int, Link] = {}
        self.forgotten = 0

    @property
    def refused(self) -> int:
        """Callees that got no room, and lists that were given up for newer ones."""
        return int(self._lists.counts[REFUSED]) + self.forgotten

    def take(self, calls: NDArray[np.void], duplicate: NDArray[np.bool_], blocks: NDArray[np.int32]) -> None:
        """Some of everybody's calls are kept, to know chance."""
        self._crowd.take(calls, duplicate, blocks)

    def turn_day(self) -> None:
        """The event-time day turned."""
        self._crowd.turn_day()

    def close(self, minute: Minute, known: Entities, number: int, laws: NDArray[np.void]) -> None:
        """A weighed minute: lists grow, and entities that call people of older lists get their share. In place."""
        if not any(self._owners):
            return
        if seek(self._lists, minute, known, number):
            self._judge(known, number, laws)
        self._make_room(number)

    def link(self, key: int) -> Link | None:
        """Whose list the entity of this key works through."""
        return self._links.get(key)

    def opened(self, known: Entities, row: int, entity: str, alert_id: str, minute: int) -> None:
        """The alert of an entity was opened: its list is kept from now on."""
        seen = known.rows[row]
        if int(seen["kind"]) not in KIND_NAMES:
            return
        place = self._place_of(int(seen["key"]), minute)
        self._lists.owners[place] = (seen["key"], seen["shift"][CALLEES], True)
        seen["list"] = place + 1
        if self._owners[place] is None:
            adopt(self._lists, place, known, row, minute)
        self._owners[place] = Owner(
            kind=int(seen["kind"]),
            id=int(seen["id"]),
            tenant_key=int(seen["tenant_key"]),
            block=int(seen["block"]),
            entity=entity,
            alert_id=alert_id,
            ended_minute=None,
            talk=seen["talk"].copy(),
        )

    def ended(self, entity: np.void, minute: int) -> None:
        """The alert of an entity ended; its list stays for a week."""
        self._links.pop(int(entity["key"]), None)
        place = int(entity["list"]) - 1
        owner = self._owners[place] if place >= 0 else None
        if owner is not None and int(self._lists.owners["key"][place]) == int(entity["key"]):
            owner.ended_minute = minute
            owner.talk = entity["talk"].copy()
            owner.tenant_key, owner.block = int(entity["tenant_key"]), int(entity["block"])
            self._lists.owners["learning"][place] = False

    def _judge(self, known: Entities, number: int, laws: NDArray[np.void]) -> None:
        """Measure the overlap of every entity whose hits doubled."""
        rows = known.rows[: int(known.counts[0]["partials"])]
        due = np.flatnonzero((rows["hits"] >= rows["due"]) & (rows["due"] > 0))
        rows["due"][due] = 2 * rows["hits"][due]
        place_of = np.full(len(rows), -1, np.int32)
        place_of[due] = np.arange(len(due))
        sampled, shared = np.zeros((len(due), LEVELS), np.int64), np.zeros((len(due), OWNERS), np.int64)
        overlap(self._lists, known, place_of, sampled, shared)
        for i, row in enumerate(due.tolist()):
            entity = rows[row]
            link, nats = self._best(entity, sampled[i], shared[i], number, laws)
            change = round(nats * MILLI) - int(entity["share"][MOVED])
            entity["share"][MOVED] += change
            entity["score"] += change
            if change > 0:
                entity["against_ms"] = (number + 1) * MINUTE_MS
            if link is None:
                self._links.pop(int(entity["key"]), None)
            else:
                self._links[int(entity["key"])] = link

    def _best(
        self,
        entity: np.void,
        sampled: NDArray[np.int64],
        shared: NDArray[np.int64],
        number: int,
        laws: NDArray[np.void],
    ) -> tuple[Link | None, float]:
        """The list that explains most of whom an entity calls, and the nats for it; None and 0 where chance does."""
        best: tuple[Link | None, float] = (None, 0.0)
        first = (0, 0, 0.0)
        for place in np.flatnonzero(shared >= LEAST_SHARED).tolist():
            owner = self._owners[place]
            if owner is None or related(owner, entity):
                continue
            shifts = self._lists.owners["shift"][place], self._lists.counts[FLOOR], entity["shift"][CALLEES]
            bound = int(max(shifts))
            n, m = int(sampled[bound:].sum()), int(shared[place])
            if 2 * m < n:
                continue
            chance = self._chance(place, bound, owner, entity)
            nats = nats_for_list(m, n, chance)
            script = nats_for_script(entity["talk"], owner.talk, laws[int(entity["number_class"])]["talk"])
            nats = min(nats + script, MOST_NATS)
            rank = (round(nats), _NAMED_FIRST[owner.kind], nats)
            if nats >= LEAST_NATS and rank > first:
                best, first = (Link(owner, m, n, chance, script, number), nats), rank
        return best

    def _chance(self, place: int, bound: int, owner: Owner, entity: np.void) -> float:
        """Share of the calls of others than these two that go to people on the list, at the bound of both."""
        tenants = {owner.tenant_key if owner.kind != BLOCK else 0, int(entity["tenant_key"])}
        numbers = {int(one) for kind, one in ((owner.kind, owner.id), (entity["kind"], entity["id"])) if kind == NUMBER}
        callees = self._crowd.callees(tenants, numbers, {owner.block, int(entity["block"])})
        found, reached = on_list(self._lists, callees, place, bound)
        return (found + 0.5) / (reached + 25)

    def _place_of(self, key: int, minute: int) -> int:
        """The entity's own place, or a free one; where all are taken, that of the list that ended longest ago."""
        own = np.flatnonzero(self._lists.owners["key"] == np.uint64(key))
        if len(own):
            return int(own[0])
        if None not in self._owners:
            ended = [(owner.ended_minute or minute, i) for i, owner in enumerate(self._owners) if owner]
            self._forget([min(ended)[1]])
            self.forgotten += 1
        return self._owners.index(None)

    def _make_room(self, number: int) -> None:
        """Lists of alerts that ended a week ago are forgotten; crowded lists keep every other callee."""
        old = [
            i
            for i, owner in enumerate(self._owners)
            if owner and owner.ended_minute is not None and owner.ended_minute + KEPT_MINUTES <= number
        ]
        if old:
            self._forget(old)
        while 16 * int(self._lists.counts[HELD]) > 11 * len(self._lists.listed):
            self._sweep()
            if 2 * int(self._lists.counts[HELD]) > len(self._lists.listed):
                self._lists.counts[FLOOR] += 1

    def _forget(self, places: list[int]) -> None:
        for place in places:
            self._lists.owners[place] = (0, 0, False)
            self._owners[place] = None
        self._sweep()

    def _sweep(self) -> None:
        fresh = np.zeros_like(self._lists.listed)
        keep(self._lists, fresh)
        self._lists = self._lists._replace(listed=fresh)


def related(owner: Owner, entity: np.void) -> bool:
    """The same people under another of their names: a number of the tenant, a number of the block."""
    if owner.kind == int(entity["kind"]) and owner.id == int(entity["id"]):
        return True
    tenant = int(entity["tenant_key"]) if int(entity["kind"]) != BLOCK else 0
    same_tenant = tenant != 0 and owner.kind != BLOCK and tenant == owner.tenant_key
    return same_tenant or (int(entity["block"]) >= 0 and int(entity["block"]) == owner.block)


def nats_for_list(shared: int, sampled: int, chance: float) -> float:
    """Log Bayes factor that it works through the list, against chance: two beta-binomial laws of `shared`."""
    mean = min(max(HETEROGENEITY * chance, LEAST_CHANCE), 0.9)
    ordinary = (UNLIKE * mean, UNLIKE * (1 - mean))
    return log_beta_binomial(shared, sampled, *OLD_LIST) - log_beta_binomial(shared, sampled, *ordinary)


def log_beta_binomial(k: int, n: int, a: float, b: float) -> float:
    """Log probability of k of n, but for the binomial coefficient."""
    return log_beta(a + k, b + n - k) - log_beta(a, b)


def log_beta(a: float, b: float) -> float:
    """Logarithm of the Beta function."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def nats_for_script(talk: NDArray[np.int64], before: NDArray[np.int64], law: NDArray[np.float64]) -> float:
    """Log Bayes factor that talk times are those of the suspect rather than of its class, within +3 and -2.

    talk, before  int64[TALKS]    answered calls by talk time (layout.TALKS), of the entity and of the suspect
    law           float64[TALKS]  shares of the class
    """
    if not before.sum():
        return 0.0
    alike = (before + 4 * law) / (before.sum() + 4)
    told = log_dirichlet(talk, TALK_WEIGHT * alike) - log_dirichlet(talk, TALK_WEIGHT * law)
    return min(max(told, OTHER_SCRIPT), SAME_SCRIPT)


def log_dirichlet(counts: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Log probability of counts under a Dirichlet-multinomial law, but for the multinomial coefficient."""
    told = math.lgamma(float(weights.sum())) - math.lgamma(float(weights.sum() + counts.sum()))
    for k in np.flatnonzero(counts).tolist():
        told += math.lgamma(float(weights[k] + counts[k])) - math.lgamma(float(weights[k]))
    return told


def compile_kernels(minute: Minute, known: Entities) -> None:
    """Compile or load the kernels of contact lists, on an empty minute."""
    lists = new_lists(8, 1)
    adopt(lists, 0, known, 0, 0)
    seek(lists, minute, known, 0)
    overlap(
        lists,
        known,
        np.full(len(known.rows), -1, np.int32),
        np.zeros((1, LEVELS), np.int64),
        np.zeros((1, 1), np.int64),
    )
    on_list(lists, np.zeros(1, np.uint64), 0, 0)
    keep(lists, np.zeros_like(lists.listed))
    Crowd().take(np.zeros(0, CDR), np.zeros(0, np.bool_), np.zeros(0, np.int32))
