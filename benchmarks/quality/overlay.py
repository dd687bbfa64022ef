"""How many calls of a dialer the detector needs, when dialers are laid over real people.

`python -m benchmarks.quality.overlay` writes benchmarks/results/overlay.json and prints its table. For each of
14 Nodobo owners and 50 Copenhagen callers, each in a run of its own: 100 calls to callees never seen, exponential
gaps with mean 7 min, 42 s or 7 s, 30 % answered, talk either scripted (22 +- 3 s) or human (log-normal(3.0, 1.2)).
Every record goes through the shipped decoder and shard; parameters are fitted without the set they judge.
"""

import csv
import gzip
import io
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import CdrBatch
from detector.config import Config, load
from detector.decode.decoder import Decoder
from detector.features.catalog import matrix
from detector.numbering.plan import NumberPlan
from detector.numbering.registry import Registry
from detector.shard import Shard
from detector.source.memory import chunk
from models.baseline import Baseline
from models.evidence import Evidence

HERE = Path(__file__).parent
RESULT = HERE.parent / "results" / "overlay.json"
GAPS_S = {"7 min": 420.0, "42 s": 42.0, "7 s": 7.0}
TALKS = ("scripted", "human")
CALLS = 100
ANSWERED = 0.3
BASELINE_CALLEES = 10
"""The plain rule alerts at this many distinct callees in 60 minutes."""

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class RealSet:
    """Real calls, and which of their lines get a dialer laid over: the study's own phones, or callers drawn."""

    name: str
    file: str
    lines: int
    owners: bool

    def path(self) -> Path:
        """Where the calls are: DETECTOR_REAL_DATA, default ../shared/data beside the project."""
        default = HERE.parents[1].parent / "shared" / "data"
        return Path(os.environ.get("DETECTOR_REAL_DATA") or default) / self.file

    def config(self) -> Config:
        """How they are read and judged: the shipped example, with parameters fitted without this set."""
        model = HERE / "parameters" / f"without_{self.name}.json"
        small = {"state.line_capacity": 4096, "state.warm_capacity": 1024, "state.hot_capacity": 256}
        small["state.entity_capacity"] = 4096
        flags = {"model.file": str(model), "state.dedup_calls": 16_384, **small}
        return load(HERE.parents[1] / "deploy" / "examples" / f"{self.name}.toml", {}, flags)


NODOBO = RealSet("nodobo", "nodobo_dev_users.csv.gz", 14, owners=True)
COPENHAGEN = RealSet("copenhagen", "cns_calls_all.csv.gz", 50, owners=False)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of the dialer when its line alerted (this call included): median and 90 % over the lines found."""

    set: str
    talk: str
    gap: str
    lines: int
    found: int
    median: float
    p90: float
    baseline_found: int
    baseline_median: float | None


class Untouched(msgspec.Struct, frozen=True, kw_only=True):
    """The set as it is: lines that alert although nobody dials."""

    set: str
    lines: int
    threshold: float
    false_lines: int
    baseline_false_lines: int


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """benchmarks/results/overlay.json."""

    seed: int
    untouched: list[Untouched]
    found: list[Found]


class Judge:
    """Judges one list of records at a time, each from an empty state."""

    def __init__(self, real: RealSet) -> None:
        self._config = real.config()
        self.plan = NumberPlan(self._config.numbering.plan, b"overlay")
        self._model = Evidence.load(Path(self._config.model.file))
        self.threshold = self._shard().threshold

    def _shard(self) -> Shard:
        registry = Registry(self.plan)
        return Shard(self._config, self._model, self.plan, registry, lambda s, o: str(o), "overlay", observe=True)

    def run(self, rows: list[Row]) -> tuple[CdrBatch, dict[int, int], NDArray[np.float64]]:
        """(calls, {line key: call that opened its first alert}, distinct callees in 60 minutes by call)."""
        decoder = Decoder(self._config.decode, self.plan, ["csv"])
        batch, rejects = decoder.decode(chunk(as_csv(rows)))
        assert not rejects, rejects[0]
        findings = self._shard().process(batch)
        row_of = {int(offset): i for i, offset in enumerate(batch.calls["offset"])}
        opened: dict[int, int] = {}
        for revision in findings.revisions:
            if revision.alert.revision == 1:
                i = row_of[revision.offset]
                opened.setdefault(int(batch.calls[i]["line_key"]), i)
        return batch, opened, Baseline().score(matrix(findings.scored))


def read(real: RealSet) -> list[Row]:
    """The set's records, in order of release."""
    with gzip.open(real.path(), "rt", newline="") as file:
        return sorted(csv.DictReader(file), key=released_s)


def as_csv(rows: list[Row]) -> list[bytes]:
    """The records as lines of CSV, the header first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return [line.encode() for line in text.getvalue().splitlines()]


def released_s(row: Row) -> float:
    """When the call ended, seconds since 1970."""
    return datetime.fromisoformat(row["start"]).timestamp() + float(row["duration_s"])


def dialer(row: Row, talk: str, gap_s: float, begin_s: float, rng: np.random.Generator) -> list[Row]:
    """CALLS calls of the line of `row` to callees nobody called before; other columns as in `row`."""
    starts = begin_s + np.cumsum(rng.exponential(gap_s, CALLS))
    answered = rng.random(CALLS) < ANSWERED
    seconds = rng.normal(22.0, 3.0, CALLS) if talk == "scripted" else rng.lognormal(3.0, 1.2, CALLS)
    callees = rng.choice(10**9, CALLS, replace=False)
    return [
        row
        | {
            "start": datetime.fromtimestamp(start, UTC).isoformat(timespec="seconds"),
            "callee": f"7777{callee:09}",
            "duration_s": f"{max(round(length), 1) if ok else 0}",
            "answered": f"{int(ok)}",
            "disposition": "ANSWERED" if ok else "NO ANSWER",
        }
        for start, ok, length, callee in zip(starts, answered, seconds, callees, strict=True)
    ]


def chosen_lines(real: RealSet, rows: list[Row], rng: np.random.Generator) -> list[str]:
    """The lines that get a dialer."""
    if real.owners:
        return sorted({row["owner"] for row in rows})[: real.lines]
    return [str(line) for line in rng.choice(sorted({row["caller"] for row in rows}), real.lines, replace=False)]


def overlay(real: RealSet, talk: str, gap: str, seed: int, most: int | None = None) -> Found:
    """One dialer after the other over the lines of a set (the first `most` of them)."""
    rng = np.random.default_rng([seed, len(real.name), TALKS.index(talk), list(GAPS_S).index(gap)])
    judge, rows = Judge(real), read(real)
    at_call: list[int] = []
    plain: list[int] = []
    lines = chosen_lines(real, rows, np.random.default_rng(seed))[:most]
    for line in lines:
        own = [row for row in rows if row["caller"] == line]
        begin_s = float(rng.uniform(released_s(own[0]), released_s(own[-1])))
        laid = dialer(own[0], talk, GAPS_S[gap], begin_s, rng)
        batch, opened, distinct = judge.run(sorted([*rows, *laid], key=released_s))
        key = judge.plan.key(line)
        dialed = np.isin(batch.calls["callee_key"], judge.plan.keys([row["callee"] for row in laid])[0])
        if key in opened and dialed[: opened[key] + 1].any():
            at_call.append(int(dialed[: opened[key] + 1].sum()))
        hits = np.flatnonzero((batch.calls["line_key"] == key) & (distinct >= BASELINE_CALLEES))
        hits = hits[hits >= np.argmax(dialed)]
        if len(hits):
            plain.append(int(dialed[: hits[0] + 1].sum()))
    return Found(
        set=real.name,
        talk=talk,
        gap=gap,
        lines=len(lines),
        found=len(at_call),
        median=float(np.median(at_call)),
        p90=float(np.quantile(at_call, 0.9)),
        baseline_found=len(plain),
        baseline_median=float(np.median(plain)) if plain else None,
    )


def untouched(real: RealSet) -> Untouched:
    """The set without any dialer."""
    judge = Judge(real)
    batch, opened, distinct = judge.run(read(real))
    return Untouched(
        set=real.name,
        lines=len(np.unique(batch.calls["line_key"])),
        threshold=round(judge.threshold, 2),
        false_lines=len(opened),
        baseline_false_lines=len(np.unique(batch.calls["line_key"][distinct >= BASELINE_CALLEES])),
    )


def table(result: Result) -> str:
    """Markdown: one row a configuration."""
    lines = [
        f"| real people | dialer's talk | mean gap | found | calls before the alert: median, 90 % |"
        f" plain rule ({BASELINE_CALLEES} callees in 60 min): found, median |",
        "|---|---|---|---|---|---|",
    ]
    for row in result.found:
        plain = "-" if row.baseline_median is None else f"{row.baseline_median:g}"
        lines.append(
            f"| {row.set} | {row.talk} | {row.gap} | {row.found} of {row.lines} | {row.median:g}, {row.p90:.0f} |"
            f" {row.baseline_found} of {row.lines}, {plain} |"
        )
    lines.append("")
    lines += [
        f"Untouched {quiet.set}, {quiet.lines} callers: {quiet.false_lines} alert at the threshold of"
        f" {quiet.threshold:g} nats; the plain rule flags {quiet.baseline_false_lines}."
        for quiet in result.untouched
    ]
    return "\n".join(lines)


def main(seed: int = 7) -> None:
    """Run everything, write the result, print the table."""
    sets = (NODOBO, COPENHAGEN)
    found = []
    for real in sets:
        for talk in TALKS:
            for gap in GAPS_S:
                found.append(overlay(real, talk, gap, seed))
                print(found[-1], file=sys.stderr)
    result = Result(seed=seed, untouched=[untouched(real) for real in sets], found=found)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    print(table(result))


if __name__ == "__main__":
    main()
