"""The story of a number, block, tenant, trunk or holder out of a replay: its minutes, its numbers, its alerts."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from detector.alert.branch import branch_of
from detector.alert.narrowest import Narrowest, as_text, narrowest
from detector.alert.revision import Alert, decode
from detector.entities.kernels.close import GROUP, SPEAKS
from detector.entities.kernels.layout import KINDS, MINUTE_MS
from detector.entities.laws import FAMILY_NAMES
from detector.entities.rules import TOLD
from detector.errors import InputError
from detector.replay.complaint_leads import read_leads, told_by_people
from detector.replay.explain import WORTH_A_COLUMN, bar

EXPLAINED = KINDS[:5]
"""Kinds whose minutes are in the trace."""

MOST_ROWS = 30
_GROUPS = ("volume", "shape", "outcome", "identity", "complaints")


@dataclass(frozen=True, slots=True)
class EntityStory:
    """What the run folder knows of one entity. minutes: columns of trace/entities.parquet, in order of time.

    parts    the same of its numbers (of a block or tenant), with `entity`
    alerts   its own, every revision; below: how many alerts of each kind of entity are part of it
    stop     what would have ended nearly all of the harm of these
    leads    alert_id -> seconds to the first complaint, complainants
    """

    kind: str
    entity: str
    minutes: dict[str, NDArray[Any]]
    parts: dict[str, NDArray[Any]]
    alerts: list[Alert]
    below: dict[str, int]
    threshold: float
    stop: Narrowest | None
    leads: dict[str, tuple[float, float]]

    def synchrony(self) -> NDArray[np.float64]:
        """Share of its numbers, of those known by then, that called within each minute."""
        share: NDArray[np.float64] = self.minutes["numbers"] / np.maximum(self.minutes["all_numbers"], 1)
        return share.clip(0.0, 1.0)


def read(run: Path, kind: str, entity: str) -> EntityStory:
    """Collect what the run folder says. Raises InputError when it is no folder of a replay."""
    file = run / "trace" / "entities.parquet"
    own = (pc.field("kind") == kind) & (pc.field("entity") == entity)
    part = (pc.field("kind") == "number") & (pc.field(kind) == entity) if kind in ("block", "tenant") else None
    try:
        summary = msgspec.json.decode((run / "summary.json").read_bytes())
        minutes = _columns(pq.read_table(file, filters=own))
        parts = _columns(pq.read_table(file, filters=part)) if part is not None else {}
        with (run / "alerts.ndjson").open("rb") as lines:
            alerts = [alert for alert in map(decode, lines) if getattr(alert, kind) == entity]
        threshold = float(summary["entity_threshold"])
    except (OSError, KeyError, msgspec.DecodeError) as error:
        raise InputError(
            f"{run}: not the folder of a finished replay ({error}); make one with `detector replay`"
        ) from None
    if len(parts.get("entity", ())):
        _count_exactly(minutes, parts)
    mine = [alert for alert in alerts if (alert.entity_kind, alert.entity) == (kind, entity)]
    others = {alert.alert_id: alert.entity_kind for alert in alerts if alert.entity_kind != kind}
    count = Counter(others.values())
    below = {name: count[name] for name in ("line", "number", "block", "tenant") if count[name]}
    stop = narrowest([branch_of(_worst(revisions)) for revisions in _by_alert(alerts)])
    return EntityStory(kind, entity, minutes, parts, mine, below, threshold, stop, read_leads(run))


def _by_alert(alerts: list[Alert]) -> Iterable[list[Alert]]:
    found: dict[str, list[Alert]] = {}
    for alert in alerts:
        found.setdefault(alert.alert_id, []).append(alert)
    return found.values()


def _worst(revisions: list[Alert]) -> Alert:
    """The revision in which it did most harm, with the calls of the last one, as if it were over."""
    worst = max(revisions, key=lambda alert: alert.harm)
    return msgspec.structs.replace(worst, calls=revisions[-1].calls, state="resolved")


def _columns(table: pa.Table) -> dict[str, NDArray[Any]]:
    table = table.sort_by("minute_ms")
    return {name: np.array(table.column(name).to_pylist()) for name in table.column_names}


def _count_exactly(minutes: dict[str, NDArray[Any]], parts: dict[str, NDArray[Any]]) -> None:
    """Numbers as the trace of each has them, in place of estimates from a sample."""
    _, first = np.unique(parts["entity"], return_index=True)
    minutes["numbers"] = np.searchsorted(parts["minute_ms"], minutes["minute_ms"], side="right") - np.searchsorted(
        parts["minute_ms"], minutes["minute_ms"]
    )
    minutes["all_numbers"] = np.searchsorted(np.sort(parts["minute_ms"][first]), minutes["minute_ms"], side="right")


def tell(story: EntityStory) -> str:
    """The story as lines of text."""
    title = f"{story.kind.capitalize()} {story.entity}"
    if not len(story.minutes.get("score", ())):
        return f"{title}\nThe run has no minute in which it called and anything spoke against it. No alert."
    return "\n".join([title, *_summary(story), "", *_table(story), "", *_rules(story), *_verdict(story)])


def _summary(story: EntityStory) -> list[str]:
    minutes = story.minutes
    calls, answered = int(minutes["calls"].sum()), int(minutes["answered"].sum())
    lines = [
        f"{calls:,} calls ({answered / calls:.0%} answered) in {len(minutes['calls']):,} minutes from"
        f" {_time(minutes['minute_ms'][0])} to {_time(minutes['minute_ms'][-1])};"
        f" about {int(minutes['all_numbers'].max()):,} number(s), up to {int(minutes['lines'].max()):,} lines at once."
    ]
    if story.parts:
        each = list(calls_by_number(story).values())
        low, middle, high = np.quantile(each, (0.1, 0.5, 0.9))
        together = story.synchrony()
        best = int(np.argmax(together * minutes["numbers"]))
        lines.append(
            f"Load: {middle:.0f} calls a number, of most {low:.0f} to {high:.0f}. Synchrony: in a minute"
            f" {np.median(together):.0%} of its numbers call; at {_time(minutes['minute_ms'][best])[11:16]} it was"
            f" {int(minutes['numbers'][best])} of {int(minutes['all_numbers'][best])}."
        )
    if story.below:
        told = ", ".join(f"{count} of a {kind}" for kind, count in story.below.items())
        lines.append(f"Alerts that are part of it: {told}.")
    return lines


def calls_by_number(story: EntityStory) -> dict[str, int]:
    """Calls of each of its numbers, in the numbers' order."""
    numbers, place = np.unique(story.parts["entity"], return_inverse=True)
    calls = np.bincount(place, story.parts["calls"], len(numbers))
    return dict(zip(numbers.tolist(), calls.astype(int).tolist(), strict=True))


def _table(story: EntityStory) -> list[str]:
    """Minutes around the story's turning points, at most MOST_ROWS of them."""
    minutes = story.minutes
    names = [name for name in FAMILY_NAMES if np.abs(minutes[name]).max() >= WORTH_A_COLUMN]
    rows = ["minute (UTC)      calls  numbers  lines  " + "  ".join(f"{name:>11}" for name in names) + "   score"]
    last = -1
    for i in _chosen(minutes["score"], story.threshold):
        if i != last + 1:
            rows.append(f"   ... {i - last - 1} minutes ...")
        last = i
        shares = "  ".join(f"{minutes[name][i]:>11.1f}" for name in names)
        rows.append(
            f"{_time(minutes['minute_ms'][i])}  {minutes['calls'][i]:>5,}  {minutes['numbers'][i]:>7,}"
            f"  {minutes['lines'][i]:>5,}  {shares}  {minutes['score'][i]:>6.1f}"
            f" {bar(float(minutes['score'][i]), story.threshold)}".rstrip()
        )
    return rows


def _chosen(score: NDArray[Any], threshold: float) -> list[int]:
    """The first minutes, those around the first over the threshold, those around the peak, the last ones."""
    over = np.flatnonzero(score >= threshold)
    peak = int(np.argmax(score))
    turn = int(over[0]) if len(over) else peak
    wanted = {*range(4), *range(turn - 6, turn + 5), *range(peak - 2, peak + 3), *range(len(score) - 4, len(score))}
    return sorted(i for i in wanted if 0 <= i < len(score))[:MOST_ROWS]


def _rules(story: EntityStory) -> list[str]:
    counts = ((rule, int(story.minutes[f"rule_{rule.name}"].sum())) for rule in TOLD)
    return [
        f"RULE {rule.name}: {rule.text.format(calls=f'{count:,}')} ({rule.source})." for rule, count in counts if count
    ]


def _verdict(story: EntityStory) -> list[str]:
    opened = [alert for alert in story.alerts if alert.revision == 1]
    if not [alert for alert in opened if alert.kind != "rule_violation"]:
        return [*_opened(opened), _why_not(story)]
    newest = [alert for alert in story.alerts if alert.kind != "rule_violation"][-1]
    reasons = [f"  {reason.share:+5.1f}  {reason.family}: {reason.text}" for reason in newest.reasons]
    stop = [f"What would have stopped it: {as_text(story.stop)}."] if story.stop else []
    end = [newest.counterfactual, f"It is {newest.state}.", *stop, *told_by_people(story.leads, newest.alert_id)]
    return [*_opened(opened), "Why, in its last revision:", *reasons, *end]


def _opened(alerts: list[Alert]) -> list[str]:
    return [
        f"ALERT {alert.alert_id}: opened {_time(alert.updated_at_ms)} after {alert.calls:,} calls to"
        f" {alert.distinct_callees:,} people, {alert.answered:,} answered, score {alert.score:.1f},"
        f" {alert.kind.replace('_', ' ')}."
        for alert in alerts
    ]


def _why_not(story: EntityStory) -> str:
    peak = int(np.argmax(story.minutes["score"]))
    score = float(story.minutes["score"][peak])
    groups = dict.fromkeys(_GROUPS, 0.0)
    for k, family in enumerate(FAMILY_NAMES):
        groups[_GROUPS[GROUP[k]]] += float(story.minutes[family][peak])
    told = ", ".join(f"{group} {nats:+.1f}" for group, nats in groups.items() if nats or group != "complaints")
    why = (
        f"it stayed {story.threshold - score:.1f} nats under the threshold of {story.threshold:.1f}"
        if score < story.threshold
        else "only one group of families spoke against it (two with 2 nats are needed)"
    )
    silent = [family for k, family in enumerate(FAMILY_NAMES) if not SPEAKS[KINDS.index(story.kind), k]]
    unasked = f" Not asked of a {story.kind}: {', '.join(silent)}." if silent else ""
    at = _time(story.minutes["minute_ms"][peak])
    return f"No alert by its behaviour: {why}. At its highest ({at}): {told}.{unasked}"


def _time(minute_ms: int) -> str:
    return datetime.fromtimestamp(int(minute_ms) / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def hours_of(story: EntityStory) -> NDArray[np.float64]:
    """Each of its minutes, hours after the first."""
    since: NDArray[np.float64] = (story.minutes["minute_ms"] - story.minutes["minute_ms"][0]) / (60 * MINUTE_MS)
    return since
