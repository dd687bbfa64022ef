"""Builds the population of a scenario, group by group."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detector.errors import InputError
from detector.numbering.registry import Block
from detector.traffic import trunks
from detector.traffic.book import NumberBook
from detector.traffic.campaigns import HANDOVER, habit_of
from detector.traffic.clock import HOUR_MS
from detector.traffic.habit import Habit
from detector.traffic.look_alikes import LOOK_ALIKES, ORDINARY, TEENAGER
from detector.traffic.numbers import ZONES, People
from detector.traffic.population import LINE, SEAT, Group, Population, Recruits
from detector.traffic.registry import Entry, code_block, number_blocks
from detector.traffic.world import Campaign, Scenario

# JDATA: calls a day and line, both directions, measured quantiles; between them log-linear.
_CALLS_SHARE = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
_CALLS_A_DAY = (0.08, 0.6, 1.9, 4.9, 11.0, 18.0, 40.0, 70.0)
_MOST_MADE = 45.0  # calls a day, mean
_MADE_SHARE = 0.6  # with calls of friends elsewhere and others, which a seat also plays; 0.51 are its own
_OTHER_LISTS = 1_000_000  # contact lists of kinds that have one, besides those that campaigns number
_MADE_SPREAD = 0.8  # sigma over lines of the log of the share made


def populate(scenario: Scenario, seed: int) -> Population:
    """Everybody of the scenario. Raises InputError for a class, kind or technique that does not exist."""
    town = _Town(scenario, seed)
    town.people()
    if scenario.teenagers:
        town.settle(Group(TEENAGER, scenario.start_ms), scenario.teenagers)
    if unknown := {*scenario.look_alikes, *scenario.large_owners} - {habit.name for habit in LOOK_ALIKES}:
        raise InputError(f"no look-alike class '{min(unknown)}'")
    for habit in LOOK_ALIKES:
        if lines := scenario.look_alikes.get(habit.name):
            town.settle(Group(habit, scenario.start_ms), lines)
        if lines := scenario.large_owners.get(habit.name):
            town.settle(Group(replace(habit, lines=lines), scenario.start_ms), lines)
    for campaign in scenario.campaigns:
        town.campaign(campaign)
    return town.population()


def _habit(campaign: Campaign) -> Habit:
    """How the lines of a campaign call."""
    habit = habit_of(campaign.kind, campaign.techniques, campaign.way)
    return replace(
        habit,
        numbers=campaign.numbers or habit.numbers,
        calls_per_number=campaign.turn or habit.calls_per_number,
        pause_s=campaign.pause_s or habit.pause_s,
        lines=campaign.lines if campaign.customer else habit.lines,
    )


class _Town:
    """The population while it is being built, group by group."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._draw = np.random.default_rng([seed, 1])
        self._start_ms = scenario.start_ms
        self._holder_trunks = scenario.holder_trunks
        self._channels_of_code: dict[str, int] = {}
        self._people = People(scenario.people, seed)
        self._book = NumberBook(seed)
        self._groups: list[Group] = []
        self._lines: list[NDArray[np.void]] = []
        self._seats: list[NDArray[np.void]] = []
        self._pool: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        self._line_ids: dict[int, str] = {}
        self._tenants: list[tuple[str, tuple[str, ...]]] = []
        self._blocks: list[Block] = []
        self._recruits: list[Recruits] = []

    def population(self) -> Population:
        """What was built. A campaign's code is in the registry as a hotline that only receives calls."""
        for code, channels in self._channels_of_code.items():
            declared = Entry(f"holder-{code}", "inbound_hotline", channels, (), self._holder_trunks.get(code, ()))
            self._blocks.append(code_block(code, declared))
        return Population(
            people=self._people,
            groups=self._groups,
            lines=np.concatenate(self._lines),
            seats=np.concatenate(self._seats),
            pool=np.concatenate([*self._pool, np.zeros(1, np.int64)]),  # never empty
            line_ids=self._line_ids,
            tenants=self._tenants,
            blocks=self._blocks,
            recruits=self._recruits,
        )

    def people(self) -> None:
        """Ordinary lines, sorted by how much they call."""
        n = self._people.n
        who = np.arange(n)
        lines = np.zeros(n, LINE)
        lines["calling"], lines["tenant"] = self._people.number(who), -1
        lines["trunk"] = self._people.zone(who)
        seats = self._seats_at(ORDINARY, who, self._people.zone(who))
        a_day = np.exp(np.interp((who + self._draw.random(n)) / n, _CALLS_SHARE, np.log(_CALLS_A_DAY)))
        made = _MADE_SHARE * np.exp(self._draw.normal(-(_MADE_SPREAD**2) / 2, _MADE_SPREAD, n))
        seats["pause_ms"] = 24 * HOUR_MS / np.minimum(a_day * made, _MOST_MADE)
        self._add(Group(ORDINARY, self._start_ms), lines, seats)

    def campaign(self, campaign: Campaign) -> None:
        """The lines of a campaign, and the people who call those who bit."""
        start_ms = self._start_ms + int(campaign.start_h * HOUR_MS)
        end_ms = start_ms + int(campaign.hours * HOUR_MS)
        closers = len(self._groups) + 1 if campaign.closers else -1
        group = Group(_habit(campaign), start_ms, end_ms, campaign, closers)
        if campaign.of:
            self.recruit(group, campaign)
        else:
            self.settle(group, campaign.lines)
        if campaign.closers:
            self.settle(Group(HANDOVER, start_ms, campaign=campaign), campaign.closers)

    def settle(self, group: Group, n: int) -> None:
        """A group of n lines (of n seats with `cards` lines each, where a seat has several)."""
        habit = group.habit
        owner = np.arange(n) // habit.lines  # one number, or pool of numbers, and one tenant each
        zone = self._draw.integers(ZONES, size=int(owner[-1]) + 1)
        if group.campaign and group.campaign.leads:
            zone[:] = group.campaign.leads % ZONES  # who works through a list again finds the same people on it
        code = group.campaign.code if group.campaign and habit.channel else ""
        shown = self._book.shown(habit, zone, code)
        lines = np.zeros(n * habit.cards, LINE)
        seat_line = np.repeat(np.arange(n), habit.seats)
        seats = self._seats_at(habit, self._n_lines() + seat_line * habit.cards, zone[owner[seat_line]])
        lines["tenant"], lines["trunk"] = -1, zone[np.repeat(owner, habit.cards)]
        if habit.channel:
            lines["calling"] = self._book.fixed(zone)[owner]
            lines["tenant"] = len(self._tenants) + owner
            lines["trunk"] = _trunk(group, lines["tenant"])
            seats["pool"] = sum(map(len, self._pool)) + owner[seat_line] * habit.numbers
            self._pool.append(shown.ravel())
            self._name_channels(group, owner)
            if code:
                self._channels_of_code[code] = self._channels_of_code.get(code, 0) + n
        elif habit.cards > 1:
            lines["calling"] = self._book.mobiles(np.repeat(zone[owner], habit.cards))
        else:
            lines["calling"] = shown[owner, 0]
        self._declare(habit, shown, lines, owner)
        self._give_leads(group, seats)
        self._add(group, lines, seats)

    def recruit(self, group: Group, campaign: Campaign) -> None:
        """Good lines of a class that will be taken over: all seats of a line; people of middling activity."""
        of = next((i for i, other in enumerate(self._groups) if other.habit.name == campaign.of), None)
        free = np.flatnonzero(self._lines[of]["becomes"] == of) if of is not None else np.zeros(0, np.int64)
        if of == 0:
            free = free[(free > self._people.n // 3) & (free < 2 * self._people.n // 3)]
        if of is None or len(free) < campaign.lines:
            raise InputError(
                f"a campaign takes over {campaign.lines} lines of class {campaign.of}, but {len(free)} are there"
            )
        lines = self._draw.choice(free, campaign.lines, replace=False)
        self._lines[of]["becomes"][lines] = len(self._groups)
        first_line, first_seat = (sum(map(len, parts[:of])) for parts in (self._lines, self._seats))
        seats = np.flatnonzero(np.isin(self._seats[of]["line"], first_line + lines))
        before = self._seats[of][seats]
        after = self._seats_at(group.habit, before["line"], before["zone"])
        after["group"] = len(self._groups)
        after["pool"], after["leads"] = before["pool"], before["leads"]
        self._recruits.append(Recruits(first_seat + seats, after, group.start_ms))
        self._add(group, np.zeros(0, LINE), np.zeros(0, SEAT))

    def _give_leads(self, group: Group, seats: NDArray[np.void]) -> None:
        """One contact list for all lines of the campaign, where it has one."""
        campaign = group.campaign
        if campaign is not None and (campaign.leads or group.habit.leads):
            seats["leads"] = -(campaign.leads or _OTHER_LISTS + len(self._groups))
            seats["lead"], seats["stride"] = np.arange(len(seats)), len(seats)

    def _n_lines(self) -> int:
        return sum(map(len, self._lines))

    def _add(self, group: Group, lines: NDArray[np.void], seats: NDArray[np.void]) -> None:
        lines["group"] = lines["becomes"] = seats["group"] = len(self._groups)
        self._groups.append(group)
        self._lines.append(lines)
        self._seats.append(seats)

    def _seats_at(self, habit: Habit, line: NDArray[np.int64], zone: NDArray[np.int64]) -> NDArray[np.void]:
        """Seats at these lines, each with its own small differences."""
        n, draw = len(line), self._draw
        seats = np.zeros(n, SEAT)
        seats["line"], seats["zone"], seats["pool"] = line, zone, -1
        seats["leads"], seats["stride"] = sum(map(len, self._seats)) + np.arange(n), 1
        seats["pause_ms"] = 1000 * (habit.pause_s - habit.floor_s) * np.exp(draw.normal(0, habit.pause_spread, n))
        spread = min(habit.answer_spread, habit.answer / 3, (1 - habit.answer) / 3)
        seats["answer"] = np.clip(draw.normal(habit.answer, spread, n), 0.0, 1.0)
        seats["talk_shift"] = draw.normal(0, habit.talk_spread, n)
        seats["early_ms"] = draw.integers(-HOUR_MS // 2, HOUR_MS // 2, n)
        return seats

    def _name_channels(self, group: Group, owner: NDArray[np.int64]) -> None:
        """What the network calls the lines, and one tenant with its resellers for every owner."""
        first_line, first_tenant = self._n_lines(), len(self._tenants)
        for line, own in enumerate(owner.tolist()):
            self._line_ids[first_line + line] = f"sip:{4000 + line}@gw{first_tenant + own:03d}"
        customer = group.campaign.customer if group.campaign else None
        if customer is not None:
            self._tenants.append((customer.tenant, customer.resellers))
            return
        trade = "customer" if group.habit.bad else group.habit.name.replace("_", "-")
        for tenant in range(first_tenant, first_tenant + int(owner[-1]) + 1):
            chain = (f"reseller-{1 + tenant % 7}",)
            self._tenants.append((f"{trade}-{tenant}", ("wholesale-1", *chain) if group.habit.bad else chain))

    def _declare(
        self, habit: Habit, shown: NDArray[np.int64], lines: NDArray[np.void], owner: NDArray[np.int64]
    ) -> None:
        """What the owners have in the registry."""
        if habit.declared is None:
            return
        channels = (np.bincount(owner) * habit.seats).tolist()
        for own, numbers in enumerate(shown):
            line = lines[np.argmax(owner == own)]
            chain = self._tenants[line["tenant"]][1] if line["tenant"] >= 0 else ()
            holder, trunk = f"{habit.name.replace('_', '-')}-{own}", trunks.NAMES[line["trunk"]]
            entry = Entry(holder, habit.declared, channels[own], chain, (trunk,))
            if habit.shows == "code":
                self._blocks.append(code_block(str(numbers[0] // 100), entry))
            else:
                self._blocks += number_blocks(numbers, entry)


def _trunk(group: Group, tenant: NDArray[np.int16]) -> NDArray[np.int16]:
    """Where the leased lines of these tenants come in."""
    if group.campaign is not None and group.campaign.customer is not None:
        return np.full(len(tenant), trunks.NAMES.index(group.campaign.customer.trunk), np.int16)
    return trunks.gateway(tenant)
