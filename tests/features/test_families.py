"""Stories: a list of calls in, the reasons out. Every family speaks where its story is told, not in its plain twin."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from detector.features.catalog import FAMILIES
from detector.features.kernels.layout import MILLI
from tests.calls import call, judge, small_config, strangers

LINE = "13900000001"
TRAITS = ("ring", "pacing", "short", "targeting", "hours", "concurrency")
Calls = list[dict[str, Any]]


def shares(calls: Calls) -> dict[str, float]:
    """Nats of every family after the last call of the line."""
    evidence = judge(calls, small_config(alerting__false_alerts_per_day=1000.0))[1].tables.evidence
    rows = evidence[evidence["row"] >= 0]
    busiest = rows[rows["calls"].argmax()] if len(rows) else None
    return {f.name: int(busiest["share"][k]) / MILLI if busiest is not None else 0.0 for k, f in enumerate(FAMILIES)}


def dialed(n: int, gap_s: float = 40.0, seed: int = 1, **changes: Any) -> Calls:
    """A line that calls n strangers in the morning: people's ringing and talk, every third answered, gaps at random.

    changes  ring_s, talk_s, callee, gap: what one call has in place of that, by its index
    """
    chance = random.Random(seed)
    calls, at_s = [], 0.0
    for i in range(n):
        ring_s, talk_s = chance.lognormvariate(2.9, 0.4), chance.lognormvariate(3.6, 1.2)
        stranger, gap = f"138{chance.randrange(10**8):08}", chance.expovariate(1 / gap_s)

        def told(name: str, usual: Any, i: int = i) -> Any:
            return changes[name](i) if name in changes else usual

        talk = told("talk_s", talk_s if i % 3 == 2 else None)
        ring = told("ring_s", ring_s)
        record = call(LINE, told("callee", stranger), at_s, talk, ring, told("cause", 16), release_party="caller")
        calls.append(record)
        at_s += max(told("gap", gap), 1.0) + (ring + (talk or 0.0) if "gap" not in changes else 0.0)
    return calls


def with_call_backs(calls: Calls, every: int) -> Calls:
    """Every so manieth callee calls back a while later."""
    last_s = (calls[-1]["setup_ms"] - calls[0]["setup_ms"]) / 1000
    backs = [call(calls[i]["b_number"], LINE, last_s + 60 + i, 20.0) for i in range(0, len(calls), every)]
    after = [call(LINE, calls[0]["b_number"], last_s + 600, 20.0)]
    return [*calls, *backs, *after]


def to_friends(n: int) -> Calls:
    """The same few people, again and again."""
    return dialed(n, callee=lambda i: f"1381234567{i % 3}")


def later(calls: Calls, hours: int) -> Calls:
    """The same calls so many hours after ten in the morning."""
    clock = ("setup_ms", "ring_ms", "answer_ms", "release_ms")
    return [c | {name: c[name] + hours * 3_600_000 for name in clock if c[name] is not None} for c in calls]


STORIES: dict[str, tuple[Callable[[], Calls], Callable[[], Calls], float]] = {
    # family: what it is about, the same without it, nats that lie between
    "novelty": (lambda: dialed(30), lambda: to_friends(30), 1.0),
    "pace": (lambda: dialed(30, gap_s=10.0), lambda: dialed(12, gap_s=7200.0), 2.0),
    "script": (
        lambda: dialed(40, talk_s=lambda i: 22.0 if i % 3 == 2 else None),
        lambda: dialed(40),
        2.0,
    ),
    "answer": (
        lambda: dialed(30, talk_s=lambda i: None),
        lambda: dialed(30, talk_s=lambda i: 20.0 + 7 * i % 90),
        2.0,
    ),
    "reciprocity": (lambda: dialed(24), lambda: with_call_backs(dialed(24), 12), 2.0),
    "ring": (lambda: dialed(30, ring_s=lambda i: 18.0), lambda: dialed(30), 2.0),
    "pacing": (lambda: dialed(60, gap=lambda i: 60.0), lambda: dialed(60, gap_s=60.0), 1.0),
    "short": (
        lambda: dialed(30, ring_s=lambda i: 2.5, talk_s=lambda i: None),
        lambda: dialed(30, talk_s=lambda i: None),
        2.0,
    ),
    "targeting": (lambda: dialed(30, callee=lambda i: f"138000{5 * i:05}"), lambda: dialed(30), 2.0),
    "hours": (lambda: later(dialed(60), 16), lambda: later(dialed(60), 8), 2.0),
    "concurrency": (
        lambda: dialed(30, gap=lambda i: 5.0, talk_s=lambda i: 60.0 if i % 3 == 2 else None),
        lambda: dialed(30),
        2.0,
    ),
}


def test_every_family_has_its_story() -> None:
    assert list(STORIES) == [family.name for family in FAMILIES]


@pytest.mark.parametrize("family", STORIES)
def test_a_family_speaks_where_its_story_is_told(family: str) -> None:
    story, plain, nats = STORIES[family]
    assert shares(story())[family] - shares(plain())[family] >= nats


def test_invalid_numbers_speak_in_answer() -> None:
    never_dialed = shares(
        dialed(30, talk_s=lambda i: None, ring_s=lambda i: 0.0, cause=lambda i: 1 if i % 4 == 0 else 16)
    )
    assert never_dialed["answer"] >= 2.0


def test_a_trait_that_is_not_there_is_no_alibi() -> None:
    told = shares(strangers(LINE, 40, 30.0))
    assert {trait: told[trait] for trait in TRAITS if told[trait] < -1.5} == {}


def test_what_alerts_tells_these_reasons() -> None:
    calls = dialed(60, talk_s=lambda i: 22.0 if i % 3 == 2 else None, ring_s=lambda i: 18.0)
    told = {reason.family: reason.text for reason in judge(calls)[0][-1].reasons if reason.share > 2}
    assert {"novelty", "pace", "script", "ring"} <= told.keys()
    assert "lasted 22 s" in told["script"]
    assert "after 1" in told["ring"]
