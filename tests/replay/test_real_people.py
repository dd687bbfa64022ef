"""Real people, all benign: they stay quiet at the shipped threshold, and dialers laid over them are found early."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.overlay import COPENHAGEN, GAPS_S, NODOBO, TALKS, RealSet, overlay, untouched
from detector.config import load
from detector.replay.run import replay

ROOT = Path(__file__).parents[2]


def need(real: RealSet) -> None:
    if not real.path().exists():
        if "DETECTOR_REAL_DATA" in os.environ:
            pytest.fail(f"DETECTOR_REAL_DATA is set, but there is no {real.path()}")
        pytest.skip(f"REAL CALLS ARE ABSENT: no {real.path()}; set DETECTOR_REAL_DATA to their folder")


@pytest.mark.parametrize("real", [NODOBO, COPENHAGEN], ids=lambda real: real.name)
def test_people_stay_quiet_as_shipped(real: RealSet, tmp_path: Path) -> None:
    need(real)
    config = load(ROOT / "deploy" / "examples" / f"{real.name}.toml", {}, {"state.line_capacity": 10_000})
    summary = replay(config, [real.path()], tmp_path / "run")
    assert summary.rejected == {}
    assert summary.calls == {"nodobo": 4248, "copenhagen": 3600}[real.name]
    alerts = (tmp_path / "run" / "alerts.ndjson").read_text().splitlines()
    assert not alerts


@pytest.mark.parametrize("real", [NODOBO, COPENHAGEN], ids=lambda real: real.name)
def test_people_stay_quiet_for_a_model_that_never_saw_them(real: RealSet) -> None:
    need(real)
    assert untouched(real).false_lines == 0


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize(("real", "lines"), [(NODOBO, 14), (COPENHAGEN, 12)], ids=lambda v: getattr(v, "name", ""))
def test_dialers_over_people_are_all_found_early(real: RealSet, lines: int, talk: str) -> None:
    need(real)
    found = [overlay(real, talk, gap, seed=11, most=lines) for gap in GAPS_S]
    assert all(one.found == one.lines == lines for one in found), found
    most = 8 if talk == "scripted" else 10  # 14 lines' median swings by 2 calls either way from seed to seed
    assert max(one.median for one in found) <= most, found
    assert np.mean([one.median for one in found]) < np.mean([one.baseline_median or np.inf for one in found])
