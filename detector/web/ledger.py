"""The ledger: what landed in the detector's topics, kept in one SQLite file for the page.

Holds the newest revision of every alert, all its revisions, what the detector said about itself, and what
operators did (`desk`). Positions are stored in the transaction that stores what was read up to them, so a
record takes effect exactly once, whatever stops in between.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import structlog

from detector import metrics
from detector.alert import revision
from detector.errors import StateError
from detector.hooks import action
from detector.landed.contract import Landed
from detector.sinks.contract import ACTIONS, ALERTS, STATUS
from detector.status import Status

TOPICS = (ALERTS, ACTIONS, STATUS)
"""What a ledger is fed with."""

DAY_MS = 86_400_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS position (
    topic TEXT, partition INTEGER, position INTEGER NOT NULL, PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert (
    alert_id TEXT PRIMARY KEY, revision INTEGER, state TEXT, severity TEXT, kind TEXT, entity_kind TEXT, entity TEXT,
    line TEXT, number TEXT, block TEXT, tenant TEXT, trunk TEXT, holder TEXT, harm REAL, raised_at_ms INTEGER,
    updated_at_ms INTEGER, names TEXT, landed_ms INTEGER, value BLOB, first_call_ms INTEGER NOT NULL DEFAULT 0,
    linked BLOB NOT NULL DEFAULT '[]', calls INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS alert_entity ON alert (state, entity_kind, entity);
CREATE TABLE IF NOT EXISTS revision (
    alert_id TEXT, revision INTEGER, value BLOB, PRIMARY KEY (alert_id, revision));
CREATE TABLE IF NOT EXISTS action (
    action_id TEXT PRIMARY KEY, revision INTEGER, alert_id TEXT, decided_ms INTEGER, landed_ms INTEGER, value BLOB);
CREATE INDEX IF NOT EXISTS action_alert ON action (alert_id);
CREATE TABLE IF NOT EXISTS status (
    instance TEXT PRIMARY KEY, wall_ms INTEGER, calls INTEGER, moving INTEGER, value BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS acknowledgement (alert_id TEXT PRIMARY KEY, owner TEXT, since_ms INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS silence (
    silence_id INTEGER PRIMARY KEY, entity_kind TEXT, entity TEXT, kind TEXT, author TEXT, reason TEXT,
    from_ms INTEGER, until_ms INTEGER);
CREATE TABLE IF NOT EXISTS verdict (
    feedback_id TEXT PRIMARY KEY, alert_id TEXT, at_ms INTEGER, value BLOB, sent INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS verdict_alert ON verdict (alert_id, at_ms);
CREATE TABLE IF NOT EXISTS audit (
    audit_id INTEGER PRIMARY KEY, at_ms INTEGER, who TEXT, origin TEXT, verb TEXT, object TEXT, detail TEXT);
"""

_ADDED = (
    "first_call_ms INTEGER NOT NULL DEFAULT 0",
    "linked BLOB NOT NULL DEFAULT '[]'",
    "calls INTEGER NOT NULL DEFAULT 0",
)
"""Columns of `alert` that a ledger of an older program lacks, in their order."""

_log = structlog.get_logger("detector.web")


def wall_ms() -> int:
    """Now, UTC epoch ms."""
    return time.time_ns() // 1_000_000


class Ledger:
    """One SQLite file, shared by the threads of the page.

    `now` is the wall clock (UTC ms). Raises StateError when the file is no ledger or cannot be written.
    """

    def __init__(self, path: Path, retention_days: int, now: Callable[[], int] = wall_ms) -> None:
        self.now = now
        self._retention_ms = retention_days * DAY_MS
        self._lock = threading.RLock()
        self._version = now()
        self._pruned_ms = 0
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(_SCHEMA)
            self._widen()
        except sqlite3.Error as error:
            raise StateError(f"ledger {path}: {error}; set web.database to a file that can be written") from None

    @property
    def version(self) -> int:
        """Grows with every change: a page whose version differs is out of date."""
        return self._version

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for queries that must see one state."""
        with self._lock:
            yield self._db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection inside a transaction: everything or nothing."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
            self._version += 1

    def positions(self) -> dict[tuple[str, int], int]:
        """Where a follower reads on."""
        with self.reading() as db:
            return {(topic, partition): position for topic, partition, position in db.execute("SELECT * FROM position")}

    def apply(self, landed: Sequence[Landed]) -> None:
        """Take in records and their positions, together. What cannot be read is counted and left out."""
        with self.writing() as db:
            for record in landed:
                try:
                    _TAKE[record.topic](self, db, record.value)
                except (msgspec.DecodeError, OverflowError, UnicodeError) as error:
                    metrics.landed_unreadable.labels(record.topic).inc()
                    _log.warning("landed_unreadable", topic=record.topic, position=record.position, error=str(error))
                db.execute(
                    "INSERT OR REPLACE INTO position VALUES (?, ?, ?)",
                    (record.topic, record.partition, record.position),
                )
            self._prune(db)

    def close(self) -> None:
        """Let go of the file; harmless when called twice."""
        with self._lock:
            self._db.close()

    def _widen(self) -> None:
        """Give a ledger of an older program the columns it lacks."""
        there = {name for _, name, *_ in self._db.execute("PRAGMA table_info(alert)")}
        for column in _ADDED:
            if column.split()[0] not in there:
                self._db.execute(f"ALTER TABLE alert ADD COLUMN {column}")

    def _alert(self, db: sqlite3.Connection, value: bytes) -> None:
        """A revision that is not above the one kept is ignored."""
        alert = revision.decode(value)
        belongs = (alert.line, alert.number, alert.block, alert.tenant, alert.trunk, alert.holder)
        sources = (one.entity for one in alert.linked)
        names = " ".join(dict.fromkeys(name for name in (alert.entity, *belongs, *sources) if name))
        columns = (
            *(alert.alert_id, alert.revision, alert.state, alert.severity, alert.kind, alert.entity_kind, alert.entity),
            *(*belongs, alert.harm, alert.raised_at_ms, alert.updated_at_ms, names, self.now(), value),
            *(alert.first_call_ms, msgspec.json.encode(alert.linked), alert.calls),
        )
        if db.execute(_UPSERT_ALERT, columns).rowcount:
            db.execute("INSERT OR REPLACE INTO revision VALUES (?, ?, ?)", (alert.alert_id, alert.revision, value))

    def _action(self, db: sqlite3.Connection, value: bytes) -> None:
        taken = action.decode(value)
        columns = (taken.action_id, taken.revision, taken.alert_id, taken.decided_ms, self.now(), value)
        db.execute(_UPSERT_ACTION, columns)

    def _status(self, db: sqlite3.Connection, value: bytes) -> None:
        status = _status_decoder.decode(value)
        db.execute(_UPSERT_STATUS, (status.instance, status.wall_ms, status.calls, value))

    def _prune(self, db: sqlite3.Connection) -> None:
        """Forget what landed or was done longer ago than the retention; looked at once an hour."""
        now = self.now()
        if now - self._pruned_ms < DAY_MS // 24:
            return
        self._pruned_ms, before = now, now - self._retention_ms
        for table in ("alert", "action"):
            db.execute(f"DELETE FROM {table} WHERE landed_ms < ?", (before,))  # noqa: S608
        for table in ("revision", "acknowledgement"):
            db.execute(f"DELETE FROM {table} WHERE alert_id NOT IN (SELECT alert_id FROM alert)")  # noqa: S608
        for table in ("verdict", "audit"):
            db.execute(f"DELETE FROM {table} WHERE at_ms < ?", (before,))  # noqa: S608
        db.execute("DELETE FROM silence WHERE until_ms < ?", (before,))
        db.execute("DELETE FROM status WHERE wall_ms < ?", (before,))


_TAKE = {ALERTS: Ledger._alert, ACTIONS: Ledger._action, STATUS: Ledger._status}
_status_decoder = msgspec.json.Decoder(Status)

_UPSERT_ALERT = """
INSERT INTO alert VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (alert_id) DO UPDATE SET
    revision = excluded.revision, state = excluded.state, severity = excluded.severity, kind = excluded.kind,
    line = excluded.line, number = excluded.number, block = excluded.block, tenant = excluded.tenant,
    trunk = excluded.trunk, holder = excluded.holder, harm = excluded.harm, updated_at_ms = excluded.updated_at_ms,
    names = excluded.names, landed_ms = excluded.landed_ms, value = excluded.value,
    first_call_ms = excluded.first_call_ms, linked = excluded.linked, calls = excluded.calls
WHERE excluded.revision > alert.revision"""

_UPSERT_ACTION = """
INSERT INTO action VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (action_id) DO UPDATE SET
    revision = excluded.revision, landed_ms = excluded.landed_ms, value = excluded.value
WHERE excluded.revision > action.revision"""

_UPSERT_STATUS = """
INSERT INTO status VALUES (?, ?, ?, 0, ?)
ON CONFLICT (instance) DO UPDATE SET
    wall_ms = excluded.wall_ms, moving = excluded.calls <> status.calls, calls = excluded.calls, value = excluded.value
WHERE excluded.wall_ms > status.wall_ms"""
