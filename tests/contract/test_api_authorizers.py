"""What API Gateway promises about Lambda authorizers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.club import Club, policy, statement
from tests.contract.pushed import allow, kept
from tests.contract.subjects import Subject, promise, refused

USE = "API Gateway Developer Guide, Use API Gateway Lambda authorizers"
INPUT = "API Gateway Developer Guide, Input to an API Gateway Lambda authorizer"
OUTPUT = "API Gateway Developer Guide, Output from an API Gateway Lambda authorizer"
CONFIGURE = "API Gateway Developer Guide, Configure an API Gateway Lambda authorizer"
FLOW = "API Gateway Developer Guide, How API Gateway resource policies affect authorization workflow"
GUARD = """
import json
def handler(event, context):
    print("event", json.dumps(event))
    token = event.get("authorizationToken") or event["headers"].get("X-Badge")
    if token == "unknown":
        raise Exception("Unauthorized")
    effect = "Allow" if token.startswith("good") else "Deny"
    resource = event["methodArn"] if token.endswith("here") else event["methodArn"].split("/")[0] + "/*"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "ann", "policyDocument": document, "context": {"plan": "gold", "age": 7, "ok": True}}
"""
DOCUMENT = '{"Version": "2012-10-17", "Statement": [{"Action": "*", "Effect": "Allow", "Resource": "*"}]}'
DENY = "User is not authorized to access this resource with an explicit deny in an identity-based policy"
SILENT = "User is not authorized to access this resource because no identity-based policy allows the execute-api:Invoke"


def guarded(aws: Subject, source: str = GUARD, **settings: Any) -> Club:
    """Return an API whose ``GET /a`` and ``GET /b`` ask a Lambda authorizer."""
    club = Club(aws)
    authorizer = club.authorizer(source, **settings)
    for path in "ab":
        club.method(path, "CUSTOM", authorizerId=authorizer)
    club.deploy()
    return club


def asked(club: Club) -> int:
    """Return how often the authorizer was called."""
    return len(kept(club.aws, "guard"))


@promise(INPUT, "a TOKEN authorizer gets the token and the method's ARN")
def test_token_event(aws: Subject) -> None:
    club = guarded(aws)
    assert club.get("a", "good").status == 200
    assert kept(aws, "guard") == [
        {"type": "TOKEN", "methodArn": f"{club.arn}/prod/GET/a", "authorizationToken": "good"}
    ]


@promise(USE, "an allow lets the request through, a deny is a 403, no word about the method is a 403")
def test_verdicts(aws: Subject) -> None:
    club = guarded(aws)
    assert club.get("a", "good").body == b'"welcome"'
    page = club.get("a", "bad")
    assert (page.status, page.json()) == (403, {"Message": DENY})
    assert page.headers["x-amzn-ErrorType"] == "AccessDeniedException"
    assert club.get("a", "good here").status == 200
    status, message = club.refused(club.get("b", "good here"))
    assert (status, message.startswith(SILENT)) == (403, True)


@promise(USE, 'the error "Unauthorized" is a 401')
def test_unauthorized(aws: Subject) -> None:
    club = guarded(aws)
    page = club.get("a", "unknown")
    assert (page.status, page.body) == (401, b'{"message":"Unauthorized"}')
    assert club.get("a", "good").status == 200


@promise(CONFIGURE, "without the token the answer is 401, and the function is not called")
def test_no_token(aws: Subject) -> None:
    club = guarded(aws)
    assert club.refused(club.get("a")) == (401, "Unauthorized")
    assert asked(club) == 0
    assert club.get("a", "good").status == 200


@promise(CONFIGURE, "a token that the validation expression does not match is a 401, and the function is not called")
def test_expression(aws: Subject) -> None:
    club = guarded(aws, identityValidationExpression="good [0-9]+")
    for token in ("bad", "good", "good 7 or so"):
        assert club.refused(club.get("a", token)) == (401, "Unauthorized")
    assert asked(club) == 0
    assert club.get("a", "good 7").status == 200


@promise(OUTPUT, "the context and the principal reach the backend, all as texts")
def test_context(aws: Subject) -> None:
    club = Club(aws)
    club.show("a", "CUSTOM", authorizerId=club.authorizer(GUARD))
    given = club.get("a", "good").json()["authorizer"]
    assert {name: given[name] for name in ("principalId", "plan", "age", "ok")} == {
        "principalId": "ann", "plan": "gold", "age": "7", "ok": "true"
    }  # fmt: skip


@promise(OUTPUT, "an answer without its parts, or with a context that is not flat, is a 500")
def test_bad_answers(aws: Subject) -> None:
    answers = [
        "'Allow'",
        "{'principalId': 'ann'}",
        f"{{'policyDocument': {DOCUMENT}}}",
        f"{{'principalId': 'ann', 'policyDocument': {DOCUMENT}, 'context': {{'a': [1]}}}}",
        f"{{'principalId': 'ann', 'policyDocument': {DOCUMENT}, 'context': {{'a': {{}}}}}}",
        "{'principalId': 'ann', 'policyDocument': {'Statement': [{'Effect': 'Maybe'}]}}",
        "1 / 0",
        f"{{'principalId': 'ann', 'policyDocument': {DOCUMENT}, 'context': {{'a': 'b'}}}}",
    ]
    lines = "\n    ".join(f"if number == {number}: return {answer}" for number, answer in enumerate(answers))
    source = f"def handler(event, context):\n    number = int(event['authorizationToken'])\n    {lines}"
    club = guarded(aws, source)
    statuses = [club.get("a", str(number)).status for number in range(len(answers))]
    assert statuses == [500] * 7 + [200]
    assert club.get("a", "0").headers["x-amzn-ErrorType"] == "AuthorizerConfigurationException"


@promise(USE, "the function's policy must let API Gateway call it for this authorizer")
def test_permission(aws: Subject) -> None:
    club = guarded(aws, permitted=False)
    assert club.get("a", "good").status == 500
    authorizer = club.client.get_authorizers(restApiId=club.id)["items"][0]["id"]
    allow(aws, "apigateway", f"{club.arn}/authorizers/{authorizer}", "guard")
    assert club.get("a", "good").status == 200


@promise(CONFIGURE, "the answer is kept for each token: 300 seconds unless set")
def test_cache(aws: Subject) -> None:
    club = guarded(aws)
    assert [club.get(path, "good").status for path in "aaba"] == [200] * 4
    assert asked(club) == 1
    assert club.get("a", "good 2").status == 200
    assert [club.get("a", "bad").status for _ in range(2)] == [403] * 2
    assert asked(club) == 3
    assert club.client.get_authorizers(restApiId=club.id)["items"][0]["authorizerResultTtlInSeconds"] == 300


@promise(CONFIGURE, "a kept policy is used for all methods: one that names only the first method denies the others")
def test_kept_for_all_methods(aws: Subject) -> None:
    club = guarded(aws)
    assert [club.get(path, "good here").status for path in "aba"] == [200, 403, 200]
    assert asked(club) == 1


@promise(CONFIGURE, "a time to live of 0 keeps nothing")
def test_no_cache(aws: Subject) -> None:
    club = guarded(aws, authorizerResultTtlInSeconds=0)
    assert [club.get(path, "good here").status for path in "aba"] == [200] * 3
    assert asked(club) == 3


@promise(CONFIGURE, "after the time to live, or when the stage's answers are flushed, the function is called again")
def test_cache_ends(aws: Subject) -> None:
    club = guarded(aws, authorizerResultTtlInSeconds=60)
    assert [club.get("a", "good").status for _ in range(2)] == [200] * 2
    club.client.flush_stage_authorizers_cache(restApiId=club.id, stageName="prod")
    assert (club.get("a", "good").status, asked(club)) == (200, 2)
    aws.wait(lambda: club.get("a", "good").status == 200 and asked(club) == 3)


@promise("API Gateway API Reference, CreateAuthorizer", "an answer is kept for 3,600 seconds at most")
@pytest.mark.parametrize("seconds", [-1, 3601])
def test_longest(aws: Subject, seconds: int) -> None:
    club = Club(aws)
    with refused("BadRequestException", status=400):
        club.authorizer(GUARD, authorizerResultTtlInSeconds=seconds)


@promise(INPUT, "a REQUEST authorizer gets the whole request without its body")
def test_request_event(aws: Subject) -> None:
    club = guarded(aws, type="REQUEST", identitySource="method.request.header.X-Badge")
    assert club.get("a?day=1", headers={"X-Badge": "good"}).status == 200
    (event,) = kept(aws, "guard")
    assert (event["type"], event["methodArn"]) == ("REQUEST", f"{club.arn}/prod/GET/a")
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/a", "/a", "GET")
    assert event["headers"]["X-Badge"] == "good"
    assert (event["queryStringParameters"], event["pathParameters"], event["stageVariables"]) == ({"day": "1"}, {}, {})
    context = event["requestContext"]
    assert (context["stage"], context["apiId"], context["identity"]["sourceIp"]) == ("prod", club.id, "127.0.0.1")
    assert "body" not in event


@promise(CONFIGURE, "all identity sources must be there, else 401; together they are the key of what is kept")
def test_identity_sources(aws: Subject) -> None:
    sources = "method.request.header.X-Badge, method.request.querystring.day, context.identity.sourceIp"
    club = guarded(aws, type="REQUEST", identitySource=sources)
    badge = {"X-Badge": "good"}
    for path, headers in (("a", badge), ("a?day=", badge), ("a?day=1", {})):
        assert club.refused(club.get(path, headers=headers)) == (401, "Unauthorized")
    assert asked(club) == 0
    assert [club.get(path, headers=badge).status for path in ("a?day=1", "b?day=1&x=2", "a?day=2")] == [200] * 3
    assert asked(club) == 2


@promise(FLOW, "a deny of the resource policy ends it before the authorizer is called; otherwise either side may allow")
def test_with_resource_policy(aws: Subject) -> None:
    everybody = {"Principal": "*"}
    deny = statement("execute-api:/*/*/b", "Deny", **everybody)
    club = Club(aws, policy=policy(statement("execute-api:/*/*/c", **everybody), deny))
    authorizer = club.authorizer(GUARD)
    for path in "abc":
        club.method(path, "CUSTOM", authorizerId=authorizer)
    club.deploy()
    assert (club.get("b", "good").status, asked(club)) == (403, 0)
    assert [club.get("a", token).status for token in ("good", "bad", "good here")] == [200, 403, 200]
    assert club.get("c", "good here").status == 200
    assert club.get("c", "bad").status == 403
    assert json.loads(club.get("b", "good").body)["Message"].endswith("explicit deny in a resource-based policy")
