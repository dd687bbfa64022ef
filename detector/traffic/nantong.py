"""The 2020 case as a scenario: one rented code on thousands of lines, a chain of resellers, a shut-off and a move.

952750 with 95275000 to 95275099 on 5,000 lines of 155 customers: 4,000 lines at the landing carrier, 600 at the
reseller, 400 at the holder. Lines show the numbers in turn; an AI voice probes first, people with mobiles call
those who bit. When the code is shut off, customers come back behind smaller codes with their old lists.
The scale is that of the people: 100,000 of them for the case as it was.
"""

import msgspec

from detector.traffic.look_alikes import TEENAGER_SHARE
from detector.traffic.world import MONDAY_MS, Campaign, Customer, Scenario, natural_look_alikes

_CODE = 952_750
_PEOPLE, _LINES, _CUSTOMERS, _LATER_CODES = 100_000, 5_000, 155, 20
_PROBE, _OTHER = "ai_probe", ("predictive_dialer", "burst_dialer")
_EVASIVE = ("random_gaps", "human_talk", "human_ring")
_BLOCK_CALLS_AN_HOUR = 600  # of the quiet variant: each of the hundred numbers makes one call in ten minutes


def nantong(
    people: int, days: float, *, quiet: bool = False, evasive: bool = False, customers: int | None = None
) -> Scenario:
    """The case among that many people.

    quiet    every number makes at most about one call in ten minutes
    evasive  gaps, talk and ringing like a person's
    customers  None: at the scale of the case
    """
    scale = people / _PEOPLE
    customers = customers or max(6, round(_CUSTOMERS * scale))
    sizes = _sizes(max(60, round(_LINES * scale)), customers)
    early_h, full_h, shut_h, moved_h = _hours(days)
    campaigns, moved, codes = [], 0, max(3, round(_LATER_CODES * scale))
    for i, lines in enumerate(sizes):
        start_h = early_h if i % customers == 2 else full_h + 0.02 * (i % 5)
        pause_s = 3600 * sum(sizes) / _BLOCK_CALLS_AN_HOUR if quiet else 0.0
        campaign = _campaign(i, lines, start_h, shut_h - start_h, sum(sizes[:i]) / sum(sizes), pause_s)
        campaigns.append(msgspec.structs.replace(campaign, techniques=_EVASIVE if evasive else ()))
        if i % 5 < 3:
            campaigns.append(_moved(campaigns[-1], f"{_CODE + 1 + moved % codes}", moved_h + 0.1 * (i % 3), i))
            moved += 1
    return Scenario(
        name=f"nantong{'-quiet' * quiet}{'-evasive' * evasive}",
        start_ms=MONDAY_MS + (10 * 3_600_000 if days < 0.6 else 0),
        days=days,
        people=people,
        teenagers=round(people * TEENAGER_SHARE),
        look_alikes=natural_look_alikes(people),
        campaigns=tuple(campaigns),
        holder_trunks={str(_CODE): ("HD-1",)},
        complaints=0.004,
    )


def _hours(days: float) -> tuple[float, float, float, float]:
    """When the first customer begins, all dial, the code is shut, the move is done; hours after the start."""
    if days < 0.6:  # a part of one working day
        return 24 * days * 0.05, 24 * days * 0.15, 24 * days * 0.6, 24 * days * 0.65
    full, shut = 24.0 * round(days / 3), 24.0 * max(round(days / 3), round(2 * days / 3))
    return 9.5, full + 9.75, shut + 14.0, shut + 15.0


def _sizes(lines: int, customers: int) -> list[int]:
    """Lines of each customer: a few large ones, many small."""
    weights = [1 / (i + 4) for i in range(customers)]
    return [max(2, round(lines * weight / sum(weights))) for weight in weights]


def _campaign(i: int, lines: int, start_h: float, hours: float, before: float, pause_s: float) -> Campaign:
    """Customer i; `before` is the share of all lines that earlier customers have."""
    trunk: str
    chain: tuple[str, ...]
    trunk, chain = f"LC-{1 + i % 4}", ("holder-952750", "reseller-1", "landing-carrier")
    if before >= 0.92:
        trunk, chain = "HD-1", ("holder-952750",)
    elif before >= 0.8:
        trunk, chain = "RS-1", ("holder-952750", "reseller-1")
    probes = i % 4 != 3
    return Campaign(
        kind=_PROBE if probes else _OTHER[i % 2],
        lines=lines,
        start_h=start_h,
        hours=hours,
        code=str(_CODE),
        numbers=100 if pause_s else min(100, 4 + lines),
        turn=1 if pause_s else 10,
        pause_s=pause_s,
        customer=Customer(tenant=f"customer-{i:03d}", resellers=chain, trunk=trunk),
        way=1 + i,
        leads=1 + i,
        closers=max(2, lines // 8) if probes else 0,
    )


def _moved(before: Campaign, code: str, start_h: float, i: int) -> Campaign:
    """The same customer under another name, behind a smaller code, with its old list from the top."""
    customer = Customer(tenant=f"trading-{i:03d}", resellers=(f"holder-{code}", "reseller-2"), trunk=f"LC-{1 + i % 4}")
    return Campaign(
        kind=before.kind,
        lines=max(2, before.lines // 2),
        start_h=start_h,
        code=code,
        numbers=min(20, before.numbers),
        turn=before.turn,
        pause_s=before.pause_s,
        customer=customer,
        way=before.way,
        leads=before.leads,
        closers=before.closers,
        techniques=before.techniques,
    )
