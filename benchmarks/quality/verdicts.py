"""What fifty verdicts are worth: a detector that wrongly accuses couriers, and operators who say so.

`python -m benchmarks.quality.verdicts` writes benchmarks/results/verdicts.json and prints the table. The detector is
the shipped one as if nobody had told it of trades: the lives of couriers and shops weigh nothing. Five operators judge
what alerts on the first day, at most 30 couriers and 20 dialers, each an hour after it opened. Then: the same people on
the day after, and other people (another seed) judged with what was learned and nothing else. Last, 20 wrong verdicts
of one author on dialers.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from detector.alert.revision import Alert
from detector.app import new_pipeline, new_shard
from detector.cdr.batch import CdrBatch
from detector.config import load
from detector.decode.rejects import Reject
from detector.feedback.applied import Applied, AppliedVerdict
from detector.landed.feedback import Judgement, Verdict
from detector.replay.played import NoSink
from detector.replay.witness import Truth, truth_of
from detector.shard import Findings, Shard
from detector.traffic.scenario import preset
from detector.traffic.suite import World
from detector.traffic.world import MONDAY_MS
from detector.warm_up import warm_up
from models.evidence import Evidence

RESULT = Path(__file__).parents[1] / "results" / "verdicts.json"
SEED, OTHER_SEED = 401, 402
PEOPLE, DAYS, COURIERS, DIALERS = 500, 2.0, 600, 3
JUDGED: dict[Judgement, int] = {"legitimate": 30, "dialer": 20}
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LEAST_CALLS = 30


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One population, without and with verdicts. Lines; couriers_false: courier lines that alerted."""

    couriers: int
    couriers_false: int
    couriers_false_after: int
    fall: float
    dialers: int
    recall: float
    recall_after: float


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """benchmarks/results/verdicts.json."""

    threshold: float
    verdicts: int
    lives: int  # lines that got an ordinary life of their own
    weights: dict[str, float]  # of mobiles, after the last verdict
    same_people: Told
    other_people: Told
    poisoned: Told
    poisoned_lives: int


Say = Callable[[Alert], tuple[str, Judgement] | None]
"""Who judges an alert, and how; None = nobody."""


class Operators:
    """Watches the loop, and judges alerts an hour after they opened. Changes what the shard does."""

    def __init__(self, shard: Shard, say: Say) -> None:
        self._shard, self._say = shard, say
        self._waiting: list[Alert] = []
        self.told: list[AppliedVerdict] = []
        self.alerts: list[Alert] = []

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Judge what is due."""
        opened = [revision.alert for revision in findings.revisions if revision.alert.revision == 1]
        self.alerts += opened
        self._waiting += opened
        due = [alert for alert in self._waiting if alert.raised_at_ms + HOUR_MS <= self._shard.newest_ms]
        self._waiting = [alert for alert in self._waiting if alert.raised_at_ms + HOUR_MS > self._shard.newest_ms]
        for alert in due:
            if (said := self._say(alert)) is not None:
                self._tell(alert, *said)

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Nothing between batches."""

    def _tell(self, alert: Alert, author: str, judgement: Judgement) -> None:
        verdict = Verdict(
            feedback_id=alert.alert_id,
            at_ms=self._shard.newest_ms,
            author=author,
            alert_id=alert.alert_id,
            entity_kind="line",
            entity=alert.entity,
            verdict=judgement,
            reason="",
            shares={reason.family: reason.share for reason in alert.reasons},
        )
        change = self._shard.settle(verdict, 0, 0)
        assert isinstance(change, AppliedVerdict)
        self.told.append(change)
        self._shard.calendar.enter(change)


def world(seed: int) -> World:
    """People, every bad kind plain and evasive, and many couriers."""
    scenario = preset("dialers", PEOPLE, DAYS)
    campaigns = tuple(msgspec.structs.replace(campaign, lines=DIALERS) for campaign in scenario.campaigns)
    look_alikes = scenario.look_alikes | {"courier": COURIERS}
    return World(msgspec.structs.replace(scenario, look_alikes=look_alikes, campaigns=campaigns), seed)


def ignorant() -> bytes:
    """The shipped parameters without the lives of trades."""
    parameters = Evidence.load().parameters
    lives = {name: msgspec.structs.replace(life, prior=0.0) for name, life in parameters.lives.items()}
    return msgspec.json.encode(msgspec.structs.replace(parameters, lives=lives))


def play(seed: int, say: Callable[[Truth], Say], applied: Sequence[Applied] = ()) -> tuple[Truth, Operators, Shard]:
    """Play a world before operators. applied: what was changed before it began."""
    made = world(seed)
    source = made.source()
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder) / "registry.json"
        made.write_registry(registry)
        model = Path(folder) / "evidence.json"
        model.write_bytes(ignorant())
        flags = {"numbering.registry": str(registry), "model.file": str(model)}
        config = load(None, {}, flags | {"state.line_capacity": 100_000, "state.entity_capacity": 4_096})
        shard = new_shard(config, source)
    truth = truth_of(made.truth())
    operators = Operators(shard, say(truth))
    for change in applied:
        shard.calendar.enter(change)
    new_pipeline(config, source, ["json"], shard, NoSink(), [operators], batch_calls=2_000).run()
    return truth_of(made.truth()), operators, shard


def silent(truth: Truth) -> Say:
    """Nobody says anything."""
    return lambda alert: None


def honest(truth: Truth) -> Say:
    """Five operators who are right: the first alerts of couriers and of dialers of the first day, JUDGED of them."""
    bad = dict(zip(truth.lines, truth.bad.tolist(), strict=True))
    courier = dict(zip(truth.lines, (truth.kind == "courier").tolist(), strict=True))
    seen: set[str] = set()
    left = dict(JUDGED)

    def say(alert: Alert) -> tuple[str, Judgement] | None:
        judgement: Judgement = "dialer" if bad.get(alert.entity) else "legitimate"
        fits = bad.get(alert.entity) or courier.get(alert.entity)
        late = alert.raised_at_ms >= MONDAY_MS + DAY_MS
        if late or alert.entity in seen or not fits or left[judgement] == 0:
            return None
        seen.add(alert.entity)
        left[judgement] -= 1
        return f"operator {len(seen) % 5}", judgement

    return say


def bribed(truth: Truth) -> Say:
    """One operator who calls 20 dialers legitimate."""
    bad = dict(zip(truth.lines, truth.bad.tolist(), strict=True))
    seen: set[str] = set()

    def say(alert: Alert) -> tuple[str, Judgement] | None:
        if not bad.get(alert.entity) or alert.entity in seen or len(seen) == 20:
            return None
        seen.add(alert.entity)
        return "mallory", "legitimate"

    return say


def told(truth: Truth, before: Sequence[Alert], after: Sequence[Alert], since_ms: int = 0) -> Told:
    """What changed for couriers and for dialers; alerts opened from since_ms on."""
    lines = [{alert.entity for alert in alerts if alert.raised_at_ms >= since_ms} for alerts in (before, after)]
    courier = truth.kind == "courier"
    dialer = truth.bad & (truth.bad_calls >= LEAST_CALLS)
    alerted = [np.array([line in some for line in truth.lines]) for some in lines]
    false = [int((some & courier & ~truth.bad).sum()) for some in alerted]
    recall = [round(float(some[dialer].mean()), 4) for some in alerted]
    return Told(
        couriers=int((courier & ~truth.bad).sum()),
        couriers_false=false[0],
        couriers_false_after=false[1],
        fall=round(1 - false[1] / max(false[0], 1), 3),
        dialers=int(dialer.sum()),
        recall=recall[0],
        recall_after=recall[1],
    )


def learned_only(changes: Sequence[AppliedVerdict]) -> list[Applied]:
    """The same verdicts for other people: what they taught, before the first call, and no lives."""
    return [msgspec.structs.replace(change, apply_ms=0, own=None, line_key=0) for change in changes]


def run() -> Result:
    """Play all."""
    truth, plain, shard = play(SEED, silent)
    _, judged, taught = play(SEED, honest)
    other_truth, other_plain, _ = play(OTHER_SEED, silent)
    _, other_judged, _ = play(OTHER_SEED, silent, learned_only(judged.told))
    _, poisoned, _ = play(SEED, bribed)
    learned = taught._effects._learned
    assert learned is not None
    # on the days after, dialers that were found on the first count as found
    recalled = told(truth, plain.alerts, judged.alerts)
    return Result(
        threshold=round(shard.threshold, 2),
        verdicts=len(judged.told),
        lives=sum(change.own is not None for change in judged.told),
        weights={name: round(weight, 3) for name, weight in learned.weights("mobile").items()},
        same_people=msgspec.structs.replace(
            told(truth, plain.alerts, judged.alerts, MONDAY_MS + DAY_MS),
            recall=recalled.recall,
            recall_after=recalled.recall_after,
        ),
        other_people=told(other_truth, other_plain.alerts, other_judged.alerts),
        poisoned=told(truth, plain.alerts, poisoned.alerts),
        poisoned_lives=sum(change.own is not None for change in poisoned.told),
    )


def table(result: Result) -> str:
    """For people."""

    def row(name: str, one: Told) -> str:
        return (
            f"| {name} | {one.couriers_false} of {one.couriers} | {one.couriers_false_after} | {one.fall:.0%} |"
            f" {one.recall:.1%} | {one.recall_after:.1%} |"
        )

    rows = [
        row(f"the same people, after {result.verdicts} verdicts", result.same_people),
        row("other people, by what was learned alone", result.other_people),
        row("20 wrong verdicts of one author on dialers", result.poisoned),
    ]
    head = "| | couriers that alert | with verdicts | fall | dialers found | with verdicts |\n|---|---|---|---|---|---|"
    return "\n".join([head, *rows])


def main() -> None:
    """Run, write the result, print the table."""
    warm_up()
    result = run()
    RESULT.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    print(table(result))


if __name__ == "__main__":
    main()
