"""Function URLs: a function at an HTTP address of its own.

AWS: ``https://ID.lambda-url.REGION.on.aws/`` turns an HTTP request into an event in payload format 2.0 and the result
into a response; with ``AuthType=NONE`` the function's resource policy must let everyone call it (since October 2025
both ``lambda:InvokeFunctionUrl`` and ``lambda:InvokeFunction``), with ``AWS_IAM`` the request must be signed ("Invoking
Lambda function URLs", Lambda Developer Guide). Here the address is ``{endpoint}/_aws/lambda-url/ID/``. Response
streaming and URLs of aliases are not built.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from moto.awslambda.models import FunctionUrlConfig
from werkzeug.datastructures import Headers

from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.awslambda.functions import Functions, Target
from helpers.dataplane.awslambda.invocation import Invoker, Request
from helpers.dataplane.awslambda.rules import check_payload
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.signature import Signature, verify
from helpers.dataplane.web import HttpRequest, HttpResponse

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_TEXT = ("text/", "application/json", "application/xml", "application/javascript", "application/x-www-form-urlencoded")


class FunctionUrls:
    """Answers at the addresses of functions."""

    def __init__(self, context: Context, functions: Functions, invoker: Invoker) -> None:
        self._context, self._functions, self._invoker = context, functions, invoker

    def create(self, call: Call) -> HttpResponse:
        """Create or update a URL; the address in the answer is the local one."""
        streams, qualifier = call.params.get("InvokeMode") == "RESPONSE_STREAM", call.params.get("Qualifier")
        if streams or qualifier:
            what = "response streaming" if streams else "the URL of an alias"
            raise AWSError("NotImplementedException", f"{what} is not built in this local cloud; AWS has it", 501)
        response = forward(call)
        if response.status >= 400:
            return response
        config = self._functions.find(call.params["FunctionName"], region=call.region).function.url_config
        assert config is not None
        if "/_aws/" not in config.url:
            identifier = config.url.removeprefix("https://").partition(".")[0]
            config.url = f"{self._context.endpoint}/_aws/lambda-url/{identifier}/"
        return call.reply(config.to_dict(), response.status)

    def answer(self, request: HttpRequest, path: str) -> HttpResponse:
        """Answer a request below ``/_aws/lambda-url/``."""
        identifier, _, rest = path.partition("/")
        found = self._find(identifier)
        if found is None:
            return _json(404, {"Message": None})
        target, config = found
        cors = _cors_headers(config, request)
        if request.method == "OPTIONS" and cors:
            return HttpResponse(200, Headers(cors))
        if not self._may_call(target, config, request):
            return _json(403, {"Message": FORBIDDEN})
        response = self._invoke(target, request, identifier, "/" + rest)
        response.headers.update(cors)
        return response

    def _find(self, identifier: str) -> tuple[Target, FunctionUrlConfig] | None:
        for function in self._functions.all():
            config = function.url_config
            if config is not None and f"/{identifier}/" in config.url:
                return self._functions.find(function.function_name), config
        return None

    def _may_call(self, target: Target, config: FunctionUrlConfig, request: HttpRequest) -> bool:
        if config.config.get("AuthType") == "NONE":
            return _allows_everyone(target)
        identities = self._context.identities
        try:
            signature = Signature.read(request)
            if signature is None:
                return False
            verify(request, signature, identities.secret)
        except AWSError:
            return False
        return True

    def _invoke(self, target: Target, request: HttpRequest, identifier: str, path: str) -> HttpResponse:
        request_id = self._context.new_id()
        event = event_of(request, request_id, identifier, path, self._context.region)
        payload = json.dumps(event).encode()
        try:
            check_payload(payload, "RequestResponse")
            outcome = self._invoker.run(target, Request(payload, "function url", request_id))
        except AWSError as error:
            return _json(error.status, {"Message": error.message})
        if outcome.function_error:
            return _json(502, {"message": "Internal Server Error"})
        return response_of(outcome)


def _allows_everyone(target: Target) -> bool:
    allowed = {
        statement.get("Action")
        for statement in target.function.policy.statements
        if statement.get("Effect") == "Allow" and statement.get("Principal") in ("*", {"AWS": "*"})
    }
    return "lambda:*" in allowed or {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} <= allowed


def event_of(request: HttpRequest, request_id: str, api_id: str, path: str, region: str) -> dict[str, Any]:
    """Return the event of an HTTP request in payload format 2.0."""
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
        "routeKey": "$default",
        "rawPath": unquote(path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _request_context(http, request_id, api_id, region),
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
        event["body"] = (base64.b64encode(request.body) if binary else request.body).decode()
        event["isBase64Encoded"] = binary
    return event


def _request_context(http: dict[str, str], request_id: str, api_id: str, region: str) -> dict[str, Any]:
    moment = datetime.now(UTC)
    return {
        "accountId": "anonymous",
        "apiId": api_id,
        "domainName": f"{api_id}.lambda-url.{region}.on.aws",
        "domainPrefix": api_id,
        "http": http,
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": f"{moment:%d/%b/%Y:%H:%M:%S} +0000",
        "timeEpoch": int(moment.timestamp() * 1000),
    }


def response_of(outcome: Outcome) -> HttpResponse:
    """Return the HTTP response of a result in payload format 2.0; without a statusCode the whole result is the body."""
    try:
        result = json.loads(outcome.payload)
        if isinstance(result, dict) and "statusCode" in result:
            return _response_as_told(result)
    except (ValueError, TypeError, AttributeError):
        return _json(502, {"message": "Internal Server Error"})
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


def _cors_headers(config: FunctionUrlConfig, request: HttpRequest) -> dict[str, str]:
    cors, origin = config.config.get("Cors") or {}, request.headers.get("Origin", "")
    allowed = cors.get("AllowOrigins") or []
    if not origin or not ("*" in allowed or origin in allowed):
        return {}
    headers = {"Access-Control-Allow-Origin": "*" if "*" in allowed else origin}
    if request.method == "OPTIONS":
        headers["Access-Control-Allow-Methods"] = ",".join(cors.get("AllowMethods") or [])
        headers["Access-Control-Allow-Headers"] = ",".join(cors.get("AllowHeaders") or [])
        headers["Access-Control-Max-Age"] = str(cors.get("MaxAge") or 0)
    return headers


def _json(status: int, body: dict[str, Any]) -> HttpResponse:
    return HttpResponse(status, Headers({"Content-Type": "application/json"}), json.dumps(body).encode())
