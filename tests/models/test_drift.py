"""A warning about the model when the traffic moves away, none about the time of day, and never one about a line."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from structlog.testing import capture_logs

from detector import metrics
from detector.app import new_shard
from detector.cdr.batch import CDR, CdrBatch
from detector.features.kernels.layout import COLD_TIER, MILLI, SCORED, WARM_TIER
from detector.report import Reporter
from detector.shard import Findings
from detector.source.memory import MemorySource
from models.drift import HOUR_MS, LEAST_CALLS, MINUTE_MS, Drift, Moved, Rhythm
from tests.calls import Kept, small_config

DAY_MIN = 1440
MONDAY_MS = 20_053 * 24 * HOUR_MS
THRESHOLD = 10.0


def by_day(minute: int) -> float:
    """An ordinary day: half as much again at noon as at midnight."""
    return 0.4 - 0.1 * float(np.cos(2 * np.pi * minute / DAY_MIN))


def figures(days: float, seed: int = 1, moved_at_day: float = 99.0, factor: float = 1.0) -> Iterator[tuple[int, float]]:
    rng = np.random.default_rng(seed)
    for minute in range(int(days * DAY_MIN)):
        level = by_day(minute) * (factor if minute >= moved_at_day * DAY_MIN else 1.0)
        yield MONDAY_MS + minute * MINUTE_MS, level * float(rng.lognormal(0.0, 0.1))


def moves(fed: Iterator[tuple[int, float]]) -> list[Moved]:
    rhythm = Rhythm("gate_rate")
    return [moved for at_ms, figure in fed if (moved := rhythm.take(at_ms, figure))]


@pytest.mark.parametrize("seed", range(5))
def test_the_time_of_day_is_no_change(seed: int) -> None:
    assert moves(figures(days=12, seed=seed)) == []


@pytest.mark.parametrize(("factor", "at_day"), [(1.5, 4.4), (0.6, 3.9), (1.3, 6.0)])
def test_a_move_is_told_once_with_where_from_and_where_to(factor: float, at_day: float) -> None:
    moved = moves(figures(days=9, moved_at_day=at_day, factor=factor))
    assert len(moved) == 1
    after_h = (moved[0].at_ms - MONDAY_MS) / HOUR_MS - at_day * 24
    assert 0 < after_h < 4
    assert moved[0].now / moved[0].was == pytest.approx(factor, rel=0.1)


def test_a_small_move_is_no_news_however_sure_it_is() -> None:
    assert moves(figures(days=9, moved_at_day=4.0, factor=1.1)) == []


def test_a_warning_stands_until_a_day_of_the_new_traffic_is_known() -> None:
    rhythm, standing = Rhythm("gate_rate"), []
    for at_ms, figure in figures(days=7, moved_at_day=4.0, factor=1.5):
        rhythm.take(at_ms, figure)
        if rhythm.moved:
            standing.append(at_ms)
    assert 22 * HOUR_MS < standing[-1] - standing[0] <= 24 * HOUR_MS
    assert len(standing) == (standing[-1] - standing[0]) // MINUTE_MS + 1  # without a gap


def test_moved_is_told_in_words() -> None:
    told = str(Moved("gate_rate", MONDAY_MS, 0.31, 0.448))
    assert told == "the share of calls from busy lines moved from 0.31 to 0.45 by 2024-11-26 00:00 UTC"


def calls(minutes: NDArray[np.int64], gated: float, nats: float, seed: int = 1) -> tuple[CdrBatch, NDArray[np.void]]:
    """Calls released in these minutes; a share of them of warm lines, each with so many nats."""
    rng = np.random.default_rng(seed)
    made, scored = np.zeros(len(minutes), CDR), np.zeros(len(minutes), SCORED)
    made["release_ms"] = MONDAY_MS + minutes * MINUTE_MS + rng.integers(0, MINUTE_MS, len(minutes))
    warm = rng.random(len(minutes)) < gated
    scored["tier"] = np.where(warm, WARM_TIER, COLD_TIER)
    scored["score"] = np.where(warm, round(nats * MILLI), 0)
    return CdrBatch(made, [], lambda raw, stream: pytest.fail("nobody reads texts here")), scored


def fed(drift: Drift, batch: CdrBatch, scored: NDArray[np.void], cuts: list[int]) -> Drift:
    edges = [0, *sorted(cuts), len(batch)]
    for begin, end in pairwise(edges):
        if end > begin:
            drift.judged(batch.take(slice(begin, end)), Findings([], scored[begin:end]))
    return drift


def spied(drift: Drift) -> list[tuple[str, int, float]]:
    """What the rhythms are fed."""
    taken: list[tuple[str, int, float]] = []

    def spy(what: str) -> Any:
        return lambda at_ms, figure: taken.append((what, at_ms, figure))

    for what, rhythm in drift._rhythms.items():
        rhythm.take = spy(what)  # type: ignore[method-assign]
    return taken


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 4_000), max_size=8))
def test_how_the_stream_is_cut_makes_no_difference(cuts: list[int]) -> None:
    minutes = np.sort(np.random.default_rng(3).integers(0, 40, 4_000))
    late = minutes - (np.arange(4_000) % 97 == 0)  # some calls come a minute late
    batch, scored = calls(late, 0.3, 4.0)
    whole, cut = Drift(THRESHOLD), Drift(THRESHOLD)
    taken, taken_cut = spied(whole), spied(cut)
    fed(whole, batch, scored, [])
    fed(cut, batch, scored, cuts)
    assert taken == taken_cut
    assert len(taken) > 60


def test_the_figures_of_a_minute() -> None:
    """45 judged calls, 15 of them warm with 4 nats, 3 of these with 99, which count 10: the threshold."""
    batch, scored = calls(np.zeros(61, np.int64), 0.0, 0.0)
    batch.calls["release_ms"][60] += 2 * MINUTE_MS
    scored["tier"][45:60] = -1
    scored["score"][45:60] = 99 * MILLI  # duplicates count for nothing
    scored["tier"][:15] = WARM_TIER
    scored["score"][:15] = 4 * MILLI
    scored["score"][:3] = 99 * MILLI
    drift = Drift(THRESHOLD)
    taken = spied(drift)
    fed(drift, batch, scored, [])
    assert taken == []  # too few calls; put together with those of the next minutes
    again = Drift(THRESHOLD)
    taken = spied(again)
    fed(again, batch, scored, [])
    fed(again, *calls(np.full(LEAST_CALLS - 46, 2), 0.0, 0.0), [])
    fed(again, *calls(np.full(1, 3), 0.0, 0.0), [])
    at_ms = MONDAY_MS + 2 * MINUTE_MS
    expected = (12 * 4.0 + 3 * 10.0) / THRESHOLD / LEAST_CALLS
    assert taken == [("gate_rate", at_ms, 15 / LEAST_CALLS), ("score_mean", at_ms, pytest.approx(expected))]


def test_a_move_is_counted_logged_and_shown_and_opens_nothing() -> None:
    drift = Drift(THRESHOLD)
    minutes = np.repeat(np.arange(3 * DAY_MIN), 60)
    before = metrics.model_drift.labels("gate_rate")._value.get()
    with capture_logs() as logged:
        fed(drift, *calls(minutes, 0.3, 2.0), [])
        assert drift.warnings() == ()
        fed(drift, *calls(np.repeat(np.arange(3 * DAY_MIN, 3 * DAY_MIN + 300), 60), 0.6, 2.0), [])
    told = {event["what"]: event for event in logged if event["event"] == "model_drift"}
    assert set(told) == {"gate_rate", "score_mean"}  # twice as many calls have a score
    assert all(event["log_level"] == "warning" for event in told.values())
    assert (told["gate_rate"]["was"], told["gate_rate"]["now"]) == (pytest.approx(0.3, 0.1), pytest.approx(0.6, 0.1))
    assert metrics.model_drift.labels("gate_rate")._value.get() == before + 1
    source = MemorySource([])
    shard = new_shard(small_config(), source)
    status = Reporter(shard, source, Kept(), lambda: "live", warnings=drift.warnings).status("live")
    assert status.warnings == drift.warnings()
    assert len(status.warnings) == 2
    assert status.open_alerts == 0
