"""`detector evaluate`: play worlds with known truth, say what was found, missed and wrongly accused, hold it to limits.

A tolerance file names figures of the JSON by their path, each with the least or the most it may be:

    [least]
    "shipped.plain.recall.value" = 0.95
    [most]
    "undeclared.false_lines" = 2
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from detector.config import Config
from detector.errors import InputError
from detector.replay.figures import Evaluation, evaluation
from detector.replay.picture import picture
from detector.replay.played import World, play_all
from detector.replay.run import Progress
from detector.replay.tables import as_markdown, tables_of
from detector.replay.witness import scorers
from detector.warm_up import warm_up
from models.catalog import all_models

LEARNS_AS_IT_GOES = "shape"
"""Compared although it begins with nothing: `play` teaches it, world after world."""

FILES = ("evaluation.json", "evaluation.md", "evaluation.svg")


class Tolerance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tolerance file: path of a figure -> the least, or the most, it may be."""

    least: dict[str, float] = {}
    most: dict[str, float] = {}

    def worse(self, figures: Evaluation) -> list[str]:
        """What does not hold, one line each. A figure that was not reached (null) does not hold."""
        told = msgspec.to_builtins(figures)
        complaints = []
        for limits, word in ((self.least, "least"), (self.most, "most")):
            for path, limit in limits.items():
                value = _at(told, path)
                holds = value is not None and (value >= limit if word == "least" else value <= limit)
                if not holds:
                    complaints.append(f"{path} is {value}, and may be at {word} {limit:g}")
        return complaints


def evaluate(config: Config, suite: str, worlds: Sequence[World], progress: Progress) -> Evaluation:
    """Play the worlds of a suite and count. Raises InputError when the state is too small for one of them."""
    warm_up()
    models = [model for model in all_models() if not model.warming_up or model.name == LEARNS_AS_IT_GOES]
    played = list(play_all(config, worlds, models, progress))
    budget = config.alerting.false_alerts_per_day / config.alerting.active_lines
    return evaluation(suite, played, scorers(models), budget)


def write(figures: Evaluation, folder: Path) -> None:
    """FILES in a folder, which is made if it is missing: the same worlds and models, the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    as_json = msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n"
    texts = (as_json, as_markdown(tables_of(figures)).encode() + b"\n", picture(figures).encode())
    for name, text in zip(FILES, texts, strict=True):
        (folder / name).write_bytes(text)


def read_tolerance(file: Path) -> Tolerance:
    """A tolerance file. Raises InputError when it is none."""
    try:
        return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Tolerance)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"{file}: not a tolerance file: {error}") from None


def _at(told: Any, path: str) -> float | None:
    """The figure at a dotted path. Raises InputError when there is none."""
    for name in path.split("."):
        if not isinstance(told, dict) or name not in told:
            raise InputError(f"tolerance: the evaluation has no figure {path}")
        told = told[name]
    if told is not None and not isinstance(told, int | float):
        raise InputError(f"tolerance: {path} is no figure")
    return told
