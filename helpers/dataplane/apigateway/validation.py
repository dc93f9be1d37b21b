"""Request validation: what a request lacks, before any backend is asked.

AWS: a method names a request validator, which checks the parameters that the method requires (there, and not blank),
the body against the model for its Content-Type (a JSON schema, draft 4), or both. A type without a model is not
checked; the model for ``$default`` is for all types; application/json stands for no type at all. A failure is a 400,
and ``$context.error.validationErrorString`` says what is wrong in detail ("Request validation for REST APIs in API
Gateway", API Gateway Developer Guide).
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.proxy_event import media_type


class Validation:
    """The step that validates."""

    def check(self, exchange: Exchange) -> None:
        """Let the request pass if it has what its method's validator wants.

        Raises
        ------
        GatewayError
            BAD_REQUEST_PARAMETERS or BAD_REQUEST_BODY.
        """
        validator = exchange.snapshot.validators.get(exchange.method.get("requestValidatorId") or "", {})
        if validator.get("validateRequestParameters"):
            missing = [name for name in _required(exchange) if not _given(exchange, name)]
            if missing:
                names = ", ".join(name.split(".", 3)[3] for name in missing)
                raise GatewayError("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{names}]")
        if validator.get("validateRequestBody"):
            self._check_body(exchange)

    def _check_body(self, exchange: Exchange) -> None:
        models = exchange.method.get("requestModels") or {}
        name = models.get(media_type(exchange.request.headers)) or models.get("$default")
        if name is None:
            return
        from helpers.dataplane.apigateway.models import problems_of  # slow to import, and few APIs need it

        problems = problems_of(exchange.request.body, name, exchange.snapshot.models)
        if problems:
            # a template puts it between quotation marks: on AWS its own come escaped
            exchange.extra["error.validationErrorString"] = json.dumps(f"[{', '.join(problems)}]")[1:-1]
            raise GatewayError("BAD_REQUEST_BODY")


def _required(exchange: Exchange) -> list[str]:
    wanted = exchange.method.get("requestParameters") or {}
    return sorted(name for name, required in wanted.items() if str(required).lower() == "true")


def _given(exchange: Exchange, name: str) -> bool:
    place, _, key = name.removeprefix("method.request.").partition(".")
    if place == "header":
        return bool(exchange.request.headers.get(key))
    if place == "path":
        return bool(exchange.path_parameters.get(key))
    return any(parse_qs(exchange.request.query).get(key, []))
