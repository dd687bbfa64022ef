"""What the figures were measured on, and what it costs to start there."""

import os
import resource
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import msgspec

COMPILE = "from detector.app import compile_kernels; compile_kernels()"


class Machine(msgspec.Struct, frozen=True):
    """Model and number of processors, and the versions that make the machine code."""

    cpu: str
    cores: int
    python: str
    numba: str
    numpy: str


def this_machine() -> Machine:
    """The machine this runs on; the processor as Linux names it, with its family where the name hides it."""
    told = dict(_told(line) for line in _cpuinfo().split("\n\n")[0].splitlines() if ":" in line)
    cpu = f"{told.get('model name', 'unknown')} (family {told.get('cpu family', '?')} model {told.get('model', '?')})"
    python = ".".join(map(str, sys.version_info[:3]))
    return Machine(cpu, os.cpu_count() or 0, python, version("numba"), version("numpy"))


def compile_s() -> tuple[float, float]:
    """Processor seconds of a process that compiles every kernel, and of one that finds them compiled."""
    with tempfile.TemporaryDirectory() as folder:
        return _process_s(folder), _process_s(folder)


def _process_s(cache: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", COMPILE], env={**os.environ, "NUMBA_CACHE_DIR": cache}, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _cpuinfo() -> str:
    file = Path("/proc/cpuinfo")
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _told(line: str) -> tuple[str, str]:
    name, value = line.split(":", 1)
    return name.strip(), value.strip()
