"""What HTTP and WebSocket APIs tell CloudWatch of their requests and messages.

AWS: the namespace ``AWS/ApiGateway`` gets Count, 4xx, 5xx, Latency and IntegrationLatency of HTTP APIs ("Monitor
CloudWatch metrics for HTTP APIs"), and ConnectCount, MessageCount, ClientError, IntegrationError, ExecutionError and
IntegrationLatency of WebSocket APIs ("Monitor WebSocket API execution with CloudWatch metrics", API Gateway Developer
Guide), each with the dimension ApiId, and with ApiId and Stage. Not written: detailed metrics of routes, and
DataProcessed, of which the guide does not say what it counts.
"""

from __future__ import annotations

from collections.abc import Mapping

from moto.apigatewayv2.models import Api

from helpers.dataplane.metrics import measure


def count(api: Api, stage: str, values: Mapping[str, float], unit: str = "Count") -> None:
    """Write one value of each metric for an API, and for its stage if that is known."""
    every = [{"ApiId": api.api_id}, *([{"ApiId": api.api_id, "Stage": stage}] if stage else [])]
    for dimensions in every:
        measure(api.backend.account_id, api.backend.region_name, "AWS/ApiGateway", values, dimensions, unit)


def count_request(api: Api, stage: str, status: int, latency: float, integration: float | None) -> None:
    """Count a request to an HTTP API; times in milliseconds, ``integration`` is None if there was no integration."""
    count(api, stage, {"Count": 1, "4xx": float(status // 100 == 4), "5xx": float(status // 100 == 5)})
    more = {} if integration is None else {"IntegrationLatency": integration}
    count(api, stage, {"Latency": latency, **more}, "Milliseconds")
