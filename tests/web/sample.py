"""Alerts as the detector writes them: realistic figures, any field can be set."""

import itertools
from typing import Any

import msgspec

from detector.alert.revision import Alert, EvidenceCall, ProposedAction, Reason, Versions, alert_id, encode
from detector.sinks.contract import ALERTS, STATUS, OutRecord
from detector.status import Status

NOW_MS = 1_795_510_800_000  # 2026-11-24 09:00 UTC
MINUTE_MS = 60_000
VERSIONS = Versions(config="9c01d2ab", model="evidence-3f20aa17", code="0.1.0")

REASONS = (
    Reason(
        family="novelty",
        feature="new_callees",
        value=39,
        usual=3.2,
        share=7.4,
        text="39 of 41 calls went to people this line never called before (usual 3 of 41)",
    ),
    Reason(
        family="script",
        feature="talk_spread_s",
        value=3.1,
        usual=96,
        share=6.2,
        text="answered calls end after 21 to 24 s, as a recording does (usual spread 96 s)",
    ),
    Reason(
        family="pace",
        feature="gap_s",
        value=42,
        usual=5400,
        share=4.9,
        text="a new person every 42 s (usual every 90 min)",
    ),
    Reason(
        family="answer",
        feature="unanswered",
        value=0.71,
        usual=0.28,
        share=1.8,
        text="71 % of new people did not answer (usual 28 %)",
    ),
    Reason(
        family="reciprocity",
        feature="called_back",
        value=1,
        usual=2.0,
        share=-1.5,
        text="1 person called back, which speaks for the line",
    ),
)


def calls(last_ms: int, count: int = 24, gap_s: float = 42.0) -> tuple[EvidenceCall, ...]:
    """Calls of a scripted dialer, newest first, the last at `last_ms`."""
    made = []
    for i in range(count):
        answered = i % 3 == 1
        made.append(
            EvidenceCall(
                setup_ms=last_ms - round((count - 1 - i) * gap_s * 1000) - (i * 7919) % 9000,
                ring_s=6.0 + i % 5 if answered else 22.0 + i % 3,
                talk_s=21.0 + (i * 5 % 13) / 4 if answered else None,
                release_cause=16 if answered else 19,
                release_party="callee" if answered else "caller",
                callee=f"1390{i % 10}··{(i * 2654435761) % 0xFFFFFF:06x}",
                first_time=i % 11 != 5,
            )
        )
    return tuple(reversed(made))


def alert(entity: str = "95275000017", **fields: Any) -> Alert:
    """One revision of an alert; without more, a scripted dialer found 24 minutes ago."""
    entity_kind = fields.get("entity_kind", "line")
    raised_at_ms = fields.get("raised_at_ms", NOW_MS - 24 * MINUTE_MS)
    last_call_ms = fields.get("last_call_ms", NOW_MS - MINUTE_MS)
    usual: dict[str, Any] = {
        "alert_id": alert_id(entity_kind, entity, 7, raised_at_ms),
        "revision": 1,
        "kind": "mass_dialing",
        "entity_kind": entity_kind,
        "entity": entity,
        "line": entity if entity_kind == "line" else None,
        "number": "95275000" if entity_kind == "line" else None,
        "block": "952750",
        "tenant": "tenant-041",
        "trunk": "TG-SC-07",
        "holder": "Nantong Hengrui Telecom",
        "authenticated": True,
        "state": "open",
        "severity": "critical",
        "raised_at_ms": raised_at_ms,
        "updated_at_ms": last_call_ms,
        "first_call_ms": raised_at_ms - 6 * MINUTE_MS,
        "last_call_ms": last_call_ms,
        "calls": 41,
        "answered": 12,
        "distinct_callees": 39,
        "score": 18.8,
        "threshold": 13.0,
        "reasons": REASONS,
        "counterfactual": "would not alert if 4 of the people it called had called back",
        "harm": 36.4,
        "proposed_action": ProposedAction(
            scope=entity_kind, target=entity, verb="suspend", ttl_s=3600, why="stops all of it and touches nobody else"
        ),
        "evidence": calls(last_call_ms),
        "versions": VERSIONS,
        "position": "cdr[3]@99120",
    }
    return Alert(**{**usual, **fields})


def landing(*alerts: Alert) -> list[OutRecord]:
    """The records that carry these revisions."""
    return [OutRecord(ALERTS, made.entity, encode(made)) for made in alerts]


_tick = itertools.count(1)


def status(**fields: Any) -> Status:
    """A detector that lives and sees calls; later calls of this function are newer."""
    usual: dict[str, Any] = {
        "instance": "noc-1",
        "wall_ms": NOW_MS + next(_tick),
        "started_ms": NOW_MS - 180 * MINUTE_MS,
        "phase": "live",
        "newest_release_ms": NOW_MS - 3_000,
        "watermark_ms": NOW_MS - 63_000,
        "calls": 1_284_311,
        "rejected": 12,
        "lag": 0,
        "open_alerts": 3,
        "lines": 48_211,
        "muted": (),
    }
    return Status(**{**usual, **fields})


def telling(made: Status) -> OutRecord:
    """The record that carries a status."""
    return OutRecord(STATUS, made.instance, msgspec.json.encode(made))
