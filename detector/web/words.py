"""The page's words: kinds, causes and times as a NOC says them. Unknown words are shown as they came."""

from datetime import UTC, datetime

from detector.features.catalog import FAMILIES

KINDS = {
    "mass_dialing": "Mass dialing",
    "ai_robocall": "AI robocalls",
    "wangiri": "One-ring calls (wangiri)",
    "enumeration": "Dialing numbers in a row",
    "no_inbound_gateway": "Gateway without inbound calls (SIM box)",
    "call_bombing": "Call bombing",
    "number_rotation": "Rotating numbers",
    "flood": "Flood",
    "handover": "Robot probe, then a human",
    "moved_operation": "Operation moved here",
    "rule_violation": "Numbering rule broken",
    "unusual_shape": "Unusual, for information",
}

TROUBLES = {
    "clock_off": "Clock ahead of the others",
    "missing_unanswered": "Unanswered calls missing",
    "half_calls": "Calls in two halves",
    "late": "Late",
    "duplicated": "Sent twice",
    "silent": "Silent",
}
"""What can be wrong with the records of a trunk (features.feeds)."""

PLACES = {
    "queue": "in the queue",
    "silenced": "silenced",
    "absorbed": "part of a larger alert",
    "resolved": "resolved",
}

VERDICTS = {
    "dialer": "It is a mass dialer",
    "legitimate": "Legitimate traffic",
    "fault": "A fault in the network or the feed",
    "unsure": "Not sure",
}

VERBS = {
    "observe": "Observe",
    "throttle": "Throttle",
    "re-verify": "Verify again",
    "suspend": "Suspend",
    "lift": "Lift",
}

CAUSES = {
    1: "unallocated number",
    3: "no route",
    16: "normal clearing",
    17: "busy",
    18: "no response",
    19: "no answer",
    20: "absent",
    21: "rejected",
    27: "out of order",
    28: "invalid number",
    31: "normal, unspecified",
    34: "no circuit",
    38: "network out of order",
    41: "temporary failure",
    42: "congestion",
    44: "channel unavailable",
    102: "timer expired",
    127: "interworking",
}
"""Q.850 release causes in a few words."""

_UNITS = {family.name: family.unit for family in FAMILIES}
_DEFINITIONS = {family.name: family.definition for family in FAMILIES}

_LAST_MS = 253_402_300_799_000  # 9999-12-31


def words(value: str, known: dict[str, str]) -> str:
    """The words for a value; an unknown value with spaces for underscores."""
    return known.get(value) or value.replace("_", " ")


def cause(value: int | None) -> str:
    """`19 no answer`; "" when the feed did not say."""
    return "" if value is None else f"{value} {CAUSES.get(value, '')}".strip()


def moment(ms: int) -> str:
    """`2026-11-24 09:00:03 UTC`."""
    return f"{_utc(ms):%Y-%m-%d %H:%M:%S} UTC"


def clock(ms: int, now_ms: int) -> str:
    """`09:00 UTC` of the same day as `now_ms`, else with its date."""
    then, now = _utc(ms), _utc(now_ms)
    return f"{then:%H:%M} UTC" if then.date() == now.date() else f"{then:%Y-%m-%d %H:%M} UTC"


def iso(ms: int) -> str:
    """`2026-11-24T09:00:03Z`, for machines."""
    return f"{_utc(ms):%Y-%m-%dT%H:%M:%SZ}"


def age(span_ms: int) -> str:
    """A span in one figure: `3 s`, `12 min`, `5 h`, `3 days`."""
    seconds = max(0, span_ms) // 1000
    if seconds < 100:
        return f"{seconds} s"
    if seconds < 120 * 60:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{count(seconds // 86_400)} days"


def ago(ms: int, now_ms: int) -> str:
    """`12 min ago`; `now` for what runs a little ahead of the clock that tells."""
    return f"{age(now_ms - ms)} ago" if ms < now_ms else "now"


def count(value: float) -> str:
    """`12,000`."""
    return f"{value:,.0f}"


def figure(value: float) -> str:
    """A measured value in about three digits: `0.71`, `42`, `5,400`, `−1.5`."""
    size = abs(value)
    if size >= 100 or float(value).is_integer():
        return f"{value:,.0f}".replace("-", "−")
    return (f"{value:.1f}" if size >= 10 else f"{value:.2g}").replace("-", "−")


def measured(value: float, family: str) -> str:
    """A reason's value with the unit that the catalogue of features gives its family: `43 %`, `24 s`, `2`."""
    match _UNITS.get(family):
        case "ratio":
            return f"{figure(round(100 * value) if 0.1 <= abs(value) < 1e12 else 100 * value)} %"
        case "s" if abs(value) < 1e12:
            return age(round(value) * 1000)
        case _:
            return figure(value)


def definition(family: str) -> str:
    """What the family looks at, for those who ask; "" for an unknown one."""
    return _DEFINITIONS.get(family, "")


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(min(max(ms, 0), _LAST_MS) / 1000, UTC)
