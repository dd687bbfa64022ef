"""Who would teach the detector to look away: by ramping up, by wrong verdicts, by bought call-backs."""

import random
from typing import Any

import pytest

from detector.feedback.effects import AUTHOR_LINES
from models.feedback import LEAST_WEIGHT, Feedback
from tests.calls import call, judge, strangers
from tests.feedback.stream import Topics, live, turns_of
from tests.feedback.test_verdicts import TALKS, opened, verdict, verdicts

DAY_S = 86_400.0


def ramp(line: str, days: int = 21, first: int = 4, last: int = 200, seed: int = 1) -> list[dict[str, Any]]:
    """A little more every day, human talk, from nine to five."""
    chance = random.Random(seed)
    calls = []
    for day in range(days):
        n = round(first * (last / first) ** (day / (days - 1)))
        for at_s in sorted(chance.uniform(0, 8 * 3600) for _ in range(n)):
            talk_s = chance.choice(TALKS) if chance.random() < 0.35 else None
            callee = f"138{chance.randrange(10**8):08}"
            calls.append(
                call(line, callee, day * DAY_S + at_s, talk_s, chance.uniform(8, 30), 19, release_party="caller")
            )
    return calls


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_three_weeks_of_ramping_teach_nothing(seed: int) -> None:
    alerts, _ = judge(ramp("13900000001", seed=seed))
    assert opened(alerts)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_verdict_on_the_way_up_does_not_cover_the_top(seed: int) -> None:
    calls = ramp("13900000001", seed=seed)
    on_the_way = sum(c["setup_ms"] < calls[0]["setup_ms"] + 10 * DAY_S * 1000 for c in calls)
    topics, again = Topics(), verdict("legitimate", author="bob", feedback_id="2")
    live(turns_of(calls, 1), topics, {on_the_way: [verdict("legitimate")], on_the_way + 9: [again]})
    change = next(change for change in verdicts(topics) if change.own is not None)
    assert opened(topics.alerts, change.apply_ms)


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_bought_call_backs_buy_time_only(share: float) -> None:
    """Every so many callees are paid to call back at once."""
    line, chance = "13900000001", random.Random(4)
    calls = strangers(line, 120, 60.0)
    for made in list(calls):
        if chance.random() < share:
            back_s = (made["release_ms"] - calls[0]["setup_ms"]) / 1000 + 20
            calls.append(call(made["b_number"], line, back_s, 15.0))
    assert opened([alert for alert in judge(calls)[0] if alert.line == line])


def test_twenty_wrong_verdicts_of_one_author_hide_a_few_lines_and_no_others() -> None:
    """Mallory calls 20 dialers legitimate half an hour after they began; 20 more begin two hours later."""
    first = [f"1390000{n:04}" for n in range(20)]
    later = [f"1390001{n:04}" for n in range(20)]
    calls = [made for i, line in enumerate(first) for made in strangers(line, 200 + i, 60.0, talks=(21.0,))]
    calls += [made for i, line in enumerate(later) for made in strangers(line, 60 + i, 60.0, 7_200.0, (21.0,))]
    said = [verdict("legitimate", line, "mallory", f"m{i}") for i, line in enumerate(first)]
    topics, silent = Topics(), Topics()
    live(turns_of(calls, 100), topics, {5: said})
    live(turns_of(calls, 100), silent, {})
    lives = [change for change in verdicts(topics) if change.own is not None]
    assert len(verdicts(topics)) == 20
    assert len(lives) <= AUTHOR_LINES
    assert {a.line for a in opened(topics.alerts)} >= set(later)
    assert {a.line for a in opened(silent.alerts)} == {*first, *later}
    hidden = set(first) - {a.line for a in opened(topics.alerts)}
    assert len(hidden) <= AUTHOR_LINES


def test_one_author_never_outweighs_the_others() -> None:
    model = Feedback(14.0)
    loud = {"novelty": 8.0, "pace": 8.0, "script": 14.0, "answer": 5.0}
    assert sum(model.teach("mobile", loud, False, "mallory") for _ in range(500)) == 10
    assert sum(model.teach("mobile", loud, True, "bob") for _ in range(500)) == 10
    assert sum(model.teach("mobile", loud, False, "mallory") for _ in range(500)) == 0
    assert all(model.teach("mobile", loud, True, f"author {i}") for i in range(20))
    assert model.teach("mobile", loud, False, "mallory")


def test_no_number_of_verdicts_silences_a_family() -> None:
    model = Feedback(14.0)
    for i in range(3_000):
        shares = dict.fromkeys(Feedback.columns, 8.0) | {"reciprocity": -10.0}
        model.teach("mobile", shares, False, f"author {i}")
    weights = model.weights("mobile")
    assert min(weights.values()) == LEAST_WEIGHT
    assert weights["reciprocity"] <= 1.25
    assert model.weights("fixed") == {}
