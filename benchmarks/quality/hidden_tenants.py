"""How many customers seem to stand behind one code, beside how many there are.

`python -m benchmarks.quality.hidden_tenants` writes benchmarks/results/hidden_tenants.json and prints its table. The
case of 2020 for half a day, with so many customers behind 952750; the feed names them, the estimate does not look.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.quality.learners import judge
from detector.cdr.batch import CdrBatch
from detector.decode.rejects import Reject
from detector.shard import Findings
from detector.traffic.nantong import nantong
from detector.traffic.suite import World

RESULT = Path(__file__).parents[1] / "results" / "hidden_tenants.json"
FIRST_SEED, SEEDS = 301, 3
CODE, DAYS = "952750", 0.5
TRUE = (1, 5, 10, 20, 50, 155)
ALL_DIAL_H = 1.2
PEOPLE, PEOPLE_OF_THE_LARGEST = 8_000, 24_000
"""Lines behind the code are a twentieth of the people: 400 and 1,200."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """One world. told: (hours since the first call behind the code, customers that had called by then, ways told)."""

    customers: int
    evasive: bool
    seed: int
    told: list[tuple[float, int, int]]


class Watch:
    """Listens to the alerts of the code, and counts the customers that dial behind it."""

    def __init__(self, keys: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> None:
        self._keys = keys
        self._tenants: set[int] = set()
        self._first_ms = 0
        self.told: list[tuple[float, int, int]] = []

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Every revision of every open alert of the code."""
        mine = batch.calls[np.isin(batch.calls["number_key"], self._keys)]
        self._tenants.update(mine["tenant_key"].tolist())
        if len(mine) and not self._first_ms:
            self._first_ms = int(mine["setup_ms"].min())
        for alert in (revision.alert for revision in findings.revisions):
            if (alert.entity_kind, alert.entity, alert.state) == ("block", CODE, "open"):
                ways = [int(reason.value) for reason in alert.reasons if reason.family == "hidden_tenants"]
                hours = round((alert.updated_at_ms - self._first_ms) / 3_600_000, 2)
                self.told.append((hours, len(self._tenants), ways[0] if ways else 1))

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Every record can be read."""
        assert not rejects, rejects[0]


def estimate(customers: int, seed: int, *, evasive: bool = False) -> Estimate:
    """The case with so many customers."""
    people = PEOPLE_OF_THE_LARGEST if customers > 50 else PEOPLE
    scenario = nantong(people, DAYS, customers=customers, evasive=evasive)
    watch, _ = judge(
        World(scenario, seed), lambda shard: Watch(shard.plan.keys([f"{CODE}{i:02d}" for i in range(100)])[0])
    )
    return Estimate(customers=customers, evasive=evasive, seed=seed, told=watch.told)


def table(estimates: Sequence[Estimate]) -> str:
    """Markdown: what the alerts of the code said about ALL_DIAL_H + 1 hours after its first call, and the last one."""
    rows = ["| customers behind the code (seeds) | ways told about an hour after all dial | at last |", "|---|---|---|"]
    for customers, evasive in dict.fromkeys((one.customers, one.evasive) for one in estimates):
        seeds = [one for one in estimates if (one.customers, one.evasive) == (customers, evasive) and one.told]
        early = [min(one.told, key=lambda told: abs(told[0] - ALL_DIAL_H - 1))[2] for one in seeds]
        late = [one.told[-1][2] for one in seeds]
        name = f"{customers}{', all hiding alike' if evasive else ''} ({len(seeds)})"
        rows.append(f"| {name} | {_from_to(early)} | {_from_to(late)} |")
    return "\n".join(rows)


def _from_to(values: Sequence[int]) -> str:
    if not values:
        return "never named"
    return f"{min(values)} to {max(values)}" if min(values) < max(values) else f"{values[0]}"


def read() -> list[Estimate]:
    """The result as it was written."""
    return msgspec.json.decode(RESULT.read_bytes(), type=list[Estimate])


def main() -> None:
    """All worlds, one after the other."""
    estimates: list[Estimate] = []
    for customers, evasive in (*((n, False) for n in TRUE), (20, True)):
        for seed in range(FIRST_SEED, FIRST_SEED + SEEDS):
            estimates.append(estimate(customers, seed, evasive=evasive))
            sys.stderr.write(f"{customers} customers{', evasive' * evasive}, seed {seed}: {estimates[-1].told}\n")
    RESULT.write_bytes(b"[\n" + b",\n".join(map(msgspec.json.encode, estimates)) + b"\n]\n")
    sys.stdout.write(f"{table(estimates)}\n")


if __name__ == "__main__":
    main()
