"""How API Gateway words its own answers.

AWS: the default template is ``{"message":$context.error.messageString}``; an API may override the status, headers and
templates of each type, or of all types of a class with DEFAULT_4XX and DEFAULT_5XX. These templates are not run as
mapping templates: their variables are put in, no more ("Gateway responses in API Gateway", API Gateway Developer
Guide).
"""

from __future__ import annotations

import json
import re
from typing import Any

from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway.errors import KINDS, GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.web import HttpResponse

_VARIABLE = re.compile(r"\$(context|stageVariables)\.([A-Za-z_][\w.]*\w|\w)")


def plain(error: GatewayError) -> HttpResponse:
    """Return the answer of ``error`` as AWS words it when nothing is overridden."""
    name = "Message" if error.kind == "ACCESS_DENIED" else "message"
    return HttpResponse(
        error.status, _headers(error), json.dumps({name: error.message}, separators=(",", ":")).encode()
    )


def render(error: GatewayError, exchange: Exchange) -> HttpResponse:
    """Return the answer of ``error`` in the words of the API."""
    text = error.message
    exchange.extra |= {
        "error.message": text,
        "error.messageString": json.dumps(text),
        "error.responseType": error.kind,
    }
    response = plain(error)
    override = _override(error, exchange.snapshot.gateway_responses)
    if override.get("statusCode"):
        response.status = int(override["statusCode"])
    for name, value in (override.get("responseParameters") or {}).items():
        response.headers[name.removeprefix("gatewayresponse.header.")] = _value(value, exchange)
    templates = override.get("responseTemplates") or {}
    if templates:
        accepted = exchange.request.headers.get("Accept", "").partition(",")[0].partition(";")[0].strip()
        media = accepted if accepted in templates else "application/json"
        media = media if media in templates else next(iter(templates))
        response.headers["Content-Type"] = media
        response.body = _filled(templates[media] or "", exchange).encode()
    return response


def _headers(error: GatewayError) -> Headers:
    return Headers({"Content-Type": "application/json", "x-amzn-ErrorType": KINDS[error.kind].error_type})


def _override(error: GatewayError, overrides: dict[str, dict[str, Any]]) -> dict[str, Any]:
    family = "DEFAULT_5XX" if KINDS[error.kind].status >= 500 else "DEFAULT_4XX"
    return overrides.get(error.kind) or overrides.get(family) or {}


def _value(expression: str, exchange: Exchange) -> str:
    """Return a header's value: ``'text'``, ``context.x``, ``stageVariables.x`` or a parameter of the request."""
    if expression.startswith("'"):
        return expression.strip("'")
    place, _, name = expression.removeprefix("method.request.").partition(".")
    if place == "header":
        return str(exchange.request.headers.get(name, ""))
    if place == "path":
        return exchange.path_parameters.get(name, "")
    return _filled(f"${expression}", exchange)


def _filled(template: str, exchange: Exchange) -> str:
    known = {"context": exchange.variables(), "stageVariables": exchange.stage_variables}

    def value(match: re.Match[str]) -> str:
        found: Any = known[match[1]]
        for name in match[2].split("."):
            found = found.get(name, "") if isinstance(found, dict) else ""
        return found if isinstance(found, str) else json.dumps(found)

    return _VARIABLE.sub(value, template)
