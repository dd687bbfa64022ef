"""Who may be acted on without asking, who only after asking, and who never."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.alert.revision import ENTITY_KINDS, KINDS, Alert
from detector.config import Hooks
from detector.hooks.action import VERBS, Action, action_id
from detector.hooks.limits import Limit, Usage, limit
from detector.hooks.policy import Decision, decide
from tests.hooks.sample import SETTINGS, T0, alert, asks, never


def done(verb: str, **changes: Any) -> Action:
    """An action in force on the sample's line."""
    action = Action(
        action_id=action_id("a1", verb, "sip:0451", 0, False),
        alert_id="a1",
        alert_revision=1,
        kind="mass_dialing",
        verb=verb,
        scope="line",
        target="sip:0451",
        dryrun=False,
        state="ordered",
        why="",
        ttl_s=600,
        decided_ms=T0,
        expires_ms=T0 + 600_000,
    )
    return replace(action, **changes)


def judge(
    about: Alert, settings: Hooks = SETTINGS, *before: Action, listed: tuple[str, ...] = (), cap: Limit = ""
) -> Decision | None:
    return decide(about, settings, never(*listed), before, cap)


def test_a_line_the_network_vouches_for_is_acted_on_at_once() -> None:
    decision = judge(alert())
    assert decision is not None
    assert (decision.verb, decision.target, decision.held_by) == ("suspend", "sip:0451", "")


@pytest.mark.parametrize(
    "about",
    [
        alert(authenticated=False),
        alert(entity_kind="number", entity="95275012", proposed_action=asks(scope="number", target="95275012")),
        alert(proposed_action=asks(scope="trunk", target="north-2")),  # vouched for is the line, not its trunk
        alert(proposed_action=asks(target="sip:0452")),
        alert(entity_kind="tenant", entity="tenant-7", proposed_action=asks(scope="tenant", target="tenant-7")),
    ],
    ids=["asserted line", "number", "wider than the entity", "another line", "tenant"],
)
def test_anything_else_asks_a_person(about: Alert) -> None:
    decision = judge(about)
    assert decision is not None
    assert decision.held_by == "asserted"


def test_a_trunk_with_an_alert_of_its_own_is_acted_on() -> None:
    about = alert(entity_kind="trunk", entity="north-2", proposed_action=asks("throttle", "trunk", "north-2"))
    decision = judge(about)
    assert decision is not None
    assert decision.held_by == ""


@pytest.mark.parametrize(
    ("about", "settings", "listed"),
    [
        (alert(), replace(SETTINGS, mode="off"), ()),
        (alert(state="resolved"), SETTINGS, ()),
        (alert(proposed_action=None), SETTINGS, ()),
        (alert(kind="unusual_shape"), SETTINGS, ()),
        (alert(), SETTINGS, ("sip:0451",)),
        (alert(), SETTINGS, ("sip:*",)),
        (alert(), SETTINGS, ("tenant-7",)),
        (alert(proposed_action=asks("explode")), SETTINGS, ()),
        (alert(proposed_action=asks("lift")), SETTINGS, ()),
        (alert(proposed_action=asks(scope="planet")), SETTINGS, ()),
        (alert(proposed_action=asks(target="")), SETTINGS, ()),
        (alert(proposed_action=asks(target="x" * 257)), SETTINGS, ()),
        (alert(proposed_action=asks(target="sip:0451\r\n")), SETTINGS, ()),
        (alert(proposed_action=asks(scope="number", target="120")), SETTINGS, ()),
    ],
)
def test_nothing_happens(about: Alert, settings: Hooks, listed: tuple[str, ...]) -> None:
    assert judge(about, settings, listed=listed) is None


def test_mode_approve_asks_for_everything_but_an_observation() -> None:
    settings = replace(SETTINGS, mode="approve")
    held = {verb: judge(alert(proposed_action=asks(verb)), settings) for verb in VERBS}
    assert {verb: d.held_by for verb, d in held.items() if d} == {
        "observe": "",
        "throttle": "mode",
        "re-verify": "mode",
        "suspend": "mode",
    }


def test_a_number_on_the_list_that_somebody_presents_asks_a_person() -> None:
    decision = judge(alert(number="13800000000"), listed=("+86 138 0000 0000",))
    assert decision is not None
    assert decision.held_by == "listed"


@pytest.mark.parametrize(("asked", "ttl_s"), [(60, 60), (0, 600), (-5, 600), (10_000, 600)])
def test_the_shorter_time_counts(asked: int, ttl_s: int) -> None:
    decision = judge(alert(proposed_action=asks(ttl_s=asked)))
    assert decision is not None
    assert decision.ttl_s == ttl_s


def test_only_something_harder_follows_what_stands() -> None:
    assert judge(alert(), SETTINGS, done("suspend")) is None
    assert judge(alert(proposed_action=asks("throttle")), SETTINGS, done("suspend")) is None
    assert judge(alert(), SETTINGS, done("throttle")) is not None
    assert judge(alert(), SETTINGS, done("suspend", state="proposed")) is None


def test_what_ran_out_may_be_done_again() -> None:
    decision = judge(alert(), SETTINGS, done("suspend", state="ended", ended_by="expired"))
    assert decision is not None
    assert decision.held_by == ""


def test_what_a_person_lifted_stays_lifted_and_anything_harder_asks() -> None:
    lifted = done("throttle", state="ended", ended_by="operator")
    assert judge(alert(proposed_action=asks("throttle")), SETTINGS, lifted) is None
    decision = judge(alert(), SETTINGS, lifted)
    assert decision is not None
    assert decision.held_by == "lifted"


def test_an_action_has_one_name_and_a_rehearsal_another() -> None:
    names = {action_id("a1", v, t, n, d) for v in VERBS for t in ("x", "y") for n in (0, 1) for d in (False, True)}
    assert len(names) == len(VERBS) * 8
    assert action_id("a1", "suspend", "x", 0, False) == action_id("a1", "suspend", "x", 0, False)


names = st.sampled_from(["sip:0451", "13800000000", "110", "tenant-7", "north-2", "clinic", "95275012"])
alerts = st.builds(
    alert,
    entity_kind=st.sampled_from(ENTITY_KINDS),
    entity=names,
    line=names,
    number=names,
    tenant=st.none() | names,
    trunk=st.none() | names,
    authenticated=st.booleans(),
    kind=st.sampled_from(KINDS),
    state=st.sampled_from(["open", "resolved"]),
    proposed_action=st.none()
    | st.builds(
        asks,
        verb=st.sampled_from((*VERBS, "lift")),
        scope=st.sampled_from(ENTITY_KINDS),
        target=names,
        ttl_s=st.integers(-10, 10_000),
    ),
)
modes = st.sampled_from(["off", "dry-run", "approve", "auto"])
verbs_before = st.lists(
    st.builds(done, st.sampled_from(VERBS), state=st.sampled_from(["ordered", "ended"])), max_size=3
)


@given(alerts, modes, st.lists(names, max_size=2), verbs_before)
def test_without_asking_only_on_what_the_network_vouches_for(
    about: Alert, mode: Any, listed: list[str], before: list[Action]
) -> None:
    decision = judge(about, replace(SETTINGS, mode=mode), *before, listed=tuple(listed))
    if decision is not None and decision.held_by == "" and decision.verb != "observe":
        assert mode in ("auto", "dry-run")
        assert about.authenticated
        assert decision.scope in ("line", "trunk")
        assert (decision.scope, decision.target) == (about.entity_kind, about.entity)
        assert not {about.line, about.number} & set(listed)


@given(alerts, modes, st.lists(names, max_size=2), verbs_before)
def test_never_on_the_list(about: Alert, mode: Any, listed: list[str], before: list[Action]) -> None:
    decision = judge(about, replace(SETTINGS, mode=mode), *before, listed=tuple(listed))
    if decision is not None:
        assert not {decision.target, about.entity, about.tenant, about.trunk} & {*listed, "110"}
        assert mode != "off"
        assert about.kind != "unusual_shape"
        assert 0 < decision.ttl_s <= SETTINGS.ttl_s


@given(st.integers(0, 50), st.integers(0, 50), st.none() | st.integers(T0 - 7_200_000, T0))
def test_a_cap_that_is_used_up_asks_a_person(total: int, tenant: int, opened_ms: int | None) -> None:
    found = limit(Usage(total, tenant, opened_ms), SETTINGS, T0)
    free = total < SETTINGS.max_actions_per_hour and tenant < SETTINGS.max_actions_per_tenant_per_hour
    assert (found == "") is (free and (opened_ms is None or T0 - opened_ms >= 3_600_000))
