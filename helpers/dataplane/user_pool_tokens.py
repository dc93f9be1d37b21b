"""The tokens of Cognito user pools: signed with a key of the pool's own, good as long as the app client says.

AWS: each pool signs with its own RSA keys and publishes the public ones at
``https://cognito-idp.REGION.amazonaws.com/POOL/.well-known/jwks.json``; ID and access tokens are good for an hour, or
for what ``IdTokenValidity`` and ``AccessTokenValidity`` of the app client say, 5 minutes to a day ("Using tokens with
user pools", Amazon Cognito Developer Guide). moto signs the tokens of all pools with one key that lies in its package,
for everybody to read and to sign with, and always for an hour: so they are signed anew here.

Differs: one key for each pool, on AWS two; it is published below ``/_aws/cognito-idp/``; the times in a token are on
the cloud's clock, which runs ``speed`` times faster.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from moto.cognitoidp.models import CognitoIdpUserPool, cognitoidp_backends

from helpers.dataplane.call import AWSError
from helpers.dataplane.clock import Clock

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
_VALIDITY = {"access": ("AccessTokenValidity", "AccessToken"), "id": ("IdTokenValidity", "IdToken")}
_SHORTEST, _LONGEST = 300, 86400


class PoolTokens:
    """Signs the tokens of one account's user pools."""

    def __init__(self, account_id: str, clock: Clock) -> None:
        self._account_id, self._clock = account_id, clock
        self._keys: dict[str, RSAKey] = {}
        self._lock = threading.Lock()

    def signed(self, pool: CognitoIdpUserPool, client_id: str, token_use: str, token: str) -> tuple[str, int]:
        """Return moto's token, signed with the pool's key, and for how many seconds it is good."""
        claims, now = jwt.decode(token, pool.json_web_key, algorithms=["RS256"]).claims, int(self._clock.time())
        seconds = _seconds(pool.clients[client_id].extended_config, token_use)
        claims |= {"iat": now, "auth_time": now, "exp": now + seconds}
        key = self._key(pool.id)
        return jwt.encode({"kid": key.kid, "alg": "RS256"}, claims, key, default_type=None), seconds

    def public_keys(self, pool_id: str) -> dict[str, Any] | None:
        """Return the JSON web key set of a pool, or None when there is no such pool."""
        there = any(pool_id in backend.user_pools for backend in cognitoidp_backends[self._account_id].values())
        return {"keys": [self._key(pool_id).as_dict(private=False)]} if there else None

    def _key(self, pool_id: str) -> RSAKey:
        with self._lock:
            if pool_id not in self._keys:
                self._keys[pool_id] = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
            return self._keys[pool_id]


def check_validity(config: Mapping[str, Any]) -> None:
    """Check what an app client asks for.

    Raises
    ------
    AWSError
        Tokens are to be good for less than 5 minutes or more than a day.
    """
    if not all(_SHORTEST <= _seconds(config, token_use) <= _LONGEST for token_use in _VALIDITY):
        raise AWSError("InvalidParameterException", "Invalid range for token validity.", 400)


def _seconds(config: Mapping[str, Any], token_use: str) -> int:
    """Return for how many seconds a client's tokens are good; the unit is hours unless the client says another."""
    length, unit = _VALIDITY[token_use]
    return int(config.get(length) or 1) * _SECONDS[(config.get("TokenValidityUnits") or {}).get(unit, "hours")]
