"""An alert is an episode: when it opens, what its revisions say, how it ends."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alert.revision import Alert
from detector.cdr.batch import CDR, CdrBatch
from detector.decode.rejects import Reject
from detector.features.catalog import FAMILIES
from detector.features.kernels.layout import MILLI
from detector.shard import Findings
from tests.calls import START_MS, call, judge, small_config, strangers
from tests.reference import TwinEpisode

DIALER = "13900000001"


def newest(alerts: list[Alert]) -> Alert:
    return alerts[-1]


def test_a_dialer_opens_one_episode_that_grows_by_doubling() -> None:
    alerts, _ = judge(strangers(DIALER, 120, 30.0))
    assert {alert.alert_id for alert in alerts} == {alerts[0].alert_id}
    assert [alert.revision for alert in alerts] == list(range(1, len(alerts) + 1))
    assert alerts[0].calls <= 12
    assert alerts[0].state == "open"
    assert alerts[0].raised_at_ms == alerts[0].updated_at_ms == alerts[0].last_call_ms
    assert alerts[0].first_call_ms == START_MS
    assert newest(alerts).calls > 60
    assert len(alerts) < 15
    for before, after in pairwise(alerts):
        told = (after.severity, after.kind, {r.family for r in after.reasons if r.share >= 2})
        was = (before.severity, before.kind, {r.family for r in before.reasons if r.share >= 2})
        assert told != was or after.calls >= 2 * before.calls


def test_fields_a_consumer_may_rely_on() -> None:
    calls = [
        record | {"tenant": "T", "resellers": ["R1", "R2"], "trunk_in": "GW"} for record in strangers(DIALER, 40, 20.0)
    ]
    alert = newest(judge(calls)[0])
    assert (alert.entity_kind, alert.entity, alert.line, alert.number) == ("line", DIALER, DIALER, DIALER)
    assert (alert.tenant, alert.resellers, alert.trunk) == ("T", ("R1", "R2"), "GW")
    assert alert.authenticated is False
    assert alert.score >= alert.threshold
    assert alert.score == pytest.approx(sum(reason.share for reason in alert.reasons), abs=0.6)
    assert alert.distinct_callees == alert.calls
    assert alert.position.startswith("memory[0]@")
    assert len(alert.evidence) == min(alert.calls, 32)
    assert all("****#" in kept.callee for kept in alert.evidence)
    assert alert.proposed_action is not None
    assert alert.proposed_action.verb == "re-verify"  # a number that is only asserted is never suspended
    assert "callback" in alert.counterfactual or "calling back" in alert.counterfactual


def test_an_authenticated_line_may_be_suspended_its_number_is_shown_beside() -> None:
    calls = [
        record | {"line_id": "sip:4001@gw1", "presented": "95275012"} for record in strangers("95275000", 60, 20.0)
    ]
    alert = newest(judge(calls)[0])
    assert (alert.entity, alert.number, alert.authenticated) == ("sip:4001@gw1", "95275012", True)
    assert alert.proposed_action is not None
    assert (alert.proposed_action.verb, alert.proposed_action.target) == ("suspend", "sip:4001@gw1")


def test_a_machine_that_calls_few_new_people_is_information_until_it_dials_many() -> None:
    """A probe of the network: every half hour, a known number and a new one in turn, 18 s of ringing to the second."""

    def probe(i: int, at_s: float, new: bool) -> dict[str, Any]:
        callee = f"138{i * 7_654_321 % 10**8:08}" if new else "13712345678"
        return call(DIALER, callee, at_s, None, 18.0, 19, release_party="caller")

    probing = [probe(i, i * 1800.0, i % 2 == 0) for i in range(13)]
    alerts, _ = judge(probing)
    assert {(alert.kind, alert.severity, alert.proposed_action) for alert in alerts} == {
        ("unusual_shape", "info", None)
    }
    assert alerts[0].score >= alerts[0].threshold
    dialing = [probe(100 + i, 12 * 1800.0 + 60 + i * 20.0, new=True) for i in range(60)]
    more, _ = judge(probing + dialing)
    end = newest(more)
    assert (end.alert_id, end.kind) == (alerts[0].alert_id, "mass_dialing")
    assert end.severity == "critical"
    assert end.proposed_action is not None


def test_it_resolves_when_the_watermark_passes_quiet_after_the_last_call_that_spoke_against_it() -> None:
    dialed = strangers(DIALER, 40, 20.0)
    later = [call("13700000009", "13700000008", 40 * 20.0 + minutes * 60, 5.0) for minutes in (10, 20, 30, 31, 32, 40)]
    alerts, shard = judge(dialed + later)
    end = newest(alerts)
    assert end.state == "resolved"
    assert end.resolved_at_ms == max(record["release_ms"] for record in dialed) + 30 * 60_000
    assert end.proposed_action is None
    assert [alert.state for alert in alerts[:-1]] == ["open"] * (len(alerts) - 1)
    assert len(shard.episodes) == 0


def test_after_the_end_new_dialing_is_a_new_episode() -> None:
    again = strangers(DIALER, 40, 20.0, begin_s=3 * 3600.0)
    for record in again:
        record["b_number"] = "139" + record["b_number"][3:]
    alerts, _ = judge([*strangers(DIALER, 40, 20.0), *again])
    assert len({alert.alert_id for alert in alerts}) == 2
    assert alerts[-1].first_call_ms >= START_MS + 3 * 3600_000


def test_people_who_are_called_back_are_left_alone() -> None:
    calls = strangers(DIALER, 25, 60.0, talks=(12.0, 35.0, 23.0, 8.0, 51.0))
    backs = [call(record["b_number"], DIALER, i * 60.0 + 45, 30.0) for i, record in enumerate(calls) if i % 2 == 0]
    alerts, _ = judge(calls + backs)
    assert not [alert for alert in alerts if alert.entity == DIALER]
    assert [alert for alert in judge(calls)[0] if alert.entity == DIALER]


def test_a_feed_without_unanswered_calls_mutes_the_answer_family_and_says_so() -> None:
    calls = [call(DIALER, f"138{i:08}", i * 20.0, 21.0) for i in range(60)]
    alert = newest(judge(calls, small_config(feed__unanswered_calls=False))[0])
    assert alert.muted == ("answer",)
    assert "answer" not in {reason.family for reason in alert.reasons}


class Shares:
    """A watcher that keeps score and shares of every call of a suspect, in 1/1024 nat."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, dict[str, int]]] = []

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        names = [family.name for family in FAMILIES]
        for scored in findings.scored[findings.scored["tier"] > 0]:
            self.calls.append((int(scored["score"]), dict(zip(names, scored["share"].tolist(), strict=True))))

    def turn(self, rejects: Sequence[Reject]) -> None:
        pass


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 120), st.sampled_from([None, None, 5, 21, 21, 60])),
        min_size=20,
        max_size=120,
    )
)
def test_a_revision_is_written_when_the_slow_twin_says_so(drawn: list[tuple[int, int, int | None]]) -> None:
    calls, now_s = [], 0.0
    for callee, gap_s, talk_s in drawn:
        now_s += gap_s
        calls.append(call(DIALER, f"138{callee * 7919:08}", now_s, talk_s))
    shares = Shares()
    alerts, shard = judge(calls, small_config(alerting__false_alerts_per_day=5000.0), watchers=(shares,))
    threshold = round(shard.threshold * MILLI)
    twin = TwinEpisode(threshold, threshold + 7 * MILLI, {family.name: family.group for family in FAMILIES})
    told, n = [], 0
    for score, parts in shares.calls:
        n += 1
        if twin.severity is None and alerts:
            n = alerts[0].calls
        if twin.told(score, parts, n):
            told.append((twin.severity, n, round(score / MILLI, 2)))
    assert [(alert.severity, alert.calls, alert.score) for alert in alerts] == told


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 60), st.integers(0, 120), st.sampled_from([None, 5, 21, 22, 60])),
        min_size=30,
        max_size=150,
    ),
    st.integers(1, 40),
)
def test_the_batch_size_is_invisible(drawn: list[Any], turn: int) -> None:
    calls, now_s = [], 0.0
    for line, callee, gap_s, talk_s in drawn:
        now_s += gap_s
        calls.append(call(f"1390000000{line}", f"138000000{callee:02}", now_s, talk_s))
    config = small_config(alerting__false_alerts_per_day=5000.0, alerting__quiet_min=5)
    whole, _ = judge(calls, config)
    cut, _ = judge(calls, config, turn=turn)
    assert whole == cut


def test_the_state_row_is_what_the_design_says() -> None:
    from detector.features.kernels.layout import KEPT, ROW

    assert (ROW.itemsize, KEPT.itemsize) == (128, 32)
    assert CDR.itemsize <= 160
