"""What is to be played: how many people, which look-alikes, which campaigns, when. Plain data."""

import msgspec

from detector.traffic.look_alikes import LOOK_ALIKE_SHARE, NATURAL_SHARE

MONDAY_MS = 1_710_086_400_000
"""Monday 11 March 2024, 00:00 in China."""

_HOUR_MS = 3_600_000


class Customer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who rents the lines of a campaign.

    tenant     its name in the records
    resellers  the chain, outermost first
    trunk      where the lines come in (trunks.NAMES)
    """

    tenant: str
    resellers: tuple[str, ...]
    trunk: str


class Campaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lines that begin to mass-dial together.

    kind        a habit of campaigns.BAD
    lines       how many lines (seats, where each uses several cards)
    start_h     hours after the scenario's start
    hours       how long
    techniques  names of campaigns.TECHNIQUES; none: the plain variant
    of          class of good lines it takes over; empty: lines of its own
    code        assigned 95 code of six digits whose numbers are shown; empty: numbers of the kind's own
    numbers     how many numbers its lines show in turn; 0: as the kind
    turn        calls a line makes before it shows the next; 0: as the kind
    pause_s     mean pause after a call; 0: as the kind
    customer    who rents the lines; None: a tenant for every number or pool of the kind
    way         number of the customer's own script, pacing, hours and targets; 0: as the kind
    leads       number of the contact list that all its lines work through; 0: every line has its own
    closers     people with mobiles who later call those who talked to a probe
    """

    kind: str
    lines: int
    start_h: float
    hours: float = 24.0 * 365
    techniques: tuple[str, ...] = ()
    of: str = ""
    code: str = ""
    numbers: int = 0
    turn: int = 0
    pause_s: float = 0.0
    customer: Customer | None = None
    way: int = 0
    leads: int = 0
    closers: int = 0


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One world: the same scenario and seed give the same calls, byte for byte.

    people       ordinary mobile lines
    teenagers    lines that redial and redial
    look_alikes  class -> lines (look_alikes.LOOK_ALIKES)
    large_owners  class -> lines of one more owner, all behind its one number or code
    holder_trunks  code -> the trunks its holder has declared
    complaints     share of answered bad calls whose callee complains
    """

    name: str
    start_ms: int = MONDAY_MS
    days: float
    people: int
    teenagers: int = 0
    look_alikes: dict[str, int] = {}
    large_owners: dict[str, int] = {}
    campaigns: tuple[Campaign, ...] = ()
    holder_trunks: dict[str, tuple[str, ...]] = {}
    complaints: float = 0.0

    @property
    def end_ms(self) -> int:
        """No call begins at or after this time."""
        return self.start_ms + int(self.days * 24 * _HOUR_MS)


def natural_look_alikes(people: int, times: float = 1.0, without: str = "") -> dict[str, int]:
    """Lines of each look-alike class for that many people: one line in a hundred, at least one of each."""
    lines = people * LOOK_ALIKE_SHARE * times / 100
    return {name: max(1, round(share * lines)) for name, share in NATURAL_SHARE.items() if name != without}
