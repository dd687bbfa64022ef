"""OpenAPI 3.1 of the interface for programs, made from the table of operations."""

import inspect
import re
from typing import Any

import msgspec

from detector.web.contract import Call, Nothing, Operation, Room, Text
from detector.web.problem import ProblemBody

OpenApi = dict[str, Any]
"""An OpenAPI document."""

_REFERENCE = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)(?::(\w+))?}")


def describe(room: Room, call: Call) -> OpenApi:
    """What programs can ask, as OpenAPI 3.1."""
    return document([one for one in room.operations if not one.is_page])


def document(operations: list[Operation]) -> OpenApi:
    """The document of these operations."""
    types = [one.reply for one in operations if _is_struct(one.reply)]
    types += [one.query for one in operations if one.query is not Nothing]
    types += [one.body for one in operations if one.method == "POST"]
    _, components = msgspec.json.schema_components([*types, ProblemBody], ref_template=_REFERENCE)
    paths: dict[str, Any] = {}
    for one in operations:
        path = _PARAMETER.sub(r"{\1}", one.path)
        paths.setdefault(path, {})[one.method.lower()] = _operation(one, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "CDR anomaly detector: alerts and what operators do with them", "version": "1"},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(one: Operation, components: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": one.answer.__name__,
        "summary": (inspect.getdoc(one.answer) or "").partition("\n")[0],
        "x-role": one.role,
        "parameters": [*_path_parameters(one.path), *_query_parameters(one.query, components)],
        "responses": {
            "200": {"description": "The answer.", "content": _content(one.reply)},
            "default": {
                "description": "What went wrong (RFC 9457).",
                "content": {"application/problem+json": {"schema": _reference(ProblemBody)}},
            },
        },
    }
    if one.method == "POST":
        described["requestBody"] = {"required": True, "content": _content(one.body)}
    return described


def _content(kind: Any) -> dict[str, Any]:
    if kind is Text:
        return {"text/plain": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": _reference(kind) if _is_struct(kind) else {"type": "object"}}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if convertor == "int" else "string"},
        }
        for name, convertor in _PARAMETER.findall(path)
    ]


def _query_parameters(query: type[msgspec.Struct], components: dict[str, Any]) -> list[dict[str, Any]]:
    if query is Nothing:
        return []
    return [{"name": name, "in": "query", "schema": s} for name, s in components[query.__name__]["properties"].items()]


def _reference(kind: Any) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
