"""Which alerts are told as one story."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.alert.branch import Branch, branch_of
from detector.alert.revision import Alert, Linked, Reason, Versions
from detector.alert.stories import stories
from detector.alert.tree import parents, root_of, together
from tests.alert.tree_twin import branches, slow_parents


def alert(name: str, revision: int = 1, **fields: object) -> Alert:
    base = {
        "alert_id": name,
        "revision": revision,
        "kind": "mass_dialing",
        "entity_kind": "line",
        "entity": name,
        "line": name,
        "state": "open",
        "severity": "warning",
        "raised_at_ms": 1,
        "updated_at_ms": 1,
        "first_call_ms": 1,
        "last_call_ms": 2,
        "calls": 10,
        "answered": 3,
        "distinct_callees": 10,
        "score": 14.0,
        "threshold": 13.0,
        "reasons": (),
        "counterfactual": "",
        "harm": 2.0,
        "evidence": (),
        "versions": Versions(config="c", model="m", code="0"),
        "position": "f:1",
    }
    return Alert(**(base | fields))  # type: ignore[arg-type]


def test_lines_of_one_tenant_are_one_story() -> None:
    told = stories([alert("a", tenant="T"), alert("b", tenant="T", severity="critical"), alert("c", tenant="U")])
    assert [(story.entity_kind, story.entity, story.alert_count) for story in told] == [
        ("tenant", "T", 2),
        ("line", "c", 1),
    ]
    assert told[0].severity == "critical"
    assert told[0].lines == ("a", "b")
    assert (told[0].calls, told[0].harm) == (20, 4.0)


def test_the_widest_shared_entity_wins() -> None:
    told = stories([alert("a", number="n", block="B"), alert("b", number="n", block="B"), alert("c", block="B")])
    assert [(story.entity_kind, story.entity, story.alert_count) for story in told] == [("block", "B", 3)]


def test_an_alert_of_the_whole_holds_its_parts_and_counts_for_them() -> None:
    lines = [alert(f"l{i:03}", number=f"n{i % 10}", block="B", holder="H", calls=20) for i in range(200)]
    numbers = [
        alert(f"n{i}", entity_kind="number", line=None, number=f"n{i}", block="B", holder="H") for i in range(10)
    ]
    reason = Reason(family="pace", feature="f", value=1, usual=1, share=9, text="100 numbers began in one minute")
    block = alert("B", entity_kind="block", line=None, block="B", holder="H", calls=4000, harm=90.0, reasons=(reason,))
    (story,) = stories([*lines, *numbers, block])
    assert (story.entity_kind, story.entity, story.alert_id, story.why) == ("block", "B", "B", reason.text)
    assert (story.alert_count, story.line_count, len(story.lines), story.calls, story.harm) == (
        211,
        200,
        100,
        4000,
        90.0,
    )


def test_tenants_of_a_holder_are_one_story_and_lines_of_a_carrier_are_not() -> None:
    tenants = [alert(f"t{i}", entity_kind="tenant", line=None, tenant=f"t{i}", holder="H") for i in range(155)]
    block = alert("B", entity_kind="block", line=None, block="B", holder="H")
    assert [(story.entity_kind, story.alert_count) for story in stories([*tenants, block])] == [("holder", 156)]
    assert len(stories([alert(f"l{i}", number=f"n{i}", holder="carrier") for i in range(5)])) == 5


def test_where_most_are_they_are_told_together() -> None:
    lines = [alert(f"l{i}", tenant=f"t{i // 2}", block="B") for i in range(10)]
    assert [(story.entity_kind, story.entity, story.alert_count) for story in stories(lines)] == [("block", "B", 10)]


def test_a_trunk_of_one_tenants_lines_belongs_to_the_tenants_story() -> None:
    lines = [alert(f"l{i}", tenant="T", trunk="G", harm=1.0, calls=30) for i in range(4)]
    tenant = alert("T", entity_kind="tenant", line=None, tenant="T", severity="warning", harm=0.0, calls=1)
    trunk = alert("G", entity_kind="trunk", line=None, trunk="G", severity="critical", harm=104.0, calls=491)
    (story,) = stories([*lines, tenant, trunk])
    assert (story.entity, story.alert_count, story.severity, story.calls, story.harm) == (
        "T",
        6,
        "critical",
        491,
        104.0,
    )
    assert len(stories([*lines, alert("x", trunk="G"), tenant, trunk])) == 2, "it carries somebody else's line, too"


def test_an_alert_for_information_holds_nothing() -> None:
    told = stories([alert("T", entity_kind="tenant", line=None, tenant="T", severity="info"), alert("a", tenant="T")])
    assert len(told) == 2


def test_what_was_over_before_the_whole_was_noticed_stays_a_story_of_its_own() -> None:
    early = alert("a", tenant="T", state="resolved", resolved_at_ms=100)
    tenant = alert("T", entity_kind="tenant", line=None, tenant="T", first_call_ms=200, last_call_ms=300)
    assert len(stories([early, tenant])) == 2
    assert len(stories([early, alert("T", entity_kind="tenant", line=None, tenant="T", first_call_ms=100)])) == 1


def test_an_open_alert_is_not_hidden_behind_one_that_is_over() -> None:
    over = alert("T", entity_kind="tenant", line=None, tenant="T", state="resolved", resolved_at_ms=100)
    assert {story.entity: story.state for story in stories([over, alert("a", tenant="T")])} == {
        "T": "resolved",
        "a": "open",
    }


def test_only_the_newest_revision_counts_and_resolved_stories_do_no_harm() -> None:
    told = stories([alert("a"), alert("a", revision=2, state="resolved", calls=50), alert("a", revision=1)])
    assert [(story.state, story.calls, story.harm) for story in told] == [("resolved", 50, 0.0)]


def test_members_are_bounded_and_counted() -> None:
    told = stories([alert(f"l{i:03}", tenant="T") for i in range(150)])
    assert told[0].alert_count == 150
    assert len(told[0].alerts) == len(told[0].lines) == 100


def linked(*entities: tuple[str, str]) -> tuple[Linked, ...]:
    return tuple(Linked(entity_kind=kind, entity=entity) for kind, entity in entities)


def above_line(what: str, name: str, alert_id: str = "", **fields: object) -> Alert:
    return alert(alert_id or name, **{what: name, "entity_kind": what, "entity": name, "line": None, **fields})  # type: ignore[arg-type]


def test_who_follows_probes_belongs_to_who_probed() -> None:
    block = above_line("block", "B", holder="H", harm=5.0)
    mobiles = [
        above_line("number", f"m{i}", kind="handover", linked=linked(("block", "B"), ("holder", "H"))) for i in range(9)
    ]
    (story,) = stories([*mobiles, alert("l", number="m3"), block])
    assert (story.entity, story.alert_id, story.alert_count) == ("B", "B", 11)
    over = above_line("block", "B", state="resolved", resolved_at_ms=100, holder="H")
    rule = above_line("block", "B", "rule", kind="rule_violation", holder="H")
    assert [(story.state, story.alert_count) for story in stories([*mobiles, over, rule])] == [("open", 11)]


def test_a_moved_operation_is_one_story_with_the_one_it_was() -> None:
    old = above_line("tenant", "before", holder="H", first_call_ms=1)
    new = [
        above_line(
            "block", f"B{i}", holder=f"H{i}", first_call_ms=50, linked=linked(("tenant", "before"), ("holder", "H"))
        )
        for i in range(3)
    ]
    lines = [alert(f"l{i}", block="B1") for i in range(4)]
    assert [(story.entity, story.alert_count) for story in stories([*new, *lines, old])] == [("before", 8)]
    ended = above_line("tenant", "before", holder="H", first_call_ms=1, state="resolved", resolved_at_ms=40)
    assert [(story.entity, story.alert_count) for story in stories([*new, *lines, ended])] == [("H", 8)]


def test_a_holder_whose_customers_moved_there_is_one_story_with_where_they_were() -> None:
    old = above_line("holder", "H", harm=9.0, first_call_ms=1)
    was = [above_line("tenant", f"customer-{i}", holder="H", first_call_ms=2) for i in range(3)]
    new = above_line("holder", "later", harm=5.0, first_call_ms=50)

    def customers(n_linked: int) -> list[Alert]:
        sources = [linked(("tenant", f"customer-{i}")) if i < n_linked else linked(("tenant", "?")) for i in range(3)]
        names = [f"trading-{i}" for i in range(3)]
        return [
            above_line("tenant", name, holder="later", first_call_ms=51, linked=source)
            for name, source in zip(names, sources, strict=True)
        ]

    assert [(story.entity, story.alert_count) for story in stories([old, *was, new, *customers(2)])] == [("H", 8)]
    apart = stories([old, *was, new, *customers(1)])
    assert [(story.entity, story.alert_count) for story in apart] == [("H", 4), ("later", 4)]


def test_of_two_that_name_each_other_the_older_one_stays_above() -> None:
    one = above_line("tenant", "one", first_call_ms=1, linked=linked(("tenant", "two")))
    two = above_line("tenant", "two", first_call_ms=9, harm=90.0, linked=linked(("tenant", "one")))
    assert parents([branch_of(one), branch_of(two)]) == {"two": "one"}


def test_rules_and_evidence_about_one_entity_are_one_story() -> None:
    evidence = above_line("trunk", "G", harm=9.0)
    rules = [above_line("trunk", "G", f"rule-{i}", kind="rule_violation", harm=1.0) for i in range(2)]
    assert [(story.alert_id, story.alert_count) for story in stories([*rules, evidence])] == [("G", 3)]


def test_a_trunk_belongs_where_most_of_its_parts_are() -> None:
    lines = [alert(f"l{i}", tenant="T" if i < 3 else "U", trunk="G") for i in range(5)]
    tenants = [above_line("tenant", name) for name in "TU"]
    told = stories([*lines, *tenants, above_line("trunk", "G")])
    assert {story.entity: story.alert_count for story in told} == {"T": 5, "U": 3}


@given(branches())
@settings(max_examples=150, deadline=None)
def test_the_tree_is_what_its_slow_twin_says(alerts: list[Branch]) -> None:
    found = parents(alerts)
    assert {one.alert_id: found.get(one.alert_id) for one in alerts} == slow_parents(alerts)


@given(branches(), st.randoms())
@settings(max_examples=80, deadline=None)
def test_the_order_of_arrival_cannot_be_seen(alerts: list[Branch], chance: random.Random) -> None:
    other = chance.sample(alerts, len(alerts))
    found = parents(alerts)
    assert parents(other) == found
    roots = {root_of(one.alert_id, found) for one in alerts}  # ends: there is no circle
    assert roots == {one.alert_id for one in alerts} - set(found)
    both = (together([one for one in some if one.alert_id in roots]) for some in (alerts, other))
    first, second = ({entity: [one.alert_id for one in some] for entity, some in groups.items()} for groups in both)
    assert first == second
