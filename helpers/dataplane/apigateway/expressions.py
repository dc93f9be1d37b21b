"""Parameter expressions: where the value of a mapped parameter comes from.

AWS: ``'text'``, ``method.request.{header|querystring|path}.NAME``, the same with ``multivalue`` before the first two,
``method.request.body`` or ``.body.JSONPATH``, ``context.NAME``, ``stageVariables.NAME``; in a response
``integration.response.header.NAME`` and ``integration.response.body`` ("Parameter mapping source reference", API
Gateway Developer Guide).
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway.exchange import Exchange

_LINE_BREAKS = re.compile(r"[\r\n\0]+")


def of_request(expression: str, exchange: Exchange) -> str | None:
    """Return the value of an expression about the request, or None when there is no such value."""
    if expression.startswith("'"):
        return expression[1:-1]
    if expression.startswith("method.request."):
        place, _, name = expression.removeprefix("method.request.").partition(".")
        return _of_method(place, name, exchange)
    place, _, name = expression.partition(".")
    if place == "stageVariables":
        return exchange.stage_variables.get(name)
    found: Any = exchange.variables() if place == "context" else {}
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return _text(found)


def of_response(expression: str, headers: Headers, body: str, exchange: Exchange) -> str | None:
    """Return the value of an expression about the backend's response, or None when there is no such value."""
    if not expression.startswith("integration.response."):
        return of_request(expression, exchange)
    place, _, name = expression.removeprefix("integration.response.").partition(".")
    if place == "body":
        return _in_body(body, name)
    return ",".join(headers.getlist(name)) if place == "multivalueheader" else headers.get(name)


def as_header(value: str) -> str:
    """Return a value as a header carries it: on one line."""
    return _LINE_BREAKS.sub(" ", value)


def _of_method(place: str, name: str, exchange: Exchange) -> str | None:
    request = exchange.request
    if place == "path":
        return exchange.path_parameters.get(name)
    if place == "body":
        return _in_body(request.body.decode("utf-8", "replace"), name)
    many = request.headers.getlist(name) if place.endswith("header") else parse_qs(request.query, True).get(name, [])
    if not many:
        return None
    return ",".join(many) if place.startswith("multivalue") else many[-1]


def _in_body(body: str, path: str) -> str | None:
    if not path:
        return body
    from helpers.dataplane.apigateway.templates import Input  # JSONPath: slow to import, and few APIs need it

    return _text(Input(body, {}).path(f"$.{path}"))


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
