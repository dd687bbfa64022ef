"""What an alert says beside its reasons: kind, harm, counterfactual, the action it proposes."""

import math

import numpy as np
from numpy.typing import NDArray

from detector.alert.revision import ACTION_TTL_S, HARM_MIN, EvidenceCall, ProposedAction, Reason
from detector.cdr.batch import PARTY_CALLEE, PARTY_CALLER, PARTY_NETWORK
from detector.features.catalog import FAMILIES
from detector.features.kernels.layout import FIRST_TIME, KEPT, PARTY_SHIFT
from detector.numbering.plan import NumberPlan
from detector.score.reasons import Behaviour

REASON_NATS = 2.0
VOLUME = {family.name for family in FAMILIES if family.group == "volume"}
UNUSUAL = "unusual_shape"
_PARTIES = {PARTY_CALLER: "caller", PARTY_CALLEE: "callee", PARTY_NETWORK: "network"}


def kind_of(reasons: tuple[Reason, ...], seen: Behaviour, was: str | None) -> str:
    """The kind follows from which families carry the score; `was`: of the revision before, None = this is the first.

    Where neither a script nor how many new people it calls carries it, it is no dialing that a NOC knows: unusual, for
    information. Once accused, a line stays accused.
    """
    carried = {reason.family: reason.share for reason in reasons if reason.share >= REASON_NATS}
    if "short" in carried and carried["short"] >= carried.get("script", 0.0):
        return "wangiri"
    if "targeting" in carried:
        return "enumeration"
    if "script" in carried:
        return "ai_robocall"
    if _carries_others_calls(seen):
        return "no_inbound_gateway"
    volume = sum(reason.share for reason in reasons if reason.family in VOLUME)
    return "mass_dialing" if volume >= REASON_NATS or was not in (None, UNUSUAL) else UNUSUAL


def _carries_others_calls(seen: Behaviour) -> bool:
    """Other people's conversations: answered as ever, long, and nobody ever calls in (SIM box)."""
    if seen.calls < 20 or seen.callbacks or seen.answered < 0.5 * seen.calls:
        return False
    return seen.shown.talked_ms >= 45_000


def harm_of(seen: Behaviour, now_ms: int) -> float:
    """People the line will newly reach in the next 30 minutes at its present rate: strangers who answered lately.

    The rate is taken over the kept calls of the last hour, at least one minute of them.
    """
    if not seen.shown.reached:
        return 0.0
    minutes = max((now_ms - seen.shown.reached_from_ms) / 60_000, 1.0)
    return round(seen.shown.reached / minutes * HARM_MIN, 1)


def counterfactual_of(score: float, threshold: float, reasons: tuple[Reason, ...], callback_nats: float) -> str:
    """What would have to be otherwise for the line to stay under the threshold."""
    over = score - threshold
    if over < 0:
        return f"The score is {-over:.1f} nats under the threshold of {threshold:.1f} now."
    people = math.ceil((over + 0.01) / -callback_nats) if callback_nats < 0 else 0
    alone = [reason.family for reason in reasons if reason.share > over]
    without = f"Without {' or without '.join(alone[:3])} it would not alert" if alone else "No single family decides it"
    return f"{without}; {people} more people calling back would bring it under {threshold:.1f}."


def action_of(kind: str, severity: str, entity: str, authenticated: bool) -> ProposedAction | None:
    """The narrowest thing that stops the harm: the line itself, harder when it is surer; None where nothing is."""
    if kind == UNUSUAL:
        return None
    if not authenticated:
        verb, why = "re-verify", "the calling number is only asserted; suspending it could hit its rightful holder"
    elif severity == "critical":
        verb, why = "suspend", f"the network vouches for this line, and {kind.replace('_', ' ')} is beyond doubt"
    else:
        verb, why = "throttle", "slows the dialing while somebody looks; ordinary use of the line goes on"
    return ProposedAction(scope="line", target=entity, verb=verb, ttl_s=ACTION_TTL_S, why=why)


def evidence_calls(kept: NDArray[np.void], most: int, plan: NumberPlan) -> tuple[EvidenceCall, ...]:
    """The newest kept calls, newest first, callees masked."""
    newest = kept[::-1][:most]
    setups, keys, rings, talks, _, causes, flags = (newest[name] for name in KEPT.names or ())
    columns = (
        setups.tolist(),
        [(ms + 50) // 100 / 10 if ms >= 0 else None for ms in rings.tolist()],
        [(ms + 50) // 100 / 10 if ms >= 0 else None for ms in talks.tolist()],
        [cause if cause >= 0 else None for cause in causes.tolist()],
        [_PARTIES.get(party) for party in (flags >> PARTY_SHIFT).tolist()],
        plan.masks(keys),
        (flags & FIRST_TIME != 0).tolist(),
    )
    return tuple(map(EvidenceCall, *columns))  # by column: 40 us for 32 calls, call by call 90
