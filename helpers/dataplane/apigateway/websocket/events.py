"""What a function of a WebSocket API gets: the events CONNECT, MESSAGE and DISCONNECT.

AWS: ``requestContext`` says which route, which kind of event and which connection; only CONNECT brings the headers and
the query of the request that opened the connection ("WebSocket API mapping template reference" and "Manage connected
users and client apps", API Gateway Developer Guide; recorded events of 2024 in the tests of feral). The event has no
method and no path.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from moto.apigatewayv2.models import Api, Stage

from helpers.dataplane.apigateway.proxy_event import many
from helpers.dataplane.apigateway.v2 import measures
from helpers.dataplane.apigateway.websocket.connection import Connection
from helpers.dataplane.context import Context
from helpers.dataplane.web import HttpRequest


@dataclass
class Session:
    """A connection and where it belongs: all that is the same in each of its events."""

    connection: Connection
    api: Api
    stage: Stage
    context: Context
    client: str
    """How the record calls who is at the other end: ``client 1``."""
    authorizer: dict[str, Any] = field(default_factory=dict)

    def source_arn(self, below: str) -> str:
        """Return the ARN of a route of the stage, in whose name API Gateway calls a function."""
        return f"{self.api_arn}/{self.stage.name}/{below}"

    @property
    def api_arn(self) -> str:
        """The ARN that begins those of all that is in the API."""
        return f"arn:aws:execute-api:{self.api.backend.region_name}:{self.context.account_id}:{self.api.api_id}"

    def meter(self, size: int) -> None:
        """Count a message of ``size`` bytes, from the client or to it; it is paid for in steps of 32 KB."""
        measures.count(self.api, self.stage.name, {"MessageCount": 1})
        self.context.record.meter("apigateway", "WebSocket messages", max(1, math.ceil(size / 32768)))

    def push(self, data: bytes) -> bool:
        """Send a message to the client; return whether the connection was still open."""
        started = time.time()
        self.meter(len(data))
        self.context.record.meter("transfer", "bytes", len(data))
        sent = self.connection.send(data)
        outcome = "ok" if sent else "gone"
        self.context.record.add("event", "apigateway", self.client, "message", outcome=outcome, started=started)
        return sent

    def new_id(self) -> str:
        """Return an id for a request."""
        return self.context.new_id()

    def event(self, kind: str, route_key: str, **context: Any) -> dict[str, Any]:
        """Return an event of a kind (CONNECT, MESSAGE, DISCONNECT); ``context`` is added to the request's context."""
        now, request_id = self.context.clock.time(), self.new_id()
        event: dict[str, Any] = {
            "requestContext": {
                "routeKey": route_key,
                "eventType": kind,
                "extendedRequestId": request_id,
                "requestTime": f"{datetime.fromtimestamp(now, UTC):%d/%b/%Y:%H:%M:%S} +0000",
                "messageDirection": "IN",
                "stage": self.stage.name,
                "connectedAt": int(self.connection.connected_at * 1000),
                "requestTimeEpoch": int(now * 1000),
                "identity": {"sourceIp": "127.0.0.1", "userAgent": self.connection.user_agent},
                "requestId": request_id,
                "domainName": f"{self.api.api_id}.execute-api.{self.api.backend.region_name}.amazonaws.com",
                "connectionId": self.connection.id,
                "apiId": self.api.api_id,
                **context,
            },
            "isBase64Encoded": False,
        }
        if self.authorizer:
            event["requestContext"]["authorizer"] = self.authorizer
        if self.stage.stage_variables:
            event["stageVariables"] = self.stage.stage_variables
        return event


def of_request(request: HttpRequest) -> dict[str, Any]:
    """Return what the request that opens a connection adds to its event."""
    found = of_headers(list(request.headers))
    query = parse_qsl(request.query, keep_blank_values=True)
    if query:
        found |= {"queryStringParameters": dict(query), "multiValueQueryStringParameters": many(query)}
    return found


def of_headers(headers: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the two ways in which an event tells headers."""
    return {"headers": dict(headers), "multiValueHeaders": many(headers)}
