"""Which alerts are told as one story."""

from detector.alert.revision import Alert, Versions
from detector.alert.tree import stories


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


def test_only_the_newest_revision_counts_and_resolved_stories_do_no_harm() -> None:
    told = stories([alert("a"), alert("a", revision=2, state="resolved", calls=50), alert("a", revision=1)])
    assert [(story.state, story.calls, story.harm) for story in told] == [("resolved", 50, 0.0)]


def test_members_are_bounded_and_counted() -> None:
    told = stories([alert(f"l{i:03}", tenant="T") for i in range(150)])
    assert told[0].alert_count == 150
    assert len(told[0].alerts) == len(told[0].lines) == 100
