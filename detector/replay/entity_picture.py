"""The picture of an entity: the load of each of its numbers over time, its evidence by family, its synchrony."""

from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from detector.entities.laws import FAMILY_NAMES
from detector.replay.entity_story import EntityStory, calls_by_number, hours_of
from detector.replay.svg import Panel, box, drawing, legend, text

WIDTH, HEIGHT = 1240, 700
BINS = 24
SIDE = 10
COLOURS = dict(
    zip(FAMILY_NAMES, ("a", "b", "c", "d", "f", "e dash", "a dash", "b dash", "c dash", "d dash"), strict=True)
)
_LEFT, _TOP, _CELL_WIDTH, _CELL_HEIGHT = 30, 112, 56, 52
_STEPS_H = (0.25, 0.5, 1, 2, 6, 12, 24, 48, 96, 240)


def picture(story: EntityStory) -> str:
    """One self-contained SVG; the same story gives the same bytes."""
    name = f"{story.kind.capitalize()} {story.entity}"
    parts = [text(_LEFT, 34, name, "title"), text(_LEFT, 54, _subtitle(story), "soft")]
    if len(story.minutes.get("score", ())):
        numbers = _numbers(story)
        left = _LEFT + SIDE * _CELL_WIDTH + 86 if numbers else 72
        parts += [*numbers, *_evidence(story, left), *_calls(story, left), *_synchrony(story, left)]
    return drawing(WIDTH, HEIGHT, name, parts)


def _subtitle(story: EntityStory) -> str:
    if not len(story.minutes.get("score", ())):
        return "no minute of it is in the trace"
    opened = [alert for alert in story.alerts if alert.revision == 1]
    told = ", ".join(f"{alert.kind.replace('_', ' ')} from {_clock(alert.updated_at_ms)}" for alert in opened[:3])
    calls = int(story.minutes["calls"].sum())
    return f"{calls:,} calls in {len(story.minutes['calls']):,} minutes; alerts: {told or 'none'}"


def _numbers(story: EntityStory) -> list[str]:
    """A small chart for each number, at most a hundred: of a code all its numbers stand in their places."""
    if not story.parts or not len(story.parts["entity"]):
        return []
    calls = calls_by_number(story)
    shown = sorted(calls, key=lambda number: (-calls[number], number))[: SIDE * SIDE]
    places = _places(story, sorted(shown))
    loads = {number: _load(story, number) for number in shown}
    most = max(int(load.max()) for load in loads.values())
    title = f"Load of {len(shown)} of {len(calls):,} numbers" if len(calls) > len(shown) else "Load of its numbers"
    parts = [text(_LEFT, _TOP - 28, title, "head"), text(_LEFT, _TOP - 12, _scale(story, most), "soft")]
    for place in range(SIDE * SIDE):
        x, y = _LEFT + place % SIDE * _CELL_WIDTH, _TOP + place // SIDE * _CELL_HEIGHT
        parts.append(box(x, y, _CELL_WIDTH - 4, _CELL_HEIGHT - 6, "cell"))
    for number, place in places.items():
        x, y = _LEFT + place % SIDE * _CELL_WIDTH, _TOP + place // SIDE * _CELL_HEIGHT
        parts.append(text(x + 3, y + 12, number[-4:] if len(number) > 8 else number[-2:], "soft"))
        parts += _bars(loads[number], most, x, y + _CELL_HEIGHT - 6)
    return parts


def _places(story: EntityStory, shown: list[str]) -> dict[str, int]:
    """Where each number stands: by its last two digits where the block is a code of a hundred, else one by one."""
    code = story.kind == "block" and all(number[:-2] == story.entity for number in shown)
    return {number: int(number[-2:]) if code else i for i, number in enumerate(shown)}


def _load(story: EntityStory, number: str) -> NDArray[np.int64]:
    """Calls of a number in each of BINS equal parts of the entity's time."""
    begin, end = story.minutes["minute_ms"][0], story.minutes["minute_ms"][-1] + 60_000
    own = story.parts["entity"] == number
    place = ((story.parts["minute_ms"][own] - begin) * BINS // (end - begin)).clip(0, BINS - 1)
    return np.bincount(place.astype(int), story.parts["calls"][own], BINS).astype(np.int64)


def _bars(load: NDArray[np.int64], most: int, x: float, below: float) -> list[str]:
    width, high = (_CELL_WIDTH - 4) / BINS, _CELL_HEIGHT - 22
    return [
        box(x + i * width, below - high * count / most, width, high * count / most, "a")
        for i, count in enumerate(load.tolist())
        if count
    ]


def _scale(story: EntityStory, most: int) -> str:
    span_min = (story.minutes["minute_ms"][-1] - story.minutes["minute_ms"][0]) / 60_000 / BINS
    each = f"{span_min:.0f} min" if span_min < 90 else f"{span_min / 60:.1f} h"
    return f"calls by {each}, one after the other; the highest bar is {most:,}"


def _panel(story: EntityStory, left: float, top: float, height: float, high: tuple[float, float], title: str) -> Panel:
    hours = hours_of(story)
    end = max(float(hours[-1]), 0.1)
    step = next((step for step in _STEPS_H if end / step <= 6), 720)
    ticks = [(at * step, _clock(story.minutes["minute_ms"][0] + at * step * 3_600_000)) for at in range(7)]
    low, top_value = high
    each = _round_step((top_value - low) / 4)
    levels = [each * i for i in range(int(np.ceil(low / each)), int(top_value / each) + 1)]
    marks = [(level, f"{level:g}") for level in levels]
    shown = [tick for tick in ticks if tick[0] <= end]
    return Panel(left, top, WIDTH - left - 120, height, (0, end), high, shown, marks, title)


def _evidence(story: EntityStory, left: float) -> list[str]:
    minutes, hours = story.minutes, hours_of(story)
    spoke = [name for name in FAMILY_NAMES if np.abs(minutes[name]).max() >= 0.5]
    low = min(0.0, *(float(minutes[name].min()) for name in spoke)) if spoke else 0.0
    high = max(float(minutes["score"].max()), story.threshold) * 1.08
    panel = _panel(story, left, _TOP, 250, (low - 1, high), "Evidence by family, nats (thick: the score)")
    panel.level(story.threshold, "threshold")
    for name in spoke:
        panel.curve(list(zip(hours, minutes[name], strict=True)), COLOURS[name])
    panel.curve(list(zip(hours, minutes["score"], strict=True)), "ink")
    for alert in story.alerts:
        if alert.revision == 1 and alert.kind != "rule_violation":
            panel.mark((alert.updated_at_ms - minutes["minute_ms"][0]) / 3_600_000, "named")
    return [*panel.parts, *legend(WIDTH - 112, _TOP + 12, [("score", "ink"), *((n, COLOURS[n]) for n in spoke)])]


def _calls(story: EntityStory, left: float) -> list[str]:
    hours, calls = hours_of(story), story.minutes["calls"]
    panel = _panel(story, left, 424, 80, (0, float(calls.max()) * 1.05), "Calls a minute")
    panel.curve(list(zip(hours, calls, strict=True)), "b")
    return panel.parts


def _synchrony(story: EntityStory, left: float) -> list[str]:
    title = "Synchrony: share of its numbers that call within the same minute, %"
    panel = _panel(story, left, 570, 80, (0, 105), title)
    panel.curve(list(zip(hours_of(story), story.synchrony() * 100, strict=True)), "d")
    return panel.parts


def _round_step(step: float) -> float:
    """The next of 1, 2, 5, 10, 20 ... above."""
    base = 10.0 ** np.floor(np.log10(max(step, 1e-9)))
    return float(next(base * factor for factor in (1, 2, 5, 10) if base * factor >= step))


def _clock(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%d %H:%M")
