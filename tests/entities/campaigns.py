"""Campaigns for the tests of links: a customer's lines that work through a list of people."""

import random
from collections.abc import Sequence
from typing import Any

from tests.calls import call


def people(n: int, seed: int = 1) -> list[str]:
    """Mobile numbers here and there."""
    chance = random.Random(seed)
    return [f"138{chance.randrange(10**8):08}" for _ in range(n)]


def campaign(
    tenant: str, callees: Sequence[str], begin_s: float, gap_s: float = 3.0, lines: int = 4, talk_s: float = 14.0
) -> list[dict[str, Any]]:
    """Lines of a tenant call these people in order, one every gap_s; two of five answer, to a recording."""
    chance = random.Random(tenant)
    calls = []
    for i, callee in enumerate(callees):
        answered = i % 5 in (0, 2)
        line, at_s = i % lines, begin_s + i * gap_s
        fields = {
            "line_id": f"{tenant}-{line}",
            "presented": f"0512{sum(map(ord, tenant)) % 10_000:04}{line:04}",
            "tenant": tenant,
            "release_party": "caller",
        }
        talk = talk_s + chance.uniform(-0.5, 0.5) if answered else None
        calls.append(
            call(f"0512{line:08}", callee, at_s, talk, chance.uniform(12, 24), 16 if answered else 19, **fields)
        )
    return calls


def others(hours: float, every_s: float = 50.0) -> list[dict[str, Any]]:
    """Ordinary calls, so that event time passes."""
    callees = people(50, 99)
    n = int(hours * 3600 / every_s)
    return [call(f"1371000{i % 500:04}", callees[i % 50], every_s * i, 30.0 + i % 90) for i in range(n)]
