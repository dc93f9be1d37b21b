"""MOCK: API Gateway answers itself.

AWS: the request template must give ``{"statusCode": N}``, which chooses the integration response; anything else is a
500 ("Mock integrations for REST APIs in API Gateway", API Gateway Developer Guide).
"""

from __future__ import annotations

import json
from typing import Any

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.integrations import mapping
from helpers.dataplane.web import HttpResponse


def mock(exchange: Exchange, integration: dict[str, Any]) -> HttpResponse:
    """Return the integration response that the request template chooses."""
    try:
        status = int(json.loads(mapping.request_body(exchange, integration))["statusCode"])
    except (ValueError, TypeError, KeyError):
        exchange.failed("Unable to parse statusCode: the request template must give it")
        raise GatewayError("API_CONFIGURATION_ERROR") from None
    return mapping.answer(exchange, integration, str(status), mapping.Backend(status, ""))
