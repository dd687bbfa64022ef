"""Alerts, settings and landed records for the hooks' tests."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from detector.alert.revision import Alert, EvidenceCall, ProposedAction, Reason, Versions, encode
from detector.config import Hooks
from detector.hooks.action import Action
from detector.hooks.never import NeverList
from detector.landed.contract import Landed
from detector.sinks.contract import ALERTS, FEEDBACK, OutRecord

T0 = 1_795_510_800_000  # 2026-11-24 09:00 UTC
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER_SECRET = "whsec_" + "A" * 32
APPROVALS = b"sixteen bytes or more"
SETTINGS = Hooks(mode="auto", ttl_s=600)


def asks(verb: str = "suspend", scope: str = "line", target: str = "sip:0451", ttl_s: int = 0) -> ProposedAction:
    return ProposedAction(scope=scope, target=target, verb=verb, ttl_s=ttl_s, why="dials strangers by script")


def alert(**changes: Any) -> Alert:
    """A line that the network vouches for and that should be suspended; any field can be set."""
    fields: dict[str, Any] = {
        "alert_id": "a1",
        "revision": 1,
        "kind": "mass_dialing",
        "entity_kind": "line",
        "entity": "sip:0451",
        "line": "sip:0451",
        "number": "95275012",
        "tenant": "tenant-7",
        "trunk": "north-2",
        "authenticated": True,
        "state": "open",
        "severity": "critical",
        "raised_at_ms": T0,
        "updated_at_ms": T0,
        "first_call_ms": T0 - 600_000,
        "last_call_ms": T0,
        "calls": 41,
        "answered": 12,
        "distinct_callees": 39,
        "score": 17.5,
        "threshold": 13.0,
        "reasons": (
            Reason(
                family="novelty", feature="new", value=39, usual=3, share=7.4, text="39 of 41 calls went to strangers"
            ),
        ),
        "counterfactual": "would not alert if a third of them had called back",
        "harm": 43.0,
        "proposed_action": asks(),
        "evidence": (
            EvidenceCall(
                setup_ms=T0 - 42_000,
                ring_s=8.0,
                talk_s=22.0,
                release_cause=16,
                release_party="callee",
                callee="1381234****#a1b2c3d4",
                first_time=True,
            ),
        ),
        "versions": Versions(config="c", model="m", code="0.1.0"),
        "position": "cdr[0]@41",
    }
    return Alert(**(fields | changes))


def action(target: str = "sip:0451", why: str = "") -> Action:
    return Action(
        action_id="0af1",
        alert_id="a1",
        alert_revision=1,
        kind="mass_dialing",
        verb="suspend",
        scope="line",
        target=target,
        dryrun=False,
        state="ordered",
        why=why,
        ttl_s=600,
        decided_ms=T0,
        expires_ms=T0 + 600_000,
    )


def landed(alerts: Sequence[Alert], start: int = 0) -> list[Landed]:
    """As the alerts topic hands them out, from this offset."""
    return [Landed(ALERTS, a.entity, encode(a), 0, start + i + 1) for i, a in enumerate(alerts)]


def ordered(*records: OutRecord) -> list[Landed]:
    """As the feedback topic hands them out."""
    return [Landed(FEEDBACK, r.key, r.value, 0, i + 1) for i, r in enumerate(records)]


def plain(name: str) -> str:
    """A plan that knows +86 only."""
    return name.removeprefix("+86").replace(" ", "")


def never(*entries: str) -> NeverList:
    return NeverList(entries, plain)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.ms = T0

    def __call__(self) -> int:
        return self.ms


class MemorySink:
    """Keeps what was sent; `records` holds what was flushed."""

    def __init__(self) -> None:
        self.records: list[OutRecord] = []
        self._sent: list[OutRecord] = []

    def send(self, records: Sequence[OutRecord]) -> None:
        self._sent.extend(records)

    def flush(self) -> None:
        self.records += self._sent
        self._sent = []

    def close(self) -> None:
        self.flush()


def until(condition: Callable[[], object], limit_s: float = 60) -> None:
    """Wait for something that happens in another thread or process; fail when it does not."""
    give_up = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.02)
