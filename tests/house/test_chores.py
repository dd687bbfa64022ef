"""dev.py on a bare machine, and the lock files it trusts."""

import builtins
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PINNED = re.compile(r"(?m)^([a-z0-9-]+)==[^ ]+.*?(?=^[a-z]|\Z)", re.DOTALL)


@pytest.fixture
def dev(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """dev.py as a module, with an empty folder for its environment and no programs started."""
    namespace = runpy.run_path(str(ROOT / "dev.py"))
    parts = namespace["setup"].__globals__
    parts |= {"VENV": tmp_path / ".venv", "BIN": tmp_path / ".venv" / "bin", "CI": False}
    (tmp_path / ".venv").mkdir()
    started: list[list[str]] = []

    def start(command: list[str]) -> int:
        started.append(command)
        return 0

    parts["_with_progress"] = start
    return SimpleNamespace(**namespace, parts=parts, started=started)


def _lock(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    text = re.sub(r"(?m)^ +# .*\n", "", text)  # who wants it
    return {found[1]: found[0] for found in PINNED.finditer(text)}


def test_help_names_every_chore(dev: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main([]) == 0
    assert dev.main(["nonsense"]) == 2
    shown = capsys.readouterr().out
    assert all(f"dev.py {chore}" in shown for chore in ("demo", "test", "setup", "bench", "docs", "lock"))


def test_environment_is_made_from_hashes_only_and_kept_until_the_lock_changes(
    dev: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = tmp_path / "test.lock"
    lock.write_text("a==1 --hash=sha256:00\n", encoding="utf-8")
    dev.parts |= {"LOCK": lock, "ROOT": tmp_path}
    assert dev.setup([]) == 0
    made = len(dev.started)
    pip = dev.started[1]
    assert {"--require-hashes", ":all:", str(lock)} <= set(pip)
    assert dev.setup([]) == 0
    assert len(dev.started) == made
    lock.write_text("a==2 --hash=sha256:00\n", encoding="utf-8")
    assert dev.setup([]) == 0
    assert len(dev.started) == 2 * made


def test_a_failed_step_leaves_no_stamp(dev: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    dev.parts["_with_progress"] = lambda command: int("--require-hashes" in command)
    assert dev.setup([]) == 1
    assert "--require-hashes" in capsys.readouterr().err
    assert not list((dev.parts["VENV"]).iterdir())


def test_without_ensurepip_it_says_what_to_install(
    dev: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    true_import = builtins.__import__

    def no_ensurepip(name: str, *rest: Any) -> Any:
        if name == "ensurepip":
            raise ModuleNotFoundError(name)
        return true_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", no_ensurepip)
    assert dev.setup([]) == 1
    assert f"apt-get install python3.{sys.version_info.minor}-venv" in capsys.readouterr().err
    assert not dev.started


def test_every_check_runs_whatever_fails_and_what_was_left_out_is_said(
    dev: SimpleNamespace, capfd: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def fail_types(program: str, *arguments: str) -> int:
        ran.append(program)
        return int(program == "mypy")

    dev.parts |= {"_in_venv": fail_types, "setup": lambda _: 0, "_missing_parts": lambda: ["chromium"]}
    assert dev.test(["-k", "nothing"]) == 1
    shown = capfd.readouterr().out
    assert ran == ["ruff", "ruff", "mypy", "lint-imports", "pytest"]
    assert "FAILED mypy" in shown
    assert "ok     pytest" in shown
    assert "!! LEFT OUT" in shown
    assert "apt-get install chromium" in shown


def test_under_ci_a_missing_part_is_installed_or_it_fails(dev: SimpleNamespace) -> None:
    asked: list[list[str]] = []
    dev.parts |= {"CI": True, "setup": lambda _: 0, "_missing_parts": lambda: ["java", "mvn"]}
    dev.parts["_apt_install"] = lambda packages: asked.append(packages)
    assert dev.test([]) == 1
    assert asked == [["default-jre-headless", "maven"]]


@pytest.mark.parametrize("name", ["run.lock", "test.lock"])
def test_lock_files_hold_hashes_and_no_addresses(name: str) -> None:
    assert "://" not in (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert [package for package, entry in _lock(name).items() if "--hash=sha256:" not in entry] == []


def test_lock_files_cover_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {re.split(r"[^\w-]", line)[0] for line in project["project"]["dependencies"]}
    tests = {re.split(r"[^\w-]", line)[0] for line in project["dependency-groups"]["test"]}
    assert wanted - _lock("run.lock").keys() == set()
    assert tests - _lock("test.lock").keys() == set()
    run, test = (
        {package: entry.split()[0] for package, entry in _lock(name).items()} for name in ("run.lock", "test.lock")
    )
    assert run.items() <= test.items()


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python3 dev.py test" in script
    assert "python3 dev.py demo --exit" in script
    assert subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=False).returncode == 0
