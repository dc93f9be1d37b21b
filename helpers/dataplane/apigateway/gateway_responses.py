"""How API Gateway words its own answers.

AWS: the default template is ``{"message":$context.error.messageString}``; an API may override the status, headers and
templates of each type, or of all types of a class with DEFAULT_4XX and DEFAULT_5XX. These templates are not run as
mapping templates: their variables are put in, no more ("Gateway responses in API Gateway", API Gateway Developer
Guide).

Differs: why an integration failed stands in the header ``x-local-cloud-reason``; AWS tells that only in execution logs.
"""

from __future__ import annotations

import json
import re
from typing import Any

from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway import expressions
from helpers.dataplane.apigateway.errors import KINDS, GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.web import HttpResponse

_VARIABLE = re.compile(r"\$(?:context|stageVariables)\.\w+(?:\.\w+)*")


def plain(error: GatewayError) -> HttpResponse:
    """Return the answer of ``error`` as AWS words it when nothing is overridden."""
    body = json.dumps({"Message" if error.kind == "ACCESS_DENIED" else "message": error.message}, separators=(",", ":"))
    headers = Headers({"Content-Type": "application/json", "x-amzn-ErrorType": KINDS[error.kind].error_type})
    if error.kind == "REQUEST_TOO_LARGE":  # recorded on AWS: no JSON
        headers["Content-Type"], body = "text/plain", error.message
    return HttpResponse(error.status, headers, body.encode())


def unavailable() -> HttpResponse:
    """Return the answer of an API whose Region is switched off."""
    return HttpResponse(503, Headers({"Content-Type": "application/json"}), b'{"message":"Service Unavailable"}')


def render(error: GatewayError, exchange: Exchange) -> HttpResponse:
    """Return the answer of ``error`` in the words of the API."""
    text = error.message
    exchange.extra |= {
        "error.message": text,
        "error.messageString": json.dumps(text),
        "error.responseType": error.kind,
    }
    response = plain(error)
    if reason := exchange.extra.get("integration.error"):
        response.headers["x-local-cloud-reason"] = expressions.as_header(
            reason.encode("ascii", "backslashreplace").decode()
        )
    override = _override(error, exchange.snapshot.gateway_responses)
    if override.get("statusCode"):
        response.status = int(override["statusCode"])
    for name, value in (override.get("responseParameters") or {}).items():
        response.headers[name.removeprefix("gatewayresponse.header.")] = expressions.as_header(
            expressions.of_request(value, exchange) or ""
        )
    templates = override.get("responseTemplates") or {}
    if templates:
        accepted = exchange.request.headers.get("Accept", "").partition(",")[0].partition(";")[0].strip()
        media = accepted if accepted in templates else "application/json"
        media = media if media in templates else next(iter(templates))
        response.headers["Content-Type"] = media
        response.body = _filled(templates[media] or "", exchange).encode()
    return response


def _override(error: GatewayError, overrides: dict[str, dict[str, Any]]) -> dict[str, Any]:
    family = "DEFAULT_5XX" if KINDS[error.kind].status >= 500 else "DEFAULT_4XX"
    return overrides.get(error.kind) or overrides.get(family) or {}


def _filled(template: str, exchange: Exchange) -> str:
    return _VARIABLE.sub(lambda match: expressions.of_request(match[0][1:], exchange) or "", template)
