"""Complaints per 10,000 answered calls, entity by entity."""

from dataclasses import dataclass

from detector.entities.complaints import KINDS_TOLD
from detector.entities.reasons import complaint_rate
from detector.entities.roll_ups import RollUps

KINDS_RATED = KINDS_TOLD[1:]
"""Of a line the answered calls of the last days are not counted."""

LEAST_COMPLAINANTS = 3.0
"""With fewer a rate is noise."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Of one entity. complainants and answered calls of the last days, older ones counting half after three."""

    id: int
    complainants: float
    answered: float
    per_10k: float


def rates(roll_ups: RollUps, kind: str) -> list[Rate]:
    """Of every entity of a kind that somebody complained of within a week, the most complainants first."""
    found = []
    for name, _ in roll_ups.complaints.accounts(kind):
        row = roll_ups.entity(name)
        if row is not None:
            found.append(Rate(name[1], float(row["complainants"]), float(row["heard"]), complaint_rate(row)))
    return sorted(found, key=lambda rate: (-rate.complainants, rate.id))


def worst_rates(roll_ups: RollUps) -> dict[str, float]:
    """By kind, the highest rate of those with LEAST_COMPLAINANTS; 0 = of none."""
    return {
        kind: max((one.per_10k for one in rates(roll_ups, kind) if one.complainants >= LEAST_COMPLAINANTS), default=0.0)
        for kind in KINDS_RATED
    }
