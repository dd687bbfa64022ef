"""What is still to be sent: one row for each webhook and receiver, in the same file and transactions as the book."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from msgspec.structs import replace

from detector.hooks.action import Action, Delivery
from detector.hooks.book import Book


@dataclass(frozen=True, slots=True)
class Due:
    """One webhook that is to be sent now. attempts: how often it was tried already."""

    seq: int
    action_id: str
    body: bytes
    attempts: int
    answer: str
    deadline_ms: int


def endpoint(url: str) -> str:
    """How a receiver is called in records and logs: its host and port. The path may hold a secret."""
    return urlsplit(url).netloc


class Outbox:
    """The rows that wait, and what became of the others. Call inside a transaction of its book where it writes."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._db = book.db

    def add(self, action: Action, urls: Iterable[str], body: bytes, now_ms: int, deadline_ms: int) -> None:
        """Send `body` to every receiver from now on, until `deadline_ms`."""
        rows = [(action.action_id, url, endpoint(url), action.target, body, now_ms, deadline_ms) for url in urls]
        self._db.executemany(
            "INSERT INTO deliveries (action_id, url, endpoint, target, body, next_ms, deadline_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        self._show(action.action_id)

    def next(self, url: str, now_ms: int) -> Due | None:
        """The oldest row for this receiver whose time has come; never one before another for the same target."""
        row = self._db.execute(
            "SELECT seq, action_id, body, attempts, answer, deadline_ms FROM deliveries AS row "
            "WHERE url = ? AND state = 'pending' AND next_ms <= ? AND deadline_ms > ? AND NOT EXISTS ("
            "SELECT 1 FROM deliveries AS earlier WHERE earlier.url = row.url AND earlier.state = 'pending' "
            "AND earlier.target = row.target AND earlier.seq < row.seq) ORDER BY seq LIMIT 1",
            (url, now_ms, now_ms),
        ).fetchone()
        return None if row is None else Due(*row)

    def delivered(self, due: Due, answer: str) -> None:
        """The receiver has it, even if it was withdrawn meanwhile."""
        self._note(due, answer, "state = 'delivered'")

    def failed(self, due: Due, answer: str, next_ms: int) -> None:
        """Try this row again at `next_ms`."""
        self._note(due, answer, "next_ms = ?", next_ms)

    def withdraw(self, action_id: str) -> None:
        """Do not send what has not arrived yet: its lift follows."""
        self._close("withdrawn", "action_id = ?", action_id)

    def give_up(self, now_ms: int) -> int:
        """An order is not delivered after its own time. How many rows ended so."""
        return self._close("expired", "deadline_ms <= ?", now_ms)

    def _note(self, due: Due, answer: str, change: str, *values: object) -> None:
        self._db.execute(
            f"UPDATE deliveries SET attempts = attempts + 1, answer = ?, {change} WHERE seq = ?",  # noqa: S608
            (answer, *values, due.seq),
        )
        if answer != due.answer:  # the tenth time-out in a row is no news
            self._show(due.action_id)

    def _close(self, state: str, where: str, value: object) -> int:
        closed = self._db.execute(
            f"UPDATE deliveries SET state = ? WHERE state = 'pending' AND {where} RETURNING action_id",  # noqa: S608
            (state, value),
        ).fetchall()
        for action_id in {row[0] for row in closed}:
            self._show(action_id)
        return len(closed)

    def _show(self, action_id: str) -> None:
        """Raise the action's revision with the present state of its deliveries."""
        action = self._book.action(action_id)
        if action is None:
            return
        rows = self._db.execute(
            "SELECT endpoint, state, answer, attempts FROM deliveries WHERE action_id = ? ORDER BY seq", (action_id,)
        )
        shown = tuple(Delivery(endpoint=e, state=s, answer=a, attempts=n) for e, s, a, n in rows)
        self._book.save(replace(action, revision=action.revision + 1, deliveries=shown))
