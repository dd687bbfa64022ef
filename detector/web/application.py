"""From the table of operations to a web application: routes, reading, role check, answering, errors."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from detector.web.contract import NAME_COOKIE, Call, Html, Operation, Problem, Room, Text
from detector.web.desk import Person
from detector.web.guard import MAX_BODY_BYTES, Guard
from detector.web.problem import problem_of, response

STATIC = Path(__file__).parent / "static"

_RANK = ("viewer", "operator")
_MAX_FIELDS = 20

_log = structlog.get_logger("detector.web")


def application(room: Room, events: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """The guarded application: every operation of the room, the event stream and the static files."""
    routes = [Route(one.path, _endpoint(one, room), methods=[one.method]) for one in room.operations]
    inside = Starlette(
        routes=[*routes, Route("/events", events), Mount("/static", _Static(directory=STATIC))],
        exception_handlers={HTTPException: _not_found},
    )
    return Guard(inside, room.settings.allowed_hosts)


def _endpoint(operation: Operation, room: Room) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            if _RANK.index(operation.role) > _RANK.index(room.settings.role):
                raise Problem(403, "Not for this role", f"web.role is {room.settings.role}: it may only look")
            call = await _read(operation, request)
            return _respond(operation, request, await run_in_threadpool(operation.answer, room, call))
        except Exception as error:
            problem = problem_of(error)
            if problem.status == 500:
                _log.error("request_failed", method=operation.method, path=operation.path, exc_info=True)
            return response(problem, page=operation.is_page and "hx-request" not in request.headers)

    return endpoint


async def _read(operation: Operation, request: Request) -> Call:
    return Call(
        path=request.path_params,
        query=msgspec.convert(dict(request.query_params), operation.query, strict=False),
        body=await _body(operation, request) if operation.method == "POST" else None,
        who=person(request),
    )


async def _body(operation: Operation, request: Request) -> msgspec.Struct:
    """The body as the operation's struct; JSON from programs, a form from a page."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY_BYTES:
            raise Problem(413, "The body is too large", f"send at most {MAX_BODY_BYTES} bytes")
    if operation.is_page:
        fields = parse_qsl(body.decode(errors="replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
        return msgspec.convert(dict(fields), operation.body, strict=False)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "The body is not JSON", "send content-type: application/json")
    return msgspec.json.decode(bytes(body) or b"{}", type=operation.body)


def person(request: Request) -> Person:
    """Who acts: the name they gave themselves, and their address."""
    name = "".join(c for c in unquote(request.cookies.get(NAME_COOKIE, "")) if c.isprintable()).strip()
    return Person(name[:40] or "operator", request.client.host if request.client else "")


def _respond(operation: Operation, request: Request, reply: object) -> Response:
    if isinstance(reply, Response):
        return reply
    if operation.is_page and operation.method == "POST":
        if request.headers.get("hx-request"):
            return Response(status_code=204, headers={"hx-trigger": "changed"})
        alert_id = request.path_params.get("alert_id")
        return RedirectResponse(f"/alerts/{alert_id}" if alert_id else "/", 303)
    if isinstance(reply, Html):
        return HTMLResponse(reply)
    if isinstance(reply, Text):
        return PlainTextResponse(reply)
    return Response(msgspec.json.encode(reply), media_type="application/json")


async def _not_found(request: Request, error: Exception) -> Response:
    """A path or method that no operation has."""
    assert isinstance(error, HTTPException)
    problem = Problem(error.status_code, error.detail, "/openapi.json lists what is here")
    answer = response(problem, page="text/html" in request.headers.get("accept", ""))
    answer.headers.update(error.headers or {})
    return answer


class _Static(StaticFiles):
    """Files of the page: kept by browsers, but asked for again each time, so an update shows at once."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers["cache-control"] = "no-cache"
        return answer
