"""What API Gateway promises about callers who sign (AWS_IAM), and about an API's resource policy."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.credentials import Credentials

from tests.contract.club import Club, policy, statement
from tests.contract.subjects import Subject, promise

IAM = "API Gateway Developer Guide, Control access to a REST API with IAM permissions"
POLICIES = "API Gateway Developer Guide, Control access to a REST API with API Gateway resource policies"
FLOW = "API Gateway Developer Guide, How API Gateway resource policies affect authorization workflow"
SIGNATURES = "IAM User Guide, AWS Signature Version 4 for API requests"
HERE = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
ELSEWHERE = {"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}}
EVERYBODY = {"Principal": "*"}
NOT_ALLOWED = "because no {}-based policy allows the execute-api:Invoke action"
DENIED = "with an explicit deny in {}-based policy"
WRONG = "The request signature we calculated does not match the signature you provided."


def staff(aws: Subject, **settings: Any) -> Club:
    """Return an API with ``GET /staff`` and ``GET /till`` for callers who sign, and ``GET /open`` for all."""
    club = Club(aws, **settings)
    for path in ("staff", "till"):
        club.method(path, "AWS_IAM")
    club.method("open")
    club.deploy()
    return club


def who(club: Club, who: str, path: str, why: str) -> tuple[int, str]:
    """Return AWS's refusal of a caller."""
    arn = f"arn:aws:execute-api:us-east-1:********9012:{club.id}/prod/GET/{path}"
    return 403, f"User: {who} is not authorized to perform: execute-api:Invoke on resource: {arn} {why}"


def root(club: Club) -> Credentials:
    """Return the account's own key."""
    session = club.aws._session.get_credentials()
    return Credentials(session.access_key, session.secret_key)


@promise(IAM, "a method with AWS_IAM wants a signed request")
def test_unsigned(aws: Subject) -> None:
    club = staff(aws)
    page = club.get("staff")
    assert (page.status, page.body) == (403, b'{"message":"Missing Authentication Token"}')
    assert page.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert club.get("staff", headers=club.sign("staff", root(club))).status == 200


@promise(IAM, "a user needs execute-api:Invoke on the method's ARN")
def test_user(aws: Subject) -> None:
    club = staff(aws)
    bob = club.user("bob")
    page = club.get("staff", headers=club.sign("staff", bob))
    arn = "arn:aws:iam::123456789012:user/bob"
    assert club.refused(page) == who(club, arn, "staff", NOT_ALLOWED.format("identity"))
    allowed = policy(statement(f"{club.arn}/*/GET/st?ff"))
    aws.client("iam").put_user_policy(UserName="bob", PolicyName="call", PolicyDocument=allowed)
    assert club.get("staff", headers=club.sign("staff", bob)).body == b'"welcome"'
    assert club.get("till", headers=club.sign("till", bob)).status == 403


@promise(IAM, "an explicit deny of the user's policies wins over an allow")
def test_user_denied(aws: Subject) -> None:
    club = staff(aws)
    eve = club.user("eve", policy(statement(f"{club.arn}/*"), statement(f"{club.arn}/*/*/till", "Deny")))
    assert club.get("staff", headers=club.sign("staff", eve)).status == 200
    refused = club.refused(club.get("till", headers=club.sign("till", eve)))
    assert refused == who(club, "arn:aws:iam::123456789012:user/eve", "till", DENIED.format("an identity"))


@promise(IAM, "the session of a role calls with the role's policies")
def test_role(aws: Subject) -> None:
    club = staff(aws)
    aws.role("desk", json.loads(policy(statement(f"{club.arn}/prod/GET/staff"))))
    given = aws.client("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/desk", RoleSessionName="ann")
    session = given["Credentials"]
    key = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    assert club.get("staff", headers=club.sign("staff", key)).status == 200
    refused = club.refused(club.get("till", headers=club.sign("till", key)))
    arn = "arn:aws:sts::123456789012:assumed-role/desk/ann"
    assert refused == who(club, arn, "till", NOT_ALLOWED.format("identity"))


@promise(IAM, "the backend learns who signed: $context.identity")
def test_identity(aws: Subject) -> None:
    club = Club(aws)
    club.show("me", "AWS_IAM")
    bob = club.user("bob", policy(statement(f"{club.arn}/*")))
    identity = club.get("me", headers=club.sign("me", bob)).json()["identity"]
    number = aws.client("iam").get_user(UserName="bob")["User"]["UserId"]
    assert identity["userArn"] == "arn:aws:iam::123456789012:user/bob"
    assert (identity["caller"], identity["user"], identity["accountId"]) == (number, number, "123456789012")
    assert identity["accessKey"] == bob.access_key


@promise(SIGNATURES, "the signature is for the service execute-api and the API's Region")
def test_scope(aws: Subject) -> None:
    club = staff(aws)
    wrong = {
        ("lambda", "us-east-1"): "Credential should be scoped to correct service: 'execute-api'. ",
        ("execute-api", "eu-west-1"): "Credential should be scoped to a valid region. ",
    }
    for (service, region), message in wrong.items():
        page = club.get("staff", headers=club.sign("staff", root(club), service, region))
        assert club.refused(page) == (403, message)
        assert page.headers["x-amzn-ErrorType"] == "InvalidSignatureException"
    assert club.get("staff", headers=club.sign("staff", root(club))).status == 200


@promise(SIGNATURES, "a signature is good for one request: another path, query, body or secret is refused")
def test_tampered(aws: Subject) -> None:
    club = staff(aws)
    club.method("note", "AWS_IAM", http="POST")
    club.deploy()
    key = root(club)
    signed = club.sign("staff?day=1", key)
    assert club.get("staff?day=1", headers=signed).status == 200
    for path in ("staff?day=2", "staff?day=1&day=2", "staff", "till?day=1"):
        assert club.refused(club.get(path, headers=signed))[1].startswith(WRONG)
    posted = {"Content-Type": "application/json", **club.sign("note", key, method="POST", data=b"one")}
    assert [aws.http(club.base + "note", "POST", body, posted).status for body in (b"one", b"two")] == [200, 403]
    thief = Credentials(key.access_key, "guessed")
    assert club.refused(club.get("staff", headers=club.sign("staff", thief)))[1].startswith(WRONG)
    nobody = Credentials("AKIAIOSFODNN7EXAMPLE", key.secret_key)
    page = club.get("staff", headers=club.sign("staff", nobody))
    assert club.refused(page) == (403, "The security token included in the request is invalid.")


@promise(SIGNATURES, "a signature that is too old is refused")
def test_old(aws: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    club = staff(aws)
    key = root(club)
    assert club.get("staff", headers=club.sign("staff", key)).status == 200
    past = datetime.now(UTC) - timedelta(minutes=16)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: past)
    status, message = club.refused(club.get("staff", headers=club.sign("staff", key)))
    assert (status, message[:18]) == (403, "Signature expired:")


@promise(FLOW, "a policy on an API without authorization: only what it allows")
def test_policy_alone(aws: Subject) -> None:
    document = policy(statement("execute-api:/prod/GET/open", Condition=HERE, **EVERYBODY))
    club = Club(aws, policy=document)
    club.method("open")
    club.method("other")
    club.deploy()
    assert club.get("open").status == 200
    assert club.refused(club.get("other")) == who(club, "anonymous", "other", NOT_ALLOWED.format("resource"))


@promise(POLICIES, "aws:SourceIp is the address of the connection, not what a header says")
def test_source_ip(aws: Subject) -> None:
    club = Club(aws, policy=policy(statement("execute-api:/*", Condition=ELSEWHERE, **EVERYBODY)))
    club.method("open")
    club.deploy()
    forged = {"X-Forwarded-For": "192.0.2.7", "X-Real-Ip": "192.0.2.7"}
    assert club.refused(club.get("open", headers=forged))[0] == 403
    change(club, policy(statement("execute-api:/*", Condition=HERE, **EVERYBODY)))
    assert club.get("open").status == 200


def change(club: Club, document: str) -> None:
    """Change the policy and deploy."""
    operation = {"op": "replace", "path": "/policy", "value": document}
    club.client.update_rest_api(restApiId=club.id, patchOperations=[operation])
    club.deploy()


@promise(POLICIES, "an explicit deny wins, also over the account's own key")
def test_policy_denies(aws: Subject) -> None:
    allow, deny = statement("execute-api:/*", **EVERYBODY), statement("execute-api:/*/*/staff", "Deny", **EVERYBODY)
    club = staff(aws, policy=policy(allow, deny))
    key = root(club)
    assert club.get("till", headers=club.sign("till", key)).status == 200
    refused = club.refused(club.get("staff", headers=club.sign("staff", key)))
    assert refused == who(club, "arn:aws:iam::123456789012:root", "staff", DENIED.format("a resource"))


@promise(FLOW, "in one account a user needs an allow of either side")
def test_either_side(aws: Subject) -> None:
    bobs = {"Principal": {"AWS": "arn:aws:iam::123456789012:user/bob"}}
    club = staff(aws, policy=policy(statement("execute-api:/*/*/staff", **bobs)))
    bob, eve = club.user("bob"), club.user("eve", policy(statement(f"{club.arn}/*")))
    assert club.get("staff", headers=club.sign("staff", bob)).status == 200
    assert club.get("till", headers=club.sign("till", bob)).status == 403
    assert club.get("till", headers=club.sign("till", eve)).status == 200
    assert club.refused(club.get("open")) == who(club, "anonymous", "open", NOT_ALLOWED.format("resource"))


@promise(POLICIES, "a changed policy is in force when the API was deployed again")
def test_deployed(aws: Subject) -> None:
    club = staff(aws)
    assert club.get("open").status == 200
    deny = policy(statement("execute-api:/*", "Deny", **EVERYBODY))
    operation = {"op": "replace", "path": "/policy", "value": deny}
    club.client.update_rest_api(restApiId=club.id, patchOperations=[operation])
    assert club.get("open").status == 200
    club.deploy()
    assert club.refused(club.get("open")) == who(club, "anonymous", "open", DENIED.format("a resource"))
