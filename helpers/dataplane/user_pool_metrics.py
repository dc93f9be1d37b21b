"""What user pools tell CloudWatch: who signs up, signs in and renews tokens.

AWS: SignUpSuccesses, SignInSuccesses and TokenRefreshSuccesses have the value 1 for a request that succeeds and 0 for
one that fails, for each user pool and client; what an administrator does to sign somebody up counts for the client
``Admin``, what comes with an unknown client for ``Invalid`` ("User pool metrics in CloudWatch", Amazon Cognito
Developer Guide). Here a request that is answered with a challenge counts when the challenge is. Not written: what is
throttled and what is federated, which is not built, and ``AWS/Usage``. Requests with an unknown client name no pool:
they are not counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from moto.cognitoidp.models import CognitoIdpUserPool

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.control_plane import forward
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.metrics import measure
from helpers.dataplane.web import HttpResponse

_SIGN_UPS = ("SignUp", "AdminCreateUser")
_SIGN_INS = ("InitiateAuth", "AdminInitiateAuth", "RespondToAuthChallenge", "AdminRespondToAuthChallenge")
_REFRESHES = ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")
Pool = Callable[[Call], CognitoIdpUserPool | None]


def counted(operations: Mapping[str, Operation], pool_of: Pool) -> dict[str, Operation]:
    """Return the operations of user pools, those of users signing up and in with their metrics."""
    names = (*_SIGN_UPS, *_SIGN_INS)
    return {**operations, **{name: _counting(operations.get(name, forward), pool_of) for name in names}}


def _counting(operation: Operation, pool_of: Pool) -> Operation:
    def answer(call: Call) -> HttpResponse:
        try:
            response = operation(call)
        except AWSError:
            _count(call, pool_of(call), False)
            raise
        answered = json.loads(response.body or b"{}")
        if response.status >= 400 or "ChallengeName" not in answered:
            _count(call, pool_of(call), response.status < 400)
        return response

    return answer


def _count(call: Call, pool: CognitoIdpUserPool | None, success: bool) -> None:
    if pool is None:
        return
    client = call.params.get("ClientId") or "Admin"
    refresh = call.params.get("AuthFlow") in _REFRESHES
    metric = "SignUp" if call.name in _SIGN_UPS else "TokenRefresh" if refresh else "SignIn"
    dimensions = {"UserPool": pool.id, "UserPoolClient": client if client in (*pool.clients, "Admin") else "Invalid"}
    measure(call.account_id, call.region, "AWS/Cognito", {f"{metric}Successes": float(success)}, dimensions)
