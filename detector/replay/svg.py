"""Charts by hand: panels with axes, lines, and dots with intervals, as one self-contained SVG, light and dark."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

PALETTE = ("a", "b", "c", "d", "e", "f")
"""Colours, by name of their class: blue, orange, green, purple, red, grey. Dashes tell variants apart as well."""

_STYLE = """
svg { background: var(--paper); font: 12px system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
  --paper: #ffffff; --ink: #17202a; --soft: #5a6876; --grid: #e3e8ed; --cell: #f4f6f9;
  --a: #1d4ed8; --b: #c2570c; --c: #1c7a41; --d: #7a3fc0; --e: #b3261e; --f: #66727f; }
@media (prefers-color-scheme: dark) { svg { --paper: #10151b; --ink: #e6ebf1; --soft: #9aa8b7; --grid: #2a3541;
  --cell: #18202a;
  --a: #7aa7ff; --b: #f0a04a; --c: #5fd08b; --d: #c39bff; --e: #ff7b72; --f: #9aa8b7; } }
text { fill: var(--ink); } .soft { fill: var(--soft); } .head { font-weight: 650; font-size: 13px; }
.title { font-weight: 700; font-size: 18px; } .end { text-anchor: end; } .mid { text-anchor: middle; }
.grid { stroke: var(--grid); } .axis { stroke: var(--soft); }
path { fill: none; stroke-width: 2; stroke-linejoin: round; } path.ink { stroke: var(--ink); stroke-width: 3; }
.a { stroke: var(--a); } .b { stroke: var(--b); } .c { stroke: var(--c); }
.d { stroke: var(--d); } .e { stroke: var(--e); } .f { stroke: var(--f); }
.dash { stroke-dasharray: 6 4; } .dots { stroke-dasharray: 1.5 3.5; stroke-linecap: round; }
rect { stroke: none; } rect.a { fill: var(--a); } rect.e { fill: var(--e); } rect.cell { fill: var(--cell); }
circle.b { fill: var(--b); } circle.f { fill: var(--f); } .mark { stroke-width: 1.2; }
"""

Scale = Callable[[float], float]
Points = Sequence[tuple[float, float]]


def drawing(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """The whole picture."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        f' role="img" aria-label="{escape(title)}"><style>{_STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Words at a place; kind: classes of the style."""
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def box(x: float, y: float, width: float, height: float, kind: str) -> str:
    """A filled rectangle; kind: its class."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{kind}"/>'


def legend(x: float, y: float, entries: Sequence[tuple[str, str]]) -> list[str]:
    """One entry below the other: (what, classes of its line)."""
    parts = []
    for i, (words, kind) in enumerate(entries):
        at = y + 17 * i
        parts += [
            f'<path class="{kind}" d="M{x:.1f} {at - 4:.1f}h26"/>',
            text(x + 33, at, words, "soft"),
        ]
    return parts


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Values low..high onto places start..end."""
    return lambda value: start + (value - low) / (high - low) * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Scale:
    """The same on a logarithmic scale; what lies beside it stands at its edge."""
    log = linear(math.log(low), math.log(high), start, end)
    return lambda value: log(math.log(min(max(value, low), high)))


@dataclass(slots=True)
class Panel:
    """One chart: a box at (left, top) with two scales. x_log: the x axis is logarithmic.

    ticks  (value, label)
    """

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_ticks: Sequence[tuple[float, str]]
    y_ticks: Sequence[tuple[float, str]]
    title: str
    x_title: str = ""
    x_log: bool = False
    y_log: bool = False
    parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parts.append(text(self.left, self.top - 10, self.title, "head"))
        for value, label in self.x_ticks:
            at = self.x(value)
            self.parts.append(line(at, self.top, at, self.top + self.height, "grid"))
            self.parts.append(text(at, self.top + self.height + 15, label, "soft mid"))
        for value, label in self.y_ticks:
            at = self.y(value)
            self.parts.append(line(self.left, at, self.left + self.width, at, "grid"))
            self.parts.append(text(self.left - 6, at + 4, label, "soft end"))
        below = self.top + self.height
        self.parts.append(line(self.left, below, self.left + self.width, below, "axis"))
        if self.x_title:
            self.parts.append(text(self.left + self.width / 2, below + 32, self.x_title, "soft mid"))

    def x(self, value: float) -> float:
        """Where a value stands."""
        scale = logarithmic if self.x_log else linear
        return scale(*self.x_range, self.left, self.left + self.width)(value)

    def y(self, value: float) -> float:
        """Where a value stands; outside the range: at its edge."""
        scale = logarithmic if self.y_log else linear
        value = min(max(value, self.y_range[0]), self.y_range[1])
        return scale(*self.y_range, self.top + self.height, self.top)(value)

    def curve(self, points: Points, kind: str) -> None:
        """A line through points; kind: colour, and `dash` or `dots`."""
        if points:
            places = " L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
            self.parts.append(f'<path class="{kind}" d="M{places}"/>')

    def level(self, value: float, words: str) -> None:
        """A horizontal mark with its name."""
        self.parts.append(line(self.left, self.y(value), self.left + self.width, self.y(value), "e mark"))
        self.parts.append(text(self.left + 4, self.y(value) - 4, words, "soft"))

    def mark(self, value: float, words: str) -> None:
        """A vertical mark with its name."""
        self.parts.append(line(self.x(value), self.top, self.x(value), self.top + self.height, "e mark"))
        self.parts.append(text(self.x(value) + 4, self.top + 12, words, "soft"))

    def interval(self, row: float, value: float, low: float, high: float, kind: str) -> None:
        """A dot and its interval on the line `row` (a place, not a value); value 0: the interval alone."""
        self.parts.append(line(self.x(low), row, self.x(high), row, kind))
        self.parts.append(line(self.x(high), row - 3, self.x(high), row + 3, kind))
        if value > 0:
            self.parts.append(f'<circle cx="{self.x(value):.1f}" cy="{row:.1f}" r="4" class="{kind}"/>')
