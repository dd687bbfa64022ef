"""The alert as the rest of the world sees it: one revision of one episode, flat JSON."""

import hashlib

import msgspec

SCHEMA = 1
KINDS = (
    "mass_dialing",
    "ai_robocall",
    "wangiri",
    "enumeration",
    "no_inbound_gateway",
    "call_bombing",
    "number_rotation",
    "flood",
    "handover",
    "moved_operation",
    "rule_violation",
    "unusual_shape",
)
ENTITY_KINDS = ("line", "number", "block", "tenant", "trunk", "holder", "destination", "callee")
STATES = ("open", "resolved")
HARM_MIN = 30
"""An alert's harm is how many people it will newly reach in so many minutes at its present rate."""

ACTION_TTL_S = 3600
"""A proposed action holds so long."""

SEVERITIES = ("info", "warning", "critical")


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why: one family's part of the score, in a NOC's words.

    share is in nats (natural-log likelihood ratio); value and usual carry the unit of `feature`.
    """

    family: str
    feature: str
    value: float
    usual: float
    share: float
    text: str


class EvidenceCall(msgspec.Struct, frozen=True):
    """One kept call behind an alert. Callees are masked: prefix and keyed hash. Null = unknown."""

    setup_ms: int
    ring_s: float | None
    talk_s: float | None
    release_cause: int | None
    release_party: str | None
    callee: str
    first_time: bool


class Complained(msgspec.Struct, frozen=True, kw_only=True):
    """A complaint that may mean a call of the entity. Times UTC epoch ms.

    at_ms, setup_ms     when it was made, and when the call it most probably means was set up
    complainant         masked, as callees are
    number, text        as heard and as written by the complainant: never trusted, shortened
    share               probability that a call of the entity is meant
    """

    at_ms: int
    setup_ms: int
    complainant: str
    number: str
    share: float
    text: str


class ProposedAction(msgspec.Struct, frozen=True, kw_only=True):
    """The narrowest thing that would stop the harm. verb: observe, throttle, re-verify, suspend."""

    scope: str
    target: str
    verb: str
    ttl_s: int
    why: str


class Linked(msgspec.Struct, frozen=True, kw_only=True):
    """An entity that an alert belongs to without being part of it: who probed the people it talks to, whose contact
    list it works through, over whose trunk its callers come."""

    entity_kind: str
    entity: str


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """What judged: hashes of configuration and model, and the program's version."""

    config: str
    model: str
    code: str


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of one episode of one entity. Times are UTC epoch ms; null = unknown or not yet.

    Every consumer ignores a revision that is not above the one it has for the same alert_id.
    """

    schema: int = SCHEMA
    alert_id: str
    revision: int
    kind: str
    entity_kind: str
    entity: str
    line: str | None = None
    number: str | None = None
    block: str | None = None
    tenant: str | None = None
    resellers: tuple[str, ...] = ()
    trunk: str | None = None
    holder: str | None = None
    linked: tuple[Linked, ...] = ()  # the nearest first; the tree of stories hangs it there
    authenticated: bool = False  # the network vouches for the entity (line_id, trunk), nobody merely asserted it
    state: str
    severity: str
    raised_at_ms: int
    updated_at_ms: int
    first_call_ms: int
    last_call_ms: int
    resolved_at_ms: int | None = None
    calls: int
    answered: int
    distinct_callees: int
    score: float
    threshold: float
    reasons: tuple[Reason, ...]
    counterfactual: str
    harm: float
    proposed_action: ProposedAction | None = None
    members: tuple[str, ...] = ()
    member_count: int = 0
    evidence: tuple[EvidenceCall, ...]
    complaints: tuple[Complained, ...] = ()  # the newest few of them
    muted: tuple[str, ...] = ()  # families the feed cannot carry
    versions: Versions
    position: str


def alert_id(entity_kind: str, entity: str, opening_call_hash: int, opening_release_ms: int) -> str:
    """The name of an episode: the same calls in the same order give the same name, everywhere."""
    text = f"{entity_kind}\n{entity}\n{opening_call_hash}\n{opening_release_ms}"
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def encode(alert: Alert) -> bytes:
    """The revision as one line of JSON."""
    return msgspec.json.encode(alert)


_decoder = msgspec.json.Decoder(Alert)


def decode(value: bytes) -> Alert:
    """Read a revision back; fields of newer programs are ignored. Raises msgspec.DecodeError."""
    return _decoder.decode(value)
