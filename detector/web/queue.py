"""Which alerts stand where: the queue, what is silenced, what a larger alert absorbs, what is over.

Which alert belongs to a larger one is the rule of `alert.tree`, applied to what is open: what an alert higher
up absorbs stays in the record and leaves the queue.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, get_args

import msgspec

from detector.alert import revision
from detector.alert.branch import Branch
from detector.alert.narrowest import Narrowest, narrowest
from detector.alert.revision import SEVERITIES, Alert, Linked
from detector.alert.tree import parents, together
from detector.hooks import action
from detector.hooks.action import Action
from detector.landed.feedback import Verdict
from detector.web.desk import UnknownAlert
from detector.web.ledger import Ledger

ROWS = 50
"""Alerts on one page of the list."""

_GROUPS = 6  # what alerts share, shown above the list

Place = Literal["queue", "silenced", "absorbed", "resolved"]
View = Literal["queue", "silenced", "absorbed", "resolved", "all"]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What of the alerts is asked for; "" = any. `q` is part of an entity or of what it belongs to."""

    view: View = "queue"
    severity: Literal["", "info", "warning", "critical"] = ""
    kind: str = ""
    entity_kind: str = ""
    q: str = ""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An alert and where it stands. Times UTC ms; null = not so."""

    alert: Alert
    place: Place
    owner: str | None
    owned_since_ms: int | None
    silenced_until_ms: int | None
    absorbed_by: str | None  # alert_id
    absorbs: int  # open alerts below it, on all levels
    harm: float  # of it, or of the most harmful alert below it
    severity: str  # of it, or of the most severe alert below it
    narrowest: Narrowest | None  # what to act on, of it and of the alerts below it
    action: Action | None  # the newest decision of the hooks
    verdict: Verdict | None  # the newest one


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that keeps alerts out of the queue until it ends. `matches`: open alerts it holds back now."""

    silence_id: int
    entity_kind: str
    entity: str
    kind: str
    author: str
    reason: str
    from_ms: int
    until_ms: int
    matches: int


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """What several alerts of the queue have in common, and the harm of all of them."""

    entity_kind: str
    entity: str
    alerts: int
    harm: float


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the audit."""

    at_ms: int
    who: str
    origin: str
    verb: str
    object: str
    detail: dict[str, str | float]


class Queue:
    """Reads the ledger for the page and the interface of programs."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._grown = 0  # version of the ledger that `branch` was made from
        with ledger.reading() as db:
            db.create_function("now_ms", 0, ledger.now)
            db.executescript(_VIEWS)

    def rows(self, wanted: Filter, page: int = 1, size: int = ROWS) -> list[Standing]:
        """One page of a view: alerts nobody owns first, then by harm; what is over, newest first."""
        query = _LIST_NEWEST if wanted.view in ("resolved", "all") else _LIST_HARMFUL
        return self._standings(query, {**_parameters(wanted), "size": size, "from": (page - 1) * size})

    def these(self, alert_ids: Sequence[str]) -> list[Standing]:
        """These alerts in this order, wherever they stand; unknown ones are left out."""
        query = "SELECT * FROM standing WHERE alert_id IN (SELECT value FROM json_each(:ids))"
        found = self._standings(query, {"ids": msgspec.json.encode(list(alert_ids)).decode()})
        by_id = {standing.alert.alert_id: standing for standing in found}
        return [by_id[alert_id] for alert_id in alert_ids if alert_id in by_id]

    def one(self, alert_id: str) -> Standing:
        """This alert, wherever it stands. Raises UnknownAlert."""
        if not (found := self.these([alert_id])):
            raise UnknownAlert(alert_id)
        return found[0]

    def counts(self, wanted: Filter) -> dict[View, int]:
        """How many alerts of the filter stand in each place, and together."""
        with self._reading() as db:
            found = dict(db.execute(_COUNT, {**_parameters(wanted), "view": "all"}).fetchall())
        counts: dict[View, int] = {place: found.get(place, 0) for place in get_args(Place)}
        return counts | {"all": sum(counts.values())}

    def together(self) -> list[Group]:
        """What several alerts of the queue are part of, the most harmful first."""
        with self._reading() as db:
            roots = [_branch(row) for row in db.execute(_ROOTS)]
        groups = [
            Group(entity_kind=kind, entity=entity, alerts=len(members), harm=sum(one.harm for one in members))
            for (kind, entity), members in together(roots).items()
        ]
        return sorted(groups, key=lambda group: -group.harm)[:_GROUPS]

    def below(self, alert_id: str) -> list[Standing]:
        """Open alerts whose nearest parent is this one, most harmful first."""
        query = "SELECT * FROM standing WHERE parent = :id ORDER BY whole_harm DESC, alert_id LIMIT :size"
        return self._standings(query, {"id": alert_id, "size": ROWS})

    def before(self, alert: Alert) -> list[Standing]:
        """Other alerts of the same entity, newest first."""
        query = """SELECT * FROM standing WHERE entity_kind = :kind AND entity = :entity AND alert_id <> :id
            ORDER BY raised_at_ms DESC LIMIT :size"""
        about = {"kind": alert.entity_kind, "entity": alert.entity, "id": alert.alert_id}
        return self._standings(query, {**about, "size": ROWS})

    def revisions(self, alert_id: str) -> list[Alert]:
        """All revisions kept, oldest first."""
        query = "SELECT value FROM revision WHERE alert_id = ? ORDER BY revision"
        with self._ledger.reading() as db:
            return [revision.decode(value) for (value,) in db.execute(query, (alert_id,))]

    def verdicts(self, alert_id: str) -> list[Verdict]:
        """What people said about the alert, newest first."""
        query = "SELECT value FROM verdict WHERE alert_id = ? ORDER BY at_ms DESC"
        with self._ledger.reading() as db:
            return [msgspec.json.decode(value, type=Verdict) for (value,) in db.execute(query, (alert_id,))]

    def actions(self, alert_id: str) -> list[Action]:
        """What the hooks decided about the alert, newest first."""
        query = "SELECT value FROM action WHERE alert_id = ? ORDER BY decided_ms DESC LIMIT ?"
        with self._ledger.reading() as db:
            return [action.decode(value) for (value,) in db.execute(query, (alert_id, ROWS))]

    def silences(self) -> list[Silence]:
        """Silences in force, the next to end first."""
        with self._ledger.reading() as db:
            return [Silence(**dict(row)) for row in db.execute("SELECT * FROM silence_in_force ORDER BY until_ms")]

    def audit(self, page: int = 1) -> list[Deed]:
        """What people did, newest first."""
        query = "SELECT at_ms, who, origin, verb, object, detail FROM audit ORDER BY audit_id DESC LIMIT ? OFFSET ?"
        with self._ledger.reading() as db:
            rows = db.execute(query, (ROWS, (page - 1) * ROWS)).fetchall()
        return [Deed(**{**dict(row), "detail": msgspec.json.decode(row["detail"])}) for row in rows]

    def _standings(self, query: str, parameters: Mapping[str, Any]) -> list[Standing]:
        with self._reading() as db:
            return [_standing(row) for row in db.execute(query, parameters)]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, with the tree as the alerts are now."""
        with self._ledger.reading() as db:
            if self._grown != self._ledger.version:
                self._grow(db)
                self._grown = self._ledger.version
            yield db

    def _grow(self, db: sqlite3.Connection) -> None:
        branches = {branch.alert_id: branch for branch in map(_branch, db.execute(_OPEN))}
        parent = parents(list(branches.values()))
        wholes = {alert_id: [branch] for alert_id, branch in branches.items()}
        for alert_id, branch in branches.items():
            while alert_id in parent:
                alert_id = parent[alert_id]
                wholes[alert_id].append(branch)
        rows = (
            (alert_id, parent.get(alert_id), len(whole) - 1, *_of_the_whole(whole))
            for alert_id, whole in wholes.items()
        )
        db.execute("BEGIN")
        db.execute("DELETE FROM branch")
        db.executemany("INSERT INTO branch VALUES (?, ?, ?, ?, ?, ?)", rows)
        db.execute("COMMIT")


_linked = msgspec.json.Decoder(tuple[Linked, ...])


def _of_the_whole(branches: Sequence[Branch]) -> tuple[float, str, bytes]:
    """Harm, severity and what to act on, of an alert and those below it."""
    return max(one.harm for one in branches), _loudest(branches), msgspec.json.encode(narrowest(branches))


def _loudest(branches: Sequence[Branch]) -> str:
    known = [one.severity for one in branches if one.severity in SEVERITIES]
    return max(known, key=SEVERITIES.index, default=branches[0].severity)


def _branch(row: sqlite3.Row) -> Branch:
    return Branch(**{**dict(row), "linked": _linked.decode(row["linked"])})


def _standing(row: sqlite3.Row) -> Standing:
    return Standing(
        alert=revision.decode(row["value"]),
        place=row["place"],
        owner=row["owner"],
        owned_since_ms=row["since_ms"],
        silenced_until_ms=row["silenced_until_ms"],
        absorbed_by=row["parent"],
        absorbs=row["absorbs"],
        harm=row["whole_harm"],
        severity=row["whole_severity"],
        narrowest=msgspec.json.decode(row["narrowest"], type=Narrowest | None) if row["narrowest"] else None,
        action=action.decode(row["newest_action"]) if row["newest_action"] else None,
        verdict=msgspec.json.decode(row["newest_verdict"], type=Verdict) if row["newest_verdict"] else None,
    )


def _parameters(wanted: Filter) -> dict[str, Any]:
    like = wanted.q.strip().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return {**msgspec.structs.asdict(wanted), "like": f"%{like}%"}


_VIEWS = """
CREATE TEMP VIEW IF NOT EXISTS silence_match AS
SELECT s.silence_id, s.until_ms, a.alert_id, a.state FROM silence s JOIN alert a
    ON (s.kind = '' OR s.kind = a.kind) AND s.entity = CASE s.entity_kind
        WHEN a.entity_kind THEN a.entity WHEN 'line' THEN a.line WHEN 'number' THEN a.number WHEN 'block' THEN a.block
        WHEN 'tenant' THEN a.tenant WHEN 'trunk' THEN a.trunk WHEN 'holder' THEN a.holder END
WHERE s.until_ms > now_ms();

CREATE TEMP VIEW IF NOT EXISTS silence_in_force AS
SELECT s.*, (SELECT count(*) FROM silence_match m WHERE m.silence_id = s.silence_id AND m.state = 'open') AS matches
FROM silence s WHERE s.until_ms > now_ms();

CREATE TEMP TABLE IF NOT EXISTS branch (
    alert_id TEXT PRIMARY KEY, parent TEXT, absorbs INTEGER, harm REAL, severity TEXT, narrowest BLOB) WITHOUT ROWID;

CREATE TEMP VIEW IF NOT EXISTS placed AS
SELECT a.*, k.owner, k.since_ms,
    (SELECT t.value FROM action t WHERE t.alert_id = a.alert_id ORDER BY decided_ms DESC LIMIT 1) AS newest_action,
    (SELECT v.value FROM verdict v WHERE v.alert_id = a.alert_id ORDER BY at_ms DESC LIMIT 1) AS newest_verdict,
    (SELECT max(until_ms) FROM silence_match m WHERE m.alert_id = a.alert_id) AS silenced_until_ms,
    b.parent, COALESCE(b.absorbs, 0) AS absorbs,
    b.narrowest, COALESCE(b.harm, a.harm) AS whole_harm, COALESCE(b.severity, a.severity) AS whole_severity
FROM alert a LEFT JOIN acknowledgement k ON k.alert_id = a.alert_id LEFT JOIN branch b ON b.alert_id = a.alert_id;

CREATE TEMP VIEW IF NOT EXISTS standing AS
SELECT *, CASE WHEN state <> 'open' THEN 'resolved' WHEN silenced_until_ms IS NOT NULL THEN 'silenced'
    WHEN parent IS NOT NULL THEN 'absorbed' ELSE 'queue' END AS place
FROM placed;
"""

_WANTED = r"""FROM standing WHERE (:view = 'all' OR place = :view) AND (:severity = '' OR whole_severity = :severity)
    AND (:kind = '' OR kind = :kind) AND (:entity_kind = '' OR entity_kind = :entity_kind)
    AND (:q = '' OR names LIKE :like ESCAPE '\')"""
_BRANCH = """alert_id, state, severity, entity_kind, entity, number, block, tenant, trunk, holder, linked, harm,
    calls, first_call_ms"""
_ROOT = _BRANCH.replace("severity", "whole_severity AS severity").replace("harm", "whole_harm AS harm")
_OPEN = f"SELECT {_BRANCH} FROM alert WHERE state = 'open'"  # noqa: S608
_ROOTS = f"SELECT {_ROOT} FROM standing WHERE place = 'queue'"  # noqa: S608
_PAGE = "alert_id LIMIT :size OFFSET :from"
_LIST_HARMFUL = f"SELECT * {_WANTED} ORDER BY owner IS NOT NULL, whole_harm DESC, raised_at_ms, {_PAGE}"
_LIST_NEWEST = f"SELECT * {_WANTED} ORDER BY updated_at_ms DESC, {_PAGE}"
_COUNT = f"SELECT place, count(*) {_WANTED} GROUP BY place"
