"""What the integrations that are no proxies share: request templates, the choice of a response, and its mapping.

AWS: a request template is chosen by the request's Content-Type (application/json when it has none);
``passthroughBehavior`` says what happens without one: WHEN_NO_MATCH passes the body on, WHEN_NO_TEMPLATES does so if
there is no template at all, NEVER refuses with 415. The integration response is the first whose ``selectionPattern``
matches the backend's status, or a function's error message, else the one without a pattern ("Data transformations in
API Gateway" and "Method request behavior for payloads without mapping templates", API Gateway Developer Guide).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.proxy_event import media_type
from helpers.dataplane.web import HttpResponse


@dataclass(frozen=True)
class Backend:
    """What a backend answered."""

    status: int
    body: str
    headers: Headers = field(default_factory=Headers)


def request_body(exchange: Exchange, integration: dict[str, Any]) -> str:
    """Return the body for the backend.

    Raises
    ------
    GatewayError
        UNSUPPORTED_MEDIA_TYPE.
    """
    templates, body = integration.get("requestTemplates") or {}, exchange.request.body.decode("utf-8", "replace")
    template = templates.get(media_type(exchange.request.headers))
    if template is not None:
        return render(template, exchange, body)
    behaviour = integration.get("passthroughBehavior") or "WHEN_NO_MATCH"
    if behaviour == "NEVER" or (behaviour == "WHEN_NO_TEMPLATES" and templates):
        raise GatewayError("UNSUPPORTED_MEDIA_TYPE")
    return body


def choose(integration: dict[str, Any], told: str) -> dict[str, Any]:
    """Return the integration response whose pattern matches ``told``, else the default one.

    Raises
    ------
    GatewayError
        API_CONFIGURATION_ERROR: none matches.
    """
    default: dict[str, Any] | None = None
    for response in (integration.get("integrationResponses") or {}).values():
        pattern = response.get("selectionPattern")
        if not pattern:
            default = response
        elif told and re.fullmatch(pattern, told, re.DOTALL):
            return dict(response)
    if default is None:
        raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error", 500)
    return default


def response(exchange: Exchange, chosen: dict[str, Any], backend: Backend) -> HttpResponse:
    """Return the method response: the chosen status, headers and template applied to what the backend answered."""
    templates = chosen.get("responseTemplates") or {}
    accepted = exchange.request.headers.get("Accept", "").partition(",")[0].partition(";")[0].strip()
    media = accepted if accepted in templates else next(iter(templates), "application/json")
    headers = Headers({"Content-Type": media})
    for name, value in (chosen.get("responseParameters") or {}).items():
        found = _value(value, backend)
        if found is not None:
            headers[name.removeprefix("method.response.header.")] = found
    template = templates.get(media)
    body = render(template, exchange, backend.body) if template else backend.body
    override = exchange.response_override
    for name, value in override["header"].items():
        headers[name] = str(value)
    return HttpResponse(int(override.get("status") or chosen["statusCode"]), headers, body.encode())


def render(template: str, exchange: Exchange, body: str) -> str:
    """Return a mapping template, applied; one without variables and directives is its own result."""
    if "$" not in template and "#" not in template:
        return template
    from helpers.dataplane.apigateway import templates  # slow to import, and few APIs need it

    return templates.render(template, exchange, body)


def _value(expression: str, backend: Backend) -> str | None:
    """Return ``'text'``, ``integration.response.header.NAME`` or ``integration.response.body.PATH``."""
    if expression.startswith("'"):
        return expression[1:-1]
    place, _, name = expression.removeprefix("integration.response.").partition(".")
    if place == "header":
        return backend.headers.get(name)
    found: Any = _json(backend.body)
    for part in name.split(".") if name else []:
        found = found.get(part) if isinstance(found, dict) else None
    return found if found is None or isinstance(found, str) else json.dumps(found)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
