"""Feed health by trunk against its twin; what each trouble mutes, and how it is told."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.cdr.batch import CDR, NEVER_MS
from detector.features.catalog import FAMILIES
from detector.features.feeds import MOST_FEEDS, feeds
from detector.features.kernels.health import STATES
from detector.features.kernels.layout import TRUNKS, Tables
from detector.features.state import new_tables
from tests.calls import START_MS, call, judge, strangers
from tests.features.health_twin import Health
from tests.features.test_judge import SMALL, run

NAMES = [family.name for family in FAMILIES]


def records(rows: list[dict[str, int]]) -> NDArray[np.void]:
    """CDR[n]: trunk, line, callee, release in ms after START_MS, answered 1 or 0, hash."""
    calls = np.zeros(len(rows), CDR)
    for i, row in enumerate(rows):
        calls[i]["trunk_in_key"], calls[i]["line_key"], calls[i]["number_key"] = row["trunk"], row["line"], row["line"]
        calls[i]["callee_key"], calls[i]["call_hash"] = row["callee"], row.get("hash", i + 1)
        calls[i]["release_ms"], calls[i]["setup_ms"] = START_MS + row["at"], START_MS + row["at"] - 5_000
        calls[i]["answer_ms"] = START_MS + row["at"] - 3_000 if row["answered"] else NEVER_MS
        calls[i]["ring_ms"], calls[i]["release_cause"] = NEVER_MS, 16 if row["answered"] else 19
    return calls


def of(tables: Tables, trunk: int) -> Any:
    """Its row."""
    rows = tables.trunks[1:]
    return rows[rows["key"] == np.uint64(trunk or 1)][0]


def told(row: Any) -> set[str]:
    return {name for k, name in enumerate(STATES) if int(row["states"]) >> k & 1}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "trunk": st.sampled_from([0, 5, 6]),
                "line": st.integers(1, 3),
                "callee": st.integers(11, 30),
                "gap": st.sampled_from([0, 1, 700, 30_000]),
                "behind": st.sampled_from([0, 0, 0, 90_000]),
                "answered": st.sampled_from([0, 1, 1, 1]),
                "again": st.sampled_from([0, 0, 0, 1]),
            }
        ),
        min_size=50,
        max_size=90,
    ),
    st.integers(1, 16),
)
def test_states_and_mutes_are_those_of_the_twin(drawn: list[dict[str, int]], times: int) -> None:
    """The drawn records over and over, on one trunk ever better answered."""
    rows: list[dict[str, int]] = []
    now_ms = 0
    for i, one in enumerate(drawn * times):
        now_ms += one["gap"]
        answered = one["answered"] or (one["trunk"] == 6 and i > 300)
        row = one | {"at": now_ms - one["behind"], "answered": int(answered), "hash": i + 1}
        rows.append(rows[-1] | {"trunk": one["trunk"]} if one["again"] and rows else row)
    calls, tables, twin = records(rows), new_tables(SMALL), Health()
    scored = run(calls, tables)
    hashes: set[int] = set()
    for i, row in enumerate(rows):
        release_ms = START_MS + row["at"]
        muted = twin.meet(
            row["trunk"],
            row["line"],
            row["callee"],
            release_ms - 5_000,
            release_ms,
            bool(row["answered"]),
            row["hash"] in hashes,
        )
        hashes.add(row["hash"])
        assert {name for k, name in enumerate(NAMES) if int(scored[i]["muted"]) >> k & 1} == muted, i
    for trunk, counts in twin.trunks.items():
        found = of(tables, trunk)
        for name in ("records", "late", "duplicates", "halves", "run"):
            assert int(found[name]) == getattr(counts, name), (trunk, name)
    assert told(of(tables, rows[-1]["trunk"])) == twin.states


def steady(n: int, trunk: int = 5, **fields: int) -> list[dict[str, int]]:
    """One call a second, two of three answered, every callee another."""
    return [
        {"trunk": trunk, "line": 100 + i % 40, "callee": 1_000 + i, "at": i * 1_000, "answered": int(i % 3 > 0)}
        | fields
        for i in range(n)
    ]


def test_a_sound_feed_has_nothing() -> None:
    tables = new_tables(SMALL)
    scored = run(records(steady(3_000)), tables)
    assert told(of(tables, 5)) == set()
    assert not scored["muted"].any()


def test_missing_unanswered_calls_mute_answers_until_they_are_back() -> None:
    rows = steady(500) + [row | {"at": row["at"] + 500_000, "answered": 1} for row in steady(200)]
    rows += [row | {"at": row["at"] + 700_000, "callee": row["callee"] + 5_000} for row in steady(30)]
    tables = new_tables(SMALL)
    scored = run(records(rows), tables)
    spoiled = np.flatnonzero(scored["muted"])
    assert 500 + 30 < spoiled[0] < 500 + 60
    assert spoiled[-1] == 699
    assert set(scored["muted"][spoiled].tolist()) == {1 << NAMES.index("answer") | 1 << NAMES.index("ring")}
    assert told(of(tables, 5)) == set()


def test_a_clock_that_is_ahead_is_known_by_the_others_being_late() -> None:
    ahead = [row | {"at": row["at"] + 600_000, "line": row["line"] + 500} for row in steady(400, trunk=6)[::4]]
    sound = steady(400)
    rows = sorted(sound + ahead, key=lambda row: row["at"] - 600_000 * (row["trunk"] == 6))
    tables = new_tables(SMALL)
    scored = run(records(rows), tables)
    assert told(of(tables, 6)) == {"clock_off"}
    assert told(of(tables, 5)) == {"late"}
    muted = {row["trunk"] for row, one in zip(rows, scored, strict=True) if one["muted"]}
    assert muted == {6}
    assert int(scored["muted"].max()) == 1 << NAMES.index("pace") | 1 << NAMES.index("hours")


def test_duplicates_and_halves_are_told_apart() -> None:
    once = steady(200)
    twice = [one | {"hash": i + 1} for i, row in enumerate(once) for one in (row, row)]
    halves = [one | {"hash": 2 * i + k + 1} for i, row in enumerate(once) for k, one in enumerate((row, row))]
    tables = new_tables(SMALL)
    assert not run(records(twice), tables)["muted"].any()
    assert told(of(tables, 5)) == {"duplicated"}
    tables = new_tables(SMALL)
    scored = run(records(halves), tables)
    assert told(of(tables, 5)) == {"half_calls"}
    assert int(scored["muted"][-1]) == 1 << NAMES.index("pacing") | 1 << NAMES.index("concurrency")


def test_a_flood_of_trunk_names_takes_no_room_and_is_counted() -> None:
    rows = [row | {"trunk": 10_000 + i} for i, row in enumerate(steady(5_000))]
    tables = new_tables(SMALL)
    run(records(rows), tables)
    assert len(tables.trunks) == 1 + TRUNKS
    assert int(tables.trunks[0]["key"]) >= 5_000 - TRUNKS
    assert len(feeds(tables, START_MS + 5_000_000, lambda key: None)) == MOST_FEEDS


def trunked(calls: list[dict[str, Any]], trunk: str, **fields: Any) -> list[dict[str, Any]]:
    return [made | {"trunk_in": trunk} | fields for made in calls]


def crowd(n: int, trunk: str, answered: bool = False) -> list[dict[str, Any]]:
    """Other people's calls on a trunk, T1 or T2, one in three unanswered but where all are answered."""
    return trunked(
        [
            call(
                f"139{trunk[1]}{i % 97:07}",
                f"137{trunk[1]}{i:07}",
                i * 9.0,
                40.0 + i % 31 if answered or i % 3 else None,
                cause=16,
            )
            for i in range(n)
        ],
        trunk,
    )


def test_what_is_muted_neither_accuses_nor_excuses_and_the_alert_says_so() -> None:
    """A trunk that stopped to write unanswered calls: its dialer would seem to be answered by everybody."""
    dialer = [made for made in strangers("13900000001", 300, 30.0, talks=(21.0,)) if made["answer_ms"]]
    calls = trunked(dialer, "T1") + crowd(300, "T1", answered=True)
    alerts, shard = judge(calls)
    own = [alert for alert in alerts if alert.entity == "13900000001"]
    assert own
    assert {"answer", "ring"} <= set(own[-1].muted)
    assert not [reason for reason in own[-1].reasons if reason.family == "answer"]
    other = [made | {"trunk_in": "T2"} for made in dialer]
    sound, _ = judge(other + crowd(1_200, "T2"))
    line = [alert for alert in sound if alert.entity == "13900000001"][-1]
    assert "answer" not in line.muted
    assert line.reasons[-1].family == "answer"
    assert line.reasons[-1].share < 0
    names = {name: key for key, words in shard.roll_ups.names.items() if (name := words.text)}
    trunk = shard.roll_ups.entity(("trunk", names["T1"]))
    assert trunk is not None
    assert trunk["outcome"].sum() < 80 < trunk["talk"].sum()  # those before the trouble was known
    (feed,) = feeds(shard.tables, shard.newest_ms, shard.roll_ups.trunk_text)
    assert (feed.trunk, feed.states, feed.mutes) == ("T1", ("missing_unanswered",), ("answer", "ring"))


@pytest.mark.parametrize("turn", [1, 50, 10_000])
def test_how_records_are_cut_is_invisible(turn: int) -> None:
    calls = crowd(200, "T1", answered=True) + crowd(150, "T2")
    whole, shard = judge(calls)
    parts, again = judge(calls, turn=turn)
    assert parts == whole
    for name in shard.tables.trunks.dtype.names or ():
        assert (again.tables.trunks[name] == shard.tables.trunks[name]).all()


def test_a_trunk_that_fell_silent_is_told() -> None:
    calls = crowd(400, "T1") + [made for made in crowd(200, "T2") if made["release_ms"] < START_MS + 600_000]
    _, shard = judge(calls)
    silent = {feed.trunk: feed.states for feed in feeds(shard.tables, shard.newest_ms, shard.roll_ups.trunk_text)}
    assert silent["T1"] == ()
    assert silent["T2"] == ("silent",)
