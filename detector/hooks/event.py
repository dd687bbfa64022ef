"""The body of a webhook: a CloudEvents object in JSON, below 20 kB, the same bytes on every retry."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from detector.alert.revision import Alert
from detector.hooks.action import Action
from detector.hooks.never import EMERGENCY

SOURCE = "cdr-detector/hooks"
TEST_TYPE = "detector.test.v1"
LARGEST_BODY = 20_000
_LONGEST_TEXT = 256
_NAMES = ["entity_kind", "entity", "line", "number", "block", "tenant", "trunk", "holder"]
_WORDS = ["kind", "severity", "state", "counterfactual"]
_FIGURES = ["revision", "calls", "answered", "distinct_callees", "score", "threshold", "harm", "authenticated"]
_TIMES = ["raised_at_ms", "updated_at_ms", "first_call_ms", "last_call_ms"]
_DRY_RUN = "DRY RUN: a rehearsal, nothing is asked of you"


def order_event(action: Action, alert: Alert | None) -> bytes:
    """An order, a rehearsal or a lift, with the alert behind it where that is still known.

    Evidence and then reasons are left out where the body would pass 20 kB; the target is never shortened.
    """
    for reasons, calls in ((8, 8), (8, 0), (0, 0)):
        body = _body(action, _about(alert, reasons, calls))
        if len(body) < LARGEST_BODY:
            break
    return body


def trial_event(event_id: str, now_ms: int) -> bytes:
    """What `detector hooks test` sends: like an order in form, about nobody, and marked as a dry run."""
    about = {"dryrun": True, "note": "a test of the connection and the signature"}
    return _envelope(event_id, TEST_TYPE, "test", now_ms, True, about)


def _body(action: Action, alert: dict[str, Any] | None) -> bytes:
    data = {
        "action_id": action.action_id,
        "verb": action.verb,
        "scope": action.scope,
        "target": action.target,
        "dryrun": action.dryrun,
        "note": _DRY_RUN if action.dryrun else "",
        "why": _text(action.why),
        "ttl_s": action.ttl_s,
        "expires_at": utc(action.expires_ms),
        "expires_at_ms": action.expires_ms,
        "keep_open": EMERGENCY,
        "lifts": action.lifts,
        "held_by": action.held_by,
        "approved_by": _text(action.author),
        "alert_id": action.alert_id,
        "alert": alert,
    }
    kind = f"detector.{action.scope}.{action.verb}.v1"
    subject = f"{action.scope}/{action.target}"
    return _envelope(action.action_id, kind, subject, action.decided_ms, action.dryrun, data)


def _envelope(event_id: str, kind: str, subject: str, at_ms: int, dryrun: bool, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": event_id,
            "source": SOURCE,
            "type": kind,
            "subject": subject,
            "time": utc(at_ms),
            "datacontenttype": "application/json",
            "dryrun": dryrun,
            "data": data,
        }
    )


def _about(alert: Alert | None, reasons: int, calls: int) -> dict[str, Any] | None:
    if alert is None:
        return None
    about = {name: getattr(alert, name) for name in (*_FIGURES, *_TIMES)}
    about |= {name: _text(getattr(alert, name)) for name in (*_NAMES, *_WORDS)}
    about["reasons"] = [
        {"family": _text(r.family), "share": r.share, "text": _text(r.text)} for r in alert.reasons[:reasons]
    ]
    about["evidence"] = [
        {"setup_ms": c.setup_ms, "talk_s": c.talk_s, "release_cause": c.release_cause, "callee": _text(c.callee)}
        for c in alert.evidence[:calls]
    ]
    return about


def utc(at_ms: int) -> str:
    """RFC 3339, UTC, to the millisecond."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(value: str | None) -> str | None:
    """Text for people: bounded, on one line, printable."""
    if value is None:
        return None
    return "".join(c if c.isprintable() else " " for c in value[:_LONGEST_TEXT])
