"""The judging kernel against its slow twin, and what it promises whatever the stream."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.cdr.batch import CAUSE_UNKNOWN, CDR, NEVER_MS
from detector.config import Order, State
from detector.features.catalog import FAMILIES
from detector.features.kernels.judge import judge
from detector.features.kernels.layout import SCORED, Tables
from detector.features.kernels.weigh import DONE, TIMER
from detector.features.state import new_policy, new_tables
from models.evidence import Evidence
from tests.reference import Call, Lives, Twin

START_MS = 1_700_000_000_000
THRESHOLD = 13.0
SMALL = State(line_capacity=512, warm_capacity=128, hot_capacity=64, dedup_calls=8192)

calls_of_a_few_lines = st.lists(
    st.builds(
        lambda **drawn: tuple(drawn.values()),
        line=st.integers(1, 6),
        callee=st.one_of(st.integers(1, 8), st.integers(100, 160)),
        gap_s=st.one_of(st.integers(0, 40), st.integers(0, 40_000)),
        ring_s=st.integers(0, 30),
        talk_s=st.one_of(st.none(), st.integers(0, 60), st.integers(20, 24)),
        cause=st.sampled_from([CAUSE_UNKNOWN, 16, 17, 1, 34]),
        late=st.booleans(),
        shared=st.booleans(),
        party=st.sampled_from([0, 1, 1, 2, 3]),
        rang=st.booleans(),
    ),
    min_size=1,
    max_size=150,
)


def build(drawn: list[Any]) -> tuple[NDArray[np.void], list[Call]]:
    """The drawn calls as a CDR array and for the twin; a late call is set up before its neighbour."""
    calls = np.zeros(len(drawn), CDR)
    twins = []
    now_ms = START_MS
    for i, (line, callee, gap_s, ring_s, talk_s, cause, late, shared, party, rang) in enumerate(drawn):
        now_ms += gap_s * 1000
        release_ms = now_ms - 90_000 if late else now_ms
        answer_ms = release_ms - talk_s * 1000 if talk_s is not None else NEVER_MS
        setup_ms = (answer_ms if talk_s is not None else release_ms) - ring_s * 1000
        number = 7 if shared else line
        calls[i]["setup_ms"], calls[i]["release_ms"] = setup_ms, release_ms
        ring_ms = setup_ms + min(ring_s, 2) * 1000 if rang else NEVER_MS
        calls[i]["answer_ms"], calls[i]["ring_ms"] = answer_ms, ring_ms
        calls[i]["line_key"], calls[i]["number_key"], calls[i]["callee_key"] = line, number, callee
        calls[i]["release_cause"], calls[i]["release_party"], calls[i]["call_hash"] = cause, party, i + 1
        answered = answer_ms if talk_s is not None else None
        rings = ring_ms if rang else None
        twins.append(Call(line, number, callee, setup_ms, release_ms, answered, cause, i + 1, rings, party))
    return calls, twins


def run(calls: NDArray[np.void], tables: Tables, name: str = "any") -> NDArray[np.void]:
    scored = np.zeros(len(calls), SCORED)
    parameters = table_of(name)
    policy = new_policy(SMALL, Order(), THRESHOLD, observe=True)
    i = 0
    while i < len(calls):
        i, why = judge(calls, i, tables, parameters, policy, scored)
        assert why != TIMER
        assert why != DONE or i == len(calls)
    return scored


def named(shares: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(("answered", "unanswered", "busy", "invalid"), shares.tolist(), strict=True))


def table_of(name: str) -> NDArray[np.void]:
    """Parameters of one class for every number."""
    return Evidence.load().table(dict.fromkeys(range(256), name), ())


def twin(name: str) -> Twin:
    table = table_of(name)[0]
    names = ["theta", "sigma", "talk_least_spread", "ring_mu", "ring_sigma", "short_p0", "near_p0"]
    return Twin(
        parameters={name: float(table[name]) for name in names},
        rates=[float(rate) for rate in table["rate_per_s"]],
        lives=Lives(
            outcomes=[named(shares) for shares in table["life_outcome"]],
            dial_outcomes=[named(shares) for shares in table["dial_outcome"]],
            **{of: table[of].tolist() for of in ("dial_new", "dial_plays")},
            **{of: table[f"life_{of}"].tolist() for of in ("prior", "new", "gap_shape", "gap_scale_s")},
            **{of: table[f"life_{of}"].tolist() for of in ("talk_mu", "talk_sigma")},
        ),
        own_script=bool(table["own_script"]),
        callback=int(table["callback"]),
        silence=int(table["silence"]),
        limits={family.name: (int(table["low"][k]), int(table["high"][k])) for k, family in enumerate(FAMILIES)},
        weights={family.name: float(table["weight"][k]) for k, family in enumerate(FAMILIES)},
        threshold=round(THRESHOLD * 1024),
        beside_p0=[float(share) for share in table["beside_p0"]],
        hour_p0=[float(share) for share in table["hour_p0"]],
    )


@settings(max_examples=60, deadline=None)
@given(calls_of_a_few_lines, st.sampled_from(["any", "any", "declared_otp_notify", "declared_number_masking"]))
def test_every_share_of_every_call_equals_the_twin(drawn: list[Any], name: str) -> None:
    calls, twins = build(drawn)
    scored = run(calls, new_tables(SMALL), name)
    slow = twin(name)
    for i, call in enumerate(twins):
        told = slow.judge(call)
        assert told is not None
        score, shares = told
        assert int(scored[i]["score"]) == score, i
        assert [int(x) for x in scored[i]["share"]] == [shares.get(family.name, 0) for family in FAMILIES], i


@settings(max_examples=25, deadline=None)
@given(calls_of_a_few_lines, st.integers(1, 20))
def test_how_the_stream_is_cut_changes_nothing(drawn: list[Any], size: int) -> None:
    calls, _ = build(drawn)
    whole_tables, cut_tables = new_tables(SMALL), new_tables(SMALL)
    whole = run(calls, whole_tables)
    cut = np.concatenate([run(calls[i : i + size], cut_tables) for i in range(0, len(calls), size)])
    assert np.asarray(whole == cut).all()
    for a, b in zip(whole_tables, cut_tables, strict=True):
        assert np.asarray(a == b).all()


@settings(max_examples=25, deadline=None)
@given(calls_of_a_few_lines)
def test_a_stream_sent_twice_is_judged_once(drawn: list[Any]) -> None:
    calls, _ = build(drawn)
    tables = new_tables(SMALL)
    run(calls, tables)
    before = tables.rows.copy()
    again = run(calls, tables)
    assert (again["tier"] == -1).all()
    assert np.array_equal(tables.rows, before)
    assert int(tables.meta[0]["duplicates"]) == len(calls)
