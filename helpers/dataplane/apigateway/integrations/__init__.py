"""Integrations: what stands behind a method. ``Integrations`` chooses by the integration's type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.integrations.lambda_custom import LambdaCustom
from helpers.dataplane.apigateway.integrations.lambda_proxy import LambdaProxy
from helpers.dataplane.apigateway.integrations.mock import mock
from helpers.dataplane.apigateway.integrations.waiting import patience, within
from helpers.dataplane.call import not_built
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Post
from helpers.dataplane.web import HttpResponse

Ask = Callable[[Exchange, dict[str, Any]], HttpResponse]


class Integrations:
    """Asks backends."""

    def __init__(self, context: Context, post: Post) -> None:
        self._context, functions = context, LambdaProxy(post)
        self._made: dict[str, Ask] = {
            "MOCK": mock,
            "AWS_PROXY": functions.answer,
            "LAMBDA": LambdaCustom(functions).answer,
        }

    def answer(self, exchange: Exchange) -> HttpResponse:
        """Return what stands behind the method answers.

        Raises
        ------
        GatewayError
            Nothing stands there, or it failed or took too long.
        """
        integration = exchange.method.get("methodIntegration")
        if not integration:
            raise GatewayError("API_CONFIGURATION_ERROR")
        ask = self._ask(integration)
        if ask is mock:
            return mock(exchange, integration)
        response = within(patience(integration), lambda: ask(exchange, integration))
        exchange.extra["integration.status"] = str(response.status)
        return response

    def _ask(self, integration: dict[str, Any]) -> Ask:
        kind = integration["type"]
        if integration.get("connectionType") == "VPC_LINK":
            raise not_built("a VPC link")
        if kind == "AWS" and ":lambda:path/" in integration["uri"]:
            kind = "LAMBDA"
        if kind not in self._made:
            self._make()
        return self._made[kind]

    def _make(self) -> None:
        """Make what few APIs need and takes a while to import."""
        from helpers.dataplane.apigateway.integrations.http import Http
        from helpers.dataplane.apigateway.integrations.services import Services

        http = Http()
        self._made |= {"HTTP": http.custom, "HTTP_PROXY": http.proxy, "AWS": Services(self._context).answer}
