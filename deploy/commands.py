"""Writes commands.md from the program's own help: `.venv/bin/python deploy/commands.py`."""

from collections.abc import Iterator
from pathlib import Path

import click

from detector.command import commands

TARGET = Path(__file__).with_name("commands.md")
HEAD = """# Commands

What `--help` says, for reading in one place; written by `deploy/commands.py`, not by hand.
Exit codes are in [runbook.md](runbook.md), configuration keys in [detector.toml](detector.toml).
"""


def text() -> str:
    """The content of commands.md."""
    return HEAD + "".join(_sections("detector", commands))


def _sections(name: str, command: click.Command) -> Iterator[str]:
    """The command's help, then that of its sub-commands, by name."""
    context = click.Context(command, info_name=name, terminal_width=100, help_option_names=["-h", "--help"])
    yield f"\n## {name}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            yield from _sections(f"{name} {child}", command.commands[child])


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
