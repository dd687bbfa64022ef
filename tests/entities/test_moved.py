"""Contact lists against their twin, and the stories they tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alert.revision import Alert, Linked
from detector.alert.stories import stories
from detector.entities.kernels.gather import level_of
from detector.entities.kernels.layout import CALLEES, TENANT
from detector.entities.kernels.lists import FLOOR, HELD, enter, keep, new_lists, on_list, overlap
from detector.entities.moved import nats_for_list
from detector.entities.roll_ups import new_entities
from tests.calls import judge, small_config
from tests.entities.campaigns import campaign, others, people

entries = st.tuples(st.integers(0, 3), st.integers(1, 60), st.integers(0, 9))


@settings(max_examples=60, deadline=None)
@given(st.lists(entries, max_size=60), st.sets(st.integers(1, 60)), st.integers(0, 2), st.integers(0, 9))
def test_overlap_is_that_of_plain_sets(
    listed: list[tuple[int, int, int]], callees: set[int], shift: int, begin: int
) -> None:
    lists, known = new_lists(128, 4), new_entities(8)
    lists.owners["key"] = np.arange(1, 5)
    lists.owners["shift"][2] = shift
    first: dict[tuple[int, int], int] = {}
    for owner, callee, minute in listed:
        enter(lists, np.uint64(callee), owner, level_of(np.uint64(callee)), minute)
        first.setdefault((owner, callee), minute)
    known.counts["partials"] = 1
    known.rows[0]["key"], known.rows[0]["kind"], known.rows[0]["begin_minute"] = 9, TENANT, begin
    for i, callee in enumerate(sorted(callees)):
        known.members[i] = (i + 1, callee, 0, 0, CALLEES, level_of(np.uint64(callee)), False)
    sampled, shared = np.zeros((1, 24), np.int64), np.zeros((1, 4), np.int64)
    overlap(lists, known, np.array([0] + [-1] * 7, np.int32), sampled, shared)
    for owner in range(4):
        bound = shift if owner == 2 else 0
        at_bound = {callee for callee in callees if level_of(np.uint64(callee)) >= bound}
        early = {callee for callee in at_bound if first.get((owner, callee), begin) < begin}
        assert shared[0, owner] == len(early)
        on = {callee for o, callee in first if o == owner and callee in at_bound}
        assert on_list(lists, np.array(sorted(callees), np.uint64), owner, bound) == (len(on), len(at_bound))
    assert sampled.sum() == len(callees)


def test_lists_forget_owners_that_left_and_members_below_the_bound() -> None:
    lists = new_lists(64, 2)
    lists.owners["key"] = [5, 0]
    for callee in range(1, 31):
        enter(lists, np.uint64(callee), callee % 2, level_of(np.uint64(callee)), 0)
    lists.counts[FLOOR] = 1
    fresh = np.zeros_like(lists.listed)
    keep(lists, fresh)
    kept = {int(callee) for callee in fresh["callee"] if callee}
    assert kept == {callee for callee in range(1, 31) if callee % 2 == 0 and level_of(np.uint64(callee)) >= 1}
    assert lists.counts[HELD] == len(kept)


def test_evidence_needs_most_of_a_list_and_more_than_chance() -> None:
    assert nats_for_list(12, 12, 0.001) > 14
    assert nats_for_list(50, 100, 0.05) < 3  # two customers of one small town
    assert nats_for_list(100, 100, 0.5) < 4  # everybody calls them
    assert nats_for_list(3, 100, 0.001) < 0


def moves(alerts: list[Alert]) -> dict[str, Alert]:
    """The first revision of each entity that says it moved."""
    found: dict[str, Alert] = {}
    for alert in alerts:
        if any(reason.family == "moved" for reason in alert.reasons):
            found.setdefault(alert.entity, alert)
    return found


def test_an_old_list_under_a_new_name_is_linked_to_the_alert_of_before() -> None:
    old = people(400)
    calls = campaign("before", old, 0) + campaign("after", old, 7200) + campaign("other", people(400, 2), 14_400)
    calls += others(5.0)
    alerts, shard = judge(calls)
    first = next(alert for alert in alerts if alert.entity == "before")
    link = moves(alerts)["after"]
    assert link.kind == "moved_operation"
    assert link.calls <= 200
    text = next(reason.text for reason in link.reasons if reason.family == "moved")
    assert first.alert_id in text
    assert link.linked[0] == Linked(entity_kind="tenant", entity="before")
    assert len([story for story in stories(alerts) if {"before", "after"} & {story.entity}]) == 1
    assert "list of tenant before, silent for" in text
    assert set(moves(alerts)) <= {"after"} | {alert.entity for alert in alerts if alert.tenant == "after"}
    assert shard.entity_episodes.repeats.count["tenant", "before"] == 1


def test_a_customer_that_begins_again_is_a_repeat_and_no_move() -> None:
    old = people(300)
    alerts, shard = judge(campaign("same", old, 0) + campaign("same", people(300, 5), 14_400) + others(4.5))
    assert not moves(alerts)
    again = [alert for alert in alerts if alert.entity == "same" and alert.revision == 1]
    assert len(again) == 2
    assert [reason.text for reason in again[1].reasons if reason.family == "repeat"] == [
        "the alert before ended 3 h ago; began again 1 times after an alert"
    ]
    assert shard.entity_episodes.repeats.total("tenant") == 1


@pytest.mark.parametrize("turn", [1, 37])
def test_the_batch_size_cannot_be_seen(turn: int) -> None:
    old = people(200)
    calls = campaign("before", old, 0) + campaign("after", old, 5400)
    assert judge(calls, turn=turn)[0] == judge(calls)[0]


def test_lists_without_room_are_counted() -> None:
    calls = [one for i in range(6) for one in campaign(f"tenant-{i}", people(200, i), 900 * i)]
    _, shard = judge(calls, small_config(state__list_entries=64))
    assert shard.roll_ups.moved.refused > 0
