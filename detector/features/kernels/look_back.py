"""What the kept calls of a line show, counted once for everything that an alert says of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.features.kernels.jit import Record, inlined, njit, signed
from detector.features.kernels.layout import FIRST_TIME, HOT, KEPT, Tables
from detector.features.kernels.memory import HOUR_MS, ring_size
from detector.features.kernels.observe import (
    NEAR_NUMBERS,
    RECENT_CALLEES,
    given_up_ms,
    number_distance,
    ultra_short,
)

SCRIPT_WITHIN_S = 3
"""Talks this close to each other may be one recording."""

RING_WITHIN_S = 1
MORNING, EVENING = 7, 22
"""Local hours from and until which strangers are called by day."""


class Shown(NamedTuple):
    """What the kept calls show; strangers are callees new to the line when it called them."""

    kept: int  # calls kept
    strangers: int  # of them to strangers, as are those of the next ten
    answered: int
    short: int  # ended by the caller within SHORT_MS of ringing or talk
    night: int  # set up before MORNING or from EVENING on
    new_gap_s: float  # between one and the next, in the median; 0 = fewer than two
    talk_s: int  # the talk most answered ones are within SCRIPT_WITHIN_S of
    talk_near: int  # so many are, itself included
    given_up: int  # not answered, and ended by the caller after a known time of ringing
    ring_s: int  # the ringing most of those are within RING_WITHIN_S of
    ring_near: int
    gaps: int  # above 0 between a call and the next
    gap_s: float  # their median
    even: int  # so many are within a tenth of it
    near: int  # callees within NEAR_NUMBERS of one of the RECENT_CALLEES called before
    at_once: int  # most calls at the same time
    talked_ms: float  # of all answered calls, in the median; -1 = none was
    reached: int  # strangers set up within the hour before who answered
    reached_from_ms: int  # the first call to a stranger within that hour; -1 = none


SHOWN = np.dtype([(name, np.float64 if kind is float else np.int64) for name, kind in Shown.__annotations__.items()])
"""Shown as the kernel fills it."""

_GAPS = np.array([132, 57, 23, 10, 4, 1])


class Workspace(NamedTuple):
    """Room for the counting of one line."""

    calls: NDArray[np.void]  # KEPT[HOT], the kept calls in their order
    values: NDArray[np.int64]  # [HOT]
    more: NDArray[np.int64]  # [HOT]
    shown: NDArray[np.void]  # SHOWN[1]


def new_workspace() -> Workspace:
    """An empty one."""
    return Workspace(np.zeros(HOT, KEPT), np.zeros(HOT, np.int64), np.zeros(HOT, np.int64), np.zeros(1, SHOWN))


@njit
def sort(values: NDArray[np.int64], n: int) -> None:
    """The first n ascending, in place (Shell's sort, Ciura's gaps: kernels allocate nothing)."""
    for gap in _GAPS:
        for i in range(gap, n):
            value = values[i]
            k = i
            while k >= gap and values[k - gap] > value:
                values[k] = values[k - gap]
                k -= gap
            values[k] = value


@inlined
def median_of(ordered: NDArray[np.int64], n: int) -> float:
    """The middle of n sorted values, at least one."""
    return float(ordered[(n - 1) // 2] + ordered[n // 2]) / 2


@inlined
def crowded(ordered: NDArray[np.int64], n: int, within: int) -> tuple[int, int]:
    """(the least of the n sorted values that most are close to, how many are); n >= 1."""
    best = most = low = high = 0
    for i in range(n):
        while ordered[low] < ordered[i] - within:
            low += 1
        while high < n and ordered[high] <= ordered[i] + within:
            high += 1
        if high - low > most:
            best, most = i, high - low
    return signed(ordered[best]), most


@njit
def look_back(t: Tables, row: Record, now_ms: int, utc_offset_ms: int, work: Workspace) -> None:
    """Lay the kept calls of a row out, oldest first, and count what they show at now_ms. In place: calls and shown."""
    size = ring_size(signed(row.tier))
    n = signed(row.kept)
    first = signed(row.ring)
    for j in range(n):
        work.calls[j] = t.kept[first + ((signed(row.head) - n + j) & (size - 1))]
    shown = work.shown[0]
    shown.kept = n
    _count_strangers(work, n, now_ms, utc_offset_ms, shown)
    _time_strangers(work, n, shown)
    _time_all(work, n, shown)


@inlined
def _count_strangers(work: Workspace, n: int, now_ms: int, utc_offset_ms: int, shown: Record) -> None:
    strangers = answered = short = night = near = reached = 0
    reached_from_ms = signed(-1)
    for j in range(n):
        call = work.calls[j]
        for k in range(max(j - RECENT_CALLEES, 0), j):
            if 0 < number_distance(call.callee_key, work.calls[k].callee_key) <= NEAR_NUMBERS:
                near += 1
                break
        if (signed(call.flags) & FIRST_TIME) == 0:
            continue
        strangers += 1
        answered += int(call.talk_ms >= 0)
        short += int(ultra_short(call) == 1)
        hour = ((call.setup_ms + utc_offset_ms) // HOUR_MS) % 24
        night += int(hour < MORNING or hour >= EVENING)
        if call.setup_ms > now_ms - HOUR_MS:
            reached += int(call.talk_ms >= 0)
            if reached_from_ms < 0 or call.setup_ms < reached_from_ms:
                reached_from_ms = signed(call.setup_ms)
    shown.strangers = strangers
    shown.answered = answered
    shown.short = short
    shown.night = night
    shown.near = near
    shown.reached = reached
    shown.reached_from_ms = reached_from_ms


@inlined
def _time_strangers(work: Workspace, n: int, shown: Record) -> None:
    values = work.values
    strangers = talks = 0
    for j in range(n):
        if (signed(work.calls[j].flags) & FIRST_TIME) != 0:
            values[strangers] = work.calls[j].setup_ms
            strangers += 1
    shown.new_gap_s = 0.0
    if strangers > 1:
        sort(values, strangers)
        for j in range(strangers - 1):
            values[j] = values[j + 1] - values[j]
        sort(values, strangers - 1)
        shown.new_gap_s = median_of(values, strangers - 1) / 1000.0
    for j in range(n):
        call = work.calls[j]
        if (signed(call.flags) & FIRST_TIME) != 0 and call.talk_ms >= 0:
            values[talks] = call.talk_ms // 1000
            talks += 1
    sort(values, talks)
    shown.talk_s, shown.talk_near = crowded(values, talks, SCRIPT_WITHIN_S) if talks else (0, 0)
    rings = 0
    for j in range(n):
        call = work.calls[j]
        if (signed(call.flags) & FIRST_TIME) != 0 and given_up_ms(call) >= 0:
            values[rings] = given_up_ms(call) // 1000
            rings += 1
    sort(values, rings)
    shown.given_up = rings
    shown.ring_s, shown.ring_near = crowded(values, rings, RING_WITHIN_S) if rings else (0, 0)


@inlined
def _time_all(work: Workspace, n: int, shown: Record) -> None:
    begins, values = work.more, work.values
    for j in range(n):
        begins[j] = work.calls[j].setup_ms
        values[j] = work.calls[j].setup_ms + work.calls[j].held_ms
    sort(begins, n)
    sort(values, n)
    most = ended = 0
    for j in range(n):
        while ended < n and values[ended] <= begins[j]:
            ended += 1
        most = max(most, j + 1 - ended)
    shown.at_once = most
    gaps = 0
    for j in range(1, n):
        if begins[j] > begins[j - 1]:
            values[gaps] = begins[j] - begins[j - 1]
            gaps += 1
    sort(values, gaps)
    gap_ms = median_of(values, gaps) if gaps else 0.0
    even = 0
    for j in range(gaps):
        even += int(abs(values[j] - gap_ms) <= 0.1 * gap_ms)
    shown.gaps = gaps
    shown.gap_s = gap_ms / 1000.0
    shown.even = even
    talks = 0
    for j in range(n):
        if work.calls[j].talk_ms >= 0:
            values[talks] = work.calls[j].talk_ms
            talks += 1
    sort(values, talks)
    shown.talked_ms = median_of(values, talks) if talks else -1.0
