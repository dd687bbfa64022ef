"""What the documents say exists, and what exists is in the documents."""

import re
from pathlib import Path

import pytest

from detector import check, errors
from detector.command import commands
from detector.config import Config
from detector.features.catalog import FAMILIES
from tests.house import documents

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DEPLOY.rglob("*.md"), *(ROOT / "models" / "cards").glob("*.md")])
DOCUMENTS.append(ROOT / "detector" / "DECISIONS.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
RUNBOOK = (DEPLOY / "runbook.md").read_text(encoding="utf-8")
ERRORS: list[type[errors.DetectorError]] = [errors.DetectorError, *errors.DetectorError.__subclasses__()]
EXIT_CODES = {0, 2, 130, *(error.exit_code for error in ERRORS)}

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


@pytest.fixture(scope="module")
def written() -> dict[Path, str]:
    return dict(documents.written())


@pytest.mark.parametrize("document", [documents.README, DEPLOY / "commands.md", DEPLOY / "grafana" / "dashboard.json"])
def test_what_programs_write_is_up_to_date(document: Path, written: dict[Path, str]) -> None:
    """Every command and option is on the command page, and the README shows what its commands print today."""
    assert document.read_text(encoding="utf-8") == written[document], "run: python3 dev.py docs"


@pytest.mark.parametrize("example", sorted((DEPLOY / "examples").glob("*.toml")), ids=_name)
def test_examples_of_configurations_hold(example: Path) -> None:
    assert check.check(example, {}, network=False).problems == []


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


def test_the_readme_names_every_command_and_folder() -> None:
    assert [name for name in commands.commands if f"detector {name}" not in README] == []
    packages = [path.parent.name for path in (ROOT / "detector").glob("*/__init__.py")]
    assert [name for name in packages if f"`detector/{name}/`" not in README] == []


def test_every_signature_says_what_covers_it() -> None:
    rows = re.findall(
        r"^\| (\d+) \| [^|]+ \| ([^|]+) \|", (DEPLOY / "signatures.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [int(number) for number, _ in rows] == list(range(1, 29))
    named = {word for _, covered in rows for word in covered.strip().split(", ")}
    families = {family.name for family in FAMILIES}
    assert families <= named
    assert named - families == {"entities", "rules", "not covered"}
