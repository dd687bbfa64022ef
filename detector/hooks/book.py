"""What the hooks remember, in one SQLite file: positions, the newest revision of each alert, every action.

Everything that belongs together is written in one transaction, so a crash at any place leaves either all of it
or none: the records are read again and give the same actions with the same names.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from detector.errors import ConfigError, StateError
from detector.hooks import action as actions
from detector.hooks.action import HARMLESS, Action
from detector.hooks.limits import HOUR_MS, Usage
from detector.landed.contract import Landed

VERSION = 1
KEPT_MS = 31 * 24 * HOUR_MS
"""Longer than the topics keep a record: what is forgotten here cannot be read again."""

_SCHEMA = f"""
CREATE TABLE positions (topic TEXT, partition INTEGER, position INTEGER NOT NULL, PRIMARY KEY (topic, partition));
CREATE TABLE alerts (
    alert_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, decided INTEGER NOT NULL DEFAULT 0,
    seen_ms INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE actions (
    action_id TEXT PRIMARY KEY, body TEXT NOT NULL, published INTEGER NOT NULL DEFAULT 0,
    revision INTEGER AS (json_extract(body, '$.revision')), alert_id TEXT AS (json_extract(body, '$.alert_id')),
    verb TEXT AS (json_extract(body, '$.verb')), scope TEXT AS (json_extract(body, '$.scope')),
    target TEXT AS (json_extract(body, '$.target')), tenant TEXT AS (json_extract(body, '$.tenant')),
    dryrun INTEGER AS (json_extract(body, '$.dryrun')), state TEXT AS (json_extract(body, '$.state')),
    ordered_ms INTEGER AS (json_extract(body, '$.ordered_ms')),
    expires_ms INTEGER AS (json_extract(body, '$.expires_ms'))
);
CREATE INDEX actions_of_alert ON actions (alert_id);
CREATE INDEX actions_on_target ON actions (target);
CREATE INDEX actions_in_time ON actions (ordered_ms);
CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, action_id TEXT NOT NULL, url TEXT NOT NULL, endpoint TEXT NOT NULL,
    target TEXT NOT NULL, body BLOB NOT NULL, next_ms INTEGER NOT NULL, deadline_ms INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending', answer TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX deliveries_of_action ON deliveries (action_id);
CREATE INDEX deliveries_pending ON deliveries (url, seq) WHERE state = 'pending';
CREATE TABLE circuit (opened_ms INTEGER NOT NULL);
PRAGMA user_version = {VERSION};
"""


class Book:
    """One connection to the file, which is made if it is missing; every thread opens its own.

    Raises ConfigError when it cannot be written, StateError when it is no book of this version.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.touch(mode=0o600)  # it holds numbers of lines
        except OSError as error:
            raise ConfigError(f"hooks.database: {path}: {error.strerror}; name a file that can be written") from None
        self.db = sqlite3.connect(path, timeout=30, isolation_level=None)
        try:
            self._prepare(path)
        except BaseException:
            self.db.close()
            raise

    def _prepare(self, path: Path) -> None:
        try:
            self.db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.DatabaseError as error:
            raise StateError(f"hooks.database: {path}: {error}; name another file, or move this one away") from None
        with self.transaction():
            version = self.db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self.db.execute(statement)
        if version not in (0, VERSION):
            raise StateError(
                f"hooks.database: {path}: written by another version ({version}, this is {VERSION}); name another file"
            )

    def close(self) -> None:
        """Let go of the file; harmless when called twice."""
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is written together, or not at all."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    # what was read

    def positions(self) -> dict[tuple[str, int], int]:
        """(topic, partition) -> where to read on."""
        rows = self.db.execute("SELECT topic, partition, position FROM positions")
        return {(topic, partition): position for topic, partition, position in rows}

    def keep_positions(self, landed: Iterable[Landed]) -> None:
        """These records have taken effect."""
        self.db.executemany(
            "INSERT INTO positions VALUES (?, ?, ?) "
            "ON CONFLICT (topic, partition) DO UPDATE SET position = excluded.position",
            [(record.topic, record.partition, record.position) for record in landed],
        )

    def keep_alert(self, alert_id: str, revision: int, body: bytes, now_ms: int) -> None:
        """Remember the newest revision; one that is not above the one at hand is ignored."""
        self.db.execute(
            "INSERT INTO alerts (alert_id, revision, seen_ms, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (alert_id) DO UPDATE SET revision = excluded.revision, seen_ms = excluded.seen_ms, "
            "body = excluded.body WHERE excluded.revision > revision",
            (alert_id, revision, now_ms, body),
        )

    def alert(self, alert_id: str) -> bytes | None:
        """The newest revision of an alert, as it was read; None when it is not known (any more)."""
        row = self.db.execute("SELECT body FROM alerts WHERE alert_id = ?", (alert_id,)).fetchone()
        return None if row is None else bytes(row[0])

    def undecided(self) -> list[bytes]:
        """The newest revision of every alert on which nothing was decided since it came."""
        return [bytes(row[0]) for row in self.db.execute("SELECT body FROM alerts WHERE revision > decided")]

    def mark_decided(self, alert_id: str, revision: int) -> None:
        """This revision has been dealt with."""
        self.db.execute("UPDATE alerts SET decided = ? WHERE alert_id = ?", (revision, alert_id))

    # actions

    def action(self, action_id: str) -> Action | None:
        """The action of this name."""
        found = self._actions("action_id = ?", action_id)
        return found[0] if found else None

    def actions_of(self, alert_id: str) -> list[Action]:
        """Everything decided about this alert, oldest first."""
        return self._actions("alert_id = ?", alert_id)

    def in_force_on(self, scope: str, target: str) -> list[Action]:
        """What stands for this target, whichever alert it came from."""
        found = self._actions("scope = ? AND target = ? AND state IN ('ordered', 'rehearsed')", scope, target)
        return [action for action in found if action.in_force]

    def standing(self) -> list[Action]:
        """Everything that is proposed or in force, oldest first."""
        found = self._actions("state != 'ended'")
        return [action for action in found if action.in_force or action.state == "proposed"]

    def run_out(self, now_ms: int) -> list[Action]:
        """Actions and proposals whose time is over."""
        return self._actions("state != 'ended' AND verb != 'lift' AND expires_ms <= ?", now_ms)

    def unpublished(self) -> list[Action]:
        """Actions that changed since they were last written to `detector.actions`."""
        return self._actions("published < revision")

    def mark_published(self, published: Iterable[Action]) -> None:
        """These are safe on `detector.actions`."""
        rows = [(action.revision, action.action_id) for action in published]
        self.db.executemany("UPDATE actions SET published = ? WHERE action_id = ?", rows)

    def save(self, action: Action) -> None:
        """Write an action, new or changed (then with its revision raised)."""
        self.db.execute(
            "INSERT INTO actions (action_id, body) VALUES (?, ?) "
            "ON CONFLICT (action_id) DO UPDATE SET body = excluded.body",
            (action.action_id, actions.encode(action).decode()),
        )

    def count(self, alert_id: str, verb: str, target: str, dryrun: bool) -> int:
        """How many actions of this kind there were: the ordinal of the next."""
        where = "alert_id = ? AND verb = ? AND target = ? AND dryrun = ?"
        return self._count(where, alert_id, verb, target, dryrun)

    def usage(self, tenant: str | None, dryrun: bool, now_ms: int) -> Usage:
        """What was ordered in the last hour. An unknown tenant has no cap of its own."""
        where = f"ordered_ms > ? AND dryrun = ? AND verb NOT IN {HARMLESS}"
        total = self._count(where, now_ms - HOUR_MS, dryrun)
        own = 0 if tenant is None else self._count(where + " AND tenant = ?", now_ms - HOUR_MS, dryrun, tenant)
        return Usage(total, own, self.db.execute("SELECT max(opened_ms) FROM circuit").fetchone()[0])

    def open_circuit(self, now_ms: int) -> None:
        """The breaker opened now."""
        self.db.execute("INSERT INTO circuit VALUES (?)", (now_ms,))

    def forget(self, now_ms: int) -> None:
        """Drop what ended longer ago than any topic remembers."""
        before = now_ms - KEPT_MS
        self.db.execute("DELETE FROM alerts WHERE seen_ms < ?", (before,))
        self.db.execute("DELETE FROM actions WHERE expires_ms < ?", (before,))
        self.db.execute("DELETE FROM deliveries WHERE deadline_ms < ?", (before,))
        self.db.execute("DELETE FROM circuit WHERE opened_ms < ?", (before,))

    def _actions(self, where: str, *values: object) -> list[Action]:
        rows = self.db.execute(f"SELECT body FROM actions WHERE {where} ORDER BY rowid", values)  # noqa: S608
        return [actions.decode(row[0]) for row in rows]

    def _count(self, where: str, *values: object) -> int:
        found: int = self.db.execute(f"SELECT count(*) FROM actions WHERE {where}", values).fetchone()[0]  # noqa: S608
        return found
