"""COGNITO_USER_POOLS: a token of a user pool, verified with the pool's public keys.

AWS: a method without authorization scopes takes ID tokens; one with scopes takes access tokens that have one of them;
whatever else comes is a 401 ("Integrate a REST API with an Amazon Cognito user pool", API Gateway Developer Guide). The
pool is not asked: a token is good until it expires, also when its user signed out. ``$context.authorizer.claims`` are
texts: lists joined by commas, ``exp`` and ``iat`` as dates (seen in events recorded on AWS). Here the same; the token
may follow ``Bearer``, too, and ``identityValidationExpression`` is matched with the whole of ``aud``.

Not sourced: that "The incoming token has expired" is said only of a token that is genuine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.apigateway.models import Authorizer

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.context import Context
from helpers.dataplane.json_web_tokens import Issuers, TokenError, verify

_HEADER = "method.request.header."


class UserPools:
    """Checks tokens of user pools."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._issuers = Issuers(context.endpoint)

    def check(self, exchange: Exchange, authorizer: Authorizer) -> None:
        """Let a request with a good token through; its claims are in ``exchange.authorizer`` then.

        Raises
        ------
        GatewayError
            UNAUTHORIZED, or AUTHORIZER_CONFIGURATION_ERROR when the authorizer's pool is not there.
        """
        header = (authorizer.identity_source or f"{_HEADER}Authorization").removeprefix(_HEADER)
        token = exchange.request.headers.get(header, "").removeprefix("Bearer ").strip()
        if not token:
            raise GatewayError("UNAUTHORIZED")
        claims = self._claims(authorizer, token)
        _check_use(claims, set(exchange.method.get("authorizationScopes") or ()))
        expression = authorizer.identity_validation_expression
        if expression and not re.fullmatch(expression, str(claims.get("aud", claims.get("client_id")))):
            raise GatewayError("UNAUTHORIZED")
        exchange.authorizer = {"claims": {name: as_text(name, value) for name, value in claims.items()}}

    def _claims(self, authorizer: Authorizer, token: str) -> dict[str, Any]:
        reasons = set()
        for arn in authorizer.provider_arns or ():
            region, pool = arn.split(":")[3], arn.rpartition("/")[2]
            issuer = f"https://cognito-idp.{region}.amazonaws.com/{pool}"
            keys = self._issuers.keys(issuer)
            if keys is None:
                raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR")
            try:
                return verify(token, keys, issuer, (), self._context.clock.time())
            except TokenError as error:
                reasons.add(error.reason)
        raise GatewayError("UNAUTHORIZED", "The incoming token has expired" if "expired" in reasons else "")


def _check_use(claims: Mapping[str, Any], scopes: set[str]) -> None:
    use = "access" if scopes else "id"
    if claims.get("token_use") != use or (scopes and scopes.isdisjoint(str(claims.get("scope", "")).split())):
        raise GatewayError("UNAUTHORIZED")


def as_text(name: str, value: Any) -> str:
    """Return a claim as a REST API's backend gets it."""
    if name in ("exp", "iat"):
        return f"{datetime.fromtimestamp(value, UTC):%a %b %d %H:%M:%S} UTC {datetime.fromtimestamp(value, UTC):%Y}"
    if isinstance(value, list):
        return ",".join(str(one) for one in value)
    return value if isinstance(value, str) else json.dumps(value)
