"""One action: what was decided about one target and what became of it; the record on `detector.actions`."""

import hashlib
from typing import Literal

import msgspec

from detector.sinks.contract import ACTIONS, OutRecord

SCHEMA = 1
VERBS = ("observe", "throttle", "re-verify", "suspend")
"""What an alert may ask for, mildest first."""
LIFT = "lift"
HARMLESS = ("observe", LIFT)
"""Verbs that take nothing from anybody: never capped, never undone."""

State = Literal["proposed", "ordered", "rehearsed", "ended"]
EndedBy = Literal["", "resolved", "expired", "operator"]
HeldBy = Literal["", "mode", "asserted", "listed", "lifted", "tenant_cap", "circuit_open"]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """How one receiver took it. endpoint: its host and port, never the whole address.

    state: pending, delivered, expired (given up), withdrawn (lifted before it arrived).
    answer: the last `webhook.Outcome`, empty before the first attempt.
    """

    endpoint: str
    state: str
    answer: str
    attempts: int


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One action at one moment. Times are UTC epoch ms of the wall clock; null = not (yet).

    `revision` rises with every change: consumers ignore one that is not above the one they have.
    state: proposed (waits for a person), ordered (the receivers were told), rehearsed (dry run: told, marked,
    and nothing asked of them), ended (undone, run out or withdrawn: `ended_by`).
    held_by: why a person must agree first (in a rehearsal: would have to); empty = nobody must.
    """

    schema: int = SCHEMA
    action_id: str
    revision: int = 1
    alert_id: str
    alert_revision: int
    kind: str
    verb: str
    scope: str
    target: str
    tenant: str | None = None
    dryrun: bool
    state: State
    held_by: HeldBy = ""
    why: str
    ttl_s: int
    decided_ms: int
    ordered_ms: int | None = None  # in a rehearsal: when it would have been ordered without asking a person
    expires_ms: int
    ended_ms: int | None = None
    ended_by: EndedBy = ""
    author: str | None = None  # the person who approved, lifted or declined it
    lifts: str | None = None  # of a lift: the action it undoes
    deliveries: tuple[Delivery, ...] = ()

    @property
    def in_force(self) -> bool:
        """Was it sent out and not ended? Lifts and observations are never in force: they take nothing."""
        return self.state in ("ordered", "rehearsed") and self.verb not in HARMLESS

    @property
    def mode(self) -> str:
        """How it came about, as metrics count it: dry-run, approve (a person agrees first), auto."""
        if self.dryrun:
            return "dry-run"
        return "approve" if self.held_by else "auto"


def action_id(alert_id: str, verb: str, target: str, ordinal: int, dryrun: bool) -> str:
    """The name of an action: the same on every retry and after every crash. ordinal: which of its kind, from 0.

    A rehearsal has a name of its own, so that a receiver which saw it does not take the order for a repeat.
    """
    text = f"{alert_id}\n{verb}\n{target}\n{ordinal}\n{'dry-run' if dryrun else ''}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def rank(verb: str) -> int:
    """How hard a verb is, 0 = mildest; -1 for words that are no verb of an alert."""
    return VERBS.index(verb) if verb in VERBS else -1


def encode(action: Action) -> bytes:
    """The action as one line of JSON."""
    return msgspec.json.encode(action)


_decoder = msgspec.json.Decoder(Action)


def decode(value: bytes | str) -> Action:
    """Read an action back; fields of newer programs are ignored. Raises msgspec.DecodeError."""
    return _decoder.decode(value)


def record(action: Action) -> OutRecord:
    """The action on its way to `detector.actions`, keyed by its target."""
    return OutRecord(ACTIONS, action.target, encode(action))
