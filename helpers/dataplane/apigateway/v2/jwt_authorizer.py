"""A JWT authorizer: who has a token of this issuer, for this audience, may call.

AWS: the token stands in the identity source, perhaps after ``Bearer``; ``iss`` must be the authorizer's issuer, ``aud``
(or ``client_id``) one of its audiences, and ``scope`` has one of the route's scopes, if it has any. The function gets
the claims in ``requestContext.authorizer.jwt`` ("Control access to HTTP APIs with JWT authorizers", API Gateway
Developer Guide). A token that is missing or not taken is a 401 ``{"message":"Unauthorized"}``. Here an issuer is a
user pool of this cloud. Not sourced: the 403 for a scope that is missing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl

from moto.apigatewayv2.models import Authorizer

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.context import Context
from helpers.dataplane.json_web_tokens import Issuers, TokenError, verify
from helpers.dataplane.web import HttpRequest


class JwtAuthorizer:
    """Checks tokens."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._issuers = Issuers(context.endpoint)

    def claims(self, authorizer: Authorizer, scopes: Collection[str], request: HttpRequest) -> dict[str, Any]:
        """Return what the function is told: ``claims``, and the token's ``scopes``.

        Raises
        ------
        GatewayError
            UNAUTHORIZED or ACCESS_DENIED.
        """
        config: Any = authorizer.jwt_config or {}
        keys = self._issuers.keys(config.get("issuer", ""))
        if keys is None:
            raise GatewayError("UNAUTHORIZED")
        try:
            found = verify(
                _token(authorizer, request), keys, config["issuer"], config.get("audience") or (),
                self._context.clock.time(),
            )  # fmt: skip
        except TokenError:
            raise GatewayError("UNAUTHORIZED") from None
        had = str(found.get("scope", "")).split()
        if scopes and set(scopes).isdisjoint(had):
            raise GatewayError("ACCESS_DENIED", "Forbidden")
        return {"claims": {name: _text(value) for name, value in found.items()}, "scopes": had or None}


def _token(authorizer: Authorizer, request: HttpRequest) -> str:
    for source in authorizer.identity_source or ("$request.header.Authorization",):
        place, _, name = source.removeprefix("$request.").partition(".")
        value = request.headers.get(name, "") if place == "header" else dict(parse_qsl(request.query)).get(name, "")
        if value:
            return value.removeprefix("Bearer ").strip()
    raise GatewayError("UNAUTHORIZED")


def _text(value: Any) -> str:
    """Return a claim as HTTP APIs pass it on: everything is a text, a list stands in brackets."""
    return f"[{' '.join(str(one) for one in value)}]" if isinstance(value, list) else str(value)
