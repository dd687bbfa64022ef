"""The pages: what each template is given. Looks only; what operators do is answered by `api`."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import jinja2
import msgspec
from starlette.responses import Response

from detector.alert.revision import Reason
from detector.web import chart, words
from detector.web.contract import NAME_COOKIE, Call, Html, Room
from detector.web.queue import ROWS, Filter, Standing

_YEAR_S = 365 * 86_400
_WHY = 3  # reasons in a row of the queue
_ROW = 1.0  # nats of a reason that is worth a row

PageNumber = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


class QueueQuery(Filter, frozen=True, kw_only=True):
    """Which alerts; `shown` = ids on the screen, comma-separated, which keep their places."""

    page: PageNumber = 1
    shown: Annotated[str, msgspec.Meta(max_length=4096)] = ""


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page of a long list."""

    page: PageNumber = 1


class NameForm(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator wants to be called."""

    name: Annotated[str, msgspec.Meta(max_length=40)]


@functools.cache
def templates() -> jinja2.Environment:
    """The templates, with everything escaped and the page's words as filters."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("age", "ago", "cause", "clock", "count", "figure", "definition", "iso", "measured", "moment", "words"):
        environment.filters[name] = getattr(words, name)
    environment.globals.update(
        {name: getattr(words, name) for name in ("KINDS", "PLACES", "TROUBLES", "VERBS", "VERDICTS")},
        chart=chart,
        why=why,
        told=told,
        link=link,
    )
    return environment


def why(reasons: tuple[Reason, ...]) -> list[Reason]:
    """The reasons that speak loudest against the entity, for one line; a broken rule weighs no nats."""
    return sorted((one for one in reasons if one.share > 0 or one.family == "rules"), key=lambda one: -one.share)[:_WHY]


def told(reasons: tuple[Reason, ...]) -> tuple[list[Reason], list[Reason]]:
    """The reasons worth a row, the heaviest first, and those that hardly weigh."""
    ordered = sorted(reasons, key=lambda one: -one.share)
    spoken = [one for one in ordered if abs(one.share) >= _ROW or one.family == "rules"]
    return spoken, [one for one in ordered if one not in spoken]


def link(path: str, **query: object) -> str:
    """An address of this page; what is empty is left out."""
    asked = {name: value for name, value in query.items() if value not in ("", None)}
    return path + ("?" + urlencode(asked) if asked else "")


def queue(room: Room, call: Call) -> Html:
    """The queue: what to look at first."""
    return _render(room, call, "queue.html", lambda: _queue(room, call.query))


def queue_fragment(room: Room, call: Call) -> Html:
    """The list of the queue, with the rows on the screen in their places."""
    return _render(room, call, "queue_list.html", lambda: _queue(room, call.query))


def alert(room: Room, call: Call) -> Html:
    """One alert: why, how it grew, what to do."""
    return _render(room, call, "alert.html", lambda: _alert(room, call.path["alert_id"]))


def alert_fragment(room: Room, call: Call) -> Html:
    """The parts of an alert that change."""
    return _render(room, call, "alert_body.html", lambda: _alert(room, call.path["alert_id"]))


def silences(room: Room, call: Call) -> Html:
    """Silences in force."""
    return _render(room, call, "silences.html", lambda: {"silences": room.queue.silences()})


def silences_fragment(room: Room, call: Call) -> Html:
    """The list of silences."""
    return _render(room, call, "silences_list.html", lambda: {"silences": room.queue.silences()})


def feed(room: Room, call: Call) -> Html:
    """How the records of each trunk are."""
    return _render(room, call, "feed.html")


def feed_fragment(room: Room, call: Call) -> Html:
    """The table of trunks."""
    return _render(room, call, "feed_list.html")


def audit(room: Room, call: Call) -> Html:
    """Who did what, newest first."""
    page = call.query.page
    return _render(room, call, "audit.html", lambda: {"deeds": room.queue.audit(page), "page": page, "rows": ROWS})


def badge_fragment(room: Room, call: Call) -> Html:
    """The data-age badge."""
    return _render(room, call, "badge.html")


def set_name(room: Room, call: Call) -> Response:
    """Be called so from now on: in acknowledgements, silences, verdicts and the audit."""
    answer = Response(status_code=303, headers={"location": "/"})
    answer.set_cookie(NAME_COOKIE, quote(call.body.name.strip()), max_age=_YEAR_S, httponly=True, samesite="strict")
    return answer


def _queue(room: Room, query: QueueQuery) -> dict[str, Any]:
    wanted = msgspec.convert(query, Filter, from_attributes=True)
    fresh = room.queue.rows(wanted, query.page)
    rows = room.queue.these(query.shown.split(",")[:ROWS]) if query.shown else fresh
    counts = room.queue.counts(wanted)
    shown = {row.alert.alert_id for row in rows}
    return {
        "wanted": msgspec.structs.asdict(wanted),
        "page": query.page,
        "pages": -(-counts[wanted.view] // ROWS),
        "rows": rows,
        "left": {row.alert.alert_id for row in rows if wanted.view not in ("all", row.place)},
        "fresh": sum(row.alert.alert_id not in shown for row in fresh),
        "counts": counts,
        "together": room.queue.together() if wanted.view == "queue" else [],
    }


def _alert(room: Room, alert_id: str) -> dict[str, Any]:
    standing = room.queue.one(alert_id)
    return {
        "standing": standing,
        "alert": standing.alert,
        "parent": _parent(room, standing),
        "below": room.queue.below(alert_id),
        "before": room.queue.before(standing.alert),
        "revisions": room.queue.revisions(alert_id),
        "verdicts": room.queue.verdicts(alert_id),
        "actions": room.queue.actions(alert_id),
        "strongest": max((abs(reason.share) for reason in standing.alert.reasons), default=1.0) or 1.0,
    }


def _parent(room: Room, standing: Standing) -> Standing | None:
    return room.queue.one(standing.absorbed_by) if standing.absorbed_by else None


def _render(room: Room, call: Call, template: str, given: Callable[[], dict[str, Any]] = dict) -> Html:
    """The version is taken before what is shown is read: what lands between makes the page ask again."""
    version, badge = room.version(), room.badge()
    return Html(
        room.templates.get_template(template).render(
            version=version,
            badge=badge,
            now=badge.now_ms,  # the feed's clock
            wall=room.ledger.now(),  # people's clock
            who=call.who.name,
            role=room.settings.role,
            **given(),
        )
    )
