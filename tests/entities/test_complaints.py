"""Which call a complaint means, whom it counts for, and how little one person's complaints weigh."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.cdr.batch import CDR
from detector.config import State
from detector.entities.complaints import Complaints, Name
from detector.entities.kernels.heard import LOOK_BACK_MS, WAYS, bucket_of, calls_to, hear, new_heard
from detector.entities.kernels.told import told
from detector.entities.matching import LEAST_SHARE, Complaint, Match, match
from detector.features.kernels.layout import MILLI

HOUR_MS = 3_600_000
NOW_MS = 1_710_122_400_000
NUMBER = 1_95275012  # the key of 95275012: a 1, then the digits


def calls_of(rows: list[tuple[int, int, bool]]) -> np.ndarray:
    """CDR[n] of (callee, setup in minutes, answered)."""
    calls = np.zeros(len(rows), CDR)
    for i, (callee, minute, answered) in enumerate(rows):
        setup_ms = NOW_MS + minute * 60_000
        calls[i]["callee_key"], calls[i]["setup_ms"], calls[i]["release_ms"] = callee, setup_ms, setup_ms + 30_000
        calls[i]["answer_ms"] = setup_ms + 5_000 if answered else -1
        calls[i]["line_key"], calls[i]["number_key"] = 100 + i, NUMBER
    return calls


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 9_000), st.booleans()), max_size=120), st.integers(1, 40))
def test_the_newest_calls_of_a_bucket_are_kept_and_others_counted(
    rows: list[tuple[int, int, bool]], capacity: int
) -> None:
    heard, calls = new_heard(capacity), calls_of(rows)
    hear(calls, np.zeros(len(rows), bool), heard)
    kept: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    lost = 0
    for i, (callee, minute, answered) in enumerate(rows):
        if answered:
            bucket = kept[bucket_of(heard, np.uint64(callee))]
            bucket.append((callee, minute, 100 + i))
            lost += len(bucket) > WAYS and bucket[-1 - WAYS][1] > minute - 72 * 60
    assert int(heard.counts[0]) == lost
    for callee in range(1, 7):
        before_ms = NOW_MS + 9_000 * 60_000
        found = [(int(c["setup_ms"] - NOW_MS) // 60_000, int(c["line"])) for c in calls_to(heard, callee, before_ms)]
        own = [row for row in kept[bucket_of(heard, np.uint64(callee))][-WAYS:] if row[0] == callee]
        assert found == sorted((minute, line) for _, minute, line in own if minute > 9_000 - 72 * 60)


def found(rows: list[tuple[int, int]], about_minute: int, heard: int) -> list[float]:
    """Probabilities of calls (minute, number key) of one callee."""
    calls = calls_of([(1, minute, True) for minute, _ in rows])
    calls["number_key"] = [number for _, number in rows]
    kept = new_heard(64)
    hear(calls, np.zeros(len(calls), bool), kept)
    meant = match(calls_to(kept, 1, NOW_MS + 5_000 * 60_000), NOW_MS + about_minute * 60_000, heard)
    shares = {one.line_key - 100: one.share for one in meant}
    return [shares.get(i, 0.0) for i in range(len(rows))]


@pytest.mark.parametrize(
    ("rows", "about", "heard", "least", "most"),
    [
        ([(3_000, NUMBER)], 3_000, NUMBER, 0.99, 1.0),  # number and time
        ([(3_000, NUMBER)], 3_120, NUMBER, 0.9, 1.0),  # two hours wrong
        ([(3_000, NUMBER)], 3_000, 1_95275013, 0.99, 1.0),  # a digit misheard
        ([(3_000, NUMBER)], 3_000, 1_2195275012, 0.99, 1.0),  # the tail
        ([(3_000, NUMBER)], 3_000, 0, 0.95, 1.0),  # withheld, but the time is right
        ([(3_000, NUMBER)], 3_000, 1_13900000001, 0.0, 0.15),  # somebody else's number: none of them
        ([(1_000, NUMBER)], 4_000, 1_13900000001, 0.0, 0.0),
    ],
)
def test_time_and_number_say_which_call_is_meant(
    rows: list[tuple[int, int]], about: int, heard: int, least: float, most: float
) -> None:
    assert least <= found(rows, about, heard)[0] <= most


def test_of_two_calls_the_number_decides_and_else_the_time() -> None:
    other = 1_13912345678
    assert found([(3_000, NUMBER), (3_010, other)], 3_010, NUMBER)[0] > 0.99
    near, far = found([(3_000, NUMBER), (3_240, NUMBER)], 3_005, NUMBER)
    assert near > 0.95
    assert near + far <= 1.0


@given(
    st.lists(st.tuples(st.integers(1_000, 4_900), st.sampled_from([NUMBER, 1_13912345678, 1_95275013])), max_size=9),
    st.integers(500, 5_000),
    st.sampled_from([0, NUMBER, 1_13912345678]),
)
def test_shares_are_bayes_over_the_calls_and_none_of_them(rows: list[tuple[int, int]], about: int, heard: int) -> None:
    rows = [row for row in rows if row[0] > 5_000 - 72 * 60]

    def law(minute: int, number: int) -> float:
        time = 1 / (math.pi * 10 * (1 + ((minute - about) / 10) ** 2))  # a minute
        if heard in (0, number):
            return time * (100 if heard else 1)
        return time * (10 if {heard, number} == {NUMBER, 1_95275013} else 1e-4)

    weights = [0.9 / len(rows) * law(*row) for row in rows]
    total = sum(weights) + 0.1 / (72 * 60)
    shares = [round(one / total, 3) for one in weights]
    expected = [share if share >= LEAST_SHARE else 0.0 for share in shares]
    assert found(rows, about, heard) == pytest.approx(expected, abs=0.0011 if 0.05 not in shares else 0.0511)


def complaint(person: str, at_ms: int = NOW_MS, share: float = 1.0) -> tuple[Complaint, list[tuple[Match, list[Name]]]]:
    one = Match(setup_ms=at_ms - HOUR_MS, line_key=5, number_key=NUMBER, tenant_key=7, share=share)
    made = Complaint(at_ms=at_ms, about_ms=at_ms, complainant=person, number="", text="", matches=(one,))
    return made, [(one, [("line", 5), ("tenant", 7)])]


def test_one_person_counts_once_by_the_most_probable_complaint() -> None:
    complaints = Complaints(State())
    for i in range(1_000):
        made, meant = complaint("138****#a", NOW_MS + i, 0.3 + 0.4 * (i == 500))
        complaints.enter(made, meant, NOW_MS)
    account = complaints.account(("tenant", 7))
    assert account is not None
    assert account.people == {"138****#a": 0.7}
    assert account.complainants == pytest.approx(0.7)
    assert len(account.first) == 1
    assert complaints.forgotten == 0


def test_accounts_are_bounded_and_end_after_a_week() -> None:
    complaints = Complaints(State(complaints=4))  # entries: 5 kinds of entity each
    for i in range(30):
        complaints.enter(*complaint(f"person {i}"), NOW_MS)
    complaints.forget(NOW_MS // 60_000)
    account = complaints.account(("tenant", 7))
    assert account is not None
    assert len(account.people) == 10
    assert complaints.forgotten == 40
    assert complaints.told(("tenant", 7))[0] == 10
    gone = complaints.forget(NOW_MS // 60_000 + 7 * 1440)
    assert set(gone) == {("line", 5), ("tenant", 7)}
    assert complaints.account(("line", 5)) is None
    assert complaints.forgotten == 40


@settings(deadline=None)
@given(st.floats(0, 500), st.floats(0, 1e6))
def test_complaints_never_clear_and_never_weigh_more_than_their_cap(people: float, answered: float) -> None:
    assert 0 <= told(people, answered, 1e-4) <= 6 * MILLI
    assert told(people, answered, 1e-4) <= told(people + 1, answered, 1e-4)


def test_a_usual_share_of_complaints_says_nothing() -> None:
    assert told(10.0, 100_000.0, 1e-4) == 0
    assert told(400.0, 100_000.0, 1e-4) == 6 * MILLI
    assert LOOK_BACK_MS == 72 * HOUR_MS
