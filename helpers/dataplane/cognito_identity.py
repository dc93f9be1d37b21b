"""Cognito identity pools: who shows a user pool's ID token gets temporary credentials of a role.

AWS: GetId gives a login its identity id, always the same one; GetCredentialsForIdentity, with the same token, gives
credentials of the pool's role for signed-in users, good for an hour. The token is the proof: neither call is signed
("Identity pools authentication flow", the enhanced flow, Amazon Cognito Developer Guide). STS is shown a token of the
identity pool, whose ``aud`` is the pool, ``amr`` says "authenticated" and names the provider, and ``sub`` is the
identity: the role's trust policy may ask for these ("Role trust and permissions"), and the policies of the role may
name them, as in ``${cognito-identity.amazonaws.com:sub}`` ("IAM roles").

Here: logins of user pools, one for each identity; pools are moto's. Not built: guests, other providers, rules that
choose a role, CustomRoleArn, the basic flow, linked logins, attributes for access control.

The words of the refusals are from reports of people who got them. Not sourced: those for an identity or a pool that is
not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.cognitoidentity.models import CognitoIdentityPool, cognitoidentity_backends
from moto.cognitoidentity.utils import get_random_identity_id

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import refuse
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.json_web_tokens import Issuers, TokenError, verify
from helpers.dataplane.web import HttpResponse

PROVIDER = "cognito-identity.amazonaws.com"
SESSION_NAME = "CognitoIdentityCredentials"
_SECONDS = 3600
_Login = tuple[str, str, str]
"""The identity pool, the provider, and the provider's name for the user."""


class CognitoIdentityPlane:
    """The identities of one account."""

    service = "cognito-identity"

    def __init__(self, context: Context) -> None:
        self._context, self._issuers = context, Issuers(context.endpoint)
        self._roles: dict[str, dict[str, str]] = {}
        self._identities: dict[_Login, str] = {}

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation; moto's tokens of identities are invented."""
        return {
            "GetId": self._get_id,
            "GetCredentialsForIdentity": self._get_credentials,
            "SetIdentityPoolRoles": self._set_roles,
            "GetIdentityPoolRoles": self._get_roles,
            "GetOpenIdToken": refuse,
            "GetOpenIdTokenForDeveloperIdentity": refuse,
        }

    def addresses(self) -> Mapping[str, Address]:
        """Identity pools have no addresses of their own."""
        return {}

    def stop(self) -> None:
        """Nothing runs."""

    def _set_roles(self, call: Call) -> HttpResponse:
        if call.params.get("RoleMappings"):
            raise not_built("choosing a role by rules or by token")
        self._roles[self._pool(call.params["IdentityPoolId"]).identity_pool_id] = dict(call.params["Roles"])
        return call.reply()

    def _get_roles(self, call: Call) -> HttpResponse:
        pool_id = self._pool(call.params["IdentityPoolId"]).identity_pool_id
        return call.reply({"IdentityPoolId": pool_id, "Roles": self._roles.get(pool_id, {})})

    def _get_id(self, call: Call) -> HttpResponse:
        pool = self._pool(call.params["IdentityPoolId"])
        logins = call.params.get("Logins") or {}
        if not logins:
            if pool.allow_unauthenticated_identities:
                raise not_built("an identity for guests")
            raise _refused("Unauthenticated access is not supported for this identity pool.")
        provider, claims = self._verified(pool, logins)
        login = (pool.identity_pool_id, provider, str(claims["sub"]))
        if login not in self._identities:
            region = pool.identity_pool_id.partition(":")[0]
            self._identities[login] = get_random_identity_id(region)
            listed = cognitoidentity_backends[self._context.account_id][region].pools_identities[login[0]]["Identities"]
            listed.append({"IdentityId": self._identities[login], "Logins": [provider]})
        return call.reply({"IdentityId": self._identities[login]})

    def _get_credentials(self, call: Call) -> HttpResponse:
        identity, logins = call.params["IdentityId"], call.params.get("Logins") or {}
        if call.params.get("CustomRoleArn"):
            raise not_built("CustomRoleArn")
        login = next((login for login, found in self._identities.items() if found == identity), None)
        if login is None:
            raise AWSError("ResourceNotFoundException", f"Identity '{identity}' not found.", 400)
        if not logins:
            raise _refused(f"Access to Identity '{identity}' is forbidden.")
        pool_id, provider, user = login
        shown, claims = self._verified(self._pool(pool_id), logins)
        if (shown, claims["sub"]) != (provider, user):
            words = "Logins don't match. Please include at least one valid login for this identity or identity pool."
            raise _refused(words)
        told = {"aud": pool_id, "amr": ("authenticated", provider), "sub": identity}
        credentials = self._assume(pool_id, str(claims.get("cognito:username")), told)
        return call.reply({"IdentityId": identity, "Credentials": credentials})

    def _assume(self, pool_id: str, name: str, told: Mapping[str, str | tuple[str, ...]]) -> dict[str, Any]:
        identities, arn = self._context.identities, self._roles.get(pool_id, {}).get("authenticated", "")
        claims = {f"{PROVIDER}:{key}": value for key, value in told.items()}
        if not identities.trusts(arn, PROVIDER, claims):
            words = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
            raise AWSError("InvalidIdentityPoolConfigurationException", words, 400)
        ends = int(self._context.clock.time()) + _SECONDS
        given = identities.assume(arn, SESSION_NAME, f"user {name}", claims=claims, expires_at=ends)
        return {
            "AccessKeyId": given["AWS_ACCESS_KEY_ID"],
            "SecretKey": given["AWS_SECRET_ACCESS_KEY"],
            "SessionToken": given["AWS_SESSION_TOKEN"],
            "Expiration": datetime.fromtimestamp(ends, UTC),
        }

    def _pool(self, pool_id: str) -> CognitoIdentityPool:
        regions = cognitoidentity_backends[self._context.account_id]
        region = pool_id.partition(":")[0]
        pool = regions[region].identity_pools.get(pool_id) if region in regions else None
        if pool is None:
            raise AWSError("ResourceNotFoundException", f"IdentityPool '{pool_id}' not found.", 400)
        return pool

    def _verified(self, pool: CognitoIdentityPool, logins: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        """Return the provider that vouches, and the claims of its token."""
        if len(logins) > 1:
            raise not_built("linking several logins to one identity")
        ((provider, token),) = logins.items()
        clients = {one["ClientId"] for one in pool.cognito_identity_providers or () if one["ProviderName"] == provider}
        if not clients:
            raise _refused("Token is not from a supported provider of this identity pool.")
        keys, now = self._issuers.keys(f"https://{provider}") or {"keys": []}, int(self._context.clock.time())
        try:
            claims = verify(token, keys, f"https://{provider}", (), 0)
        except TokenError:
            raise _refused("Invalid login token. Couldn't verify signed token.") from None
        if now >= claims["exp"]:
            raise _refused(f"Invalid login token. Token expired: {now} >= {claims['exp']}")
        if claims.get("token_use") != "id":
            raise _refused("Invalid login token. Missing a required claim: aud")
        if claims.get("aud") not in clients:
            raise _refused("Token is not from a supported provider of this identity pool.")
        return provider, claims


def _refused(words: str) -> AWSError:
    return AWSError("NotAuthorizedException", words, 400)
