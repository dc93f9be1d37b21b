"""What API Gateway and Cognito promise about user pools in front of a REST API."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from tests.contract.club import Club, policy, statement
from tests.contract.subjects import Subject, not_built, promise, refused

CALL = "API Gateway Developer Guide, Control access to REST APIs using Amazon Cognito user pools as an authorizer"
INTEGRATE = "API Gateway Developer Guide, Integrate a REST API with an Amazon Cognito user pool"
TOKENS = "Amazon Cognito Developer Guide, Understanding user pool JSON web tokens (JWTs)"
VERIFY = "Amazon Cognito Developer Guide, Verifying JSON web tokens"
CLIENT = "Amazon Cognito API Reference, CreateUserPoolClient"
FLOW = "API Gateway Developer Guide, How API Gateway resource policies affect authorization workflow"
PASSWORD = "Bread-and-2-salts"
USER_SCOPE = "aws.cognito.signin.user.admin"
UNAUTHORIZED = (401, "Unauthorized")


class Pool:
    """A user pool with an app client and the user ann, who is a captain."""

    def __init__(self, aws: Subject, **settings: Any) -> None:
        self.aws, self.idp = aws, aws.client("cognito-idp")
        pool = self.idp.create_user_pool(PoolName="club")["UserPool"]
        self.id, self.arn = pool["Id"], pool["Arn"]
        flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        wanted = {"ExplicitAuthFlows": flows, "ReadAttributes": ["email"]} | settings
        made = self.idp.create_user_pool_client(UserPoolId=self.id, ClientName="web", **wanted)
        self.client_id = made["UserPoolClient"]["ClientId"]
        attributes = [{"Name": "email", "Value": "ann@example.com"}]
        self.idp.sign_up(ClientId=self.client_id, Username="ann", Password=PASSWORD, UserAttributes=attributes)
        self.idp.admin_confirm_sign_up(UserPoolId=self.id, Username="ann")
        for group in ("captains", "members"):
            self.idp.create_group(UserPoolId=self.id, GroupName=group)
            self.idp.admin_add_user_to_group(UserPoolId=self.id, Username="ann", GroupName=group)

    def sign_in(self) -> Any:
        """Return what Cognito answers to ann's password."""
        given = {"USERNAME": "ann", "PASSWORD": PASSWORD}
        answer = self.idp.initiate_auth(ClientId=self.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)
        return answer["AuthenticationResult"]


def guarded(aws: Subject, pool: Pool, **settings: Any) -> Club:
    """Return an API whose ``GET /members`` wants a token of the pool."""
    club = Club(aws, **settings)
    authorizer = guard(club, pool)
    club.method("members", "COGNITO_USER_POOLS", authorizerId=authorizer)
    club.method(
        "captains", "COGNITO_USER_POOLS", authorizerId=authorizer, authorizationScopes=["club/lead", USER_SCOPE]
    )
    club.method("bosses", "COGNITO_USER_POOLS", authorizerId=authorizer, authorizationScopes=["club/boss"])
    club.deploy()
    return club


def guard(club: Club, pool: Pool) -> str:
    """Add an authorizer that asks for tokens of the pool."""
    return club.authorizer(
        type="COGNITO_USER_POOLS", providerARNs=[pool.arn], identitySource="method.request.header.Authorization"
    )


def opened(token: str) -> dict[str, Any]:
    """Return the claims of a token."""
    middle = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))))


def part(value: dict[str, Any]) -> str:
    """Return a part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@promise(CALL, "a method wants a token of the pool: 401 without one or with anything else")
def test_id_token(aws: Subject) -> None:
    pool = Pool(aws)
    club = guarded(aws, pool)
    token = pool.sign_in()["IdToken"]
    assert club.get("members", token).body == b'"welcome"'
    assert club.get("members", f"Bearer {token}").status == 200
    page = club.get("members")
    assert (page.status, page.body) == (401, b'{"message":"Unauthorized"}')
    for other in ("x", "Bearer", token[:-9], f" {token}x"):
        assert club.refused(club.get("members", other)) == UNAUTHORIZED


@promise(VERIFY, "a token with changed claims, without a signature or from another pool is refused")
def test_forged(aws: Subject) -> None:
    pool, other = Pool(aws), Pool(aws)
    club = guarded(aws, pool)
    token = pool.sign_in()["IdToken"]
    header, claims, signature = token.split(".")
    boss = part({**opened(token), "cognito:username": "boss"})
    unsigned = part({"alg": "none"})
    forged = [f"{header}.{boss}.{signature}", f"{unsigned}.{claims}.", f"{unsigned}.{claims}.{signature}"]
    for one in [*forged, other.sign_in()["IdToken"]]:
        assert club.refused(club.get("members", one)) == UNAUTHORIZED
    assert club.get("members", token).status == 200


@promise(INTEGRATE, "a method without scopes wants an ID token, one with scopes an access token that has one of them")
def test_scopes(aws: Subject) -> None:
    pool = Pool(aws)
    club = guarded(aws, pool)
    tokens = pool.sign_in()
    assert club.get("captains", tokens["AccessToken"]).status == 200
    assert club.refused(club.get("captains", tokens["IdToken"])) == UNAUTHORIZED
    assert club.refused(club.get("members", tokens["AccessToken"])) == UNAUTHORIZED
    assert club.refused(club.get("bosses", tokens["AccessToken"])) == UNAUTHORIZED


@promise(CALL, "the backend gets the claims")
def test_claims(aws: Subject) -> None:
    pool = Pool(aws)
    club = Club(aws)
    club.show("me", "COGNITO_USER_POOLS", authorizerId=guard(club, pool))
    token = pool.sign_in()["IdToken"]
    claims = club.get("me", token).json()["authorizer"]["claims"]
    assert (claims["cognito:username"], claims["email"], claims["token_use"]) == ("ann", "ann@example.com", "id")
    assert (claims["iss"], claims["aud"]) == (f"https://cognito-idp.us-east-1.amazonaws.com/{pool.id}", pool.client_id)
    assert sorted(claims["cognito:groups"].split(",")) == ["captains", "members"]
    assert claims["auth_time"] == str(opened(token)["auth_time"])
    assert re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d UTC \d{4}", claims["exp"])


@promise(CLIENT, "without ALLOW_USER_PASSWORD_AUTH an app client takes no password")
def test_flows(aws: Subject) -> None:
    pool = Pool(aws)
    for flows in ({}, {"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]}):
        made = pool.idp.create_user_pool_client(UserPoolId=pool.id, ClientName="srp", **flows)
        pool.client_id = made["UserPoolClient"]["ClientId"]
        with refused("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client"):
            pool.sign_in()


@promise(TOKENS, "a token that has expired is refused, and says so")
@pytest.mark.cloud(speed=100)
def test_expired(aws: Subject) -> None:
    pool = Pool(aws, IdTokenValidity=5, TokenValidityUnits={"IdToken": "minutes"})
    club = guarded(aws, pool)
    token = pool.sign_in()["IdToken"]
    assert club.get("members", token).status == 200
    aws.wait(lambda: club.get("members", token).status != 200)
    page = club.get("members", token)
    assert (page.status, page.body) == (401, b'{"message":"The incoming token has expired"}')
    assert club.get("members", pool.sign_in()["IdToken"]).status == 200


@promise(TOKENS, "ID and access tokens are good for an hour, or for what the app client says")
def test_validity(aws: Subject) -> None:
    claims = opened(Pool(aws).sign_in()["IdToken"])
    assert claims["exp"] - claims["iat"] == 3600
    pool = Pool(
        aws, AccessTokenValidity=1, IdTokenValidity=90, TokenValidityUnits={"AccessToken": "days", "IdToken": "minutes"}
    )
    tokens = pool.sign_in()
    assert tokens["ExpiresIn"] == 86400
    claims = opened(tokens["IdToken"])
    assert claims["exp"] - claims["iat"] == 5400


@promise(CLIENT, "tokens are good for 5 minutes at least and a day at most")
@pytest.mark.parametrize(("length", "unit"), [(4, "minutes"), (25, "hours")])
def test_range(aws: Subject, length: int, unit: str) -> None:
    with refused("InvalidParameterException", status=400):
        Pool(aws, IdTokenValidity=length, TokenValidityUnits={"IdToken": unit})


@promise(VERIFY, "each pool has keys of its own; a token names its key")
def test_keys(aws: Subject) -> None:
    found = []
    for pool in (Pool(aws), Pool(aws)):
        page = aws.http(f"{aws.endpoint}/_aws/cognito-idp/{pool.id}/.well-known/jwks.json")
        (key,) = page.json()["keys"]
        assert (key["kty"], key["alg"], key["use"], "d" in key) == ("RSA", "RS256", "sig", False)
        header = pool.sign_in()["IdToken"].split(".")[0]
        assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"kid": key["kid"], "alg": "RS256"}
        found.append(key["n"])
    assert len(set(found)) == 2


@promise(TOKENS, "the pool is not asked: a token is good until it expires, also after a sign-out")
def test_signed_out(aws: Subject) -> None:
    pool = Pool(aws)
    club = guarded(aws, pool)
    token = pool.sign_in()["IdToken"]
    pool.idp.admin_user_global_sign_out(UserPoolId=pool.id, Username="ann")
    assert club.get("members", token).status == 200


@promise(FLOW, "with a resource policy a good token is not enough: the policy must allow, too")
def test_with_resource_policy(aws: Subject) -> None:
    pool = Pool(aws)
    club = guarded(aws, pool, policy=policy(statement("execute-api:/*/*/captains", Principal="*")))
    tokens = pool.sign_in()
    assert club.get("captains", tokens["AccessToken"]).status == 200
    assert club.refused(club.get("members", "x")) == UNAUTHORIZED
    assert club.refused(club.get("members", tokens["IdToken"]))[0] == 403


@promise("Amazon Cognito API Reference, ConfirmSignUp", "a new user is confirmed with the code that was mailed")
@not_built("no mail leaves this machine, and a wrong code must not pass")
def test_code(aws: Subject) -> None:
    pool = Pool(aws)
    pool.idp.sign_up(ClientId=pool.client_id, Username="ben", Password=PASSWORD)
    with refused("CodeMismatchException", status=400):
        pool.idp.confirm_sign_up(ClientId=pool.client_id, Username="ben", ConfirmationCode="000000")
