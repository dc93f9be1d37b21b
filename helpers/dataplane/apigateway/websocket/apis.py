"""WebSocket APIs: who may connect, which function gets which message, and what goes back.

AWS: ``$connect`` is asked before the connection is made; another status than 2xx is what the client gets instead of it
(serverless-offline, pull request 1301). Each message goes to the route that the API's selection expression chooses; the
function's ``body`` goes back only on a route with a route response; ``$disconnect`` comes after the end, at best
("Manage connected users and client apps", "Set up route responses for WebSocket APIs", API Gateway Developer Guide).
When nothing takes a message, or the function fails, the client gets ``{"message", "connectionId", "requestId"}`` with
"Forbidden" or "Internal server error" (seen in issues of aws-samples/simple-websockets-chat-app).

Here the address is ``ws://127.0.0.1:PORT/_aws/execute-api/API/STAGE``. A client's messages are taken one after the
other. Not sourced: the 502 for a ``$connect`` that fails, the 429 for too many new connections, that any result without
a ``statusCode`` counts as a failure.
"""

from __future__ import annotations

import base64
import itertools
import json
import threading
import time
import uuid
from typing import Any

from moto.apigatewayv2.models import Api, Stage
from websockets.datastructures import Headers as WebSocketHeaders
from websockets.http11 import Request
from websockets.server import ServerProtocol
from werkzeug.datastructures import Headers

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.integrations.lambda_proxy import function_arn
from helpers.dataplane.apigateway.integrations.waiting import LONGEST_MS, within
from helpers.dataplane.apigateway.v2 import measures
from helpers.dataplane.apigateway.v2.deployments import Deployed, Deployments
from helpers.dataplane.apigateway.websocket import authorizer, events, routes
from helpers.dataplane.apigateway.websocket.connection import Connection
from helpers.dataplane.apigateway.websocket.events import Session
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Delivery, Post
from helpers.dataplane.record import Use
from helpers.dataplane.standing import Thing
from helpers.dataplane.token_bucket import TokenBucket
from helpers.dataplane.web import HttpRequest, HttpResponse

_GOING_AWAY = 1001


class Refused(Exception):
    """A connection that is not made; the client gets ``status``; ``early`` if no integration was asked."""

    def __init__(self, status: int, message: str, *, early: bool = False) -> None:
        super().__init__(message)
        self.status, self.message, self.early = status, message, early


class WebSocketApis:
    """The open connections of one account."""

    def __init__(self, context: Context, post: Post, deployments: Deployments) -> None:
        self._context, self._post, self._deployments = context, post, deployments
        rate = context.quotas["apigateway.new_connections_per_second"]
        self._new = TokenBucket(rate, rate, context.clock.now)
        self._sessions: dict[str, Session] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._numbers = itertools.count(1)
        self._stopping = False
        context.standing.watch(self._open)

    def answer(self, api: Api, stage: Stage, request: HttpRequest) -> HttpResponse:
        """Answer the request that wants to become a connection."""
        head = ServerProtocol().accept(Request("/", WebSocketHeaders(list(request.headers))))
        headers = Headers(list(head.headers.raw_items()))
        if head.status_code != 101 or request.socket is None:
            return HttpResponse(head.status_code if head.status_code != 101 else 400, headers, bytes(head.body or b""))
        session = self._session(api, stage, request)
        started, outcome = time.time(), "ok"
        try:
            result = self._connect(session, request)
        except Refused as refused:
            outcome = str(refused.status)
            if refused.early:
                measures.count(api, stage.name, {"ClientError": 1})
            return HttpResponse(
                refused.status, Headers({"Content-Type": "application/json"}), _told(session, refused.message)
            )
        finally:
            self._note(session, "$connect", outcome, started)
        chosen = Headers(result.get("headers") or {}).get("Sec-WebSocket-Protocol", "")
        if chosen and chosen in [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]:
            headers["Sec-WebSocket-Protocol"] = chosen
        session.connection.begin(request.socket)
        self._sessions[session.connection.id] = session
        self._context.record.meter("apigateway", "WebSocket connections")
        self._context.standing.look()
        return HttpResponse(101, headers, upgrade=lambda _, early: self._serve(session, early))

    def find(self, api_id: str, stage: str, connection_id: str) -> Session | None:
        """Return an open connection of a stage, or None."""
        session = self._sessions.get(connection_id)
        belongs = session is not None and (session.api.api_id, session.stage.name) == (api_id, stage)
        return session if belongs and session is not None and session.connection.is_open else None

    def _open(self) -> list[Thing]:
        return [(Use("apigateway", "open connections"), identifier, 1) for identifier in list(self._sessions)]

    def stop(self) -> None:
        """Close all connections with 1001; nobody is told."""
        self._stopping = True
        for session in list(self._sessions.values()):
            session.connection.close(_GOING_AWAY, "Going away")
            session.connection.hang_up()
        for thread in list(self._threads.values()):
            thread.join(1)

    def _session(self, api: Api, stage: Stage, request: HttpRequest) -> Session:
        identifier = base64.urlsafe_b64encode(uuid.UUID(self._context.new_id()).bytes[:11]).decode()
        connection = Connection(identifier, request.headers.get("User-Agent", ""), self._context.clock)
        return Session(connection, api, stage, self._context, f"client {next(self._numbers)}")

    def _connect(self, session: Session, request: HttpRequest) -> dict[str, Any]:
        """Return the result of ``$connect``.

        Raises
        ------
        Refused
            The connection is not made.
        """
        if not self._new.take():
            raise Refused(429, "Too Many Requests", early=True)
        deployed = self._deployments.served(session.api, session.stage)
        if deployed is None:
            raise Refused(403, "Forbidden", early=True)
        route = deployed.routes.get("$connect")
        if route is None:
            return {}
        try:
            if route.authorization_type not in (None, "NONE"):
                known = deployed.authorizers[str(route.authorizer_id)]
                session.authorizer |= authorizer.authorize(self._context, self._post, known, session, request)
            event = events.of_request(request) | session.event("CONNECT", "$connect")
            result = self._ask(session, deployed, "$connect", event)
        except GatewayError as error:
            raise Refused(error.status, error.message) from None
        if not 200 <= int(result.get("statusCode", 200)) <= 299:
            raise Refused(int(result["statusCode"]), str(result.get("body") or "Forbidden"))
        return result

    def _serve(self, session: Session, early: bytes) -> None:
        """Be the connection's thread until it ends."""
        identifier = session.connection.id
        self._threads[identifier] = threading.current_thread()
        code, reason = session.connection.serve(early, lambda message: self._take(session, message))
        del self._sessions[identifier]
        self._context.standing.look()
        if not self._stopping:
            self._disconnect(session, code, reason)
        del self._threads[identifier]

    def _take(self, session: Session, message: str) -> None:
        """Give a message to the function of its route, and the answer to the client of a two-way route."""
        started, request_id = time.time(), self._context.new_id()
        session.meter(len(message.encode()))
        deployed = self._deployments.served(session.api, session.stage)
        known = deployed.routes if deployed else {}
        key = routes.select(session.api.route_selection_expression, message, known)
        outcome, answer = "ok", b""
        try:
            if key is None or deployed is None:
                measures.count(session.api, session.stage.name, {"ClientError": 1})
                raise GatewayError("ACCESS_DENIED", "Forbidden")
            event = session.event("MESSAGE", key, messageId=request_id) | {"body": message}
            result = self._ask(session, deployed, key, event)
            route = known[key]
            two_way = route.route_response_selection_expression == "$default" and route.route_responses
            answer = str(result.get("body") or "").encode() if two_way else b""
        except GatewayError as error:
            outcome, answer = str(error.status), _told(session, error.message)
        self._note(session, key or "a message", outcome, started)
        if answer:
            session.push(answer)

    def _disconnect(self, session: Session, code: int, reason: str) -> None:
        self._note(session, f"closed ({code})", "ok", time.time())
        deployed = self._deployments.served(session.api, session.stage)
        if deployed is None or "$disconnect" not in deployed.routes:
            return
        event = session.event("DISCONNECT", "$disconnect", disconnectStatusCode=code, disconnectReason=reason)
        headers = [("Host", event["requestContext"]["domainName"]), ("x-api-key", ""), ("X-Forwarded-For", "")]
        try:
            self._ask(session, deployed, "$disconnect", events.of_headers(headers) | event)
        except GatewayError:
            return  # nobody is left to be told; the record has it

    def _ask(self, session: Session, deployed: Deployed, key: str, event: dict[str, Any]) -> dict[str, Any]:
        """Return the result of a route's function; a route without an integration has an empty one.

        Raises
        ------
        GatewayError
            The function is not there, may not be called, fails, takes too long, or answers no response.
        """
        integration = deployed.integration_of(deployed.routes[key])
        if integration is None:
            return {}
        arn = function_arn(integration.integration_uri, session.stage.stage_variables)
        delivery = Delivery("apigateway", session.source_arn(key), arn, json.dumps(event), key, session.api.name)
        seconds = min(int(integration.timeout_in_millis or LONGEST_MS), LONGEST_MS) / 1000
        started = time.perf_counter()
        measures.count(session.api, session.stage.name, {"ConnectCount": 1} if key == "$connect" else {})
        try:
            outcome = within(seconds, lambda: self._post.ask(delivery))
            result = _result(b"" if outcome.function_error else outcome.payload)
        except (AWSError, GatewayError) as error:
            measures.count(session.api, session.stage.name, {"ExecutionError": 1})
            if isinstance(error, GatewayError):
                raise
            raise GatewayError("API_CONFIGURATION_ERROR") from None
        milliseconds = (time.perf_counter() - started) * 1000
        measures.count(session.api, session.stage.name, {"IntegrationLatency": milliseconds}, "Milliseconds")
        if int(result["statusCode"]) >= 400:
            measures.count(session.api, session.stage.name, {"IntegrationError": 1})
        return result

    def _note(self, session: Session, action: str, outcome: str, started: float) -> None:
        took = (time.time() - started) * 1000
        self._context.record.add(
            "call", session.client, "apigateway", action, outcome=outcome, started=started, milliseconds=took
        )


def _result(payload: bytes) -> dict[str, Any]:
    try:
        result = json.loads(payload)
        if 100 <= int(result["statusCode"]) <= 599:
            return dict(result)
    except (ValueError, TypeError, KeyError):
        """Not a response, as below."""
    raise GatewayError("API_CONFIGURATION_ERROR", status=502)


def _told(session: Session, message: str) -> bytes:
    told = {"message": message, "connectionId": session.connection.id, "requestId": session.new_id()}
    return json.dumps(told).encode()
