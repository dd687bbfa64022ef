"""Complaints of a replay: taken out of a file at their minute, and what became of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec

from detector.decode.deadletter import letter
from detector.entities.complaint_rates import rates
from detector.errors import InputError
from detector.feedback.calendar import Asked, next_minute
from detector.feedback.request import LARGEST_COMPLAINT, BadRequest, Complaint, read
from detector.replay.complaint_leads import HOUR_S, Lead
from detector.shard import Shard
from detector.sinks.contract import DEAD_LETTER, OutRecord

MOST_RATES = 20


class RateTold(msgspec.Struct, frozen=True, kw_only=True):
    """Complainants and answered calls of the last days at the end of the run, older ones counting half after three."""

    complainants: float
    answered: float
    per_10k: float


class ComplaintSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The complaints in summary.json.

    read, rejected     lines of the file; the rejected are dead letters
    matched, unmatched whether a call was found that is probably meant, of those whose minute came
    waiting            made after the last call
    overwritten        answered calls that gave way to newer ones within three days: raise state.heard_calls
    forgotten          complaints that gave way to newer ones within a week: raise state.complaints
    alerts             alerts somebody complained of; `alert_first` of them opened before the first complaint
    median_lead_h      from an alert's opening to its first complaint, hours; null = of none
    per_10k            tenant, block -> name -> rate, those with the most complainants
    """

    read: int
    rejected: int
    matched: int
    unmatched: int
    waiting: int
    overwritten: int
    forgotten: int
    alerts: int
    alert_first: int
    median_lead_h: float | None
    per_10k: dict[str, dict[str, RateTold]]

    def as_text(self) -> str:
        """One line for a terminal."""
        lead = "" if self.median_lead_h is None else f", by {self.median_lead_h:.1f} h in the middle"
        return (
            f"complaints: {self.read:,}, {self.matched:,} with a call they probably mean, {self.rejected:,} rejected,"
            f" {self.waiting:,} made after the last call;"
            f" {self.alert_first} of {self.alerts} alerts complained of were first{lead}"
        )


@dataclass(slots=True)
class Taken:
    """What a file of complaints came to."""

    read: int
    dead: list[OutRecord]


def take(file: Path, shard: Shard) -> Taken:
    """Let every complaint of a file (NDJSON, any order) wait for its minute; what cannot be read is a dead letter.

    Raises InputError when the file cannot be read.
    """
    asked: dict[str, Asked] = {}
    taken = Taken(0, [])
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(_bounded(lines), 1):
                taken.read += 1
                try:
                    request = read(line.rstrip(b"\r\n"))
                    if not isinstance(request, Complaint):
                        raise BadRequest("bad_value", "no complaint")
                    asked.setdefault(request.feedback_id, Asked(next_minute(request.at_ms), number, request))
                except BadRequest as error:
                    place = f"{file.name}:{number}"
                    value = letter(error.reason, f"{place} $", str(error), line)
                    taken.dead.append(OutRecord(DEAD_LETTER, place, value))
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; name a file that can be read") from None
    for one in asked.values():
        shard.calendar.enter(one)
    return taken


def _bounded(lines: Iterable[bytes]) -> Iterable[bytes]:
    """Lines as they are, longer ones cut: enough of them to be refused for their length."""
    return (line[: 2 * LARGEST_COMPLAINT] for line in lines)


def summary(shard: Shard, taken: Taken, told: Sequence[Lead]) -> ComplaintSummary:
    """What became of the complaints."""
    complaints = shard.roll_ups.complaints
    middle = round(median(one.lead_s for one in told) / HOUR_S, 2) if told else None
    return ComplaintSummary(
        read=taken.read,
        rejected=len(taken.dead),
        matched=complaints.matched,
        unmatched=complaints.unmatched,
        waiting=len(shard.calendar),
        overwritten=complaints.overwritten,
        forgotten=complaints.forgotten,
        alerts=len(told),
        alert_first=sum(one.lead_s > 0 for one in told),
        median_lead_h=middle,
        per_10k={kind: _rates(shard, kind) for kind in ("tenant", "block")},
    )


def _rates(shard: Shard, kind: str) -> dict[str, RateTold]:
    told = {}
    for rate in rates(shard.roll_ups, kind)[:MOST_RATES]:
        entity = shard.roll_ups.entity((kind, rate.id))
        if entity is not None:
            told[shard.entity_episodes.text_of(entity)] = RateTold(
                complainants=round(rate.complainants, 2),
                answered=round(rate.answered, 1),
                per_10k=round(rate.per_10k, 2),
            )
    return told
