"""The tables of an evaluation: rich on a terminal, Markdown elsewhere, from the same rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable

from detector.replay.figures import COMPARED_AT, Compared, Evaluation, Found, Quiet
from detector.replay.intervals import Estimate


@dataclass(frozen=True, slots=True)
class Table:
    """A title, a header, and rows of text."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables_of(figures: Evaluation) -> list[Table]:
    """Everything that is printed of an evaluation."""
    return [
        Table(
            f"Found at the configured threshold of {figures.threshold:g} nats (suite {figures.suite})",
            ("kind", "variant", "lines", "recall", "calls p50", "p90", "time p50", "p90"),
            [
                _found(kind, variant, one)
                for kind, variants in {"all": figures.shipped, **figures.kinds}.items()
                for variant, one in variants.items()
                if one.lines
            ],
        ),
        Table(
            "False alarms by class of honest line",
            ("class", "declared", "line-days", "false lines", "per 1,000 line-days", "alerts"),
            [_quiet(one) for one in (figures.undeclared, figures.declared, *figures.quiet)],
        ),
        Table(
            f"Each model alone, at most {COMPARED_AT:g} false line in 10,000 line-days",
            ("model", "of lines", "threshold", "plain", "calls p50", "evasive", "calls p50", "false lines"),
            [_model(one) for one in figures.compared],
        ),
        Table("In short", ("", ""), _short(figures)),
    ]


def as_markdown(tables: Sequence[Table]) -> str:
    """Tables as Markdown."""
    return "\n\n".join(map(_markdown, tables))


def show(tables: Sequence[Table]) -> None:
    """Tables on stdout: drawn on a terminal, else as Markdown."""
    console = Console()
    if not console.is_terminal:
        print(as_markdown(tables))
        return
    for table in tables:
        drawn = RichTable(*table.header, title=table.title, title_justify="left")
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)


def _markdown(table: Table) -> str:
    lines = [f"**{table.title}**", "", _row(table.header), _row(["---"] * len(table.header)), *map(_row, table.rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _found(kind: str, variant: str, one: Found) -> tuple[str, ...]:
    delay = (_estimate(one.calls_p50), _number(one.calls_p90.value), _time(one.seconds_p50), _time(one.seconds_p90))
    return kind, variant, f"{one.found} of {one.lines}", _estimate(one.recall), *delay


def _quiet(one: Quiet) -> tuple[str, ...]:
    counts = (f"{one.line_days:,.0f}", str(one.false_lines), _estimate(one.per_1000_line_days), str(one.false_alerts))
    return one.kind, "yes" if one.declared else "", *counts


def _model(one: Compared) -> tuple[str, ...]:
    return (
        one.model,
        one.over,
        f"{one.threshold:.4g}",
        _estimate(one.plain.recall),
        _estimate(one.plain.calls_p50),
        _estimate(one.evasive.recall),
        _estimate(one.evasive.calls_p50),
        ", ".join(f"{count} {kind}" for kind, count in one.accused.items()) or "none",
    )


def _short(figures: Evaluation) -> list[tuple[str, ...]]:
    expected = figures.expected
    return [
        ("precision (flagged lines that are bad)", _estimate(figures.precision)),
        ("alerts per flagged line", _number(figures.alerts_per_flagged_line)),
        ("false alerts predicted by the budget", f"{expected.predicted:g}"),
        ("false alerts observed, undeclared lines", str(expected.observed)),
        ("observed / predicted", _estimate(expected.observed_over_predicted)),
        *(
            (
                f"{world.name}, seed {world.seed}: {world.calls:,} calls, {world.lines:,} lines",
                f"plain {_number(world.recall_plain)}, evasive {_number(world.recall_evasive)},"
                f" false lines {world.false_lines} (declared {world.declared_false_lines})",
            )
            for world in figures.worlds
        ),
    ]


def _estimate(one: Estimate) -> str:
    if one.low is None and one.high is None:
        return _number(one.value)
    return f"{_number(one.value)} ({_number(one.low)}..{_number(one.high)})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
