"""From landed records to actions: what is decided, remembered, undone, and never done twice."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detector import metrics
from detector.alert.revision import Alert, encode
from detector.config import Hooks
from detector.errors import ConfigError, StateError
from detector.hooks import orders
from detector.hooks.action import Action, decode
from detector.hooks.book import KEPT_MS, Book
from detector.hooks.desk import LARGEST_ALERT, Desk
from detector.hooks.limits import HOUR_MS
from detector.hooks.outbox import Outbox
from detector.landed.contract import Landed
from detector.sinks.contract import ACTIONS, ALERTS, FEEDBACK, OutRecord
from tests.hooks.sample import APPROVALS, SETTINGS, T0, Clock, MemorySink, alert, asks, landed, never, ordered

URL = "http://receiver.test/hook"


class House:
    """A desk with its book, a clock that is moved by hand, and what came out."""

    def __init__(self, folder: Path, config: Hooks = SETTINGS, *listed: str) -> None:
        self.clock = Clock()
        self.config = replace(config, urls=(URL,))
        self.book = Book(folder / "hooks.sqlite")
        self.book.db.execute("PRAGMA synchronous = OFF")
        self.outbox = Outbox(self.book)
        self.sink = MemorySink()
        self.desk = Desk(self.config, never(*listed), APPROVALS, self.book, self.clock)

    def turn(self, *alerts: Alert, feedback: OutRecord | None = None) -> None:
        self.desk.take(landed(alerts))
        self.desk.take(ordered(feedback) if feedback else [])
        self.desk.decide()
        self.desk.run_out()
        self.desk.publish(self.sink)

    def order(self, verb: Any, action: Action, secret: bytes = APPROVALS, age_ms: int = 0) -> OutRecord:
        return orders.record(verb, action.action_id, "wang", self.clock.ms - age_ms, secret)

    @property
    def actions(self) -> list[Action]:
        """As a consumer of `detector.actions` sees them: the newest revision of each, in order of appearance."""
        newest: dict[str, Action] = {}
        for record in self.sink.records:
            assert record.topic == ACTIONS
            action = decode(record.value)
            before = newest.get(action.action_id, action)
            assert action.revision > before.revision or action == before, "a repeated record is the same"
            newest[action.action_id] = action
        return list(newest.values())

    def only(self, verb: str) -> Action:
        (found,) = [action for action in self.actions if action.verb == verb]
        return found

    def waiting(self) -> list[dict[str, Any]]:
        """Bodies of webhooks that wait."""
        rows = self.book.db.execute("SELECT body FROM deliveries WHERE state = 'pending' ORDER BY seq")
        return [msgspec.json.decode(row[0]) for row in rows]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.book.close()


def test_an_alert_becomes_an_order_and_a_webhook(house: House) -> None:
    house.turn(alert())
    action = house.only("suspend")
    assert (action.state, action.dryrun, action.held_by, action.expires_ms) == ("ordered", False, "", T0 + 600_000)
    (event,) = house.waiting()
    assert event["id"] == action.action_id
    assert event["subject"] == "line/sip:0451"
    assert event["data"]["verb"] == "suspend"
    assert "110" in event["data"]["keep_open"]


def test_a_revision_not_above_the_one_at_hand_is_ignored(house: House) -> None:
    house.turn(alert(revision=3))
    house.turn(alert(revision=3), alert(revision=2, proposed_action=asks("throttle", target="sip:0452")))
    assert len(house.actions) == 1


def test_only_what_is_true_now_is_acted_on(house: House) -> None:
    house.turn(alert(), alert(revision=2, state="resolved"), alert(alert_id="b", entity="sip:9", revision=1))
    assert [action.alert_id for action in house.actions] == ["b"]


def test_a_resolved_alert_lifts(house: House) -> None:
    house.turn(alert())
    house.turn(alert(revision=2, state="resolved"))
    suspended, lift = house.only("suspend"), house.only("lift")
    assert (suspended.state, suspended.ended_by) == ("ended", "resolved")
    assert (lift.lifts, lift.target, lift.state) == (suspended.action_id, "sip:0451", "ordered")
    assert [event["data"]["verb"] for event in house.waiting()] == ["lift"], "the order must not arrive after its lift"
    assert suspended.deliveries[0].state == "withdrawn"


def test_time_runs_out_and_it_is_undone_once(house: House) -> None:
    house.turn(alert())
    house.clock.ms += 600_000
    house.turn()
    house.turn(alert(revision=1))
    assert house.only("suspend").ended_by == "expired"
    assert house.only("lift").why == "suspend ends: expired"


def test_after_its_time_new_evidence_orders_anew_under_a_new_name(house: House) -> None:
    house.turn(alert())
    house.clock.ms += 600_000
    house.turn()
    house.turn(alert(revision=2, calls=82))
    first, second = [action for action in house.actions if action.verb == "suspend"]
    assert first.action_id != second.action_id
    assert second.state == "ordered"


def test_an_observation_runs_out_in_silence(house: House) -> None:
    house.turn(alert(proposed_action=asks("observe")))
    house.clock.ms += 600_000
    house.turn()
    assert [action.verb for action in house.actions] == ["observe"]


def test_one_target_is_acted_on_once_however_many_alerts_ask(house: House) -> None:
    house.turn(alert(), alert(alert_id="b", kind="wangiri"))
    assert len(house.actions) == 1


def test_a_rehearsal_says_so_everywhere_and_claims_nothing(tmp_path: Path) -> None:
    house = House(tmp_path, replace(SETTINGS, mode="dry-run"))
    house.turn(alert(), alert(alert_id="b", authenticated=False, entity="1", proposed_action=asks(target="1")))
    house.turn(alert(revision=2, state="resolved"))
    assert {action.state for action in house.actions} == {"rehearsed", "ended"}
    assert all(action.dryrun for action in house.actions)
    assert [event["dryrun"] for event in house.waiting()] == [True, True]
    assert all("DRY RUN" in event["data"]["note"] for event in house.waiting())
    assert {action.held_by for action in house.actions if action.alert_id == "b"} == {"asserted"}
    house.book.close()


def test_what_was_really_ordered_is_really_lifted_after_a_restart_in_dry_run(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.turn(alert())
    house.book.close()
    house = House(tmp_path, replace(SETTINGS, mode="dry-run"))
    house.turn(alert(revision=2, state="resolved"))
    assert house.only("lift").dryrun is False
    house.book.close()


@pytest.mark.parametrize("mode", ["approve", "auto"])
def test_a_person_approves(mode: Any, tmp_path: Path) -> None:
    house = House(tmp_path, replace(SETTINGS, mode=mode))
    house.turn(alert(authenticated=False))
    proposed = house.only("suspend")
    assert proposed.state == "proposed"
    assert house.waiting() == []
    house.clock.ms += 60_000
    house.turn(feedback=house.order("approve", proposed))
    action = house.only("suspend")
    assert (action.action_id, action.state, action.author) == (proposed.action_id, "ordered", "wang")
    assert action.expires_ms == house.clock.ms + 600_000
    assert [event["data"]["approved_by"] for event in house.waiting()] == ["wang"]
    house.turn(feedback=house.order("approve", proposed))
    assert len(house.waiting()) == 1, "an approval that comes twice orders once"
    house.book.close()


def test_orders_that_are_not_obeyed(house: House) -> None:
    house.turn(alert(authenticated=False))
    proposed = house.only("suspend")
    house.turn(feedback=house.order("approve", proposed, secret=b"somebody else's secret"))
    house.turn(feedback=house.order("approve", proposed, age_ms=601_000))
    house.turn(feedback=house.order("approve", replace(proposed, action_id="unknown")))
    forged = msgspec.json.decode(house.order("approve", proposed).value) | {"author": "li"}
    house.turn(feedback=OutRecord(FEEDBACK, "", msgspec.json.encode(forged)))
    verdict = {"type": "verdict", "feedback_id": "1", "verdict": "dialer"}
    house.turn(feedback=OutRecord(FEEDBACK, "", msgspec.json.encode(verdict)))
    assert house.only("suspend").state == "proposed"


def test_nothing_real_is_approved_in_another_mode(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.turn(alert(authenticated=False))
    proposed = house.only("suspend")
    house.book.close()
    for mode in ("dry-run", "off"):
        house = House(tmp_path, replace(SETTINGS, mode=mode))
        house.turn(feedback=house.order("approve", proposed))
        assert house.waiting() == []
        house.book.close()


def test_nobody_approves_what_is_on_the_list_by_now(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.turn(alert(authenticated=False))
    proposed = house.only("suspend")
    house.book.close()
    house = House(tmp_path, SETTINGS, "sip:0451")
    house.turn(feedback=house.order("approve", proposed))
    assert house.waiting() == []
    house.book.close()


def test_a_person_lifts_and_it_stays_lifted(house: House) -> None:
    house.turn(alert())
    house.turn(feedback=house.order("lift", house.only("suspend"), age_ms=10 * HOUR_MS))
    house.turn(alert(revision=2, calls=82))
    assert (house.only("suspend").ended_by, house.only("suspend").author) == ("operator", "wang")
    assert house.only("lift").author == "wang"


def test_a_person_declines(house: House) -> None:
    house.turn(alert(authenticated=False))
    house.turn(feedback=house.order("lift", house.only("suspend")))
    house.turn(alert(authenticated=False, revision=2))
    assert (house.only("suspend").state, house.only("suspend").ended_by) == ("ended", "operator")
    assert house.waiting() == []


def test_a_proposal_nobody_answers_runs_out(house: House) -> None:
    house.turn(alert(authenticated=False))
    house.clock.ms += 600_000
    house.turn()
    assert (house.only("suspend").state, house.only("suspend").ended_by) == ("ended", "expired")
    assert house.waiting() == []


def crash(*_: object) -> None:
    raise RuntimeError


def lines(count: int, tenant: str | None = None) -> list[Alert]:
    names = [f"sip:{i}" for i in range(count)]
    return [
        alert(alert_id=n, entity=n, line=n, tenant=tenant, trunk=None, proposed_action=asks(target=n)) for n in names
    ]


def test_the_breaker_opens_at_the_cap_and_stays_open_for_an_hour(tmp_path: Path) -> None:
    house = House(tmp_path, replace(SETTINGS, max_actions_per_hour=3, ttl_s=36_000))
    house.turn(*lines(5))
    assert [action.held_by for action in house.actions] == ["", "", "", "circuit_open", "circuit_open"]
    assert [action.state for action in house.actions] == ["ordered"] * 3 + ["proposed"] * 2
    assert metrics.circuit_open._value.get() == 1
    assert metrics.actions_used_ratio._value.get() == 1
    house.clock.ms += HOUR_MS - 1
    house.turn(*lines(6))
    house.clock.ms += 1
    house.turn(*lines(7))
    assert [action.held_by for action in house.actions[-2:]] == ["circuit_open", ""]
    assert metrics.circuit_open._value.get() == 0
    house.book.close()


def test_the_breaker_is_still_open_after_a_restart(tmp_path: Path) -> None:
    config = replace(SETTINGS, max_actions_per_hour=1)
    house = House(tmp_path, config)
    house.turn(*lines(2))
    house.book.close()
    house = House(tmp_path, config)
    house.turn(*lines(3))
    assert house.actions[-1].held_by == "circuit_open"
    house.book.close()


def test_the_cap_of_a_tenant_leaves_others_alone(house: House) -> None:
    house.turn(*lines(6, tenant="t"))
    assert [action.held_by for action in house.actions] == [""] * 5 + ["tenant_cap"]
    house.turn(alert(alert_id="other", entity="sip:x", tenant="u", proposed_action=asks(target="sip:x")))
    assert house.actions[-1].held_by == ""
    assert metrics.circuit_open._value.get() == 0


def test_unknown_tenants_are_not_one_tenant(house: House) -> None:
    house.turn(*lines(8))
    assert [action.held_by for action in house.actions] == [""] * 8


def test_records_that_cannot_be_read_are_counted_and_passed_over(house: House) -> None:
    before = metrics.landed_unreadable.labels(topic=ALERTS)._value.get()
    values = [b"\xff", b"{}", encode(alert(alert_id="a" * 65)), b"[" * (LARGEST_ALERT + 1)]
    house.desk.take([Landed(ALERTS, "", value, 2, 11 + i) for i, value in enumerate(values)])
    assert metrics.landed_unreadable.labels(topic=ALERTS)._value.get() == before + 4
    assert house.book.positions() == {(ALERTS, 2): 14}


def test_a_crash_while_deciding_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path)
    house.desk.take(landed([alert()]))
    with monkeypatch.context() as patch:
        patch.setattr(Book, "mark_decided", crash)
        with pytest.raises(RuntimeError):
            house.desk.decide()
    house.book.close()
    house = House(tmp_path)
    assert house.waiting() == []
    house.turn()
    assert len(house.waiting()) == 1
    house.book.close()


def test_a_crash_while_reading_reads_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Book, "keep_positions", crash)
        with pytest.raises(RuntimeError):
            house.desk.take(landed([alert()]))
    assert house.book.positions() == {}
    assert house.book.undecided() == []
    house.book.close()


def test_what_the_sink_did_not_take_is_written_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(house.sink, "flush", crash)
        with pytest.raises(RuntimeError):
            house.turn(alert())
    house.turn()
    assert len(house.actions) == 1
    count = len(house.sink.records)
    house.turn()
    assert len(house.sink.records) == count, "what is published and did not change is not written again"


def test_what_is_older_than_the_topics_is_forgotten(house: House) -> None:
    house.turn(alert())
    house.clock.ms += KEPT_MS + 48 * HOUR_MS
    house.turn()
    house.clock.ms += KEPT_MS + 48 * HOUR_MS
    house.turn()
    tables = ("alerts", "actions", "deliveries", "circuit")
    assert [house.book.db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables] == [0] * 4


def test_the_book_is_for_its_owner_only_and_of_one_version(tmp_path: Path) -> None:
    path = tmp_path / "hooks.sqlite"
    book = Book(path)
    assert path.stat().st_mode & 0o077 == 0
    book.db.execute("PRAGMA user_version = 99")
    book.close()
    with pytest.raises(StateError, match="another version"):
        Book(path)
    path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    with pytest.raises(StateError, match=r"hooks\.database"):
        Book(path)
    with pytest.raises(ConfigError, match=r"hooks\.database"):
        Book(tmp_path / "missing" / "hooks.sqlite")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["t", "u", None]), st.integers(0, HOUR_MS)), max_size=40))
def test_never_more_than_the_caps_in_any_hour(story: list[tuple[int, str | None, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        alone = _ordered_alone(Path(folder), story)
    for first in alone:
        hour = [a for a in alone if 0 <= (a.ordered_ms or 0) - (first.ordered_ms or 0) < HOUR_MS]
        assert len(hour) <= 4
        assert all(sum(a.tenant == tenant for a in hour) <= 2 for tenant in ("t", "u"))


def _ordered_alone(folder: Path, story: list[tuple[int, str | None, int]]) -> list[Action]:
    """What was done without asking when these lines of these tenants alerted one after another."""
    house = House(folder, replace(SETTINGS, max_actions_per_hour=4, max_actions_per_tenant_per_hour=2))
    for i, (line, tenant, pause_ms) in enumerate(story):
        name = f"sip:{line}"
        house.turn(
            alert(alert_id=f"{name}{i}", entity=name, line=name, tenant=tenant, proposed_action=asks(target=name))
        )
        house.clock.ms += pause_ms
    house.book.close()
    return [action for action in house.actions if action.verb == "suspend" and action.ordered_ms is not None]
