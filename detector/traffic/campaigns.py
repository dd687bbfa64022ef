"""Lines that mass-dial: one habit a kind, and the techniques by which each kind evades.

Published figures (predictive dialers, wangiri, robocalls, dialer vendors' advice) are those of the project's notes
on signatures; the rest are assumptions.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from detector.errors import InputError
from detector.traffic.habit import Habit, Talk

BAD = (
    Habit(
        name="burst_dialer",
        bad=True,
        shows="fixed",
        channel=True,
        lines=4,
        pause_s=4.0,  # after each call a pause of 4 s
        pause_spread=0.1,
        shape=30.0,
        hours="dialing",
        local=0.2,
        answer=0.28,
        busy=0.05,
        absent=0.09,
        invalid=0.06,
        give_up_s=18.0,
        give_up_sigma=0.01,
        talk=(Talk(0.45, 22.0, 0.04, 0.95), Talk(0.55, 6.0, 0.8, 0.02)),
        talk_spread=0.0,
        redial=0.0,
        call_back=0.02,
        pickup=0.1,
    ),
    Habit(
        name="predictive_dialer",
        bad=True,
        shows="fixed",
        channel=True,
        lines=10,
        pause_s=15.0,
        pause_spread=0.2,
        shape=1.2,
        hours="dialing",
        again=0.15,
        local=0.2,
        answer=0.3,
        busy=0.05,
        absent=0.08,
        invalid=0.04,
        give_up_s=18.0,
        give_up_sigma=0.01,
        talk=(Talk(0.08, 2.0, 0.3, 0.9), Talk(0.35, 18.0, 0.35, 0.9), Talk(0.57, 181.0, 0.9, 0.4)),
        talk_spread=0.0,
        redial=0.0,
        call_back=0.02,
        pickup=0.3,
    ),
    Habit(
        name="slow_campaign",
        bad=True,
        pause_s=600.0,  # gaps: median 7 minutes
        pause_spread=0.1,
        shape=1.0,
        hours="dialing",
        local=0.3,
        answer=0.4,
        busy=0.05,
        absent=0.07,
        invalid=0.03,
        give_up_s=22.0,
        give_up_sigma=0.03,
        talk=(Talk(0.6, 25.0, 0.04, 0.95), Talk(0.4, 7.0, 0.8, 0.05)),
        talk_spread=0.0,
        redial=0.0,
        call_back=0.03,
        pickup=0.2,
    ),
    Habit(
        name="ai_probe",
        bad=True,
        shows="code",
        channel=True,
        lines=5,
        numbers=2,
        calls_per_number=20,
        pause_s=36.0,
        pause_spread=0.15,
        shape=2.0,
        hours="dialing",
        local=0.1,
        answer=0.42,
        busy=0.04,
        absent=0.08,
        invalid=0.04,
        give_up_s=20.0,
        give_up_sigma=0.01,
        talk=(Talk(0.45, 8.0, 0.5, 0.02), Talk(0.4, 24.0, 0.06, 0.9), Talk(0.15, 55.0, 0.4, 0.5)),
        talk_spread=0.0,
        bites=0.06,
        redial=0.0,
        call_back=0.02,
        pickup=0.0,
    ),
    Habit(
        name="wangiri",
        bad=True,
        pause_s=7.2,
        shape=20.0,
        hours="flat",
        local=0.1,
        answer=0.03,
        busy=0.04,
        absent=0.08,
        invalid=0.06,
        give_up_s=1.7,
        give_up_sigma=0.15,
        talk=(Talk(1.0, 2.0, 0.4, 0.9),),
        redial=0.0,
        call_back=0.1,
        call_back_s=900.0,
        pickup=1.0,
    ),
    Habit(
        name="enumeration",
        bad=True,
        shows="fixed",
        channel=True,
        pause_s=9.0,
        shape=15.0,
        hours="dialing",
        step=1.0,
        local=0.2,
        answer=0.22,
        busy=0.03,
        absent=0.12,
        invalid=0.38,
        give_up_s=12.0,
        give_up_sigma=0.02,
        talk=(Talk(1.0, 4.0, 0.5, 0.9),),
        redial=0.0,
        call_back=0.03,
        pickup=0.1,
    ),
    Habit(
        name="sim_box",
        bad=True,
        pause_s=60.0,
        shape=0.9,
        hours="flat",
        again=0.12,
        local=0.3,
        answer=0.55,
        invalid=0.02,
        talk=(Talk(1.0, 130.0, 1.0, 0.6),),
        redial=0.1,
        call_back=0.03,
        pickup=0.0,
    ),
    Habit(
        name="takeover",
        bad=True,
        pause_s=60.0,
        shape=3.0,
        hours="dialing",
        local=0.2,
        answer=0.32,
        busy=0.05,
        absent=0.08,
        invalid=0.05,
        give_up_s=18.0,
        give_up_sigma=0.02,
        talk=(Talk(0.5, 20.0, 0.05, 0.95), Talk(0.5, 6.0, 0.8, 0.05)),
        redial=0.0,
        call_back=0.03,
        pickup=0.3,
    ),
)

ABOVE_LINES = (
    # Kinds that show on a trunk, a destination or a callee, hardly on a line.
    Habit(
        name="flood",
        bad=True,
        shows="fixed",
        spoofs="any",
        seats=400,
        pause_s=4.0,
        hours="flat",
        local=1.0,
        answer=0.5,
        talk=(Talk(1.0, 1.0, 0.2, 0.95),),
        redial=0.0,
        call_back=0.0,
        pickup=0.0,
    ),
    Habit(
        name="neighbour_spoofing",
        bad=True,
        shows="fixed",
        spoofs="neighbour",
        pause_s=8.0,
        shape=3.0,
        hours="dialing",
        local=0.5,
        answer=0.45,
        invalid=0.05,
        give_up_s=20.0,
        give_up_sigma=0.01,
        talk=(Talk(0.5, 24.0, 0.04, 0.95), Talk(0.5, 6.0, 0.8, 0.05)),
        redial=0.0,
        call_back=0.0,
        pickup=0.0,
    ),
    Habit(
        name="call_bombing",
        bad=True,
        pause_s=40.0,
        hours="dialing",
        leads=3,
        answer=0.25,
        talk=(Talk(1.0, 3.0, 0.5, 0.3),),
        redial=0.0,
        call_back=0.0,
        pickup=0.1,
    ),
)

HANDOVER = Habit(
    # People who call those who talked to the probe; they make no calls of their own accord.
    name="handover",
    bad=True,
    pause_s=1e9,
    pause_spread=0.0,
    hours="flat",
    answer=0.65,
    talk=(Talk(1.0, 300.0, 0.8),),
    redial=0.3,
    redial_s=600.0,
    call_back=0.3,
    pickup=0.9,
)


def own_way(habit: Habit, way: int) -> Habit:
    """The habit as one customer has it: another script, other pauses, time-outs, hours and targets; always the same."""
    draw = np.random.default_rng(way)
    stretch = float(draw.uniform(0.6, 2.0))
    return replace(
        habit,
        pause_s=habit.pause_s * float(draw.uniform(0.6, 2.5)),
        shape=float(draw.choice([1.0, 2.0, 5.0, 20.0])),
        hours=str(draw.choice(["dialing", "office", "daily_office"])),
        local=float(draw.choice([0.05, 0.3, 0.9])),
        give_up_s=float(draw.choice([12.0, 15.0, 18.0, 20.0, 25.0, 30.0])),
        talk=tuple(replace(talk, median_s=talk.median_s * stretch) for talk in habit.talk),
    )


def _random_gaps(habit: Habit) -> Habit:
    """Pauses of 10 to 60 s at random instead of a machine's; slow callers fall into bursts."""
    if habit.pause_s >= 60:
        return replace(habit, shape=0.7)
    return replace(habit, shape=2.6, floor_s=10.0, pause_s=max(habit.pause_s, 35.0))


def _ramp(habit: Habit) -> Habit:
    """Staged volume: it takes two days to reach the full rate."""
    return replace(habit, ramp_h=48.0)


def _rotation(habit: Habit) -> Habit:
    """Many numbers or cards, twenty calls on each before moving on."""
    if habit.channel:
        return replace(habit, numbers=max(habit.numbers, 20), calls_per_number=20)
    return replace(habit, cards=4, calls_per_number=20)


def _human_talk(habit: Habit) -> Habit:
    """Talk times like a person's."""
    return replace(habit, talk=(Talk(1.0, 24.0, 1.2),), talk_spread=0.3)


def _human_ring(habit: Habit) -> Habit:
    """Gives up like a person; a missed-call line lets it ring 2 to 8 seconds."""
    if habit.give_up_s < 5:
        return replace(habit, give_up_s=4.5, give_up_sigma=0.4)
    return replace(habit, give_up_s=26.0, give_up_sigma=0.35)


def _local_targets(habit: Habit) -> Habit:
    """Calls into the city its own number comes from: more answer, and lists are cleaner."""
    return replace(habit, local=0.95, answer=min(0.6, habit.answer * 1.2), invalid=habit.invalid / 2)


def _scattered(habit: Habit) -> Habit:
    """Numbers in order, but every other call jumps elsewhere."""
    return replace(habit, step=0.5, invalid=habit.invalid / 2)


def _cover(habit: Habit) -> Habit:
    """Every fifth call goes to accomplices, and they call, too."""
    return replace(habit, friends=0.2, inbound=0.15, pickup=0.7)


TECHNIQUES: dict[str, Callable[[Habit], Habit]] = {
    "random_gaps": _random_gaps,
    "ramp": _ramp,
    "rotation": _rotation,
    "human_talk": _human_talk,
    "human_ring": _human_ring,
    "local_targets": _local_targets,
    "scattered": _scattered,
    "cover": _cover,
}

EVASIVE = {
    # kind: its techniques in the evasive variant
    "burst_dialer": ("random_gaps", "ramp", "human_talk", "human_ring", "local_targets", "rotation"),
    "predictive_dialer": ("random_gaps", "ramp", "human_ring", "local_targets", "rotation"),
    "slow_campaign": ("random_gaps", "ramp", "human_talk", "human_ring", "local_targets"),
    "ai_probe": ("random_gaps", "ramp", "human_talk", "human_ring", "rotation"),
    "wangiri": ("random_gaps", "human_ring", "local_targets", "rotation"),
    "enumeration": ("random_gaps", "scattered", "human_talk", "human_ring"),
    "sim_box": ("random_gaps", "cover", "local_targets", "rotation"),
    "takeover": ("random_gaps", "human_talk", "human_ring", "cover"),
}

HELD_OUT_TECHNIQUE = "rotation"
"""Never in training traffic: evaluation shows how the model meets an evasion it does not know."""


def habit_of(kind: str, techniques: tuple[str, ...], way: int = 0) -> Habit:
    """The habit of a kind with these techniques applied, one after the other. Raises InputError for unknown names.

    way  number of the customer's own way of the kind, which the techniques then hide; 0: as the kind
    """
    kinds = {habit.name: habit for habit in (*BAD, *ABOVE_LINES)}
    if kind not in kinds:
        raise InputError(f"no campaign kind '{kind}': choose one of {', '.join(kinds)}")
    habit = own_way(kinds[kind], way) if way else kinds[kind]
    for technique in techniques:
        if technique not in TECHNIQUES:
            raise InputError(f"no technique '{technique}': choose of {', '.join(TECHNIQUES)}")
        habit = TECHNIQUES[technique](habit)
    return habit
