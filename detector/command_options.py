"""What every sub-command takes: a configuration, and settings that override it."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from detector.config import load, toml_value

FILE = click.Path(path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")


def config_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--config` and `--set`, as every sub-command has them."""
    path = click.option("--config", "config_file", type=FILE, help="TOML file; deploy/detector.toml lists every key.")
    settings = click.option(
        "--set", "settings", multiple=True, metavar="SECTION.KEY=VALUE", help="Override one key; may be repeated."
    )
    return path(settings(function))


def configured(function: Callable[..., Any]) -> Callable[..., Any]:
    """Hand the command its Config: file, then DETECTOR__* variables, then the command line."""

    @config_options
    @functools.wraps(function)
    def wrapper(config_file: Path | None, settings: tuple[str, ...], **options: Any) -> Any:
        from detector import log

        config = load(config_file, flags=parse_settings(settings))
        log.configure(config.log)
        return function(config, **options)

    return wrapper


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """`--set a.b=3` as flags; the value is read as TOML, else as text."""
    flags = {}
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign or "." not in key:
            raise click.UsageError(f"--set {setting}: write it as SECTION.KEY=VALUE")
        flags[key.strip()] = toml_value(text.strip())
    return flags
