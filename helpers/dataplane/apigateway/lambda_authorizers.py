"""CUSTOM: a Lambda function that answers who calls, and with a policy what they may call.

AWS: a TOKEN authorizer gets one header, a REQUEST authorizer the whole request without its body; it answers
``principalId``, ``policyDocument`` and perhaps a flat ``context`` and ``usageIdentifierKey``. A missing header or
identity source, a token that ``identityValidationExpression`` does not match, or the error "Unauthorized" is a 401; any
other failure or answer a 500. The answer is kept for ``authorizerResultTtlInSeconds`` (300 unless set, at most 3,600)
and used for all methods with this authorizer ("Use API Gateway Lambda authorizers", "Input to ..." and "Output from an
API Gateway Lambda authorizer", API Gateway Developer Guide). The function's policy must let
``apigateway.amazonaws.com`` invoke it for ``API/authorizers/ID``, or ``authorizerCredentials`` name a role that may.

Not sourced: that the expression must match the whole token; that the time to live begins when the answer comes; the
words with which a new authorizer is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from moto.apigateway.models import Authorizer, apigateway_backends

from helpers.dataplane.apigateway import proxy_event
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.integrations.lambda_proxy import function_arn
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Delivery, Post
from helpers.dataplane.policies import Asked, Verdict, decide
from helpers.dataplane.web import HttpResponse

LONGEST_TTL = 3600
_MANY = 1000
_Key = tuple[str, ...]


class LambdaAuthorizers:
    """Asks functions, and keeps their answers."""

    def __init__(self, context: Context, post: Post) -> None:
        self._context, self._post = context, post
        self._kept: dict[_Key, tuple[float, dict[str, Any]]] = {}

    def verdict(self, exchange: Exchange, authorizer: Authorizer, asked: Asked) -> Verdict:
        """Return what the authorizer's policy says; who calls is in ``exchange.authorizer`` then.

        Raises
        ------
        GatewayError
            UNAUTHORIZED, or AUTHORIZER_CONFIGURATION_ERROR.
        """
        sources = identity_of(exchange, authorizer)
        key = (exchange.api.id, str(exchange.stage.name), str(authorizer.id), *sources)
        now, ttl = self._context.clock.now(), int(authorizer.authorizer_result_ttl or 0)
        until, answer = self._kept.get(key, (0.0, {}))
        if now >= until:
            answer = checked(self._ask(exchange, authorizer, sources))
            self._keep(key, ttl, answer)
        exchange.authorizer = {**answer["context"], "principalId": answer["principalId"]}
        exchange.usage_key = answer["usageIdentifierKey"]
        return decide([answer["policyDocument"]], asked)

    def create(self, call: Call) -> HttpResponse:
        """Create an authorizer; moto checks little and forgets ``identityValidationExpression``."""
        check_new(call.params)
        response = forward(call)
        if response.status < 400:
            api = apigateway_backends[call.account_id][call.region].get_rest_api(call.params["restApiId"])
            made = api.authorizers[json.loads(response.body)["id"]]
            made.identity_validation_expression = call.params.get("identityValidationExpression")
            return call.reply(made.to_json(), response.status)
        return response

    def flush(self, call: Call) -> HttpResponse:
        """Forget the answers for a stage."""
        stage = (call.params["restApiId"], call.params["stageName"])
        self._kept = {key: kept for key, kept in self._kept.items() if key[:2] != stage}
        return call.reply(status=202)

    def _keep(self, key: _Key, ttl: int, answer: dict[str, Any]) -> None:
        now = self._context.clock.now()
        if len(self._kept) >= _MANY:
            self._kept = {known: kept for known, kept in self._kept.items() if kept[0] > now}
        self._kept[key] = (now + ttl, answer)

    def _ask(self, exchange: Exchange, authorizer: Authorizer, sources: list[str]) -> Any:
        source_arn = f"{exchange.method_arn.partition('/')[0]}/authorizers/{authorizer.id}"
        delivery = Delivery(
            "apigateway", source_arn, function_arn(authorizer.authorizer_uri or "", exchange.stage_variables),
            json.dumps(event_of(exchange, authorizer, sources)), f"authorize {exchange.request.method} {exchange.path}",
            authorizer.name or "", authorizer.authorizer_credentials or "",
        )  # fmt: skip
        return answer_to(self._post, delivery)


def answer_to(post: Post, question: Delivery) -> Any:
    """Return what an authorizer's function answers.

    Raises
    ------
    GatewayError
        UNAUTHORIZED, or AUTHORIZER_CONFIGURATION_ERROR.
    """
    try:
        outcome = post.ask(question)
        answer = json.loads(outcome.payload)
    except (AWSError, ValueError):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR") from None
    if outcome.function_error:
        told = answer.get("errorMessage") if isinstance(answer, dict) else None
        raise GatewayError("UNAUTHORIZED" if told == "Unauthorized" else "AUTHORIZER_CONFIGURATION_ERROR")
    return answer


def check_new(params: Mapping[str, Any]) -> None:
    """Check what is asked of a new authorizer.

    Raises
    ------
    AWSError
        ``BadRequestException``: the result may not be kept so long, or something needed is not said.
    """
    kind, ttl = params.get("type"), params.get("authorizerResultTtlInSeconds")
    ttl = 300 if ttl is None else int(ttl)
    needed = "providerARNs" if kind == "COGNITO_USER_POOLS" else "authorizerUri"
    if not 0 <= ttl <= LONGEST_TTL:
        message = f"authorizerResultTtlInSeconds is {ttl}: it must be from 0 to {LONGEST_TTL}"
    elif not params.get(needed):
        message = f"an authorizer of type {kind} needs {needed}"
    elif not params.get("identitySource") and (kind == "TOKEN" or (kind == "REQUEST" and ttl)):
        message = f"an authorizer of type {kind} needs an identitySource, unless it is REQUEST and keeps nothing"
    else:
        return
    raise AWSError("BadRequestException", message, 400)


def identity_of(exchange: Exchange, authorizer: Authorizer) -> list[str]:
    """Return the values by which the caller is known: the token, or the identity sources of a REQUEST authorizer.

    Raises
    ------
    GatewayError
        UNAUTHORIZED: one is missing, or the token has not the form that was asked for.
    """
    named = [one.strip() for one in (authorizer.identity_source or "").split(",") if one.strip()]
    if authorizer.type == "REQUEST" and not authorizer.authorizer_result_ttl:
        return []
    values = [_value(exchange, source) for source in named]
    expression = authorizer.identity_validation_expression if authorizer.type == "TOKEN" else None
    if not all(values) or (expression and not re.fullmatch(expression, values[0])):
        raise GatewayError("UNAUTHORIZED")
    return values


def _value(exchange: Exchange, source: str) -> str:
    place, _, name = source.removeprefix("method.request.").partition(".")
    if place == "header":
        return exchange.request.headers.get(name, "")
    if place == "querystring":
        return dict(parse_qsl(exchange.request.query)).get(name, "")
    if place == "stageVariables":
        return exchange.stage_variables.get(name, "")
    found: Any = exchange.variables()
    for part in name.split("."):
        found = found.get(part, "") if isinstance(found, dict) else ""
    return str(found or "")


def event_of(exchange: Exchange, authorizer: Authorizer, sources: list[str]) -> dict[str, Any]:
    """Return what the function gets."""
    if authorizer.type == "TOKEN":
        return {"type": "TOKEN", "methodArn": exchange.method_arn, "authorizationToken": sources[0]}
    event = proxy_event.event_of(exchange)
    maps = ("headers", "queryStringParameters", "pathParameters", "stageVariables")
    del event["body"], event["isBase64Encoded"]
    return {
        "type": "REQUEST",
        "methodArn": exchange.method_arn,
        **event,
        **{name: event[name] or {} for name in (*maps, "multiValueHeaders", "multiValueQueryStringParameters")},
    }


def checked(answer: Any) -> dict[str, Any]:
    """Return an authorizer's answer with all its parts, the context as texts.

    Raises
    ------
    GatewayError
        AUTHORIZER_CONFIGURATION_ERROR: a part is missing or has another form.
    """
    try:
        context = answer.get("context") or {}
        document = answer["policyDocument"]
        statements = document["Statement"]
        effects = {one["Effect"] for one in (statements if isinstance(statements, list) else [statements])}
        if not (isinstance(answer["principalId"], str) and effects <= {"Allow", "Deny"}):
            raise ValueError("no principal, or an effect that is none")
        flat = {name: _text(value) for name, value in context.items()}
        key = str(answer.get("usageIdentifierKey") or "")
    except (KeyError, TypeError, ValueError, AttributeError):
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR") from None
    parts = {"principalId": answer["principalId"], "policyDocument": document}
    return {**parts, "context": flat, "usageIdentifierKey": key}


def _text(value: Any) -> str:
    if not isinstance(value, str | int | float):
        raise ValueError("the context is not flat")
    return value if isinstance(value, str) else json.dumps(value)
