"""What an operation of the page is: a row of the table in `operations`, and what its answer gets and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jinja2
import msgspec

from detector.config import Web
from detector.web.badge import Badge, badge, heard
from detector.web.desk import Desk, Person
from detector.web.ledger import Ledger
from detector.web.queue import Queue

NAME_COOKIE = "operator"
"""What a person calls themselves."""

Role = Literal["viewer", "operator"]
"""viewer looks; operator also acknowledges, silences and judges."""


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No query, or no body."""


class Html(str):
    """A page or a part of one."""

    __slots__ = ()


class Text(str):
    """Plain text, as Prometheus reads it."""

    __slots__ = ()


class Problem(Exception):
    """A request that cannot be answered, as RFC 9457 says it: status, title, and what to do."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(f"{status} {title}: {detail}")
        self.status, self.title, self.detail = status, title, detail


@dataclass(frozen=True, slots=True)
class Room:
    """What the answers work with."""

    settings: Web
    ledger: Ledger
    queue: Queue
    desk: Desk
    templates: jinja2.Environment
    operations: "tuple[Operation, ...]"

    def badge(self) -> Badge:
        """What is known of the feed now."""
        return badge(heard(self.ledger), self.settings, self.ledger.now())

    def version(self) -> str:
        """What a page shows is out of date when this differs; a detector that falls silent changes it too."""
        return f"{self.ledger.version}.{self.badge().word}"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read and checked: `query` and `body` are structs of the operation's types."""

    path: Mapping[str, str]
    query: Any
    body: Any
    who: Person


@dataclass(frozen=True, slots=True)
class Operation:
    """One row: who may ask what, what it takes, what it gives, and the function that answers.

    A body is JSON where the reply is JSON, and a form where the reply is a page.
    """

    method: Literal["GET", "POST"]
    path: str
    role: Role
    answer: Callable[[Room, Call], Any]
    reply: Any
    query: type[msgspec.Struct] = Nothing
    body: type[msgspec.Struct] = Nothing

    @property
    def is_page(self) -> bool:
        """Whether it is for people (a page, or a form on one) rather than for programs."""
        return self.reply is Html
