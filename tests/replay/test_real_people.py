"""Real people, all benign: they stay quiet at the shipped threshold, and dialers laid over them are found early."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
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


@pytest.mark.parametrize(("real", "lines"), [(NODOBO, 14), (COPENHAGEN, 6)], ids=lambda v: getattr(v, "name", ""))
def test_dialers_over_people_are_all_found_early(real: RealSet, lines: int) -> None:
    """The medians of so few lines swing by 2 calls either way from seed to seed; the README's table has all lines."""
    need(real)
    ways = [(talk, gap) for talk in TALKS for gap in GAPS_S]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(partial(overlay, real, seed=11, most=lines), *zip(*ways, strict=True)))
    assert all(one.found == one.lines == lines for one in found), found
    for talk, most in (("scripted", 8), ("human", 10)):
        medians = [one.median for one in found if one.talk == talk]
        assert max(medians) <= most, found
        plain = [one.baseline_median or np.inf for one in found if one.talk == talk]
        assert np.mean(medians) < np.mean(plain)
