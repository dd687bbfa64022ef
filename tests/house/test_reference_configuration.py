"""deploy/detector.toml is the reference: every key, its default, a comment."""

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from detector.config import Config, load

REFERENCE = Path(__file__).parents[2] / "deploy" / "detector.toml"
SETTING = re.compile(r"#(?=[a-z_]+ = )")


def _lines() -> list[str]:
    return REFERENCE.read_text(encoding="utf-8").splitlines()


def _flat(sections: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {f"{section}.{key}": value for section, keys in sections.items() for key, value in keys.items()}


def test_says_what_the_program_does_without_it() -> None:
    uncommented = "\n".join(SETTING.sub("", line, count=1) for line in _lines())
    written, true = _flat(tomllib.loads(uncommented)), _flat(msgspec.json.decode(msgspec.json.encode(Config())))
    assert {k: v for k, v in written.items() if true.get(k, ...) != v} == {}, "not so in config.py"
    assert sorted(true.keys() - written.keys()) == [], "missing in deploy/detector.toml"


def test_changes_nothing_as_it_stands() -> None:
    assert load(REFERENCE, environment={}) == Config()


def test_every_key_and_section_has_a_comment_above_it() -> None:
    lines = _lines()
    bare = [
        line
        for above, line in itertools.pairwise(lines)
        if (SETTING.match(line) or line.startswith("[")) and not above.startswith("# ")
    ]
    assert not bare
