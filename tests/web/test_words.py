"""The page's words never fail, whatever a record holds."""

from hypothesis import given
from hypothesis import strategies as st

from detector.alert.revision import KINDS as ALL_KINDS
from detector.hooks.action import LIFT
from detector.hooks.action import VERBS as ALL_VERBS
from detector.web import words

INTS = st.integers(-(2**63), 2**63 - 1)


def test_every_kind_and_verb_has_words() -> None:
    assert set(words.KINDS) == set(ALL_KINDS)
    assert set(words.VERBS) == {*ALL_VERBS, LIFT}


def test_examples() -> None:
    assert words.words("no_such_kind", words.KINDS) == "no such kind"
    assert words.cause(19) == "19 no answer"
    assert words.cause(99) == "99"
    assert words.cause(None) == ""
    assert words.moment(1_795_510_803_000) == "2026-11-24 09:00:03 UTC"
    assert words.clock(1_795_510_803_000, 1_795_510_900_000) == "09:00 UTC"
    assert words.clock(1_795_310_803_000, 1_795_510_900_000) == "2026-11-22 01:26 UTC"
    assert [words.age(s * 1000) for s in (0, 99, 100, 7199, 7200, 172_800)] == [
        "0 s",
        "99 s",
        "1 min",
        "119 min",
        "2 h",
        "2 days",
    ]
    assert words.ago(1000, 61_000) == "60 s ago"
    assert words.ago(61_000, 1000) == "now"
    assert [
        words.measured(v, f) for v, f in ((0.43, "script"), (0.005, "targeting"), (39_594, "pace"), (2, "odd"))
    ] == [
        "43 %",
        "0.5 %",
        "10 h",
        "2",
    ]
    assert "Pitman-Yor" in words.definition("novelty")
    assert [words.figure(v) for v in (0, 0.714, 3.14, 18.84, 42, 5400, -1.52)] == [
        "0",
        "0.71",
        "3.1",
        "18.8",
        "42",
        "5,400",
        "−1.5",
    ]


@given(ms=INTS, now=INTS)
def test_no_time_is_too_odd(ms: int, now: int) -> None:
    assert words.moment(ms).endswith(" UTC")
    assert words.clock(ms, now).endswith(" UTC")
    assert words.iso(ms).endswith("Z")
    assert words.ago(ms, now)


@given(value=st.floats(allow_nan=True, allow_infinity=True), family=st.sampled_from(["novelty", "pace", "odd"]))
def test_no_figure_is_too_odd(value: float, family: str) -> None:
    assert words.figure(value)
    assert words.measured(value, family)
