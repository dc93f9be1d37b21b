"""@connections: the address at which a backend writes to a client, asks about it, or throws it out.

AWS: ``POST``, ``GET`` and ``DELETE`` of ``.../STAGE/@connections/ID``, signed for ``execute-api`` (boto3:
``apigatewaymanagementapi`` with the stage's address as ``endpoint_url``); the caller needs
``execute-api:ManageConnections``. A connection that is not yet, or no longer, open is a 410 GoneException ("Use
@connections commands in your backend service", API Gateway Developer Guide). Not sourced: the code with which DELETE
closes (here 1000).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from urllib.parse import unquote

from helpers.dataplane.apigateway.websocket.apis import WebSocketApis
from helpers.dataplane.apigateway.websocket.connection import LARGEST_MESSAGE
from helpers.dataplane.call import AWSError, Call, Caller
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import model_of
from helpers.dataplane.frontdoor import ANONYMOUS
from helpers.dataplane.signature import Signature, verify
from helpers.dataplane.web import HttpRequest, HttpResponse

_SERVICE = "apigatewaymanagementapi"
_OPERATIONS = {"POST": "PostToConnection", "GET": "GetConnection", "DELETE": "DeleteConnection"}


class Management:
    """Answers at ``@connections``."""

    def __init__(self, context: Context, apis: WebSocketApis) -> None:
        self._context, self._apis = context, apis

    def answer(self, api_id: str, stage: str, connection_id: str, request: HttpRequest) -> HttpResponse:
        """Answer one call; ``connection_id`` is percent-encoded."""
        context, started, identifier = self._context, time.time(), unquote(connection_id)
        operation = model_of(_SERVICE).operation_model(_OPERATIONS.get(request.method, "GetConnection"))
        call = Call(
            request, _SERVICE, operation, {}, context.region, context.account_id, ANONYMOUS, context.new_id()
        )  # fmt: skip
        outcome = "ok"
        try:
            call.caller = self._caller(request)
            self._authorize(call, f"{api_id}/{stage}/{request.method}/@connections/{identifier}")
            return self._done(call, api_id, stage, identifier)
        except AWSError as error:
            outcome = error.code
            return call.refuse(error)
        finally:
            context.record.add(
                "call", call.caller.name, "apigateway", call.name, outcome=outcome, started=started,
                milliseconds=(time.time() - started) * 1000, request_id=call.request_id,
            )  # fmt: skip

    def _caller(self, request: HttpRequest) -> Caller:
        identities = self._context.identities
        signature = Signature.read(request)
        if signature is None or request.method not in _OPERATIONS:
            raise AWSError("ForbiddenException", "Missing Authentication Token", 403)
        verify(request, signature, identities.secret)
        return identities.caller(signature.access_key_id)

    def _authorize(self, call: Call, below: str) -> None:
        caller, arn = call.caller, f"arn:aws:execute-api:{call.region}:{call.account_id}:{below}"
        if not self._context.identities.may(caller, "execute-api:ManageConnections", arn):
            message = (
                f"User: {caller.arn} is not authorized to perform: execute-api:ManageConnections on resource: {arn}"
            )
            raise AWSError("ForbiddenException", message, 403)

    def _done(self, call: Call, api_id: str, stage: str, identifier: str) -> HttpResponse:
        session, data = self._apis.find(api_id, stage, identifier), call.request.body
        if call.name == "PostToConnection" and len(data) > LARGEST_MESSAGE:
            raise AWSError("PayloadTooLargeException", f"the message has more than {LARGEST_MESSAGE} bytes", 413)
        if session is None or (call.name == "PostToConnection" and not session.push(data)):
            raise AWSError("GoneException", "", 410)
        connection = session.connection
        if call.name == "DeleteConnection":
            connection.close(1000)
        if call.name != "GetConnection":
            return call.reply()
        return call.reply(
            {
                "ConnectedAt": datetime.fromtimestamp(connection.connected_at, UTC),
                "LastActiveAt": datetime.fromtimestamp(connection.active_at, UTC),
                "Identity": {"SourceIp": "127.0.0.1", "UserAgent": connection.user_agent},
            }
        )
