"""Lambda proxy integration: a request as an event in payload format 1.0, and a result as a response.

AWS: the function gets the whole request and answers ``{"statusCode", "headers", "multiValueHeaders", "body",
"isBase64Encoded"}``; anything else is a 502. Empty maps come as null. A body is in base64 when its type is one of the
API's ``binaryMediaTypes``; one that the function gives in base64 is decoded when the client's first accepted type is
("Lambda proxy integrations" and "Return binary media from a Lambda proxy integration", API Gateway Developer Guide).
Without a statusCode the status is 200, as recorded on AWS; the guide calls it required.

Differs: the headers that CloudFront adds for edge-optimized APIs are not there.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.web import HttpRequest, HttpResponse

_RESULT = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})
_IDENTITY = (
    "cognitoIdentityPoolId", "accountId", "cognitoIdentityId", "caller", "sourceIp", "principalOrgId", "accessKey",
    "cognitoAuthenticationType", "cognitoAuthenticationProvider", "userArn", "userAgent", "user",
)  # fmt: skip
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOP_BY_HOP = frozenset({"connection", "content-length", "transfer-encoding", "trailer", "upgrade", "expect"})


class Malformed(ValueError):
    """A result that is no response."""


def event_of(exchange: Exchange) -> dict[str, Any]:
    """Return the event of a request."""
    request = exchange.request
    headers, query = headers_of(request), parse_qsl(request.query, keep_blank_values=True)
    binary = bool(request.body) and is_binary(exchange, media_type(request.headers))
    context = exchange.variables()
    for mine in ("integration", "requestOverride", "responseOverride"):
        context.pop(mine, None)
    context["identity"] = dict.fromkeys(_IDENTITY) | exchange.identity
    context["deploymentId"] = exchange.stage.deployment_id
    if not context["authorizer"]:
        del context["authorizer"]
    body = base64.b64encode(request.body) if binary else request.body
    return {
        "resource": exchange.resource.path,
        "path": exchange.path,
        "httpMethod": request.method,
        "headers": dict(headers) or None,
        "multiValueHeaders": many(headers) or None,
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": many(query) or None,
        "pathParameters": exchange.path_parameters or None,
        "stageVariables": exchange.stage_variables or None,
        "requestContext": context,
        "body": body.decode("utf-8", "replace") or None,
        "isBase64Encoded": binary,
    }


def response_of(payload: bytes, exchange: Exchange) -> HttpResponse:
    """Return the response that a function's result means.

    Raises
    ------
    Malformed
        The result is not an object of that form.
    """
    try:
        result = json.loads(payload)
        if not isinstance(result, dict) or set(result) - _RESULT:
            raise Malformed("the result is not an object, or has a key that no response has")
        return _response(result, exchange)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise Malformed(str(error)) from None


def headers_of(request: HttpRequest) -> list[tuple[str, str]]:
    """Return a request's headers as a backend gets them, with those that API Gateway adds."""
    kept = [(name, value) for name, value in request.headers if name.lower() not in _HOP_BY_HOP]
    return [*kept, ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-Port", "443"), ("X-Forwarded-Proto", "https")]


def media_type(headers: Headers) -> str:
    """Return the content type without its parameters; without one it is application/json."""
    return (headers.get("Content-Type") or "application/json").partition(";")[0].strip().lower()


def is_binary(exchange: Exchange, media: str) -> bool:
    """Return whether the API takes bodies of a media type for binary."""
    return bool({media, "*/*"} & set(exchange.snapshot.binary_media_types))


def wants_binary(exchange: Exchange) -> bool:
    """Return whether the type that the client accepts first is binary for the API."""
    accepted = exchange.request.headers.get("Accept", "*/*").partition(",")[0].partition(";")[0].strip()
    return is_binary(exchange, accepted)


def many(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Return all values of each name: the multi-value maps of payload format 1.0 and of WebSocket events."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _response(result: dict[str, Any], exchange: Exchange) -> HttpResponse:
    status, body = int(result.get("statusCode") or 200), result.get("body")
    if not 100 <= status <= 599:
        raise Malformed(f"{status} is no status of HTTP")
    if body is not None and not isinstance(body, str):
        raise Malformed("the body is not a string")
    headers = Headers()
    for name, values in (result.get("multiValueHeaders") or {}).items():
        if not isinstance(values, list):
            raise Malformed(f"the values of {name} in multiValueHeaders are not a list")
        headers.setlist(name, [_text(value) for value in values])
    for name, value in (result.get("headers") or {}).items():
        if _text(value) not in headers.getlist(name):
            headers.add(name, _text(value))
    if not all(_HEADER_NAME.fullmatch(name) for name, _ in headers):
        raise Malformed("a header's name is none of HTTP's")
    headers.setdefault("Content-Type", "application/json")
    content = (body or "").encode()
    if result.get("isBase64Encoded") and wants_binary(exchange):
        content = base64.b64decode(content)
    return HttpResponse(status, headers, content)


def _text(value: Any) -> str:
    if isinstance(value, (list, dict)):
        raise Malformed("a header's value is not a string")
    return value if isinstance(value, str) else json.dumps(value)
