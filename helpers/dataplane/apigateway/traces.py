"""A stage's own part of a trace: the header that its backends get, and the segment that API Gateway records.

AWS: every request gets a trace header if it has none. A stage with ``tracingEnabled`` decides by X-Ray's sampling rules
where nobody has decided; any other stage is traced only if the caller's header says so. What is recorded is a segment
``API/STAGE`` with a subsegment for the integration, which is the backend's parent ("Setting up AWS X-Ray with API
Gateway" and "Understanding AWS X-Ray traces for Amazon API Gateway APIs", API Gateway Developer Guide).

Differs: only REST APIs are traced, as on AWS, but what an authorizer does has no subsegment of its own. Unsourced: the
subsegments of integrations that are no functions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from helpers.dataplane import tracing
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.context import Context
from helpers.dataplane.tracing import TraceHeader
from helpers.dataplane.web import HttpResponse
from helpers.dataplane.xray.sampling import Asked

ORIGIN = "AWS::ApiGateway::Stage"


class StageTraces:
    """Records the requests of one account's REST APIs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def traced(self, exchange: Exchange, answer: Callable[[Exchange], HttpResponse]) -> HttpResponse:
        """Answer a request as part of its trace."""
        came, rule = TraceHeader.parse(tracing.with_root(tracing.current())), ""
        if came.sampled is None and exchange.stage.tracing_enabled:
            sampled, rule = self._context.sampling.decide(_asked(exchange))
            came = replace(came, sampled=sampled)
        below = tracing.new_id()
        header = str(replace(came, parent=below) if came.sampled else came)
        exchange.request.headers[tracing.HEADER] = header
        with tracing.carried(header):
            response = answer(exchange)
        response.headers.setdefault(tracing.HEADER, str(replace(came, parent="")))
        if came.sampled:
            self._context.traces.emit(_segment(exchange, response, came, below, rule))
        return response


def _asked(exchange: Exchange) -> Asked:
    headers = exchange.request.headers
    name, host = f"{exchange.api.name}/{exchange.stage.name}", headers.get("Host", "")
    return Asked(name, ORIGIN, host, exchange.request.method, arn=_arn(exchange), attributes=dict(headers))


def _arn(exchange: Exchange) -> str:
    return f"arn:aws:apigateway:{exchange.region}::/restapis/{exchange.api.id}/stages/{exchange.stage.name}"


def _segment(exchange: Exchange, response: HttpResponse, came: TraceHeader, below: str, rule: str) -> dict[str, Any]:
    stage, request = str(exchange.stage.name), exchange.request
    host = f"{exchange.api.id}.execute-api.{exchange.region}.amazonaws.com"
    asked = {"url": f"https://{host}/{stage}{exchange.path}" + (f"?{request.query}" if request.query else "")}
    asked |= {"method": request.method, "client_ip": "127.0.0.1"}
    if "User-Agent" in request.headers:
        asked["user_agent"] = request.headers["User-Agent"]
    place = {"account_id": exchange.account_id, "rest_api_id": exchange.api.id, "stage": stage}
    subsegment = _integration(exchange, below)
    return {
        "id": tracing.new_id(),
        "name": f"{exchange.api.name}/{stage}",
        "trace_id": came.root,
        **({"parent_id": came.parent} if came.parent else {}),
        "start_time": exchange.started,
        "end_time": time.time(),
        "http": {
            "request": {**asked, "x_forwarded_for": True},
            "response": {"status": response.status, "content_length": len(response.body)},
        },
        "aws": {
            **({"xray": {"sampling_rule_name": rule}} if rule else {}),
            "api_gateway": {**place, "request_id": exchange.request_id},
        },
        "annotations": {"aws:api_id": exchange.api.id, "aws:api_stage": stage},
        "metadata": {"default": {"extended_request_id": exchange.request_id, "request_id": exchange.request_id}},
        "origin": ORIGIN,
        "resource_arn": _arn(exchange),
        **flags(response.status),
        "subsegments": [subsegment] if subsegment else [],
    }


def _integration(exchange: Exchange, identifier: str) -> dict[str, Any] | None:
    """Return the subsegment of the integration, or None where no backend was asked."""
    integration, began = exchange.method.get("methodIntegration") or {}, exchange.integration_began
    if began is None or integration.get("type") == "MOCK":
        return None
    uri = str(integration.get("uri") or "")
    status = int(exchange.extra.get("integration.status") or (500 if "integration.error" in exchange.extra else 200))
    if "/functions/" in uri:
        arn = uri.partition("/functions/")[2].partition("/invocations")[0]
        function, url = (
            arn.split(":")[6:7],
            f"https://lambda.{exchange.region}.amazonaws.com/2015-03-31/functions/{arn}",
        )
        named: dict[str, Any] = {"name": "Lambda", "namespace": "aws"}
        aws = {"region": exchange.region, "operation": "Invoke", "resource_names": function}
        named["aws"] = {"function_name": "".join(function), **aws}
        uri = f"{url}/invocations"
    elif integration["type"].startswith("HTTP"):
        named = {"name": urlsplit(uri).hostname or uri, "namespace": "remote"}
    else:
        named = {"name": uri.split(":")[4], "namespace": "aws"}
    request = {"url": uri, "method": integration.get("httpMethod") or exchange.request.method}
    return {
        "id": identifier,
        **named,
        "start_time": began,
        "end_time": began + (exchange.integration_ms or 0) / 1000,
        "http": {"request": request, "response": {"status": status}},
        **flags(status),
    }


def flags(status: int) -> dict[str, bool]:
    """Return the error fields that belong to a response's status."""
    known = {"error": 400 <= status < 500, "throttle": status == 429, "fault": status >= 500}
    return {name: True for name, is_so in known.items() if is_so}
