"""How a kind of line lives: one row of numbers, read by the engine."""

from dataclasses import dataclass
from typing import Literal

from detector.numbering.registry import Purpose


@dataclass(frozen=True, slots=True)
class Talk:
    """One component of a habit's talk times: a log-normal; a small sigma makes a script.

    caller_hangs: share of such calls that the caller ends.
    """

    weight: float
    median_s: float
    sigma: float
    caller_hangs: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """One class of line, or one campaign. Shares are of calls, 0..1; pauses hold while the hours' weight is 1.

    A *seat* makes one call at a time; a *line* is what the record shows (`line_id`, else the calling number);
    a *number* is what the callee sees.
    """

    name: str
    bad: bool = False
    declared: Purpose | None = None  # purpose in the registry; None: not in it

    # Where it sits
    shows: Literal["mobile", "fixed", "bank", "code", "machine"] = "mobile"
    channel: bool = False  # the network names the physical line (line_id); the number is only presented
    seats: int = 1  # of one line
    lines: int = 1  # of one number (or pool of numbers)
    numbers: int = 1  # in the pool
    calls_per_number: int = 1  # made before a seat moves on in its pool
    spoofs: Literal["", "any", "neighbour"] = ""  # every call shows another calling number, and no line
    cards: int = 1  # SIM cards of a seat, each a line of its own; moved on after calls_per_number calls

    # When it calls
    pause_s: float = 3600.0  # mean from the end of a call to the next
    pause_spread: float = 0.3  # sigma of its log over lines
    shape: float = 1.0  # Weibull shape of gaps: 0.34 people, 1 at random, 30 a machine
    floor_s: float = 0.0  # shortest pause
    burst: float = 0.0  # share of calls soon followed by another, besides what the shape gives
    burst_s: float = 40.0  # median pause then
    hours: str = "office"
    ramp_h: float = 0.0  # hours until a campaign calls at its full rate

    # Whom it calls; what remains after these shares are strangers
    friends: float = 0.0  # by rank, most calls to the first few
    services: float = 0.0  # shops, hotlines, taxis: lines of the scenario that others call
    listed: float = 0.0  # a list of its own, one after the other
    list_size: int = 1
    again: float = 0.0  # somebody it called a while ago (second attempts)
    step: float = 0.0  # the next numbers in order
    inbound: float = 0.0  # share of its calls that others make to it
    local: float = 0.5
    leads: int = 0  # people on the contact list that all its lines call, round and round; 0 = no end of them

    # How it goes
    answer: float = 0.69
    answer_spread: float = 0.05
    busy: float = 0.05
    absent: float = 0.03
    invalid: float = 0.005
    ring_s: float = 8.0  # median of answered calls
    give_up_s: float = 26.0  # median time the caller lets it ring
    give_up_sigma: float = 0.35
    talk: tuple[Talk, ...] = (Talk(1.0, 37.0, 1.2),)  # at most four
    talk_spread: float = 0.15  # sigma of a line's own median

    # What follows
    redial: float = 0.1
    redial_s: float = 60.0
    call_back: float = 0.05  # a missed call is called back
    call_back_answered: float = 0.0  # an answered one
    call_back_s: float = 400.0
    pickup: float = 0.6  # calls to it that are answered
    bites: float = 0.0  # share of answered calls after which a person of the same campaign calls, too
