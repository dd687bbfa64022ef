"""Who there is: lines, the seats that make their calls, the numbers they show. Built by town.py."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.numbering.registry import Block
from detector.traffic.clock import FAR_MS
from detector.traffic.habit import Habit
from detector.traffic.numbers import People
from detector.traffic.world import Campaign

LINE = np.dtype(
    [
        ("calling", np.int64),  # calling number
        ("group", np.int16),  # index into Population.groups: what the line is
        ("becomes", np.int16),  # the campaign's group if it is taken over, else the same
        ("tenant", np.int16),  # index into Population.tenants, -1 = none
        ("trunk", np.int16),  # index into trunks.NAMES: where its calls come in
    ]
)
SEAT = np.dtype(
    [
        ("group", np.int16),  # how it lives now
        ("zone", np.int8),  # its city
        ("line", np.int32),  # its first line (of habit.cards)
        ("pool", np.int32),  # first of the numbers it presents (of habit.numbers), -1 = shows the calling number
        ("pause_ms", np.float32),  # mean from the end of a call to the next, at full activity
        ("answer", np.float32),  # share of its calls that are answered
        ("talk_shift", np.float32),  # log of its own talk median against its class's
        ("leads", np.int32),  # its contact list; lists of one campaign are one
        ("lead", np.int32),  # its first place on the list
        ("stride", np.int32),  # from one of its places to the next
        ("early_ms", np.int32),  # its clock runs that much ahead of its class's hours
    ]
)


@dataclass(frozen=True, slots=True)
class Group:
    """Seats that live alike: a class of honest lines, or one campaign. No call begins at or after end_ms.

    closers  index of the group whose people call those who bit, -1 = nobody does
    """

    habit: Habit
    start_ms: int
    end_ms: int = FAR_MS
    campaign: Campaign | None = None
    closers: int = -1


@dataclass(frozen=True, slots=True)
class Recruits:
    """Seats that leave their group for another one at its start: good lines taken over.

    seats  int64[n]   which
    after  SEAT[n]    how they live from then on
    """

    seats: NDArray[np.int64]
    after: NDArray[np.void]
    start_ms: int


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody. The first `people.n` seats and lines are ordinary people, one seat a line, by rising activity.

    lines     LINE[n_lines]
    seats     SEAT[n_seats]
    pool      int64[n]      presented numbers
    line_ids  line -> what the network calls it; lines not in it are only known by their calling number
    tenants   (name, resellers), outermost reseller first
    blocks    the registry
    recruits  whose lines are taken over
    """

    people: People
    groups: list[Group]
    lines: NDArray[np.void]
    seats: NDArray[np.void]
    pool: NDArray[np.int64]
    line_ids: dict[int, str]
    tenants: list[tuple[str, tuple[str, ...]]]
    blocks: list[Block]
    recruits: list[Recruits]
