"""Evidence of one line, call by call: every family's share, their sum, and what that changes of its episode."""

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels import evidence as law
from detector.features.kernels import traits
from detector.features.kernels.jit import Record, inlined, njit, signed
from detector.features.kernels.layout import (
    ANSWER,
    ANSWERED,
    CONCURRENCY,
    FAMILIES,
    FIRST_TIME,
    GROUP_OF,
    GROUPS,
    HOURS,
    MILLI,
    NOVELTY,
    OUTCOMES,
    PACE,
    PACING,
    RECIPROCITY,
    RING,
    SCRIPT,
    SHORT,
    TALK_PAST,
    TARGETING,
    Tables,
)
from detector.features.kernels.memory import ring_size
from detector.features.kernels.mixture import may_change
from detector.features.kernels.observe import look_at
from detector.features.kernels.tiers import clear_evidence

DONE, TIMER, OPENED, REVISED = range(4)
"""Why `judge` returned."""

REASON = 2 * MILLI
"""From here on a family is a reason, until the episode ends: a share that comes and goes writes one revision."""

WARNING, CRITICAL = 2, 3
_GROUPS = np.array(GROUP_OF)


@inlined
def add(evidence: Record, p: Record, family: int, observed: int) -> int:
    """One family's observation into its share, unless the call's trunk spoils it. In place; the weighed observation."""
    if spoiled(evidence, family):
        return signed(0)
    return law.add_share(evidence, family, observed, p.weight[family], p.low[family], p.high[family])


@inlined
def spoiled(evidence: Record, family: int) -> bool:
    """The trunk of this call spoils the family."""
    return bool((signed(evidence.muted) >> family) & 1)


@inlined
def speaks(evidence: Record, p: Record, family: int) -> bool:
    """A muted family is not asked: it must not move the mixtures either."""
    return bool(p.weight[family] > 0.0) and not spoiled(evidence, family)


@inlined
def forget_spoiled(evidence: Record, seen: Record) -> None:
    """What families said while the trouble of a trunk was not known yet is spoiled, too. In place."""
    evidence.muted = seen.muted
    if seen.muted != np.uint16(0):
        for k in range(FAMILIES):
            if spoiled(evidence, k):
                evidence.share[k] = np.int32(0)


@njit
def weigh_call(
    evidence: Record, p: Record, seen: Record, ring_times: NDArray[np.int64], setup_ms: int, release_ms: int
) -> None:
    """Add one call's observations (SCORED, filled by `remember` and `look_at`) to a line's evidence. In place."""
    n, d = signed(seen.known_calls), signed(seen.known_callees)
    forget_spoiled(evidence, seen)
    against = 0
    if speaks(evidence, p, NOVELTY):
        against += add(evidence, p, NOVELTY, law.novelty(evidence, p, seen.first_time, n, d))
    if seen.first_time:
        against += weigh_stranger(evidence, p, seen, ring_times)
        evidence.distinct += np.uint32(1)
    if seen.gap_s >= 0:
        against += add(evidence, p, PACING, traits.pacing(evidence, PACING, np.float64(seen.gap_s)))
    against += add(
        evidence, p, CONCURRENCY, traits.concurrency(evidence, CONCURRENCY, signed(seen.beside), p.beside_p0)
    )
    if seen.callbacks > 0 or seen.first_time:
        called = signed(p.callback) * signed(seen.callbacks) + signed(p.silence) * int(seen.first_time)
        against += min(add(evidence, p, RECIPROCITY, called), 0)  # silence takes credit away, it accuses nobody
        evidence.callbacks += np.uint32(seen.callbacks)
    may_change(evidence, p)
    if evidence.calls == 0:
        evidence.first_ms = setup_ms
    evidence.calls += np.uint32(1)
    if seen.outcome == ANSWERED:
        evidence.answered += np.uint32(1)
    if against > 0:
        evidence.against_ms = max(evidence.against_ms, release_ms)
    score = 0
    for k in range(FAMILIES):
        score += signed(evidence.share[k])
    evidence.score = np.int32(score + signed(evidence.told) if score > 0 else score)
    if score <= 0:
        end_segment(evidence)


@inlined
def weigh_stranger(evidence: Record, p: Record, seen: Record, ring_times: NDArray[np.int64]) -> int:
    """The families that only look at calls to first-time callees. In place; what they say together."""
    against = add(evidence, p, HOURS, traits.hours(evidence, HOURS, signed(seen.hour), p.hour_p0))
    if seen.gap_new_s >= 0 and speaks(evidence, p, PACE):
        against += add(evidence, p, PACE, law.pace(evidence, p, np.float64(seen.gap_new_s)))
    if seen.outcome < OUTCOMES and speaks(evidence, p, ANSWER):
        against += add(evidence, p, ANSWER, law.answer(evidence, p, signed(seen.outcome)))
    if seen.outcome == ANSWERED:
        talk_s = signed(seen.talk_s)
        if speaks(evidence, p, SCRIPT):
            against += add(evidence, p, SCRIPT, law.script(evidence, p, talk_s))
        law.keep_past(evidence, TALK_PAST, talk_s, law.log_of(talk_s))
    if seen.ring_s >= 0:
        told = traits.ring(evidence, RING, signed(seen.ring_s), p.ring_mu, p.ring_sigma, ring_times)
        against += add(evidence, p, RING, told)
    if seen.ultra_short >= 0:
        told = traits.yes_or_no(evidence, SHORT, seen.ultra_short > 0, traits.SHORT_P1, p.short_p0)
        against += add(evidence, p, SHORT, told)
    if seen.near >= 0:
        told = traits.yes_or_no(evidence, TARGETING, seen.near > 0, traits.NEAR_P1, p.near_p0)
        against += add(evidence, p, TARGETING, told)
    return against


@njit
def end_segment(evidence: Record) -> None:
    """S fell to 0: forget the shares; an open episode keeps its counts. In place."""
    calls, answered, distinct = evidence.calls, evidence.answered, evidence.distinct
    first_ms, callbacks = evidence.first_ms, evidence.callbacks
    clear_evidence(evidence)
    if evidence.severity > 0:
        evidence.calls = calls
        evidence.answered = answered
        evidence.distinct = distinct
        evidence.first_ms = first_ms
        evidence.callbacks = callbacks


@njit
def weigh_kept(t: Tables, place: int, p: Record, utc_offset_ms: int, now: Record, release_ms: int) -> None:
    """A line got its evidence row: weigh its kept calls in the order they came, the present one last. In place.

    now  SCORED of the present call. For the calls before it, what the map knew is counted back (a turn of the map in
         between is not undone: n and d are then a little small), and gaps are those among the kept calls
    """
    row = t.rows[place]
    evidence = t.evidence[row.evidence]
    size = ring_size(signed(row.tier))
    kept = signed(row.kept)
    newest = signed(row.head) - 1
    d = signed(now.known_callees)
    for back in range(1, kept):
        d -= signed(t.kept[row.ring + (newest - back) % size].flags) & FIRST_TIME
    then = t.scratch[0]
    then.muted = now.muted  # what was wrong when they came is not kept
    for back in range(kept - 1, 0, -1):
        call = t.kept[row.ring + (newest - back) % size]
        look_at(t, row, back, utc_offset_ms, then)
        nearest_new = signed(-1)
        for k in range(back + 1, kept):
            before = t.kept[row.ring + (newest - k) % size]
            if (signed(before.flags) & FIRST_TIME) != 0 and nearest_new < before.setup_ms <= call.setup_ms:
                nearest_new = signed(before.setup_ms)
        then.known_calls = np.int32(max(signed(now.known_calls) - back, 0))
        then.known_callees = np.int32(max(d, 0))
        then.gap_new_s = np.float32((call.setup_ms - nearest_new) / 1000.0) if nearest_new >= 0 else np.float32(-1)
        then.callbacks = np.int32(0)
        weigh_call(evidence, p, then, t.ring_times, call.setup_ms, release_ms)
        if then.first_time:
            d += 1
    weigh_call(evidence, p, now, t.ring_times, t.kept[row.ring + newest % size].setup_ms, release_ms)


@inlined
def change(evidence: Record, p: Record, policy: Record) -> int:
    """Does this call open or change the line's episode? Returns DONE, OPENED or REVISED; trigger state in place."""
    was = signed(evidence.severity)
    if was == 0 and (evidence.score < policy.threshold or groups_speaking(evidence) < p.groups):
        return DONE
    severity = max(was, CRITICAL if evidence.score >= policy.critical else WARNING)
    reasons = signed(evidence.reasons) if was > 0 else 0
    for k in range(FAMILIES):
        if evidence.share[k] >= REASON:
            reasons |= 1 << k
    if evidence.told >= REASON:
        reasons |= 1 << FAMILIES
    changed = severity != was or reasons != signed(evidence.reasons)
    if not changed and signed(evidence.calls) < 2 * signed(evidence.revision_calls):
        return DONE
    evidence.severity = np.uint8(severity)
    evidence.reasons = np.uint32(reasons)
    evidence.revision_calls = evidence.calls
    return OPENED if was == 0 else REVISED


@inlined
def groups_speaking(evidence: Record) -> int:
    """Groups of families with 2 nats or more."""
    speaking = 0
    for group in range(GROUPS):
        nats = 0
        for k in range(FAMILIES):
            if _GROUPS[k] == group:
                nats += signed(evidence.share[k])
        speaking += int(nats >= REASON)
    return speaking
