"""The ledger takes every record in exactly once, and forgets by age."""

import itertools
import random
import sqlite3
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector import metrics
from detector.errors import StateError
from detector.hooks.action import Action, record
from detector.landed.contract import Landed
from detector.sinks.contract import ALERTS, STATUS, OutRecord
from detector.web.badge import heard
from detector.web.desk import Desk, Person
from detector.web.ledger import DAY_MS, Ledger
from detector.web.queue import Filter, Queue
from tests.web.conftest import Clock, Feed
from tests.web.sample import NOW_MS, alert, landing, status, telling

ANNA = Person("Anna", "127.0.0.1")


def action(alert_id: str, **fields: object) -> Action:
    usual = {
        "action_id": "a1",
        "alert_id": alert_id,
        "alert_revision": 1,
        "kind": "mass_dialing",
        "verb": "suspend",
        "scope": "line",
        "target": "95275000017",
        "dryrun": True,
        "state": "rehearsed",
        "why": "stops it",
        "ttl_s": 3600,
        "decided_ms": NOW_MS,
        "expires_ms": NOW_MS + 3_600_000,
    }
    return msgspec.convert({**usual, **fields}, Action)


def test_only_a_higher_revision_replaces_what_is_known(ledger: Ledger, feed: Feed) -> None:
    first, second, third = (alert(revision=n, calls=10 * n) for n in (1, 2, 3))
    feed(landing(first, third, second, first, third))
    queue = Queue(ledger)
    assert queue.one(first.alert_id).alert == third
    assert queue.revisions(first.alert_id) == [first, third]


@given(order=st.permutations(range(1, 7)), cuts=st.sets(st.integers(1, 11)), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_end_is_the_same_whatever_the_order_the_repeats_and_the_stops(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: set[int], seed: int
) -> None:
    """Revisions arrive in any order and twice; the program is stopped and started between any two batches."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    arrivals = [alert(revision=n) for n in order] * 2
    random.Random(seed).shuffle(arrivals)
    records = [Landed(ALERTS, "", r.value, 0, n) for n, r in enumerate(landing(*arrivals), start=1)]
    edges = [0, *sorted(cuts), len(records)]
    for start, end in itertools.pairwise(edges):
        ledger = Ledger(path, 30)
        assert ledger.positions().get((ALERTS, 0), 0) == start
        ledger.apply(records[start:end])
        newest = Queue(ledger).one(alert().alert_id).alert.revision
        assert newest == max(one.revision for one in arrivals[:end])
        ledger.close()


def test_a_failure_halfway_takes_effect_not_at_all(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(Exception):
        pass

    def fail(*_: object) -> None:
        raise Stop

    monkeypatch.setattr(ledger, "_prune", fail)
    version = ledger.version
    with pytest.raises(Stop):
        ledger.apply([Landed(ALERTS, "", landing(alert())[0].value, 0, 1)])
    assert ledger.positions() == {}
    assert Queue(ledger).rows(Filter()) == []
    assert ledger.version == version


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"no json",
        b"[]",
        b'{"alert_id": "x"}',
        b'{"a": "\xff"}',
        landing(alert(raised_at_ms=2**70))[0].value,
        landing(alert("lone \\ud800"))[0].value.replace(b"lone \\\\ud800", b"\\ud800"),
    ],
)
def test_what_cannot_be_read_is_counted_and_left_out(ledger: Ledger, feed: Feed, value: bytes) -> None:
    before = metrics.landed_unreadable.labels(ALERTS)._value.get()
    feed([OutRecord(ALERTS, "", value), *landing(alert())])
    assert [row.alert for row in Queue(ledger).rows(Filter())] == [alert()]
    assert ledger.positions() == {(ALERTS, 0): 2}
    assert metrics.landed_unreadable.labels(ALERTS)._value.get() == before + 1


def test_every_change_makes_a_new_version(ledger: Ledger, feed: Feed) -> None:
    versions = [ledger.version]
    feed(landing(alert()))
    versions.append(ledger.version)
    Desk(ledger).acknowledge(ANNA, alert().alert_id)
    versions.append(ledger.version)
    Queue(ledger).rows(Filter())
    assert versions == sorted(set(versions))
    assert ledger.version == versions[-1]


def test_old_alerts_and_deeds_are_forgotten(ledger: Ledger, feed: Feed, clock: Clock) -> None:
    old, kept = alert("old"), alert("kept")
    feed([*landing(old, kept), record(action(old.alert_id))])
    desk, queue = Desk(ledger), Queue(ledger)
    desk.acknowledge(ANNA, old.alert_id)
    desk.judge(ANNA, old.alert_id, "fault", "switch test")
    clock.ms += 20 * DAY_MS
    feed(landing(alert("kept", revision=2)))
    clock.ms += 11 * DAY_MS
    feed([telling(status(wall_ms=clock.ms))])
    assert [row.alert.entity for row in queue.rows(Filter(view="all"))] == ["kept"]
    assert [one.revision for one in queue.revisions(kept.alert_id)] == [1, 2]
    with ledger.reading() as db:
        for table in ("acknowledgement", "verdict", "action", "audit"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0


def test_the_newest_status_of_each_instance_is_kept(ledger: Ledger, feed: Feed) -> None:
    feed([telling(status(instance=name, wall_ms=NOW_MS + n, calls=c)) for name, n, c in [("b", 5, 9), ("a", 1, 1)]])
    feed([telling(status(instance="b", wall_ms=NOW_MS + 4, calls=7))])
    assert [(one.status.instance, one.status.calls, one.moving) for one in heard(ledger)] == [
        ("a", 1, False),
        ("b", 9, False),
    ]
    feed([telling(status(instance="b", wall_ms=NOW_MS + 9, calls=10))])
    assert heard(ledger)[1].moving
    assert (STATUS, 0) in ledger.positions()


def test_an_action_follows_its_revisions(ledger: Ledger, feed: Feed) -> None:
    one = alert()
    taken = action(one.alert_id)
    ended = action(one.alert_id, revision=2, state="ended", ended_by="expired", ended_ms=NOW_MS)
    feed([*landing(one), record(taken), record(ended), record(taken)])
    assert Queue(ledger).actions(one.alert_id) == [ended]
    assert Queue(ledger).one(one.alert_id).action == ended


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_text("this is a text file, and long enough to be looked at by the library" * 20)
    with pytest.raises(StateError, match=r"ledger\.sqlite.*web\.database"):
        Ledger(path, 30)


def test_a_ledger_of_an_older_program_is_widened(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    Ledger(file, 30).close()
    with sqlite3.connect(file) as db:
        for column in ("first_call_ms", "linked", "calls"):
            db.execute(f"ALTER TABLE alert DROP COLUMN {column}")
    db.close()
    ledger = Ledger(file, 30)
    ledger.apply([Landed(ALERTS, "", r.value, 0, n) for n, r in enumerate(landing(alert()), 1)])
    assert [row.narrowest for row in Queue(ledger).rows(Filter())] != [None]
    ledger.close()
