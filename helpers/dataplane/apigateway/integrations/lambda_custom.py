"""AWS with a Lambda function: templates make the function's event, and the response from its result.

AWS: a function that fails is no error of the method: its error message chooses the integration response, which is the
default one, most often 200, when no selection pattern matches. With the mapped header ``X-Amz-Invocation-Type:
'Event'`` the event goes into the function's queue, and nobody waits ("Lambda custom integrations", "Handle Lambda
errors in API Gateway" and "Set up asynchronous invocation of the backend Lambda function", API Gateway Developer
Guide).
"""

from __future__ import annotations

from typing import Any

from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.integrations import mapping
from helpers.dataplane.apigateway.integrations.lambda_proxy import LambdaProxy, error_message
from helpers.dataplane.web import HttpResponse


class LambdaCustom:
    """Calls functions through templates."""

    def __init__(self, functions: LambdaProxy) -> None:
        self._functions = functions

    def answer(self, exchange: Exchange, integration: dict[str, Any]) -> HttpResponse:
        """Return what the integration's templates make of the function's result."""
        body = mapping.request_body(exchange, integration) or "{}"
        mapped = mapping.parameters(exchange, integration)
        uri = mapped.uri(integration["uri"], exchange.stage_variables)
        if mapped.header.get("X-Amz-Invocation-Type") == "Event":
            self._functions.push(exchange, integration, uri, body)
            return mapping.answer(exchange, integration, "", mapping.Backend(202, ""))
        outcome = self._functions.ask(exchange, integration, uri, body)
        answered = mapping.Backend(200, outcome.payload.decode("utf-8", "replace"))
        return mapping.answer(exchange, integration, error_message(outcome), answered)
