"""From a probe to a long call by somebody else: whom suspects reached shortly, and who talks to them afterwards."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.index import mix
from detector.features.kernels.jit import Record, njit, signed

WAYS = 4
"""Entries of one hash; the oldest gives way."""

LEAST_PROBE_MS, MOST_PROBE_MS = 3_000, 120_000
LONG_MS = 120_000
TIMES_PROBE = 5
"""A call is long from two minutes on, or from five times the probe's talk."""

WITHIN_MS = 72 * 3_600_000

PROBE = np.dtype(
    [
        ("callee", np.uint64),  # 0 = free
        ("at_ms", np.int64),  # release
        ("line", np.uint64),
        ("number", np.uint64),
        ("tenant", np.uint64),  # 0 = unknown
        ("block", np.int32),  # place in the registry; -1 = none
        ("talk_ms", np.int32),
    ],
    align=True,
)
"""The latest short answered call of a suspect to a callee."""

FOLLOWER = np.dtype(
    [
        ("number", np.uint64),  # 0 = free
        ("calls", np.int64),  # long calls to people new to it, since its first match
        ("matched", np.int64),  # of them, to people probed within 72 hours
        ("last_ms", np.int64),  # of the last match
        ("first_ms", np.int64),
        ("low_hash", np.uint64),
    ],
    align=True,
)
"""A number that called somebody after a probe; its first match only opens the account."""

MATCH = np.dtype(
    [
        ("call", np.int64),  # place in the calls given
        ("follower", np.int64),  # place in the table of followers
        (
            "counted",
            np.bool_,
        ),  # False: not answered, not long, or not its first call to this callee; a pair all the same
        ("probe", PROBE),
    ],
    align=True,
)


class Chains(NamedTuple):
    """Probes and followers; both tables hold WAYS entries for each hash."""

    probes: NDArray[np.void]  # PROBE[buckets * WAYS]
    followers: NDArray[np.void]  # FOLLOWER[buckets * WAYS]
    counts: NDArray[np.float64]  # see LONG ...


LONG, MATCHED, LOST_PROBES, LOST_FOLLOWERS, NEWEST_TALK_MS = range(5)
"""Long calls to new people of callers without an account; those to probed people; entries given up while young; how
long the newest probe talked."""


@njit
def follow(
    calls: NDArray[np.void],
    scored: NDArray[np.void],
    blocks: NDArray[np.int32],
    suspicious: NDArray[np.bool_],
    chains: Chains,
    out: NDArray[np.void],
) -> int:
    """Calls in their order: probes of suspects are kept, calls to probed people are matched. Matches into `out`.

    Long calls of suspects count, too: whoever talks for a living to strangers may look like one. How long is long is
    asked alike of calls to probed people and to others, for whom the newest probe stands in: a notifier whose calls of
    20 s were long to the probed alone had 4 of 4 matched, and was named.

    calls       CDR[n]
    scored      SCORED[n]  duplicate, first_time
    blocks      int32[n]   registry place of the caller's number, -1 = none
    suspicious  bool[n]    made by a suspect
    chains      in place
    """
    n = 0
    for i in range(calls.shape[0]):
        call = calls[i]
        if scored[i].duplicate:
            continue
        talk_ms = call.release_ms - call.answer_ms if call.answer_ms >= 0 else -1
        probe = latest(chains.probes, call.callee_key)
        matched = probe >= 0 and apart(chains.probes[probe], call, signed(blocks[i]))
        needed = LONG_MS
        if not suspicious[i]:
            probe_ms = signed(chains.probes[probe].talk_ms) if matched else int(chains.counts[NEWEST_TALK_MS])
            needed = min(LONG_MS, TIMES_PROBE * probe_ms) if probe_ms > 0 else LONG_MS
        if talk_ms >= needed or (matched and not suspicious[i]):
            counted = scored[i].first_time and talk_ms >= needed
            who = follower_of(chains, call, False)
            if counted and who < 0 and not suspicious[i]:  # whoever has an account would make chance look like a habit
                chains.counts[LONG] += 1.0
                chains.counts[MATCHED] += 1.0 if matched else 0.0
            if counted and who < 0 and matched:
                who = follower_of(chains, call, True)
            if counted and who >= 0:
                count(chains.followers[who], matched, call.release_ms)
            if matched and who >= 0:
                out[n].call = i
                out[n].follower = who
                out[n].counted = counted
                out[n].probe = chains.probes[probe]
                n += 1
        if suspicious[i] and LEAST_PROBE_MS <= talk_ms <= MOST_PROBE_MS:
            put_probe(chains, call, signed(blocks[i]), talk_ms)
    return n


@njit
def latest(probes: NDArray[np.void], callee: np.uint64) -> int:
    """Place of the probe of a callee, -1 = none."""
    first = bucket(callee, probes.shape[0])
    for at in range(first, first + WAYS):
        if probes[at].callee == callee:
            return at
    return -1


@njit
def bucket(key: np.uint64, size: int) -> int:
    """First place of a key's entries."""
    return signed(mix(key) % np.uint64(size // WAYS)) * WAYS


@njit
def apart(probe: Record, call: Record, block: int) -> bool:
    """The call comes within 72 hours, and from a number, line, block and customer that have nothing to do with it."""
    wait_ms = call.setup_ms - probe.at_ms
    if wait_ms < 0 or wait_ms > WITHIN_MS:
        return False
    if probe.line == call.line_key or probe.number == call.number_key or (block >= 0 and probe.block == block):
        return False
    return not (probe.tenant != np.uint64(0) and probe.tenant == call.tenant_key)


@njit
def put_probe(chains: Chains, call: Record, block: int, talk_ms: int) -> None:
    """Keep a probe in place of an older one of the same callee, or of the oldest. In place."""
    first = bucket(call.callee_key, chains.probes.shape[0])
    place = first
    for at in range(first, first + WAYS):
        probe = chains.probes[at]
        if probe.callee == call.callee_key or probe.callee == np.uint64(0):
            place = at
            break
        if probe.at_ms < chains.probes[place].at_ms:
            place = at
    probe = chains.probes[place]
    if probe.callee != np.uint64(0) and probe.callee != call.callee_key and probe.at_ms + WITHIN_MS > call.release_ms:
        chains.counts[LOST_PROBES] += 1.0
    probe.callee = call.callee_key
    probe.at_ms = call.release_ms
    probe.line = call.line_key
    probe.number = call.number_key
    probe.tenant = call.tenant_key
    probe.block = np.int32(block)
    probe.talk_ms = np.int32(talk_ms)
    chains.counts[NEWEST_TALK_MS] = talk_ms


@njit
def follower_of(chains: Chains, call: Record, create: bool) -> int:
    """Place of the calling number among the followers; a new one where asked for, in place of the idlest; -1 = none."""
    first = bucket(call.number_key, chains.followers.shape[0])
    place = first
    for at in range(first, first + WAYS):
        follower = chains.followers[at]
        if follower.number == call.number_key:
            return at
        if follower.number == np.uint64(0):
            place = at
            break
        if follower.last_ms < chains.followers[place].last_ms:
            place = at
    if not create:
        return -1
    follower = chains.followers[place]
    if follower.number != np.uint64(0) and follower.last_ms + WITHIN_MS > call.release_ms:
        chains.counts[LOST_FOLLOWERS] += 1.0
    follower.number = call.number_key
    follower.calls = -1  # the first match is why it is here
    follower.matched = -1
    follower.first_ms = call.setup_ms
    follower.low_hash = call.call_hash
    return place


@njit
def count(follower: Record, matched: bool, release_ms: int) -> None:
    """A long call to somebody new, into the caller's account. In place."""
    follower.calls += 1
    follower.matched += int(matched)
    if matched:
        follower.last_ms = max(follower.last_ms, release_ms)


def new_chains(probes: int, followers: int) -> Chains:
    """Room for about so many probed people and followers; allocated once."""
    return Chains(
        probes=np.zeros(max(probes // WAYS, 1) * WAYS, PROBE),
        followers=np.zeros(max(followers // WAYS, 1) * WAYS, FOLLOWER),
        counts=np.zeros(5, np.float64),
    )
