"""The functions of a behaviour, of both kinds, at the four events of a request.

AWS: viewer-request, then the cache; where the cache has nothing: origin-request, the origin, origin-response; at last
viewer-response. A request's function may answer itself: at the viewer's side that is not cached and nothing follows,
at the origin's side it is cached. viewer-response does not run for errors of the origin ("CloudFront events that can
trigger a Lambda@Edge function" and "Restrictions on all edge functions", CloudFront Developer Guide).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES

from helpers.dataplane.awslambda.plane import LambdaPlane
from helpers.dataplane.cloudfront import javascript, lambda_edge
from helpers.dataplane.cloudfront.distribution import Distribution, items
from helpers.dataplane.cloudfront.functions import CloudFrontFunctions
from helpers.dataplane.cloudfront.origins import bucket_of
from helpers.dataplane.cloudfront.private_content import VIEWER
from helpers.dataplane.web import HttpRequest, HttpResponse


@dataclass
class Visit:
    """One request of a viewer. ``request`` is what functions have made of it, ``origin`` where it goes."""

    distribution: Distribution
    behavior: Mapping[str, Any]
    request: HttpRequest
    request_id: str
    origin: Mapping[str, Any]
    result: str = "Miss"
    """What X-Cache says, before ``from cloudfront``."""
    passing: bool = True
    """Whether viewer-response is still to come."""


class EdgeFunctions:
    """Runs what is associated with a behaviour."""

    def __init__(self, lambdas: LambdaPlane, functions: CloudFrontFunctions) -> None:
        self._lambdas, self._functions = lambdas, functions

    def viewer_request(self, visit: Visit) -> HttpResponse | None:
        """Let the function change the request, or return its own response."""
        code = self._code(visit, "viewer-request")
        if code is not None:
            answer = self._javascript(visit, code, "viewer-request", None)
            visit.result = "FunctionGeneratedResponse" if answer is not None else visit.result
            return answer
        return self._on_request(visit, visit.request, "viewer-request")

    def origin_request(self, visit: Visit, request: HttpRequest) -> HttpResponse | None:
        """Let the function change ``request``, which goes to the origin, or return its own response."""
        return self._on_request(visit, request, "origin-request")

    def origin_response(self, visit: Visit, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Let the function change what the origin answered."""
        return self._on_response(visit, request, response, "origin-response")

    def viewer_response(self, visit: Visit, response: HttpResponse) -> HttpResponse:
        """Let the function change what the viewer gets."""
        code = self._code(visit, "viewer-response")
        if code is not None:
            return self._javascript(visit, code, "viewer-response", response) or response
        return self._on_response(visit, visit.request, response, "viewer-response")

    def _on_request(self, visit: Visit, request: HttpRequest, event: str) -> HttpResponse | None:
        arn = _lambda_arn(visit, event)
        if not arn:
            return None
        result = lambda_edge.run(self._lambdas, arn, _record(visit, request, event), visit.request_id)
        if not isinstance(result, dict):
            raise lambda_edge.invalid("The function must return a request or a response.")
        if "status" in result:
            visit.result = "LambdaGeneratedResponse"
            return lambda_edge.read_response(result, HttpResponse(), event)
        uri, query = result.get("uri"), result.get("querystring", "")
        if result.get("method") != request.method or not isinstance(uri, str) or not uri.startswith("/"):
            raise lambda_edge.invalid("The method cannot change, and the uri must begin with a slash.")
        request.headers = lambda_edge.read_headers(result.get("headers"), request.headers, event)
        request.path, request.query = uri, str(query)
        if event == "origin-request":
            visit.origin = _read_origin(result.get("origin"), visit.origin)
        return None

    def _on_response(self, visit: Visit, request: HttpRequest, response: HttpResponse, event: str) -> HttpResponse:
        arn = _lambda_arn(visit, event)
        if not arn:
            return response
        record = _record(visit, request, event)
        record["Records"][0]["cf"]["response"] = {
            "status": str(response.status),
            "statusDescription": HTTP_STATUS_CODES.get(response.status, ""),
            "headers": lambda_edge.as_event(response.headers),
        }
        result = lambda_edge.run(self._lambdas, arn, record, visit.request_id)
        if not isinstance(result, dict):
            raise lambda_edge.invalid("The function must return a response.")
        return lambda_edge.read_response(result, response, event)

    def _code(self, visit: Visit, event: str) -> str | None:
        for one in items(visit.behavior.get("FunctionAssociations")):
            if one["EventType"] == event:
                return self._functions.live_code(one["FunctionARN"])
        return None

    def _javascript(self, visit: Visit, code: str, event: str, response: HttpResponse | None) -> HttpResponse | None:
        about = _config(visit, event)
        self._functions.count()
        ran = javascript.run(code, javascript.event_of(about, VIEWER, visit.request, response))
        if ran.error:
            raise javascript.failed()
        return javascript.apply(ran.output, visit.request, response)


def _lambda_arn(visit: Visit, event: str) -> str:
    found = [
        one["LambdaFunctionARN"]
        for one in items(visit.behavior.get("LambdaFunctionAssociations"))
        if one["EventType"] == event
    ]
    return str(found[0]) if found else ""


def _config(visit: Visit, event: str) -> dict[str, str]:
    return {
        "distributionDomainName": visit.distribution.domain,
        "distributionId": visit.distribution.id,
        "eventType": event,
        "requestId": visit.request_id,
    }


def _record(visit: Visit, request: HttpRequest, event: str) -> dict[str, Any]:
    shown = {
        "clientIp": VIEWER,
        "headers": lambda_edge.as_event(request.headers),
        "method": request.method,
        "querystring": request.query,
        "uri": request.path,
    }
    if event.startswith("origin"):
        shown["origin"] = _shown_origin(visit.origin)
    return {"Records": [{"cf": {"config": _config(visit, event), "request": shown}}]}


def _shown_origin(origin: Mapping[str, Any]) -> dict[str, Any]:
    custom = {
        one["HeaderName"].lower(): [{"key": one["HeaderName"], "value": one["HeaderValue"]}]
        for one in items(origin.get("CustomHeaders"))
    }
    place = {"customHeaders": custom, "domainName": origin["DomainName"], "path": origin.get("OriginPath") or ""}
    if bucket_of(origin["DomainName"]):
        return {"s3": {**place, "authMethod": "none", "region": ""}}
    config = origin.get("CustomOriginConfig") or {}
    return {
        "custom": {
            **place,
            "keepaliveTimeout": int(config.get("OriginKeepaliveTimeout") or 5),
            "port": int(config.get("HTTPPort") or 80),
            "protocol": "http",
            "readTimeout": int(config.get("OriginReadTimeout") or 30),
            "sslProtocols": ["TLSv1.2"],
        }
    }


def _read_origin(given: Any, before: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the origin that an origin-request function wants; an origin access control stays with it."""
    if given is None:
        return before
    try:
        ((kind, place),) = given.items()
        headers = [
            {"HeaderName": name, "HeaderValue": one["value"]}
            for name, entries in (place.get("customHeaders") or {}).items()
            for one in entries
        ]
        wanted = {**before, "DomainName": place["domainName"], "OriginPath": place.get("path") or ""}
        if kind == "custom":
            ports = {"HTTPPort": place["port"], "OriginReadTimeout": place.get("readTimeout", 30)}
            wanted["CustomOriginConfig"] = {**(before.get("CustomOriginConfig") or {}), **ports}
        return {**wanted, "CustomHeaders": {"Quantity": len(headers), "Items": headers}}
    except (AttributeError, TypeError, ValueError, KeyError):
        raise lambda_edge.invalid("The origin must be exactly one S3 or custom origin.") from None
