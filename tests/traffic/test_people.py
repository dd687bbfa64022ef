"""Ordinary people, held to what was measured on real ones (names of the sets in look_alikes.py and town.py)."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.traffic.clock import DAY_MS, HOUR_MS, ZONE_MS
from tests.traffic.conftest import Played

DAYS = 21


def person_of(played: Played, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The person behind each number, -1 = nobody's."""
    own = played.population.lines["calling"]
    order = np.argsort(own)
    place = np.minimum(np.searchsorted(own[order], numbers), len(own) - 1)
    return np.where(own[order][place] == numbers, order[place], -1)


def counts(played: Played) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Calls made and received by each person."""
    n = played.population.people.n
    made, got = played.calls["line"], person_of(played, played.calls["callee"])
    return np.bincount(made[made >= 0], minlength=n), np.bincount(got[got >= 0], minlength=n)


def test_calls_a_day_have_the_measured_quantiles(month: Played) -> None:
    made, got = counts(month)
    quantiles = np.quantile((made + got) / DAYS, [0.25, 0.5, 0.75, 0.9, 0.95, 0.99])
    assert quantiles == pytest.approx([0.6, 1.9, 4.9, 11, 18, 40], rel=0.25)  # JDATA


def test_half_of_the_calls_are_made_and_lines_differ(month: Played) -> None:
    made, got = counts(month)
    assert made.sum() / (made + got).sum() == pytest.approx(0.51, abs=0.03)
    share = (made / np.maximum(made + got, 1))[made + got >= 20]
    assert np.quantile(share, [0.05, 0.5, 0.95]) == pytest.approx([0.19, 0.49, 0.80], abs=0.12)


def test_four_in_ten_line_days_are_silent(month: Played) -> None:
    day = (month.calls["setup_ms"] - month.traffic.scenario.start_ms) // DAY_MS
    active = np.zeros((month.population.people.n, DAYS), np.bool_)
    for who in (month.calls["line"].astype(np.int64), person_of(month, month.calls["callee"])):
        active[who[who >= 0], day[who >= 0]] = True
    assert 1 - active.mean() == pytest.approx(0.40, abs=0.06)


def test_talk_ringing_and_answers(month: Played) -> None:
    made = month.calls[month.calls["line"] >= 0]
    answered = made[made["answer_ms"] >= 0]
    talk_s = (answered["release_ms"] - answered["answer_ms"]) / 1000
    assert np.median(talk_s) == pytest.approx(37, rel=0.1)
    assert talk_s.mean() == pytest.approx(77, rel=0.1)
    assert np.log(talk_s).std() == pytest.approx(1.2, abs=0.07)
    assert 0.26 <= 1 - len(answered) / len(made) <= 0.37
    assert np.median((answered["answer_ms"] - answered["ring_ms"]) / 1000) == pytest.approx(8, abs=1)


def test_most_calls_go_to_few_friends(month: Played) -> None:
    made = month.calls[month.calls["line"] >= 0]
    pairs, calls = np.unique(np.stack([made["line"], made["callee"]]), axis=1, return_counts=True)
    shares = []
    for who in np.flatnonzero(counts(month)[0] >= 150):
        ranked = np.sort(calls[pairs[0] == who])[::-1]
        shares.append(np.pad(ranked, (0, 5))[:5] / ranked.sum())
    assert np.mean(shares, axis=0) == pytest.approx([0.31, 0.17, 0.11, 0.08, 0.06], abs=0.02)  # Nodobo


def test_few_calls_go_to_new_callees_and_many_callees_call_too(month: Played) -> None:
    made = month.calls[month.calls["line"] >= 0]
    active = counts(month)[0] >= 3 * DAYS  # Nodobo's owners made 3 calls and more on a day
    _, first = np.unique(np.stack([made["line"], made["callee"]]), axis=1, return_index=True)
    new = np.zeros(len(made), np.bool_)
    new[first] = True
    later = made["setup_ms"] > month.traffic.scenario.start_ms + DAYS * DAY_MS // 2
    assert new[later & active[made["line"]]].mean() == pytest.approx(0.086, abs=0.02)
    called = {(a, b) for a, b in zip(made["line"].tolist(), made["callee"].tolist(), strict=True)}
    got = person_of(month, month.calls["callee"])
    back = {(b, a) for a, b in zip(month.calls["caller"].tolist(), got.tolist(), strict=True) if b >= 0}
    assert len(called & back) / len(called) == pytest.approx(0.42, abs=0.12)


def test_calls_come_in_bursts_and_missed_ones_are_tried_again(month: Played) -> None:
    made = month.calls[month.calls["line"] >= 0]
    made = made[np.lexsort((made["setup_ms"], made["line"]))]
    same = made["line"][1:] == made["line"][:-1]
    gap_s = (np.diff(made["setup_ms"]) / 1000)[same]
    assert 0.12 <= (gap_s < 60).mean() <= 0.28
    assert 0.5 <= (gap_s.std() - gap_s.mean()) / (gap_s.std() + gap_s.mean()) <= 0.8
    made = made[np.lexsort((made["setup_ms"], made["callee"], made["line"]))]
    again = (made["line"][1:] == made["line"][:-1]) & (made["callee"][1:] == made["callee"][:-1])
    again &= made["setup_ms"][1:] - made["release_ms"][:-1] < 300_000
    assert again[made["answer_ms"][:-1] < 0].mean() == pytest.approx(0.36, abs=0.04)


def test_hours_and_weekdays(month: Played) -> None:
    local = month.calls["setup_ms"] + ZONE_MS
    hours = np.bincount(local // HOUR_MS % 24, minlength=24) / len(local)
    measured = [1.9, 1.6, 0.8, 0.2, 0.2, 0.3, 1.4, 4.0, 3.3, 1.9, 3.7, 4.4]
    measured += [5.7, 5.7, 7.3, 8.6, 10.8, 9.3, 7.8, 6.1, 4.1, 3.5, 3.7, 3.8]
    assert 100 * hours == pytest.approx(measured, abs=1.1)
    days = np.bincount((local // DAY_MS + 3) % 7, minlength=7) / len(local)
    assert 100 * days == pytest.approx([12.7, 11.3, 11.8, 12.9, 17.9, 20.7, 12.8], abs=1.2)


def test_nobody_makes_two_calls_at_once(month: Played) -> None:
    made = month.calls[month.calls["line"] >= 0]
    made = made[np.lexsort((made["setup_ms"], made["line"]))]
    same = made["line"][1:] == made["line"][:-1]
    assert (made["setup_ms"][1:] > made["release_ms"][:-1])[same].all()
