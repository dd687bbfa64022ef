"""`detector evaluate`: its figures by hand-made lines, and the small suite through the live path, held to limits."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from detector.command import run_command
from detector.config import load
from detector.errors import InputError
from detector.replay.evaluate import FILES, Tolerance, evaluate, read_tolerance, write
from detector.replay.figures import Evaluation, evaluation, threshold_for
from detector.replay.intervals import Estimate, quantile, quantile_of, rate_of, share_of
from detector.replay.played import Played
from detector.replay.witness import Alerted, Chase, Truth
from detector.traffic.scenario import preset
from detector.traffic.suite import World

ROOT = Path(__file__).parents[2]
TOLERANCE = ROOT / "benchmarks" / "quality" / "tolerance.toml"
DAY_MS = 86_400_000
MODELS = ("evidence", "baseline")

Line = dict[str, Any]


def chase(*nats: float, first_ms: int = 1_000, every_ms: int = 1_000) -> Chase:
    """A bad line whose evidence and plain count grow like this, one call a second."""
    scores = np.array([nats, range(1, len(nats) + 1)], np.float32)
    return Chase(first_ms + every_ms * np.arange(1, len(nats) + 1), np.array(nats, np.float32), scores)


def world(lines: list[Line], alerts: list[Alerted], *, seed: int = 1, days: float = 1.0) -> Played:
    """A world of these lines: name -> honest (with its peaks) or bad (with its chase)."""

    def column(name: str, missing: Any) -> list[Any]:
        return [line.get(name, missing) for line in lines]

    peaks = np.full((len(MODELS), len(lines), max(1, round(days))), -np.inf, np.float32)
    for i, line in enumerate(lines):
        peaks[:, i, :] = np.reshape(line.get("peaks", (-np.inf, -np.inf)), (2, 1))
    return Played(
        name="by hand",
        seed=seed,
        days=days,
        start_ms=0,
        calls=100,
        truth=Truth(
            lines=[str(i) for i in range(len(lines))],
            kind=np.array(column("kind", "ordinary"), np.str_),
            was=np.array(column("was", ""), np.str_),
            bad=np.array(["chase" in line for line in lines]),
            declared=np.array(column("declared", False), np.bool_),
            evasive=np.array(column("evasive", False), np.bool_),
            bad_calls=np.array(column("bad_calls", 0), np.int64),
            first_bad_ms=np.array(column("first_bad_ms", -1), np.int64),
        ),
        peaks=peaks,
        chases={i: line["chase"] for i, line in enumerate(lines) if "chase" in line},
        alerts=alerts,
        threshold=14.0,
        versions={},
        muted=(),
    )


def bad(kind: str, *nats: float, bad_calls: int = 40, **more: Any) -> Line:
    return {"kind": kind, "chase": chase(*nats), "bad_calls": bad_calls, "first_bad_ms": 1_000, **more}


def test_a_line_is_found_at_the_call_that_wrote_the_alert() -> None:
    played = world([bad("wangiri", 3, 9, 15), bad("wangiri", 1, 2)], [Alerted(0, 1, "wangiri", 4_000)])
    found = evaluation("s", [played], MODELS, 1e-4).kinds["wangiri"]["plain"]
    assert (found.lines, found.found) == (2, 1)
    assert (found.calls_p50.value, found.calls_p90.value) == (3.0, None)  # the other is never found
    assert found.seconds_p50 == 3.0
    assert found.alert_kinds == {"wangiri": 1}
    assert found.within[:4] == [0.0, 0.0, 0.5, 0.5]


def test_lines_with_too_few_calls_are_no_misses() -> None:
    lines = [bad("wangiri", 1, bad_calls=29), bad("wangiri", 1, bad_calls=59, evasive=True), bad("otp", 1)]
    figures = evaluation("s", [world(lines, [])], MODELS, 1e-4)
    assert {kind: {v: f.lines for v, f in by.items()} for kind, by in figures.kinds.items()} == {
        "wangiri": {"plain": 0, "evasive": 0},
        "otp": {"plain": 1},
    }


def test_an_alert_before_a_line_was_taken_over_is_false_and_found_is_its_next_revision() -> None:
    taken = bad("takeover", 20, 20, was="courier", bad_calls=30)
    alerts = [Alerted(0, 1, "mass_dialing", 500), Alerted(0, 2, "mass_dialing", 3_000)]
    figures = evaluation("s", [world([taken, {}], alerts)], MODELS, 1e-4)
    assert figures.shipped["plain"].calls_p50.value == 2.0
    assert [(q.kind, q.false_lines, q.line_days) for q in figures.quiet] == [("courier", 1, 0.0), ("ordinary", 0, 1.0)]
    assert figures.precision.value == 0.5


def test_false_lines_stand_in_their_class_declared_apart_and_per_line_day() -> None:
    lines: list[Line] = [{}, {}, {"kind": "courier"}, {"kind": "otp", "declared": True}]
    alerts = [Alerted(2, 1, "", 10), Alerted(2, 2, "", 20), Alerted(2, 1, "", 30), Alerted(3, 1, "", 40)]
    figures = evaluation("s", [world(lines, alerts, days=2.0)], MODELS, 0.01)
    told = {q.kind: (q.declared, q.line_days, q.false_lines, q.false_alerts) for q in figures.quiet}
    assert told == {"ordinary": (False, 4.0, 0, 0), "courier": (False, 2.0, 1, 2), "otp": (True, 2.0, 1, 1)}
    assert figures.undeclared.per_1000_line_days.value == pytest.approx(1000 / 6, rel=1e-3)
    assert (figures.expected.predicted, figures.expected.observed) == (0.06, 2)
    assert figures.alerts_per_flagged_line == 1.5


def test_models_are_compared_where_equally_many_honest_lines_alert() -> None:
    honest: list[Line] = [{"peaks": (p, q)} for p, q in ((5.0, 9.0), (12.0, 3.0), (2.0, 2.0))]
    declared = {"kind": "otp", "declared": True, "peaks": (30.0, 80.0)}
    figures = evaluation("s", [world([*honest, declared, bad("wangiri", 3, 13, 20)], [])], MODELS, 1e-4)
    evidence, baseline = figures.compared[:2]
    assert (evidence.threshold, evidence.false_lines, evidence.accused) == (12.0, 0, {"otp": 1})
    assert evidence.plain.calls_p50.value == 2.0  # 13 nats
    assert baseline.plain.found == 0  # three callees are fewer than nine
    assert figures.compared[2].plain.found == 0  # over all lines: 20 nats are fewer than 30
    assert figures.compared[2].accused == {}


@pytest.mark.parametrize(("allowed", "alerting"), [(0, 0), (1, 1), (2, 1), (3, 3)])
def test_a_threshold_lets_no_more_lines_alert_than_allowed(allowed: int, alerting: int) -> None:
    peaks = np.array([9, 7, 7, -np.inf], np.float32)  # two lines share a peak: both or none
    assert (peaks >= threshold_for(peaks, allowed)).sum() == alerting


def test_intervals_are_exact() -> None:
    assert share_of(0, 3) == Estimate(0.0, 0.0, 0.7076)  # the "rule of three", 1 - 0.025 ** (1 / 3)
    assert share_of(3, 3).low == pytest.approx(0.2924)
    assert share_of(0, 0) == Estimate(None)
    assert rate_of(0, 1.0).high == pytest.approx(3.689, abs=1e-3)
    assert rate_of(10, 2.0) == Estimate(5.0, 2.398, 9.195)


def test_quantiles_count_lines_never_found() -> None:
    values, seeds = np.array([4.0, 8.0, np.inf, np.inf]), np.array([1, 1, 2, 2])
    assert quantile(values, 0.5) == 8.0
    assert quantile(values, 0.75) is None
    estimate = quantile_of(values, seeds, 0.5)
    assert (estimate.value, estimate.low, estimate.high) == (8.0, 4.0, None)


def test_a_tolerance_says_what_does_not_hold() -> None:
    figures = evaluation("s", [world([bad("wangiri", 1), {}], [])], MODELS, 1e-4)
    limits = Tolerance(
        least={"shipped.plain.recall.value": 0.9}, most={"shipped.plain.calls_p50.value": 12, "declared.false_lines": 0}
    )
    assert limits.worse(figures) == [
        "shipped.plain.recall.value is 0.0, and may be at least 0.9",
        "shipped.plain.calls_p50.value is None, and may be at most 12",
    ]
    for path in ("shipped.plain.recal", "shipped.plain"):
        with pytest.raises(InputError, match=re.escape(path)):
            Tolerance(most={path: 1}).worse(figures)


def test_a_file_that_is_no_tolerance_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tolerance.toml"
    file.write_text("[lest]\nx = 1\n")
    with pytest.raises(InputError, match="not a tolerance file"):
        read_tolerance(file)


def tiny() -> Evaluation:
    small = preset("evaluation", 250, 0.5)
    worlds = [World(small, seed) for seed in (301, 302)]
    return evaluate(load(None, {}, {"state.line_capacity": 20_000}), "tiny", worlds, lambda done, calls: None)


def test_the_same_worlds_give_the_same_bytes(tmp_path: Path) -> None:
    for run in ("first", "second"):
        write(tiny(), tmp_path / run)
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
    read = msgspec.json.decode((tmp_path / "first" / FILES[0]).read_bytes(), type=Evaluation)
    assert [w.seed for w in read.worlds] == [301, 302]
    assert read.shipped["plain"].lines > 20


def test_the_small_suite_holds_its_tolerance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command(
        ["evaluate", "--suite", "small", "--tolerance", str(TOLERANCE), "--json", "--out", str(tmp_path)]
    )
    said = capsys.readouterr()
    assert code == 0, said.err
    assert json.loads(said.out) == json.loads((tmp_path / "evaluation.json").read_bytes())
    hard = tmp_path / "hard.toml"
    hard.write_text('[least]\n"shipped.evasive.recall.value" = 1.1\n')
    figures = msgspec.json.decode((tmp_path / "evaluation.json").read_bytes(), type=Evaluation)
    assert len(read_tolerance(hard).worse(figures)) == 1


def test_what_judges_never_imports_the_generator() -> None:
    files = [*(ROOT / "models").rglob("*.py"), *(ROOT / "detector" / "replay").rglob("*.py")]
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith("detector.traffic") for name in names), file
