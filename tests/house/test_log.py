"""Events come out in the form that their reader expects, and have fixed names."""

import ast
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from detector import log
from detector.config import Log

PROGRAM = Path(__file__).parents[2] / "detector"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _spoken(settings: Log, stream: io.StringIO | None = None) -> str:
    stream = stream or io.StringIO()
    log.configure(settings, stream)
    structlog.get_logger("detector.test").warning("epoch_slow", seconds=2.5)
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_logfmt_with_utc_time() -> None:
    assert re.fullmatch(r"timestamp=\S+Z level=warning event=epoch_slow seconds=2\.5\n", _spoken(Log()))


def test_under_the_journal_its_priority_and_no_second_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    assert _spoken(Log(), _Terminal()) == "<4>level=warning event=epoch_slow seconds=2.5\n"


def test_on_a_terminal_for_people() -> None:
    assert "\x1b[" in _spoken(Log(), _Terminal())


def test_json_when_asked() -> None:
    event = json.loads(_spoken(Log(format="json")))
    assert (event["event"], event["level"], event["seconds"]) == ("epoch_slow", "warning", 2.5)


def test_level_holds_for_ours_and_libraries_are_heard_from_warning_up() -> None:
    stream = io.StringIO()
    log.configure(Log(), stream)
    structlog.get_logger("detector.test").debug("too_much")
    logging.getLogger("kafka.conn").info("connecting to %s", "broker")
    logging.getLogger("kafka.conn").warning("lost %s", "broker")
    (line,) = stream.getvalue().splitlines()
    assert line.endswith('level=warning event="lost broker" logger=kafka.conn')


def test_called_again_it_speaks_once() -> None:
    log.configure(Log(), io.StringIO())
    assert _spoken(Log()).count("epoch_slow") == 1


def test_every_event_has_a_fixed_name() -> None:
    """`log.info("what_happened", value=...)`: names can be searched for; values never hide in them."""
    levels = {"debug", "info", "warning", "error", "critical", "exception"}
    loose = [
        f"{path.name}:{call.lineno}"
        for path in PROGRAM.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in levels
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id in ("log", "_log", "logger", "_logger")
        and not _is_name(call.args)
    ]
    assert not loose


def _is_name(arguments: list[ast.expr]) -> bool:
    first = arguments[0] if arguments else None
    return isinstance(first, ast.Constant) and bool(re.fullmatch(r"[a-z][a-z_]*", str(first.value)))
