"""`detector train`: fit the evidence model on generated traffic and real logs, through the live path.

Two passes. The first replays with the start values and fits p0 and p1 to what it observed; the second replays
with the fitted model and counts how often benign lines reach each score. No randomness: the same inputs give
the same file.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from detector.app import CODE
from detector.config import Config
from detector.errors import InputError
from detector.features.catalog import COLUMNS, FAMILIES, GROUPS
from detector.features.kernels.layout import MILLI
from detector.features.kernels.weigh import REASON
from detector.numbering.plan import NumberPlan, read_secret
from detector.numbering.registry import DECLARED, all_classes
from detector.replay.run import Progress, replay
from models.boosted import Boosted
from models.calibrate import tail_of
from models.evidence import Evidence, Parameters
from models.fit import LEAST_CALLS, first_calls, fit_class, fit_dialing, fit_life, fit_pooled, people

ORDINARY = "ordinary"
"""Kind of the lines of real logs, of which nothing more is known."""

NEVER_BAD_MS = np.iinfo(np.int64).max
_NOBODY = ("", False, NEVER_BAD_MS)
"""A line of another operator: nobody knows what it is."""

START = Path(__file__).parents[2] / "models" / "parameters" / "start.json"


@dataclass(frozen=True, slots=True)
class Source:
    """One set of calls to learn from.

    name    as it stands in the parameter file
    files   calls
    config  how they are read
    truth   truth.csv of generated traffic; None: every line is benign
    """

    name: str
    files: tuple[Path, ...]
    config: Config
    truth: Path | None


@dataclass(frozen=True, slots=True)
class Observed:
    """Judged calls of one source: benign calls, calls of dialers, and the line-days behind the benign ones."""

    benign: dict[str, NDArray[Any]]
    bad: dict[str, NDArray[Any]]
    line_days: float


def traffic_source(folder: Path, config: Config) -> Source:
    """A folder of `detector generate`. Raises InputError when it is none."""
    calls = sorted(folder.glob("calls.*"))
    if not calls or not (folder / "truth.csv").exists():
        raise InputError(f"{folder}: no calls.* and truth.csv in it; make them with `detector generate training`")
    numbering = msgspec.structs.replace(config.numbering, registry=str(folder / "registry.json"))
    config = msgspec.structs.replace(config, numbering=numbering)
    return Source(folder.name, (calls[0],), config, folder / "truth.csv")


def train(
    sources: Sequence[Source],
    out: Path,
    command: str,
    progress: Progress | None = None,
    boosted: Path | None = None,
) -> Parameters:
    """Fit on all sources together and write the parameter file.

    command is written into the file, so that it can be made again; boosted: file for the boosted challenger, fitted
    to the same calls. Raises InputError when there are too few calls.
    """
    start = Evidence.load(START).parameters
    fitted = _fit([_observe(source, START, progress) for source in sources], start)
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder) / "fitted.json"
        first.write_bytes(msgspec.json.encode(fitted))
        seen = [_observe(source, first, progress) for source in sources]
    try:
        tail = _tail(seen)
    except ValueError as error:
        raise InputError(f"train: {error}") from None
    told = {"by": command, "code": CODE, "on": [_told(s, o) for s, o in zip(sources, seen, strict=True)]}
    final = msgspec.structs.replace(fitted, tail=tail, fitted=told)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(final), indent=2) + b"\n")
    if boosted is not None:
        boosted.write_bytes(msgspec.json.encode(_challenger(seen).state()) + b"\n")
    return final


def _fit(seen: Sequence[Observed], start: Parameters) -> Parameters:
    """Lives and ways of dialing; then parameters of all classes together, and of each with calls enough of its own."""
    benign, bad = _together([o.benign for o in seen]), _together([o.bad for o in seen])
    lives = {name: fit_life(benign, life) for name, life in start.lives.items()}
    named = [kind for way in start.dialing.values() for kind in way.of]
    dialing = {name: fit_dialing(bad, way, named) for name, way in start.dialing.items()}
    pooled = fit_pooled(_undeclared(benign), bad, start.pooled)
    benign = people(benign, lives.values())
    everyone = fit_class(_undeclared(benign), start.classes["any"])
    classes = {"any": everyone}
    for number_class, name in all_classes().items():
        own = {column: values[benign["line_class"] == number_class] for column, values in benign.items()}
        declared = number_class >= DECLARED  # what a declaration covers is muted, however few the calls to fit on
        if declared or len(own["line_key"]) >= LEAST_CALLS:
            classes[name] = fit_class(own, everyone, declared=declared)
    return msgspec.structs.replace(start, classes=classes, lives=lives, dialing=dialing, pooled=pooled)


def _undeclared(calls: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The calls of lines whose purpose nobody declared."""
    return {name: column[calls["line_class"] < DECLARED] for name, column in calls.items()}


def _challenger(seen: Sequence[Observed]) -> Boosted:
    """The boosted challenger, fitted to the first calls of each line, as judged by the fitted evidence."""
    parts = [first_calls(_together([o.benign for o in seen])), first_calls(_together([o.bad for o in seen]))]
    X = np.concatenate([np.column_stack([part[name] for name in COLUMNS]).astype(np.float64) for part in parts])
    model = Boosted()
    model.learn(X, np.repeat([False, True], [len(part["line_key"]) for part in parts]))
    return model


def _tail(seen: Sequence[Observed]) -> Any:
    """The tail over all benign lines; calls on which only one group of families speaks cannot alert."""
    benign = _together([o.benign for o in seen])
    groups = {group: np.zeros(len(benign["score"])) for group in GROUPS}
    for family in FAMILIES:
        groups[family.group] += benign[family.name]
    speaking = sum((nats >= REASON / MILLI).astype(int) for nats in groups.values())
    alertable = speaking >= 2
    return tail_of(
        benign["line_key"][alertable],
        benign["release_ms"][alertable],
        benign["score"][alertable],
        sum(o.line_days for o in seen),
    )


def _observe(source: Source, parameters: Path, progress: Progress | None) -> Observed:
    """Replay a source with given parameters and sort its judged calls by truth."""
    model = msgspec.structs.replace(source.config.model, file=str(parameters))
    config = msgspec.structs.replace(source.config, model=model)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        summary = replay(config, source.files, run, progress=progress, trace_cold=True)
        calls = pq.read_table(run / "trace" / "calls.parquet")
        callers = pq.read_metadata(run / "trace" / "lines.parquet").num_rows
    columns = {name: calls.column(name).to_numpy() for name in calls.column_names}
    days = max(summary.days, 1.0)
    if source.truth is None:
        columns["kind"] = np.full(len(columns["line_key"]), ORDINARY)
        return Observed(columns, {name: column[:0] for name, column in columns.items()}, callers * days)
    truth, lines = _truth(source.truth, config)
    known = [truth.get(key, _NOBODY) for key in columns["line_key"].tolist()]
    columns["kind"] = np.array([kind for kind, _, _ in known])
    benign = np.array([honest for _, honest, _ in known])
    bad = columns["release_ms"] >= np.array([since_ms for _, _, since_ms in known])
    return Observed(
        {name: column[benign] for name, column in columns.items()},
        {name: column[bad] for name, column in columns.items()},
        lines * days,
    )


def _truth(file: Path, config: Config) -> tuple[dict[int, tuple[str, bool, int]], int]:
    """Kind, honesty, and since when it is bad, of every line by its key; and how many are honest."""
    plan = NumberPlan(config.numbering.plan, read_secret(config.privacy.secret_file))
    rows = pa_csv.read_csv(file).to_pylist()
    keys, _ = plan.keys([str(row["line"]) for row in rows])
    truth = {}
    for key, row in zip(keys.tolist(), rows, strict=True):
        since_ms = row["first_bad_call_ms"] if row["label"] == "bad" else None
        truth[key] = row["class"], row["label"] == "benign", NEVER_BAD_MS if since_ms is None else since_ms
    return truth, sum(honest for _, honest, _ in truth.values())


def _together(parts: Sequence[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Columns of several sources; lines of different sources never share a key."""
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    shift = np.repeat(np.arange(len(parts), dtype=np.uint64), [len(part["line_key"]) for part in parts])
    joined["line_key"] = joined["line_key"] ^ (shift << np.uint64(56))
    return joined


def _told(source: Source, seen: Observed) -> dict[str, Any]:
    """What a parameter file says of a source."""
    return {
        "source": source.name,
        "benign_calls_weighed": len(seen.benign["line_key"]),
        "dialer_calls_weighed": len(seen.bad["line_key"]),
        "line_days": round(seen.line_days),
    }
