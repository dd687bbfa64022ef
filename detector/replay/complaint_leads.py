"""complaints.csv of a run: which alerts were there before the first complaint, and by how long."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detector.alert.revision import Alert
from detector.errors import InputError
from detector.shard import Shard

COLUMNS = ("alert_id", "entity_kind", "entity", "opened_ms", "first_complaint_ms", "lead_s", "complainants")
HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Lead:
    """An alert somebody complained of. lead_s: from its opening to the first complaint; above 0 the alert was first."""

    alert: Alert
    first_complaint_ms: int
    lead_s: float
    complainants: float


def leads(shard: Shard, alerts: Sequence[Alert]) -> list[Lead]:
    """Of every alert somebody probably complained of, about a call since its first one and before its end."""
    found = []
    for alert in alerts:
        name = _name_of(shard, alert)
        account = shard.roll_ups.complaints.account(name) if name else None
        end_ms = alert.resolved_at_ms or shard.newest_ms
        times = [at for at, setup in account.first if alert.first_call_ms <= setup <= end_ms] if account else []
        if account and times:
            lead_s = (min(times) - alert.raised_at_ms) / 1000
            found.append(Lead(alert, min(times), lead_s, round(sum(account.people.values()), 1)))
    return found


def write_leads(told: Sequence[Lead], file: Path) -> None:
    """complaints.csv: one row an alert. Times UTC ms."""
    with file.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(COLUMNS)
        for one in told:
            alert = one.alert
            ids = (alert.alert_id, alert.entity_kind, alert.entity, alert.raised_at_ms)
            rows.writerow((*ids, one.first_complaint_ms, round(one.lead_s), one.complainants))


def read_leads(run: Path) -> dict[str, tuple[float, float]]:
    """alert_id -> (lead in seconds, complainants), as written; of a run without complaints: nothing."""
    try:
        with (run / "complaints.csv").open(newline="", encoding="utf-8") as file:
            return {row["alert_id"]: (float(row["lead_s"]), float(row["complainants"])) for row in csv.DictReader(file)}
    except FileNotFoundError:
        return {}
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{run}/complaints.csv cannot be read: {error}") from None


def told_by_people(leads: dict[str, tuple[float, float]], alert_id: str) -> list[str]:
    """Whether the alert or a complaint was first, in a sentence; none where nobody complained."""
    if alert_id not in leads:
        return []
    lead_s, complainants = leads[alert_id]
    people = f"About {max(round(complainants), 1):,} {'people' if complainants >= 1.5 else 'person'} complained"
    return [f"{people}, the first {abs(lead_s) / HOUR_S:.1f} h {'after' if lead_s >= 0 else 'before'} it opened."]


def _name_of(shard: Shard, alert: Alert) -> tuple[str, int] | None:
    """The entity of an alert as complaints know it; None = they do not speak about its kind."""
    roll_ups, kind = shard.roll_ups, alert.entity_kind
    if kind in ("line", "number"):
        return kind, shard.plan.key(alert.entity)
    if kind == "tenant":
        return kind, int(shard.plan.text_keys([alert.entity])[0])
    if kind == "block":
        places = [i for i, block in enumerate(roll_ups.registry.blocks) if block.block == alert.entity]
        return (kind, places[0] + 1) if places else None
    return (kind, roll_ups.holders.index(alert.entity) + 1) if kind == "holder" else None
