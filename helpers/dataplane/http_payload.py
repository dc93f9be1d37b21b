"""Payload format 2.0: an HTTP request as a function's event, and a function's result as an HTTP response.

AWS: function URLs and HTTP APIs share this format ("Create AWS Lambda proxy integrations for HTTP APIs", API Gateway
Developer Guide; "Invoking Lambda function URLs", Lambda Developer Guide): repeated headers and query parameters are
joined by commas, cookies stand apart, what is absent is left out, and a result without ``statusCode`` is the body.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from werkzeug.datastructures import Headers

from helpers.dataplane.web import HttpRequest, HttpResponse

_TEXT = ("text/", "application/json", "application/xml", "application/javascript", "application/x-www-form-urlencoded")


@dataclass(frozen=True)
class Place:
    """Where the request arrived: what the event's ``requestContext`` says of it."""

    api_id: str
    domain_name: str
    account_id: str = "anonymous"
    route_key: str = "$default"
    stage: str = "$default"


def event_of(request: HttpRequest, request_id: str, place: Place, path: str) -> dict[str, Any]:
    """Return the event of a request; ``path`` is percent-encoded, as it came."""
    headers = {name.lower(): ",".join(request.headers.getlist(name)) for name in request.headers.keys()}  # noqa: SIM118
    cookies = [cookie.strip() for cookie in headers.pop("cookie", "").split(";") if cookie.strip()]
    http = {
        "method": request.method,
        "path": unquote(path),
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": headers.get("user-agent", ""),
    }
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": place.route_key,
        "rawPath": unquote(path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _request_context(http, request_id, place),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if request.query:
        values: dict[str, str] = {}
        for name, value in parse_qsl(request.query, keep_blank_values=True):
            values[name] = f"{values[name]},{value}" if name in values else value
        event["queryStringParameters"] = values
    if request.body:
        binary = not headers.get("content-type", "text/plain").startswith(_TEXT)
        event["body"] = (base64.b64encode(request.body) if binary else request.body).decode("utf-8", "replace")
        event["isBase64Encoded"] = binary
    return event


def _request_context(http: dict[str, str], request_id: str, place: Place) -> dict[str, Any]:
    moment = datetime.now(UTC)
    return {
        "accountId": place.account_id,
        "apiId": place.api_id,
        "domainName": place.domain_name,
        "domainPrefix": place.api_id,
        "http": http,
        "requestId": request_id,
        "routeKey": place.route_key,
        "stage": place.stage,
        "time": f"{moment:%d/%b/%Y:%H:%M:%S} +0000",
        "timeEpoch": int(moment.timestamp() * 1000),
    }


def response_of(payload: bytes) -> HttpResponse:
    """Return the HTTP response of a function's result; without a statusCode the whole result is the body.

    Raises
    ------
    ValueError
        The result is no response.
    """
    try:
        result = json.loads(payload)
        if isinstance(result, dict) and "statusCode" in result:
            return _response_as_told(result)
    except (TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None
    body = result if isinstance(result, str) else json.dumps(result)
    return HttpResponse(200, Headers({"Content-Type": "application/json"}), body.encode())


def _response_as_told(result: dict[str, Any]) -> HttpResponse:
    status = int(result["statusCode"])
    if not 100 <= status <= 599:
        raise ValueError(f"{status} is no status of HTTP")
    body = result.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    headers = Headers({"Content-Type": "application/json"})
    headers.update({name: str(value) for name, value in (result.get("headers") or {}).items()})
    for cookie in result.get("cookies") or []:
        headers.add("Set-Cookie", cookie)
    content = base64.b64decode(text) if result.get("isBase64Encoded") else text.encode()
    return HttpResponse(status, headers, content)
