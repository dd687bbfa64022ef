"""How much may be done in an hour, and the circuit breaker that hands everything to people when it is too much."""

from dataclasses import dataclass
from typing import Literal

from detector.config import Hooks

HOUR_MS = 3_600_000

Limit = Literal["", "tenant_cap", "circuit_open"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What was ordered within the last hour: by all, for this tenant; and when the breaker last opened."""

    total: int
    tenant: int
    opened_ms: int | None


def limit(usage: Usage, settings: Hooks, now_ms: int) -> Limit:
    """What stands against one more action without asking a person; empty = nothing.

    The breaker opens when the cap of the hour is used up and stays open for an hour, whatever becomes free.
    """
    if is_open(usage.opened_ms, now_ms) or usage.total >= settings.max_actions_per_hour:
        return "circuit_open"
    if usage.tenant >= settings.max_actions_per_tenant_per_hour:
        return "tenant_cap"
    return ""


def is_open(opened_ms: int | None, now_ms: int) -> bool:
    """Is the breaker open? opened_ms: when it last opened; null = never."""
    return opened_ms is not None and now_ms - opened_ms < HOUR_MS
