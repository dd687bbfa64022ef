"""Errors as answers: RFC 9457 `application/problem+json` for programs, a plain page for people."""

from html import escape
from http import HTTPStatus

import msgspec
from starlette.responses import HTMLResponse, Response

from detector.web.contract import Problem
from detector.web.desk import UnknownAlert, UnknownSilence

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="/static/page.css"><main class="problem"><h1>{title}</h1><p>{detail}</p>
<p><a href="/">Back to the queue</a></p></main></html>"""


class ProblemBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every error."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def response(problem: Problem, *, page: bool) -> Response:
    """The answer that tells a problem."""
    if page:
        text = _PAGE.format(title=escape(problem.title), detail=escape(problem.detail))
        return HTMLResponse(text, problem.status)
    body = ProblemBody(title=problem.title, status=problem.status, detail=problem.detail)
    return Response(msgspec.json.encode(body), problem.status, media_type="application/problem+json")


def problem_of(error: Exception) -> Problem:
    """What an exception says to the person or program that asked; unknown ones say nothing of the inside."""
    match error:
        case Problem():
            return error
        case UnknownAlert():
            return Problem(404, "No such alert", "it never landed here, or is older than web.retention_days")
        case UnknownSilence():
            return Problem(404, "No such silence", "it has ended, or never was; /silences lists those in force")
        case msgspec.ValidationError():
            return Problem(422, "The request cannot be understood", str(error))
        case msgspec.DecodeError():
            return Problem(400, "The body is not JSON", str(error))
        case _:
            return Problem(500, HTTPStatus(500).phrase, "the page failed at this; its log says more")
