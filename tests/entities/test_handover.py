"""From a probe to a person: the kernel against its twin, and the story."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alert.revision import Linked
from detector.alert.stories import stories
from detector.cdr.batch import CDR
from detector.entities.handover import nats_for_following, wilson
from detector.entities.kernels.chain import LONG, MATCH, MATCHED, WITHIN_MS, follow, new_chains
from detector.features.kernels.layout import SCORED
from tests.calls import call, judge, small_config
from tests.entities.campaigns import campaign, people

rows = st.tuples(
    st.integers(0, 5),  # caller
    st.integers(10, 14),  # callee
    st.sampled_from([-1, 8, 15, 45, 130, 400]),  # talk, s
    st.booleans(),  # suspicious
    st.booleans(),  # its first call to this callee
    st.integers(1, 30_000),  # seconds since the call before
)


@settings(max_examples=80, deadline=None)
@given(st.lists(rows, max_size=60))
def test_matches_are_those_of_a_plain_loop(made: list[tuple[int, int, int, bool, bool, int]]) -> None:
    calls, scored = np.zeros(len(made), CDR), np.zeros(len(made), SCORED)
    suspicious = np.array([row[3] for row in made], np.bool_)
    at_s = 0
    probes: dict[int, dict[str, int]] = {}
    accounts: dict[int, list[int]] = {}
    expected: list[tuple[int, int, bool]] = []
    everybody = [0, 0]
    newest_s = 0
    for i, (caller, callee, talk_s, is_probe, first, gap_s) in enumerate(made):
        at_s += gap_s
        setup_ms, answer_ms = at_s * 1000, at_s * 1000 + 5000
        calls[i]["setup_ms"], calls[i]["answer_ms"] = setup_ms, answer_ms if talk_s >= 0 else -1
        calls[i]["release_ms"] = answer_ms + max(talk_s, 0) * 1000
        calls[i]["line_key"] = calls[i]["number_key"] = caller + 1
        calls[i]["callee_key"], calls[i]["call_hash"] = callee, i + 1
        scored[i]["first_time"] = first
        probe = probes.get(callee)
        wait_ms = setup_ms - probe["at_ms"] if probe else -1
        matched = probe is not None and 0 <= wait_ms <= WITHIN_MS and probe["caller"] != caller
        bar_s = probe["talk_s"] if probe and matched else newest_s
        needed = min(120, 5 * bar_s) if bar_s and not is_probe else 120
        if talk_s >= needed or (matched and not is_probe):
            counted = first and talk_s >= needed
            if counted and caller not in accounts and not is_probe:
                everybody[0] += 1
                everybody[1] += matched
            if counted and matched and caller not in accounts:
                accounts[caller] = [-1, -1]
            if counted and caller in accounts:
                accounts[caller][0] += 1
                accounts[caller][1] += matched
            if matched and caller in accounts:
                expected.append((i, probe["at_ms"] if probe else 0, counted))
        if is_probe and 3 <= talk_s <= 120:
            probes[callee] = {"at_ms": int(calls[i]["release_ms"]), "caller": caller, "talk_s": talk_s}
            newest_s = talk_s
    chains, out = new_chains(256, 256), np.zeros(len(made), MATCH)
    n = follow(calls, scored, np.full(len(made), -1, np.int32), suspicious, chains, out)
    assert [(int(m["call"]), int(m["probe"]["at_ms"]), bool(m["counted"])) for m in out[:n]] == expected
    assert chains.counts[LONG] == everybody[0]
    assert chains.counts[MATCHED] == everybody[1]
    found = {int(f["number"]) - 1: [int(f["calls"]), int(f["matched"])] for f in chains.followers if f["number"]}
    assert found == accounts


def test_evidence_and_its_interval() -> None:
    assert nats_for_following(8, 8, 0.015) > 14
    assert nats_for_following(4, 8, 0.3) < 1
    low, high = wilson(8, 10)
    assert low == pytest.approx(0.490, abs=0.001)
    assert high == pytest.approx(0.943, abs=0.001)
    assert wilson(0, 0) == (0.0, 1.0)


def handed_over(followers: int = 2, each: int = 12) -> list[dict[str, Any]]:
    """A campaign, and people with mobiles who call those who answered, half an hour later, at length."""
    called = people(300)
    calls = campaign("probing", called, 0)
    bitten = [callee for i, callee in enumerate(called) if i % 5 in (0, 2) and i > 100]
    for follower in range(followers):
        for i, callee in enumerate(bitten[follower::followers][:each]):
            calls.append(call(f"1590000000{follower}", callee, 3000 + 700 * i + follower, 260.0 + 7 * i))
    for i in range(200):  # people who call people
        calls.append(call(f"1370000{i % 40:04}", people(400, 7)[i], 60.0 * i, 150.0 + i))
    return calls


def test_whoever_follows_probes_is_a_suspect_with_its_pairs() -> None:
    alerts, shard = judge(handed_over())
    told = {alert.entity: alert for alert in alerts if alert.kind == "handover"}
    assert set(told) == {"15900000000", "15900000001"}
    alert = told["15900000000"]
    assert (alert.entity_kind, alert.number, alert.state) == ("number", "15900000000", "open")
    assert "lift" in alert.reasons[0].text
    assert alert.members[0].startswith("probing-")
    assert Linked(entity_kind="tenant", entity="probing") in alert.linked
    assert [story.state for story in stories(alerts) if "handover" in story.kinds] == ["open"]
    pairs = [pair for follower in shard.handovers.suspects() for pair in follower.pairs.values()]
    assert len(pairs) == 24
    assert all(pair.probe_line.startswith("probing-") and pair.follow_ms > pair.probe_ms for pair in pairs)


def test_a_call_centre_that_calls_its_own_leads_is_no_handover() -> None:
    called = people(300)
    calls = campaign("probing", called, 0)
    for i, callee in enumerate(called[40::5][:20]):
        calls.append(call("05120001", callee, 3000 + 300 * i, 260.0, tenant="probing", line_id="desk-1"))
    assert not [alert for alert in judge(calls)[0] if alert.kind == "handover"]


def test_the_alert_ends_after_a_quiet_day() -> None:
    calls = handed_over()
    calls += [call("13700009999", people(40, 9)[i], 9_000 + 3600.0 * i, 30.0) for i in range(30)]
    ends = [alert for alert in judge(calls)[0] if alert.kind == "handover" and alert.state == "resolved"]
    assert {alert.entity for alert in ends} == {"15900000000", "15900000001"}


@pytest.mark.parametrize("turn", [1, 53])
def test_the_batch_size_cannot_be_seen(turn: int) -> None:
    assert judge(handed_over(), turn=turn)[0] == judge(handed_over())[0]


def test_probes_without_room_are_counted() -> None:
    _, shard = judge(handed_over(), small_config(state__probes=8))
    assert shard.handovers.lost > 0
