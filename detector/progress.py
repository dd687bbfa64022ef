"""How far long work is: a bar on a terminal, a line of log now and then elsewhere; always on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

EVERY_S = 10.0

Report = Callable[[float, int], None]
"""Told the share that is done (0..1) and the calls (or what else is counted) so far."""

_log = structlog.get_logger(__name__)


@contextmanager
def progress(what: str, unit: str = "calls") -> Iterator[Report]:
    """Show `what` until the block ends; the block calls the report as often as it likes."""
    if sys.stderr.isatty():
        yield from _bar(what, unit)
    else:
        yield _lines(what, unit)


def _bar(what: str, unit: str) -> Iterator[Report]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[calls]:,} " + unit), console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=1.0, calls=0)
        yield lambda done, calls: bar.update(task, completed=done, calls=calls)


def _lines(what: str, unit: str) -> Report:
    told = monotonic()

    def report(done: float, calls: int) -> None:
        nonlocal told
        if monotonic() - told >= EVERY_S:
            told = monotonic()
            _log.info("progress", of=what, percent=round(100 * done), **{unit: calls})

    return report
