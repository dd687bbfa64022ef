"""The families' shares in a NOC's words: what was seen, what is usual, and how much it weighs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from detector.alert.revision import Reason
from detector.features.catalog import FAMILIES
from detector.features.kernels.layout import MILLI
from detector.features.kernels.look_back import EVENING, MORNING, SCRIPT_WITHIN_S, Shown
from detector.features.kernels.observe import SHORT_MS
from models.evidence import ClassParameters

LEAST_NATS = 0.5
"""A share smaller than this, either way, is not worth a sentence."""

NIGHT = (*range(EVENING, 24), *range(MORNING))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a line did in its segment, and what its kept calls show; share: int[FAMILIES], 1/1024 nat."""

    share: Sequence[int]
    shown: Shown
    calls: int
    answered: int
    distinct: int
    callbacks: int
    told: int = 0  # 1/1024 nat, of complaints
    complainants: float = 0.0  # people, each by the probability that they mean a call of the line


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
    if seen.told >= LEAST_NATS * MILLI:
        told.append(_complained(seen))
    return tuple(sorted(told, key=lambda reason: -reason.share))


def _complained(seen: Behaviour) -> Reason:
    people = max(round(seen.complainants), 1)
    text = f"about {people:,} {'people' if people > 1 else 'person'} complained of its calls within a week"
    return Reason(
        family="told",
        feature="complainants",
        value=round(seen.complainants, 2),
        usual=0.0,
        share=round(seen.told / MILLI, 2),
        text=text,
    )


def _novelty(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    calls = max(seen.calls, 1)
    callees = min(seen.distinct, calls)
    normal = (usual.theta + usual.sigma * 10) / (usual.theta + 40)  # a line with 40 calls to 10 people
    return callees / calls, normal, f"{callees} of {calls} calls went to numbers this line had not called before"


def _pace(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    gap_s = seen.shown.new_gap_s
    normal_s = usual.gap_scale_s * (2 ** (1 / usual.gap_shape) - 1)
    return gap_s, normal_s, f"a new callee every {span(gap_s)}; ordinary lines meet one every {span(normal_s)}"


def _script(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    shown = seen.shown
    text = (
        f"{shown.talk_near} of {shown.answered} answered calls to strangers lasted {shown.talk_s} s,"
        f" give or take {SCRIPT_WITHIN_S}: like one recording played to all"
    )
    return shown.talk_near / max(shown.answered, 1), 0.1, text


def _answer(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    strangers = seen.shown.strangers
    unanswered = strangers - seen.shown.answered
    normal = 1 - usual.outcomes_p0.answered
    text = f"{unanswered} of {strangers} strangers did not answer; usually {normal:.0%} do not"
    return unanswered / max(strangers, 1), normal, text


def _reciprocity(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    people = "person" if seen.callbacks == 1 else "people"
    return float(seen.callbacks), 1.0, f"called back by {seen.callbacks} {people} it had called"


def _ring(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    near, given_up = seen.shown.ring_near, seen.shown.given_up
    text = f"{near} of {given_up} unanswered calls were given up after {seen.shown.ring_s} s of ringing, to the second"
    return near / max(given_up, 1), 0.15, text


def _pacing(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    even = seen.shown.even / max(seen.shown.gaps, 1)
    beat = span(seen.shown.gap_s)
    return even, 0.05, f"{even:.0%} of its calls follow the one before after {beat}, within a tenth: a machine's beat"


def _short(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    short, strangers = seen.shown.short, seen.shown.strangers
    text = f"{short} of {strangers} calls to strangers were ended by the caller within {SHORT_MS // 1000} s"
    return short / max(strangers, 1), usual.short_p0, text


def _targeting(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    near, n = seen.shown.near, seen.shown.kept
    text = f"{near} of {n} callees stand next to one called just before: numbers are dialed in a row"
    return near / max(n, 1), usual.near_p0, text


def _hours(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    share = seen.shown.night / max(seen.shown.strangers, 1)
    normal = sum(usual.hour_p0[hour] for hour in NIGHT)
    if share > normal:
        text = f"{share:.0%} of its calls to strangers fell between 22 and 7 o'clock; usually {normal:.0%} do"
        return share, normal, text
    return share, normal, "its calls to strangers fill office hours evenly, without the breaks people take"


def _concurrency(seen: Behaviour, usual: ClassParameters) -> tuple[float, float, str]:
    most = seen.shown.at_once
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
