"""Contact lists: whom suspects called, kept after they fell silent, and who calls the same people again."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.entities.kernels.gather import level_of
from detector.entities.kernels.layout import BLOCK, CALLEES, NUMBER, TENANT, Entities, Minute
from detector.features.kernels.index import mix
from detector.features.kernels.jit import Record, njit, signed

LISTED = np.dtype(
    [
        ("callee", np.uint64),  # 0 = free
        ("minute", np.int64),  # event-time minute in which the owner was first seen to call it
        ("owner", np.int32),
        ("level", np.int32),
    ],
    align=True,
)
"""One callee of one suspect."""

OWNER = np.dtype(
    [
        ("key", np.uint64),  # of the entity; 0 = free
        ("shift", np.int32),  # callees whose level is below are left out
        ("learning", np.bool_),  # its alert is open
    ],
    align=True,
)

FIRST_DUE = 8


class Lists(NamedTuple):
    """All contact lists. Tables at most three quarters full."""

    listed: NDArray[np.void]  # LISTED, open addressing by callee: the owners of a callee stand in one run
    owners: NDArray[np.void]  # OWNER
    counts: NDArray[np.int64]  # [0] entries held, [1] refused for want of room, [2] least level that is kept


HELD, REFUSED, FLOOR = range(3)


@njit
def lists_callees(kind: int) -> bool:
    """Kinds of entities that have lists; behind a trunk or a holder are everybody's callees."""
    return kind in (NUMBER, BLOCK, TENANT)


@njit
def enter(lists: Lists, callee: np.uint64, owner: int, level: int, minute: int) -> None:
    """A callee into a suspect's list, unless it stands there. In place."""
    size = lists.listed.shape[0]
    at = signed(mix(callee) % np.uint64(size))
    while lists.listed[at].callee != np.uint64(0):
        if lists.listed[at].callee == callee and lists.listed[at].owner == owner:
            return
        at = at + 1 if at + 1 < size else 0
    if 4 * (lists.counts[HELD] + 1) > 3 * size:
        lists.counts[REFUSED] += 1
        return
    lists.counts[HELD] += 1
    entry = lists.listed[at]
    entry.callee = callee
    entry.owner = np.int32(owner)
    entry.level = np.int32(level)
    entry.minute = minute


@njit
def adopt(lists: Lists, owner: int, known: Entities, row: int, minute: int) -> None:
    """The sample that an entity has when its alert opens is the beginning of its list. In place."""
    for at in range(known.members.shape[0]):
        member = known.members[at]
        if member.key != np.uint64(0) and member.row == row and member.what == CALLEES:
            level = signed(member.level)
            if level >= signed(known.rows[row].shift[CALLEES]) and level >= lists.counts[FLOOR]:
                enter(lists, member.member, owner, level, minute)


@njit
def seek(lists: Lists, minute: Minute, known: Entities, number: int) -> int:
    """A closed minute: suspects' lists grow, and calls to people on lists of before are counted; how many are due.

    In place. An entity is due when its hits doubled. Only lists that had the callee before the entity's segment began
    count: who dials at the same time may be the same lines under another of their names.
    """
    due = 0
    for at in range(minute.pairs.shape[0]):
        pair = minute.pairs[at]
        if pair.key == np.uint64(0) or pair.what != CALLEES:
            continue
        place = signed(minute.partials[signed(pair.partial)].row)
        if place < 0:
            continue
        row = known.rows[place]
        if not lists_callees(signed(row.kind)) or row.begin_minute < 0:
            continue
        level = signed(pair.level)
        if level < signed(row.shift[CALLEES]) or level < lists.counts[FLOOR]:
            continue
        if row.hits_minute != row.begin_minute:
            row.hits_minute = row.begin_minute
            row.hits = np.int32(0)
            row.due = np.int32(FIRST_DUE)
        own = signed(row.list) - 1
        if own >= 0 and lists.owners[own].key != row.key:  # its list was given up, the place is another's
            row.list = np.int32(0)
            own = -1
        if on_a_list(lists, pair.member, own, row.begin_minute):
            row.hits += np.int32(1)
            due += int(row.hits == row.due)
        if own >= 0 and lists.owners[own].learning:
            lists.owners[own].shift = np.int32(signed(row.shift[CALLEES]))
            enter(lists, pair.member, own, level, number)
    return due


@njit
def on_a_list(lists: Lists, callee: np.uint64, own: int, before: int) -> bool:
    """Whether somebody else had this callee on a list before that minute."""
    size = lists.listed.shape[0]
    at = signed(mix(callee) % np.uint64(size))
    while lists.listed[at].callee != np.uint64(0):
        entry = lists.listed[at]
        if entry.callee == callee and entry.owner != own and entry.minute < before:
            return True
        at = at + 1 if at + 1 < size else 0
    return False


@njit
def overlap(
    lists: Lists,
    known: Entities,
    place_of: NDArray[np.int32],
    sampled: NDArray[np.int64],
    shared: NDArray[np.int64],
) -> None:
    """How much of their samples the due entities share with each list.

    place_of  int32[rows]            the entity's place in the outputs, -1 = not due
    sampled   int64[due, LEVELS]     added to: its sampled callees by level
    shared    int64[due, owners]     added to: of them, those on the list since before its segment, at the list's bound
    """
    size = lists.listed.shape[0]
    for i in range(known.members.shape[0]):
        member = known.members[i]
        if member.key == np.uint64(0) or member.what != CALLEES or place_of[member.row] < 0:
            continue
        row = known.rows[member.row]
        level = signed(member.level)
        if level < signed(row.shift[CALLEES]):
            continue
        place = place_of[member.row]
        sampled[place, level] += 1
        at = signed(mix(member.member) % np.uint64(size))
        while lists.listed[at].callee != np.uint64(0):
            entry = lists.listed[at]
            early = entry.callee == member.member and entry.minute < row.begin_minute
            if early and level >= signed(lists.owners[entry.owner].shift) and level >= lists.counts[FLOOR]:
                shared[place, signed(entry.owner)] += 1
            at = at + 1 if at + 1 < size else 0


@njit
def keep(lists: Lists, fresh: NDArray[np.void]) -> None:
    """Entries of owners that still exist, at their bounds, into an empty table of the same size. Counts in place."""
    size = fresh.shape[0]
    held = 0
    for i in range(lists.listed.shape[0]):
        entry = lists.listed[i]
        if entry.callee == np.uint64(0) or not counts(lists, entry):
            continue
        at = signed(mix(entry.callee) % np.uint64(size))
        while fresh[at].callee != np.uint64(0):
            at = at + 1 if at + 1 < size else 0
        fresh[at] = entry
        held += 1
    lists.counts[HELD] = held


@njit
def counts(lists: Lists, entry: Record) -> bool:
    """Whether an entry still says something."""
    owner = lists.owners[signed(entry.owner)]
    return bool(owner.key != np.uint64(0) and entry.level >= owner.shift and entry.level >= lists.counts[FLOOR])


@njit
def on_list(lists: Lists, callees: NDArray[np.uint64], owner: int, bound: int) -> tuple[int, int]:
    """How many of these callees stand on an owner's list, and of how many: of those at the bound or above."""
    size = lists.listed.shape[0]
    reached = found = 0
    for i in range(callees.shape[0]):
        if level_of(callees[i]) < bound:
            continue
        reached += 1
        at = signed(mix(callees[i]) % np.uint64(size))
        while lists.listed[at].callee != np.uint64(0):
            found += int(lists.listed[at].callee == callees[i] and lists.listed[at].owner == owner)
            at = at + 1 if at + 1 < size else 0
    return found, reached


def new_lists(entries: int, owners: int) -> Lists:
    """Room for lists with so many entries of so many owners; allocated once."""
    return Lists(np.zeros(entries, LISTED), np.zeros(owners, OWNER), np.zeros(3, np.int64))
