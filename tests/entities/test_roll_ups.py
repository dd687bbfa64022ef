"""The entity kernels against their twin, and what order, shards and floods must not change."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.cdr.batch import CDR, CallRecord, CdrBatch
from detector.config import State
from detector.entities.kernels import layout
from detector.entities.kernels.close import close
from detector.entities.kernels.gather import add_minute, entity_key, gather, level_of
from detector.entities.kernels.layout import CALLEES, KINDS, LINES, SAMPLE, SCRIPT, TOLD, Entities, Minute
from detector.entities.kernels.told import fade
from detector.entities.laws import FAMILY_NAMES, laws
from detector.entities.roll_ups import RollUps, Turn, new_entities, new_minute
from detector.features.kernels.index import find
from detector.features.kernels.layout import SCORED
from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Registry, all_classes
from models.evidence import Evidence
from tests.calls import judge, strangers
from tests.entities.twin import Twin

START = 28_502_040  # a minute, Monday 10 o'clock in China
LAWS = laws(Evidence.load(), all_classes(), ())
MOBILE = 1
NUMBER = 10**11 + 13_900_000_000


def calls_of(rows: Sequence[tuple[int, ...]]) -> NDArray[np.void]:
    """CDR[n] of (second, line, number, callee, talk or -1, tenant, trunk); lines and numbers are small integers."""
    calls = np.zeros(len(rows), CDR)
    for i, (second, line, number, callee, talk_s, tenant, trunk) in enumerate(rows):
        release_ms = START * 60_000 + second * 1000
        calls[i]["release_ms"], calls[i]["setup_ms"] = release_ms, release_ms - 10_000
        calls[i]["answer_ms"] = release_ms - talk_s * 1000 if talk_s >= 0 else -1
        calls[i]["line_key"], calls[i]["number_key"] = NUMBER + line, NUMBER + 500 + number
        calls[i]["callee_key"] = NUMBER + 500 + callee + callee % 3 * 10_000  # two of three are nobody's neighbours
        calls[i]["tenant_key"], calls[i]["trunk_in_key"] = tenant, trunk
        calls[i]["call_hash"], calls[i]["number_class"] = i + 1, MOBILE
    return calls


def outcomes(calls: NDArray[np.void]) -> NDArray[np.uint8]:
    """Answered or not."""
    return (calls["answer_ms"] < 0).astype(np.uint8)


def gathered(calls: NDArray[np.void], number: int, known: Entities) -> Minute:
    """One minute of these calls."""
    minute, n = new_minute(4096, 65_536), len(calls)
    nothing = np.zeros(n, bool), outcomes(calls), np.full((2, n), -1, np.int32), np.zeros(n, np.uint8)
    done = gather(calls, 0, *nothing, np.zeros(0, np.int32), number * 60_000, (number + 1) * 60_000, minute, known)
    assert done == n
    return minute


def state_of(known: Entities) -> NDArray[np.void]:
    """The entities, in the order of their keys."""
    rows = known.rows[: int(known.counts[0]["partials"])]
    return rows[np.argsort(rows["key"])]


call_rows = st.tuples(
    st.integers(0, 359),
    st.integers(0, 4),
    st.integers(0, 6),
    st.integers(0, 30),
    st.sampled_from([-1, -1, 5, 21, 22, 200]),
    st.sampled_from([0, 77, 78]),
    st.sampled_from([0, 91]),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(call_rows, max_size=80),
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from([77, 78]), st.floats(0.1, 1)), max_size=6),
)
def test_kernels_weigh_as_their_twin_does(
    rows: list[tuple[int, ...]], complained: list[tuple[int, int, float]]
) -> None:
    """complained: minute, tenant, and the probability that the complainant means it."""
    calls = calls_of(rows)
    twin, known = Twin(LAWS[MOBILE]), new_entities(512)
    for number in range(START, START + 6):
        part = calls[calls["release_ms"] // 60_000 == number]
        close(gathered(part, number, known), known, number, LAWS)
        plain = [
            {name: int(call[name]) for name in CDR.names or ()} | {"outcome": int(outcome)}
            for call, outcome in zip(part, outcomes(part), strict=True)
        ]
        twin.close(number, plain)
        for minute, tenant, share in complained:
            if START + minute == number and ("tenant", tenant) in twin.known:
                twin.known["tenant", tenant].people.append((number, share))
                row = find(known.slots, known.rows, entity_key(KINDS.index("tenant"), np.uint64(tenant)))
                fade(known.rows[row], number)
                known.rows[row]["complainants"] += share
    keys = known.rows["key"].tolist()
    assert len(twin.known) == int(known.counts[0]["partials"])
    for (kind, name), expected in twin.known.items():
        row = known.rows[keys.index(int(entity_key(KINDS.index(kind), np.uint64(name))))]
        found = dict(zip(FAMILY_NAMES, row["share"].tolist(), strict=True))
        assert found == pytest.approx(expected.shares, abs=2), (kind, name)
        assert int(row["score"]) == pytest.approx(expected.score, abs=8)


def test_behind_a_block_the_absence_of_a_recording_says_little() -> None:
    chance = np.random.default_rng(4)
    rows = [(i % 60, i % 9, i % 5, i, int(40 * chance.lognormal()), 77, 91) for i in range(240)]
    calls, known = calls_of(rows), new_entities(1024)
    minute = new_minute(4096, 65_536)
    places = np.stack([np.zeros(len(rows), np.int32), np.full(len(rows), -1, np.int32)])
    nothing = np.zeros(len(rows), bool), outcomes(calls), places, np.zeros(len(rows), np.uint8)
    gather(calls, 0, *nothing, np.zeros(1, np.int32), START * 60_000, START * 60_000 + 60_000, minute, known)
    close(minute, known, START, LAWS)
    script = {KINDS[int(row["kind"])]: int(row["share"][SCRIPT]) for row in state_of(known)}
    assert (script["block"], script["holder"]) == (-1024, -1024)
    assert script["tenant"] == -4096


@settings(max_examples=40, deadline=None)
@given(st.lists(call_rows, min_size=1, max_size=80), st.randoms(use_true_random=False), st.integers(2, 5))
def test_order_and_shards_make_no_difference(rows: list[tuple[int, ...]], chance: object, shards: int) -> None:
    calls = calls_of(rows)
    order = list(range(len(rows)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    owner = np.array([chance.randrange(shards) for _ in rows])  # type: ignore[attr-defined]
    whole, parts = new_entities(512), new_entities(512)
    for number in range(START, START + 6):
        now = calls[calls["release_ms"] // 60_000 == number]
        close(gathered(now, number, whole), whole, number, LAWS)
        together = new_minute(4096, 65_536)
        for shard in range(shards):
            own = calls[order][owner[order] == shard]
            add_minute(gathered(own[own["release_ms"] // 60_000 == number], number, parts), together, parts)
        close(together, parts, number, LAWS)
    one, other = state_of(whole), state_of(parts)
    for name in layout.ENTITY.names or ():
        np.testing.assert_array_equal(one[name], other[name], name)


def test_a_large_set_is_sampled_and_still_estimated() -> None:
    known = new_entities(8192)
    for number in range(START, START + 10):
        rows = [(60 * (number - START), 1, 2, 5000 * (number - START) + i, -1, 77, 0) for i in range(5000)]
        calls = calls_of(rows)
        calls["callee_key"] = 5  # no destinations
        calls["callee_key"] = np.arange(len(calls)) * 7919 + number * 10**7
        close(gathered(calls, number, known), known, number, LAWS)
    tenant = known.rows[known.rows["kind"] == KINDS.index("tenant")][0]
    shift = int(tenant["shift"][CALLEES])
    kept = int(tenant["members"][CALLEES][shift:].sum())
    assert kept <= SAMPLE[CALLEES]
    assert (kept << shift) == pytest.approx(50_000, rel=0.2)
    assert int(tenant["members"][LINES].sum()) == 1


def test_half_of_all_members_reach_each_next_level() -> None:
    levels = np.array([level_of(np.uint64(member)) for member in range(4000)])
    assert np.mean(levels >= 1) == pytest.approx(0.5, abs=0.03)
    assert np.mean(levels >= 3) == pytest.approx(0.125, abs=0.02)


def roll_ups(capacity: int = 1024) -> RollUps:
    plan = NumberPlan("china", b"secret of the tests")
    return RollUps(State(entity_capacity=capacity), LAWS, plan, Registry(plan), 14.0, 60_000)


def batch_of(calls: NDArray[np.void]) -> CdrBatch:
    record = CallRecord(a_number="1", b_number="2", setup_ms=1, release_ms=2, tenant="T", trunk_in="X")
    return CdrBatch(calls, [b""], lambda raw, stream: record)


def test_a_flood_of_single_calls_takes_no_room_and_two_alerts() -> None:
    ups, turns = roll_ups(), list[Turn]()
    before = sum(array.nbytes for array in ups.entities)
    callers = 0
    for number in range(START, START + 20):
        calls = np.zeros(10_000, CDR)
        calls["release_ms"] = number * 60_000 + np.arange(10_000) * 6
        calls["setup_ms"], calls["answer_ms"] = calls["release_ms"] - 1000, calls["release_ms"] - 800
        calls["line_key"] = calls["number_key"] = 10**11 + 15_000_000_000 + callers + np.arange(10_000)
        calls["callee_key"] = 10**11 + 13_900_310_000 + np.arange(10_000) % 10_000
        calls["trunk_in_key"], calls["call_hash"], calls["number_class"] = 91, callers + np.arange(10_000), MOBILE
        callers += 10_000
        batch = batch_of(calls)
        ups.begin(batch)
        scored = np.zeros(len(calls), SCORED)
        ups.take(batch, scored)
        ups.close(number * 60_000 - 60_000, turns.append)
    ups.close((START + 30) * 60_000, turns.append)
    opened = {int(row) for turn in turns for row in turn.changed}
    assert 1 <= len(opened) <= 2
    assert sum(array.nbytes for array in ups.entities) == before
    assert int(ups.entities.counts[0]["partials"]) <= 3
    held = sum(array.nbytes for minute in (*ups._open.values(), *ups._spare) for array in minute)
    assert held < 16_000_000


def test_entities_beyond_the_capacity_are_counted() -> None:
    ups = roll_ups(capacity=8)
    calls = calls_of([(i, i % 5, i % 7, i % 30, -1, 100 + i, 0) for i in range(50)])
    batch = batch_of(calls)
    ups.begin(batch)
    ups.take(batch, np.zeros(50, SCORED))
    ups.close((START + 5) * 60_000, lambda turn: None)
    assert int(ups.entities.counts[0]["partials"]) == 8
    assert int(ups.entities.counts[0]["refused"]) > 0
    assert len(ups.names) <= 50
    ups.close((START + 2000) * 60_000, lambda turn: None)
    later = calls_of([(0, 1, 2, 3, -1, 100, 0)])
    later["release_ms"] += 2 * 86_400_000
    ups.take(batch_of(later), np.zeros(1, SCORED))
    ups.close(int(later["release_ms"][0]) + 120_000, lambda turn: None)
    assert len(ups.names) <= 8


def test_quiet_entities_make_room_when_the_day_turns() -> None:
    ups = roll_ups(capacity=64)
    for day in (0, 1, 2):
        calls = calls_of([(i, i % 5, 0, i % 30, -1, 1000 * day + i + 1, 0) for i in range(30)])
        calls["callee_key"] = 5
        calls["release_ms"] += day * 86_400_000
        batch = batch_of(calls)
        ups.begin(batch)
        ups.take(batch, np.zeros(30, SCORED))
        ups.close(int(calls["release_ms"].max()) + 120_000, lambda turn: None)
    rows = ups.entities.rows[: int(ups.entities.counts[0]["partials"])]
    tenants = set(rows["id"][rows["kind"] == KINDS.index("tenant")].tolist())
    assert {2001 + i for i in range(30)} <= tenants
    assert not tenants & {1 + i for i in range(30)}
    assert int(ups.entities.counts[0]["refused"]) == 0
    for row in rows:
        assert ups.row_of(int(row["key"])) == int(np.flatnonzero(rows["key"] == row["key"])[0])


def test_a_customer_at_the_limits_of_its_evidence_stays_one_alert_while_it_dials() -> None:
    dialing = [
        call | {"a_number": f"0210000{line}", "line_id": f"line-{line}", "tenant": "T"}
        for line in range(8)
        for call in strangers("x", 400 + line, 25.0)
        if call["answer_ms"] is None  # so every share that speaks reaches its limit, and the score stands still
    ]
    alerts, _ = judge(dialing)
    told = [alert for alert in alerts if alert.entity_kind == "tenant"]
    last_ms = max(int(call["release_ms"]) for call in dialing)
    assert {alert.alert_id for alert in told} == {told[0].alert_id}
    assert last_ms - told[0].raised_at_ms > 2 * 3_600_000
    assert all(alert.state == "open" for alert in told)
    pace = next(reason for reason in told[-1].reasons if reason.family == "pace")
    assert pace.value < 60 < pace.usual  # seconds, as the pace of a line: the page writes both alike


def test_complaints_that_fade_do_not_end_what_goes_on() -> None:
    known, told = new_entities(4096), []
    for number in range(START, START + 60):
        rows = [(60 * (number - START) + i, i % 5, i % 5, 40 * (number - START) + i, -1, 77, 0) for i in range(40)]
        close(gathered(calls_of(rows), number, known), known, number, LAWS)
        tenant = known.rows[find(known.slots, known.rows, entity_key(KINDS.index("tenant"), np.uint64(77)))]
        if number == START + 30:
            fade(tenant, number)
            tenant["complainants"], tenant["heard"] = 12.0, 9000.0
        if number > START + 32:
            told.append(int(tenant["share"][TOLD]))
            assert int(tenant["against_ms"]) == (number + 1) * 60_000
    assert told[0] > told[-1] > 0


def test_members_are_forgotten_after_a_week() -> None:
    ups = roll_ups()
    for day in (0, 9):
        calls = calls_of([(i, 1, 2, 3 + day, -1, 77, 0) for i in range(3)])
        calls["release_ms"] += day * 86_400_000
        batch = batch_of(calls)
        ups.begin(batch)
        ups.take(batch, np.zeros(3, SCORED))
        ups.close(int(calls["release_ms"].max()) + 120_000, lambda turn: None)
    tenant = ups.entities.rows[ups.entities.rows["kind"] == KINDS.index("tenant")][0]
    assert int(tenant["members"][CALLEES].sum()) == 1


assert len(FAMILY_NAMES) == layout.FAMILIES


def test_when_members_fill_their_room_large_samples_are_halved_and_nobody_is_refused() -> None:
    ups = roll_ups(128)
    steady, old_friends = 7, [10**11 + 13_700_000_000 + i for i in range(6)]
    minutes: list[NDArray[np.void]] = []
    for number in range(START, START + 40):
        calls = np.zeros(206, CDR)
        calls["release_ms"] = number * 60_000 + np.arange(206)
        calls["setup_ms"], calls["answer_ms"] = calls["release_ms"] - 1000, -1
        calls["line_key"] = calls["number_key"] = 10**11 + 15_000_000_000 + np.arange(206) % 10
        calls["callee_key"] = 10**11 + 13_900_310_000 + number * 200 + np.arange(206)
        calls["callee_key"][:6] = old_friends
        calls["tenant_key"] = np.where(np.arange(206) < 6, steady, 20 + np.arange(206) % 10)
        calls["call_hash"], calls["number_class"] = number * 206 + np.arange(206), MOBILE
        batch = batch_of(calls)
        ups.begin(batch)
        ups.take(batch, np.zeros(len(calls), SCORED))
        ups.close((number + 1) * 60_000, lambda turn: minutes.append(turn.partials.copy()))
    counts = ups.entities.counts[0]
    assert (int(counts["refused"]), len(minutes)) == (0, 40)
    assert int(counts["pairs"]) < 7 * len(ups.entities.members) // 8
    rows = ups.entities.rows[: int(counts["partials"])]
    customers = [row for row in rows if row["kind"] == KINDS.index("tenant") and int(row["id"]) >= 20]
    assert len(customers) == 10
    for row in customers:
        kept = int(row["members"][CALLEES].sum())
        assert int(row["shift"][CALLEES]) >= 1
        assert kept << int(row["shift"][CALLEES]) == pytest.approx(40 * 20, rel=4 / kept**0.5)
    again = [part for minute in minutes[1:] for part in minute if int(part["id"]) == steady]
    assert len(again) == 39
    assert not any(int(part["new"]) for part in again)
