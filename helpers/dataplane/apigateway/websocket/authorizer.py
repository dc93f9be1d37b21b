"""Who may connect: a Lambda authorizer of type REQUEST on ``$connect``.

AWS: "AuthN/AuthZ will be performed only at connection time"; the function gets the request without a method and a
path, and ``methodArn`` ends in ``$connect``. A missing identity source is a 401, a policy that does not allow a 403
("Create an API Gateway Lambda REQUEST authorizer function", API Gateway Developer Guide, for WebSocket APIs). Each
connection asks anew. AWS_IAM on ``$connect`` is not built.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from moto.apigatewayv2.models import Authorizer

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.iam import ACTION
from helpers.dataplane.apigateway.integrations.lambda_proxy import function_arn
from helpers.dataplane.apigateway.lambda_authorizers import answer_to, checked
from helpers.dataplane.apigateway.websocket import events
from helpers.dataplane.apigateway.websocket.events import Session
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Delivery, Post
from helpers.dataplane.policies import Asked, Verdict, decide
from helpers.dataplane.web import HttpRequest

_EMPTY: dict[str, Any] = {"queryStringParameters": {}, "multiValueQueryStringParameters": {}, "stageVariables": {}}


def authorize(
    context: Context, post: Post, authorizer: Authorizer, session: Session, request: HttpRequest
) -> dict[str, Any]:
    """Return what the events of the connection say in ``requestContext.authorizer``.

    Raises
    ------
    GatewayError
        UNAUTHORIZED, ACCESS_DENIED or AUTHORIZER_CONFIGURATION_ERROR.
    """
    if not all(_value(source, session, request) for source in authorizer.identity_source or ()):
        raise GatewayError("UNAUTHORIZED")
    arn = session.source_arn("$connect")
    event = _EMPTY | events.of_request(request) | session.event("CONNECT", "$connect")
    del event["isBase64Encoded"]
    function = function_arn(authorizer.authorizer_uri, session.stage.stage_variables)
    source_arn = f"{session.api_arn}/authorizers/{authorizer.id}"
    body = json.dumps({"type": "REQUEST", "methodArn": arn, **event})
    question = Delivery("apigateway", source_arn, function, body, "authorize $connect", authorizer.name)
    found = checked(answer_to(post, question))
    if decide([found["policyDocument"]], Asked(ACTION, arn)) is not Verdict.ALLOW:
        raise GatewayError("ACCESS_DENIED")
    return {**found["context"], "principalId": found["principalId"]}


def _value(source: str, session: Session, request: HttpRequest) -> str:
    """Return the value of an identity source such as ``route.request.querystring.token``."""
    place, _, name = source.removeprefix("route.request.").partition(".")
    if place == "header":
        return request.headers.get(name, "")
    if place == "querystring":
        return dict(parse_qsl(request.query)).get(name, "")
    return session.stage.stage_variables.get(name, "") if place == "stageVariables" else ""
