"""AWS_PROXY: a Lambda function that gets the whole request and answers the whole response.

AWS: the function's resource policy must let ``apigateway.amazonaws.com`` invoke it, else the client gets a 500; a
function that fails, or answers no response, is a 502; one that takes longer than ``timeoutInMillis`` a 504 ("Lambda
proxy integrations in API Gateway", API Gateway Developer Guide).
"""

from __future__ import annotations

import json
from typing import Any

from helpers.dataplane.apigateway import proxy_event
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.integrations.waiting import within
from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Delivery, Post
from helpers.dataplane.web import HttpResponse


class LambdaProxy:
    """Calls functions."""

    def __init__(self, context: Context, post: Post) -> None:
        self._context, self._post = context, post

    def answer(self, exchange: Exchange, integration: dict[str, Any]) -> HttpResponse:
        """Return the response of the integration's function."""
        outcome = self.ask(exchange, integration, json.dumps(proxy_event.event_of(exchange)))
        try:
            if outcome.function_error:
                raise proxy_event.Malformed(f"the function failed: {outcome.payload.decode('utf-8', 'replace')}")
            return proxy_event.response_of(outcome.payload, exchange)
        except proxy_event.Malformed as error:
            exchange.extra["integration.error"] = f"Malformed Lambda proxy response: {error}"
            raise GatewayError("API_CONFIGURATION_ERROR", "Internal server error", 502) from None

    def ask(self, exchange: Exchange, integration: dict[str, Any], body: str) -> Outcome:
        """Call the function that the integration's URI names, and wait for it as long as the integration allows."""
        arn = function_arn(integration["uri"], exchange.stage_variables)
        delivery = Delivery(
            "apigateway", exchange.method_arn, arn, body,
            f"{exchange.request.method} {exchange.path}", exchange.api.name, integration.get("credentials") or "",
        )  # fmt: skip
        try:
            return within(self._context.clock, integration, lambda: self._post.ask(delivery))
        except AWSError as error:
            exchange.extra["integration.error"] = error.message
            raise GatewayError("API_CONFIGURATION_ERROR") from None


def function_arn(uri: str, variables: dict[str, str]) -> str:
    """Return the ARN of the function in an integration's URI, with the stage's variables put in."""
    return filled(uri, variables).partition("/functions/")[2].partition("/invocations")[0]


def filled(text: str, variables: dict[str, str]) -> str:
    """Return ``text`` with ``${stageVariables.x}`` replaced; a variable that the stage lacks becomes nothing."""
    before, found, rest = text.partition("${stageVariables.")
    if not found:
        return before
    name, _, after = rest.partition("}")
    return before + variables.get(name, "") + filled(after, variables)
