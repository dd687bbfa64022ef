"""Blocks that come and go while calls are judged: at a minute on record, the same in replay and after a crash."""

import json
from typing import Any

import msgspec
import pytest

from detector.alert.revision import Alert
from detector.errors import StateError
from detector.feedback.applied import Applied, decode
from detector.feedback.request import RegistryUpdate, read
from detector.numbering.registry import Block
from detector.sinks.contract import APPLIED, DEAD_LETTER, OutRecord
from detector.source.memory import ABORT, Abort
from tests.calls import START_MS, strangers
from tests.feedback.stream import Topics, live, obeyed, turns_of

NUMBER = "95275012"
BLOCK = Block(block="952750", first="95275000", last="95275099", holder="A Ltd", declared_purpose="outbound_callcentre")
TALKS = (12.0, 95.0, 31.0, 60.0, 7.0, 180.0, 44.0, 25.0, 310.0, 66.0, 18.0, 130.0, 38.0)
CALLS = strangers(NUMBER, 40, 60.0, talks=TALKS) + strangers("13900000001", 60, 60.0)


def pushed(feedback_id: str = "1", **fields: Any) -> bytes:
    update = RegistryUpdate(feedback_id=feedback_id, at_ms=START_MS, author="ann", **fields)
    return msgspec.json.encode(update)


def changes(topics: Topics) -> list[Applied]:
    return [decode(value) for value in topics.applied]


def of_number(alerts: list[Alert]) -> list[Alert]:
    return [alert for alert in alerts if alert.line == NUMBER]


def test_a_block_declared_while_running_is_judged_by_its_declaration() -> None:
    plain, declared = Topics(), Topics()
    live(turns_of(CALLS, 4), plain, {})
    live(turns_of(CALLS, 4), declared, {0: [pushed(blocks=(BLOCK,))]})
    assert of_number(plain.alerts)
    assert not of_number(declared.alerts)
    assert [a for a in plain.alerts if a.line != NUMBER] == [a for a in declared.alerts if a.line != NUMBER]
    (change,) = changes(declared)
    assert change.apply_ms % 60_000 == 0
    assert change.position == 1
    assert change.apply_ms > START_MS


def test_a_block_withdrawn_again_is_nobodys() -> None:
    topics = Topics()
    live(turns_of(CALLS, 4), topics, {0: [pushed(blocks=(BLOCK,))], 4: [pushed("2", withdraw=("952750",))]})
    told = of_number(topics.alerts)
    assert told
    assert told[0].block is None


@pytest.mark.parametrize("batch_calls", [1, 7, 65_536])
def test_a_replay_obeys_the_record_whatever_the_batch_size(batch_calls: int) -> None:
    topics = Topics()
    said = {3: [pushed(blocks=(BLOCK,))], 9: [pushed("2", withdraw=("952750",))]}
    live(turns_of(CALLS, 4), topics, said)
    assert len(changes(topics)) == 2
    assert obeyed(turns_of(CALLS, 4), changes(topics), batch_calls=batch_calls)[0] == topics.alerts
    assert obeyed(turns_of(CALLS, 1000), changes(topics), batch_calls=batch_calls)[0] == topics.alerts


@pytest.mark.parametrize("died_after", [2, 5, 6, 12, 20])
def test_after_a_crash_changes_stay_at_their_minutes(died_after: int) -> None:
    """Killed before, while and after the change is on record; then read again from the start."""
    turns = turns_of(CALLS, 4)
    topics = Topics()
    said = {5: [pushed(blocks=(BLOCK,))]}
    dying_turns = [*turns[:died_after], ABORT]
    committed: dict[int, int] = {}
    source = None
    with pytest.raises(Abort):
        source = live(dying_turns, topics, said)
    assert source is None
    before = list(topics.alerts)
    topics.waiting = []
    committed = {0: 4 * (died_after - 1)}  # an epoch a turn; the last one may not have been committed
    left = {number: values for number, values in said.items() if number >= died_after}
    live(turns, topics, left, committed)
    whole = obeyed(turns, changes(topics))[0]
    told = {(alert.alert_id, alert.revision): alert for alert in before}
    for alert in topics.alerts[len(before) :]:
        assert told.setdefault((alert.alert_id, alert.revision), alert) == alert
    assert list(told.values()) == whole
    assert len(changes(topics)) == 1


BAD = {
    "not_json": b"{",
    "bad_value": pushed(blocks=(BLOCK,)).replace(b"outbound_callcentre", b"selling_things"),
    "no such type": b'{"type": "wish"}',
    "no range": pushed(blocks=(msgspec.structs.replace(BLOCK, last="9527"),)),
    "too_large": b'{"type": "registry", "author": "' + b"x" * (1 << 20) + b'"}',
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_a_dead_letter_and_nothing_stops(name: str) -> None:
    topics = Topics()
    live(turns_of(CALLS, 4), topics, {0: [BAD[name], pushed(blocks=(BLOCK,))]})
    (letter,) = [json.loads(record.value) for record in topics.records if record.topic == DEAD_LETTER]
    assert letter["raw"] == BAD[name].decode()
    assert letter["place"] == "detector.feedback[0]@0 $"
    assert letter["reason"] == (name if name in ("not_json", "too_large") else "bad_value")
    assert len(changes(topics)) == 1
    assert not of_number(topics.alerts)


def test_what_is_sent_again_is_meant_once_and_orders_are_for_others() -> None:
    topics = Topics()
    order = b'{"type": "order", "verb": "lift", "action_id": "a", "author": "b", "at_ms": 1, "signature": ""}'
    live(turns_of(CALLS, 4), topics, {0: [pushed(blocks=(BLOCK,)), order], 2: [pushed(blocks=(BLOCK,))]})
    assert len(changes(topics)) == 1
    assert not [record for record in topics.records if record.topic == DEAD_LETTER]
    assert read(order) is None


def test_a_record_that_cannot_be_read_back_stops_the_start() -> None:
    topics = Topics()
    topics.records = [OutRecord(APPLIED, "1", b'{"type": "registry"}')]
    with pytest.raises(StateError, match=r"detector.applied\[0\]@0 cannot be read"):
        live(turns_of(CALLS, 4), topics, {})
