"""From judged worlds to figures: lines found, lines wrongly accused, and models compared at equal false alarms."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from detector.replay.intervals import Estimate, quantile, quantile_of, rate_of, rounded, share_of
from detector.replay.played import Played
from detector.replay.witness import DAY_MS, Alerted

LEAST_CALLS = {"plain": 30, "evasive": 60, "declared": 30}
"""Bad calls of a line before a miss counts. declared: lines of declared numbers that were taken over."""

WITHIN_CALLS = (*range(1, 21), *range(22, 51, 2), *range(55, 101, 5), *range(120, 301, 20), 400, 500)
"""Calls at which the share of lines found so far is told."""

FALSE_PER_10_000 = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
"""False lines in 10,000 line-days at which models are compared; COMPARED_AT with intervals."""

COMPARED_AT = 1.0
CURVE_CALLS = 60
OTHERS = "other operators"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """How well bad lines were found.

    lines           with at least LEAST_CALLS bad calls; quantiles are over all of them, lines never found included
    calls, seconds  from the first bad call to the alert, both included
    within          share of the lines found at WITHIN_CALLS
    alert_kinds     what the first alert called them
    """

    lines: int
    found: int
    recall: Estimate
    calls_p50: Estimate
    calls_p90: Estimate
    seconds_p50: float | None
    seconds_p90: float | None
    within: list[float]
    alert_kinds: dict[str, int] = {}


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """False alarms of one class of honest line. false_lines: lines that alerted at least once."""

    kind: str
    declared: bool
    lines: int
    line_days: float
    false_lines: int
    false_alerts: int
    per_1000_line_days: Estimate


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One model at the threshold that lets so many undeclared honest lines alert."""

    false_per_10_000: float
    threshold: float
    recall_plain: float | None
    recall_evasive: float | None
    calls_p50_plain: float | None
    calls_p50_evasive: float | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One model at COMPARED_AT.

    over     which honest lines the false ones are counted among
    accused  class -> false lines, declared ones included: who stands in the way of a lower threshold
    """

    model: str
    over: str
    threshold: float
    false_lines: int
    declared_false_lines: int
    accused: dict[str, int]
    plain: Found
    evasive: Found


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """False alerts that the budget allows on these undeclared line-days, and how many came."""

    budget_per_line_day: float
    line_days: float
    predicted: float
    observed: int
    observed_over_predicted: Estimate


class WorldFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One world in short, for the spread over seeds."""

    name: str
    seed: int
    days: float
    calls: int
    lines: int
    recall_plain: float | None
    recall_evasive: float | None
    false_lines: int
    declared_false_lines: int


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What `detector evaluate --json` prints. `shipped` is the live path at the configured threshold."""

    schema: int = 1
    suite: str
    threshold: float
    muted: tuple[str, ...]
    versions: dict[str, str]
    worlds: list[WorldFigures]
    within_calls: tuple[int, ...] = WITHIN_CALLS
    shipped: dict[str, Found]
    kinds: dict[str, dict[str, Found]]
    undeclared: Quiet
    declared: Quiet
    quiet: list[Quiet]
    expected: Expected
    precision: Estimate
    alerts_per_flagged_line: float | None
    compared: list[Compared]
    models: dict[str, list[Point]]
    evidence: dict[str, list[float | None]]


@dataclass(frozen=True, slots=True)
class Catch:
    """One bad line, and when it was found: at which of its calls from the first bad one on; None = never."""

    seed: int
    kind: str
    variant: str
    bad_calls: int
    call: int | None = None
    seconds: float | None = None
    alert_kind: str = ""


def evaluation(suite: str, worlds: Sequence[Played], models: Sequence[str], budget: float) -> Evaluation:
    """All figures. budget: false alerts a line-day that the configuration asks for."""
    catches = [catch for world in worlds for catch in shipped_catches(world)]
    quiet = quiet_classes(worlds)
    undeclared = _sum_of(quiet, "undeclared", declared=False)
    declared = _sum_of(quiet, "declared", declared=True)
    flagged = sum(catch.call is not None for catch in catches)
    accused = flagged + undeclared.false_lines + declared.false_lines
    opened = sum(alert.revision == 1 for world in worlds for alert in world.alerts)
    return Evaluation(
        suite=suite,
        threshold=round(worlds[0].threshold, 2),
        muted=worlds[0].muted,
        versions=worlds[0].versions,
        worlds=[_world(world) for world in worlds],
        shipped=_by_variant(catches),
        kinds={kind: _by_variant([c for c in catches if c.kind == kind]) for kind in sorted({c.kind for c in catches})},
        undeclared=undeclared,
        declared=declared,
        quiet=quiet,
        expected=_expected(undeclared, budget),
        precision=share_of(flagged, accused),
        alerts_per_flagged_line=rounded(opened / accused) if accused else None,
        compared=[compared(worlds, i, name, over) for over in ("undeclared", "all") for i, name in enumerate(models)],
        models={name: [_point(worlds, i, rate) for rate in FALSE_PER_10_000] for i, name in enumerate(models)},
        evidence=evidence_curves(worlds),
    )


def shipped_catches(world: Played) -> list[Catch]:
    """When the live path alerted on each bad line. An alert that stands since before counts from its next revision."""
    first: dict[int, Alerted] = {}
    for alert in world.alerts:
        if alert.line in world.chases and alert.at_ms >= world.truth.first_bad_ms[alert.line]:
            first.setdefault(alert.line, alert)
    caught = []
    for line, chase in world.chases.items():
        alerted = first.get(line)
        call = int(np.searchsorted(chase.release_ms, alerted.at_ms, side="right")) if alerted else 0
        caught.append(_catch(world, line, call, alerted.kind if alerted else ""))
    return caught


def model_catches(world: Played, model: int, threshold: float) -> list[Catch]:
    """When one model alone would have."""
    caught = []
    for line, chase in world.chases.items():
        over = chase.scores[model] >= threshold
        caught.append(_catch(world, line, int(over.argmax()) + 1 if over.any() else 0))
    return caught


def _catch(world: Played, line: int, call: int, alert_kind: str = "") -> Catch:
    """call: counted from 1; 0 = never."""
    truth = world.truth
    variant = "evasive" if truth.evasive[line] else "declared" if truth.declared[line] else "plain"
    missed = Catch(world.seed, str(truth.kind[line]), variant, int(truth.bad_calls[line]))
    if not call:
        return missed
    seconds = (int(world.chases[line].release_ms[call - 1]) - int(truth.first_bad_ms[line])) / 1000
    return Catch(missed.seed, missed.kind, variant, missed.bad_calls, call, seconds, alert_kind)


def found(catches: Iterable[Catch], variant: str) -> Found:
    """Recall and delay over the lines of one variant."""
    chosen = [c for c in catches if c.variant == variant and c.bad_calls >= LEAST_CALLS[variant]]
    hits = [c for c in chosen if c.call is not None]
    seeds = np.array([c.seed for c in chosen], np.int64)
    calls = np.array([np.inf if c.call is None else c.call for c in chosen])
    seconds = np.array([np.inf if c.seconds is None else c.seconds for c in chosen])
    return Found(
        lines=len(chosen),
        found=len(hits),
        recall=share_of(len(hits), len(chosen)),
        calls_p50=quantile_of(calls, seeds, 0.5),
        calls_p90=quantile_of(calls, seeds, 0.9),
        seconds_p50=quantile(seconds, 0.5),
        seconds_p90=quantile(seconds, 0.9),
        within=[rounded(float((calls <= most).mean())) for most in WITHIN_CALLS] if chosen else [],
        alert_kinds=dict(sorted(Counter(c.alert_kind for c in hits if c.alert_kind).items())),
    )


def _by_variant(catches: Sequence[Catch]) -> dict[str, Found]:
    return {variant: found(catches, variant) for variant in LEAST_CALLS if any(c.variant == variant for c in catches)}


def quiet_classes(worlds: Sequence[Played]) -> list[Quiet]:
    """Every class of honest line; a line that was taken over is one until then."""
    lines, false_lines, false_alerts = (Counter[tuple[str, bool]]() for _ in range(3))
    line_days: dict[tuple[str, bool], float] = {}
    for world in worlds:
        for key, days in _honest_days(world):
            lines[key] += 1
            line_days[key] = line_days.get(key, 0.0) + days
        opened = Counter(alert.line for alert in world.alerts if alert.revision == 1 and _false(world, alert))
        for line, alerts in opened.items():
            key = _class_of(world, line)
            false_lines[key] += 1 if line >= 0 else alerts  # of other operators' lines nobody knows which is which
            false_alerts[key] += alerts
    return [
        Quiet(
            kind=key[0],
            declared=key[1],
            lines=lines[key],
            line_days=round(line_days.get(key, 0.0), 1),
            false_lines=false_lines[key],
            false_alerts=false_alerts[key],
            per_1000_line_days=rate_of(false_lines[key], line_days.get(key, 0.0) / 1000),
        )
        for key in sorted(lines.keys() | false_lines.keys(), key=lambda key: (key[1], -lines[key], key[0]))
    ]


def _honest_days(world: Played) -> list[tuple[tuple[str, bool], float]]:
    """Class and honest days of every line that was honest for a while."""
    truth = world.truth
    until_ms = np.where(truth.bad & (truth.first_bad_ms >= 0), truth.first_bad_ms - world.start_ms, np.inf)
    days = np.minimum(until_ms / DAY_MS, world.days)
    honest = np.flatnonzero(~truth.bad | (truth.was != ""))
    return [(_class_of(world, line), float(days[line])) for line in honest.tolist()]


def _false(world: Played, alert: Alerted) -> bool:
    """Whether the line had done nothing bad until then."""
    bad_since_ms = world.truth.first_bad_ms[alert.line]
    return alert.line < 0 or not world.truth.bad[alert.line] or bad_since_ms < 0 or alert.at_ms < bad_since_ms


def _class_of(world: Played, line: int) -> tuple[str, bool]:
    if line < 0:
        return OTHERS, False
    return str(world.truth.was[line] or world.truth.kind[line]), bool(world.truth.declared[line])


def _sum_of(quiet: Sequence[Quiet], kind: str, *, declared: bool) -> Quiet:
    classes = [one for one in quiet if one.declared == declared]
    days, false = sum(one.line_days for one in classes), sum(one.false_lines for one in classes)
    return Quiet(
        kind=kind,
        declared=declared,
        lines=sum(one.lines for one in classes),
        line_days=round(days, 1),
        false_lines=false,
        false_alerts=sum(one.false_alerts for one in classes),
        per_1000_line_days=rate_of(false, days / 1000),
    )


def _expected(undeclared: Quiet, budget: float) -> Expected:
    predicted = budget * undeclared.line_days
    return Expected(
        budget_per_line_day=budget,
        line_days=undeclared.line_days,
        predicted=rounded(predicted),
        observed=undeclared.false_alerts,
        observed_over_predicted=rate_of(undeclared.false_alerts, predicted),
    )


def compared(worlds: Sequence[Played], model: int, name: str, over: str) -> Compared:
    """One model at COMPARED_AT."""
    threshold = _threshold(worlds, model, COMPARED_AT, over)
    catches = [catch for world in worlds for catch in model_catches(world, model, threshold)]
    return Compared(
        model=name,
        over=over,
        threshold=rounded(threshold),
        false_lines=int((_peaks(worlds, model, declared=False) >= threshold).sum()),
        declared_false_lines=int((_peaks(worlds, model, declared=True) >= threshold).sum()),
        accused=_accused(worlds, model, threshold),
        plain=found(catches, "plain"),
        evasive=found(catches, "evasive"),
    )


def _point(worlds: Sequence[Played], model: int, false_per_10_000: float) -> Point:
    threshold = _threshold(worlds, model, false_per_10_000, "undeclared")
    catches = [catch for world in worlds for catch in model_catches(world, model, threshold)]
    calls = {
        variant: np.array([c.call or np.inf for c in catches if c.variant == variant and c.bad_calls >= least])
        for variant, least in LEAST_CALLS.items()
    }
    return Point(
        false_per_10_000=false_per_10_000,
        threshold=rounded(threshold),
        recall_plain=share_of(int(np.isfinite(calls["plain"]).sum()), len(calls["plain"])).value,
        recall_evasive=share_of(int(np.isfinite(calls["evasive"]).sum()), len(calls["evasive"])).value,
        calls_p50_plain=quantile(calls["plain"], 0.5),
        calls_p50_evasive=quantile(calls["evasive"], 0.5),
    )


def _threshold(worlds: Sequence[Played], model: int, false_per_10_000: float, over: str) -> float:
    """The lowest threshold at which so many of the honest lines alert, and no more."""
    chosen = [_peaks(worlds, model, declared=declared) for declared in ((False, True) if over == "all" else (False,))]
    honest = [~w.truth.bad & (~w.truth.declared | (over == "all")) for w in worlds]
    line_days = sum(float(lines.sum() * w.days) for lines, w in zip(honest, worlds, strict=True))
    return threshold_for(np.concatenate(chosen), int(false_per_10_000 * line_days / 10_000 + 1e-9))


def _peaks(worlds: Sequence[Played], model: int, *, declared: bool) -> NDArray[np.float32]:
    """The highest score of every line that was always honest."""
    return np.concatenate(
        [w.peaks[model][~w.truth.bad & (w.truth.declared == declared)].max(axis=1, initial=-np.inf) for w in worlds]
    )


def _accused(worlds: Sequence[Played], model: int, threshold: float) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for world in worlds:
        over = ~world.truth.bad & (world.peaks[model].max(axis=1, initial=-np.inf) >= threshold)
        counts.update(world.truth.kind[over].tolist())
    return dict(counts.most_common())


def threshold_for(peaks: NDArray[np.float32], allowed: int) -> float:
    """The lowest threshold that no more than `allowed` of the peaks reach."""
    highest = np.sort(peaks[np.isfinite(peaks)])[::-1]
    if len(highest) > allowed:
        return float(np.nextafter(highest[allowed], np.float32(np.inf)))
    return float(highest[-1]) if len(highest) else 0.0


def evidence_curves(worlds: Sequence[Played]) -> dict[str, list[float | None]]:
    """Median evidence of bad lines after each of their first CURVE_CALLS calls, by `kind variant`; null = no line."""
    grown: dict[str, list[NDArray[np.float32]]] = {}
    for world in worlds:
        for line, chase in world.chases.items():
            told = _catch(world, line, 0)
            if told.bad_calls >= LEAST_CALLS[told.variant]:
                grown.setdefault(f"{told.kind} {told.variant}", []).append(chase.nats[:CURVE_CALLS])
    return {name: _median_curve(curves) for name, curves in sorted(grown.items())}


def _median_curve(curves: Sequence[NDArray[np.float32]]) -> list[float | None]:
    by_call = [[curve[i] for curve in curves if len(curve) > i] for i in range(CURVE_CALLS)]
    return [round(float(np.median(nats)), 2) if nats else None for nats in by_call]


def _world(world: Played) -> WorldFigures:
    catches, quiet = shipped_catches(world), quiet_classes([world])
    return WorldFigures(
        name=world.name,
        seed=world.seed,
        days=world.days,
        calls=world.calls,
        lines=len(world.truth.lines),
        recall_plain=found(catches, "plain").recall.value,
        recall_evasive=found(catches, "evasive").recall.value,
        false_lines=_sum_of(quiet, "", declared=False).false_lines,
        declared_false_lines=_sum_of(quiet, "", declared=True).false_lines,
    )
