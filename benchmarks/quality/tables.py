"""The README's tables of quality, out of benchmarks/results: what is found, who is accused, what evasion costs."""

from collections.abc import Callable, Iterable
from typing import Any

Result = dict[str, Any]


def evaluation(result: Result) -> str:
    """Three tables: found by kind, false lines by class, and models at equal false alarms."""
    worlds = result["worlds"]
    people = max(world["lines"] for world in worlds)
    told = (
        f"{len(worlds)} worlds of about {people:,} lines over {worlds[0]['days']:g} days (suite `{result['suite']}`),"
        f" at the configured threshold of {result['threshold']:g} nats:"
    )
    kinds = {"all": result["shipped"], **result["kinds"]}
    found = [f"| {kind} | {_found(of.get('plain'))} | {_found(of.get('evasive'))} |" for kind, of in kinds.items()]
    taken = result["shipped"].get("declared")
    classes = [result["undeclared"], result["declared"], *result["quiet"]]
    quiet = [
        f"| {one['kind']}{', declared' if one['declared'] and one['kind'] != 'declared' else ''} |"
        f" {one['line_days']:,.0f} | {one['false_lines']} | {_number(10 * _value(one['per_1000_line_days']))} |"
        for one in classes
        if one["false_lines"] or one["kind"] in ("undeclared", "declared", "ordinary")
    ]
    models = [
        f"| {one['model']} | {_found(one['plain'])} | {_found(one['evasive'])} |"
        for one in result["compared"]
        if one["over"] == "all"
    ]
    return "\n".join(
        [
            told,
            "",
            *_header("campaign", "plain: found; calls p50, p90", "evasive: found; calls p50, p90"),
            *found,
            "",
            f"Declared lines that were taken over: {_found(taken)}.",
            "",
            *_header("honest lines", "line-days", "false lines", "in 10,000 line-days"),
            *quiet,
            "",
            "Each model alone, where one honest line in 10,000 line-days alerts, declared ones included:",
            "",
            *_header("model", "plain: found; calls p50, p90", "evasive: found; calls p50, p90"),
            *models,
        ]
    )


def calibration(result: Result) -> str:
    """False alerts asked for and observed."""
    rows = [
        f"| {row['traffic']} | {row['line_days']:,} |"
        f" {row['per_million']}{', extrapolated' * (row['per_million'] < 100)} |"
        f" {_number(row['threshold'])} | {row['predicted']:g} | {_number(row['observed'])} |"
        f" {_interval(row['observed_over_predicted'])} |"
        for row in result["counted"]
        if row["traffic"] in ("natural mix", "other mix", "both mixes")
    ]
    header = ("benign traffic", "line-days", "asked for, in a million", "threshold", "predicted", "observed", "ratio")
    return "\n".join([*_header(*header), *rows])


def evasion(result: Result) -> str:
    """What each technique buys, alone and with those above it."""
    alone = {cost["technique"]: cost for cost in result["costs"] if not cost["together"]}
    rows = [
        f"| {cost['technique']} | {cost['price']} | {' | '.join(map(_passes, alone[cost['technique']]['passes']))} |"
        f" {' | '.join(map(_passes, cost['passes']))} |"
        for cost in result["costs"]
        if cost["together"]
    ]
    lost = [f"{passes['tolerated']:.0%} lost" for passes in result["costs"][0]["passes"]]
    header = ("technique", "its price", *(f"alone, {x}" for x in lost), *(f"with those above, {x}" for x in lost))
    told = (
        f"At {result['threshold']:g} nats: calls an hour to targets that a number can make while so many of such"
        f" numbers alert in {result['days']} days; numbers it takes for {result['goal']:,} calls a day."
    )
    return "\n".join([told, "", *_header(*header), *rows])


TABLES: dict[str, Callable[[Result], str]] = {
    "evaluation": evaluation,
    "calibration": calibration,
    "evasion": evasion,
}
"""By name of the result and of its place in the README."""


def _header(*names: str) -> Iterable[str]:
    return f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"


def _found(one: Result | None) -> str:
    if one is None or not one["lines"]:
        return "-"
    calls = f"{_number(one['calls_p50']['value'])}, {_number(one['calls_p90']['value'])}"
    return f"{one['found']} of {one['lines']}; {calls}"


def _passes(one: Result) -> str:
    return f"{one['calls_an_hour']:.2g}; {_number(one['numbers'])}"


def _interval(one: Result) -> str:
    return f"{_number(one['value'])} ({_number(one['low'])}..{_number(one['high'])})"


def _value(one: Result) -> float:
    return float(one["value"] or 0.0)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
