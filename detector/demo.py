"""`detector demo`: the whole house in one process: generated traffic, page, ledger, hooks in dry-run. No broker."""

import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep

import click
import httpx
import msgspec

from detector.alert.revision import decode
from detector.alert.stories import newest_revisions, stories
from detector.app import SHOWN, new_pipeline, new_shard, stopped_by_signal
from detector.cdr.batch import CdrBatch
from detector.config import Config
from detector.decode.rejects import Reject
from detector.errors import ConfigError, DetectorError
from detector.feedback.inbox import Inbox
from detector.hooks.run import FOLLOWED, run_hooks, stored_positions
from detector.landed.ndjson import NdjsonFollower
from detector.report import Reporter
from detector.shard import Findings
from detector.sinks.contract import FEEDBACK
from detector.sinks.ndjson import NdjsonSink
from detector.source.file import FileSource
from detector.traffic.scenario import preset
from detector.traffic.write import write
from detector.warm_up import warm_up
from detector.web.ledger import Ledger
from detector.web.server import WebServer

SPEED = 60.0
"""Event seconds per wall second."""

BLOCK_BYTES = 8_192
"""About 25 calls a turn: fine enough for a clock that runs 60 times."""

PROMISED_S = 60.0
"""The first alert and the first action on it come within this time; with --exit, a demo without has failed."""

PATIENCE_S = 30.0
"""With --exit, the page has this long to take in the last alert."""

TELL_EVERY_S = 5.0


def demo(config: Config, *, exit_after: bool, seed: int = 1) -> int:
    """Run the demo; the exit code. exit_after: after the first action go at full speed, sum up, end (for CI)."""
    folder = Path(tempfile.mkdtemp(prefix="detector-demo-"))
    click.echo(f"generating six hours of the 2020 case in a small network into {folder} ...")
    written = write(preset("demo"), seed, folder / "traffic")
    config = _settings(config, folder)
    warm_up()
    stop = threading.Event()
    with ExitStack() as stack, stopped_by_signal(stop.set) as code:
        source = FileSource([folder / "traffic" / "calls.ndjson"], block_bytes=BLOCK_BYTES)
        stack.callback(source.close)
        sink = NdjsonSink(folder)
        stack.callback(sink.close)
        address = _start_page(config, folder, stack)
        _start_hooks(config, folder, stop, stack)
        shard = new_shard(config, source)
        pacer = Pacer(stop, source, written.calls, folder / "actions.ndjson" if exit_after else None)
        reporter = Reporter(shard, source, sink, lambda: "live", speed=SPEED)
        click.echo(f"the page: {address}   (Ctrl-C ends)")
        click.echo(f"playing {written.calls:,} calls, {SPEED:.0f} times as fast as life; 952750 starts in 20 s")
        inbox = Inbox(list, lambda at: NdjsonFollower(folder, (FEEDBACK,), at))
        loop = new_pipeline(config, source, ["json"], shard, sink, [reporter, pacer], changes=inbox)
        loop.epoch_s = 0.25
        loop.run()
        reporter.tell("stopping" if stop.is_set() else "finished")
        sink.flush()
        click.echo(_summary(folder, pacer.calls, reporter.status("finished").lines))
        if exit_after:
            return _verdict(pacer, address)
        if not stop.is_set():
            click.echo(f"all calls are played; the page stays until Ctrl-C: {address}")
        stop.wait()
        return code()


class Pacer:
    """Lets the loop run no faster than SPEED, and says how far it is.

    actions  file of the hooks' actions: once there is one, hurry; None: never
    """

    def __init__(self, stop: threading.Event, source: FileSource, total: int, actions: Path | None) -> None:
        self._stop, self._source, self._total = stop, source, total
        self._actions = actions
        self._begun_s = monotonic()
        self._begun_ms: int | None = None
        self._told_s = self._begun_s
        self.calls = self.alerts = 0
        self.first_alert_s: float | None = None

    def judged(self, batch: CdrBatch, findings: Findings) -> None:
        """Count, then wait until the calls' own time has come."""
        self.calls += len(batch)
        self.alerts += sum(revision.alert.revision == 1 for revision in findings.revisions)
        if self.alerts and self.first_alert_s is None:
            self.first_alert_s = monotonic() - self._begun_s
            alert = findings.revisions[0].alert
            click.echo(f"first alert after {self.first_alert_s:.0f} s: {alert.entity}, {alert.reasons[0].text}")
        newest_ms = int(batch.calls["release_ms"].max())
        if self._begun_ms is None:
            self._begun_ms = int(batch.calls["release_ms"].min())
        if not self.acted():
            due_s = self._begun_s + (newest_ms - self._begun_ms) / 1000 / SPEED
            self._stop.wait(max(0.0, due_s - monotonic()))

    def acted(self) -> bool:
        """Whether the hooks have answered an alert, where that is waited for."""
        return self._actions is not None and self._actions.exists() and self._actions.stat().st_size > 0

    def turn(self, rejects: Sequence[Reject]) -> None:
        """Say how far it is; end when asked to, or when what was promised did not come."""
        now_s = monotonic()
        overdue = self._actions is not None and not self.acted() and now_s - self._begun_s > PROMISED_S
        if self._stop.is_set() or overdue:
            self._source.stop()
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            share = self.calls / max(self._total, 1)
            click.echo(f"  {share:4.0%}  {self.calls:,} calls judged, {self.alerts} alerts")


def _settings(config: Config, folder: Path) -> Config:
    """The user's configuration, with every file of the demo in its own folder and a state of a small network."""
    replace = msgspec.structs.replace
    return replace(
        config,
        numbering=replace(config.numbering, plan="china", registry=str(folder / "traffic" / "registry.json")),
        state=replace(
            config.state,
            line_capacity=min(config.state.line_capacity, 100_000),
            entity_capacity=min(config.state.entity_capacity, 32_768),
        ),
        web=replace(config.web, database=str(folder / "ledger.sqlite")),
        hooks=replace(
            config.hooks,
            mode="dry-run",
            urls=(),
            database=str(folder / "hooks.sqlite"),
            max_actions_per_hour=int(config.hooks.max_actions_per_hour * SPEED),  # of the traffic's hours
            max_actions_per_tenant_per_hour=int(config.hooks.max_actions_per_tenant_per_hour * SPEED),
        ),
    )


def _start_page(config: Config, folder: Path, stack: ExitStack) -> str:
    """The page on its configured port, or on a free one when that is taken."""
    ledger = Ledger(Path(config.web.database), config.web.retention_days)
    stack.callback(ledger.close)
    follower, sink = NdjsonFollower(folder, SHOWN, ledger.positions()), NdjsonSink(folder)
    stack.callback(sink.close)
    stack.callback(follower.close)
    try:
        server = WebServer(config.web, ledger, follower, sink)
        address = server.start()
    except ConfigError:
        server = WebServer(msgspec.structs.replace(config.web, port=0), ledger, follower, sink)
        address = server.start()
    stack.callback(server.stop)
    return address


def _start_hooks(config: Config, folder: Path, stop: threading.Event, stack: ExitStack) -> None:
    """Hooks in dry-run, in a thread: what would be done is written, nobody is told."""
    follower, sink = NdjsonFollower(folder, FOLLOWED, stored_positions(config.hooks)), NdjsonSink(folder)
    stack.callback(sink.close)
    stack.callback(follower.close)
    thread = threading.Thread(target=run_hooks, args=(config, follower, sink, stop), name="hooks")
    thread.start()
    stack.callback(thread.join)
    stack.callback(stop.set)


def _summary(folder: Path, calls: int, lines: int) -> str:
    """What the demo showed, and what to try next."""
    alerts_file = folder / "alerts.ndjson"
    alerts_file.touch()  # ended before the first alert
    with alerts_file.open("rb") as file:
        alerts = newest_revisions(map(decode, file))
    kinds = Counter(alert.kind.replace("_", " ") for alert in alerts)
    told = stories(alerts)
    program = "detector" if shutil.which("detector") else Path(sys.prefix) / "bin" / "detector"
    return "\n".join(
        [
            "",
            f"{calls:,} calls, {lines:,} lines and numbers; {len(alerts)} alerts in {len(told)} stories: "
            + (", ".join(f"{count} {kind}" for kind, count in kinds.most_common()) or "none"),
            *(
                f"  {story.entity_kind} {story.entity}: {story.line_count} line(s), {story.calls:,} calls"
                for story in told[:5]
            ),
            "try next:",
            f"  cd {folder}",
            f"  {program} replay traffic/calls.ndjson --registry traffic/registry.json --out run",
            *(
                f"  {program} explain run --block {alert.block} --plot block.svg"
                for alert in [one for one in alerts if one.entity_kind == "block"][:1]
            ),
            *(f"  {program} explain run --line {alert.line}" for alert in [one for one in alerts if one.line][:1]),
            f"  the alerts themselves: {alerts_file}",
        ]
    )


def _verdict(pacer: Pacer, address: str) -> int:
    """0 once the page shows every alert; raises DetectorError when it does not, or nobody had anything to do."""
    if not pacer.acted():
        raise DetectorError(f"no alert and no action on it within {PROMISED_S:.0f} s; alerts: {pacer.alerts}")
    give_up = monotonic() + PATIENCE_S
    while (shown := httpx.get(f"{address}api/v1/alerts").json()["counts"]["all"]) != pacer.alerts:
        if monotonic() > give_up:
            raise DetectorError(f"of {pacer.alerts} alerts the page shows {shown}")
        sleep(0.2)
    return 0
