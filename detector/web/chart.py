"""Geometry of the two small pictures of an alert; the templates draw them as SVG.

Coordinates are SVG units, y grows downwards, and every mark carries the sentence that a screen reader says.
"""

from collections.abc import Sequence
from typing import NamedTuple

from detector.alert.revision import Alert, EvidenceCall
from detector.web.words import age, cause, figure, moment

WIDTH, HEIGHT = 640, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 12, 22
_UNANSWERED_ROOM = 26


class Mark(NamedTuple):
    """A point and what it says."""

    x: float
    y: float
    text: str


class Tick(NamedTuple):
    """A place on an axis and its label."""

    at: float
    label: str


class Growth(NamedTuple):
    """How the evidence grew, revision by revision, against the threshold."""

    line: str  # points of a polyline
    area: str
    marks: list[Mark]
    threshold_y: float
    label_y: float  # of the word on it, clear of the line where there is room
    ticks_x: list[Tick]
    ticks_y: list[Tick]


class Calls(NamedTuple):
    """The evidence calls over time: talk above the line, calls nobody answered below it."""

    answered: list[Mark]
    unanswered: list[Mark]
    base_y: float
    ticks_x: list[Tick]
    ticks_y: list[Tick]


def growth(revisions: Sequence[Alert]) -> Growth:
    """Picture of the score at each revision (at least one), from the first call on."""
    newest = revisions[-1]
    scale_x = _Scale(newest.first_call_ms, max(one.updated_at_ms for one in revisions), _LEFT, WIDTH - _RIGHT)
    top = 1.15 * max(newest.threshold, *(one.score for one in revisions), 0.001)
    scale_y = _Scale(0, top, HEIGHT - _BOTTOM, _TOP)
    marks = [
        Mark(
            scale_x(one.updated_at_ms),
            scale_y(one.score),
            f"revision {one.revision}, {moment(one.updated_at_ms)}: score {figure(one.score)} after {one.calls} calls",
        )
        for one in revisions
    ]
    threshold_y = scale_y(newest.threshold)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(_LEFT, scale_y(0)), *((mark.x, mark.y) for mark in marks)])
    return Growth(
        line=line,
        area=f"{line} {marks[-1].x:.1f},{scale_y(0):.1f}",
        marks=marks,
        threshold_y=threshold_y,
        label_y=threshold_y + 14 if threshold_y < HEIGHT - _BOTTOM - 20 else threshold_y - 5,
        ticks_x=scale_x.times(),
        ticks_y=[Tick(scale_y(value), figure(value)) for value in _steps(top)],
    )


def calls(evidence: Sequence[EvidenceCall]) -> Calls:
    """Picture of the evidence calls (at least one, in any order), oldest on the left."""
    evidence = sorted(evidence, key=lambda one: one.setup_ms)
    scale_x = _Scale(evidence[0].setup_ms, evidence[-1].setup_ms, _LEFT, WIDTH - _RIGHT)
    top = 1.15 * max(10.0, *(one.talk_s or 0.0 for one in evidence))
    base = HEIGHT - _BOTTOM - _UNANSWERED_ROOM
    scale_y = _Scale(0, top, base, _TOP)
    below = base + _UNANSWERED_ROOM / 2
    return Calls(
        answered=[
            Mark(scale_x(one.setup_ms), scale_y(one.talk_s), f"{moment(one.setup_ms)}: talked {figure(one.talk_s)} s")
            for one in evidence
            if one.talk_s is not None
        ],
        unanswered=[
            Mark(scale_x(one.setup_ms), below, f"{moment(one.setup_ms)}: not answered {cause(one.release_cause)}")
            for one in evidence
            if one.talk_s is None
        ],
        base_y=base,
        ticks_x=scale_x.times(),
        ticks_y=[Tick(scale_y(value), f"{figure(value)} s") for value in _steps(top)],
    )


class _Scale:
    """Maps a range of values onto a range of the picture; values outside go to the edge."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._span = low, max(high - low, 1e-9)
        self._start, self._length = start, end - start

    def __call__(self, value: float) -> float:
        share = min(max((value - self._low) / self._span, 0.0), 1.0)
        return self._start + share * self._length

    def times(self) -> list[Tick]:
        """The first, middle and last moment; the latter two as time since the first."""
        return [
            Tick(
                self._start + share * self._length,
                f"+{age(round(share * self._span))}" if share else f"{moment(round(self._low))[11:16]} UTC",
            )
            for share in (0.0, 0.5, 1.0)
        ]


def _steps(top: float) -> list[float]:
    """Two or three round values between 0 and top."""
    step = next(
        (size * 10.0**power for power in range(-3, 12) for size in (1, 2, 5) if top / (size * 10.0**power) <= 3), top
    )
    return [step * i for i in range(1, 4) if step * i < top]
