"""What complaints do to a shard: the calls they may mean, and what their number adds to scores."""

import numpy as np

from detector import metrics
from detector.entities.complaints import KINDS_TOLD, Complaints, Name
from detector.entities.kernels.layout import MINUTE_MS
from detector.entities.kernels.told import told
from detector.entities.matching import Complaint, Match
from detector.entities.roll_ups import RollUps
from detector.features.kernels.index import find
from detector.features.kernels.layout import MILLI, TOLD_UNIT, Tables
from detector.feedback import request
from detector.feedback.applied import AppliedComplaint
from detector.feedback.request import BadRequest
from detector.numbering.plan import NumberClass, NumberPlan

SHOWN_TEXT = 200
"""Characters kept of what a complainant wrote."""

HOUR_MINUTES = 60


class ComplaintEffects:
    """Complaints into accounts, and from accounts into the rows of entities and lines.

    usual  complainants an answered call in ordinary life
    """

    def __init__(self, tables: Tables, roll_ups: RollUps, plan: NumberPlan, usual: float) -> None:
        self._tables, self._roll_ups, self._plan, self._usual = tables, roll_ups, plan, usual
        self._hour = -1

    def settle(self, asked: request.Complaint, apply_ms: int, partition: int, position: int) -> AppliedComplaint:
        """The complaint with the calls it may mean, of those known now. Changes nothing. Raises BadRequest."""
        callee = self._plan.key(asked.callee)
        if callee == 0:
            raise BadRequest("bad_value", "no number - at `$.callee`")
        heard = asked.number if self._plan.classify(asked.number) != NumberClass.WITHHELD else ""
        complaint = Complaint(
            at_ms=asked.at_ms,
            about_ms=asked.about_ms,
            complainant=self._plan.mask(callee),
            number=_plain(heard),
            text=_plain(asked.text)[:SHOWN_TEXT],
            matches=self._complaints.match(callee, asked.at_ms, asked.about_ms, self._plan.key(heard)),
        )
        return AppliedComplaint(apply_ms=apply_ms, partition=partition, position=position, complaint=complaint)

    def apply(self, change: AppliedComplaint) -> None:
        """Its minute has come."""
        metrics.changes.labels(change.__struct_config__.tag).inc()
        complaints, matched = self._complaints, self._complaints.matched
        meant = [(one, self._behind(one)) for one in change.complaint.matches]
        grown = complaints.enter(change.complaint, meant, change.apply_ms)
        metrics.complaints.labels("matched" if complaints.matched > matched else "unmatched").inc()
        for name in grown:
            self._tell(name, change.apply_ms // MINUTE_MS)

    def turn_hour(self, minute: int) -> None:
        """Once an hour of event time: old complaints are forgotten, and rows made since learn what was told."""
        if minute // HOUR_MINUTES == self._hour:
            return
        self._hour = minute // HOUR_MINUTES
        for name in self._complaints.forget(minute):
            self._tell(name, minute)
        for kind in KINDS_TOLD:
            for name, _ in self._complaints.accounts(kind):
                self._tell(name, minute)

    @property
    def _complaints(self) -> Complaints:
        return self._roll_ups.complaints

    def _behind(self, one: Match) -> list[Name]:
        return self._roll_ups.behind(one.line_key, one.number_key, one.tenant_key)

    def _tell(self, name: Name, minute: int) -> None:
        if name[0] != "line":
            self._roll_ups.complained(name, minute)
            return
        place = int(find(self._tables.slots, self._tables.rows, np.uint64(name[1])))
        if place < 0:
            return
        row, account = self._tables.rows[place], self._complaints.account(name)
        # all its calls stand for those that were answered: a line's row counts no others, and it errs in its favour
        nats = told(account.at(minute), float(row["calls"]), self._usual) if account else 0
        row["told"] = nats * TOLD_UNIT // MILLI
        if row["evidence"] >= 0:
            self._tables.evidence[int(row["evidence"])]["told"] = int(row["told"]) * (MILLI // TOLD_UNIT)


def _plain(text: str) -> str:
    """One line of signs that can be printed."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()
