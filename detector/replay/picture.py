"""The picture of an evaluation: how evidence grows, how soon lines are found, what it costs, and who is accused."""

from detector.replay.figures import COMPARED_AT, Compared, Evaluation, Found, Point, Quiet
from detector.replay.svg import PALETTE, Panel, Points, drawing, legend, text

WIDTH, TOP_OF_CLASSES, A_CLASS = 1240, 886, 16
DASH = {"plain": "", "evasive": "dash", "declared": "dots"}
_CALLS = ((1, "1"), (2, "2"), (5, "5"), (10, "10"), (20, "20"), (50, "50"), (100, "100"), (200, "200"), (500, "500"))
_SHARES = ((0.0, "0"), (0.25, "25 %"), (0.5, "50 %"), (0.75, "75 %"), (1.0, "100 %"))


def picture(figures: Evaluation) -> str:
    """One self-contained SVG; the same figures give the same bytes."""
    heading = [
        text(30, 34, f"What the detector finds, and at what cost: suite {figures.suite}", "title"),
        text(30, 54, _subtitle(figures), "soft"),
    ]
    parts = [*heading, *_evidence(figures), *_soon(figures), *_cost(figures), *_accused(figures)]
    return drawing(WIDTH, TOP_OF_CLASSES + A_CLASS * _most_classes(figures) + 40, "Evaluation", parts)


def _subtitle(figures: Evaluation) -> str:
    calls = sum(world.calls for world in figures.worlds)
    days = figures.undeclared.line_days + figures.declared.line_days
    seeds = len({world.seed for world in figures.worlds})
    return f"{calls:,} generated calls, {days:,.0f} honest line-days, {seeds} seed{'s' if seeds > 1 else ''}"


def _evidence(figures: Evaluation) -> list[str]:
    """A small chart for every kind of campaign."""
    parts = [
        text(30, 88, "Evidence after each call, nats (median over the lines of a kind)", "head"),
        *_side_by_side(520, 88, [("plain", "a"), ("evasive", "a dash"), ("taken over, declared", "a dots")]),
    ]
    ticks = [(nats, str(nats)) for nats in (0, 20, 40)]
    for i, kind in enumerate(figures.kinds):
        left, top = 54 + (i % 4) * 300, 124 + (i // 4) * 172
        named = kind.replace("_", " ")
        panel = Panel(left, top, 262, 120, (1, 60), (-3, 50), _CALLS[:6], ticks, named, x_log=True)
        panel.level(figures.threshold, "threshold")
        for variant, dash in DASH.items():
            nats = figures.evidence.get(f"{kind} {variant}", [])
            panel.curve([(n + 1, value) for n, value in enumerate(nats) if value is not None], f"a {dash}")
        parts += panel.parts
    return parts


def _soon(figures: Evaluation) -> list[str]:
    """Share of bad lines found against calls made."""
    titles = ("Bad lines found after so many calls", "calls since the first bad one")
    panel = Panel(72, 490, 500, 210, (1, 500), (0, 1), _CALLS, _SHARES, *titles, x_log=True)
    entries = []
    for variant in ("plain", "evasive"):
        if variant in figures.shipped:
            panel.curve(_within(figures, figures.shipped[variant]), f"c {DASH[variant]}")
            entries.append((f"as shipped, {variant}", f"c {DASH[variant]}"))
    for one, colour in _colours(figures):
        for variant in ("plain", "evasive"):
            panel.curve(_within(figures, _variant(one, variant)), f"{colour} {DASH[variant]}")
        entries.append((f"{one.model} alone, {COMPARED_AT:g} false line in 10,000 line-days", colour))
    return [*panel.parts, *legend(82, 750, entries)]


def _cost(figures: Evaluation) -> list[str]:
    """Recall of each model against false lines."""
    rates = ((0.2, "0.2"), (1, "1"), (5, "5"), (20, "20"), (100, "100"))
    titles = ("Bad lines found, against honest lines accused", "false lines (undeclared) in 10,000 line-days")
    panel = Panel(690, 490, 510, 210, (0.2, 100), (0, 1), rates, _SHARES, *titles, x_log=True)
    panel.mark(COMPARED_AT, "compared here")
    for one, colour in _colours(figures):
        points = figures.models[one.model]
        panel.curve(_recall([(p, p.recall_plain) for p in points]), colour)
        panel.curve(_recall([(p, p.recall_evasive) for p in points]), f"{colour} dash")
    entries = [(f"{one.model}, plain; dashed: evasive", colour) for one, colour in _colours(figures)]
    return [*panel.parts, *legend(700, 750, entries)]


def _accused(figures: Evaluation) -> list[str]:
    """False lines of every class, undeclared on the left, declared on the right."""
    top = TOP_OF_CLASSES
    parts = [text(30, top - 36, "Honest lines accused, per 1,000 line-days of their class (95 % interval)", "head")]
    for left, declared, colour in ((160, False, "b"), (775, True, "f")):
        chosen = _classes(figures, declared)
        rates = ((0.001, "0.001"), (0.01, "0.01"), (0.1, "0.1"), (1, "1"), (10, "10"), (100, "100"), (1000, "1,000"))
        title = "declared in the registry" if declared else "not declared"
        height = A_CLASS * max(len(chosen), 1) + 6
        panel = Panel(left, top, 400, height, (0.001, 1000), (0, 1), rates, (), title, x_log=True)
        for i, one in enumerate(chosen):
            _row(panel, top + 12 + A_CLASS * i, one, colour)
        parts += panel.parts
    return parts


def _classes(figures: Evaluation, declared: bool) -> list[Quiet]:
    return [one for one in figures.quiet if one.declared == declared and one.line_days > 0]


def _most_classes(figures: Evaluation) -> int:
    return max(len(_classes(figures, False)), len(_classes(figures, True)))


def _row(panel: Panel, at: float, one: Quiet, colour: str) -> None:
    rate = one.per_1000_line_days
    panel.parts.append(text(panel.left - 8, at + 4, one.kind.replace("_", " "), "soft end"))
    panel.interval(at, rate.value or 0.0, rate.low or 0.0, rate.high or 0.0, colour)
    counts = f"{one.false_lines} of {one.lines:,}"
    panel.parts.append(text(panel.left + panel.width + 8, at + 4, counts, "soft"))


def _side_by_side(x: float, y: float, entries: list[tuple[str, str]]) -> list[str]:
    parts = []
    for i, entry in enumerate(entries):
        parts += legend(x + 120 * i, y, [entry])
    return parts


def _colours(figures: Evaluation) -> list[tuple[Compared, str]]:
    """The models, each with its colour; green is the live path."""
    compared = [one for one in figures.compared if one.over == "undeclared"]
    return list(zip(compared, [name for name in PALETTE if name != "c"], strict=False))


def _variant(one: Compared, variant: str) -> Found:
    return one.plain if variant == "plain" else one.evasive


def _within(figures: Evaluation, found: Found) -> Points:
    return list(zip(figures.within_calls, found.within, strict=False))


def _recall(points: list[tuple[Point, float | None]]) -> Points:
    return [(p.false_per_10_000, recall) for p, recall in points if recall is not None and p.false_per_10_000 >= 0.2]
