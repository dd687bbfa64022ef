"""What the documents say exists, and what exists is in the documents."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from detector import errors
from detector.config import Config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DEPLOY.rglob("*.md"), *(ROOT / "models" / "cards").glob("*.md")])
DOCUMENTS.append(ROOT / "detector" / "DECISIONS.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNBOOK = (DEPLOY / "runbook.md").read_text(encoding="utf-8")
EXIT_CODES = {0, 2, 130, *(error.exit_code for error in (errors.DetectorError, *errors.DetectorError.__subclasses__()))}

# a path of this repository in backticks: it has a folder, or ends like a source file
PATH = re.compile(r"`((?:[\w.@-]+/)+[\w.@-]*|[\w@-]+\.(?:py|md|toml|yml|yaml))`")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
KEY = re.compile(r"`([a-z]+)\.([a-z_]+)(?: = [^`]*)?`")
# paths that are not ours, or that a run makes
FOREIGN = re.compile(
    r"^(\.\./|/|~|etc/|\.venv/|run/|trace/|benchmarks/results/)|^(runbook|hooks|commands|registry)\.\w+$"
)


def _name(document: Path) -> str:
    return str(document.relative_to(ROOT))


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_names_only_files_that_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    places = (ROOT, ROOT / "detector", document.parent, DEPLOY)
    paths = {path for path in PATH.findall(text) if not FOREIGN.search(path)}
    assert sorted(path for path in paths if not any((place / path).exists() for place in places)) == []
    assert sorted(link for link in LINK.findall(text) if not (document.parent / link).exists()) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_names_only_keys_that_exist(document: Path) -> None:
    keys = {(s, k) for s, k in KEY.findall(document.read_text(encoding="utf-8")) if s in Config.__struct_fields__}
    sections = {section: type(getattr(Config(), section)) for section in Config.__struct_fields__}
    assert sorted(f"{s}.{k}" for s, k in keys if k not in sections[s].__struct_fields__ and k not in ENDINGS) == []


ENDINGS = ("py", "md", "toml", "json")  # `log.py` is a file


def test_every_command_and_option_is_in_the_command_page() -> None:
    page = runpy.run_path(str(DEPLOY / "commands.py"))["text"]()
    assert (DEPLOY / "commands.md").read_text(encoding="utf-8") == page, "run: .venv/bin/python deploy/commands.py"


@pytest.mark.parametrize("code", sorted(EXIT_CODES))
def test_every_exit_code_has_a_heading_in_the_runbook(code: int) -> None:
    assert f"### Exit code {code}\n" in RUNBOOK


def test_epoch_steps_are_numbered_alike_in_code_and_runbook() -> None:
    code = (ROOT / "detector" / "pipeline.py").read_text(encoding="utf-8")
    for number, word in (("1", "process"), ("2", "flush"), ("3", "commit")):
        assert re.search(rf"^ +{number}\. .*{word}", code, re.MULTILINE)
        assert re.search(rf"^{number}\. .*{word}", RUNBOOK, re.MULTILINE)


def test_variables_in_units_and_containers_are_keys() -> None:
    files = [path for path in DEPLOY.rglob("*") if path.suffix in (".service", ".yaml") or path.name == "Dockerfile"]
    named = {m for path in files for m in re.findall(r"DETECTOR__(\w+?)__(\w+)", path.read_text(encoding="utf-8"))}
    assert named
    for section, key in named:
        assert hasattr(getattr(Config(), section.lower()), key.lower())


def _shell_blocks() -> list[str]:
    """The README's sh blocks, in order, without those that say that they are not run."""
    pieces = re.split(r"(?m)^```", README)
    return [
        block.removeprefix("sh\n")
        for before, block in zip(pieces[0::2], pieces[1::2], strict=False)
        if block.startswith("sh\n") and "not run by the tests" not in before[-200:]
    ]


def test_the_readme_runs(tmp_path: Path) -> None:
    """Its shell blocks, one after the other, in an empty folder; demo and test have their own jobs."""
    script = "\n".join(
        line for block in _shell_blocks() for line in block.splitlines() if not line.startswith("python3 dev.py")
    )
    assert "detector" in script
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        ["bash", "-euc", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
