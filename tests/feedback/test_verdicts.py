"""What a verdict changes: this line's own ordinary life, and a little of what its class is judged by."""

import json
import random
from typing import Any

import msgspec
import pytest

from detector.alert.revision import Alert
from detector.feedback.applied import AppliedVerdict, decode
from detector.landed.feedback import Judgement, Verdict
from tests.calls import START_MS, call, strangers
from tests.feedback.stream import Topics, live, obeyed, turns_of

LINE, OTHER = "13900000001", "13900000002"
_CHANCE = random.Random(5)
TALKS = tuple(round(_CHANCE.lognormvariate(3.4, 0.9), 1) for _ in range(37))
BEFORE, AFTER = 60, 150
GAP_S = 300.0


def verdict(
    judgement: Judgement, line: str = LINE, author: str = "ann", feedback_id: str = "1", **fields: Any
) -> bytes:
    said = Verdict(
        feedback_id=feedback_id,
        at_ms=START_MS,
        author=author,
        alert_id="a",
        entity_kind="line",
        entity=line,
        verdict=judgement,
        reason="",
        **fields,
    )
    return msgspec.json.encode(said)


def habit(
    n: int, gap_s: float = GAP_S, begin_s: float = 0.0, line: str = LINE, talks: tuple[float, ...] = TALKS
) -> Any:
    return strangers(line, n, gap_s, begin_s, talks)


def end_s(calls: list[dict[str, Any]]) -> float:
    return float(calls[-1]["setup_ms"] - START_MS) / 1000 + GAP_S


def verdicts(topics: Topics) -> list[AppliedVerdict]:
    found = [decode(value) for value in topics.applied]
    return [change for change in found if isinstance(change, AppliedVerdict)]


def granted(topics: Topics) -> AppliedVerdict:
    """The one verdict that gave a line a life of its own."""
    (change,) = [change for change in verdicts(topics) if change.own is not None]
    return change


def opened(alerts: list[Alert], since_ms: int = 0) -> list[Alert]:
    return [alert for alert in alerts if alert.revision == 1 and alert.raised_at_ms >= since_ms]


BEGUN = habit(BEFORE)
SAID = {
    BEFORE // 4 - 3: [verdict("legitimate")],
    BEFORE // 4 - 1: [verdict("legitimate", author="bob", feedback_id="2")],  # the alert is critical: one is not enough
}


def judged(then: list[dict[str, Any]], said: dict[int, list[bytes]] = SAID) -> tuple[Topics, list[dict[str, Any]]]:
    topics, calls = Topics(), BEGUN + then
    live(turns_of(calls, 4), topics, {turn: list(values) for turn, values in said.items()})
    return topics, calls


def test_a_line_that_goes_on_as_it_was_called_legitimate_is_left_alone() -> None:
    then = habit(AFTER, begin_s=end_s(BEGUN))
    silent, _ = judged(then, {})
    told, _ = judged(then)
    assert opened(silent.alerts)
    change = granted(told)
    assert [one.why is None for one in verdicts(told)] == [False, True]
    assert opened(told.alerts) == opened(silent.alerts)[:1]
    last = [alert for alert in told.alerts if alert.alert_id == opened(told.alerts)[0].alert_id][-1]
    assert (last.state, last.resolved_at_ms) == ("resolved", change.apply_ms)
    assert not opened(told.alerts, change.apply_ms)


CHANGES: dict[str, dict[str, Any]] = {
    "four times as fast": {"gap_s": GAP_S / 4},
    "twice as fast": {"gap_s": GAP_S / 2, "n": 600},
    "a played script": {"talks": (21.0,), "n": 300},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_line_that_leaves_its_own_life_alerts_again(name: str) -> None:
    arguments: dict[str, Any] = {"n": AFTER, "begin_s": end_s(BEGUN)} | CHANGES[name]
    topics, _ = judged(habit(**arguments))
    change = granted(topics)
    assert len(opened(topics.alerts, change.apply_ms)) >= 1


def test_a_line_whose_own_life_is_a_script_alerts_when_it_plays_another() -> None:
    before = habit(BEFORE, talks=(62.0,))
    calls = before + habit(AFTER, begin_s=end_s(before), talks=(21.0,))
    topics = Topics()
    live(turns_of(calls, 4), topics, {turn: list(values) for turn, values in SAID.items()})
    assert opened(topics.alerts, granted(topics).apply_ms)


def test_nobody_elses_weights_move_by_a_life_of_its_own_and_dialer_ends_it() -> None:
    then = habit(AFTER, begin_s=end_s(BEGUN))
    other = habit(80, gap_s=60.0, line=OTHER, talks=(21.0,))
    silent = Topics()
    live(turns_of(BEGUN + other + then, 4), silent, {})
    topics = Topics()
    none = {"pace": 0.0}  # so that nothing is learned
    said = {
        18: [verdict("legitimate", shares=none)],
        22: [verdict("legitimate", author="bob", feedback_id="2", shares=none)],
        45: [verdict("dialer", author="bob", feedback_id="3", shares=none)],
    }
    live(turns_of(BEGUN + other + then, 4), topics, said)
    assert [a.score for a in topics.alerts if a.line == OTHER] == [a.score for a in silent.alerts if a.line == OTHER]
    assert any(change.own for change in verdicts(topics))
    ended_ms = verdicts(topics)[2].apply_ms
    assert opened([a for a in topics.alerts if a.line == LINE], ended_ms)


@pytest.mark.parametrize("batch_calls", [1, 9, 65_536])
def test_a_replay_obeys_it(batch_calls: int) -> None:
    topics, calls = judged(habit(AFTER, GAP_S / 4, begin_s=end_s(BEGUN)))
    assert obeyed(turns_of(calls, 50), verdicts(topics), batch_calls=batch_calls)[0] == topics.alerts


def test_it_survives_a_restart_that_reads_back_less_than_the_verdict() -> None:
    """The calls before the verdict are gone: the record alone says what is ordinary for the line."""
    then = habit(AFTER, begin_s=end_s(BEGUN))
    topics, _ = judged(then)
    alerts, shard = obeyed(turns_of(then, 4), verdicts(topics))
    assert opened(obeyed(turns_of(then, 4), [])[0])
    assert not opened(alerts)
    assert (shard.tables.rows["own"] > 0).sum() == 1


def test_verdicts_on_what_is_unknown_or_no_line_change_nothing() -> None:
    said = {
        5: [
            verdict("legitimate", "13999999999", feedback_id="1"),
            verdict("unsure", feedback_id="2"),
            json.dumps(json.loads(verdict("legitimate", feedback_id="3")) | {"entity_kind": "tenant"}).encode(),
        ]
    }
    then = habit(AFTER, begin_s=end_s(BEGUN))
    told, _ = judged(then, said)
    silent, _ = judged(then, {})
    assert [change.own for change in verdicts(told)] == [None, None, None]
    assert told.alerts == silent.alerts


def test_a_new_version_judges_after_a_verdict_that_taught() -> None:
    then = call(OTHER, "13800138000", end_s(BEGUN), 5.0)
    more = habit(60, gap_s=60.0, begin_s=end_s(BEGUN), line=OTHER, talks=(21.0,))
    shares = {"novelty": 6.0, "pace": 6.0, "answer": -2.0, "nonsense": 3.0}
    topics, _ = judged([then, *more], {10: [verdict("legitimate", shares=shares)]})
    models = {alert.line: alert.versions.model for alert in opened(topics.alerts)}
    assert models[OTHER].startswith(f"{models[LINE].split('+')[0]}+")
    assert verdicts(topics)[0].shares == {"novelty": 6.0, "pace": 6.0, "answer": -2.0}
