"""What evasion costs: the dialer's calls are what it says they are, and the search finds the rate that passes."""

import itertools
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest

from detector.cdr.batch import CallRecord
from detector.config import load
from detector.replay.dialer import FRIENDS, TECHNIQUES, Way, calls_of, line_of, ways
from detector.replay.evasion import DAYS, Evasion, Tried, alerted, cost_of, picture, search, tables, write
from detector.replay.intervals import Estimate, share_of

DAY_MS = 86_400_000


def made(way: Way, calls_a_day: int = 20, days: int = 8, numbers: int = 3) -> list[CallRecord]:
    return [msgspec.json.decode(record, type=CallRecord) for record in calls_of(way, numbers, calls_a_day, days)]


def test_calls_come_in_order_of_release_and_a_number_makes_one_at_a_time() -> None:
    calls = made(ways(together=True)[-1][1], 60)
    assert [call.release_ms for call in calls] == sorted(call.release_ms for call in calls)
    own = sorted((call for call in calls if call.a_number == line_of(0)), key=lambda call: call.setup_ms)
    assert all(a.release_ms < b.setup_ms for a, b in itertools.pairwise(own))
    assert len({call.call_id for call in calls}) == len(calls)


def test_every_target_is_called_once_so_often_a_day() -> None:
    targets = Counter(call.b_number for call in made(Way()) if call.b_number.startswith("15"))
    assert len(targets) == 3 * 20 * 8
    assert set(targets.values()) == {1}


def test_a_script_has_one_length_and_people_have_many() -> None:
    for way, spread in ((Way(), (0.0, 0.06)), (Way(script=False), (0.9, 1.5))):
        talks = [
            call.release_ms - call.answer_ms
            for call in made(way, 100, numbers=1)
            if call.answer_ms and call.a_number == line_of(0)
        ]
        assert spread[0] < np.std(np.log(talks)) < spread[1]


def test_call_backs_come_from_targets_and_accomplices_are_few() -> None:
    calls = made(Way(call_back=0.5, ordinary=1.0), numbers=1)
    targets = {call.b_number for call in calls if call.b_number.startswith("15")}
    callers = Counter(call.a_number for call in calls if call.b_number == line_of(0))
    back = [caller for caller in callers if caller in targets]
    assert 0.35 < len(back) / len(targets) < 0.55
    assert len(set(callers) - targets) <= FRIENDS


def test_rotation_rests_three_days_of_four() -> None:
    days = {call.setup_ms // DAY_MS for call in made(Way(rest=3), numbers=1) if call.a_number == line_of(0)}
    assert len(days) == 2
    assert max(days) - min(days) == 4


def test_techniques_add_up() -> None:
    alone, together = ways(together=False), ways(together=True)
    assert [name for name, _, _ in alone] == [name for name, _, _ in together] == [name for name, _, _ in TECHNIQUES]
    assert alone[2][1] == Way(script=False)
    assert together[2][1] == Way(script=False, even=False)


@pytest.mark.parametrize(
    ("limit", "least", "most"), [(37, 33, 37), (1, 0, 0), (2, 2, 2), (5, 5, 5), (10_000, 512, 512)]
)
def test_the_search_ends_close_below_what_passes(limit: int, least: int, most: int) -> None:
    asked = []

    def try_rate(rate: int) -> Tried:
        asked.append(rate)
        return Tried(calls_a_day=rate, alerted=share_of(40 if rate > limit else 0, 40))

    cost = cost_of("none", False, "", Way(rest=1), search(try_rate))
    assert len(asked) == len(set(asked)) <= 20
    for passes in cost.passes:
        assert least <= passes.calls_a_day <= most
        assert passes.numbers == (None if not passes.calls_a_day else -(-2 * 10_000 // passes.calls_a_day))


def test_a_rate_that_passes_above_one_that_does_not_is_luck() -> None:
    tried = [Tried(calls_a_day=rate, alerted=Estimate(share)) for rate, share in ((2, 0.0), (4, 0.3), (8, 0.0))]
    assert [one.calls_a_day for one in cost_of("none", False, "", Way(), tried).passes] == [2, 8]


def test_the_live_path_finds_the_fast_and_lets_the_slow_pass() -> None:
    config = load(None, {}, {"state.line_capacity": 20_000})
    assert alerted(config, Way(), 4, 2).alerted.value == 0.0
    assert alerted(config, Way(), 4, 160).alerted.value == 1.0


def test_what_is_written_is_whole(tmp_path: Path) -> None:
    tried = [Tried(calls_a_day=rate, alerted=share_of(hits, 10)) for rate, hits in ((2, 0), (4, 1), (8, 10))]
    costs = [
        cost_of(name, together, price, way, tried) for together in (False, True) for name, way, price in ways(together)
    ]
    found = Evasion(threshold=14.0, model="m", costs=costs)
    write(found, tmp_path)
    assert msgspec.json.decode((tmp_path / "evasion.json").read_bytes(), type=Evasion) == found
    assert ElementTree.fromstring(picture(found)).tag.endswith("svg")
    rows = tables(found)[0].rows
    assert [row[0] for row in rows] == [name for name, _, _ in TECHNIQUES]
    assert rows[0][2:] == ("0.5; 2,500",) * 4
    assert rows[-1][2] == "0.5; 10,000"  # three of four rest
    assert found.days == DAYS
