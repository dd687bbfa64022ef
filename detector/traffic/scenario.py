"""What is to be played: how many people, which look-alikes, which campaigns, when. Plain data, with named presets."""

import msgspec

from detector.errors import InputError
from detector.traffic.campaigns import EVASIVE, HELD_OUT_TECHNIQUE
from detector.traffic.look_alikes import HELD_OUT_CLASS, LOOK_ALIKE_SHARE, NATURAL_SHARE, TEENAGER_SHARE

MONDAY_MS = 1_710_086_400_000
"""Monday 11 March 2024, 00:00 in China."""

_HOUR_MS = 3_600_000


class Campaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines that begin to mass-dial together.

    kind        a habit of campaigns.BAD
    lines       how many lines (seats, where each uses several cards)
    start_h     hours after the scenario's start
    hours       how long
    techniques  names of campaigns.TECHNIQUES; none: the plain variant
    of          class of good lines it takes over; empty: lines of its own
    code        assigned 95 code of six digits whose numbers are shown; empty: numbers of the kind's own
    """

    kind: str
    lines: int
    start_h: float
    hours: float = 24.0 * 365
    techniques: tuple[str, ...] = ()
    of: str = ""
    code: str = ""


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One world: the same scenario and seed give the same calls, byte for byte.

    people       ordinary mobile lines
    teenagers    lines that redial and redial
    look_alikes  class -> lines (look_alikes.LOOK_ALIKES)
    """

    name: str
    start_ms: int = MONDAY_MS
    days: float
    people: int
    teenagers: int = 0
    look_alikes: dict[str, int] = {}
    campaigns: tuple[Campaign, ...] = ()

    @property
    def end_ms(self) -> int:
        """No call begins at or after this time."""
        return self.start_ms + int(self.days * 24 * _HOUR_MS)


def natural_look_alikes(people: int, times: float = 1.0, without: str = "") -> dict[str, int]:
    """Lines of each look-alike class for that many people: one line in a hundred, at least one of each."""
    lines = people * LOOK_ALIKE_SHARE * times / 100
    return {name: max(1, round(share * lines)) for name, share in NATURAL_SHARE.items() if name != without}


def _campaigns(days: float, lines: int, *, without: str = "") -> tuple[Campaign, ...]:
    """Every kind once plain and once evasive, their starts spread over the first two thirds of the days."""
    first_h = 9.5 if days > 0.5 else 0.25
    step_h = max(0.0, days * 16 - first_h) / (2 * len(EVASIVE))
    found = []
    for i, (kind, techniques) in enumerate(EVASIVE.items()):
        of = "ordinary" if kind == "takeover" else ""
        used = tuple(name for name in techniques if name != without)
        for j, variant in enumerate(((), used)):
            start_h = first_h + (2 * i + j) * step_h
            found.append(Campaign(kind=kind, lines=lines, start_h=start_h, techniques=variant, of=of))
    return tuple(found)


def _hijackings(days: float, classes: tuple[str, ...]) -> tuple[Campaign, ...]:
    """One line of each of these declared classes is taken over half-way."""
    return tuple(Campaign(kind="takeover", lines=1, start_h=days * 12, of=name) for name in classes)


def _demo(people: int, days: float) -> Scenario:
    campaigns = (
        Campaign(kind="burst_dialer", lines=4, start_h=8 / 60),
        Campaign(kind="ai_probe", lines=10, start_h=20 / 60, code="952750"),
        Campaign(kind="slow_campaign", lines=12, start_h=0.25),
        Campaign(kind="burst_dialer", lines=6, start_h=2.0, techniques=("random_gaps", "human_talk")),
    )
    start_ms = MONDAY_MS + 10 * _HOUR_MS
    look_alikes = natural_look_alikes(people, times=2.0)
    return Scenario(
        name="demo", start_ms=start_ms, days=days, people=people, look_alikes=look_alikes, campaigns=campaigns
    )


def _usual(name: str, people: int, days: float, look_alikes: dict[str, int], bad: tuple[Campaign, ...]) -> Scenario:
    teenagers = round(people * TEENAGER_SHARE)
    return Scenario(name=name, days=days, people=people, teenagers=teenagers, look_alikes=look_alikes, campaigns=bad)


PRESETS = {
    # name: (people, days, what it is for)
    "demo": (3_000, 0.25, "six hours of a working day; the first dialer starts after eight minutes"),
    "ordinary": (20_000, 3.0, "people only"),
    "lookalikes": (20_000, 3.0, "people and the honest lines that look like dialers; nothing bad"),
    "dialers": (20_000, 3.0, "people, look-alikes and every bad kind, plain and evasive"),
    "training": (20_000, 4.0, "what models are fitted on: without one benign class and one evasive technique"),
    "evaluation": (20_000, 4.0, "what models are measured on: everything, at the natural share of look-alikes"),
}


def preset(name: str, people: int | None = None, days: float | None = None) -> Scenario:
    """A named scenario, at its own size unless told otherwise. Raises InputError for an unknown name."""
    if name not in PRESETS:
        raise InputError(f"no traffic preset '{name}': choose one of {', '.join(PRESETS)}")
    usual_people, usual_days, _ = PRESETS[name]
    people, days = people or usual_people, days or usual_days
    natural = natural_look_alikes(people)
    if name == "demo":
        return _demo(people, days)
    if name == "ordinary":
        return _usual(name, people, days, {}, ())
    if name == "lookalikes":
        return _usual(name, people, days, natural, ())
    if name == "training":
        known = natural_look_alikes(people, times=2.0, without=HELD_OUT_CLASS)
        bad = _campaigns(days, 8, without=HELD_OUT_TECHNIQUE)
        return _usual(name, people, days, known, bad)
    if name == "dialers":
        return _usual(name, people, days, natural, _campaigns(days, 10))
    hijacked = _hijackings(days, ("call_centre", "bank_hotline", "otp", "hospital", "pbx", "number_masking"))
    return _usual(name, people, days, natural, _campaigns(days, 6) + hijacked)
