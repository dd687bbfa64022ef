"""What can be known about a configuration without running it: `detector check-config`."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from detector.config import Config, layered, read
from detector.errors import ConfigError, DetectorError

CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^/@\s]+(?=@)")


@dataclass(frozen=True, slots=True)
class Value:
    """One key with its value and where that came from: `default`, a file, a variable or a flag."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Report:
    """values: every key. checked: what held. problems: what did not, each naming its key."""

    values: list[Value]
    checked: list[str]
    problems: list[str]
    version: str

    @property
    def exit_code(self) -> int:
        """0 when nothing is wrong, else 78."""
        return ConfigError.exit_code if self.problems else 0

    def as_json(self) -> str:
        """One JSON object, indented."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def as_text(self, show: bool) -> str:
        """Lines for a person; `show` adds every value."""
        lines = [f"{v.key} = {msgspec.json.encode(v.value).decode()}  # {v.origin}" for v in self.values if show]
        lines += [f"ok       {text}" for text in self.checked]
        lines += [f"PROBLEM  {text}" for text in self.problems]
        return "\n".join([*lines, f"configuration {self.version}: {len(self.problems)} problem(s)"])


def check(path: Path | None, flags: Mapping[str, Any], *, network: bool) -> Report:
    """Load the configuration and look at everything it names.

    Raises ConfigError when it cannot even be read; whatever is found after that stands in the report.
    """
    merged, origins = layered(path, os.environ, flags)
    config = read(merged)
    checked: list[str] = []
    problems: list[str] = []
    for name, run in _checks(config, network):
        try:
            checked.append(f"{name}: {run()}")
        except DetectorError as error:
            problems.append(f"{name}: {error}")
    return Report(list(_values(config, origins)), checked, problems, config.version)


def _values(config: Config, origins: Mapping[str, str]) -> Iterator[Value]:
    for section, keys in msgspec.to_builtins(config).items():
        for name, value in keys.items():
            key = f"{section}.{name}"
            origin = next((o for k, o in origins.items() if k == key or k.startswith(key + ".")), "default")
            shown = msgspec.json.decode(CREDENTIALS_IN_URL.sub("***", msgspec.json.encode(value).decode()))
            yield Value(key, shown, origin)


def _checks(config: Config, network: bool) -> Iterator[tuple[str, Callable[[], str]]]:
    """Every check as (key, function that says what held or raises)."""
    for key, name in _named_files(config):
        yield key, lambda name=name: _readable(name)  # type: ignore[misc]


def _named_files(config: Config) -> Iterator[tuple[str, str]]:
    """Keys that name a file, with the name, where one is set."""
    for section, keys in msgspec.to_builtins(config).items():
        for name, value in keys.items():
            key = f"{section}.{name}"
            if value and (name.endswith("_file") or key in ("numbering.registry", "model.file")):
                yield key, value


def _readable(name: str) -> str:
    try:
        with Path(name).open("rb") as file:
            file.read(1)
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}; name a file that can be read") from None
    return f"{name} can be read"
