"""One line's story out of a replay, as text: its features and shares over time, why it did or did not alert."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from detector.alert.revision import Alert, decode
from detector.errors import InputError
from detector.features.catalog import FAMILIES, GROUPS
from detector.features.kernels.judge import GATE_CALLS, GATE_NEW_TODAY
from detector.features.kernels.layout import ANSWERED, BUSY, INVALID, UNANSWERED
from detector.numbering.plan import NumberPlan
from detector.replay.complaint_leads import read_leads, told_by_people

MOST_ROWS = 40
WORTH_A_COLUMN = 1.0
"""Nats, either way, that a family's share must have had at some time."""
WORTH_A_LINE = 1.0
"""Nats, either way, of a reason that is told in words."""
_OUTCOMES = {ANSWERED: "answered", UNANSWERED: "no answer", BUSY: "busy", INVALID: "invalid"}


@dataclass(frozen=True, slots=True)
class Story:
    """What the run folder knows of one line. calls: columns of trace/calls.parquet, in order of judgement."""

    line: str
    calls: dict[str, np.ndarray]
    summary_row: dict[str, Any] | None
    alerts: list[Alert]
    threshold: float
    leads: dict[str, tuple[float, float]]  # alert_id -> seconds to the first complaint, complainants


def explain(run: Path, line: str, plan: NumberPlan) -> str:
    """The story of a line as text. Raises InputError when the folder is no run of a replay."""
    return tell(read(run, line, plan))


def read(run: Path, line: str, plan: NumberPlan) -> Story:
    """Collect what the run folder says about a line."""
    key = plan.key(line)
    same_key = pa.scalar(key, pa.uint64())
    try:
        summary = msgspec.json.decode((run / "summary.json").read_bytes())
        calls = pq.read_table(run / "trace" / "calls.parquet", filters=pc.field("line_key") == same_key)
        lines = pq.read_table(run / "trace" / "lines.parquet", filters=pc.field("key") == same_key).to_pylist()
        with (run / "alerts.ndjson").open("rb") as file:
            alerts = [one for one in map(decode, file) if one.entity_kind == "line" and plan.key(one.entity) == key]
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(
            f"{run}: not the folder of a finished replay ({error}); make one with `detector replay`"
        ) from None
    columns = {name: calls.column(name).to_numpy() for name in calls.column_names}
    return Story(line, columns, lines[0] if lines else None, alerts, float(summary["threshold"]), read_leads(run))


def tell(story: Story) -> str:
    """The story as lines of text."""
    parts = [f"Line {story.line}"]
    if story.summary_row:
        parts.append(
            f"{story.summary_row['calls']} calls up to {_time(story.summary_row['last_ms'])},"
            f" {_people(story.summary_row['callbacks'])} called it back."
        )
    weighed = len(story.calls["score"])
    if not weighed:
        return "\n".join([*parts, _never_weighed(story)])
    parts.append(f"{weighed} calls were weighed; the threshold is {story.threshold:.1f} nats.")
    parts += ["", *_table(story), "", *_verdict(story)]
    return "\n".join(parts)


def _never_weighed(story: Story) -> str:
    if story.summary_row is None:
        return "The run did not see this line, or forgot it long before the end."
    return (
        "Never weighed: it never made enough calls at once to pass the gate"
        f" ({GATE_CALLS:.0f} calls, older ones counting half after an hour,"
        f" or {GATE_NEW_TODAY} new callees in a day). No alert."
    )


def _table(story: Story) -> list[str]:
    """Calls around the story's turning points, at most MOST_ROWS of them."""
    calls = story.calls
    names = [family.name for family in FAMILIES if np.abs(calls[family.name]).max() >= WORTH_A_COLUMN]
    head = "released (UTC)       outcome    talk  new  in 60 min  " + "  ".join(f"{name:>11}" for name in names)
    rows = [head + "   score"]
    chosen = _chosen(calls["score"], story.threshold)
    last = -1
    for i in chosen:
        if i != last + 1:
            rows.append(f"   ... {i - last - 1} calls ...")
        last = i
        talk = f"{calls['talk_s'][i]:.0f} s" if calls["talk_s"][i] >= 0 else "-"
        shares = "  ".join(f"{calls[name][i]:>11.1f}" for name in names)
        rows.append(
            f"{_time(int(calls['release_ms'][i]))}  {_OUTCOMES.get(int(calls['outcome'][i]), 'fault'):<9}"
            f"  {talk:>5}  {'yes' if calls['first_time'][i] else '  -'}"
            f"  {calls['distinct_60m'][i]:>4.0f}/{calls['calls_60m'][i]:<4.0f}"
            f"  {shares}  {calls['score'][i]:>6.1f} {bar(float(calls['score'][i]), story.threshold)}"
        )
    return rows


def _chosen(score: np.ndarray, threshold: float) -> list[int]:
    """The first calls, those before the score first passed the threshold, those around the peak, the last ones."""
    over = np.flatnonzero(score >= threshold)
    turn = int(over[0]) if len(over) else int(np.argmax(score))
    peak = int(np.argmax(score))
    wanted = {*range(5), *range(turn - 10, turn + 5), *range(peak - 5, peak + 3), *range(len(score) - 5, len(score))}
    return sorted(i for i in wanted if 0 <= i < len(score))[:MOST_ROWS]


def bar(score: float, threshold: float) -> str:
    """A score as a bar: 20 signs to the threshold, exclamation marks above."""
    length = round(20 * min(score / threshold, 1.5)) if threshold > 0 else 0
    return "#" * min(length, 20) + "!" * max(length - 20, 0)


def _verdict(story: Story) -> list[str]:
    if story.alerts:
        return _alerted(story)
    peak = int(np.argmax(story.calls["score"]))
    groups = dict.fromkeys(GROUPS, 0.0)
    for family in FAMILIES:
        groups[family.group] += float(story.calls[family.name][peak])
    score = float(story.calls["score"][peak])
    told = ", ".join(f"{group} {nats:+.1f}" for group, nats in groups.items())
    why = (
        f"it stayed {story.threshold - score:.1f} nats under the threshold"
        if score < story.threshold
        else "only one group of families spoke against it (two with 2 nats are needed)"
    )
    return [f"No alert: {why}. At its highest ({_time(int(story.calls['release_ms'][peak]))}): {told}."]


def _alerted(story: Story) -> list[str]:
    opened = [alert for alert in story.alerts if alert.revision == 1]
    newest = story.alerts[-1]
    lines = [
        f"ALERT {alert.alert_id}: opened {_time(alert.raised_at_ms)} at call {alert.calls} of its segment,"
        f" score {alert.score:.1f}, {alert.kind.replace('_', ' ')}."
        for alert in opened
    ]
    lines += ["Why, in its last revision:"]
    spoken = [reason for reason in newest.reasons if abs(reason.share) >= WORTH_A_LINE]
    lines += [f"  {reason.share:+5.1f}  {reason.family}: {reason.text}" for reason in spoken]
    weighed = ", ".join(f"{one.family} {one.share:+.1f}" for one in newest.reasons if one not in spoken)
    lines += [f"        also weighed: {weighed}"] if weighed else []
    people = [words for alert in opened for words in told_by_people(story.leads, alert.alert_id)]
    return [*lines, newest.counterfactual, f"It is {newest.state}.", *people]


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count or 'no'} people"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
