"""The loop over calls: remember, gate, weigh, and stop at the call that says something new.

`judge` runs until a call opens or changes an episode, or the watermark reaches the end of one, and returns
there, so what is told about a call is the state at that call, whatever the batch size.
"""

import math

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.ahead import ask
from detector.features.kernels.health import meet
from detector.features.kernels.index import find
from detector.features.kernels.jit import Record, inlined, njit, signed
from detector.features.kernels.layout import (
    CALLED_BACK,
    COLD_TIER,
    FAMILIES,
    HOT_TIER,
    LATEST,
    RING_TIMES,
    WARM,
    WARM_TIER,
    Tables,
)
from detector.features.kernels.memory import (
    HOUR_MS,
    call_in,
    enter_map,
    fingerprint,
    gap_to_new,
    keep,
    last_hour,
    latest_to,
)
from detector.features.kernels.mixture import begin_life
from detector.features.kernels.observe import CALLER, look_at, outcome_of
from detector.features.kernels.seen import seen_before
from detector.features.kernels.tiers import cool, give_evidence, promote, row_of, sweep
from detector.features.kernels.weigh import DONE, TIMER, change, weigh_call, weigh_kept

GATE_CALLS = 3.0
"""Decayed calls that make a line warm: 1 + TAIL / 2, so no hit of a 10-in-60-minutes rule is missed."""

GATE_NEW_TODAY = 8
HOT_CALLS = 12.0
SWEEP_EVERY, SWEEP_ROWS = 1024, 64
DAY_MS = 86_400_000
RING_TIMES_FADE = 200_000
"""Given-up rings after which their counts are halved."""


@inlined
def remember(t: Tables, place: int, call: Record, scored: Record, observe: bool) -> None:
    """Count a call for a line or number, keep it, promote the row if it passes the gate. In place.

    `scored` receives what the call was to this row before it was counted.
    """
    row = t.rows[place]
    age_ms = call.release_ms - row.last_ms
    if age_ms >= 0:
        row.decayed = np.float32(row.decayed * half_after(age_ms) + 1.0)
        row.last_ms = call.release_ms
    else:  # late: it counts for what it would be worth now
        row.decayed = np.float32(row.decayed + half_after(-age_ms))
    scored.known_calls = np.int32(signed(row.n_now) + signed(row.n_before))
    scored.known_callees = np.int32(signed(row.d_now) + signed(row.d_before))
    scored.gap_new_s = np.float32(gap_to_new(row, t.kept, call.setup_ms))
    print15 = fingerprint(call.callee_key)
    on_map = enter_map(row, print15)
    same = latest_to(t, row, call.callee_key, print15, on_map)
    first_time = same < 0 and not on_map
    scored.first_time = first_time
    keep(t, row, call, print15, same, first_time)
    if first_time:
        row.newest_new_ms = max(row.newest_new_ms, call.setup_ms)
        count_new_today(row, call.release_ms)
    if observe:
        calls, distinct = last_hour(row, t.kept, call.setup_ms)
        scored.calls_60m = np.int32(calls)
        scored.distinct_60m = np.int32(distinct)
    if row.calls < np.uint32(0xFFFFFFFF):
        row.calls += np.uint32(1)
    if row.tier == COLD_TIER and (row.decayed >= GATE_CALLS or (first_time and row.new_today >= GATE_NEW_TODAY)):
        promote(t, place, WARM_TIER)


@inlined
def half_after(age_ms: int) -> float:
    """What a call of that age still counts: half after 60 minutes."""
    return math.exp(age_ms * (-0.6931471805599453 / HOUR_MS))


@inlined
def count_new_today(row: Record, release_ms: int) -> None:
    """One more first-time callee of this UTC day. In place."""
    day = np.uint16((release_ms // DAY_MS) & 0xFFFF)
    if day != row.day:
        row.day = day
        row.new_today = np.uint8(0)
    if row.new_today < np.uint8(255):
        row.new_today += np.uint8(1)


@inlined
def judge_call(t: Tables, call: Record, parameters: NDArray[np.void], policy: Record, scored: Record) -> int:
    """Everything one call does to the state. Returns DONE, OPENED or REVISED. In place."""
    callee = find(t.slots, t.rows, call.callee_key)
    if callee >= 0:
        call_in(t, t.rows[callee], call.number_key)
    number = -1
    if call.number_key != call.line_key:
        number = row_of(t, call.number_key, signed(call.number_class), call.release_ms)
        if number >= 0:
            remember(t, number, call, scored, False)
    place = row_of(t, call.line_key, signed(call.line_class), call.release_ms)
    scored.row = np.int32(place)
    if place < 0:
        return DONE
    if call.number_key == call.line_key:
        number = place
    elif number >= 0 and t.rows[number].key != call.number_key:  # given up for the line's own row
        number = -1
    row = t.rows[place]
    row.number_class = call.line_class  # what the registry says of the number it shows now
    if call.release_ms - row.last_ms > policy.warm_idle_ms:
        cool(t, place)
    remember(t, place, call, scored, policy.observe)
    scored.tier = np.int8(row.tier)
    if row.tier > COLD_TIER or policy.observe:
        look_at(t, row, 0, policy.utc_offset_ms, scored)
    if row.tier == COLD_TIER:
        return DONE
    callbacks = signed(t.rows[number].callbacks) if number >= 0 else 0
    p = parameters[signed(row.own) if row.own > 0 else signed(row.number_class)]
    if row.evidence < 0:
        evidence = t.evidence[give_evidence(t, place)]
        evidence.callbacks_seen = np.int32(callbacks)
        evidence.number_key = call.number_key
        begin_life(evidence, p)
        if number == place:
            evidence.callbacks_seen -= np.int32(recent_callbacks(row, t.kept))
        weigh_kept(t, place, p, policy.utc_offset_ms, scored, call.release_ms)
    else:
        evidence = t.evidence[row.evidence]
        same_number = number >= 0 and evidence.number_key == call.number_key
        scored.callbacks = np.int32(max(callbacks - signed(evidence.callbacks_seen), 0) if same_number else 0)
        evidence.callbacks_seen = np.int32(callbacks)
        evidence.number_key = call.number_key
        weigh_call(evidence, p, scored, t.ring_times, call.setup_ms, call.release_ms)
    for k in range(FAMILIES):
        scored.share[k] = evidence.share[k]
    scored.score = evidence.score
    suspect = 2 * signed(evidence.score) >= policy.threshold
    if row.tier == WARM_TIER and row.kept == WARM and (row.decayed >= HOT_CALLS or suspect):
        promote(t, place, HOT_TIER)
    t.meta[0].event_row = signed(row.evidence)
    return change(evidence, p, policy)


@njit
def count_ring_time(ring_times: NDArray[np.int64], call: Record) -> None:
    """Everybody's given-up rings by second, old ones fading, for the network's own time-outs. In place."""
    if call.answer_ms >= 0 or call.ring_ms < 0 or call.release_party != CALLER:
        return
    ring_times[min((call.release_ms - call.ring_ms) // 1000, RING_TIMES - 1)] += 1
    ring_times[RING_TIMES] += 1
    if ring_times[RING_TIMES] >= RING_TIMES_FADE:
        ring_times[RING_TIMES] = 0
        for second in range(RING_TIMES):
            ring_times[second] //= 2
            ring_times[RING_TIMES] += ring_times[second]


@njit
def recent_callbacks(row: Record, kept: NDArray[np.void]) -> int:
    """People among the kept calls who called back: they count once the line has evidence."""
    people = 0
    for i in range(signed(row.kept)):
        flags = signed(kept[row.ring + i].flags)
        if (flags & CALLED_BACK) != 0 and (flags & LATEST) != 0:
            people += 1
    return people


@njit
def judge(
    calls: NDArray[np.void],
    start: int,
    t: Tables,
    parameters: NDArray[np.void],
    policies: NDArray[np.void],
    scored: NDArray[np.void],
) -> tuple[int, int]:
    """Judge calls from `start` on; returns (first call not judged yet, why it stopped).

    calls       CDR[n]             in the order of judgement; late ones count where they come
    t           Tables             state, in place
    parameters  PARAMETERS[n]      by numbering.plan.NumberClass, then those of single lines (ROW.own)
    policies    POLICY[1]
    scored      SCORED[n]          filled for the calls judged; zeros with tier -1 for duplicates

    TIMER: the watermark has reached meta.due_ms by the call returned, which is not judged yet.
    OPENED, REVISED: the call before the one returned; its evidence row is meta.event_row.
    """
    meta = t.meta[0]
    policy = policies[0]
    asked = start
    for i in range(start, calls.shape[0]):
        if i == asked:
            asked = ask(t, calls, i)
        call = calls[i]
        if call.release_ms > meta.newest_ms:
            meta.newest_ms = call.release_ms
        watermark_ms = meta.newest_ms - policy.lateness_ms
        if watermark_ms >= meta.due_ms:
            return i, TIMER
        out = scored[i]
        out.tier = np.int8(-1)
        out.row = np.int32(-1)
        out.outcome = np.uint8(outcome_of(call.answer_ms >= 0, signed(call.release_cause)))
        out.talk_s = np.float32((call.release_ms - call.answer_ms) / 1000.0) if call.answer_ms >= 0 else np.float32(-1)
        late = call.release_ms < watermark_ms
        duplicate = seen_before(t.seen, meta, call.call_hash)
        out.muted = np.uint16(meet(t, call, duplicate, late))
        if duplicate:
            meta.duplicates += 1
            out.duplicate = True
            continue
        if late:
            meta.late += 1
        meta.seen_calls += 1
        if meta.seen_calls % SWEEP_EVERY == 0:
            sweep(t, SWEEP_ROWS, policy.line_idle_ms, policy.warm_idle_ms)
        count_ring_time(t.ring_times, call)
        why = judge_call(t, call, parameters, policy, out)
        if why != DONE:
            return i + 1, why
    return calls.shape[0], DONE
