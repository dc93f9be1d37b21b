"""What Cognito's identity pools promise: a user pool's token becomes temporary credentials with narrow rights."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from tests.contract.subjects import Subject, promise, refused
from tests.contract.test_api_cognito import Pool, opened

FLOW = "Amazon Cognito Developer Guide, Identity pools authentication flow"
TRUST = "Amazon Cognito Developer Guide, Role trust and permissions"
ROLES = "Amazon Cognito Developer Guide, IAM roles"
FOLDERS = "IAM User Guide, Amazon S3: Allows Amazon Cognito users to access objects in their bucket"
CREDENTIALS = "Amazon Cognito Federated Identities API Reference, GetCredentialsForIdentity"
SUB = "cognito-identity.amazonaws.com:sub"
FOLDER = f"arn:aws:s3:::files/${{{SUB}}}/*"

pytestmark = pytest.mark.cloud(enforce_iam=True)


class Identities:
    """An identity pool before a user pool, and a role for its users, who may use their folder in a bucket."""

    def __init__(self, aws: Subject, pool: Pool, audience: str = "", kind: str = "authenticated") -> None:
        self.aws, self.pool = aws, pool
        self.client, iam = aws.client("cognito-identity"), aws.client("iam")
        self.provider = f"cognito-idp.us-east-1.amazonaws.com/{pool.id}"
        providers = [{"ProviderName": self.provider, "ClientId": pool.client_id}]
        made = self.client.create_identity_pool(
            IdentityPoolName="club", AllowUnauthenticatedIdentities=False, CognitoIdentityProviders=providers
        )
        self.id = made["IdentityPoolId"]
        trust = {
            "Effect": "Allow",
            "Principal": {"Federated": "cognito-identity.amazonaws.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {"cognito-identity.amazonaws.com:aud": audience or self.id},
                "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": kind},
            },
        }
        role = iam.create_role(RoleName="members", AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
        may = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": FOLDER}
        see = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::files"}
        see["Condition"] = {"StringLike": {"s3:prefix": f"${{{SUB}}}/*"}}  # type: ignore[assignment]
        iam.put_role_policy(RoleName="members", PolicyName="folder", PolicyDocument=_document(may, see))
        self.client.set_identity_pool_roles(IdentityPoolId=self.id, Roles={"authenticated": role})
        aws.client("s3").create_bucket(Bucket="files")

    def logins(self, name: str = "ann") -> dict[str, str]:
        """Sign in; return what proves it."""
        return {self.provider: _token(self.pool, name)}

    def identity(self, logins: dict[str, str]) -> str:
        """Return the identity's id."""
        return str(self.client.get_id(IdentityPoolId=self.id, Logins=logins)["IdentityId"])

    def credentials(self, logins: dict[str, str]) -> dict[str, Any]:
        """Return the credentials that a login gets."""
        answer = self.client.get_credentials_for_identity(IdentityId=self.identity(logins), Logins=logins)
        return dict(answer["Credentials"])

    def session(self, logins: dict[str, str]) -> Any:
        """Return a boto3 session with these credentials."""
        given = self.credentials(logins)
        return boto3.session.Session(given["AccessKeyId"], given["SecretKey"], given["SessionToken"], "us-east-1")


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _token(pool: Pool, name: str = "ann", kind: str = "IdToken") -> str:
    if name != "ann":
        pool.idp.admin_create_user(UserPoolId=pool.id, Username=name, MessageAction="SUPPRESS")
        pool.idp.admin_set_user_password(
            UserPoolId=pool.id, Username=name, Password="Bread-and-2-salts", Permanent=True
        )
    given = {"USERNAME": name, "PASSWORD": "Bread-and-2-salts"}
    answer = pool.idp.initiate_auth(ClientId=pool.client_id, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)
    return str(answer["AuthenticationResult"][kind])


@promise(FLOW, "the same user has the same identity at each sign-in, another user another")
def test_identity(aws: Subject) -> None:
    pools = Identities(aws, Pool(aws))
    first = pools.identity(pools.logins())
    assert re.fullmatch(r"us-east-1:[0-9a-f-]{36}", first)
    assert pools.identity(pools.logins()) == first
    assert pools.identity(pools.logins("bea")) != first


@promise(FLOW, "credentials of the role for signed-in users, good for one hour; the calls are not signed")
def test_credentials(aws: Subject) -> None:
    pools = Identities(aws, Pool(aws))
    unsigned = boto3.session.Session(region_name="us-east-1").client(
        "cognito-identity", endpoint_url=aws.endpoint, config=Config(signature_version=UNSIGNED)
    )
    before, logins = datetime.now(UTC), pools.logins()
    identity = unsigned.get_id(IdentityPoolId=pools.id, Logins=logins)["IdentityId"]
    given = unsigned.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]
    assert timedelta(minutes=59) < given["Expiration"] - before < timedelta(minutes=75)
    me = pools.session(logins).client("sts", endpoint_url=aws.endpoint).get_caller_identity()
    assert me["Arn"] == "arn:aws:sts::123456789012:assumed-role/members/CognitoIdentityCredentials"


@promise(FOLDERS, "${cognito-identity.amazonaws.com:sub} in a policy is the caller's identity: each has a folder")
def test_folders(aws: Subject) -> None:
    pools = Identities(aws, Pool(aws))
    anns, beas = pools.logins(), pools.logins("bea")
    mine, other = pools.identity(anns), pools.identity(beas)
    ann = pools.session(anns).client("s3", endpoint_url=aws.endpoint)
    ann.put_object(Bucket="files", Key=f"{mine}/list", Body=b"bread")
    assert ann.get_object(Bucket="files", Key=f"{mine}/list")["Body"].read() == b"bread"
    aws.client("s3").put_object(Bucket="files", Key=f"{other}/list", Body=b"salt")
    with refused("AccessDenied", "is not authorized to perform: s3:GetObject", 403):
        ann.get_object(Bucket="files", Key=f"{other}/list")
    for key in (f"{other}/mine", f"{mine}x/mine", "mine"):
        with refused("AccessDenied", "is not authorized to perform: s3:PutObject", 403):
            ann.put_object(Bucket="files", Key=key, Body=b"x")


@promise(FOLDERS, "a condition on s3:prefix lets a caller list only the own folder")
def test_list(aws: Subject) -> None:
    pools = Identities(aws, Pool(aws))
    anns = pools.logins()
    ann, mine = pools.session(anns).client("s3", endpoint_url=aws.endpoint), pools.identity(anns)
    assert ann.list_objects_v2(Bucket="files", Prefix=f"{mine}/")["KeyCount"] == 0
    for others in ({"Prefix": "us-east-1:"}, {}):
        with refused("AccessDenied", "s3:ListBucket", 403):
            ann.list_objects_v2(Bucket="files", **others)


@promise(TRUST, "a role whose trust policy names another identity pool, or other users, is not given out")
@pytest.mark.parametrize("asked", [{"audience": "us-east-1:other"}, {"kind": "unauthenticated"}])
def test_trust(aws: Subject, asked: dict[str, str]) -> None:
    pools = Identities(aws, Pool(aws), **asked)
    with refused("InvalidIdentityPoolConfigurationException", "Check assigned IAM roles for this pool."):
        pools.credentials(pools.logins())


@promise(TRUST, "a trust policy may ask for the provider of the login")
def test_provider(aws: Subject) -> None:
    pool = Pool(aws)
    pools = Identities(aws, pool, kind=f"cognito-idp.us-east-1.amazonaws.com/{pool.id}")
    assert pools.credentials(pools.logins())["SessionToken"]


@promise(ROLES, "SetIdentityPoolRoles says which role signed-in users get; without it nobody gets credentials")
def test_roles(aws: Subject) -> None:
    pools = Identities(aws, Pool(aws))
    (arn,) = pools.client.get_identity_pool_roles(IdentityPoolId=pools.id)["Roles"].values()
    assert arn.endswith(":role/members")
    pools.client.set_identity_pool_roles(IdentityPoolId=pools.id, Roles={})
    with refused("InvalidIdentityPoolConfigurationException"):
        pools.credentials(pools.logins())


@promise(CREDENTIALS, "without a token, or with another user's, there are no credentials")
def test_not_yours(aws: Subject) -> None:
    pools = Identities(aws, Pool(aws))
    anns, beas = pools.logins(), pools.logins("bea")
    identity = pools.identity(anns)
    with refused("NotAuthorizedException", "is forbidden"):
        pools.client.get_credentials_for_identity(IdentityId=identity)
    with refused("NotAuthorizedException", "Logins don't match"):
        pools.client.get_credentials_for_identity(IdentityId=identity, Logins=beas)
    with refused("NotAuthorizedException", "Unauthenticated access is not supported"):
        pools.client.get_id(IdentityPoolId=pools.id)
    with refused("ResourceNotFoundException"):
        pools.client.get_credentials_for_identity(IdentityId="us-east-1:0-1", Logins=anns)


@promise(FLOW, "only a genuine ID token of a user pool and an app client that the identity pool names is a proof")
def test_tokens(aws: Subject) -> None:
    pool, other = Pool(aws), Pool(aws)
    pools = Identities(aws, pool)
    flows = ["ALLOW_USER_PASSWORD_AUTH"]
    genuine = _token(pool)
    made = pool.idp.create_user_pool_client(UserPoolId=pool.id, ClientName="b", ExplicitAuthFlows=flows)
    pool.client_id = made["UserPoolClient"]["ClientId"]
    head, _, tail = genuine.split(".")
    wrong = [
        (pools.provider, _token(pool, kind="AccessToken"), "Missing a required claim: aud"),
        (pools.provider, _token(pool), "Token is not from a supported provider"),
        (pools.provider, _token(other), "Invalid login token"),
        (pools.provider, f"{head}.e30.{tail}", "Invalid login token"),
        (f"cognito-idp.us-east-1.amazonaws.com/{other.id}", _token(other), "Token is not from a supported provider"),
    ]
    for provider, token, words in wrong:
        with refused("NotAuthorizedException", words):
            pools.identity({provider: token})
    assert pools.identity({pools.provider: genuine})


@promise(FLOW, "a token that has expired is no proof")
@pytest.mark.cloud(speed=150, enforce_iam=True)
def test_expired(aws: Subject) -> None:
    pool = Pool(aws, IdTokenValidity=5, TokenValidityUnits={"IdToken": "minutes"})
    pools = Identities(aws, pool)
    logins = pools.logins()
    identity, ends = pools.identity(logins), opened(logins[pools.provider])["exp"]

    def refusal() -> str:
        try:
            pools.client.get_credentials_for_identity(IdentityId=identity, Logins=logins)
        except pools.client.exceptions.NotAuthorizedException as error:
            return str(error)
        return ""

    assert re.search(rf"Invalid login token. Token expired: \d+ >= {ends}", aws.wait(refusal))


@promise(CREDENTIALS, "the credentials end when they say: then calls are refused as those of an expired token")
@pytest.mark.cloud(speed=1200, enforce_iam=True)
def test_end(aws: Subject) -> None:
    pools = Identities(aws, Pool(aws))
    given = pools.credentials(pools.logins())
    keys = (given["AccessKeyId"], given["SecretKey"], given["SessionToken"])
    session = boto3.session.Session(*keys, region_name="us-east-1")
    sts = session.client("sts", endpoint_url=aws.endpoint)

    def code() -> str:
        try:
            sts.get_caller_identity()
        except sts.exceptions.ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    assert code() == ""
    assert aws.wait(code, 10) == "ExpiredToken"
    tables = session.client("dynamodb", endpoint_url=aws.endpoint)
    with refused("ExpiredTokenException", "expired"):
        tables.list_tables()
