"""The families' shares in a NOC's words: what was seen, what is usual, and how much it weighs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.alert.revision import Reason
from detector.features.catalog import FAMILIES
from detector.features.kept import ended_by_caller, next_to_recent, ultra_short
from detector.features.kernels.layout import MILLI
from detector.features.kernels.memory import HOUR_MS
from detector.features.kernels.observe import SHORT_MS
from models.evidence import ClassParameters

LEAST_NATS = 0.5
"""A share smaller than this, either way, is not worth a sentence."""

SCRIPT_WITHIN_S = 3
NIGHT = (22, 23, 0, 1, 2, 3, 4, 5, 6)
"""Local hours in which strangers are seldom called."""

_AT_NIGHT = np.isin(np.arange(24), NIGHT)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a line did in its segment, beside its kept calls.

    share      int[FAMILIES]  1/1024 nat
    kept       KEPT[n]        oldest first
    strangers  KEPT[m]        those of them that went to a callee new to the line
    """

    share: Sequence[int]
    kept: NDArray[np.void]
    strangers: NDArray[np.void]
    calls: int
    answered: int
    distinct: int
    callbacks: int
    utc_offset_h: float = 0.0


def reasons(seen: Behaviour, usual: ClassParameters) -> tuple[Reason, ...]:
    """One reason a family whose share speaks, the heaviest first; those that speak for the line stand last."""
    told = []
    for k, family in enumerate(FAMILIES):
        share = seen.share[k] / MILLI
        if abs(share) >= LEAST_NATS:
            value, normal, text = _TELL[family.name](seen, usual)
            if share < 0 and family.name in _IN_ITS_FAVOUR:
                text = _IN_ITS_FAVOUR[family.name].format(value=value, normal=normal)
            told.append(
                Reason(
                    family=family.name,
                    feature=family.feature,
                    value=round(value, 3),
                    usual=round(normal, 3),
                    share=round(share, 2),
                    text=text,
                )
            )
    return tuple(sorted(told, key=lambda reason: -reason.share))


def count(chosen: NDArray[np.bool_]) -> int:
    """How many are true."""
    return int(np.count_nonzero(chosen))


def median(ordered: NDArray[Any]) -> float:
    """The middle of sorted values, at least one (np.median: 34 us for 256 values, against 1)."""
    n = len(ordered)
    return (float(ordered[(n - 1) // 2]) + float(ordered[n // 2])) / 2


def _mode(seconds: NDArray[np.int32], within: int) -> tuple[int, int, int]:
    """(the value most others are close to, how many are, how many there are)."""
    if not len(seconds):
        return 0, 0, 0
    ordered = np.sort(seconds)
    near = ordered.searchsorted(ordered + within, "right") - ordered.searchsorted(ordered - within)
    best = int(near.argmax())
    return int(ordered[best]), int(near[best]), len(ordered)


def _novelty(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    calls = max(seen.calls, 1)
    callees = min(seen.distinct, calls)
    normal = (usual.theta + usual.sigma * 10) / (usual.theta + 40)  # a line with 40 calls to 10 people
    return callees / calls, normal, f"{callees} of {calls} calls went to numbers this line had not called before"


def _pace(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    setups = np.sort(seen.strangers["setup_ms"])
    median_s = median(np.sort(setups[1:] - setups[:-1])) / 1000 if len(setups) > 1 else 0.0
    normal_s = usual.gap_scale_s * (2 ** (1 / usual.gap_shape) - 1)
    return median_s, normal_s, f"a new callee every {span(median_s)}; ordinary lines meet one every {span(normal_s)}"


def _script(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    talks = seen.strangers["talk_ms"]
    seconds, near, answered = _mode(talks[talks >= 0] // 1000, SCRIPT_WITHIN_S)
    text = (
        f"{near} of {answered} answered calls to strangers lasted {seconds} s, give or take {SCRIPT_WITHIN_S}:"
        " like one recording played to all"
    )
    return near / max(answered, 1), 0.1, text


def _answer(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    strangers = len(seen.strangers)
    unanswered = count(seen.strangers["talk_ms"] < 0)
    normal = 1 - usual.outcomes_p0.answered
    text = f"{unanswered} of {strangers} strangers did not answer; usually {normal:.0%} do not"
    return unanswered / max(strangers, 1), normal, text


def _reciprocity(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    people = "person" if seen.callbacks == 1 else "people"
    return float(seen.callbacks), 1.0, f"called back by {seen.callbacks} {people} it had called"


def _ring(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    rings = seen.strangers["ring_ms"]
    given_up = (seen.strangers["talk_ms"] < 0) & (rings >= 0) & ended_by_caller(seen.strangers)
    seconds, near, all_of_them = _mode(rings[given_up] // 1000, 1)
    text = f"{near} of {all_of_them} unanswered calls were given up after {seconds} s of ringing, to the second"
    return near / max(all_of_them, 1), 0.15, text


def _pacing(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    setups = np.sort(seen.kept["setup_ms"])
    gaps = np.sort(setups[1:] - setups[:-1]) / 1000
    gaps = gaps[gaps.searchsorted(0.0, "right") :]
    median_s = median(gaps) if len(gaps) else 0.0
    even = count(np.abs(gaps - median_s) <= 0.1 * median_s) / max(len(gaps), 1)
    return (
        even,
        0.05,
        f"{even:.0%} of its calls follow the one before after {span(median_s)}, within a tenth: a machine's beat",
    )


def _short(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    strangers = seen.strangers
    short = count(ultra_short(strangers))
    text = f"{short} of {len(strangers)} calls to strangers were ended by the caller within {SHORT_MS // 1000} s"
    return short / max(len(strangers), 1), usual.short_p0, text


def _targeting(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    n = len(seen.kept)
    near = count(next_to_recent(seen.kept))
    text = f"{near} of {n} callees stand next to one called just before: numbers are dialed in a row"
    return near / max(n, 1), usual.near_p0, text


def _hours(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    local = (seen.strangers["setup_ms"] // HOUR_MS + round(seen.utc_offset_h)) % 24
    share = count(_AT_NIGHT[local]) / max(len(local), 1)
    normal = sum(usual.hour_p0[hour] for hour in NIGHT)
    if share > normal:
        text = f"{share:.0%} of its calls to strangers fell between 22 and 7 o'clock; usually {normal:.0%} do"
        return share, normal, text
    return share, normal, "its calls to strangers fill office hours evenly, without the breaks people take"


def _concurrency(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    begins = np.sort(seen.kept["setup_ms"])
    ends = np.sort(seen.kept["setup_ms"] + seen.kept["held_ms"])
    at_once = begins.searchsorted(begins, "right") - ends.searchsorted(begins, "right")
    most = int(at_once.max()) if len(begins) else 1
    return float(most), 1.0, f"up to {most} of its calls ran at the same time"


_TELL: dict[str, Callable[[Behaviour, ClassParameters], tuple[float, float, str]]] = {
    "novelty": _novelty,
    "pace": _pace,
    "script": _script,
    "answer": _answer,
    "reciprocity": _reciprocity,
    "ring": _ring,
    "pacing": _pacing,
    "short": _short,
    "targeting": _targeting,
    "hours": _hours,
    "concurrency": _concurrency,
}
"""Per family: what was seen, what is usual, and both in words that accuse."""

_IN_ITS_FAVOUR = {
    "script": "its talks with strangers differ in length, as people's do",
    "answer": "strangers answer it more than they answer dialers: {value:.0%} did not; usually {normal:.0%} do not",
    "ring": "it lets strangers' telephones ring for different times, as people do",
    "pacing": "its calls follow each other in no machine's beat",
    "short": "it hardly ever ends a call to a stranger within 3 s",
    "targeting": "it dials no numbers in a row",
    "hours": "it calls strangers at the hours at which people do",
    "concurrency": "it makes one call at a time",
}
"""Words of a share that speaks for the line, where those that accuse would mislead."""


def span(seconds: float) -> str:
    """A length of time as people say it: `7 s`, `4 min`, `3 h`, `2 days`."""
    for size, unit in ((172_800, "days"), (7_200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / {'days': 86_400, 'h': 3_600, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"
