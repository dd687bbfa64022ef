"""The project's chores, for a machine with nothing but git and Python 3.11 or newer.

    python3 dev.py demo [--exit ...]     the whole detector on generated traffic, in one process
    python3 dev.py test [PYTEST ARGS]    lint, types, import contract, tests
    python3 dev.py setup                 only make .venv (the others do it when needed)
    python3 dev.py bench [NAME ARGS]     a benchmark of benchmarks/ (without a name: the list)
    python3 dev.py docs                  write anew what programs write: command page, dashboard, README outputs
    python3 dev.py lock                  maintainers: write requirements/*.lock anew with uv

`.venv` is made from requirements/test.lock, every file checked against its hash, and kept until the lock
or the Python version changes. The real-broker tests need Java 17 and Maven, the page tests Debian's
chromium, the alert-rule tests promtool: what is missing is left out and said so at the end. With CI set
it is installed (Debian, root) or the run fails.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
LOCK = ROOT / "requirements" / "test.lock"
CI = bool(os.environ.get("CI"))

# program -> (Debian package, what cannot be tested without it)
PARTS = {
    "java": ("default-jre-headless", "everything on a real Kafka broker"),
    "mvn": ("maven", "everything on a real Kafka broker (unless its jars are already here)"),
    "chromium": ("chromium", "the NOC page in a browser"),
    "promtool": ("prometheus", "the Prometheus alert rules and the dashboard's expressions"),
}

# name -> command inside .venv; all run, whatever fails first
CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "import contract": ["lint-imports"],
}


def main(arguments: list[str]) -> int:
    """Run one chore; its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036 - said in words before anything fails on it
        return _complain(f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}.")
    chores = {"setup": setup, "demo": demo, "test": test, "bench": bench, "docs": docs, "lock": lock}
    name, *rest = arguments or ["help"]
    if name not in chores:
        print(__doc__)
        return 0 if name in ("help", "-h", "--help") else 2
    os.chdir(ROOT)
    return chores[name](rest)


def demo(arguments: list[str]) -> int:
    """The whole house in one process, in place of this one, so that Ctrl-C is its own."""
    failed = setup([])
    if not failed:
        sys.stdout.flush()
        program = str(BIN / "detector")
        os.execv(program, [program, "demo", *arguments])  # noqa: S606
    return failed


def bench(arguments: list[str]) -> int:
    """One benchmark module, `python -m benchmarks.NAME`."""
    if not arguments:
        found = [p for p in ROOT.glob("benchmarks/**/*.py") if "__main__" in p.read_text(encoding="utf-8")]
        names = sorted(".".join(p.relative_to(ROOT / "benchmarks").with_suffix("").parts) for p in found)
        print("python3 dev.py bench NAME, with NAME one of:", *names, sep="\n  ")
        return 0
    return setup([]) or _in_venv("python", "-m", f"benchmarks.{arguments[0]}", *arguments[1:])


def docs(arguments: list[str]) -> int:
    """Documents with generated parts; a test fails while they are not up to date."""
    return setup([]) or _in_venv("python", "-m", "tests.house.documents")


def test(arguments: list[str]) -> int:
    """Every check, then pytest with the given arguments; 0 when all hold."""
    if setup([]):
        return 1
    left_out = _missing_parts()
    if left_out and CI and not _apt_install([PARTS[part][0] for part in left_out]):
        return 1
    steps = {**CHECKS, "pytest": ["pytest", *arguments]}
    results = [(name, *_timed(name, command)) for name, command in steps.items()]
    print("\n== summary")
    for name, code, seconds in results:
        print(f"   {'ok    ' if code == 0 else 'FAILED'} {name} ({seconds:.1f} s)")
    for part in [] if CI else left_out:
        package, without = PARTS[part]
        print(f"!! LEFT OUT, because `{part}` is not here: {without}. Debian: apt-get install {package}")
    return int(any(code for _, code, _ in results))


def setup(arguments: list[str]) -> int:
    """Make .venv from the lock and install the project into it; nothing when it is up to date."""
    stamp = VENV / ".lock-sha256"
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return 0
    if not _has_ensurepip():
        return 1
    start = time.monotonic()
    print(
        f"== making .venv from {LOCK.relative_to(ROOT)} (once; a minute, then one to compile the kernels)",
        flush=True,
    )
    pip = [str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    commands = [
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        [*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)],
        [*pip, "--no-deps", "--no-build-isolation", "--editable", "."],
        [str(BIN / "python"), "-c", "from detector.app import compile_kernels; compile_kernels()"],
    ]
    for command in commands:
        if _with_progress(command):
            return _complain("This command failed, the lines above say why:\n  " + " ".join(command))
    stamp.write_text(wanted, encoding="utf-8")
    print(f"   ready after {time.monotonic() - start:.0f} s", flush=True)
    return 0


def lock(arguments: list[str]) -> int:
    """Resolve pyproject.toml anew and export hashes only: lock files with addresses are not committed."""
    uv = shutil.which("uv")
    if uv is None:
        return _complain("uv is not here; `pipx install uv`, then again. Only maintainers need it.")
    export = [uv, "export", "--quiet", "--no-header", "--no-emit-project", "--format", "requirements-txt"]
    commands = [
        [uv, "lock", *arguments],
        [*export, "--no-default-groups", "-o", "requirements/run.lock"],
        [*export, "--group", "test", "-o", "requirements/test.lock"],
    ]
    return int(any(subprocess.run(command, check=False).returncode for command in commands))


def _with_progress(command: list[str]) -> int:
    """Run pip or venv; one line tells which package it is at, errors stay."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        collecting = (line.split()[1] for line in process.stdout if line.startswith("Collecting "))
        for count, package in enumerate(collecting, 1):
            if sys.stdout.isatty():
                print(f"\r   {count:3} {package:<50.50}", end="", flush=True)
        if sys.stdout.isatty():
            print("\r" + " " * 60, end="\r", flush=True)
    return process.returncode


def _timed(name: str, command: list[str]) -> tuple[int, float]:
    print(f"\n== {name}", flush=True)
    start = time.monotonic()
    code = _in_venv(*command)
    seconds = time.monotonic() - start
    print(f"   {'ok' if code == 0 else f'FAILED with exit code {code}'} after {seconds:.1f} s", flush=True)
    return code, seconds


def _in_venv(program: str, *arguments: str) -> int:
    try:
        return subprocess.run([str(BIN / program), *arguments], check=False).returncode
    except KeyboardInterrupt:
        return 130


def _missing_parts() -> list[str]:
    return [part for part in PARTS if shutil.which(part) is None]


def _has_ensurepip() -> bool:
    try:
        import ensurepip  # noqa: F401 - Debian splits it off into python3-venv
    except ModuleNotFoundError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        if CI and _apt_install([f"python{version}-venv"]):
            return True
        _complain(f"This Python cannot make virtual environments. Debian: apt-get install python{version}-venv")
        return False
    return True


def _apt_install(packages: list[str]) -> bool:
    """Install Debian packages as root; False, with what to do, where that is not possible."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        _complain(f"CI is set and these are missing: {' '.join(packages)}; install them (Debian names), or unset CI.")
        return False
    print(f"== installing {' '.join(packages)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    return all(
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL).returncode == 0
        for command in (["apt-get", "update", "-q"], install)
    )


def _complain(text: str) -> int:
    print(f"dev.py: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
