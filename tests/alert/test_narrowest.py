"""What stops nearly all of a story's harm, and whom it would hit."""

from hypothesis import given, settings

from detector.alert.branch import LEVELS, Branch
from detector.alert.narrowest import NEARLY_ALL, Narrowest, as_text, narrowest
from tests.alert.tree_twin import branches


def branch(kind: str, name: str, harm: float, calls: int, state: str = "open", **names: str) -> Branch:
    return Branch(
        alert_id=f"{kind}-{name}",
        state=state,
        severity="warning",
        entity_kind=kind,
        entity=name,
        harm=harm,
        calls=calls,
        first_call_ms=1,
        **{**names, **({kind: name} if kind != "line" else {})},  # type: ignore[arg-type]
    )


def test_one_loud_line_is_enough() -> None:
    lines = [branch("line", "loud", 95.0, 200, tenant="T"), branch("line", "other", 5.0, 20, tenant="T")]
    found = narrowest([*lines, branch("tenant", "T", 100.0, 400)])
    assert found == Narrowest(entity_kind="line", entity="loud", stops=0.95, calls=200, honest_calls=0)


def test_a_customer_among_others_behind_a_block() -> None:
    lines = [branch("line", f"l{i}", 10.0, 90, tenant="T", block="B") for i in range(10)]
    block = branch("block", "B", 100.0, 5000)
    found = narrowest([*lines, branch("tenant", "T", 100.0, 1000), block])
    assert found == Narrowest(entity_kind="tenant", entity="T", stops=1.0, calls=1000, honest_calls=100)
    assert as_text(found) == "tenant T: stops 100% of the harm; at most 100 of its 1,000 calls are of others"


def test_several_customers_leave_the_block() -> None:
    tenants = [branch("tenant", f"t{i}", 30.0, 300, block="B") for i in range(3)]
    found = narrowest([*tenants, branch("block", "B", 90.0, 900)])
    assert found is not None
    assert (found.entity_kind, found.stops, found.honest_calls) == ("block", 1.0, 900)


def test_what_has_no_alert_of_its_own_carries_nobody_knows_what() -> None:
    found = narrowest([branch("line", f"l{i}", 10.0, 90, tenant="T") for i in range(5)])
    assert found == Narrowest(entity_kind="tenant", entity="T", stops=1.0, calls=None, honest_calls=None)
    assert as_text(found) == "tenant T: stops 100% of the harm; what else it carries is not known"


def test_harm_of_what_is_over_counts_only_where_all_is() -> None:
    over = branch("line", "over", 90.0, 10, "resolved", tenant="T")
    now = branch("line", "now", 10.0, 10, tenant="T")
    told = [narrowest(alerts) for alerts in ([over, now], [over])]
    assert [one.entity for one in told if one] == ["now", "over"]
    assert narrowest([branch("line", "quiet", 0.0, 10)]) is None
    assert narrowest([branch("line", "a", 5.0, 9), branch("line", "b", 5.0, 9)]) is None


@given(branches())
@settings(max_examples=80, deadline=None)
def test_it_is_one_of_the_story_and_stops_nearly_all(alerts: list[Branch]) -> None:
    found = narrowest(alerts)
    harm = any(one.harm > 0 and one.state == "open" and one.entity_kind in LEVELS for one in alerts)
    if found is None:
        return
    assert harm or not any(one.state == "open" and one.entity_kind in LEVELS for one in alerts)
    assert NEARLY_ALL <= found.stops <= 1
    named = {entity for one in alerts for entity in (one.own, *one.part_of())}
    assert (found.entity_kind, found.entity) in named
    assert found.honest_calls is None or 0 <= found.honest_calls <= (found.calls or 0)
    assert narrowest(alerts[::-1]) == found
