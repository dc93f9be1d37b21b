"""HTTP APIs: from a request to a response, with less on the way than in a REST API.

AWS: a request goes to the stage that its path names, else to ``$default``; a route is chosen, a JWT authorizer may ask
for a token, and a Lambda function or an HTTP server answers. Nothing found is a 404 ``{"message":"Not Found"}``, a
function that fails a 500 ``{"message":"Internal Server Error"}``, one that takes over 30 seconds a 503. With a CORS
configuration API Gateway answers preflights itself and adds the headers ("Create routes for HTTP APIs", "Create AWS
Lambda proxy integrations for HTTP APIs", "Configure CORS for HTTP APIs", API Gateway Developer Guide).

Here the address is ``{endpoint}/_aws/execute-api/API/path``, or ``.../API/STAGE/path``. HTTP proxies reach servers on
this machine only. Not sourced: the 204 of a preflight, the words of the 503, that ``rawPath`` begins with the stage.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import urllib3
from moto.apigatewayv2.models import Api, Integration, Stage
from werkzeug.datastructures import Headers

from helpers.dataplane import tracing
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.integrations.waiting import within
from helpers.dataplane.apigateway.v2 import http_routes, measures, payload_1
from helpers.dataplane.apigateway.v2.arns import function_arn
from helpers.dataplane.apigateway.v2.deployments import Deployed, Deployments
from helpers.dataplane.apigateway.v2.jwt_authorizer import JwtAuthorizer
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Delivery, Post
from helpers.dataplane.http_payload import Place, event_of, response_of
from helpers.dataplane.web import HttpRequest, HttpResponse

LONGEST_MS = 30_000
_HERE = frozenset({"127.0.0.1", "localhost"})
_FAILED = GatewayError("API_CONFIGURATION_ERROR", "Internal Server Error", 500)
_CORS = "Access-Control-"


@dataclass
class _Visit:
    """What is found out about a request on its way, for its metrics."""

    stage: str = ""
    integration_ms: float | None = None

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of the integration, whether or not it works."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.integration_ms = (time.perf_counter() - started) * 1000


class HttpApis:
    """Answers at the addresses of HTTP APIs."""

    def __init__(self, context: Context, post: Post, deployments: Deployments) -> None:
        self._context, self._post, self._deployments = context, post, deployments
        self._jwt = JwtAuthorizer(context)
        self._pool = urllib3.PoolManager(maxsize=20, retries=False)

    def answer(self, api: Api, request: HttpRequest, below: str) -> HttpResponse:
        """Answer a request; ``below`` is the path after the API's id."""
        started, visit = time.time(), _Visit()
        cors = cors_headers(cast(dict[str, Any], api.cors_configuration or {}), request)
        try:
            preflight = request.method == "OPTIONS" and api.cors_configuration
            with tracing.entered(request.headers):
                response = HttpResponse(204) if preflight else self._routed(api, request, below, visit)
        except GatewayError as error:
            response = _told(error)
        if api.cors_configuration:
            for name in [name for name in response.headers.keys() if name.startswith(_CORS)]:  # noqa: SIM118
                del response.headers[name]
            response.headers.update(cors)
        took = (time.time() - started) * 1000
        measures.count_request(api, visit.stage, response.status, took, visit.integration_ms)
        self._context.record.meter("apigateway", "HTTP requests")
        self._context.record.add(
            "call", self._context.http_caller(), "apigateway", f"{request.method} /{below}", subject=api.name,
            outcome="ok" if response.status < 400 else str(response.status), started=started,
            milliseconds=took,
        )  # fmt: skip
        return response

    def _routed(self, api: Api, request: HttpRequest, below: str, visit: _Visit) -> HttpResponse:
        first, _, rest = below.partition("/")
        named = first in api.stages and first != "$default"
        stage = api.stages.get(first if named else "$default")
        visit.stage = stage.name if stage else ""
        deployed = self._deployments.served(api, stage) if stage else None
        path = f"/{rest if named else below}"
        found = http_routes.find(deployed.routes, request.method, path) if deployed else None
        if stage is None or deployed is None or found is None:
            raise GatewayError("RESOURCE_NOT_FOUND")
        key, parameters = found
        claims = self._claims(deployed, key, request)
        integration = deployed.integration_of(deployed.routes[key])
        if integration is None:
            raise _FAILED
        if integration.integration_type == "HTTP_PROXY":
            with visit.timed():
                return self._forwarded(integration, request, parameters)
        event = self._event(api, stage, key, request, f"/{below}", integration, parameters)
        if claims is not None:
            event["requestContext"]["authorizer"] = {"jwt": claims}
        with visit.timed():
            return self._asked(api, stage, key, integration, event)

    def _claims(self, deployed: Deployed, key: str, request: HttpRequest) -> dict[str, Any] | None:
        route = deployed.routes[key]
        if route.authorization_type != "JWT":
            return None
        authorizer = deployed.authorizers[str(route.authorizer_id)]
        return self._jwt.claims(authorizer, route.authorization_scopes or (), request)

    def _event(
        self,
        api: Api,
        stage: Stage,
        key: str,
        request: HttpRequest,
        path: str,
        integration: Integration,
        parameters: dict[str, str],
    ) -> dict[str, Any]:
        domain = request.domain or f"{api.api_id}.execute-api.{api.backend.region_name}.amazonaws.com"
        place = Place(api.api_id, domain, self._context.account_id, key, stage.name)
        event = event_of(request, self._context.new_id(), place, path)
        if parameters:
            event["pathParameters"] = parameters
        if stage.stage_variables:
            event["stageVariables"] = stage.stage_variables
        return event if integration.payload_format_version == "2.0" else payload_1.event_of(event, request)

    def _asked(self, api: Api, stage: Stage, key: str, integration: Integration, event: dict[str, Any]) -> HttpResponse:
        """Return what a function answers."""
        context = self._context
        below = "$default" if key == "$default" else key.replace(" /", "/", 1).replace("ANY/", "*/", 1)
        place = f"{api.backend.region_name}:{context.account_id}:{api.api_id}"
        source_arn = f"arn:aws:execute-api:{place}/{stage.name}/{below}"
        arn = function_arn(integration.integration_uri, stage.stage_variables)
        delivery = Delivery("apigateway", source_arn, arn, json.dumps(event), key, api.name)
        seconds = min(int(integration.timeout_in_millis or LONGEST_MS), LONGEST_MS) / 1000
        try:
            outcome = within(seconds, lambda: self._post.ask(delivery))
            if outcome.function_error:
                raise _FAILED
            old = integration.payload_format_version == "1.0"
            return payload_1.response_of(outcome.payload) if old else response_of(outcome.payload)
        except (AWSError, ValueError):
            raise _FAILED from None
        except GatewayError as error:
            late = error.kind == "INTEGRATION_TIMEOUT"
            raise GatewayError("INTEGRATION_TIMEOUT", "Service Unavailable", 503) if late else error from None

    def _forwarded(self, integration: Integration, request: HttpRequest, parameters: dict[str, str]) -> HttpResponse:
        """Return what an HTTP server answers; ``{name}`` in its address is the path parameter of that name."""
        url = integration.integration_uri
        for name, value in parameters.items():
            url = url.replace(f"{{{name}}}", value).replace(f"{{{name}+}}", value)
        if urlsplit(url).hostname not in _HERE:
            raise _FAILED
        method = integration.integration_method
        headers = {name: value for name, value in request.headers if name.lower() not in ("host", "connection")}
        url += ("&" if "?" in url else "?") + request.query if request.query else ""
        try:
            answer = self._pool.request(
                request.method if method == "ANY" else method, url, body=request.body or None, headers=headers,
                redirect=False, timeout=LONGEST_MS / 1000,
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError):
            raise GatewayError("INTEGRATION_FAILURE", "Service Unavailable", 503) from None
        return HttpResponse(answer.status, Headers(list(answer.headers.items())), answer.data)


def cors_headers(cors: dict[str, Any], request: HttpRequest) -> dict[str, str]:
    """Return what a CORS configuration adds to a response: nothing for an origin that it does not name."""
    origin, allowed = request.headers.get("Origin", ""), cors.get("allowOrigins") or []
    if not origin or not ("*" in allowed or origin in allowed):
        return {}
    found = {
        "Allow-Origin": "*" if "*" in allowed else origin,
        "Expose-Headers": ",".join(cors.get("exposeHeaders") or []),
    }
    if cors.get("allowCredentials"):
        found["Allow-Credentials"] = "true"
    if request.method == "OPTIONS":
        found["Allow-Methods"] = ",".join(cors.get("allowMethods") or [])
        found["Allow-Headers"] = ",".join(cors.get("allowHeaders") or [])
        found["Max-Age"] = str(cors.get("maxAge") or "")
    return {f"{_CORS}{name}": value for name, value in found.items() if value}


def _told(error: GatewayError) -> HttpResponse:
    headers = Headers({"Content-Type": "application/json"})
    if error.kind == "UNAUTHORIZED":
        headers["www-authenticate"] = "Bearer"
    return HttpResponse(error.status, headers, json.dumps({"message": error.message}).encode())
