"""`detector replay`: history through the live code path, into a folder that people and programs read."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from detector.alert.revision import Alert, Versions, decode
from detector.alert.stories import Story, newest_revisions, stories
from detector.app import new_pipeline, new_shard
from detector.cdr.batch import CdrBatch
from detector.config import Config
from detector.decode.rejects import Reject
from detector.errors import InputError
from detector.features.feeds import feeds
from detector.feedback.applied import Applied
from detector.feedback.applied import decode as decode_applied
from detector.replay import complaint_leads
from detector.replay import complaints as told
from detector.replay.handovers import write_handovers
from detector.replay.trace import TraceWriter
from detector.shard import Findings, Shard
from detector.sinks.ndjson import NdjsonSink
from detector.source.file import FileSource, formats
from detector.status import Feed

Progress = Callable[[float, int], None]
"""Called now and then with the share of the files that was read (0..1) and the calls judged so far."""

DAY_MS = 86_400_000


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """summary.json of a run folder. Times UTC epoch ms; null = there was no call.

    links_given_up      callees of contact lists, probes, follow-ups and bombed people that got no room
    handover_numbers    numbers that call people after a machine probed them (handovers.csv)
    bombings_held_back  people bombed with calls, told by the alert of the trunk or customer that bombs them
    repeats             how often each tenant and holder began again after an alert, or under another name
    complaints        of a run with --complaints
    feeds             trunks whose records are in trouble at the end, or silent
    """

    files: tuple[str, ...]
    calls: int
    lines: int
    rejected: dict[str, int]
    duplicates: int
    late: int
    first_release_ms: int | None
    last_release_ms: int | None
    days: float
    alerts: int
    alerts_by_kind: dict[str, int]
    alerts_per_day: float
    open_at_the_end: int
    stories: int
    stories_open_at_the_end: int
    threshold: float
    entity_threshold: float
    muted: tuple[str, ...]
    capacity_evictions: int
    doorkeeper_active: int
    merge_idle: int
    links_given_up: int
    handover_numbers: int
    bombings_held_back: int
    repeats: dict[str, dict[str, int]]
    complaints: told.ComplaintSummary | None
    feeds: tuple[Feed, ...]
    versions: Versions

    def as_text(self) -> str:
        """The summary for a terminal."""
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in self.alerts_by_kind.items()) or "none"
        rejected = ", ".join(f"{count:,} {reason}" for reason, count in self.rejected.items()) or "none"
        lines = [
            f"{self.calls:,} calls of {self.lines:,} lines over {self.days:g} days;"
            f" rejected: {rejected}; duplicates: {self.duplicates:,}",
            f"alerts: {self.alerts} ({kinds}), {self.alerts_per_day:g} a day, {self.open_at_the_end} open at the end;"
            f" threshold {self.threshold:g} nats",
            f"stories: {self.stories}, {self.stories_open_at_the_end} open at the end",
        ]
        if self.complaints:
            lines.append(self.complaints.as_text())
        for feed in self.feeds:
            muted = f"; not judged on its calls: {', '.join(feed.mutes)}" if feed.mutes else ""
            lines.append(f"trunk {feed.trunk or 'not named'}: {', '.join(feed.states).replace('_', ' ')}{muted}")
        if self.muted:
            lines.append(f"muted, for the feed cannot carry them: {', '.join(self.muted)}")
        if self.capacity_evictions or self.doorkeeper_active:
            lines.append(
                f"state ran short: {self.capacity_evictions:,} rows given up, {self.doorkeeper_active:,} calls got"
                " none; raise state.line_capacity, or this run cannot be compared with others"
            )
        return "\n".join(lines)


def replay(
    config: Config,
    files: Sequence[Path],
    out_dir: Path,
    *,
    applied: Path | None = None,
    complaints: Path | None = None,
    batch_calls: int = 65_536,
    block_bytes: int = 1 << 20,
    progress: Progress | None = None,
    trace_cold: bool = False,
) -> Summary:
    """Judge the calls of files and write a run: alerts, dead letters and stories (.ndjson), handovers.csv, trace/.

    The same files give the same bytes in alerts.ndjson, whatever batch_calls and block_bytes. Memory is bounded by
    the configuration, not by the files. trace_cold: trace every call, for fitting. applied: what a live run changed on
    its way (`detector.applied`, one record a line), obeyed at the same minutes. complaints: as on `detector.feedback`,
    one a line; each counts from the minute after it was made; complaints.csv says which alerts were there before.

    Raises InputError when a file cannot be read, or out_dir holds another run.
    """
    changes = read_applied(applied) if applied else []
    _make_empty(out_dir)
    source = FileSource(files, max_record_bytes=config.decode.max_record_bytes, block_bytes=block_bytes)
    shard = new_shard(config, source, observe=True)
    for change in changes:
        shard.calendar.enter(change)
    taken = told.take(complaints, shard) if complaints else None
    trace, counts = TraceWriter(out_dir / "trace", shard.entity_episodes, cold=trace_cold), _Counts(source, progress)
    sink = NdjsonSink(out_dir)
    loop = new_pipeline(config, source, formats(config.decode, files), shard, sink, (trace, counts), batch_calls)
    try:
        sink.send(taken.dead if taken else [])
        loop.run()
    finally:
        sink.close()
        source.close()
        trace.close(shard.tables)
    write_handovers(shard.handovers.suspects(), shard.plan, out_dir / "handovers.csv")
    alerts, told_as = _write_stories(out_dir)
    summary = _summary(files, shard, counts, alerts, told_as)
    if taken:
        leads = complaint_leads.leads(shard, alerts)
        complaint_leads.write_leads(leads, out_dir / "complaints.csv")
        summary = msgspec.structs.replace(summary, complaints=told.summary(shard, taken, leads))
    (out_dir / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
    return summary


class _Counts:
    """Counts calls, their span and the rejects."""

    def __init__(self, source: FileSource, progress: Progress | None) -> None:
        self._source, self._progress = source, progress
        self.calls = 0
        self.first_ms: int | None = None
        self.rejected: Counter[str] = Counter()

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        self.calls += int((findings.scored["tier"] >= 0).sum() + (findings.scored["row"] < 0).sum())
        first_ms = int(batch.calls["release_ms"].min())
        self.first_ms = first_ms if self.first_ms is None else min(self.first_ms, first_ms)
        if self._progress:
            self._progress(self._source.read_share(), self.calls)

    def turn(self, rejects: Sequence[Reject]) -> None:
        self.rejected.update(reject.reason.value for reject in rejects)


def read_applied(file: Path) -> list[Applied]:
    """The changes in a file, in order. Raises InputError that names the line."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; name a file that can be read") from None
    changes = []
    for number, line in enumerate(lines, 1):
        try:
            changes.append(decode_applied(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{file}:{number}: no record of detector.applied: {error}") from None
    return changes


def _make_empty(out_dir: Path) -> None:
    """A folder of its own for the run; an older run is never mixed with a new one."""
    if out_dir.exists() and any(out_dir.iterdir()):
        raise InputError(f"{out_dir} is not empty; name a new folder, or remove it first")
    out_dir.mkdir(parents=True, exist_ok=True)


def _write_stories(out_dir: Path) -> tuple[list[Alert], list[Story]]:
    """stories.ndjson from alerts.ndjson; the newest revision of each alert, and the stories."""
    file = out_dir / "alerts.ndjson"
    file.touch()
    with file.open("rb") as lines:
        newest = newest_revisions(map(decode, lines))
    told_as = stories(newest)
    (out_dir / "stories.ndjson").write_bytes(msgspec.json.Encoder().encode_lines(told_as))
    return newest, told_as


def _summary(
    files: Sequence[Path], shard: Shard, counts: _Counts, alerts: list[Alert], told_as: list[Story]
) -> Summary:
    meta = shard.tables.meta[0]
    span_ms = shard.newest_ms - counts.first_ms if counts.first_ms is not None else 0
    days = max(span_ms / DAY_MS, 1e-9)
    return Summary(
        files=tuple(path.name for path in files),
        calls=counts.calls,
        lines=len(shard.tables.rows) - int(meta["free_n"][0]),
        rejected=dict(sorted(counts.rejected.items())),
        duplicates=int(meta["duplicates"]),
        late=int(meta["late"]),
        first_release_ms=counts.first_ms,
        last_release_ms=shard.newest_ms if counts.first_ms is not None else None,
        days=round(span_ms / DAY_MS, 3),
        alerts=len(alerts),
        alerts_by_kind=dict(sorted(Counter(alert.kind for alert in alerts).items())),
        alerts_per_day=round(len(alerts) / days, 2) if counts.first_ms is not None else 0.0,
        open_at_the_end=sum(alert.state == "open" for alert in alerts),
        stories=len(told_as),
        stories_open_at_the_end=sum(story.state == "open" for story in told_as),
        threshold=round(shard.threshold, 2),
        entity_threshold=round(shard.roll_ups.threshold, 2),
        muted=shard.muted,
        capacity_evictions=int(meta["evicted"].sum()),
        doorkeeper_active=int(meta["no_row"]),
        merge_idle=0,
        links_given_up=shard.roll_ups.moved.refused + shard.handovers.lost + shard.bombings.lost,
        handover_numbers=len(shard.handovers.suspects()),
        bombings_held_back=shard.bombings.held_back,
        repeats={of: shard.entity_episodes.repeats.of(of) for of in ("tenant", "holder")},
        complaints=None,
        feeds=tuple(feed for feed in feeds(shard.tables, shard.newest_ms, shard.roll_ups.trunk_text) if feed.states),
        versions=shard.versions,
    )
