"""The first and the last revision of every alert above lines."""

from typing import Any

import msgspec

from detector.alert.revision import Alert, Versions, alert_id


def notice(
    kind: str,
    entity_kind: str,
    entity: str,
    low_hash: int,
    first_ms: int,
    versions: Versions,
    about: str = "",
    **named: Any,
) -> Alert:
    """Revision 0, never written: what does not change while the episode lasts. named: further fields of Alert.

    about  sets an episode's id apart from that of another episode of the same entity: a rule, a kind
    """
    alert = Alert(
        alert_id=alert_id(entity_kind, f"{entity}\n{about}" if about else entity, low_hash, first_ms),
        revision=0,
        kind=kind,
        entity_kind=entity_kind,
        entity=entity,
        state="open",
        severity="warning",
        raised_at_ms=0,
        updated_at_ms=0,
        first_call_ms=first_ms,
        last_call_ms=first_ms,
        calls=0,
        answered=0,
        distinct_callees=0,
        score=0.0,
        threshold=0.0,
        reasons=(),
        counterfactual="",
        harm=0.0,
        evidence=(),
        versions=versions,
        position="",
    )
    return msgspec.structs.replace(alert, **named)


def resolved(alert: Alert, at_ms: int, position: str) -> Alert:
    """The last revision."""
    return msgspec.structs.replace(
        alert,
        revision=alert.revision + 1,
        state="resolved",
        resolved_at_ms=at_ms,
        updated_at_ms=at_ms,
        proposed_action=None,
        position=position,
    )
