"""Documents that a program writes: `python3 dev.py docs`. A test holds each to what is in the tree.

README.md: tables of figures are written from benchmarks/results. In a `console` block every line that starts
with `$ ` is run, in one folder, in order; the lines below it are what it printed on stdout. `sh` blocks need a
broker, a person or time, and are not run.
"""

import json
import os
import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.quality import entities, hidden_tenants, verdicts
from benchmarks.quality.tables import TABLES
from benchmarks.speed import result as speed

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GRAFANA = ROOT / "deploy" / "grafana" / "dashboard.py"
COMMANDS = ROOT / "deploy" / "commands.py"
RESULTS = ROOT / "benchmarks" / "results"
FIGURES = re.compile(r"(?s)(<!-- (\w+) -->).*?(<!-- /\2 -->)")
CONSOLE = re.compile(r"(?ms)^```console\n(.*?)^```$")


def written() -> Iterator[tuple[Path, str]]:
    """Every such document and what should stand in it."""
    for script in (COMMANDS, GRAFANA):
        names = runpy.run_path(str(script))
        yield names["TARGET"], names["text"]()
    with tempfile.TemporaryDirectory() as folder:
        yield README, readme(README.read_text(encoding="utf-8"), Path(folder))


def readme(text: str, folder: Path) -> str:
    """The text with the figures and the output of its console blocks as they are today."""
    text = FIGURES.sub(lambda block: f"{block[1]}\n{figures(block[2])}\n{block[3]}", text)
    return CONSOLE.sub(lambda block: f"```console\n{_played(block[1], folder)}```", text)


def figures(name: str) -> str:
    """The tables of one result."""
    if name == "speed":
        return speed.tables(speed.read())
    if name == "entities":
        return entities.tables(msgspec.json.decode((RESULTS / "entities.json").read_bytes(), type=entities.Result))
    if name == "verdicts":
        return verdicts.table(msgspec.json.decode((RESULTS / "verdicts.json").read_bytes(), type=verdicts.Result))
    if name == "hidden_tenants":
        return hidden_tenants.table(hidden_tenants.read())
    return {"overlay": overlay, **TABLES}[name](json.loads((RESULTS / f"{name}.json").read_bytes()))


def overlay(result: dict[str, Any]) -> str:
    """Two tables: who was wrongly accused, and after how many calls dialers were found."""
    quiet = [
        f"| {one['set']} | {one['lines']} | {one['threshold']:g} | {one['false_lines']} |"
        f" {one['baseline_false_lines']} |"
        for one in result["untouched"]
    ]
    found = [
        f"| {one['set']}, {one['talk']}, {one['gap']} | {one['found']} of {one['lines']} |"
        f" {one['median']:g} ({one['p90']:.0f}) | {one['baseline_found']}, {one['baseline_median']:g} |"
        for one in result["found"]
    ]
    return "\n".join(
        [
            "| people | lines | threshold, nats | false alerts | of the baseline |",
            "|---|---|---|---|---|",
            *quiet,
            "",
            "| dialers: talk, mean gap | found | calls before the alert: median (90 %) | baseline: found, median |",
            "|---|---|---|---|",
            *found,
        ]
    )


def commands_of(text: str) -> list[str]:
    """The commands of the console blocks, in order."""
    return [line[2:] for block in CONSOLE.findall(text) for line in block.splitlines() if line.startswith("$ ")]


def _played(block: str, folder: Path) -> str:
    return "".join(f"$ {command}\n{_output(command, folder)}" for command in commands_of(f"```console\n{block}```"))


def _output(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DETECTOR__")}
    done = subprocess.run(
        ["bash", "-uc", command],
        cwd=folder,
        env={**environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"README.md: {command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


if __name__ == "__main__":
    for document, content in written():
        changed = document.read_text(encoding="utf-8") != content
        document.write_text(content, encoding="utf-8")
        print(f"{document.relative_to(ROOT)}: {'written' if changed else 'as it was'}")
