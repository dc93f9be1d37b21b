"""CloudFront Functions: small JavaScript functions for the two viewer events.

AWS: ``handler(event)`` gets a request, or a response, and returns it changed; a request's handler may return a
response instead. No network, no files, no body of the request; 10 KB of code, 2 MB of memory, and a share of time
that AWS calls compute utilization ("Customize at the edge with CloudFront Functions", "Event structure",
"Restrictions on CloudFront Functions", "Quotas", CloudFront Developer Guide).

Here: QuickJS in this process, a new one for each event, with the memory limit. Compute utilization is not measured; a
function ends after ``SECONDS``. Key value stores and the helper module ``cloudfront`` are not built. AWS's guide does
not say what X-Cache is for what functions make or break: here the names of its access logs
(``FunctionGeneratedResponse``, ``FunctionExecutionError``).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Headers

from helpers.dataplane.call import not_built
from helpers.dataplane.cloudfront import edge_headers
from helpers.dataplane.cloudfront.errors import EdgeError
from helpers.dataplane.cloudfront.request_policies import cookies_of
from helpers.dataplane.web import HttpRequest, HttpResponse

MEMORY_BYTES = 2 * 1024 * 1024
CODE_BYTES = 10 * 1024
SECONDS = 1
_FAILED = "The CloudFront function associated with the CloudFront distribution is invalid or could not run."
_BEFORE = """
var __logs = [], __out = null, __error = null;
var console = {log: (...given) => {
  __logs.push(given.map(one => typeof one === 'string' ? one : JSON.stringify(one)).join(' ')) }};
console.error = console.log;
"""
_CALL = """
Promise.resolve().then(() => handler(JSON.parse(__event))).then(
  value => { __out = JSON.stringify(value) ?? 'null' },
  error => { __error = String(error) });
0
"""


@dataclass(frozen=True)
class Ran:
    """What came of a function: ``output`` is what it returned, None after an error."""

    output: Any
    error: str
    logs: list[str]


def run(code: str, event: Mapping[str, Any]) -> Ran:
    """Run a function once.

    Raises
    ------
    AWSError
        ``NotImplementedException``: this machine has no QuickJS.
    """
    try:
        import quickjs  # only where a CloudFront function runs
    except ImportError:
        raise not_built("running CloudFront Functions on a machine without the package quickjs-ng") from None
    context = quickjs.Context()
    context.set_memory_limit(MEMORY_BYTES)
    context.set_time_limit(SECONDS)
    context.set("__event", json.dumps(event))
    try:
        context.eval(_BEFORE)
        context.eval(code)
        context.eval(_CALL)
        while context.execute_pending_job():
            """A handler may be async."""
        logs = json.loads(context.eval("JSON.stringify(__logs)"))
        error, output = context.eval("__error"), context.eval("__out")
    except quickjs.JSException as failure:
        return Ran(None, str(failure).strip(), [])
    if error is None and output is None:
        error = "The function did not finish."
    return Ran(json.loads(output) if error is None else None, error or "", logs)


def event_of(
    context: Mapping[str, str], viewer: str, request: HttpRequest, response: HttpResponse | None = None
) -> dict[str, Any]:
    """Return the event; ``context`` tells of the distribution and the request's id."""
    event: dict[str, Any] = {
        "version": "1.0",
        "context": dict(context),
        "viewer": {"ip": viewer},
        "request": {
            "method": request.method,
            "uri": request.path,
            "querystring": _fields(_parts(request.query)),
            "headers": _fields(_lower(request.headers, "cookie")),
            "cookies": _fields(cookies_of(request.headers)),
        },
    }
    if response is not None:
        event["response"] = {
            "statusCode": response.status,
            "headers": _fields(_lower(response.headers, "set-cookie")),
            "cookies": dict(_set_cookie(line) for line in response.headers.getlist("Set-Cookie")),
        }
    return event


def _parts(query: str) -> list[tuple[str, str]]:
    """Return the parameters of a query string as they came, percent-encoded."""
    return [(name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part)]


def _lower(headers: Headers, apart: str) -> list[tuple[str, str]]:
    pairs = [(name.lower(), value) for name, value in edge_headers.visible(headers)]
    return [(name, value) for name, value in pairs if name != apart]


def _fields(pairs: Any) -> dict[str, dict[str, Any]]:
    fields: dict[str, dict[str, Any]] = {}
    for name, value in pairs:
        if name not in fields:
            fields[name] = {"value": value}
        else:
            fields[name].setdefault("multiValue", [{"value": fields[name]["value"]}]).append({"value": value})
    return fields


def _set_cookie(line: str) -> tuple[str, dict[str, str]]:
    pair, _, attributes = line.partition(";")
    name, _, value = pair.partition("=")
    return name, {"value": value, "attributes": attributes.strip()} if attributes else {"value": value}


def apply(output: Any, request: HttpRequest, response: HttpResponse | None) -> HttpResponse | None:
    """Let what a function returned count: change the request in place, or return the response that it wants.

    Raises
    ------
    EdgeError
        503: it is neither a request nor a response; 502: it changes headers that it may not.
    """
    try:
        if response is not None or "statusCode" in output:
            return _response(
                output, response or HttpResponse(), "viewer-request" if response is None else "viewer-response"
            )
        if output.get("method", request.method) != request.method or not output["uri"].startswith("/"):
            raise failed()
        request.path, request.query = output["uri"], _query(output.get("querystring") or {})
        request.headers = _headers(output.get("headers") or {}, request.headers, "viewer-request")
        cookies = [f"{name}={value}" for name, value in _pairs(output.get("cookies") or {})]
        if cookies:
            request.headers["Cookie"] = "; ".join(cookies)
        return None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise failed() from None


def _response(output: Mapping[str, Any], before: HttpResponse, event: str) -> HttpResponse:
    headers = _headers(output.get("headers") or {}, before.headers, event)
    for name, cookie in (output.get("cookies") or {}).items():
        line = f"{name}={cookie['value']}"
        headers.add("Set-Cookie", f"{line}; {cookie['attributes']}" if cookie.get("attributes") else line)
    body = output.get("body")
    content = before.body
    if isinstance(body, Mapping):
        content = base64.b64decode(body["data"]) if body.get("encoding") == "base64" else body["data"].encode()
    elif body is not None:
        content = body.encode()
    return HttpResponse(int(output["statusCode"]), headers, content)


def _pairs(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, one["value"]) for name, field in fields.items() for one in field.get("multiValue") or [field]]


def _headers(fields: Mapping[str, Any], before: Headers, event: str) -> Headers:
    try:
        return edge_headers.changed([(name.title(), value) for name, value in _pairs(fields)], before, event)
    except ValueError as error:
        text = f"The CloudFront function result failed validation: {error}"
        raise EdgeError(502, text, "FunctionValidationError") from None


def _query(fields: Mapping[str, Any]) -> str:
    return "&".join(f"{name}={value}" for name, value in _pairs(fields))


def failed() -> EdgeError:
    """Return the error for a function that did not do its work."""
    return EdgeError(503, _FAILED, "FunctionExecutionError")
