"""The arrays the kernels work on: what is remembered of a line, byte for byte.

All flat, so a snapshot is a copy of memory. Sizes are bounded by configuration (`features.state`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TAIL, WARM, HOT = 4, 16, 256
"""Calls kept verbatim in each tier."""

COLD_TIER, WARM_TIER, HOT_TIER = 0, 1, 2

MAP = 16
"""Callees in each of the two generations of a line's callee map."""

PAST = 64
"""Values kept of each of a line's own pasts (talk, ring, gap), newest over oldest."""

TALK_PAST, RING_PAST, GAP_PAST = range(3)
PASTS = 3

RING_TIMES = 120
"""Seconds of ringing that are told apart."""

LOG_UNIT = 65_536
"""Logarithms of kept values are integers in 1/65536: sums that values enter and leave stay exact."""

BUCKET = 4
"""Hashes of one generation of recent calls that lie in one cache line with those of the other."""

RATES = 4
"""Components of the pace mixture."""

LIVES, DIALS = 3, 3
"""Ordinary lives (people, rounds, trade) and ways of dialing (silent, script, talking) that laws are mixed of."""

PEOPLE = 0
"""The life that learns from the line's own past."""

NEWEST = 16
"""Of the kept talks: a declared line's script is compared with the ones before them."""

MILLI = 1024
"""Shares and scores are integers in 1/1024 nat: sums are exact, twins compare equal."""

TOLD_UNIT = 16
"""Part of a nat in which a row keeps what complaints told."""

NOVELTY, PACE, SCRIPT, ANSWER, RECIPROCITY = range(5)
RING, PACING, SHORT, TARGETING, HOURS, CONCURRENCY = range(5, 11)
FAMILIES = 11
FIRST_TRAIT = RING
TRAITS = FAMILIES - FIRST_TRAIT
"""Families from RING on are traits: some dialers have them, others not; a line without one is no better for it."""

VOLUME, SHAPE, OUTCOME = range(3)
GROUPS = 3
GROUP_OF = (VOLUME, VOLUME, SHAPE, OUTCOME, OUTCOME, SHAPE, SHAPE, SHAPE, OUTCOME, VOLUME, VOLUME)
"""Group of each family; an alert needs two groups that speak."""

ANSWERED, UNANSWERED, BUSY, INVALID, UNOBSERVED = range(5)
"""Outcome of an attempt, for the answer family; UNOBSERVED (congestion, faults) says nothing."""
OUTCOMES = 4

BESIDE = 3
"""Calls at the same time on one line: none, one, two or more."""

FIRST_TIME, LATEST, CALLED_BACK = 1, 2, 4
PARTY_SHIFT = 3
"""Bits of KEPT.flags; the releasing party stands above them."""

KEPT = np.dtype(
    [
        ("setup_ms", np.int64),
        ("callee_key", np.uint64),
        ("ring_ms", np.int32),  # alerting until answer or release; -1 = unknown or never rang
        ("talk_ms", np.int32),  # -1 = not answered
        ("held_ms", np.int32),  # setup to release
        ("cause", np.int8),  # Q.850; -1 = unknown
        ("flags", np.uint8),
    ],
    align=True,
)
"""One call kept verbatim, 32 bytes."""

ROW = np.dtype(
    [
        ("key", np.uint64),  # 0 = free
        ("last_ms", np.int64),  # newest release_ms
        ("newest_new_ms", np.int64),  # newest setup of a call to a first-time callee; -1 = none
        ("decayed", np.float32),  # calls, each counting half after 60 minutes
        ("evidence", np.int32),  # row of the evidence table, -1 = none
        ("ring", np.int64),  # first slot in `kept`
        ("calls", np.uint32),  # since the row exists; saturates
        ("kept", np.uint16),  # calls in the ring
        ("head", np.uint16),  # slot of the ring written next
        ("n_now", np.uint16),  # calls since this generation of the map began; saturates
        ("n_before", np.uint16),  # calls of the generation before
        ("day", np.uint16),  # UTC day of new_today
        ("callbacks", np.uint16),  # distinct callees who called in; saturates
        ("d_now", np.uint8),  # callees in map_now
        ("d_before", np.uint8),  # callees only in map_before
        ("new_today", np.uint8),  # first-time callees this UTC day; saturates
        ("tier", np.uint8),
        ("number_class", np.uint8),
        ("told", np.uint8),  # what complaints add to the score, 1/TOLD_UNIT nat
        ("map_now", np.uint16, (MAP,)),  # 15-bit fingerprints, top bit = called back; 0 = free
        ("map_before", np.uint16, (MAP,)),
        ("own", np.uint16),  # row of PARAMETERS that holds for this line alone; 0 = those of its class
    ],
    align=True,
)
"""Summary of one line or presented number, 128 bytes."""

EVIDENCE = np.dtype(
    [
        ("row", np.int32),  # the line's row; -1 = free
        ("number_key", np.uint64),  # number the line presented last
        ("callbacks_seen", np.int32),  # call-backs of that number up to the line's last call
        ("share", np.int32, (FAMILIES,)),  # C_k, 1/1024 nat
        ("told", np.int32),  # 1/1024 nat, of ROW.told
        ("score", np.int32),  # S: 0, or the shares and what was told
        ("muted", np.uint16),  # families that the newest call's trunk spoils, a bit each
        ("rate_weight", np.float64, (RATES,)),  # pace mixture
        ("life_weight", np.float64, (LIVES,)),  # how far the line seems to lead each ordinary life
        ("dial_weight", np.float64, (DIALS,)),  # and, if it dials, to dial in each way
        ("first_ms", np.int64),  # setup of the segment's first call
        ("against_ms", np.int64),  # release of the last call that spoke against the line
        ("calls", np.uint32),  # of the segment
        ("answered", np.uint32),
        ("distinct", np.uint32),  # first-time callees of the segment
        ("callbacks", np.uint32),  # people who called back in the segment
        ("revision_calls", np.uint32),  # calls when the last revision was written
        ("reasons", np.uint32),  # bit k: family k was a reason in this episode
        ("trait_weight", np.float64, (TRAITS,)),  # how far the line seems to have each trait
        ("log_sum", np.int64, (PASTS,)),  # of the kept values' logarithms, in 1 / LOG_UNIT
        ("log_squares", np.int64, (PASTS,)),  # of their squares, in 1 / LOG_UNIT ** 2
        ("past_n", np.uint16, (PASTS,)),
        ("past_head", np.uint16, (PASTS,)),
        ("severity", np.uint8),  # of the open episode; 0 = none open
        ("past", np.int32, (PASTS * PAST,)),  # talk and ring in whole seconds, gaps as logarithms in 1 / LOG_UNIT
    ],
    align=True,
)
"""Growing evidence of one warm or hot line, and the trigger state of its episode."""

META = np.dtype(
    [
        ("newest_ms", np.int64),  # newest release_ms
        ("due_ms", np.int64),  # watermark at which the next episode may end
        ("seen_calls", np.int64),  # judged since start, counts the sweep's turns
        ("sweep", np.int64),  # row the idle sweep looks at next
        ("hand", np.int64),  # clock hands of the evictions
        ("pool_hand", np.int64, (3,)),
        ("free_n", np.int64, (4,)),  # rows, warm rings, hot rings, evidence left
        ("evicted", np.int64, (3,)),  # for want of room, by tier
        ("no_row", np.int64),  # calls of unknown lines that got no row
        ("duplicates", np.int64),
        ("late", np.int64),
        ("seen_n", np.int64),  # hashes in the current generation
        ("seen_now", np.int64),  # which generation is current
        ("door_n", np.int64),
        ("door_now", np.int64),
        ("event_row", np.int64),  # evidence row of the call that stopped the loop
    ],
    align=True,
)

PARAMETERS = np.dtype(
    [
        ("theta", np.float64),  # novelty p0 of people, Pitman-Yor
        ("sigma", np.float64),
        ("rate_per_s", np.float64, (RATES,)),  # pace p1
        ("life_prior", np.float64, (LIVES,)),
        ("life_new", np.float64, (LIVES,)),  # novelty p0 but of people: share of calls to new callees
        ("life_gap_shape", np.float64, (LIVES,)),  # pace p0, Lomax
        ("life_gap_scale_s", np.float64, (LIVES,)),
        ("life_talk_mu", np.float64, (LIVES,)),  # script p0, mean and spread of log talk; people's about their own mean
        ("life_talk_sigma", np.float64, (LIVES,)),
        ("life_outcome", np.float64, (LIVES, OUTCOMES)),  # answer p0
        ("talk_least_spread", np.float64),
        ("own_script", np.bool_),  # a script that the line always played is its own affair
        ("dial_new", np.float64, (DIALS,)),  # novelty p1
        ("dial_plays", np.float64, (DIALS,)),  # script p1: share of talks that are the script
        ("dial_outcome", np.float64, (DIALS, OUTCOMES)),  # answer p1
        ("callback", np.int32),  # reciprocity, 1/1024 nat each
        ("silence", np.int32),  # and for each new callee, who may yet call back
        ("ring_mu", np.float64),  # ring p0, class mean and spread of log seconds
        ("ring_sigma", np.float64),
        ("short_p0", np.float64),  # short, probability of an ultra-short call
        ("near_p0", np.float64),  # targeting, probability of a callee next to a recent one
        ("beside_p0", np.float64, (BESIDE,)),  # concurrency, 0, 1, 2 or more calls at the same time
        ("hour_p0", np.float64, (24,)),  # hours, share of calls by local hour
        ("weight", np.float64, (FAMILIES,)),  # w_k; 0 = muted
        ("low", np.int32, (FAMILIES,)),  # -b_k
        ("high", np.int32, (FAMILIES,)),  # +c_k
        ("groups", np.int64),  # groups of families that must speak for an alert
    ],
    align=True,
)
"""Fitted parameters of one class of number (models/evidence.py)."""

SCORED = np.dtype(
    [
        ("row", np.int32),  # row of the line; -1 = none was given
        ("tier", np.int8),  # -1 = not judged (duplicate)
        ("duplicate", np.bool_),  # the same call was judged before
        ("first_time", np.bool_),
        ("outcome", np.uint8),
        ("known_calls", np.int32),  # n and d of the novelty family, before this call
        ("known_callees", np.int32),
        ("gap_new_s", np.float32),  # since the nearest earlier call to a first-time callee; -1 = none
        ("talk_s", np.float32),  # -1 = not answered
        ("ring_s", np.float32),  # unanswered and given up by the caller: how long it rang; -1 = not so, or not known
        ("gap_s", np.float32),  # since the nearest earlier setup among the calls before; -1 = none
        ("ultra_short", np.int8),  # ultra-short ring or talk, ended by the caller: 1, 0; -1 = not known
        ("near", np.int8),  # callee next to one called just before: 1, 0; -1 = not known
        ("hour", np.uint8),  # local hour of setup
        ("beside", np.uint8),  # other calls of the line at the same time
        ("muted", np.uint16),  # families that its trunk spoils, a bit each (health.py)
        ("calls_60m", np.int32),  # kept calls with setup in the last hour, this one included; 0 if not observed
        ("distinct_60m", np.int32),
        ("callbacks", np.int32),
        ("share", np.int32, (FAMILIES,)),
        ("score", np.int32),
    ],
    align=True,
)
"""What one call added: what `explain` reads, and the features of the models."""

HEALTH = np.dtype(
    [
        ("key", np.uint64),  # of the trunk, 1 = calls without one; 0 = free. In row 0: how often a row was given up
        ("last_ms", np.int64),  # newest release
        ("since_ms", np.int64),  # release time of the call that changed `states` last
        ("last_at", np.int64),  # calls of all trunks by then
        ("gap", np.float64),  # calls of all trunks from one of its own to the next, mean of the last 64 or so
        ("records", np.int64),  # these four are halved together
        ("late", np.int64),
        ("duplicates", np.int64),
        ("halves", np.int64),
        ("run", np.int64),  # answered calls since the last one that was not
        ("usual_calls", np.int64),
        ("usual_answered", np.int64),
        ("calls", np.int64),  # ever
        ("states", np.uint8),  # health.CLOCK ...
    ],
    align=True,
)
"""How the records of one trunk are; row 0: of all together."""

HALF = np.dtype([("key", np.uint64), ("setup_ms", np.int64)], align=True)
"""The newest call of a line to a callee, by hash of both."""

TRUNKS, PAIRS = 1_024, 8_192
"""Trunks looked after at a time, and pairs of line and callee remembered: both halves of a call end at once."""

POLICY = np.dtype(
    [
        ("threshold", np.int64),  # 1/1024 nat
        ("critical", np.int64),
        ("lateness_ms", np.int64),
        ("line_idle_ms", np.int64),
        ("warm_idle_ms", np.int64),
        ("utc_offset_ms", np.int64),
        ("observe", np.bool_),  # fill the columns of SCORED that only a trace needs
    ],
    align=True,
)


class Tables(NamedTuple):
    """Every state array of one shard, as the kernels take them."""

    slots: NDArray[np.uint64]  # hash table: tag in the upper, row + 1 in the lower half; 0 = free
    rows: NDArray[np.void]  # ROW[line_capacity]
    kept: NDArray[np.void]  # KEPT: tails of all rows, then warm rings, then hot rings
    prints: NDArray[np.uint16]  # [hot_capacity * HOT] fingerprints of the callees of hot rings, for fast search
    evidence: NDArray[np.void]  # EVIDENCE[warm_capacity + hot_capacity]
    free_rows: NDArray[np.int32]  # stacks of free places; their heights are meta.free_n
    free_warm: NDArray[np.int32]
    free_hot: NDArray[np.int32]
    free_evidence: NDArray[np.int32]
    seen: NDArray[np.uint64]  # [n, 2, BUCKET] hashes of recent calls, two generations
    door: NDArray[np.uint64]  # [2, n] doorkeeper: callers seen once while rows were scarce
    ring_times: NDArray[np.int64]  # [RING_TIMES + 1] everybody's given-up rings by whole second; the last is their sum
    trunks: NDArray[np.void]  # HEALTH[1 + TRUNKS]
    halves: NDArray[np.void]  # HALF[PAIRS]
    scratch: NDArray[np.void]  # SCORED[1]
    meta: NDArray[np.void]  # META[1]
