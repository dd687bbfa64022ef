"""The arrays of the entity levels: what one event-time minute adds, and what is remembered of each entity."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NUMBER, BLOCK, TENANT, TRUNK, HOLDER, DESTINATION = range(6)
KINDS = ("number", "block", "tenant", "trunk", "holder", "destination")
KIND_COUNT = len(KINDS)

CALLEES, LINES, NUMBERS, SHOWN, CALLERS = range(5)
WHATS = 5
"""Sets kept of an entity: people it called, lines that called for it, numbers it showed, (line, number) pairs, people
who called it. SHOWN pairs are sampled by their line, CALLERS as CALLEES are, so that each can be compared."""

SAMPLE = np.array([512, 128, 64, 1024, 512], np.int64)
"""Members kept of each set; when there are more, every other one is forgotten (threshold sample)."""

LIST_SAMPLE = 8192
"""Callees kept of a number, block or tenant whose alert is open: its contact list, to be known again (moved.py)."""

MINUTE_SAMPLE = 4096
"""Members of one set that one minute carries."""

LEVELS = 24

MINUTE_MS = 60_000

MINUTE_NAMES = 65_536
"""Entities of one minute; beyond it numbers and destinations are left out, and counted."""

OUTCOMES = 4
TALKS = 40
"""Bins of talk: 2 s each up to a minute, then ten on a log scale up to an hour and more."""

NOVELTY, PACE, SCRIPT, ANSWER, RECIPROCITY, ROTATION, SURGE, NEIGHBOUR, MOVED, TOLD = range(10)
FAMILIES = 10

INBOUND_ONLY, FOREIGN_TRUNK, INVALID_CALLER, UNASSIGNED = range(4)
RULES = 4

PARTIAL = np.dtype(
    [
        ("key", np.uint64),  # of the entity; 0 = free
        ("id", np.uint64),  # number, trunk, tenant or destination key; for blocks and holders their place + 1
        ("first_call", np.int64),  # place of its first call in the batch that brought it: whose record has its name
        ("first_ms", np.int64),  # earliest setup
        ("last_ms", np.int64),  # newest release
        ("low_hash", np.uint64),  # least call_hash: names the episode, whatever the order
        ("calls", np.int64),
        ("tenant_key", np.uint64),  # of a number: the greatest tenant that showed it
        ("block", np.int32),  # place in the registry; -1 = none
        ("kind", np.uint8),
        ("least_class", np.uint8),  # of the numbers shown: one undeclared call makes an entity undeclared
        ("authenticated", np.bool_),
        ("outcome", np.int64, (OUTCOMES,)),
        ("talk", np.int32, (TALKS,)),
        ("beside", np.int64),  # calls that show a number of the callee's own ten thousand
        ("broken", np.int64, (RULES,)),  # calls against each rule
        ("shift", np.uint8, (WHATS,)),  # members whose level is below are left out
        ("members", np.int16, (WHATS, LEVELS)),  # by level
        # filled when the minute is closed:
        ("row", np.int32),
        ("new", np.int32),  # sampled callees it had not called before, and calls to others
        ("old", np.int32),
        ("backs", np.int32),  # sampled callees who called it, each once
        ("changes", np.int32),  # (line, number) pairs seen first on a known line, and calls of pairs known
        ("keeps", np.int32),
    ],
    align=True,
)
"""What one minute of one entity adds: integers and sets, so the parts of any number of shards add up to the same."""

PAIR = np.dtype(
    [
        ("key", np.uint64),  # hash of entity, set and member; 0 = free
        ("member", np.uint64),
        ("partner", np.uint64),  # of SHOWN: the line; for the others 0
        ("partial", np.int32),
        ("calls", np.int32),
        ("what", np.uint8),
        ("level", np.uint8),
    ],
    align=True,
)
"""One member of one set of one entity in a minute."""

ENTITY = np.dtype(
    [
        ("key", np.uint64),  # 0 = free
        ("id", np.uint64),
        ("last_minute", np.int64),
        ("tenant_key", np.uint64),
        ("block", np.int32),
        ("kind", np.uint8),
        ("number_class", np.uint8),
        ("authenticated", np.bool_),
        ("severity", np.uint8),  # of the open episode; 0 = none open
        ("shift", np.uint8, (WHATS,)),
        ("members", np.int16, (WHATS, LEVELS)),  # kept, by level
        ("sampled_calls", np.int64),  # to callees of the sample
        ("rate", np.float64),  # calls a minute, half-life six hours
        # the segment, since the score was last 0:
        ("begin_minute", np.int64),
        ("first_ms", np.int64),
        ("last_ms", np.int64),
        ("low_hash", np.uint64),  # of the minute that began it
        ("calls", np.int64),
        ("backs", np.int64),
        ("changes", np.int64),
        ("keeps", np.int64),
        ("strangers", np.int64),  # calls to sampled callees not called before
        ("outcome", np.int64, (OUTCOMES,)),
        ("talk", np.int32, (TALKS,)),
        ("beside", np.int64),
        ("share", np.int32, (FAMILIES,)),  # 1/1024 nat
        ("score", np.int32),
        ("against_ms", np.int64),
        ("revision_calls", np.int64),
        ("reasons", np.uint32),
        ("broken", np.int64, (RULES,)),  # calls against each rule, ever
        ("hits_minute", np.int64),  # begin_minute of the segment that `hits` counts
        ("hits", np.int32),  # calls to people that somebody's contact list had before
        ("due", np.int32),  # hits at which the overlap is measured next
        ("list", np.int32),  # its own contact list: place + 1; 0 = none
        ("told_minute", np.int64),  # up to which the next two have faded (told.py)
        ("heard", np.float64),  # calls that people answered
        ("complainants", np.float64),
    ],
    align=True,
)
"""One entity: samples of its people, lines and numbers, and its growing evidence."""

MEMBER = np.dtype(
    [
        ("key", np.uint64),  # hash of entity, set and member; 0 = free
        ("member", np.uint64),
        ("row", np.int32),
        ("day", np.int32),  # event-time day in which it was last seen
        ("what", np.uint8),
        ("level", np.uint8),
        ("back", np.bool_),  # this callee has called
    ],
    align=True,
)

LAW = np.dtype(
    [
        ("theta", np.float64),  # novelty, of one line
        ("sigma", np.float64),
        ("new_p1", np.float64),
        ("talk", np.float64, (TALKS,)),  # script: share of talk times in each bin
        ("ordinary", np.float64, (OUTCOMES,)),  # answer p0, p1
        ("dialing", np.float64, (OUTCOMES,)),
        ("callback", np.int64),  # 1/1024 nat
        ("complaints", np.float64),  # complainants an answered call
        ("speaks", np.uint8, (FAMILIES,)),  # 1: families that the feed carries and no declaration covers
    ],
    align=True,
)
"""How lines of one class of number live, and how they dial (detector/entities/laws.py)."""

COUNTS = np.dtype(
    [
        ("partials", np.int64),
        ("pairs", np.int64),
        ("refused", np.int64),  # entities that got no row
        ("numbers", np.int64),  # entities that are numbers
        ("newest_minute", np.int64),
    ],
    align=True,
)


class Minute(NamedTuple):
    """One open minute. `counts.partials` and `counts.pairs` say how full it is; tables at most half full."""

    slots: NDArray[np.uint64]  # hash table over partials, as features.kernels.index
    partials: NDArray[np.void]
    pairs: NDArray[np.void]  # open addressing by key
    counts: NDArray[np.void]  # COUNTS[1]


class Entities(NamedTuple):
    """Everything remembered of entities between minutes."""

    slots: NDArray[np.uint64]
    rows: NDArray[np.void]  # ENTITY
    members: NDArray[np.void]  # MEMBER, open addressing by key
    counts: NDArray[np.void]  # COUNTS[1]: rows taken, members kept
