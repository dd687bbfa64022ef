"""Call bombing: the kernel against a plain loop, and the story."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    expected = []
    for i, (caller, callee, first, gap_s, talked) in enumerate(made):
        at_ms += gap_s * 1000
        calls[i]["line_key"], calls[i]["callee_key"], calls[i]["release_ms"] = caller, callee, at_ms
        calls[i]["answer_ms"] = at_ms - 20_000 if talked and at_ms >= 20_000 else -1
        scored[i]["first_time"] = first
        if not first:
            continue
        window = at_ms // WINDOW_MS
        counted[callee, window] = counted.get((callee, window), 0) + 1
        if counted[callee, window] + counted.get((callee, window - 1), 0) < 4:
            continue
        ring = kept.setdefault(callee, [])
        ring.append((caller, at_ms, bool(calls[i]["answer_ms"] >= 0)))
        del ring[:-KEPT]
        recent = [one for one in ring if at_ms - one[1] < WINDOW_MS]
        if len({one[0] for one in recent}) >= 10:
            expected.append((i, len({one[0] for one in recent}), recent))
    out = np.zeros(len(made), BOMBED)
    n = watch(calls, scored, np.ones(len(made), np.bool_), new_targets(64), out)
    for bombed in out[:n]:
        i, callers, recent = next(one for one in expected if one[0] == int(bombed["call"]))
        assert int(bombed["callers"]) == callers
        assert int(bombed["talked"]) <= 0.3 * callers
        assert int(bombed["talked"]) <= sum(talked for _, _, talked in recent)
    told = {int(bombed["call"]) for bombed in out[:n]}
    assert all(i in told for i, _, recent in expected if not any(talked for _, _, talked in recent))


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
