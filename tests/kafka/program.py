"""`detector` programs as processes, and waiting for what they do."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0  # for kernels that have to be compiled on a busy machine


class Program:
    """One `detector` process; what it says on stderr is in `said`."""

    def __init__(self, environment: dict[str, str], folder: Path, *arguments: str) -> None:
        self.said = folder / f"{arguments[0]}.log"
        with self.said.open("wb") as log:
            self._process = subprocess.Popen(detector_command(*arguments), cwd=folder, env=environment, stderr=log)

    def heard(self, pattern: str) -> str:
        """What the pattern's group matches in the log, once it is there."""
        return str(awaited(lambda: re.search(pattern, self.said.read_text(encoding="utf-8")), self)[1])

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal; the exit code."""
        self._process.send_signal(number)
        return self._process.wait(60)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def started(environment: dict[str, str], folder: Path, *arguments: str) -> Iterator[Program]:
    program = Program(environment, folder, *arguments)
    try:
        yield program
    finally:
        program.kill()


def detector_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "detector.command", *arguments]


def awaited(look: Callable[[], Any], *programs: Program) -> Any:
    """What `look` answers, once that is something; fails when a program ends before."""
    give_up = time.monotonic() + PATIENCE_S
    while not (found := look()):
        for program in programs:
            assert program.running(), program.said.read_text(encoding="utf-8")
        assert time.monotonic() < give_up, "\n".join(p.said.read_text(encoding="utf-8") for p in programs)
        time.sleep(0.2)
    return found
