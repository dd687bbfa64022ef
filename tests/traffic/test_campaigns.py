"""Bad lines: each kind has its signature, and its evasive variant hides a part of it."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.errors import InputError
from detector.traffic.campaigns import BAD, EVASIVE, TECHNIQUES, habit_of
from detector.traffic.world import Campaign, Scenario
from tests.traffic.conftest import Played, play, script_share

KINDS = [habit.name for habit in BAD]


def gaps_s(calls: NDArray[np.void]) -> NDArray[np.float64]:
    """Seconds between the calls of each line, pauses over half an hour left out."""
    calls = calls[np.lexsort((calls["setup_ms"], calls["line"]))]
    gap: NDArray[np.float64] = (np.diff(calls["setup_ms"]) / 1000)[calls["line"][1:] == calls["line"][:-1]]
    return gap[gap < 1800]


@pytest.mark.parametrize("kind", KINDS)
def test_both_variants_call_strangers_who_do_not_call_back(attack: Played, kind: str) -> None:
    for techniques in ((), EVASIVE[kind]):
        calls = attack.of(kind, techniques)
        bad = calls[calls["bad"]]
        assert len(bad) >= 30 * 6
        assert len(np.unique(bad["callee"])) / len(bad) > 0.6
        shown = np.where(bad["presented"] != 0, bad["presented"], bad["caller"])
        back = attack.calls[np.isin(attack.calls["callee"], shown)]
        called = np.unique(bad["callee"])
        assert len(np.intersect1d(back["caller"], called)) / len(called) < 0.12


def test_every_kind_has_an_evasive_variant_of_known_techniques() -> None:
    assert set(EVASIVE) == set(KINDS)
    assert {name for techniques in EVASIVE.values() for name in techniques} == set(TECHNIQUES)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(InputError, match="no campaign kind 'x'"):
        habit_of("x", ())
    with pytest.raises(InputError, match="no technique 'y'"):
        habit_of("wangiri", ("y",))


def test_bursts_are_fast_regular_and_scripted_unless_evasive(attack: Played) -> None:
    plain, evasive = attack.of("burst_dialer", ()), attack.of("burst_dialer", EVASIVE["burst_dialer"])
    assert np.median(gaps_s(plain)) < 30
    assert np.median(gaps_s(evasive)) > 1.5 * np.median(gaps_s(plain))
    assert script_share(plain) > 0.35
    assert script_share(evasive) < 0.25


def test_dialers_let_it_ring_for_one_fixed_time(attack: Played) -> None:
    calls = attack.of("predictive_dialer", ())
    given_up = calls[(calls["answer_ms"] < 0) & (calls["ring_ms"] >= 0) & (calls["party"] == 1)]
    ring_s = (given_up["release_ms"] - given_up["ring_ms"]) / 1000
    assert (np.abs(ring_s - 18) < 1).mean() > 0.95
    assert 0.6 <= (calls["answer_ms"] < 0).mean() <= 0.85


def test_a_slow_campaign_calls_every_seven_minutes_with_one_script(attack: Played) -> None:
    calls = attack.of("slow_campaign", ())
    assert np.median(gaps_s(calls)) == pytest.approx(7 * 60, rel=0.15)
    assert script_share(calls) > 0.45
    assert script_share(attack.of("slow_campaign", EVASIVE["slow_campaign"])) < 0.3


def test_wangiri_rings_once(attack: Played) -> None:
    calls = attack.of("wangiri", ())
    rung = calls[(calls["ring_ms"] >= 0) & (calls["answer_ms"] < 0)]
    assert np.median((rung["release_ms"] - rung["ring_ms"]) / 1000) < 3
    assert (calls["answer_ms"] < 0).mean() > 0.9


def test_enumeration_walks_through_numbers_of_which_many_do_not_exist(attack: Played) -> None:
    calls = attack.of("enumeration", ())
    calls = calls[np.lexsort((calls["setup_ms"], calls["line"]))]
    step = np.diff(calls["callee"])[calls["line"][1:] == calls["line"][:-1]]
    assert (step == 1).mean() > 0.9
    assert np.isin(calls["cause"], (1, 28)).mean() > 0.25
    scattered = attack.of("enumeration", EVASIVE["enumeration"])
    scattered = scattered[np.lexsort((scattered["setup_ms"], scattered["line"]))]
    assert (np.diff(scattered["callee"]) == 1).mean() < 0.5


def test_a_sim_box_talks_long_and_is_never_called_unless_it_buys_cover(attack: Played) -> None:
    plain, evasive = attack.of("sim_box", ()), attack.of("sim_box", EVASIVE["sim_box"])
    answered = plain[plain["answer_ms"] >= 0]
    assert np.median((answered["release_ms"] - answered["answer_ms"]) / 1000) > 60
    got = attack.calls[attack.calls["line"] < 0]
    per_call = [np.isin(got["callee"], calls["caller"]).sum() / len(calls) for calls in (plain, evasive)]
    assert per_call[0] < 0.03
    assert per_call[1] > 0.06


def test_rotation_spreads_calls_over_cards_and_numbers(attack: Played) -> None:
    cards = attack.of("sim_box", EVASIVE["sim_box"])
    assert len(np.unique(cards["line"])) == 4 * 6
    numbers = attack.of("burst_dialer", EVASIVE["burst_dialer"])
    assert len(np.unique(numbers["presented"])) > 20


def test_a_ramp_grows(attack: Played) -> None:
    calls = attack.of("ai_probe", EVASIVE["ai_probe"])
    since_h = (calls["setup_ms"] - calls["setup_ms"].min()) / 3_600_000
    assert (since_h < 6).sum() < 0.6 * ((since_h >= 24) & (since_h < 30)).sum()


def test_a_taken_over_line_lived_an_ordinary_life_before(attack: Played) -> None:
    for line in attack.lines("takeover"):
        calls = attack.calls[attack.calls["line"] == line]
        first_bad_ms = calls["setup_ms"][calls["bad"]].min()
        assert not calls["bad"][calls["setup_ms"] < first_bad_ms].any()
    assert {"call_centre", "bank_hotline", "otp", "hospital", "pbx", "number_masking"} <= {
        was for was in attack.traffic.truth()["was"].to_pylist() if was is not None
    }


def test_lines_that_are_not_there_cannot_be_taken_over() -> None:
    campaign = Campaign(kind="takeover", lines=2, start_h=1.0, of="pbx")
    with pytest.raises(InputError, match="takes over 2 lines of class pbx, but 0 are there"):
        play(Scenario(name="none", days=0.2, people=100, campaigns=(campaign,)), 1)


def test_a_campaign_ends_when_told() -> None:
    campaign = Campaign(kind="wangiri", lines=3, start_h=1.0, hours=0.5)
    played = play(Scenario(name="short", days=0.2, people=100, campaigns=(campaign,)), 1)
    calls = played.of("wangiri")
    hours = (calls["setup_ms"] - played.traffic.scenario.start_ms) / 3_600_000
    assert 1.0 <= hours.min() < hours.max() < 1.5


def test_a_code_is_shared_by_its_campaign_and_declared_inbound_only() -> None:
    campaign = Campaign(kind="ai_probe", lines=40, start_h=9.5, code="952750")
    played = play(Scenario(name="code", days=0.6, people=100, campaigns=(campaign,)), 1)
    calls = played.of("ai_probe")
    assert set((calls["presented"] // 100).tolist()) == {952750}
    [block] = played.population.blocks
    assert (block.block, block.first, block.last) == ("952750", "95275000", "95275099")
    assert block.declared_purpose == "inbound_hotline"
    assert block.outbound_allowed is False
    assert block.contracted_channels == 40
