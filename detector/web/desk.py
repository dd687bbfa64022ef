"""What operators do: own an alert, silence an entity, say what was found. Every deed is audited.

Nothing here enters a shard. Acknowledgements and silences act on the page only; verdicts are also sent to
`detector.feedback`, and are shown at once.
"""

import json
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Literal

import msgspec

from detector.alert import revision
from detector.landed.feedback import Judgement, Verdict
from detector.sinks.contract import FEEDBACK, OutRecord
from detector.web.ledger import Ledger

EntityKind = Literal["line", "number", "block", "tenant", "trunk", "holder", "destination", "callee"]

_HOUR_MS = 3_600_000


class UnknownAlert(LookupError):
    """No alert of that id is in the ledger."""


class UnknownSilence(LookupError):
    """No silence of that id is in force."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and the address they act from. While access is by loopback only, the name is asserted."""

    name: str
    origin: str


class Desk:
    """Operators' deeds, written to the ledger; each is one transaction with its line in the audit."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def acknowledge(self, who: Person, alert_id: str) -> None:
        """`who` owns the alert from now; an owner it has already is replaced. Raises UnknownAlert."""
        with self._ledger.writing() as db:
            _entity(db, alert_id)
            db.execute(
                "INSERT OR REPLACE INTO acknowledgement VALUES (?, ?, ?)", (alert_id, who.name, self._ledger.now())
            )
            self._audit(db, who, "acknowledge", alert_id)

    def unacknowledge(self, who: Person, alert_id: str) -> None:
        """Nobody owns the alert any more. Raises UnknownAlert."""
        with self._ledger.writing() as db:
            _entity(db, alert_id)
            db.execute("DELETE FROM acknowledgement WHERE alert_id = ?", (alert_id,))
            self._audit(db, who, "unacknowledge", alert_id)

    def judge(self, who: Person, alert_id: str, verdict: Judgement, reason: str) -> None:
        """Record what was found; it is shown at once and sent to `detector.feedback`. Raises UnknownAlert."""
        with self._ledger.writing() as db:
            entity_kind, entity = _entity(db, alert_id)
            (value,) = db.execute("SELECT value FROM alert WHERE alert_id = ?", (alert_id,)).fetchone()
            record = Verdict(
                feedback_id=secrets.token_hex(8),
                at_ms=self._ledger.now(),
                author=who.name,
                alert_id=alert_id,
                entity_kind=entity_kind,
                entity=entity,
                verdict=verdict,
                reason=reason,
                shares={said.family: said.share for said in revision.decode(value).reasons},
            )
            db.execute(
                "INSERT INTO verdict (feedback_id, alert_id, at_ms, value) VALUES (?, ?, ?, ?)",
                (record.feedback_id, alert_id, record.at_ms, msgspec.json.encode(record)),
            )
            self._audit(db, who, "verdict", alert_id, verdict=verdict, reason=reason)

    def silence(self, who: Person, entity_kind: EntityKind, entity: str, kind: str, reason: str, hours: float) -> int:
        """Keep alerts of this entity, and of what belongs to it, out of the queue; `kind` "" = of every kind.

        Gives the id of the silence.
        """
        now = self._ledger.now()
        with self._ledger.writing() as db:
            cursor = db.execute(
                "INSERT INTO silence (entity_kind, entity, kind, author, reason, from_ms, until_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (entity_kind, entity, kind, who.name, reason, now, now + round(hours * _HOUR_MS)),
            )
            about = f"{entity_kind}/{entity}"
            self._audit(db, who, "silence", about, kind=kind, reason=reason, hours=hours)
            return int(cursor.lastrowid or 0)

    def lift_silence(self, who: Person, silence_id: int) -> None:
        """End a silence now. Raises UnknownSilence."""
        now = self._ledger.now()
        with self._ledger.writing() as db:
            lifted = db.execute(
                "UPDATE silence SET until_ms = ? WHERE silence_id = ? AND until_ms > ? RETURNING entity_kind, entity",
                (now, silence_id, now),
            ).fetchone()
            if lifted is None:
                raise UnknownSilence(str(silence_id))
            self._audit(db, who, "lift silence", f"{lifted[0]}/{lifted[1]}")

    def unsent(self) -> list[OutRecord]:
        """Verdicts that `detector.feedback` does not hold yet; a repeated send is the same record."""
        with self._ledger.reading() as db:
            rows = db.execute("SELECT value FROM verdict WHERE sent = 0 ORDER BY at_ms").fetchall()
        return [OutRecord(FEEDBACK, msgspec.json.decode(value, type=Verdict).entity, value) for (value,) in rows]

    def sent(self, records: list[OutRecord]) -> None:
        """These are safe in the topic."""
        with self._ledger.writing() as db:
            db.executemany("UPDATE verdict SET sent = 1 WHERE value = ?", [(record.value,) for record in records])

    def _audit(self, db: sqlite3.Connection, who: Person, verb: str, about: str, **detail: object) -> None:
        db.execute(
            "INSERT INTO audit (at_ms, who, origin, verb, object, detail) VALUES (?, ?, ?, ?, ?, ?)",
            (self._ledger.now(), who.name, who.origin, verb, about, json.dumps(detail, ensure_ascii=False)),
        )


def _entity(db: sqlite3.Connection, alert_id: str) -> tuple[str, str]:
    found = db.execute("SELECT entity_kind, entity FROM alert WHERE alert_id = ?", (alert_id,)).fetchone()
    if found is None:
        raise UnknownAlert(alert_id)
    return found[0], found[1]
