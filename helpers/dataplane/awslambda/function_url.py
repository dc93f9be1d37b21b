"""Function URLs: a function at an HTTP address of its own.

AWS: ``https://ID.lambda-url.REGION.on.aws/`` turns an HTTP request into an event in payload format 2.0 and the result
into a response; with ``AuthType=NONE`` the function's resource policy must let everyone call it (since October 2025
both ``lambda:InvokeFunctionUrl`` and ``lambda:InvokeFunction``), with ``AWS_IAM`` the request must be signed ("Invoking
Lambda function URLs", Lambda Developer Guide). Here the address is ``{endpoint}/_aws/lambda-url/ID/``. Response
streaming, URLs of aliases, and URLs outside the account's home Region are not built.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

from moto.awslambda.models import FunctionUrlConfig
from werkzeug.datastructures import Headers

from helpers.dataplane import tracing
from helpers.dataplane.awslambda.functions import Functions, Target
from helpers.dataplane.awslambda.invocation import Invoker, Request
from helpers.dataplane.awslambda.rules import check_payload
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.http_payload import Place, event_of, response_of
from helpers.dataplane.signature import Signature, verify
from helpers.dataplane.web import HttpRequest, HttpResponse

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


class FunctionUrls:
    """Answers at the addresses of functions."""

    def __init__(self, context: Context, functions: Functions, invoker: Invoker) -> None:
        self._context, self._functions, self._invoker = context, functions, invoker

    def create(self, call: Call) -> HttpResponse:
        """Create or update a URL; the address in the answer is the local one."""
        streams, qualifier = call.params.get("InvokeMode") == "RESPONSE_STREAM", call.params.get("Qualifier")
        if streams or qualifier:
            what = "response streaming" if streams else "the URL of an alias"
            raise not_built(what)
        if call.region != self._context.region:
            raise not_built("a function URL outside the account's home Region")
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
        with tracing.entered(request.headers):
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
        place = Place(identifier, f"{identifier}.lambda-url.{self._context.region}.on.aws")
        event = event_of(request, request_id, place, path)
        payload = json.dumps(event).encode()
        try:
            check_payload(payload, "RequestResponse")
            outcome = self._invoker.run(target, Request(payload, "function url", request_id))
        except AWSError as error:
            return _json(error.status, {"Message": error.message})
        with contextlib.suppress(ValueError):  # a result that is no response is answered as a failure is
            if not outcome.function_error:
                return response_of(outcome.payload)
        return _json(502, {"message": "Internal Server Error"})


def _allows_everyone(target: Target) -> bool:
    allowed = {
        statement.get("Action")
        for statement in target.function.policy.statements
        if statement.get("Effect") == "Allow" and statement.get("Principal") in ("*", {"AWS": "*"})
    }
    return "lambda:*" in allowed or {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} <= allowed


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
