"""Room is bounded: whatever the stream, rows, rings and evidence are given, moved and given back without loss."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.cdr.batch import CAUSE_UNKNOWN, CDR, NEVER_MS
from detector.config import Order, State
from detector.features.kernels.index import find
from detector.features.kernels.judge import judge
from detector.features.kernels.layout import COLD_TIER, HOT_TIER, SCORED, WARM_TIER, Tables
from detector.features.kernels.memory import ring_size
from detector.features.kernels.seen import seen_before
from detector.features.kernels.weigh import OPENED
from detector.features.state import new_policy, new_tables
from models.evidence import Evidence

TINY = State(line_capacity=24, warm_capacity=6, hot_capacity=2, dedup_calls=64, line_idle_h=48, warm_idle_h=12)
START_MS = 1_700_000_000_000


def stream(seed: int, n: int, lines: int, gap_s: float) -> NDArray[np.void]:
    """Random calls of a few lines, some to one another, with pauses long enough for idle lines to be forgotten."""
    rng = np.random.default_rng(seed)
    calls = np.zeros(n, CDR)
    calls["release_ms"] = START_MS + np.cumsum(rng.exponential(gap_s * 1000, n)).astype(np.int64)
    calls["setup_ms"] = calls["release_ms"] - rng.integers(0, 60_000, n)
    calls["answer_ms"], calls["ring_ms"], calls["release_cause"] = NEVER_MS, NEVER_MS, CAUSE_UNKNOWN
    calls["line_key"] = rng.integers(1, lines + 1, n)
    calls["number_key"] = np.where(rng.random(n) < 0.3, rng.integers(1, lines + 1, n), calls["line_key"])
    calls["callee_key"] = rng.integers(1, 3 * lines, n)
    calls["call_hash"] = np.arange(1, n + 1)
    return calls


def run(calls: NDArray[np.void], tables: Tables, state: State, threshold: float = 6.0) -> int:
    """Judge all; number of episodes opened (their lines must never be given up)."""
    scored = np.zeros(len(calls), SCORED)
    parameters, policy = Evidence.load().table({}, ()), new_policy(state, Order(), threshold, observe=True)
    i = opened = 0
    while i < len(calls):
        i, why = judge(calls, i, tables, parameters, policy, scored)
        opened += why == OPENED
    return opened


def check(t: Tables) -> None:
    """Every array agrees with every other."""
    used = np.flatnonzero(t.rows["key"])
    free_n = t.meta[0]["free_n"]
    assert len(used) + free_n[0] == len(t.rows)
    assert sorted([*used, *t.free_rows[: free_n[0]]]) == list(range(len(t.rows)))
    assert len(set(t.rows["key"][used])) == len(used)
    for place in used:
        assert find(t.slots, t.rows, t.rows[place]["key"]) == place
    for tier, stack in ((WARM_TIER, t.free_warm), (HOT_TIER, t.free_hot)):
        assert int((t.rows["tier"][used] == tier).sum()) + free_n[tier] == len(stack)
    rings = [(int(t.rows[p]["ring"]), ring_size(int(t.rows[p]["tier"]))) for p in used]
    slots = np.concatenate([np.arange(start, start + size) for start, size in rings])
    assert len(np.unique(slots)) == len(slots)
    assert slots.max() < len(t.kept)
    held = [int(t.rows[p]["evidence"]) for p in used if t.rows[p]["evidence"] >= 0]
    assert len(set(held)) == len(held)
    assert sorted([*held, *t.free_evidence[: free_n[3]]]) == list(range(len(t.evidence)))
    for p in used:
        number = int(t.rows[p]["evidence"])
        assert number < 0 or t.evidence[number]["row"] == p
        assert number < 0 or t.rows[p]["tier"] != COLD_TIER


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 200), st.sampled_from([5.0, 120.0, 3600.0]))
def test_state_stays_whole_when_room_is_short(seed: int, lines: int, gap_s: float) -> None:
    tables = new_tables(TINY)
    calls = stream(seed, 3000, lines, gap_s)
    for part in np.array_split(calls, 6):
        run(part, tables, TINY)
        check(tables)


def test_lines_with_an_open_alert_are_never_given_up() -> None:
    tables = new_tables(TINY)
    calls = stream(1, 4000, 150, 10.0)
    opened = run(calls, tables, TINY, threshold=0.5)
    open_now = int((tables.evidence["severity"][tables.evidence["row"] >= 0] > 0).sum())
    assert opened == open_now > 0
    assert int(tables.meta[0]["evicted"].sum()) > 0


def test_a_flood_of_callers_seen_once_takes_few_rows() -> None:
    state = State(line_capacity=5000, warm_capacity=16, hot_capacity=4, dedup_calls=1024)
    tables = new_tables(state)
    known = stream(2, 2000, 200, 1.0)
    run(known, tables, state)
    flood = stream(3, 60_000, 10, 0.01)
    flood["line_key"] = flood["number_key"] = np.arange(10**6, 10**6 + len(flood))
    flood["call_hash"] += 10**6
    flood["release_ms"] += known["release_ms"][-1] - START_MS
    run(flood, tables, state)
    check(tables)
    taken = 0.2 * state.line_capacity - int(tables.meta[0]["free_n"][0])  # since rows became scarce
    assert taken < 0.02 * len(flood)  # false knocks of the filter, about 1 in 100
    assert int(tables.meta[0]["no_row"]) > 50_000
    for key in np.unique(known["line_key"]):
        assert find(tables.slots, tables.rows, key) >= 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=400))
def test_the_newest_calls_are_always_recognised(hashes: list[int]) -> None:
    tables = new_tables(State(line_capacity=4, warm_capacity=1, hot_capacity=1, dedup_calls=64))
    recent: list[int] = []
    for value in hashes:
        hash_ = value + 1
        told = seen_before(tables.seen, tables.meta[0], np.uint64(hash_))
        if hash_ in recent[-32:]:
            assert told
        if told:
            assert hash_ in recent
        else:
            recent.append(hash_)
