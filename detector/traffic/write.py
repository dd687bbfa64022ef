"""Traffic into a folder, or into a topic."""

import gzip
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Literal, cast

import msgspec
import numpy as np
import pyarrow.csv
from numpy.typing import NDArray

from detector.traffic.registry import write_registry
from detector.traffic.render import CSV_HEADER, block_bytes
from detector.traffic.traffic import Traffic, generate
from detector.traffic.world import Scenario

Format = Literal["ndjson", "csv"]
Progress = Callable[[float, int], None]
"""Called now and then with the share of the scenario's time that is done (0..1), and the calls so far."""


BESIDE = ("truth.csv", "registry.json", "scenario.json", "handovers.csv", "complaints.ndjson")
"""What is written beside the calls; `handovers.csv`: who probed whom for which line; complaints in order of time."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    calls: int
    files: tuple[str, ...]


def write(
    scenario: Scenario,
    seed: int,
    out_dir: Path,
    formats: Sequence[Format] = ("ndjson",),
    *,
    compress: bool = False,
    progress: Progress | None = None,
) -> Written:
    """The calls and BESIDE in `out_dir` (made if missing, files replaced).

    calls.ndjson and calls.csv as asked for, with .gz when compressed; ordered by release, byte for byte the same for
    the same scenario and seed.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    traffic = generate(scenario, seed)
    names = [f"calls.{form}{'.gz' if compress else ''}" for form in formats]
    with ExitStack() as stack:
        files = [_open(out_dir / name, compress, stack) for name in names]
        for form, file in zip(formats, files, strict=True):
            if form == "csv":
                file.write(CSV_HEADER)
        for calls in traffic.chunks():
            for form, file in zip(formats, files, strict=True):
                for block in traffic.render.ndjson(calls) if form == "ndjson" else traffic.render.csv(calls):
                    file.write(block_bytes(block))
            _report(traffic, calls, progress)
    write_truth(traffic, out_dir)
    return Written(calls=traffic.given_out, files=(*names, *BESIDE))


def fill(
    scenario: Scenario,
    seed: int,
    send: Callable[[bytes, bytes], object],
    *,
    progress: Progress | None = None,
) -> Traffic:
    """Hands every call to `send(key, value)` in order of release: key = the line, value = the JSON record.

    The traffic is returned for its truth and registry.
    """
    traffic = generate(scenario, seed)
    for calls in traffic.chunks():
        keys = traffic.render.lines(calls).to_pylist()
        values = (record for block in traffic.render.ndjson(calls) for record in block.to_pylist())
        for key, value in zip(keys, values, strict=True):
            send(key.encode(), value.rstrip().encode())
        _report(traffic, calls, progress)
    return traffic


def write_truth(traffic: Traffic, out_dir: Path) -> None:
    """BESIDE, about the calls that were given out so far."""
    truth, registry, scenario, handovers, complaints = (out_dir / name for name in BESIDE)
    pyarrow.csv.write_csv(traffic.truth(), truth)
    write_registry(traffic.population.blocks, registry)
    made_from = {"seed": traffic.seed, "scenario": traffic.scenario}
    scenario.write_bytes(msgspec.json.format(msgspec.json.encode(made_from)) + b"\n")
    pyarrow.csv.write_csv(traffic.handovers(), handovers)
    complaints.write_bytes(msgspec.json.Encoder().encode_lines(traffic.complaints.in_order()))


def _open(path: Path, compress: bool, stack: ExitStack) -> BinaryIO:
    """A file to write; compressed ones carry no time or name, so that the same calls give the same bytes."""
    file = stack.enter_context(path.open("wb"))
    if not compress:
        return file
    return cast(BinaryIO, stack.enter_context(gzip.GzipFile("", "wb", 6, file, mtime=0)))


def _report(traffic: Traffic, calls: NDArray[np.void], progress: Progress | None) -> None:
    if progress is not None:
        start_ms, end_ms = traffic.scenario.start_ms, traffic.scenario.end_ms
        done = (int(calls["release_ms"][-1]) - start_ms) / (end_ms - start_ms)
        progress(min(1.0, done), traffic.given_out)
