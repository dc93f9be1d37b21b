"""Payload format 1.0 of an HTTP API: the event of a REST API's proxy integration, for functions written for that.

AWS: "Create AWS Lambda proxy integrations for HTTP APIs" (API Gateway Developer Guide) shows both formats side by side.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from helpers.dataplane.apigateway.proxy_event import many
from helpers.dataplane.http_payload import response_of as _response_2
from helpers.dataplane.web import HttpRequest, HttpResponse


def event_of(event: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    """Return an event in format 1.0 for one in format 2.0 and its request."""
    context, query = event["requestContext"], parse_qsl(request.query, keep_blank_values=True)
    http, headers = context["http"], list(request.headers)
    names = ("accountId", "apiId", "domainName", "domainPrefix", "requestId", "stage")
    resource = event["routeKey"].partition(" ")[2] or "$default"
    return {
        "version": "1.0",
        "resource": resource,
        "path": event["rawPath"],
        "httpMethod": http["method"],
        "headers": dict(headers),
        "multiValueHeaders": {name: request.headers.getlist(name) for name, _ in headers},
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": many(query) or None,
        "pathParameters": event.get("pathParameters"),
        "stageVariables": event.get("stageVariables"),
        "requestContext": {
            **{name: context[name] for name in names},
            "extendedRequestId": context["requestId"],
            "httpMethod": http["method"],
            "identity": {"sourceIp": http["sourceIp"], "userAgent": http["userAgent"]},
            "path": http["path"],
            "protocol": http["protocol"],
            "requestTime": context["time"],
            "requestTimeEpoch": context["timeEpoch"],
            "resourcePath": resource,
        },
        "body": event.get("body"),
        "isBase64Encoded": event["isBase64Encoded"],
    }


def response_of(payload: bytes) -> HttpResponse:
    """Return the response of a result in format 1.0: as in 2.0, but nothing is inferred, and headers may repeat.

    Raises
    ------
    ValueError
        The result is no response.
    """
    result = json.loads(payload)
    if not isinstance(result, dict) or "statusCode" not in result:
        raise ValueError("a result in payload format 1.0 needs a statusCode")
    response = _response_2(payload)
    for name, values in (result.get("multiValueHeaders") or {}).items():
        response.headers.setlist(name, [str(value) for value in values])
    return response
