"""How the programs speak to their operator: events with fixed names and values, to stderr.

`log.format`: console on a terminal, logfmt elsewhere (with systemd's `<n>` priority when it reads us),
JSON when asked. What the libraries log comes out in the same form, from warning up. No event carries a
callee's digits.
"""

import logging
import os
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from detector.config import Log

_PRIORITY = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


def configure(settings: Log, stream: TextIO | None = None) -> None:
    """Send every event of the process to `stream` (default: stderr as it is now). May be called again."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    shared: list[Processor] = [structlog.stdlib.add_log_level, structlog.stdlib.PositionalArgumentsFormatter()]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(settings, stream)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.DEBUG if settings.level == "debug" else max(logging.WARNING, _level(settings)))
    for ours in ("detector", "models"):
        logging.getLogger(ours).setLevel(_level(settings))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _level(settings: Log) -> int:
    return logging.getLevelNamesMapping()[settings.level.upper()]


def _renderers(settings: Log, stream: TextIO) -> list[Processor]:
    journal = "JOURNAL_STREAM" in os.environ
    form = settings.format
    if form == "auto":
        form = "console" if stream.isatty() and not journal else "logfmt"
    if form == "console":
        return [structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False), structlog.dev.ConsoleRenderer()]
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    if form == "json":
        return [stamp, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    logfmt = structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True)
    if not journal:
        return [stamp, structlog.processors.format_exc_info, logfmt]
    return [structlog.processors.format_exc_info, _Prioritised(logfmt)]  # the journal has its own clock


class _Prioritised:
    """`<4>level=warning event=...`: journald reads the level from the prefix."""

    def __init__(self, render: structlog.processors.LogfmtRenderer) -> None:
        self._render = render

    def __call__(self, logger: WrappedLogger, name: str, event: EventDict) -> str:
        priority = _PRIORITY.get(str(event.get("level")), 6)
        return f"<{priority}>{self._render(logger, name, event)}"
