"""AWS_PROXY: a Lambda function that sees the whole request and gives the whole response.

AWS: the function's resource policy must let ``apigateway.amazonaws.com`` invoke it, or a role is given; else the client
gets a 500. A function that fails, or answers no response, is a 502. Lambda's own throttle is a 500 (gateway response
INTEGRATION_FAILURE). Integrations call a function by POST, whatever the client's method ("Lambda proxy integrations in
API Gateway" and "Handle Lambda errors in API Gateway", API Gateway Developer Guide).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from helpers.dataplane.apigateway import proxy_event
from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.integrations.mapping import filled
from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.call import AWSError
from helpers.dataplane.delivery import Delivery, Post
from helpers.dataplane.web import HttpResponse

T = TypeVar("T")


class LambdaProxy:
    """Calls functions."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def answer(self, exchange: Exchange, integration: dict[str, Any]) -> HttpResponse:
        """Return the response that the function gives."""
        outcome = self.ask(exchange, integration, integration["uri"], json.dumps(proxy_event.event_of(exchange)))
        reason = f"Lambda execution failed due to customer function error: {error_message(outcome)}"
        try:
            if not outcome.function_error:
                return proxy_event.response_of(outcome.payload, exchange)
        except proxy_event.Malformed as error:
            reason = f"Execution failed due to configuration error: Malformed Lambda proxy response: {error}"
        exchange.failed(reason)
        raise GatewayError("API_CONFIGURATION_ERROR", status=502)

    def ask(self, exchange: Exchange, integration: dict[str, Any], uri: str, body: str) -> Outcome:
        """Call the function that ``uri`` names and wait for its outcome.

        Raises
        ------
        GatewayError
            It could not be called.
        """
        return self._hand_over(exchange, integration, uri, body, self._post.ask)

    def push(self, exchange: Exchange, integration: dict[str, Any], uri: str, body: str) -> None:
        """Put an event into the queue of the function that ``uri`` names; nobody waits for the outcome.

        Raises
        ------
        GatewayError
            It could not be called.
        """
        self._hand_over(exchange, integration, uri, body, self._post.send)

    def _hand_over(
        self, exchange: Exchange, integration: dict[str, Any], uri: str, body: str, act: Callable[[Delivery], T]
    ) -> T:
        if integration.get("httpMethod") != "POST":
            exchange.failed("a function is called by POST: integrationHttpMethod must say so")
            raise GatewayError("API_CONFIGURATION_ERROR")
        delivery = Delivery(
            "apigateway", exchange.method_arn, function_arn(uri, exchange.stage_variables), body,
            f"{exchange.request.method} {exchange.path}", exchange.api.name, integration.get("credentials") or "",
        )  # fmt: skip
        try:
            return act(delivery)
        except AWSError as error:
            if error.code == "InvalidRequestContentException":  # a template wrote what is no JSON
                raise GatewayError("DEFAULT_4XX", error.message) from None
            throttled = error.code == "TooManyRequestsException"
            words = "Rate Exceeded" if throttled else "Invalid permissions on Lambda function"
            reason = f"Execution failed due to configuration error: {words}: {error.message}"
            exchange.failed(reason)
            raise GatewayError("INTEGRATION_FAILURE" if throttled else "API_CONFIGURATION_ERROR", status=500) from None


def function_arn(uri: str, variables: dict[str, str]) -> str:
    """Return the ARN of the function in an integration's URI, with the stage's variables put in."""
    return filled(uri, variables).partition("/functions/")[2].partition("/invocations")[0]


def error_message(outcome: Outcome) -> str:
    """Return a failed function's error message, or an empty string."""
    return str(json.loads(outcome.payload).get("errorMessage", "")) if outcome.function_error else ""
