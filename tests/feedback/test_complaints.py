"""Complaints from detector.feedback, or a file, to scores: the same live and again, and of little use to a rival."""

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from detector import metrics
from detector.features.kernels.index import find
from detector.feedback.applied import AppliedComplaint, decode
from detector.feedback.calendar import Asked, next_minute
from detector.feedback.request import LARGEST_COMPLAINT, BadRequest, Complaint, read
from detector.replay.run import replay
from detector.shard import Shard
from detector.sinks.contract import DEAD_LETTER
from tests.calls import START_MS, call, small_config, strangers
from tests.feedback.stream import Topics, live, obeyed, turns_of

LINE, GOOD, SHOP = "sip:bad@gw", "sip:good@gw", "02161234567"
PARTIES = ("caller", "callee")
DIALER = [
    made | {"line_id": LINE, "presented": "95275012", "tenant": "rented", "trunk_in": "T1"}
    for made in strangers("95275012", 240, 40.0, talks=(21.0,))
]


def shop(n: int = 400) -> list[dict[str, Any]]:
    """A good line of a shop: it calls its 60 customers now and then, talks to them as people do, and some call back."""
    chance = random.Random(3)
    customers = [f"138{chance.randrange(10**8):08}" for _ in range(60)]
    calls, at_s = [], 0.0
    for _ in range(n):
        customer, answered = chance.choice(customers), chance.random() < 0.75
        talk_s, ring_s = round(chance.lognormvariate(4, 1)) + 1.0, chance.uniform(4, 40)
        fields = {"line_id": GOOD, "tenant": "shop", "trunk_in": "T1", "release_party": chance.choice(PARTIES)}
        cause = 16 if answered else 19
        calls.append(call(SHOP, customer, at_s, talk_s if answered else None, ring_s, cause, **fields))
        if chance.random() < 0.2:
            calls.append(call(customer, SHOP, at_s + 1_500, 40.0))
        at_s += talk_s + ring_s + chance.expovariate(1 / 600)
    return calls


def about(made: dict[str, Any], after_s: float = 600.0, **fields: Any) -> dict[str, Any]:
    """A complaint about a call, so long after it."""
    return {
        "type": "complaint",
        "at_ms": made["release_ms"] + round(after_s * 1000),
        "callee": made["b_number"],
        "about_ms": made["setup_ms"],
        "number": made.get("presented") or made["a_number"],
        "text": "they wanted my bank card",
    } | fields


def told(calls: list[dict[str, Any]], said: list[dict[str, Any]], batch_calls: int = 65_536) -> tuple[list[Any], Shard]:
    """Alerts and the shard, complaints taken at their minute."""
    requests = [read(json.dumps(one).encode()) for one in said]
    waiting = [Asked(next_minute(one.at_ms), i, one) for i, one in enumerate(requests) if isinstance(one, Complaint)]
    return obeyed(turns_of(calls, 100), waiting, batch_calls=batch_calls)


ANGRY = [made for made in DIALER if made["answer_ms"] is not None][:60:4]


def test_complaints_add_to_the_dialer_they_mean_and_say_so() -> None:
    alerts, shard = told(DIALER, [about(made) for made in ANGRY])
    complaints = shard.roll_ups.complaints
    assert (complaints.matched, complaints.unmatched) == (len(ANGRY), 0)
    for kind, entity in (("line", LINE), ("tenant", "rented")):
        last = [alert for alert in alerts if alert.entity_kind == kind and alert.entity == entity][-1]
        reason = next(reason for reason in last.reasons if reason.family == "told")
        assert 2 <= reason.share <= 6
        assert "complained" in reason.text
        assert last.complaints
        assert all(one.share > 0.9 and one.text == "they wanted my bank card" for one in last.complaints)
        whole = [made["b_number"] for made in ANGRY]
        assert not any(number in msgspec.json.encode(last).decode() for number in whole)
    silent, _ = told(DIALER, [])
    scores = [[a.score for a in found if a.entity == LINE][-1] for found in (alerts, silent)]
    assert scores[0] > scores[1]


@pytest.mark.parametrize("batch_calls", [1, 7, 65_536])
def test_how_calls_are_cut_is_invisible(batch_calls: int) -> None:
    said = [about(made) for made in ANGRY]
    assert told(DIALER, said, batch_calls)[0] == told(DIALER, said)[0]


def test_what_was_told_live_is_on_record_and_obeyed_again() -> None:
    topics = Topics()
    said = {50: [json.dumps(about(made)).encode() for made in ANGRY[:5]]}
    live(turns_of(DIALER, 4), topics, said)
    changes = [decode(value) for value in topics.applied]
    assert len(changes) == 5
    assert all(isinstance(change, AppliedComplaint) and change.complaint.matches for change in changes)
    assert not any(made["b_number"].encode() in value for made in ANGRY for value in topics.applied)
    again, shard = obeyed(turns_of(DIALER, 100), changes)
    assert again == topics.alerts
    assert shard.roll_ups.complaints.matched == 5
    assert any(reason.family == "told" for alert in again for reason in alert.reasons)


def test_a_complaint_sent_twice_is_one() -> None:
    topics = Topics()
    value = json.dumps(about(ANGRY[0])).encode()
    live(turns_of(DIALER, 4), topics, {40: [value, value], 45: [value]})
    assert len(topics.applied) == 1


BAD: list[tuple[dict[str, Any], str]] = [
    ({"callee": ""}, "bad_value"),
    ({"callee": "1" * 65}, "bad_value"),
    ({"text": "x" * 2_001}, "bad_value"),
    ({"text": "x" * LARGEST_COMPLAINT}, "bad_value"),
    ({"more": "x" * LARGEST_COMPLAINT}, "too_large"),
    ({"about_ms": 1}, "bad_value"),
    ({"at_ms": START_MS // 1000}, "bad_value"),
    ({"about_ms": START_MS + 10**9}, "bad_value"),
    ({"about_ms": "noon"}, "bad_value"),
]


@pytest.mark.parametrize(("fields", "reason"), BAD)
def test_bad_complaints_are_dead_letters(fields: dict[str, Any], reason: str) -> None:
    topics = Topics()
    value = json.dumps(about(ANGRY[0]) | fields).encode()
    with pytest.raises(BadRequest) as refused:
        read(value)
    assert refused.value.reason == reason
    live(turns_of(DIALER[:20], 4), topics, {1: [value]})
    dead = [record for record in topics.records if record.topic == DEAD_LETTER]
    assert [record.key for record in dead] == ["detector.feedback[0]@0"]
    assert not topics.applied


def test_a_callee_that_is_no_number_is_refused_and_signs_are_made_plain() -> None:
    topics = Topics()
    said = [about(ANGRY[0], callee="   "), about(ANGRY[1], text="a\nb\x1b[31m\u202ec" + "y" * 500)]
    live(turns_of(DIALER, 4), topics, {50: [json.dumps(one).encode() for one in said]})
    (change,) = [decode(value) for value in topics.applied]
    assert isinstance(change, AppliedComplaint)
    assert change.complaint.text.startswith("a b [31m c")
    assert len(change.complaint.text) == 200
    assert sum(record.topic == DEAD_LETTER for record in topics.records) == 1


def test_one_person_who_complains_a_thousand_times_does_not_flag_a_good_line() -> None:
    calls = shop()
    answered = next(made for made in calls if made["answer_ms"])
    said = [about(answered, 600 + i, about_ms=answered["setup_ms"] + i) for i in range(1_000)]
    alerts, shard = told(calls, said)
    assert alerts == []
    account = shard.roll_ups.complaints.account(("line", shard.plan.key(GOOD)))
    assert account is not None
    assert len(account.people) == 1


def test_complaints_about_calls_that_never_were_count_for_nobody() -> None:
    """A rival has 200 people complain of the shop's number; the shop never called them, others did."""
    calls = shop()
    others = [call(f"139{i:08}", f"1370000{i:04}", i * 60.0, 60.0) for i in range(200)]
    said = [about(made, number=SHOP) for made in others]
    said += [about(others[0], 700 + i, callee=f"1360000{i:04}", number=SHOP) for i in range(200)]
    alerts, shard = told(calls + others, said)
    assert alerts == []
    assert shard.roll_ups.complaints.matched == 0
    assert shard.roll_ups.complaints.account(("line", shard.plan.key(GOOD))) is None
    account = shard.roll_ups.complaints.account(("line", shard.plan.key("13900000000")))
    assert account is None or sum(account.people.values()) < 0.2


def test_all_customers_of_a_good_line_together_do_not_flag_it() -> None:
    """Bought complaints about calls that were: six nats at most, and only on top of two witnesses."""
    calls = shop()
    alerts, shard = told(calls, [about(made) for made in calls if made["answer_ms"] and made["a_number"] == SHOP])
    assert alerts == []
    account = shard.roll_ups.complaints.account(("line", shard.plan.key(GOOD)))
    assert account is not None
    assert len(account.people) > 55
    place = find(shard.tables.slots, shard.tables.rows, np.uint64(shard.plan.key(GOOD)))
    assert shard.tables.rows[place]["told"] > 0


def test_replay_takes_a_file_counts_it_and_tells_the_lead(tmp_path: Path) -> None:
    calls, said = tmp_path / "calls.ndjson", tmp_path / "complaints.ndjson"
    in_order = sorted(DIALER, key=lambda made: made["release_ms"])
    calls.write_text("".join(json.dumps(made) + "\n" for made in in_order))
    lines = [json.dumps(about(made)) for made in ANGRY]
    late = json.dumps(about(DIALER[-1], 10 * 3600.0))
    said.write_text("\n".join([*reversed(lines), "{", late, lines[0], '{"type": "order"}']) + "\n")
    before = metrics.complaints.labels("matched")._value.get()
    summary = replay(small_config(), [calls], tmp_path / "run", complaints=said)
    found = summary.complaints
    assert found is not None
    assert (found.read, found.rejected, found.matched, found.waiting) == (len(ANGRY) + 4, 2, len(ANGRY), 1)
    assert metrics.complaints.labels("matched")._value.get() == before + len(ANGRY)
    dead = [json.loads(line) for line in (tmp_path / "run" / "dead-letter.ndjson").read_text().splitlines()]
    assert [letter["place"] for letter in dead] == [f"complaints.ndjson:{len(ANGRY) + n} $" for n in (1, 4)]
    rate = found.per_10k["tenant"]["rented"]
    assert rate.complainants == pytest.approx(len(ANGRY), rel=0.1)
    assert rate.per_10k == pytest.approx(10_000 * rate.complainants / rate.answered, rel=0.01)
    rows = (tmp_path / "run" / "complaints.csv").read_text().splitlines()
    first_ms = min(about(made)["at_ms"] for made in ANGRY)
    line = next(row.split(",") for row in rows if f",line,{LINE}," in row)
    assert int(line[4]) == first_ms
    assert int(line[5]) == round((first_ms - int(line[3])) / 1000)
    assert found.alerts == len(rows) - 1
