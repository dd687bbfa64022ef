"""The families' shares in a NOC's words: what was seen, what is usual, and how much it weighs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.alert.revision import Reason
from detector.features.catalog import FAMILIES
from detector.features.kernels.layout import FIRST_TIME, MILLI
from models.evidence import ClassParameters

LEAST_NATS = 0.5
"""A share smaller than this, either way, is not worth a sentence."""

SCRIPT_WITHIN_S = 3


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a line did in its segment, beside its kept calls.

    share    int[FAMILIES]  1/1024 nat
    kept     KEPT[n]        oldest first
    """

    share: NDArray[np.int32]
    kept: NDArray[np.void]
    calls: int
    answered: int
    distinct: int
    callbacks: int


def reasons(seen: Behaviour, usual: ClassParameters) -> tuple[Reason, ...]:
    """One reason a family whose share speaks, the heaviest first; those that speak for the line stand last."""
    texts = {
        "novelty": _novelty(seen, usual),
        "pace": _pace(seen, usual),
        "script": _script(seen),
        "answer": _answer(seen, usual),
        "reciprocity": _reciprocity(seen),
    }
    told = []
    for k, family in enumerate(FAMILIES):
        share = int(seen.share[k]) / MILLI
        if abs(share) >= LEAST_NATS:
            value, normal, text = texts[family.name]
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


def first_time_calls(kept: NDArray[np.void]) -> NDArray[np.void]:
    """The kept calls that went to a callee new to the line."""
    chosen: NDArray[np.void] = kept[(kept["flags"] & FIRST_TIME) != 0]
    return chosen


def talk_mode(kept: NDArray[np.void]) -> tuple[int, int, int]:
    """The talk length most strangers heard: (seconds, calls within 3 s of it, answered calls to strangers)."""
    talks = first_time_calls(kept)["talk_ms"]
    talks = np.sort(talks[talks >= 0] // 1000)
    if not len(talks):
        return 0, 0, 0
    near = np.searchsorted(talks, talks + SCRIPT_WITHIN_S, "right") - np.searchsorted(talks, talks - SCRIPT_WITHIN_S)
    best = int(np.argmax(near))
    return int(talks[best]), int(near[best]), len(talks)


def _novelty(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    calls = max(seen.calls, 1)
    callees = min(seen.distinct, calls)
    normal = (usual.theta + usual.sigma * 10) / (usual.theta + 40)  # a line with 40 calls to 10 people
    return callees / calls, normal, f"{callees} of {calls} calls went to numbers this line had not called before"


def _pace(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    setups = np.sort(first_time_calls(seen.kept)["setup_ms"])
    median_s = float(np.median(np.diff(setups))) / 1000 if len(setups) > 1 else 0.0
    normal_s = usual.gap_scale_s * (2 ** (1 / usual.gap_shape) - 1)
    return median_s, normal_s, f"a new callee every {span(median_s)}; ordinary lines meet one every {span(normal_s)}"


def _script(seen: Behaviour) -> tuple[float, float, str]:
    seconds, near, answered = talk_mode(seen.kept)
    text = (
        f"{near} of {answered} answered calls to strangers lasted {seconds} s, give or take {SCRIPT_WITHIN_S}:"
        " like one recording played to all"
    )
    return near / max(answered, 1), 0.1, text


def _answer(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    strangers = first_time_calls(seen.kept)
    unanswered = int((strangers["talk_ms"] < 0).sum())
    normal = 1 - usual.outcomes_p0.answered
    text = f"{unanswered} of {len(strangers)} strangers did not answer; usually {normal:.0%} do not"
    return unanswered / max(len(strangers), 1), normal, text


def _reciprocity(seen: Behaviour) -> tuple[float, float, str]:
    return float(seen.callbacks), 1.0, f"{seen.callbacks} of the people it called have called it"


def span(seconds: float) -> str:
    """A length of time as people say it: `7 s`, `4 min`, `3 h`, `2 days`."""
    for size, unit in ((172_800, "days"), (7_200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / {'days': 86_400, 'h': 3_600, 'min': 60}[unit]:.0f} {unit}"
    return f"{seconds:.0f} s"
