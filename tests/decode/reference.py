"""The slow obvious twins of the decoding kernels."""

from collections.abc import Sequence

from detector.cdr.batch import CAUSE_UNKNOWN, NEVER_MS, CallRecord
from detector.numbering.plan import NumberPlan
from tests.numbering.reference import siphash, text_key

HOUR_MS = 3_600_000


def row(call: CallRecord, plan: NumberPlan) -> dict[str, int]:
    """What the columns of a call hold, but for its place."""
    k0, k1 = int(plan.k0), int(plan.k1)
    line_key, callee_key = plan.key(call.line), plan.key(call.b_number)
    if call.call_id:
        key = line_key ^ call.setup_ms * 0x9E3779B97F4A7C15 % 2**64
        call_hash = siphash(call.call_id.encode(), key, callee_key)
    else:
        parts = (line_key, callee_key, call.setup_ms, call.release_ms)
        call_hash = siphash(b"".join(part.to_bytes(8, "little") for part in parts), 0, 0)
    return {
        "setup_ms": call.setup_ms,
        "ring_ms": NEVER_MS if call.ring_ms is None else call.ring_ms,
        "answer_ms": NEVER_MS if call.answer_ms is None else call.answer_ms,
        "release_ms": call.release_ms,
        "line_key": line_key,
        "number_key": plan.key(call.number),
        "callee_key": callee_key,
        "call_hash": call_hash,
        "trunk_in_key": text_key(call.trunk_in or "", k0, k1),
        "trunk_out_key": text_key(call.trunk_out or "", k0, k1),
        "tenant_key": text_key(call.tenant or "", k0, k1),
        "release_cause": CAUSE_UNKNOWN if call.release_cause is None else call.release_cause,
        "release_party": (None, "caller", "callee", "network").index(call.release_party),
        "line_class": plan.classify(call.line),
        "number_class": plan.classify(call.number),
        "callee_class": plan.classify(call.b_number),
        "authenticated": call.line_id is not None,
    }


def verdicts(release_ms: Sequence[int], ahead_ms: int, behind_ms: int) -> list[str]:
    """Which calls of one stream are believed, and which are strays."""
    told: list[str] = []
    newest, confirmed, strays, side = 0, 0, list[int](), ""
    for at_ms in release_ms:
        if confirmed and at_ms > newest + ahead_ms:
            verdict = "ahead"
        elif confirmed and at_ms < newest - behind_ms:
            verdict = "behind"
        else:
            verdict = "believed"
        if verdict == "believed":
            newest, confirmed, strays = max(newest, at_ms), confirmed + 1, []
        else:
            together = [*strays, at_ms]
            agree = verdict == side and max(together) - min(together) <= HOUR_MS
            strays, side = together if agree else [at_ms], verdict
            if len(strays) == 10 and (verdict == "ahead" or confirmed < 10):
                newest, confirmed, strays, verdict = at_ms, 1, [], "believed"
        told.append(verdict)
    return told
