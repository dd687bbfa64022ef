"""Call bombing: the kernel against a plain loop, and the story."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alert.revision import Linked
from detector.cdr.batch import CDR
from detector.entities.kernels.bombing import BOMBED, KEPT, WINDOW_MS, new_targets, watch
from detector.features.kernels.layout import SCORED
from tests.calls import call, judge
from tests.entities.campaigns import others, people

rows = st.tuples(st.integers(1, 40), st.integers(50, 51), st.booleans(), st.integers(0, 90), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=120))
def test_bombed_callees_are_those_of_a_plain_loop(made: list[tuple[int, int, bool, int, bool]]) -> None:
    calls, scored = np.zeros(len(made), CDR), np.zeros(len(made), SCORED)
    at_ms = 0
    counted: dict[tuple[int, int], int] = {}
    kept: dict[int, list[tuple[int, int, bool]]] = {}
    bombed: dict[int, tuple[int, int, int]] = {}
    for i, (caller, callee, first, gap_s, talked) in enumerate(made):
        at_ms += gap_s * 1000
        calls[i]["line_key"], calls[i]["callee_key"], calls[i]["release_ms"] = caller, callee, at_ms
        calls[i]["answer_ms"] = at_ms - 20_000 if talked and at_ms >= 20_000 else -1
        scored[i]["first_time"] = first
        window = at_ms // WINDOW_MS
        counted[callee, window] = counted.get((callee, window), 0) + first
        if counted[callee, window] + counted.get((callee, window - 1), 0) < 4:
            continue
        ring = kept.setdefault(callee, []) if first else kept.get(callee, [])
        if not first and caller not in {one[0] for one in ring if at_ms - one[1] < WINDOW_MS}:
            continue
        ring.append((caller, at_ms, bool(calls[i]["answer_ms"] >= 0)))
        del ring[:-KEPT]
        recent = [one for one in ring if at_ms - one[1] < WINDOW_MS]
        callers, talked_to = {one[0] for one in recent}, {one[0] for one in recent if one[2]}
        many = len(callers) >= 10 or (len(callers) >= 5 and len(recent) >= 24)
        if many and len(talked_to) <= 0.3 * len(callers):
            bombed[i] = len(callers), len(talked_to), len(recent)
    out = np.zeros(len(made), BOMBED)
    n = watch(calls, scored, np.ones(len(made), np.bool_), new_targets(64), out)
    assert {int(b["call"]): (int(b["callers"]), int(b["talked"]), int(b["calls"])) for b in out[:n]} == bombed


def bombing(callers: int, talk_s: float | None, callee: str = "13900012345") -> list[dict[str, Any]]:
    """So many callers call one person within eight minutes."""
    return [call(f"1380055{i:04}", callee, 600 + 480 * i / callers, talk_s) for i in range(callers)]


def test_a_person_with_many_new_callers_is_bombed() -> None:
    alerts = [alert for alert in judge(bombing(25, None) + others(2.0))[0] if alert.kind == "call_bombing"]
    opened = alerts[0]
    assert (opened.entity_kind, opened.state, opened.revision) == ("callee", "open", 1)
    assert opened.entity.startswith("1390001****#")
    assert "12345" not in opened.entity
    assert opened.proposed_action is not None
    assert opened.proposed_action.verb == "observe"
    assert alerts[-1].state == "resolved"
    assert len({alert.alert_id for alert in alerts}) == 1
    assert alerts[-1].member_count == 13
    assert opened.updated_at_ms - opened.first_call_ms < 4 * 60_000


@pytest.mark.parametrize(
    "calls",
    [
        bombing(9, None),
        bombing(40, 45.0),  # who takes the calls wanted them
        bombing(40, None, "95588"),  # a hotline
        [call("13800550000", "13900012345", 600 + 12 * i, None) for i in range(40)],  # one caller
    ],
)
def test_what_is_no_bombing(calls: list[dict[str, Any]]) -> None:
    assert not [alert for alert in judge(calls + others(1.0))[0] if alert.kind == "call_bombing"]


def test_the_batch_size_cannot_be_seen() -> None:
    calls = bombing(25, None) + others(1.0)
    assert judge(calls, turn=7)[0] == judge(calls)[0]


def test_people_who_get_a_few_calls_need_no_row() -> None:
    _, shard = judge([call(f"1370000{i:04}", callee, 2.0 * i) for i, callee in enumerate(people(300))])
    assert not shard.bombings._targets.rows["callee"].any()


def test_few_callers_that_call_again_and_again() -> None:
    calls = [call(f"1380055{i % 9:04}", "13900012345", 600 + 6 * i, None) for i in range(90)]
    (alert,) = [one for one in judge(calls + others(1.0))[0] if one.kind == "call_bombing" and one.revision == 1]
    assert alert.entity_kind == "callee"
    assert not [one for one in judge(calls[:20] + others(1.0))[0] if one.kind == "call_bombing"]


def flooded(callees: int, trunk: str | None) -> list[dict[str, Any]]:
    """So many people, each called by 15 callers within eight minutes."""
    return [
        call(f"137{k:04}{i:04}", f"139{7 * k:04}{k:04}", 600 + 32 * i + k % 30, None, trunk_in=trunk)
        for k in range(callees)
        for i in range(15)
    ]


def test_many_bombed_from_one_trunk_are_told_once() -> None:
    alerts, shard = judge(flooded(30, "G") + others(1.0))
    told = {alert.alert_id: alert for alert in alerts if alert.kind == "call_bombing"}
    trunk = [alert for alert in alerts if alert.entity_kind == "trunk"]
    assert len(told) <= 1
    assert told or trunk
    assert shard.bombings.held_back == 30 - len(told)
    assert all(alert.linked == (Linked(entity_kind="trunk", entity="G"),) for alert in told.values())


def test_many_bombed_from_everywhere_are_told_each() -> None:
    alerts, shard = judge(flooded(5, None) + others(1.0))
    assert len({alert.alert_id for alert in alerts if alert.kind == "call_bombing"}) == 5
    assert shard.bombings.held_back == 0
