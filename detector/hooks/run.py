"""`detector hooks`: follow alerts and people's orders, decide, tell the receivers, until told to stop."""

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import structlog

from detector.config import Config, Hooks
from detector.errors import ConfigError, InputError, StateError
from detector.hooks import never, orders
from detector.hooks.action import Action
from detector.hooks.book import Book
from detector.hooks.desk import Desk
from detector.hooks.dispatcher import Dispatcher
from detector.hooks.outbox import endpoint
from detector.hooks.webhook import Sender, check_url, read_secrets
from detector.landed.contract import Follower, Landed
from detector.numbering.plan import NumberPlan
from detector.sinks.contract import ALERTS, FEEDBACK, Sink

FOLLOWED = (ALERTS, FEEDBACK)
"""The topics a follower for `run_hooks` follows."""
_POLL_S = 0.25
_GAP_S = 0.05
_LONGEST_WAIT_MS = 10_000
"""A stream of alerts without a gap is decided upon at least this often."""

_log = structlog.get_logger(__name__)


def wall_ms() -> int:
    """The clock of actions: UTC epoch ms now. Alerts carry event time; what is done to people runs by the wall."""
    return time.time_ns() // 1_000_000


def stored_positions(settings: Hooks) -> dict[tuple[str, int], int]:
    """Where a follower for `run_hooks` reads on; empty before the first start."""
    with closing(Book(Path(settings.database))) as book:
        return book.positions()


def standing(settings: Hooks) -> list[Action]:
    """What is in force and what waits for a person, oldest first; also while `run_hooks` runs.

    Raises InputError where there is no book.
    """
    if not Path(settings.database).exists():
        raise InputError(f"hooks.database: there is no {settings.database}; ask where `detector hooks` runs")
    with closing(Book(Path(settings.database))) as book:
        return book.standing()


def run_hooks(
    config: Config, follower: Follower, sink: Sink, stop: threading.Event, now_ms: Callable[[], int] = wall_ms
) -> None:
    """Run until `stop` is set; the caller closes follower and sink afterwards.

    follower  follows FOLLOWED from `stored_positions`
    sink      takes `detector.actions`

    Raises ConfigError before anything is read, TemporaryError when the sink stays away, StateError when another
    process uses the same `hooks.database`.
    """
    settings, path = config.hooks, Path(config.hooks.database)
    protected = never.load(settings, normaliser(config))
    approvals = orders.read_secret(settings)
    senders = _senders(settings)
    with ExitStack() as stack:
        book = Book(path)
        stack.callback(book.close)
        stack.enter_context(_alone(path))
        desk = Desk(settings, protected, approvals, book, now_ms)
        with _delivering(senders, path, now_ms) as running:
            _log.info("hooks_started", mode=settings.mode, receivers=len(senders))
            for landed, settled in _landed(follower, stop, now_ms):
                desk.take(landed)  # 1
                if settled:
                    desk.decide()  # 2
                desk.run_out()  # 3
                desk.publish(sink)  # 4
                _raise_failure(running)
        desk.publish(sink)  # what the last deliveries brought
    _log.info("hooks_stopped")


def _landed(
    follower: Follower, stop: threading.Event, now_ms: Callable[[], int]
) -> Iterator[tuple[list[Landed], bool]]:
    """What landed, turn by turn, and whether it is time to decide: at a gap in the stream, else every few seconds."""
    settled_ms, wait_s = now_ms(), _POLL_S
    while not stop.is_set():
        landed = follower.poll(wait_s)
        wait_s = _GAP_S if landed else _POLL_S
        settled = not landed or now_ms() - settled_ms > _LONGEST_WAIT_MS
        if settled:
            settled_ms = now_ms()
        yield landed, settled


def _senders(settings: Hooks) -> list[Sender]:
    for url in settings.urls:
        check_url(url)
        if settings.urls.count(url) > 1:
            raise ConfigError(f"hooks.urls: {endpoint(url)}: the same address twice; name it once")
    secrets = read_secrets(settings) if settings.urls else ()
    return [Sender(url, secrets, settings) for url in settings.urls]


@contextmanager
def _delivering(senders: list[Sender], path: Path, now_ms: Callable[[], int]) -> Iterator[list[Future[None]]]:
    """One thread for each receiver; on the way out they finish what they are sending."""
    halt = threading.Event()
    with ThreadPoolExecutor(max(1, len(senders)), "hooks") as threads:
        try:
            yield [threads.submit(Dispatcher(path, sender, now_ms).run, halt) for sender in senders]
        finally:
            halt.set()


def _raise_failure(running: list[Future[None]]) -> None:
    """A delivery thread never ends by an error; if one does, so does the program."""
    for future in running:
        if future.done():
            future.result()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the book for this process: two would deliver everything twice."""
    with path.with_name(path.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateError(f"hooks.database: {path}: another `detector hooks` uses it; stop that one first") from None
        yield


def normaliser(config: Config) -> never.Normalise:
    """How the configured plan writes a number; what is no number stays as it is."""
    plan = NumberPlan(config.numbering.plan, b"")

    def normalise(name: str) -> str:
        return plan.text(plan.key(name)) or name

    return normalise
