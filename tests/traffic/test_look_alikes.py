"""Honest lines that look like dialers: each has its marks, and what should be declared is declared."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.numbering.plan import NumberClass, NumberPlan
from detector.numbering.registry import Registry
from detector.traffic.clock import HOUR_MS, ZONE_MS
from detector.traffic.look_alikes import LOOK_ALIKES, NATURAL_SHARE
from detector.traffic.numbers import text_of
from tests.traffic.conftest import Played, script_share

PLAN = NumberPlan("china", b"sixteen bytes at least")
CLASSES = [habit.name for habit in LOOK_ALIKES]


def talk_s(calls: NDArray[np.void]) -> NDArray[np.float64]:
    answered = calls[calls["answer_ms"] >= 0]
    talk: NDArray[np.float64] = (answered["release_ms"] - answered["answer_ms"]) / 1000
    return talk


def a_day(played: Played, name: str) -> float:
    return len(played.of(name)) / len(played.lines(name)) / played.traffic.scenario.days


def shown(calls: NDArray[np.void]) -> NDArray[np.int64]:
    return np.where(calls["presented"] != 0, calls["presented"], calls["caller"])


def got(played: Played, name: str) -> NDArray[np.void]:
    """Calls to the numbers that this class shows."""
    return played.calls[np.isin(played.calls["callee"], shown(played.of(name)))]


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_calls_and_is_honest(town: Played, name: str) -> None:
    calls = town.of(name)
    assert len(calls) > 0
    assert not calls["bad"].any()


def test_every_class_has_a_natural_share() -> None:
    assert set(NATURAL_SHARE) == set(CLASSES)


@pytest.mark.parametrize("name", [habit.name for habit in LOOK_ALIKES if habit.declared])
def test_what_they_show_is_declared(town: Played, name: str) -> None:
    registry = Registry(PLAN, town.population.blocks)
    declared = {habit.name: habit.declared for habit in LOOK_ALIKES}
    for number in text_of(np.unique(shown(town.of(name)))).to_pylist():
        block = registry.block_of(number, town.traffic.scenario.start_ms)
        assert block is not None
        assert block.declared_purpose == declared[name]
        assert block.outbound_allowed


@pytest.mark.parametrize("name", [habit.name for habit in LOOK_ALIKES if not habit.declared])
def test_the_undeclared_are_in_no_registry(town: Played, name: str) -> None:
    registry = Registry(PLAN, town.population.blocks)
    numbers = text_of(np.unique(shown(town.of(name)))).to_pylist()
    assert all(registry.block_of(number, town.traffic.scenario.start_ms) is None for number in numbers)


def test_couriers_call_many_strangers_nearby_shortly_and_are_called_back(town: Played) -> None:
    calls = town.of("courier")
    assert 30 <= a_day(town, "courier") <= 80
    assert np.median(talk_s(calls)) < 30
    assert (talk_s(calls) < 60).mean() > 0.85
    back = got(town, "courier")
    assert 0.12 <= len(np.intersect1d(back["caller"], calls["callee"])) / len(np.unique(calls["callee"])) <= 0.32
    hours = (calls["setup_ms"] + ZONE_MS) // HOUR_MS % 24
    assert ((hours >= 7) & (hours < 21)).mean() > 0.95


def test_a_call_centre_talks_like_the_measured_one(town: Played) -> None:
    calls = town.of("call_centre")
    talk = talk_s(calls)
    assert np.log(talk).mean() == pytest.approx(5.16, abs=0.1)  # UCI bank
    assert np.log(talk).std() == pytest.approx(0.93, abs=0.07)
    assert len(calls) / len(np.unique(calls["callee"])) == pytest.approx(2.0, abs=0.7)  # 2.6 over a whole campaign
    assert (calls["answer_ms"] >= 0).mean() > 0.38
    assert len(np.unique(calls["presented"])) < len(town.lines("call_centre"))  # many lines, one number


def test_hotlines_and_restaurants_receive_more_than_they_call(town: Played) -> None:
    for name in ("bank_hotline", "restaurant"):
        assert len(got(town, name)) > 2 * len(town.of(name))


@pytest.mark.parametrize("name", ["otp", "school_blast", "hospital", "public_notification"])
def test_notifications_are_scripted_each_line_with_its_own(town: Played, name: str) -> None:
    calls = town.of(name)
    shares = [script_share(calls[calls["line"] == line]) for line in np.unique(calls["line"])]
    assert np.mean(shares) > 0.4


def test_flash_calls_ring_for_a_moment_and_are_given_up(town: Played) -> None:
    calls = town.of("flash_call_otp")
    rung = calls[(calls["ring_ms"] >= 0) & (calls["answer_ms"] < 0)]
    assert len(rung) / len(calls) > 0.85
    assert np.quantile((rung["release_ms"] - rung["ring_ms"]) / 1000, 0.95) < 7
    assert np.median((rung["release_ms"] - rung["ring_ms"]) / 1000) < 2


def test_machines_are_regular(town: Played) -> None:
    calls = town.of("network_probe")
    calls = calls[np.lexsort((calls["setup_ms"], calls["line"]))]
    gap = np.diff(calls["setup_ms"])[calls["line"][1:] == calls["line"][:-1]]
    assert gap.std() / gap.mean() < 0.2
    assert {PLAN.classify(number) for number in text_of(np.unique(calls["caller"])).to_pylist()} == {NumberClass.M2M}


def test_switchboards_hold_several_calls_at_once(town: Played) -> None:
    calls = town.of("pbx")
    calls = calls[np.lexsort((calls["setup_ms"], calls["line"]))]
    same = calls["line"][1:] == calls["line"][:-1]
    assert (calls["setup_ms"][1:] < calls["release_ms"][:-1])[same].mean() > 0.05


def test_schools_call_the_same_people_in_few_hours(town: Played) -> None:
    calls = town.of("school_blast")
    assert len(calls) / len(np.unique(calls["callee"])) > 1.0
    assert len(np.unique((calls["setup_ms"] + ZONE_MS) // HOUR_MS % 24)) <= 4


def test_teenagers_try_again_and_again(town: Played) -> None:
    calls = town.of("teenager")
    calls = calls[np.lexsort((calls["setup_ms"], calls["line"]))]
    again = (calls["line"][1:] == calls["line"][:-1]) & (calls["callee"][1:] == calls["callee"][:-1])
    again &= calls["setup_ms"][1:] - calls["release_ms"][:-1] < 120_000
    assert again[calls["answer_ms"][:-1] < 0].mean() > 0.5


def test_masking_platforms_show_many_numbers(town: Played) -> None:
    assert len(np.unique(town.of("number_masking")["presented"])) > 150
