"""What shows above single lines: the 2020 case with its chain and its move, rotation, floods, bombing."""

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Registry
from detector.traffic import trunks
from detector.traffic.clock import HOUR_MS
from detector.traffic.nantong import nantong
from detector.traffic.numbers import text_of
from detector.traffic.scenario import preset
from tests.traffic.conftest import Played, play

CODE = 952750


@pytest.fixture(scope="module")
def case() -> Played:
    return play(preset("nantong", 3_000, 3.0), 8)


@pytest.fixture(scope="module")
def entities() -> Played:
    return play(preset("entities", 1_500, 1.0), 9)


def behind(played: Played, code: int) -> NDArray[np.void]:
    calls: NDArray[np.void] = played.calls[played.calls["presented"] // 100 == code]
    return calls


def tenants(played: Played, calls: NDArray[np.void]) -> set[str]:
    return {played.population.tenants[i][0] for i in np.unique(played.population.lines["tenant"][calls["line"]])}


def test_the_case_has_its_numbers_lines_customers_and_chain(case: Played) -> None:
    calls = behind(case, CODE)
    assert len(np.unique(calls["presented"])) == 100
    lines = np.unique(calls["line"])
    assert len(lines) == pytest.approx(150, rel=0.1)  # 5,000 at full scale
    trunk = np.array(trunks.NAMES)[case.population.lines["trunk"][lines]]
    shares = [np.char.startswith(trunk, prefix).mean() for prefix in ("LC", "RS", "HD")]
    assert shares == pytest.approx([0.8, 0.12, 0.08], abs=0.1)
    chains = {case.population.tenants[i][1] for i in np.unique(case.population.lines["tenant"][lines])}
    assert all(chain[0] == "holder-952750" for chain in chains)
    full = nantong(100_000, 3.0)
    first = [campaign for campaign in full.campaigns if campaign.code == str(CODE)]
    assert len(first) == 155
    assert sum(campaign.lines for campaign in first) == pytest.approx(5_000, rel=0.05)
    assert len({campaign.code for campaign in full.campaigns}) == 21


def test_the_code_is_shut_off_and_customers_come_back_with_their_lists(case: Played) -> None:
    calls = behind(case, CODE)
    assert calls["bad"].all()
    last_ms = calls["setup_ms"].max()
    codes = {campaign.code for campaign in case.traffic.scenario.campaigns} - {str(CODE)}
    later = case.calls[np.isin(case.calls["presented"] // 100, [int(code) for code in codes])]
    assert later["setup_ms"].min() > last_ms
    assert not tenants(case, later) & tenants(case, calls)
    again = np.isin(np.unique(later["callee"]), calls["callee"]).mean()
    assert again > 0.8
    for campaign in (0, 2):  # a customer's first list is the moved one's, and nobody else's
        mine = case.traffic.scenario.campaigns[campaign]
        assert sum(other.leads == mine.leads for other in case.traffic.scenario.campaigns) == 2


def test_lists_of_different_customers_differ(case: Played) -> None:
    calls = behind(case, CODE)
    tenant = case.population.lines["tenant"][calls["line"]]
    one, two = (set(calls["callee"][tenant == i].tolist()) for i in np.unique(tenant)[:2])
    assert len(one & two) / min(len(one), len(two)) < 0.05


def test_people_call_those_who_talked_to_the_probe(case: Played) -> None:
    pairs = case.traffic.handovers().to_pylist()
    assert len(pairs) > 100
    lines = case.traffic.render.lines(case.calls).to_pylist()
    made: dict[tuple[str, str], list[int]] = {}
    callees = text_of(case.calls["callee"]).to_pylist()
    for row, pair in enumerate(zip(lines, callees, strict=True)):
        made.setdefault(pair, []).append(row)
    kept, waits_h, talk_s = 0, [], []
    for pair in pairs:
        probes = made[pair["probe_line"], pair["callee"]]
        follow = made.get((pair["follow_line"], pair["callee"]), [])
        kept += bool(follow)  # else the scenario ended before
        if len(probes) > 1 or not follow or follow[0] < probes[0]:
            continue  # the same two met before
        call = case.calls[follow[0]]
        waits_h.append((call["setup_ms"] - case.calls["release_ms"][probes[0]]) / HOUR_MS)
        if call["answer_ms"] > 0:
            talk_s.append((call["release_ms"] - call["answer_ms"]) / 1000)
    assert kept / len(pairs) > 0.9
    assert min(waits_h) >= 2 / 60
    assert np.median(waits_h) < 4
    assert np.mean(np.array(talk_s) >= 120) > 0.75


def test_complaints_are_about_calls_that_were_made(case: Played) -> None:
    complaints = case.traffic.complaints.in_order()
    assert len(complaints) > 30
    assert complaints == sorted(complaints, key=lambda c: c.at_ms)
    bad = case.calls[case.calls["bad"] & (case.calls["answer_ms"] > 0)]
    callees = set(text_of(bad["callee"]).to_pylist())
    assert {complaint.callee for complaint in complaints} <= callees
    assert all(complaint.about_ms < complaint.at_ms for complaint in complaints)
    assert msgspec.json.decode(msgspec.json.encode(complaints[0]))["type"] == "complaint"


def test_the_registry_knows_the_code_as_a_hotline_on_its_holders_trunk(case: Played) -> None:
    registry = Registry(NumberPlan("china", b"sixteen bytes at least"), case.population.blocks)
    block = registry.block_of("95275042", case.traffic.scenario.start_ms)
    assert block is not None
    assert (block.block, block.outbound_allowed, block.trunks) == ("952750", False, ("HD-1",))
    assert block.contracted_channels == len(np.unique(behind(case, CODE)["line"]))


def test_in_the_quiet_variant_each_number_makes_about_one_call_in_ten_minutes() -> None:
    played = play(preset("nantong-quiet", 3_000, 2.0), 8)
    calls = behind(played, CODE)
    full = calls["setup_ms"] >= np.quantile(calls["setup_ms"], 0.3)
    hours = np.unique(calls["setup_ms"][full] // HOUR_MS, return_counts=True)[1][1:-1]
    assert 200 <= np.median(hours) <= 900
    first = calls[full][:600]
    assert np.bincount(first["presented"] - CODE * 100).max() < 25


def test_a_demo_of_hours_fits_the_whole_case() -> None:
    scenario = nantong(1_000, 0.25)
    starts = [campaign.start_h for campaign in scenario.campaigns]
    assert 0 < min(starts) < max(starts) < 6


def test_rotation_leaves_each_number_a_few_calls_a_day(entities: Played) -> None:
    calls = entities.of("predictive_dialer")
    each = np.unique(calls["presented"], return_counts=True)[1]
    assert len(each) > 1_500
    assert np.quantile(each, 0.95) <= 6
    assert tenants(entities, calls) == {"customer-rotating"}


def test_a_flood_shows_a_new_caller_every_call_on_one_trunk(entities: Played) -> None:
    flood = entities.calls[entities.calls["bad"] & (entities.calls["line"] < 0)]
    flood = flood[flood["setup_ms"] < entities.traffic.scenario.start_ms + 12 * HOUR_MS]
    assert len(flood) > 5_000
    assert len(np.unique(flood["caller"])) / len(flood) > 0.99
    assert len(np.unique(flood["trunk_in"])) == 1
    talk = flood[flood["answer_ms"] > 0]
    assert np.median((talk["release_ms"] - talk["answer_ms"]) / 1000) < 2


def test_neighbours_share_seven_digits_with_the_callee(entities: Played) -> None:
    calls = entities.calls[entities.calls["bad"] & (entities.calls["line"] < 0)]
    calls = calls[calls["setup_ms"] >= entities.traffic.scenario.start_ms + 13 * HOUR_MS]
    assert (calls["caller"] // 10_000 == calls["callee"] // 10_000).all()


def test_bombing_is_many_callers_and_few_callees(entities: Played) -> None:
    calls = entities.of("call_bombing")
    assert len(np.unique(calls["line"])) == 30
    assert len(np.unique(calls["callee"])) == 3


def test_follow_ups_and_spoofed_calls_keep_the_order(case: Played, entities: Played) -> None:
    for played in (case, entities):
        assert (np.diff(played.calls["release_ms"]) >= 0).all()
