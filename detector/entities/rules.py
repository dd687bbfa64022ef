"""Calls that the numbering rules forbid, whatever their behaviour: deterministic, with the paragraph they come from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.cdr.batch import CdrBatch
from detector.entities.kernels.layout import FOREIGN_TRUNK, INBOUND_ONLY, INVALID_CALLER, RULES, UNASSIGNED
from detector.numbering.plan import NumberClass, NumberPlan
from detector.numbering.registry import Registry


@dataclass(frozen=True, slots=True)
class Rule:
    """What is forbidden, in a NOC's words, and by what."""

    name: str
    text: str  # `{calls}` calls broke it
    source: str


TOLD: tuple[Rule, ...] = (
    Rule(
        "inbound_only",
        "{calls} calls came from a code that may only be called",
        "MIIT [2020]81: access numbers of call centres are in principle inbound only",
    ),
    Rule(
        "foreign_trunk",
        "{calls} calls came in on a trunk that is not the holder's",
        "Anti-Telecom-Fraud Law, art. 13: true caller numbers; MIIT [2020]81: codes are not rented out",
    ),
    Rule(
        "invalid_caller",
        "{calls} calls showed a number that no plan knows: wrong length or unknown code",
        "MIIT [2020]81: the length of a code may not be changed",
    ),
    Rule(
        "unassigned",
        "{calls} calls showed a code that is assigned to nobody, or is no longer",
        "MIIT [2020]81: codes are used by their holder, within their validity",
    ),
)
"""In the order of layout.INBOUND_ONLY ..."""

GRACE_MS = 24 * 3_600_000
"""A code that is not valid yet, or no longer, breaks no rule for so long: provisioning lags behind."""

_CODES = (NumberClass.SERVICE_95, NumberClass.SERVICE_96, NumberClass.SERVICE_400)


class Rules:
    """Which rules each call of a batch breaks."""

    def __init__(self, registry: Registry, plan: NumberPlan) -> None:
        blocks = registry.blocks
        self._inbound_only = np.array(
            [
                block.outbound_allowed is False
                or (block.outbound_allowed is None and block.declared_purpose == "inbound_hotline")
                for block in blocks
            ],
            bool,
        )
        self._begin = np.array([(block.valid_from_ms or 0) - GRACE_MS for block in blocks], np.int64)
        never = np.iinfo(np.int64).max
        self._end = np.array(
            [never if block.valid_to_ms is None else block.valid_to_ms + GRACE_MS for block in blocks], np.int64
        )
        trunks = [plan.text_keys(sorted(set(block.trunks))) for block in blocks]
        most = max((len(keys) for keys in trunks), default=0)
        self._trunks = np.zeros((len(blocks), most), np.uint64)
        for i, keys in enumerate(trunks):
            self._trunks[i, : len(keys)] = keys

    def broken(self, batch: CdrBatch, blocks: NDArray[np.int32]) -> NDArray[np.uint8]:
        """uint8[n], bit k: rule k is broken. blocks: registry place of each caller's number, -1 = none."""
        calls = batch.calls
        out = np.zeros(len(calls), np.uint8)
        out |= (calls["number_class"] == NumberClass.INVALID).astype(np.uint8) << INVALID_CALLER
        known = np.flatnonzero(blocks >= 0)
        if not len(known):
            return out
        block, release_ms = blocks[known], calls["release_ms"][known]
        valid = (self._begin[block] <= release_ms) & (release_ms < self._end[block])
        trunk = calls["trunk_in_key"][known]
        own = self._trunks[block]
        foreign = (trunk != 0) & (own != 0).any(axis=1) & ~(own == trunk[:, None]).any(axis=1)
        against = {INBOUND_ONLY: self._inbound_only[block] & valid, FOREIGN_TRUNK: foreign & valid, UNASSIGNED: ~valid}
        for rule, breaks in against.items():
            out[known] |= breaks.astype(np.uint8) << rule
        return out


assert len(TOLD) == RULES
