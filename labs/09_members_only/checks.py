"""Checks of the lab members_only: they call the API with right, wrong, expired and no credentials."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import club
from botocore.exceptions import ClientError
from words import HINTS, WHY

from helpers.teaching.checks import Lab, eventually, not_attempted, wrong

lab = Lab("members_only")
DEPLOY = "in your draft, but the stage `prod` still has the deployment from before. Deploy the API."


def method(path: str, http: str = "GET") -> dict[str, Any]:
    """Return a method as the draft has it; an empty one when it is gone."""
    resource = club.resource_id(path)
    if resource is None:
        return {}
    api = boto3.client("apigateway")
    try:
        return dict(api.get_method(restApiId=club.api_id(), resourceId=resource, httpMethod=http))
    except api.exceptions.NotFoundException:
        return {}


def kind(path: str, http: str = "GET") -> str:
    """Return a method's authorization type in the draft."""
    return str(method(path, http).get("authorizationType", "gone"))


def wants(path: str, wanted: str, http: str = "GET") -> None:
    """Say what is wrong unless a method has the wanted type, deployed."""
    found = kind(path, http)
    if found != wanted:
        wrong(f"`{http} /{path}` has the authorization type `{found}`; it should be `{wanted}`.")
    if club.call(path, method=http)[0] == 200:
        wrong(f"`{http} /{path}` is locked {DEPLOY}")


@lab.task("staff", hints=HINTS["staff"], why=WHY["staff"])
def staff() -> None:
    """The boathouse is for callers who sign, and the warden may read it, no more."""
    if {kind("boathouse", http) for http in ("GET", "DELETE")} == {"NONE"}:
        not_attempted("Anybody can read where the key of the launch is.")
    for http in ("GET", "DELETE"):
        wants("boathouse", "AWS_IAM", http)
    status, said = club.warden("boathouse")
    if status != 200:
        wrong("The boathouse is locked, for the warden, too: a policy of his must allow `GET /boathouse`.", said=said)
    if club.warden("boathouse", "DELETE")[0] == 200:
        wrong("The warden may read the boathouse, but also delete it. Name the method `GET` in the policy's resource.")


def pool() -> dict[str, Any]:
    """Return the newest pool called club-members, or end as not attempted."""
    idp = boto3.client("cognito-idp")
    found = [each["Id"] for each in idp.list_user_pools(MaxResults=60)["UserPools"] if each["Name"] == club.POOL]
    if not found:
        not_attempted(f"There is no user pool called `{club.POOL}` yet.")
    return dict(idp.describe_user_pool(UserPoolId=found[-1])["UserPool"])


def tokens() -> dict[str, Any]:
    """Sign Grace in, or say why that fails."""
    idp, of = boto3.client("cognito-idp"), pool()
    listed = idp.list_user_pool_clients(UserPoolId=of["Id"], MaxResults=60)["UserPoolClients"]
    clients = [each["ClientId"] for each in listed if each["ClientName"] == "web"]
    if not clients:
        wrong(f"The pool `{club.POOL}` has no app client called `web`.")
    given = {"USERNAME": club.GRACE["name"], "PASSWORD": club.GRACE["password"]}
    try:
        answer = idp.initiate_auth(ClientId=clients[-1], AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] == "UserNotConfirmedException":
            wrong("Grace has signed up, but nobody has confirmed her.", said=refusal)
        wrong("Grace cannot sign in with her name and password.", said=refusal)
    return dict(answer["AuthenticationResult"])


def opened(token: str) -> dict[str, Any]:
    """Return a token's claims."""
    middle = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))))


def forged(token: str) -> str:
    """Return a token whose claims were changed after the pool had signed it."""
    header, _, signature = token.split(".")
    claims = json.dumps({**opened(token), "cognito:username": "fox"}).encode()
    return f"{header}.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.{signature}"


@lab.task("pool", hints=HINTS["pool"], why=WHY["pool"])
def members_pool() -> None:
    """Grace can sign in, and her ID token is good for 5 minutes."""
    claims = opened(tokens()["IdToken"])
    seconds = claims["exp"] - claims["iat"]
    if seconds != 300:
        wrong(f"Grace's ID token is good for {seconds // 60} minutes. For a tablet that lies around it should be 5.")


@lab.task("members", hints=HINTS["members"], why=WHY["members"])
def members() -> None:
    """The members' page opens for a fresh ID token of the pool, and for nothing else."""
    if kind("members") == "NONE":
        not_attempted("Anybody can read the members' telephone numbers.")
    wants("members", "COGNITO_USER_POOLS")
    given = tokens()
    status, said = club.call("members", {"Authorization": given["IdToken"]})
    if status != 200:
        explain_refusal(status, said)
    if club.call("members", {"Authorization": forged(given["IdToken"])})[0] == 200:
        wrong("The members' page opens for a token that was changed.")
    eventually(
        lambda: club.call("members", {"Authorization": given["IdToken"]})[0] == 401,
        "the door to close for a token that has expired",
    )


def explain_refusal(status: int, said: str) -> None:
    """Say why a good ID token does not open the members' page."""
    if method("members").get("authorizationScopes"):
        wrong("The method asks for scopes, so it wants access tokens. Grace comes with an ID token.", said=said)
    authorizer = boto3.client("apigateway").get_authorizer(
        restApiId=club.api_id(), authorizerId=method("members")["authorizerId"]
    )
    if authorizer.get("providerARNs") != [pool()["Arn"]]:
        wrong(f"Your authorizer trusts another pool than `{club.POOL}`: compare its `providerARNs`.", said=said)
    source = authorizer.get("identitySource")
    wrong(f"Grace's token is refused with {status}. The authorizer looks for it in `{source}`.", said=said)


def badge(name: str, path: str = "results") -> tuple[int, str]:
    """Call a path with a badge."""
    return club.call(path, {"Badge": club.BADGES[name]})


def flush() -> None:
    """Let the stage forget what authorizers have answered."""
    boto3.client("apigateway").flush_stage_authorizers_cache(restApiId=club.api_id(), stageName="prod")


@lab.task("partner", hints=HINTS["partner"], why=WHY["partner"])
def partner() -> None:
    """The results open for a good badge; a returned one is a 403, an unknown one a 401."""
    if kind("results") == "NONE":
        not_attempted("Anybody can read the results.")
    wants("results", "CUSTOM")
    flush()
    status, said = badge("good")
    if status >= 500:
        explain_failure(said)
    if status != 200:
        wrong(f"The good badge `{club.BADGES['good']}` is refused with {status}.", said=said)
    expected = {"returned": (403, "was given back"), "unknown": (401, "is not in the table")}
    for name, (wanted, what) in expected.items():
        status, said = badge(name)
        if status != wanted:
            wrong(f"The badge `{club.BADGES[name]}` {what}: that should be {wanted}, and it is {status}.", said=said)
    caller = json.loads(badge("good")[1])["caller"]
    if caller.get("partner") != "Regatta office":
        wrong("The backend does not learn whose badge it was: put the partner's name into `context`.", said=caller)


def explain_failure(said: str) -> None:
    """Say why the authorizer answers 500."""
    lambda_ = boto3.client("lambda")
    try:
        lambda_.get_policy(FunctionName=club.GUARD)
    except ClientError as refusal:
        wrong(f"API Gateway may not call `{club.GUARD}`, so it answers 500. Add a permission.", said=refusal)
    event = {
        "type": "TOKEN",
        "authorizationToken": club.BADGES["good"],
        "methodArn": f"{club.api_arn()}/prod/GET/results",
    }
    answer = lambda_.invoke(FunctionName=club.GUARD, Payload=json.dumps(event))
    payload = json.load(answer["Payload"])
    if "FunctionError" in answer:
        wrong("Your authorizer fails for a good badge, so that API Gateway answers 500.", said=payload)
    wrong("Your authorizer's answer is not of the form that API Gateway reads; it said: " + said, said=payload)


@lab.task("cache", hints=HINTS["cache"], why=WHY["cache"])
def cache() -> None:
    """One answer of the authorizer opens both of the partner's pages."""
    if kind("times") == "NONE":
        not_attempted("Anybody can read the times.")
    wants("times", "CUSTOM")
    flush()
    before = guard_calls()
    statuses = [badge("good", path)[0] for path in ("results", "times", "results", "times")]
    calls = guard_calls() - before
    if statuses == [200, 403, 200, 403]:
        wrong("`/results` opens, then `/times` is refused: the kept policy names only the method that came first.")
    if statuses != [200] * 4:
        wrong(f"A good badge gets {statuses} for `/results`, `/times`, and both again.", said=badge("good", "times")[1])
    if calls != 1:
        wrong(f"For four requests with one badge `{club.GUARD}` was called {calls} times. Let its answers be kept.")
    flush()
    if badge("returned", "times")[0] != 403:
        wrong("The badge that was given back opens `/times`.")


def guard_calls() -> int:
    """Return how often the authorizer's function has run."""
    pages = boto3.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{club.GUARD}")
    try:
        return sum(event["message"].startswith("START ") for page in pages for event in page["events"])
    except ClientError:
        return 0


@lab.task("inspection", hints=HINTS["inspection"], why=WHY["inspection"])
def inspection() -> None:
    """With empty hands only the tides open."""
    open_ = [
        f"{http} /{path}"
        for path, methods in club.DOORS.items()
        for http in methods
        if club.call(path, method=http)[0] == 200
    ]
    others = [door for door in open_ if door not in ("GET /tides", "GET /debug")]
    if others:
        not_attempted(f"Lock the doors of the tasks before this one: {', '.join(others)}.")
    if "GET /tides" not in open_:
        wrong("Visitors cannot read the tides any more. That door should stay open.", said=club.call("tides")[1])
    if "GET /debug" in open_:
        if kind("debug") != "NONE":
            wrong(f"`/debug` is gone or locked {DEPLOY}")
        not_attempted("One door too many opens.")
