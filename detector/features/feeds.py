"""Feed health in words: what is wrong with which trunk since when, and what that mutes."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from detector.features.catalog import FAMILIES
from detector.features.kernels.health import MUTES, STATES
from detector.features.kernels.layout import Tables
from detector.status import Feed

SILENT = "silent"
ALL_STATES = (*STATES, SILENT)

SILENT_GAPS, SILENT_MS, FORGOTTEN_MS = 50, 1_800_000, 24 * 3_600_000
"""A trunk is silent after half an hour without a call in which, by its part of all calls, it would have had fifty: at
night all of them have fewer. After a day it is forgotten."""

MOST_FEEDS = 20


def feeds(tables: Tables, now_ms: int, text_of: Callable[[int], str | None]) -> tuple[Feed, ...]:
    """The trunks that called within a day: those with trouble first, then the busiest; at most MOST_FEEDS.

    now_ms   newest release time
    text_of  a trunk's key -> its name; None = not known
    """
    rows = _live(tables, now_ms)
    all_calls = int(tables.trunks[0]["calls"])
    told = [(_states(row, now_ms, all_calls), row) for row in rows]
    ordered = sorted(told, key=lambda one: (-len(one[0]), -int(one[1]["calls"]), int(one[1]["key"])))
    return tuple(_feed(states, row, text_of) for states, row in ordered[:MOST_FEEDS])


def counts(tables: Tables, now_ms: int) -> dict[str, int]:
    """State -> trunks that have it now; all states."""
    all_calls = int(tables.trunks[0]["calls"])
    found = [state for row in _live(tables, now_ms) for state in _states(row, now_ms, all_calls)]
    return {state: found.count(state) for state in ALL_STATES}


def given_up(tables: Tables) -> int:
    """How often a trunk gave way to another one."""
    return int(tables.trunks[0]["key"])


def muted_by(bits: int) -> tuple[str, ...]:
    """Names of families, out of the bits of EVIDENCE.muted."""
    return tuple(family.name for k, family in enumerate(FAMILIES) if bits >> k & 1)


def _live(tables: Tables, now_ms: int) -> NDArray[np.void]:
    rows = tables.trunks[1:]
    lately = (rows["last_ms"] >= 0) & (rows["last_ms"] + FORGOTTEN_MS > now_ms)
    live: NDArray[np.void] = rows[(rows["key"] != 0) & lately]
    return live


def _states(row: np.void, now_ms: int, all_calls: int) -> tuple[str, ...]:
    states = tuple(name for k, name in enumerate(STATES) if int(row["states"]) >> k & 1)
    missed = (all_calls - int(row["last_at"])) / max(float(row["gap"]), 1.0)
    silent = now_ms - int(row["last_ms"]) > SILENT_MS and missed > SILENT_GAPS and row["calls"] > SILENT_GAPS
    return (*states, SILENT) if silent else states


def _feed(states: Sequence[str], row: np.void, text_of: Callable[[int], str | None]) -> Feed:
    key, records = int(row["key"]), max(int(row["records"]), 1)
    bits = sum(MUTES[k] for k, name in enumerate(STATES) if name in states)
    since_ms = int(row["last_ms"]) if tuple(states) == (SILENT,) else int(row["since_ms"])
    return Feed(
        trunk="" if key == 1 else (text_of(key) or f"#{key:016x}"),
        states=tuple(states),
        mutes=muted_by(bits),
        since_ms=since_ms if states else None,
        last_ms=int(row["last_ms"]),
        calls=int(row["calls"]),
        late=round(int(row["late"]) / records, 3),
        duplicated=round(int(row["duplicates"]) / records, 3),
        half_calls=round(int(row["halves"]) / records, 3),
        answered_in_a_row=int(row["run"]),
    )
