"""Who may call a method: its authorization type and the API's resource policy, together.

AWS, "How API Gateway resource policies affect authorization workflow" (API Gateway Developer Guide): NONE with a policy
needs an allow of the policy; AWS_IAM and CUSTOM take an allow of either side, and a deny of any wins (table A), where
the policy's denials are asked before a Lambda authorizer is; COGNITO_USER_POOLS needs a genuine token *and* an allow of
the policy. A resource policy is part of a deployment. Only a signed request has a principal; to the policy all others
are anonymous. Here the source address is always 127.0.0.1, whatever a header says.
"""

from __future__ import annotations

import json

from moto.apigateway.models import Authorizer

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.apigateway.exchange import Exchange
from helpers.dataplane.apigateway.iam import ACTION, Iam, refused
from helpers.dataplane.apigateway.lambda_authorizers import LambdaAuthorizers
from helpers.dataplane.apigateway.user_pools import UserPools
from helpers.dataplane.call import Caller, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Post
from helpers.dataplane.policies import Asked, Verdict, decide, together

DENIED = {"identity": "with an explicit deny in an identity-based policy",
          "resource": "with an explicit deny in a resource-based policy"}  # fmt: skip
SILENT = f"because no {{}}-based policy allows the {ACTION} action"


class Access:
    """The step that checks the caller."""

    def __init__(self, context: Context, post: Post) -> None:
        self._iam, self._identities = Iam(context.identities), context.identities
        self.authorizers = LambdaAuthorizers(context, post)
        self._pools = UserPools(context)

    def check(self, exchange: Exchange) -> None:
        """Let the request through, with who calls noted in it.

        Raises
        ------
        GatewayError
            The caller may not; or the check itself failed.
        """
        ways = {
            "NONE": self._policy_must_allow,
            "AWS_IAM": self._signed,
            "CUSTOM": self._custom,
            "COGNITO_USER_POOLS": self._user_pool,
        }
        kind = exchange.method.get("authorizationType")
        if kind not in ways:  # such as JWT: what is not known must not be an open door
            raise not_built(f"the authorization type {kind} of a REST API's method")
        ways[kind](exchange)

    def _user_pool(self, exchange: Exchange) -> None:
        self._pools.check(exchange, _authorizer_of(exchange))
        self._policy_must_allow(exchange)

    def _policy_must_allow(self, exchange: Exchange) -> None:
        if exchange.snapshot.policy:
            verdict = _of_policy(exchange, _asked_by(exchange, None))
            if verdict is not Verdict.ALLOW:
                raise refused(exchange, None, _why(Verdict.SILENT, verdict, "resource"))

    def _signed(self, exchange: Exchange) -> None:
        caller = self._iam.signer(exchange)
        asked = _asked_by(exchange, caller)
        identity, resource = self._identities.verdict(asked), _of_policy(exchange, asked)
        if together(identity, resource) is not Verdict.ALLOW:
            raise refused(exchange, caller, _why(identity, resource, "identity"))

    def _custom(self, exchange: Exchange) -> None:
        asked = _asked_by(exchange, None)
        resource = _of_policy(exchange, asked)
        if resource is Verdict.DENY:
            raise refused(exchange, None, DENIED["resource"])
        identity = self.authorizers.verdict(exchange, _authorizer_of(exchange), asked)
        if together(identity, resource) is not Verdict.ALLOW:
            why = _why(identity, resource, "identity")
            raise GatewayError("ACCESS_DENIED", f"User is not authorized to access this resource {why}")


def _authorizer_of(exchange: Exchange) -> Authorizer:
    authorizer = exchange.snapshot.authorizers.get(exchange.method.get("authorizerId") or "")
    if authorizer is None:
        raise GatewayError("AUTHORIZER_CONFIGURATION_ERROR")
    return authorizer


def _asked_by(exchange: Exchange, caller: Caller | None) -> Asked:
    """Return the question that policies are asked about a request."""
    values = {"aws:sourceip": exchange.identity["sourceIp"], "aws:useragent": exchange.identity.get("userAgent")}
    return Asked(ACTION, exchange.method_arn, caller, values={"aws:sourcevpc": None, "aws:sourcevpce": None, **values})


def _of_policy(exchange: Exchange, asked: Asked) -> Verdict:
    """Return what the API's policy says; it may name a resource in short, ``execute-api:/STAGE/METHOD/path``."""
    api = exchange.method_arn.partition("/")[0]
    text = (exchange.snapshot.policy or "{}").replace('"execute-api:/', f'"{api}/')
    return decide([json.loads(text)], asked, of_resource=True)


def _why(identity: Verdict, resource: Verdict, silent: str) -> str:
    if resource is Verdict.DENY:
        return DENIED["resource"]
    return DENIED["identity"] if identity is Verdict.DENY else SILENT.format(silent)
