"""Named scenarios."""

import msgspec

from detector.errors import InputError
from detector.traffic.campaigns import EVASIVE, HELD_OUT_TECHNIQUE
from detector.traffic.look_alikes import HELD_OUT_CLASS, TEENAGER_SHARE
from detector.traffic.nantong import nantong
from detector.traffic.world import Campaign, Customer, Scenario, natural_look_alikes


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
    """The 2020 case in an afternoon, and beside it a single slow line or two."""
    case = nantong(people, days)
    slow = Campaign(kind="slow_campaign", lines=2, start_h=0.25)
    look_alikes = natural_look_alikes(people, times=2.0)
    return msgspec.structs.replace(case, name="demo", look_alikes=look_alikes, campaigns=(*case.campaigns, slow))


def _usual(name: str, people: int, days: float, look_alikes: dict[str, int], bad: tuple[Campaign, ...]) -> Scenario:
    teenagers = round(people * TEENAGER_SHARE)
    return Scenario(name=name, days=days, people=people, teenagers=teenagers, look_alikes=look_alikes, campaigns=bad)


_ENTITIES = (
    # Rotation: 2,000 numbers with five calls a day each, of one customer on one trunk.
    Campaign(
        kind="predictive_dialer",
        lines=20,
        start_h=9.5,
        numbers=2_000,
        turn=1,
        pause_s=60.0,
        customer=Customer(tenant="customer-rotating", resellers=("wholesale-1", "reseller-3"), trunk="GW-05"),
    ),
    Campaign(kind="flood", lines=1, start_h=11.0, hours=0.1, pause_s=1.0),
    Campaign(kind="neighbour_spoofing", lines=6, start_h=13.0),
    Campaign(kind="call_bombing", lines=30, start_h=15.0, hours=0.5),
)

_LARGE_OWNERS = {"bank_hotline": 500, "call_centre": 300, "public_notification": 100, "otp": 100}

PRESETS = {
    # name: (people, days, what it is for)
    "demo": (
        3_000,
        0.25,
        "six hours of a working day: the 2020 case in small, from the first customer to the move",
    ),
    "ordinary": (20_000, 3.0, "people only"),
    "lookalikes": (20_000, 3.0, "people and the honest lines that look like dialers; nothing bad"),
    "dialers": (20_000, 3.0, "people, look-alikes and every bad kind, plain and evasive"),
    "entities": (20_000, 2.0, "what shows above lines: rotation over 2,000 numbers, flood, neighbours, call bombing"),
    "nantong": (10_000, 3.0, "the 2020 case at a tenth of its size: 952750, its chain, a shut-off and a move"),
    "nantong-quiet": (10_000, 3.0, "the same, every number making at most one call in ten minutes"),
    "nantong-evasive": (10_000, 3.0, "the same, with gaps, talk and ringing like a person's"),
    "large-owners": (20_000, 3.0, "look-alikes, and among them a bank of 500 agents and others of its size"),
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
    if name == "large-owners":
        look_alikes = _usual(name, people, days, natural, ())
        return msgspec.structs.replace(look_alikes, large_owners=_LARGE_OWNERS)
    if name == "entities":
        return _usual(name, people, days, natural, _ENTITIES)
    if name.startswith("nantong"):
        return nantong(people, days, quiet=name == "nantong-quiet", evasive=name == "nantong-evasive")
    if name == "training":
        known = natural_look_alikes(people, times=2.0, without=HELD_OUT_CLASS)
        bad = _campaigns(days, 8, without=HELD_OUT_TECHNIQUE)
        return _usual(name, people, days, known, bad)
    if name == "dialers":
        return _usual(name, people, days, natural, _campaigns(days, 10))
    hijacked = _hijackings(days, ("call_centre", "bank_hotline", "otp", "hospital", "pbx", "number_masking"))
    return _usual(name, people, days, natural, _campaigns(days, 6) + hijacked)
