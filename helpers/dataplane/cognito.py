"""Cognito user pools: functions that are asked while a user signs up or gets tokens, and the keys of the tokens.

AWS: a trigger is called synchronously and answers with the event, its ``response`` filled in; an exception of the
function stops what the user does ("Customizing user pool workflows with Lambda triggers", Amazon Cognito Developer
Guide). Here: PreSignUp, PostConfirmation and PreTokenGeneration (versions 1 and 2); users and claims are moto's, the
signatures are those of ``user_pool_tokens``, the metrics those of ``user_pool_metrics``.

Differs: other triggers are not called; a trigger may take as long as its function's timeout, on AWS 5 seconds; no code
is mailed, so that users are confirmed by AdminConfirmSignUp or by a PreSignUp trigger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.cognitoidp.models import CognitoIdpUserPool, UserStatus, cognitoidp_backends
from werkzeug.datastructures import Headers

from helpers.dataplane import user_pool_metrics
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Delivery, Post, as_json
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.user_pool_tokens import PoolTokens, check_validity
from helpers.dataplane.web import HttpRequest, HttpResponse


class CognitoPlane:
    """The part of user pools that moto leaves out: their triggers."""

    service = "cognito-idp"

    def __init__(self, context: Context, post: Post) -> None:
        self._context, self._post = context, post
        self._answers: dict[str, dict[str, Any]] = {}
        self._tokens = PoolTokens(context.account_id, context.clock)
        self._create_jwt = CognitoIdpUserPool.create_jwt
        self._seams = Seams()
        self._seams.put(CognitoIdpUserPool, "create_jwt", self._token)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        operations: dict[str, Operation] = {
            "SignUp": self._sign_up,
            "AdminCreateUser": self._create_user,
            "ConfirmSignUp": self._no_code,
            "AdminConfirmSignUp": self._confirm,
            "CreateUserPoolClient": self._client,
            "UpdateUserPoolClient": self._client,
            "InitiateAuth": self._initiate,
        }
        return user_pool_metrics.counted(operations, self._pool)

    def addresses(self) -> Mapping[str, Address]:
        """Return where each pool publishes its keys: ``POOL/.well-known/jwks.json``."""
        return {"cognito-idp": self._jwks}

    def public_keys(self, pool_id: str) -> dict[str, Any] | None:
        """Return the JSON web key set of a pool, or None when there is no such pool."""
        return self._tokens.public_keys(pool_id)

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._seams.remove()

    def _jwks(self, request: HttpRequest, path: str) -> HttpResponse:
        pool_id, _, rest = path.partition("/")
        keys = self.public_keys(pool_id) if rest == ".well-known/jwks.json" else None
        headers = Headers({"Content-Type": "application/json"})
        return HttpResponse(200 if keys else 404, headers, json.dumps(keys or {"message": "Not Found"}).encode())

    def _client(self, call: Call) -> HttpResponse:
        check_validity(call.params)
        return forward(call)

    def _initiate(self, call: Call) -> HttpResponse:
        """Refuse a password to an app client that does not take any, where moto would take it."""
        pool, flow = self._pool(call), call.params["AuthFlow"]
        if pool is not None and flow == "USER_PASSWORD_AUTH":
            taken = pool.clients[call.params["ClientId"]].extended_config.get("ExplicitAuthFlows") or []
            if {flow, f"ALLOW_{flow}"}.isdisjoint(taken):
                raise AWSError("InvalidParameterException", f"{flow} flow not enabled for this client", 400)
        return forward(call)

    def _sign_up(self, call: Call) -> HttpResponse:
        pool, given = self._pool(call), call.params
        asked = {"userAttributes": _flat(given.get("UserAttributes")), **_data(given)}
        blank = {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}
        answer = self._ask(pool, "PreSignUp", "SignUp", given["Username"], asked, blank, given.get("ClientId"))
        response = forward(call)
        if response.status >= 400 or not answer.get("autoConfirmUser"):
            return response
        assert pool is not None
        user = pool._get_user(given["Username"])
        user.status = UserStatus.CONFIRMED
        for name, wanted in (("email_verified", "autoVerifyEmail"), ("phone_number_verified", "autoVerifyPhone")):
            if answer.get(wanted):
                user.update_attributes([{"Name": name, "Value": "true"}])
        self._confirmed(pool, user, given)
        return call.reply({**json.loads(response.body), "UserConfirmed": True})

    def _create_user(self, call: Call) -> HttpResponse:
        asked = {"userAttributes": _flat(call.params.get("UserAttributes")), **_data(call.params)}
        self._ask(self._pool(call), "PreSignUp", "AdminCreateUser", call.params["Username"], asked, {})
        return forward(call)

    def _no_code(self, call: Call) -> HttpResponse:
        """Refuse what moto would take with any code."""
        message = "no mail leaves this machine, so that nobody has a code: confirm the user with AdminConfirmSignUp"
        raise AWSError("NotImplementedException", message, 501)

    def _confirm(self, call: Call) -> HttpResponse:
        pool, response = self._pool(call), forward(call)
        if response.status < 400 and pool is not None:
            self._confirmed(pool, pool._get_user(call.params["Username"]), call.params)
        return response

    def _confirmed(self, pool: CognitoIdpUserPool, user: Any, given: Mapping[str, Any]) -> None:
        asked = {"userAttributes": {**_flat(user.attributes), "cognito:user_status": "CONFIRMED"}}
        if given.get("ClientMetadata"):
            asked["clientMetadata"] = given["ClientMetadata"]
        self._ask(pool, "PostConfirmation", "ConfirmSignUp", user.username, asked, {}, given.get("ClientId"))

    def _pool(self, call: Call) -> CognitoIdpUserPool | None:
        pools = cognitoidp_backends[self._context.account_id][call.region].user_pools
        if call.params.get("UserPoolId"):
            return pools.get(call.params["UserPoolId"])
        return next((pool for pool in pools.values() if call.params.get("ClientId") in pool.clients), None)

    def _token(
        self,
        pool: CognitoIdpUserPool,
        client_id: str,
        username: str,
        token_use: str,
        expires_in: int = 3600,
        extra_data: dict[str, Any] | None = None,
    ) -> Any:
        """Take the place of moto's ``create_jwt``: moto makes the access token first, then the ID token."""
        claims, origin = dict(extra_data or {}), str((extra_data or {}).get("origin_jti"))
        answer = self._answers.pop(origin, None)
        if answer is None:
            answer = self._before_tokens(pool, client_id, username)
            if token_use == "access":
                self._answers[origin] = answer
        change(claims, token_use, answer)
        token, _ = self._create_jwt(pool, client_id, username, token_use, expires_in, claims)
        return self._tokens.signed(pool, client_id, token_use, token)

    def _before_tokens(self, pool: CognitoIdpUserPool, client_id: str, username: str) -> dict[str, Any]:
        user = pool._get_user(username)
        groups = {"groupsToOverride": sorted(group.group_name for group in user.groups)}
        asked: dict[str, Any] = {
            "userAttributes": _flat(user.attributes),
            "groupConfiguration": {**groups, "iamRolesToOverride": [], "preferredRole": None},
        }
        version = _config(pool).get("PreTokenGenerationConfig", {}).get("LambdaVersion", "V1_0")
        blank: dict[str, Any] = {"claimsOverrideDetails": None}
        if version != "V1_0":
            asked["scopes"], blank = ["aws.cognito.signin.user.admin"], {"claimsAndScopeOverrideDetails": None}
        return self._ask(pool, "PreTokenGeneration", "Authentication", username, asked, blank, client_id, version[1])

    def _ask(
        self,
        pool: CognitoIdpUserPool | None,
        trigger: str,
        occasion: str,
        username: str,
        asked: dict[str, Any],
        blank: dict[str, Any],
        client_id: str | None = None,
        version: str = "1",
    ) -> dict[str, Any]:
        """Call a trigger, if the pool has it, and return its ``response``."""
        config = _config(pool) if pool is not None else {}
        arn = config.get(trigger) or config.get(f"{trigger}Config", {}).get("LambdaArn")
        if pool is None or not arn:
            return {}
        name = f"{trigger.replace('PreTokenGeneration', 'TokenGeneration')}_{occasion}"
        event = {
            "version": version,
            "region": pool.region,
            "userPoolId": pool.id,
            "userName": username,
            "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id},
            "triggerSource": name,
            "request": asked,
            "response": blank,
        }
        delivery = Delivery("cognito-idp", pool.arn, arn, as_json(event), name, pool.name)
        return self._answer(trigger, delivery)

    def _answer(self, trigger: str, delivery: Delivery) -> dict[str, Any]:
        try:
            outcome = self._post.ask(delivery)
        except AWSError as error:
            message = f"{trigger} invocation failed due to error {error.code}."
            raise AWSError("UnexpectedLambdaException", message, 400) from None
        try:
            answer = json.loads(outcome.payload)
            if outcome.function_error:
                message = f"{trigger} failed with error {answer.get('errorMessage')}."
                raise AWSError("UserLambdaValidationException", message, 400)
            return dict(answer["response"] or {})
        except (ValueError, TypeError, KeyError):
            raise AWSError("InvalidLambdaResponseException", "Unrecognizable lambda output", 400) from None


def change(claims: dict[str, Any], token_use: str, answer: Mapping[str, Any]) -> None:
    """Change a token's claims as the answer of a PreTokenGeneration trigger says."""
    details = answer.get("claimsAndScopeOverrideDetails") or answer.get("claimsOverrideDetails") or {}
    groups = (details.get("groupOverrideDetails") or {}).get("groupsToOverride")
    if groups:
        claims["cognito:groups"] = groups
    if answer.get("claimsAndScopeOverrideDetails"):
        details = details.get(f"{token_use}TokenGeneration") or {}
    elif token_use != "id":
        return
    claims.update(details.get("claimsToAddOrOverride") or {})
    for name in details.get("claimsToSuppress") or []:
        claims.pop(name, None)
    if token_use == "access" and "scope" in claims:
        kept = set(details.get("scopesToSuppress") or [])
        scopes = [scope for scope in claims["scope"].split() if scope not in kept]
        claims["scope"] = " ".join([*scopes, *(details.get("scopesToAdd") or [])])


def _config(pool: CognitoIdpUserPool) -> dict[str, Any]:
    return dict(pool.extended_config.get("LambdaConfig") or {})


def _flat(attributes: Any) -> dict[str, str]:
    return {one["Name"]: str(one["Value"]) for one in attributes or []}


def _data(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an application passes on to its PreSignUp trigger."""
    passed = {
        "validationData": _flat(given.get("ValidationData")) or None,
        "clientMetadata": given.get("ClientMetadata"),
    }
    return {name: value for name, value in passed.items() if value}
