"""What the integrations that are no proxies share: the request to the backend, and how its answer becomes a response.

AWS: a request template is chosen by the request's Content-Type (application/json when it has none);
``passthroughBehavior`` says what happens without one: WHEN_NO_MATCH passes the body on, WHEN_NO_TEMPLATES does so if
there is no template at all, NEVER refuses with 415. The integration response is the one whose ``selectionPattern``
matches the backend's whole status, or a function's whole error message, else the one without a pattern; a dot matches
no line break ("Data transformations in API Gateway" and "Method request behavior for payloads without mapping
templates", API Gateway Developer Guide; SelectionPattern, API Gateway API Reference).

Not sourced: which of several patterns that match is taken (here the first), and which template when the client accepts
none of them (here application/json, else the first).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway import expressions
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


@dataclass
class Mapped:
    """The mapped parameters of a request to a backend."""

    header: dict[str, str] = field(default_factory=dict)
    querystring: dict[str, str] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)

    def uri(self, template: str, variables: dict[str, str]) -> str:
        """Return an integration's URI with the path parameters and the stage's variables put in."""
        for name, value in self.path.items():
            template = template.replace("{" + name + "}", value)
        return filled(template, variables)


def filled(text: str, variables: dict[str, str]) -> str:
    """Return ``text`` with ``${stageVariables.x}`` replaced; a variable that the stage lacks becomes nothing."""
    return re.sub(r"\$\{stageVariables\.(.*?)\}", lambda match: variables.get(match[1], ""), text)


def parameters(exchange: Exchange, integration: dict[str, Any]) -> Mapped:
    """Return the values of ``integration.request.*``, those that templates override included."""
    mapped = Mapped()
    for target, expression in (integration.get("requestParameters") or {}).items():
        place, _, name = target.removeprefix("integration.request.").partition(".")
        value = expressions.of_request(str(expression), exchange)
        if value is not None:
            getattr(mapped, place)[name] = value
    for place, values in exchange.request_override.items():
        getattr(mapped, place).update({name: str(value) for name, value in values.items()})
    mapped.header = {name: expressions.as_header(value) for name, value in mapped.header.items()}
    return mapped


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


def answer(exchange: Exchange, integration: dict[str, Any], told: str, backend: Backend) -> HttpResponse:
    """Return the method response for what the backend answered; ``told`` is what selection patterns look at.

    Raises
    ------
    GatewayError
        API_CONFIGURATION_ERROR: no integration response is for that.
    """
    chosen = _choose(exchange, integration, told)
    templates = chosen.get("responseTemplates") or {}
    accepted = exchange.request.headers.get("Accept", "").partition(",")[0].partition(";")[0].strip()
    media = next((one for one in (accepted, "application/json", *templates) if one in templates), "application/json")
    headers = Headers({"Content-Type": media})
    for name, expression in (chosen.get("responseParameters") or {}).items():
        value = expressions.of_response(expression, backend.headers, backend.body, exchange)
        if value is not None:
            headers[name.removeprefix("method.response.header.")] = expressions.as_header(value)
    template = templates.get(media)
    body = render(template, exchange, backend.body) if template else backend.body
    override = exchange.response_override
    headers.update({name: expressions.as_header(str(value)) for name, value in override["header"].items()})
    return HttpResponse(int(override.get("status") or chosen["statusCode"]), headers, body.encode())


def _choose(exchange: Exchange, integration: dict[str, Any], told: str) -> dict[str, Any]:
    responses = list((integration.get("integrationResponses") or {}).values())
    for one in responses:
        if one.get("selectionPattern") and re.fullmatch(one["selectionPattern"], told):
            return dict(one)
    for one in responses:
        if not one.get("selectionPattern"):
            return dict(one)
    exchange.failed(
        "Execution failed due to configuration error: "
        f"No match for output mapping and no default output mapping configured ({told or 'success'})"
    )
    raise GatewayError("API_CONFIGURATION_ERROR")


def render(template: str, exchange: Exchange, body: str) -> str:
    """Return a mapping template, applied; one without variables and directives is its own result."""
    if "$" not in template and "#" not in template:
        return template
    from helpers.dataplane.apigateway import templates  # slow to import, and few APIs need it

    return templates.render(template, exchange, body)
