"""How often unrelated customers are taken for one that moved, and how soon a moved one is known.

`python -m benchmarks.quality.moved` writes benchmarks/results/moved.json and prints it. Each seed is a country of
CITIES cities in which some people stand on many lists. 50 customers dial lists of their own, one after the other, each
after the alerts of those before ended; most in one city or in all. Then five of them come back under another name with
their old lists from the top.
"""

import sys
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.alert.revision import Alert, Versions
from detector.cdr.batch import CDR, CallRecord, CdrBatch, Describe
from detector.config import State
from detector.entities.episodes import EntityEpisodes
from detector.entities.laws import laws
from detector.entities.roll_ups import RollUps
from detector.features.kernels.layout import SCORED
from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Registry, all_classes
from models.evidence import Evidence

RESULT = Path(__file__).parents[1] / "results" / "moved.json"
SEEDS, CUSTOMERS, MOVED = 100, 50, 5
CITIES, CITY_PEOPLE = 20, 15_000
POPULARITY = 1.0
"""Spread of the logarithm of how likely people are to stand on a list."""

LIST = (600, 0.8, 150, 4_000)
"""Length of a list: median, spread of its logarithm, least, most."""

START_MS = 1_710_122_400_000
MINUTE_MS, GAP_MS = 60_000, 500
MOVED_CALLS = 400
WITHIN_CALLS = 200
MOBILE, CALLEES_FROM, LINES_FROM = 1, 10**11 + 13_900_000_000, 10**11 + 15_000_000_000


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """benchmarks/results/moved.json.

    pairs         (later, earlier) unrelated customers compared
    false_links   alerts of customers that did not move with a reason of 2 nats or more that they did
    named         moved customers that were linked to their own old list, of `moved`
    calls         until the link, of each in order of size
    """

    seeds: int
    customers: int
    pairs: int
    false_links: int
    most_false_nats: float
    moved: int
    named: int
    within_200: int
    calls_p50: int
    calls_p90: int
    calls: int


def main(seeds: int = SEEDS) -> Result:
    """All seeds, written and printed."""
    false_nats: list[float] = []
    found: list[int] = []
    calls = 0
    for seed in range(seeds):
        told, made = played(seed)
        calls += made
        false_nats += [nats for name, owner, nats, _ in told if not name.startswith("moved") or owner != name[6:]]
        first = {
            name: calls for name, owner, _, calls in reversed(told) if name.startswith("moved") and owner == name[6:]
        }
        found += first.values()
    found.sort()
    result = Result(
        seeds=seeds,
        customers=CUSTOMERS,
        pairs=seeds * CUSTOMERS * (CUSTOMERS - 1) // 2,
        false_links=len(false_nats),
        most_false_nats=round(max(false_nats, default=0.0), 2),
        moved=seeds * MOVED,
        named=len(found),
        within_200=sum(n <= WITHIN_CALLS for n in found),
        calls_p50=found[len(found) // 2],
        calls_p90=found[len(found) * 9 // 10],
        calls=calls,
    )
    text = msgspec.json.format(msgspec.json.encode(result), indent=2).decode()
    RESULT.write_text(text + "\n")
    print(text)
    return result


def played(seed: int) -> tuple[list[tuple[str, str, float, int]], int]:
    """One country: (customer, whose list it was told to work through, nats, its calls by then); all calls made."""
    draw = np.random.default_rng(seed)
    weight = np.exp(POPULARITY * draw.standard_normal((CITIES, CITY_PEOPLE)))
    lists = {f"customer-{i}": _list(draw, weight) for i in range(CUSTOMERS)}
    come_back = draw.choice(CUSTOMERS, MOVED, replace=False).tolist()
    dialed = dict(lists)
    for i in come_back:
        dialed[f"moved-customer-{i}"] = lists[f"customer-{i}"][:MOVED_CALLS]
    plan = NumberPlan("china", b"seeded benchmark")
    levels = laws(Evidence.load(), all_classes(), ())
    ups = RollUps(State(entity_capacity=4096), levels, plan, Registry(plan), 14.0, 0)
    episodes = EntityEpisodes(ups, Versions(config="", model="", code=""), 30 * MINUTE_MS)
    told: list[Alert] = []
    now_ms = START_MS
    for place, (name, people) in enumerate(dialed.items()):
        calls = _calls(draw, people, place, now_ms)
        batch = CdrBatch(calls, [b""], _described(name))
        ups.begin(batch)
        now_ms = int(calls["release_ms"][-1]) // MINUTE_MS * MINUTE_MS + 45 * MINUTE_MS
        scored = np.zeros(len(calls), SCORED)
        scored["outcome"] = calls["answer_ms"] < 0
        ups.take(batch, scored)
        ups.close(now_ms, lambda turn: told.extend(episodes.told(turn, "")))
    return _links(told), sum(map(len, dialed.values()))


def _described(name: str) -> Describe:
    record = CallRecord(a_number="1", b_number="2", setup_ms=1, release_ms=2, tenant=name)
    return lambda raw, stream: record


def _list(draw: np.random.Generator, weight: NDArray[np.float64]) -> NDArray[np.int64]:
    """Whom a customer means to call, in order: people of its city, or of all; some stand on many lists."""
    median, spread, least, most = LIST
    n = int(np.clip(median * np.exp(spread * draw.standard_normal()), least, most))
    chance = weight / weight.sum()
    local = float(draw.choice([0.05, 0.3, 0.9]))
    city = int(draw.integers(CITIES))
    chance = (1 - local) * chance
    chance[city] += local * weight[city] / weight[city].sum()
    return draw.choice(chance.size, n, replace=False, p=chance.ravel() / chance.sum())


def _calls(draw: np.random.Generator, people: NDArray[np.int64], place: int, begin_ms: int) -> NDArray[np.void]:
    """CDR[n]: ten lines call them one after the other; 40 % answer, to a recording of the customer's own length."""
    calls = np.zeros(len(people), CDR)
    script_s = draw.uniform(8, 60)
    talk_ms = (1000 * np.where(draw.random(len(people)) < 0.5, script_s, draw.lognormal(2.0, 0.8, len(people)))).astype(
        int
    )
    calls["setup_ms"] = begin_ms + GAP_MS * np.arange(len(people))
    answered = draw.random(len(people)) < 0.4
    calls["answer_ms"] = np.where(answered, calls["setup_ms"] + 8000, -1)
    calls["release_ms"] = np.where(answered, calls["setup_ms"] + 8000 + talk_ms, calls["setup_ms"] + 20_000)
    calls["line_key"] = LINES_FROM + 10 * place + np.arange(len(people)) % 10
    calls["number_key"] = LINES_FROM + 10_000 + place
    calls["callee_key"] = CALLEES_FROM + people
    calls["tenant_key"] = 1000 + place
    calls["call_hash"] = draw.integers(1, 2**63, len(people))
    calls["number_class"] = MOBILE
    return np.sort(calls, order="release_ms")


def _links(told: list[Alert]) -> list[tuple[str, str, float, int]]:
    """What alerts of customers said about moves."""
    links = []
    for alert in told:
        for reason in alert.reasons:
            if alert.entity_kind == "tenant" and reason.family == "moved" and alert.state == "open":
                whose = reason.text.split(" on the list of ")[1].split(",")[0]
                links.append((alert.entity, whose.removeprefix("tenant "), reason.share, alert.calls))
    return links


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
