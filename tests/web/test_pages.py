"""What pages show, for any record that can land."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detector import status as trunks
from detector.alert.revision import Alert, Complained, EvidenceCall, ProposedAction, Reason, Versions, decode, encode
from detector.config import Web
from detector.landed.contract import Landed
from detector.sinks.contract import ALERTS
from detector.web import pages
from detector.web.contract import Call, Room
from detector.web.desk import Desk, Person
from detector.web.ledger import Ledger
from detector.web.operations import OPERATIONS
from detector.web.pages import PageQuery, QueueQuery, told, why
from detector.web.queue import Filter, Queue, View
from tests.web.conftest import Feed
from tests.web.sample import NOW_MS, alert, landing, status, telling

ATTACK = """"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}"""


def room(ledger: Ledger, **fields: Any) -> Room:
    return Room(
        settings=Web(**fields),
        ledger=ledger,
        queue=Queue(ledger),
        desk=Desk(ledger),
        templates=pages.templates(),
        operations=OPERATIONS,
    )


def troubled(trunk: str, state: str = "missing_unanswered") -> trunks.Feed:
    return trunks.Feed(
        trunk=trunk,
        states=(state,),
        mutes=("answer", "ring"),
        since_ms=NOW_MS - 600_000,
        last_ms=NOW_MS,
        calls=4_321,
        late=0.013,
        duplicated=0.0,
        half_calls=0.0,
        answered_in_a_row=77,
    )


def call(query: object = None, **path: str) -> Call:
    return Call(path=path, query=query or QueueQuery(), body=None, who=Person("Anna", "127.0.0.1"))


def all_pages(made: Room, alert_id: str) -> str:
    return "".join(
        [
            pages.queue(made, call(QueueQuery(view="all", q=""))),
            pages.alert(made, call(alert_id=alert_id)),
            pages.silences(made, call()),
            pages.feed(made, call()),
            pages.audit(made, call(PageQuery())),
        ]
    )


def test_text_from_the_wire_is_never_markup(ledger: Ledger, feed: Feed) -> None:
    nasty = alert(
        ATTACK,
        **dict.fromkeys(("kind", "line", "number", "block", "tenant", "trunk", "holder"), ATTACK),
        **dict.fromkeys(("severity", "state", "counterfactual", "position"), ATTACK),
        resellers=(ATTACK,),
        members=(ATTACK,),
        member_count=1,
        muted=(ATTACK,),
        reasons=(Reason(family=ATTACK, feature=ATTACK, value=1, usual=1, share=1, text=ATTACK),),
        evidence=(
            EvidenceCall(
                setup_ms=1,
                ring_s=None,
                talk_s=None,
                release_cause=1,
                release_party=ATTACK,
                callee=ATTACK,
                first_time=True,
            ),
        ),
        complaints=(Complained(at_ms=1, setup_ms=1, complainant=ATTACK, number=ATTACK, share=1.0, text=ATTACK),),
        proposed_action=ProposedAction(scope=ATTACK, target=ATTACK, verb=ATTACK, ttl_s=1, why=ATTACK),
        versions=Versions(config=ATTACK, model=ATTACK, code=ATTACK),
        alert_id="nasty",
    )
    feed(
        [
            *landing(nasty),
            telling(status(instance=ATTACK, muted=(ATTACK,), warnings=(ATTACK,), feeds=(troubled(ATTACK, ATTACK),))),
        ]
    )
    made = room(ledger)
    who = Person(ATTACK, ATTACK)
    made.desk.acknowledge(who, "nasty")
    made.desk.judge(who, "nasty", "fault", ATTACK)
    made.desk.silence(who, "line", ATTACK, ATTACK, ATTACK, 1)
    shown = all_pages(made, "nasty") + pages.queue(made, call(QueueQuery(q=ATTACK, view="all")))
    assert "&lt;img src=x" in shown
    for live in ("<img", "<script>", "alert(2)</script", "49"):
        assert live not in shown.replace("2649", "")


def test_a_trunk_in_trouble_is_on_the_badge_and_in_the_table_of_the_feed(ledger: Ledger, feed: Feed) -> None:
    feed([telling(status(feeds=(troubled("LC-1"), msgspec.structs.replace(troubled("LC-2"), states=(), mutes=()))))])
    shown = pages.feed(room(ledger), call())
    assert "LC-1: unanswered calls missing" in shown
    assert shown.count("<td><b>LC-") == 2
    for words in ("answer, ring", "1.3 %", "4,321", "77"):
        assert words in shown


ANY = st.text(max_size=20)
INT = st.integers(-(2**63), 2**63 - 1)
FLOAT = st.floats(allow_nan=False, allow_infinity=False)
ALERTS_OF_ANY_KIND = st.builds(
    Alert,
    alert_id=st.just("odd"),
    revision=st.integers(1, 5),
    kind=ANY,
    entity_kind=ANY,
    entity=ANY,
    number=st.none() | ANY,
    authenticated=st.booleans(),
    state=ANY | st.sampled_from(["open", "resolved"]),
    severity=ANY,
    raised_at_ms=INT,
    updated_at_ms=INT,
    first_call_ms=INT,
    last_call_ms=INT,
    resolved_at_ms=st.none() | INT,
    calls=INT,
    answered=INT,
    distinct_callees=INT,
    score=FLOAT,
    threshold=FLOAT,
    reasons=st.lists(
        st.builds(Reason, family=ANY, feature=ANY, value=FLOAT, usual=FLOAT, share=FLOAT, text=ANY), max_size=3
    ).map(tuple),
    counterfactual=ANY,
    harm=FLOAT,
    proposed_action=st.none() | st.builds(ProposedAction, scope=ANY, target=ANY, verb=ANY, ttl_s=INT, why=ANY),
    members=st.lists(ANY, max_size=2).map(tuple),
    member_count=INT,
    evidence=st.lists(
        st.builds(
            EvidenceCall,
            setup_ms=INT,
            ring_s=st.none() | FLOAT,
            talk_s=st.none() | FLOAT,
            release_cause=st.none() | INT,
            release_party=st.none() | ANY,
            callee=ANY,
            first_time=st.booleans(),
        ),
        max_size=3,
    ).map(tuple),
    versions=st.builds(Versions, config=ANY, model=ANY, code=ANY),
    position=ANY,
)


@given(odd=ALERTS_OF_ANY_KIND)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_alert_is_too_odd_to_show(tmp_path_factory: pytest.TempPathFactory, odd: Alert) -> None:
    assert decode(encode(odd)) == odd
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.sqlite", 30)
    ledger.apply([Landed(ALERTS, "", encode(odd), 0, 1)])
    assert all_pages(room(ledger), "odd").count("</html>") == 5
    ledger.close()


def test_an_empty_queue_says_what_is_watched(ledger: Ledger, feed: Feed) -> None:
    feed([telling(status(wall_ms=NOW_MS))])
    shown = pages.queue(room(ledger), call())
    for said in ("Nothing to act on", "48,211", "1,284,311", "06:00 UTC"):
        assert said in shown


def test_an_empty_queue_never_reassures_when_nobody_watches(ledger: Ledger, feed: Feed) -> None:
    assert "Nothing is being watched" in pages.queue(room(ledger), call())
    feed([telling(status(wall_ms=NOW_MS - 120_000))])
    shown = pages.queue(room(ledger), call())
    assert "Nothing is being watched" in shown
    assert "no sign of life" in shown
    assert "Nothing to act on" not in shown


def test_rows_on_the_screen_keep_their_places_and_news_is_a_chip(ledger: Ledger, feed: Feed) -> None:
    feed(landing(alert("a", harm=1.0), alert("b", harm=2.0)))
    made = room(ledger)
    ids = [alert(name).alert_id for name in "ba"]
    feed(landing(alert("c", harm=9.0), alert("a", harm=20.0, revision=2), alert("b", state="resolved", revision=2)))
    shown = pages.queue_fragment(made, call(QueueQuery(shown=",".join(ids))))
    assert shown.index(ids[0]) < shown.index(ids[1])
    assert alert("c").alert_id not in shown
    assert "1 new · 1 gone — show" in shown
    fresh = pages.queue_fragment(made, call())
    assert fresh.index(f'id="alert-{ids[1]}"') < fresh.index(f'id="alert-{alert("c").alert_id}"')
    assert 'id="fresh"' not in fresh


def test_what_lands_while_a_page_is_made_makes_it_ask_again(
    ledger: Ledger, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = room(ledger)
    read = made.queue.counts

    def counts(wanted: Filter) -> dict[View, int]:
        found = read(wanted)
        feed(landing(alert()))
        return found

    monkeypatch.setattr(made.queue, "counts", counts)
    before = made.version()
    assert f'data-version="{before}"' in pages.queue(made, call())
    assert made.version() != before


def test_an_alert_shows_what_an_operator_asks(ledger: Ledger, feed: Feed) -> None:
    feed(landing(alert(score=13.4, calls=14), alert(revision=2)))
    shown = pages.alert(room(ledger), call(alert_id=alert().alert_id))
    for said in (
        "41 calls to 39 people",
        "36 more people",
        "39 of 41 calls went to people this line never called before",
        "Would not alert if 4 of the people it called had called back.",
        "Suspend line 95275000017",
        "revision 1, 2026-11-24 08:59:00 UTC: score 13.4 after 14 calls",
        "cdr[3]@99120",
        "evidence-3f20aa17",
        f"/api/v1/alerts/{alert().alert_id}",
    ):
        assert said in shown


def test_viewers_are_offered_nothing_to_do(ledger: Ledger, feed: Feed) -> None:
    feed(landing(alert()))
    made = room(ledger, role="viewer")
    shown = all_pages(made, alert().alert_id)
    assert "hx-post" not in shown
    assert 'method="post"' not in shown.replace('method="post" action="/name"', "")


def test_no_page_needs_inline_style_or_script(ledger: Ledger, feed: Feed) -> None:
    feed(landing(alert()))
    shown = all_pages(room(ledger), alert().alert_id)
    for inline in (" style=", "<style", "onclick", "javascript:", "hx-on", "hx-vals", "http://", "https://"):
        assert inline not in shown


def test_a_broken_rule_is_told_though_it_weighs_nothing() -> None:
    rule = Reason(
        family="rules", feature="inbound_only", value=3, usual=0, share=0.0, text="a code that is only called"
    )
    assert why((rule,)) == [rule]
    assert told((rule,)) == ([rule], [])
