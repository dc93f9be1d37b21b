"""Integrations: what stands behind a method. ``Integrations`` chooses by the integration's type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.integrations.lambda_proxy import LambdaProxy
from helpers.dataplane.apigateway.integrations.mock import mock
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Post
from helpers.dataplane.web import HttpResponse

Integration = Callable[[Exchange, dict[str, Any]], HttpResponse]


class Integrations:
    """Asks backends."""

    def __init__(self, context: Context, post: Post) -> None:
        self._by_type: dict[str, Integration] = {"AWS_PROXY": LambdaProxy(context, post).answer, "MOCK": mock}

    def answer(self, exchange: Exchange) -> HttpResponse:
        """Return what stands behind the method answers.

        Raises
        ------
        GatewayError
            Nothing stands there, or it failed.
        """
        integration = exchange.method.get("methodIntegration")
        if not integration:
            raise GatewayError("API_CONFIGURATION_ERROR", "No integration defined for method", 500)
        return self._by_type[integration["type"]](exchange, integration)
