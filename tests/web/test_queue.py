"""What stands in the queue, against a slow and obvious twin of the tree."""

import msgspec
import pytest
from hypothesis import given, settings

from detector.alert.branch import Branch
from detector.alert.narrowest import Narrowest
from detector.landed.contract import Landed
from detector.sinks.contract import ALERTS, FEEDBACK
from detector.web.desk import Desk, Person, UnknownAlert, UnknownSilence
from detector.web.ledger import Ledger
from detector.web.queue import ROWS, Filter, Queue
from tests.alert.tree_twin import branches, slow_parents
from tests.web.conftest import Clock, Feed
from tests.web.sample import NOW_MS, alert, landing

ANNA, BEN = Person("Anna", "127.0.0.1"), Person("Ben", "::1")


@given(made=branches())
@settings(max_examples=60, deadline=None)
def test_the_tree_is_what_its_slow_twin_says(tmp_path_factory: pytest.TempPathFactory, made: list[Branch]) -> None:
    alerts = [alert(**msgspec.structs.asdict(one)) for one in made]
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite", 30)
    ledger.apply([Landed(ALERTS, "", r.value, 0, n) for n, r in enumerate(landing(*alerts), 1)])
    queue = Queue(ledger)
    held = slow_parents([one for one in made if one.state == "open"])
    expected = {one.alert_id: held.get(one.alert_id) for one in made}
    rows = {row.alert.alert_id: row for row in queue.rows(Filter(view="all"))}
    assert {i: row.absorbed_by for i, row in rows.items()} == expected
    in_queue = [row.alert.alert_id for row in queue.rows(Filter())]
    assert sorted(in_queue) == sorted(
        one.alert_id for one in alerts if one.state == "open" and expected[one.alert_id] is None
    )
    for one in alerts:
        assert [row.alert.alert_id for row in queue.below(one.alert_id)] == sorted(
            (i for i, parent in expected.items() if parent == one.alert_id),
            key=lambda i: (-rows[i].harm, i),
        )
    ledger.close()


def test_a_parent_says_how_many_it_holds_and_gives_them_back_when_it_ends(ledger: Ledger, feed: Feed) -> None:
    lines = [alert(f"line-{i}", number=f"number-{i}", tenant="t") for i in range(3)]
    tenant = alert("t", entity_kind="tenant", tenant="t")
    feed(landing(*lines, tenant))
    queue = Queue(ledger)
    assert [(row.alert.entity, row.absorbs) for row in queue.rows(Filter())] == [("t", 3)]
    assert queue.counts(Filter()) == {"queue": 1, "silenced": 0, "absorbed": 3, "resolved": 0, "all": 4}
    feed(landing(alert("t", entity_kind="tenant", tenant="t", revision=2, state="resolved")))
    assert len(queue.rows(Filter())) == 3


def test_what_to_act_on_is_known_of_the_whole(ledger: Ledger, feed: Feed) -> None:
    lines = [alert(f"line-{i}", number=None, tenant="t", block="b", harm=10.0, calls=50) for i in range(3)]
    above = [
        alert(name, entity_kind=kind, **{"tenant": None, "block": None, kind: name}, harm=30.0, calls=calls)
        for kind, name, calls in (("tenant", "t", 200), ("block", "b", 9000))
    ]
    feed(landing(*lines, *above))
    rows = {row.alert.entity: row.narrowest for row in Queue(ledger).rows(Filter(view="all"))}
    assert rows["b"] == Narrowest(entity_kind="tenant", entity="t", stops=1.0, calls=200, honest_calls=50)
    assert rows["line-1"] == Narrowest(entity_kind="line", entity="line-1", stops=1.0, calls=50, honest_calls=0)


def test_alerts_without_an_owner_come_first_then_by_harm(ledger: Ledger, feed: Feed) -> None:
    feed(landing(*(alert(name, harm=harm) for name, harm in [("a", 5), ("b", 50), ("c", 20)])))
    Desk(ledger).acknowledge(ANNA, alert("b").alert_id)
    rows = Queue(ledger).rows(Filter())
    assert [(row.alert.entity, row.owner, row.owned_since_ms) for row in rows] == [
        ("c", None, None),
        ("a", None, None),
        ("b", "Anna", NOW_MS),
    ]


def test_these_keep_their_places_wherever_they_went(ledger: Ledger, feed: Feed) -> None:
    feed(landing(*(alert(name) for name in "abc")))
    ids = [alert(name).alert_id for name in "cab"]
    feed(landing(alert("a", revision=2, state="resolved")))
    assert [(r.alert.entity, r.place) for r in Queue(ledger).these([*ids, "never-seen"])] == [
        ("c", "queue"),
        ("a", "resolved"),
        ("b", "queue"),
    ]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(q="00017"), ["95275000017"]),
        (Filter(q=" NANTONG "), ["95275000017", "100%_odd"]),
        (Filter(q="%"), ["100%_odd"]),
        (Filter(q="_"), ["100%_odd"]),
        (Filter(q="\\"), []),
        (Filter(q="' OR 1=1 --"), []),
        (Filter(severity="warning"), ["100%_odd"]),
        (Filter(kind="wangiri"), ["100%_odd"]),
        (Filter(entity_kind="tenant"), []),
    ],
)
def test_filters(ledger: Ledger, feed: Feed, wanted: Filter, found: list[str]) -> None:
    feed(landing(alert(), alert("100%_odd", severity="warning", kind="wangiri", harm=1.0)))
    assert [row.alert.entity for row in Queue(ledger).rows(wanted)] == found
    assert Queue(ledger).counts(wanted)["queue"] == len(found)


def test_pages(ledger: Ledger, feed: Feed) -> None:
    feed(landing(*(alert(f"line-{i:03d}", harm=i) for i in range(ROWS + 7))))
    queue = Queue(ledger)
    first, second = queue.rows(Filter(), 1), queue.rows(Filter(), 2)
    assert (len(first), len(second)) == (ROWS, 7)
    assert [row.alert.harm for row in first + second] == sorted(range(ROWS + 7), reverse=True)


def test_what_alerts_of_the_queue_share(ledger: Ledger, feed: Feed) -> None:
    lines = [
        ("a", "t", None, 5.0),
        ("b", "t", "x", 6.0),
        ("c", None, "x", 1.0),
        ("d", None, "x", 1.0),
        ("e", "u", "x", 9.0),
        ("f", "t", None, 7.0),
    ]
    feed(landing(*(alert(n, number=None, tenant=t, block=block, harm=harm) for n, t, block, harm in lines)))
    assert [(g.entity_kind, g.entity, g.alerts, g.harm) for g in Queue(ledger).together()] == [
        ("block", "x", 4, 17.0),
        ("tenant", "t", 2, 12.0),
    ]


def test_earlier_alerts_of_the_same_entity(ledger: Ledger, feed: Feed) -> None:
    old = alert(raised_at_ms=NOW_MS - 10**8, state="resolved")
    feed(landing(old, alert(), alert("another")))
    assert [row.alert.alert_id for row in Queue(ledger).before(alert())] == [old.alert_id]


def test_giving_back(ledger: Ledger, feed: Feed) -> None:
    feed(landing(alert()))
    desk, queue = Desk(ledger), Queue(ledger)
    desk.acknowledge(ANNA, alert().alert_id)
    desk.acknowledge(BEN, alert().alert_id)
    assert queue.one(alert().alert_id).owner == "Ben"
    desk.unacknowledge(BEN, alert().alert_id)
    assert queue.one(alert().alert_id).owner is None
    assert [(deed.who, deed.origin, deed.verb) for deed in queue.audit()] == [
        ("Ben", "::1", "unacknowledge"),
        ("Ben", "::1", "acknowledge"),
        ("Anna", "127.0.0.1", "acknowledge"),
    ]


def test_a_silence_holds_back_what_belongs_to_it_until_it_ends(ledger: Ledger, feed: Feed, clock: Clock) -> None:
    feed(landing(alert("in", tenant="t"), alert("out", tenant="u"), alert("rules", tenant="t", kind="rule_violation")))
    desk, queue = Desk(ledger), Queue(ledger)
    desk.silence(ANNA, "tenant", "t", "mass_dialing", "load test, agreed", 2)
    assert {row.alert.entity for row in queue.rows(Filter())} == {"out", "rules"}
    assert [(s.author, s.reason, s.matches, s.until_ms - NOW_MS) for s in queue.silences()] == [
        ("Anna", "load test, agreed", 1, 7_200_000)
    ]
    (held,) = queue.rows(Filter(view="silenced"))
    assert (held.alert.entity, held.silenced_until_ms) == ("in", NOW_MS + 7_200_000)
    clock.ms += 7_200_000
    assert len(queue.rows(Filter())) == 3
    assert queue.silences() == []


def test_lifting_a_silence(ledger: Ledger, feed: Feed) -> None:
    feed(landing(alert()))
    desk, queue = Desk(ledger), Queue(ledger)
    silence_id = desk.silence(ANNA, "line", alert().entity, "", "known", 1)
    assert queue.rows(Filter()) == []
    desk.lift_silence(BEN, silence_id)
    assert len(queue.rows(Filter())) == 1
    with pytest.raises(UnknownSilence):
        desk.lift_silence(BEN, silence_id)
    assert [deed.verb for deed in queue.audit()] == ["lift silence", "silence"]
    assert queue.audit()[1].detail == {"kind": "", "reason": "known", "hours": 1}


def test_a_verdict_is_shown_at_once_and_waits_to_be_sent(ledger: Ledger, feed: Feed) -> None:
    feed(landing(alert()))
    desk, queue = Desk(ledger), Queue(ledger)
    desk.judge(ANNA, alert().alert_id, "dialer", "called three of them: a recording")
    (verdict,) = queue.verdicts(alert().alert_id)
    assert (verdict.author, verdict.verdict, verdict.at_ms) == ("Anna", "dialer", NOW_MS)
    assert queue.one(alert().alert_id).verdict == verdict
    (unsent,) = desk.unsent()
    assert (unsent.topic, unsent.key) == (FEEDBACK, alert().entity)
    assert b'"type":"verdict"' in unsent.value
    assert desk.unsent() == [unsent]
    desk.sent([unsent])
    assert desk.unsent() == []


def test_deeds_about_unknown_alerts_leave_no_trace(ledger: Ledger) -> None:
    desk = Desk(ledger)
    for deed in (desk.acknowledge, desk.unacknowledge):
        with pytest.raises(UnknownAlert):
            deed(ANNA, "nothing")
    with pytest.raises(UnknownAlert):
        desk.judge(ANNA, "nothing", "fault", "x")
    assert Queue(ledger).audit() == []
