"""Wiring of the three programs, straight down: each thing is started, and its teardown registered beside it."""

import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from importlib.metadata import version
from pathlib import Path

import msgspec
import structlog

from detector.config import Config, load
from detector.decode.decoder import Decoder, Format
from detector.feedback.inbox import Inbox
from detector.feedback.push import registry_updates
from detector.health import HealthServer
from detector.hooks.orders import Verb, give
from detector.hooks.run import FOLLOWED, run_hooks, stored_positions, wall_ms
from detector.landed.contract import Follower, Landed
from detector.landed.kafka import KafkaFollower
from detector.landed.ndjson import NdjsonFollower
from detector.numbering.plan import NumberPlan, read_secret
from detector.numbering.registry import Registry
from detector.pipeline import NO_CHANGES, Changes, Pipeline, Watcher
from detector.report import Reporter
from detector.shard import Shard
from detector.sinks.contract import ACTIONS, ALERTS, APPLIED, DEAD_LETTER, FEEDBACK, STATUS, Sink
from detector.sinks.kafka import KafkaSink
from detector.sinks.ndjson import NdjsonSink
from detector.source.contract import Source
from detector.source.kafka import KafkaSource
from detector.source.memory import MemorySource, chunk
from detector.source.merge import Merge
from detector.warm_up import warm_up
from detector.web.ledger import Ledger
from detector.web.server import serve
from models.evidence import Evidence

CODE = version("cdr-detector")
SHOWN = (ALERTS, ACTIONS, STATUS)
"""Topics the page follows."""

_WEB_FLUSH_S = 5.0
"""What the page could not send by then it sends later; it can be stopped meanwhile."""

_log = structlog.get_logger("detector.app")


def run(config: Config) -> int:
    """`detector run`: judge the CDR topics until told to stop; the exit code."""
    from models.drift import Drift  # river takes seconds to import, and only this program learns as it goes
    from models.shape import HotWindows, Shape

    with ExitStack() as stack:
        warm_up()  # before the group is joined: a compile would look like a dead member
        source = KafkaSource(config.kafka, config.order, config.recovery)
        stack.callback(source.close)
        sink = KafkaSink(config.kafka, (ALERTS, DEAD_LETTER, STATUS, APPLIED))
        stack.callback(sink.close)
        shard = new_shard(config, source)
        drift = Drift(shard.threshold)
        reporter = Reporter(shard, source, sink, lambda: source.phase, warnings=drift.warnings)
        health = HealthServer(config.metrics.host, config.metrics.port, reporter.healthy)
        stack.callback(health.close)
        formats: list[Format] = ["csv" if config.decode.format == "csv" else "json"] * source.streams
        inbox = Inbox(lambda: _journal(config), lambda at: KafkaFollower(config.kafka, (FEEDBACK,), at))
        stack.callback(inbox.close)
        watchers: list[Watcher] = [reporter, drift, HotWindows(Shape())]
        loop = new_pipeline(config, source, formats, shard, sink, watchers, changes=inbox)
        with stopped_by_signal(source.stop, sink.stop) as code:
            _log.info("run_started", topics=list(config.kafka.topics), threshold=round(shard.threshold, 2))
            loop.run()
            reporter.tell("stopping")
            sink.flush()
        _log.info("run_stopped", newest_release_ms=shard.newest_ms)
        return code()


def hooks(config: Config) -> int:
    """`detector hooks`: decide about alerts and tell the receivers until told to stop; the exit code."""
    stop = threading.Event()
    with ExitStack() as stack:
        follower = KafkaFollower(config.kafka, FOLLOWED, stored_positions(config.hooks))
        stack.callback(follower.close)
        sink = KafkaSink(config.kafka, (ACTIONS,))
        stack.callback(sink.close)
        health = HealthServer(config.metrics.host, config.metrics.hooks_port, lambda: not stop.is_set())
        stack.callback(health.close)
        with stopped_by_signal(stop.set, sink.stop) as code:
            run_hooks(config, follower, sink, stop)
        return code()


def _journal(config: Config) -> list[Landed]:
    """Every record of `detector.applied`."""
    with closing(KafkaFollower(config.kafka, (APPLIED,), {})) as follower:
        return follower.rest()


def push_registry(config: Config, file: str, withdraw: Sequence[str], author: str) -> int:
    """`detector registry push`: blocks safe on `detector.feedback` when this returns; how many records they took."""
    records = registry_updates(config, file, withdraw, author, wall_ms())
    sink = KafkaSink(config.kafka, (FEEDBACK,))
    try:
        sink.send(records)
        sink.flush()
    finally:
        sink.close()
    return len(records)


def order(config: Config, verb: Verb, action_ids: Sequence[str], author: str) -> None:
    """`detector hooks approve`, `lift`: a person's signed orders, safe on `detector.feedback` when this returns."""
    sink = KafkaSink(config.kafka, (FEEDBACK,))
    try:
        give(sink, config.hooks, verb, action_ids, author, wall_ms())
    finally:
        sink.close()


def web(config: Config, run_dir: Path | None) -> int:
    """`detector web`: the page, over the broker's topics, or over the files of a run folder."""
    with ExitStack() as stack:
        ledger = Ledger(Path(config.web.database), config.web.retention_days)
        stack.callback(ledger.close)
        follower, sink = _page_ends(config, ledger, run_dir)
        stack.callback(sink.close)
        stack.callback(follower.close)
        serve(config.web, ledger, follower, sink)
    return 0


def _page_ends(config: Config, ledger: Ledger, run_dir: Path | None) -> tuple[Follower, Sink]:
    if run_dir is not None:
        return NdjsonFollower(run_dir, SHOWN, ledger.positions()), NdjsonSink(run_dir)
    patience = min(config.kafka.outage_s, _WEB_FLUSH_S)
    sink = KafkaSink(msgspec.structs.replace(config.kafka, outage_s=patience), (FEEDBACK,))
    return KafkaFollower(config.kafka, SHOWN, ledger.positions()), sink


def compile_kernels() -> None:
    """Compile every kernel of the way from JSON to judgement, once for this state of the sources: `dev.py setup`."""
    warm_up()
    numbers = b'"a_number": "13900000001", "b_number": "13900000002"'
    record = b"{%s, %s}" % (numbers, b'"setup_ms": 1710122400000, "release_ms": 1710122430000')
    config = load(
        None,
        {},
        {"state.line_capacity": 64, "state.warm_capacity": 8, "state.hot_capacity": 8, "state.entity_capacity": 64},
    )
    source = MemorySource([[chunk([record])]])
    with tempfile.TemporaryDirectory() as folder:
        sink = NdjsonSink(Path(folder))
        new_pipeline(config, source, ["json"], new_shard(config, source), sink, []).run()
        sink.close()


def new_shard(config: Config, source: Source, *, observe: bool = False) -> Shard:
    """A shard with the configured model, plan and registry; positions are told as the source tells them."""
    plan = NumberPlan(config.numbering.plan, read_secret(config.privacy.secret_file))
    model = Evidence.load(Path(config.model.file) if config.model.file else None)
    registry = Registry.load(config.numbering.registry, plan)
    return Shard(config, model, plan, registry, source.place, CODE, observe)


def new_pipeline(
    config: Config,
    source: Source,
    formats: Sequence[Format],
    shard: Shard,
    sink: Sink,
    watchers: Sequence[Watcher],
    batch_calls: int = 65_536,
    changes: Changes = NO_CHANGES,
) -> Pipeline:
    """The loop over a source whose streams have these formats."""
    decoder = Decoder(config.decode, shard.plan, formats)
    merge = Merge(source.streams)
    return Pipeline(source, decoder, merge, shard, sink, watchers, config.kafka.epoch_s, batch_calls, changes)


@contextmanager
def stopped_by_signal(*stops: Callable[[], None]) -> Iterator[Callable[[], int]]:
    """SIGTERM and SIGINT ask the parts to end; yields the exit code that follows from which one came (0, 130)."""
    caught: list[int] = []

    def ask(number: int, frame: object) -> None:
        caught.append(number)
        for stop in stops:
            stop()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: 130 if signal.SIGINT in caught else 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
