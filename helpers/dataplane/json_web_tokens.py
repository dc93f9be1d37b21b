"""JSON web tokens: is this one genuine, for us, and still good?

AWS: the COGNITO_USER_POOLS authorizer of a REST API and the JWT authorizer of an HTTP API verify a token with the
public keys of its issuer, without asking the issuer about it: the signature, ``exp``, ``nbf``, ``iss``, and ``aud`` or,
in an access token, ``client_id`` ("Verifying a JSON web token", Amazon Cognito Developer Guide; "Control access to HTTP
APIs with JWT authorizers", API Gateway Developer Guide). Here the same by joserfc. Only RS256 is taken: a token that
names another algorithm, such as ``none`` or HS256 with the public key for a secret, is not genuine.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from typing import Any, Literal

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from helpers.dataplane.call import not_built

Reason = Literal["malformed", "signature", "expired", "early", "issuer", "audience"]
_WAIT_SECONDS = 10


class TokenError(Exception):
    """A token that is not taken; ``reason`` says why: one that cannot be read has no right signature either."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Issuers:
    """The public keys of issuers, fetched once from the address at which each pool publishes them."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._known: dict[str, dict[str, Any]] = {}

    def keys(self, issuer: str) -> Mapping[str, Any] | None:
        """Return the JSON web key set of a user pool, by the URL that its tokens name; None when there is no such pool.

        Raises
        ------
        AWSError
            ``NotImplementedException``: the issuer is no user pool, so that its keys would be on the internet.
        """
        if not re.fullmatch(r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com/[\w-]+", issuer):
            raise not_built(f"asking the issuer {issuer!r} for its keys")
        if issuer not in self._known:
            address = f"{self._endpoint}/_aws/cognito-idp/{issuer.rpartition('/')[2]}/.well-known/jwks.json"
            try:
                with urllib.request.urlopen(address, timeout=_WAIT_SECONDS) as answer:
                    self._known[issuer] = json.load(answer)
            except urllib.error.HTTPError:
                return None
        return self._known[issuer]


def verify(token: str, keys: Mapping[str, Any], issuer: str, audiences: Collection[str], now: float) -> dict[str, Any]:
    """Return the claims of a token.

    Parameters
    ----------
    token:
        As it came, without ``Bearer``.
    keys:
        The issuer's public keys, a JSON web key set: ``{"keys": [...]}``.
    issuer:
        What ``iss`` must be.
    audiences:
        One of them must be ``aud`` (or in it) or ``client_id``; when there are none, nobody asks.
    now:
        Seconds since the epoch.

    Raises
    ------
    TokenError
        The token is not taken.
    """
    claims = _genuine(token, keys)
    times = [claims.get("exp", 0), claims.get("nbf", 0)]
    if any(isinstance(moment, bool) or not isinstance(moment, int | float) for moment in times):
        raise TokenError("malformed")
    if claims.get("iss") != issuer:
        raise TokenError("issuer")
    if not now < times[0]:
        raise TokenError("expired")
    if now < times[1]:
        raise TokenError("early")
    if audiences and not _audiences_of(claims) & set(audiences):
        raise TokenError("audience")
    return claims


def _genuine(token: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    try:
        claims = jwt.decode(token, KeySet.import_key_set({"keys": list(keys["keys"])}), algorithms=["RS256"]).claims
    except (JoseError, ValueError, TypeError, AttributeError):
        raise TokenError("signature") from None
    if not isinstance(claims, dict):
        raise TokenError("malformed")
    return claims


def _audiences_of(claims: Mapping[str, Any]) -> set[str]:
    named = claims.get("aud", claims.get("client_id"))
    return {one for one in (named if isinstance(named, list) else [named]) if isinstance(one, str)}
