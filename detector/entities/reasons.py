"""The shares of an entity in a NOC's words: what was seen, what is usual, and what kind of alert it makes."""

from collections.abc import Callable

import numpy as np

from detector.alert.revision import Reason
from detector.entities.kernels.close import LIFE_RATE_H
from detector.entities.kernels.layout import CALLEES, LINES, NUMBERS, SCRIPT
from detector.entities.kernels.samples import estimate, sampled
from detector.entities.laws import FAMILY_NAMES
from detector.entities.moved import Link
from detector.features.kernels.layout import ANSWERED, MILLI
from detector.score.reasons import LEAST_NATS

SAMPLING_ERROR = 1.3
"""A count of lines out of 128 sampled ones errs by a tenth; so much above is three times that."""


def kind_of(reasons: tuple[Reason, ...]) -> str:
    """The kind follows from which families carry the score."""
    carried = {reason.family for reason in reasons if reason.share >= 2}
    if "moved" in carried:
        return "moved_operation"
    if "surge" in carried:
        return "flood"
    if carried & {"rotation", "neighbour"}:
        return "number_rotation"
    return "ai_robocall" if "script" in carried else "mass_dialing"


def reasons_of(entity: np.void, link: Link | None, complaint_share: float) -> tuple[Reason, ...]:
    """One reason a family whose share speaks, the heaviest first. link: whose contact list it works through.

    complaint_share  people who complain, of those who answer ordinary calls
    """
    told = []
    for k, family in enumerate(FAMILY_NAMES):
        share = int(entity["share"][k]) / MILLI
        if abs(share) >= LEAST_NATS:
            if link and family == "moved":
                value, usual, feature, text = _moved(link)
            elif family == "told":
                value, usual, feature, text = _complained(entity, 10_000 * complaint_share)
            else:
                value, usual, feature, text = _TELL[family](entity)
            told.append(
                Reason(
                    family=family,
                    feature=feature,
                    value=round(value, 3),
                    usual=usual,
                    share=round(share, 2),
                    text=text,
                )
            )
    return tuple(sorted(told, key=lambda reason: -reason.share))


def beyond_contract(entity: np.void, contracted: int | None) -> tuple[Reason, ...]:
    """A code or number on more lines than channels were contracted. Told, never weighed: registries lag behind."""
    lines = estimate(entity, LINES)
    if contracted is None or lines <= contracted * (1 if sampled(entity, LINES) == lines else SAMPLING_ERROR):
        return ()
    text = f"about {lines:,} lines showed it; {contracted:,} channels are contracted"
    return (
        Reason(
            family="contract",
            feature="lines_beyond_contract",
            value=float(lines),
            usual=float(contracted),
            share=0.0,
            text=text,
        ),
    )


Told = tuple[float, float, str, str]


def _novelty(entity: np.void) -> Told:
    calls = max(int(entity["calls"]), 1)
    strangers = min(int(entity["strangers"]) << int(entity["shift"][CALLEES]), calls)
    text = f"about {strangers:,} of {calls:,} calls went to people it had not called before"
    return strangers / calls, 0.5, "first_time_share", text


def _pace(entity: np.void) -> Told:
    lines, calls = max(estimate(entity, LINES), 1), int(entity["calls"])
    hours = max((int(entity["last_ms"]) - int(entity["first_ms"])) / 3_600_000, 1 / 60)
    rate = calls / hours / lines
    text = f"{rate:.3g} calls an hour on each of {lines:,} lines; usual is about {LIFE_RATE_H:g}"
    return 3600 / max(rate, 1e-3), 3600 / LIFE_RATE_H, "gap_between_calls_of_a_line", text


def _script(entity: np.void) -> Told:
    talks = entity["talk"].astype(np.int64)
    two = talks[:30] + np.append(talks[1:30], 0)
    best, n = int(np.argmax(two)), max(int(talks.sum()), 1)
    near = int(two[best])
    like = "like recordings played to all" if int(entity["share"][SCRIPT]) > 0 else "no recording stands out"
    text = f"{near:,} of {n:,} answered calls lasted {2 * best} to {2 * best + 3} s: {like}"
    return near / n, 0.1, "talks_of_one_length", text


def _answer(entity: np.void) -> Told:
    n = max(int(entity["outcome"].sum()), 1)
    unanswered = n - int(entity["outcome"][ANSWERED])
    return unanswered / n, 0.33, "unanswered_share", f"{unanswered:,} of {n:,} calls were not answered"


def _reciprocity(entity: np.void) -> Told:
    backs = int(entity["backs"])
    return float(backs), 1.0, "call_backs", f"{backs} of the people it called have called it"


def _rotation(entity: np.void) -> Told:
    changes = int(entity["changes"])
    all_of_them = max(changes + int(entity["keeps"]), 1)
    numbers, lines = estimate(entity, NUMBERS), estimate(entity, LINES)
    text = (
        f"{changes:,} of {all_of_them:,} calls of known lines showed another number than before:"
        f" {numbers:,} numbers on {lines:,} lines"
    )
    return changes / all_of_them, 0.05, "calls_with_another_number", text


def _surge(entity: np.void) -> Told:
    rate, calls = float(entity["rate"]), int(entity["calls"])
    text = f"{calls:,} calls in a few minutes; usual are {rate:.2g} a minute"
    return float(calls), rate, "calls_in_segment", text


def _neighbour(entity: np.void) -> Told:
    beside, calls = int(entity["beside"]), max(int(entity["calls"]), 1)
    text = f"{beside:,} of {calls:,} calls showed a number like the callee's own but for the last four digits"
    return beside / calls, 0.005, "calls_from_a_neighbours_number", text


def _moved(link: Link) -> Told:
    return link.shared / link.sampled, round(link.chance, 3), "callees_on_a_suspects_list", link.text


def _complained(entity: np.void, usual: float) -> Told:
    people, rate = round(float(entity["complainants"])), complaint_rate(entity)
    text = (
        f"about {max(people, 1):,} {'people' if people > 1 else 'person'} complained lately: {rate:.3g} of 10,000 who"
        f" answered; usual are {usual:g}"
    )
    return rate, usual, "complainants_per_10k_answered", text


def complaint_rate(entity: np.void) -> float:
    """Complainants per 10,000 answered calls of an ENTITY, both of the last days."""
    return 10_000 * float(entity["complainants"]) / max(float(entity["heard"]), 1.0)


_TELL: dict[str, Callable[[np.void], Told]] = {
    "novelty": _novelty,
    "pace": _pace,
    "script": _script,
    "answer": _answer,
    "reciprocity": _reciprocity,
    "rotation": _rotation,
    "surge": _surge,
    "neighbour": _neighbour,
}
