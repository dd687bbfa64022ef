"""Customers behind one code are told apart by how their lines dial; lines of one customer are not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.entities.hidden_tenants import EDGES_S, ways_of
from tests.calls import call, judge, small_config

CODE = "952750"
BLOCK = {"block": CODE, "first": "95275000", "last": "95275099", "holder": "holder"}
REGISTRY = {"blocks": [BLOCK | {"declared_purpose": "inbound_hotline"}]}
BINS = len(EDGES_S) + 1


def dialing(customers: list[tuple[float, float, float]], lines: int, calls: int, seed: int) -> list[dict[str, Any]]:
    """Lines of customers with a talk, a ringing time-out and a pause of their own, behind one code."""
    rng = np.random.default_rng(seed)
    made = []
    for customer, (talk_s, ring_s, pause_s) in enumerate(customers):
        for line in range(lines):
            fields = {
                "line_id": f"line-{customer}-{line}",
                "presented": f"{CODE}{10 * customer + line:02}",
                "release_party": "caller",
            }
            at_s = float(rng.uniform(0, pause_s))
            for i in range(calls):
                callee = f"138{rng.integers(10**8):08}"
                talks = float(rng.normal(talk_s, 0.05 * talk_s)) if i % 3 == 0 else None
                rings = float(rng.uniform(4, 12)) if talks else ring_s
                made.append(call("02150000000", callee, at_s, talks, rings, 16 if talks else 19, **fields))
                at_s += (talks or 0.0) + rings + float(rng.gamma(4, pause_s / 4))
    return sorted(made, key=lambda one: int(one["release_ms"]))


def told(calls: list[dict[str, Any]], folder: Path) -> list[tuple[str, float]]:
    """(state, ways told) of the alerts of the code, one by one."""
    file = folder / "registry.json"
    file.write_text(json.dumps(REGISTRY), encoding="utf-8")
    after = [call("13700000009", "13700000008", 4 * 3600.0 * i, 5.0) for i in range(1, 12)]
    alerts, _ = judge(calls + after, small_config(numbering__registry=str(file)))
    of_code = [alert for alert in alerts if (alert.entity_kind, alert.entity) == ("block", CODE)]
    assert of_code
    assert [alert for alert in of_code if alert.state == "resolved"]
    assert all(reason.share == 0 for alert in of_code for reason in alert.reasons if reason.family == "hidden_tenants")
    return [
        (alert.state, reason.value)
        for alert in of_code
        for reason in alert.reasons
        if reason.family == "hidden_tenants"
    ]


def test_three_customers_behind_one_code_are_three_ways(tmp_path: Path) -> None:
    ways = told(dialing([(12.0, 20.0, 30.0), (40.0, 15.0, 30.0), (25.0, 25.0, 60.0)], 6, 150, 1), tmp_path)
    assert ("open", 3) in ways
    assert ("resolved", 3) in ways
    assert max(n for _, n in ways) == 3


def test_one_customer_hides_nobody(tmp_path: Path) -> None:
    assert not told(dialing([(25.0, 20.0, 40.0)], 10, 150, 1), tmp_path)


def counts_of(lengths: NDArray[np.float64]) -> NDArray[np.int64]:
    """int64[3, BINS]: the same lengths as talk, as ringing and as pauses."""
    return np.stack([np.bincount(EDGES_S.searchsorted(lengths, "right"), minlength=BINS)] * 3)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(2, 5), st.integers(30, 150), st.integers(0, 2**32 - 1), st.randoms())
def test_ways_follow_laws_that_lie_far_apart_whatever_the_order(
    customers: int, lines: int, calls: int, seed: int, order: Any
) -> None:
    rng = np.random.default_rng(seed)
    owner = [customer for customer in range(customers) for _ in range(lines)]
    order.shuffle(owner)
    counts = np.stack(
        [counts_of(np.full(calls, 8.0 * customer + 4) + rng.uniform(0, 0.9, calls)) for customer in owner]
    )
    ways = ways_of(counts)
    pairs = {(customer, way) for customer, way in zip(owner, ways.tolist(), strict=True)}
    assert len(pairs) == customers == len(set(ways.tolist()))
