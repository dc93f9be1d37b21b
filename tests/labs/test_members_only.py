"""The lab members_only: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching import package
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "09_members_only"
TASKS = ["staff", "pool", "members", "partner", "cache", "inspection"]
GUARD = """
import boto3
table = boto3.resource("dynamodb").Table("club-partners")
def handler(event, context):
    item = table.get_item(Key={"badge": event["authorizationToken"]}).get("Item")
    if not item:
        raise Exception("Unauthorized")
    effect = "Allow" if item["active"] else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": RESOURCE}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": item["badge"], "policyDocument": document, "context": {"partner": item["partner"]}}
"""
NARROW, WIDE = 'event["methodArn"]', '"/".join(event["methodArn"].split("/")[:2]) + "/GET/*"'


class Learner:
    """Somebody who locks the doors: what a learner's cells would do, and the checks."""

    def __init__(self, club: Any, lab: Lab) -> None:
        self.club, self.lab = club, lab
        self.api, self.iam, self.idp = (boto3.client(name) for name in ("apigateway", "iam", "cognito-idp"))
        self.rest = {"restApiId": club.api_id()}
        self.guard = ""

    def deploy(self) -> None:
        self.api.create_deployment(**self.rest, stageName="prod")

    def lock(self, path: str, kind: str, method: str = "GET", **patch: str) -> None:
        values = {"authorizationType": kind, **patch}
        operations = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in values.items()]
        place = {**self.rest, "resourceId": self.club.resource_id(path), "httpMethod": method}
        self.api.update_method(**place, patchOperations=operations)

    def boathouse(self, *methods: str) -> None:
        for method in methods or ("GET", "DELETE"):
            self.lock("boathouse", "AWS_IAM", method)
        self.deploy()

    def policy(self, resource: str) -> None:
        statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{self.club.api_arn()}{resource}"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_user_policy(UserName="club-warden", PolicyName="boathouse", PolicyDocument=document)

    def staff(self) -> None:
        """Do the first task."""
        self.boathouse()
        self.policy("/prod/GET/boathouse")

    def pool(self, name: str = "club-members", *, client: str = "web", minutes: int = 5, confirm: bool = True) -> str:
        """Make a pool with an app client and Grace; return its ARN."""
        pool = self.idp.create_user_pool(PoolName=name)["UserPool"]
        made = self.idp.create_user_pool_client(
            UserPoolId=pool["Id"],
            ClientName=client,
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
            IdTokenValidity=minutes,
            TokenValidityUnits={"IdToken": "minutes"},
        )
        given = {"Username": self.club.GRACE["name"], "Password": self.club.GRACE["password"]}
        self.idp.sign_up(ClientId=made["UserPoolClient"]["ClientId"], **given)
        if confirm:
            self.idp.admin_confirm_sign_up(UserPoolId=pool["Id"], Username=given["Username"])
        return str(pool["Arn"])

    def members(self, arn: str, header: str = "Authorization", **patch: str) -> None:
        """Put a pool in front of the members' page."""
        source = f"method.request.header.{header}"
        made = self.api.create_authorizer(
            **self.rest, name="members", type="COGNITO_USER_POOLS", providerARNs=[arn], identitySource=source
        )
        self.lock("members", "COGNITO_USER_POOLS", authorizerId=made["id"], **patch)
        self.deploy()

    def badges(self, source: str = GUARD, resource: str = NARROW, permitted: bool = True, ttl: int = 300) -> None:
        """Put a Lambda authorizer in front of the results."""
        arn = self.club.function("club-guard", source.replace("RESOURCE", resource), permitted)
        made = self.api.create_authorizer(
            **self.rest,
            name="partners",
            type="TOKEN",
            authorizerUri=self.club.uri(arn),
            identitySource="method.request.header.Badge",
            authorizerResultTtlInSeconds=ttl,
        )
        self.guard = made["id"]
        self.custom("results")

    def custom(self, path: str) -> None:
        self.lock(path, "CUSTOM", authorizerId=self.guard)
        self.deploy()

    def both(self, **settings: Any) -> None:
        self.badges(**settings)
        self.custom("times")

    def locked(self) -> None:
        """Do the first five tasks."""
        self.staff()
        self.members(self.pool())
        self.both(resource=WIDE)

    def remove(self, path: str) -> None:
        self.api.delete_resource(**self.rest, resourceId=self.club.resource_id(path))

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, speed=120) as modules:
        club = modules["club"]
        club.open_club()
        yield Learner(club, modules["checks"].lab)


def one_of_two(learner: Learner) -> None:
    learner.boathouse("GET")


def not_deployed(learner: Learner) -> None:
    for method in ("GET", "DELETE"):
        learner.lock("boathouse", "AWS_IAM", method)


def no_policy(learner: Learner) -> None:
    learner.boathouse()


def every_method(learner: Learner) -> None:
    learner.boathouse()
    learner.policy("/prod/*/boathouse")


def unconfirmed(learner: Learner) -> None:
    learner.pool(confirm=False)


def an_hour(learner: Learner) -> None:
    learner.pool(minutes=60)


def other_client(learner: Learner) -> None:
    learner.pool(client="tablet")


def no_grace(learner: Learner) -> None:
    arn = learner.pool()
    learner.idp.admin_delete_user(UserPoolId=arn.rpartition("/")[2], Username="grace")


def other_pool(learner: Learner) -> None:
    learner.pool()
    learner.members(learner.pool("trial"))


def other_header(learner: Learner) -> None:
    learner.members(learner.pool(), "Token")


def with_scopes(learner: Learner) -> None:
    arn = learner.pool()
    learner.members(arn)
    resource = learner.club.resource_id("members")
    place = {**learner.rest, "resourceId": resource, "httpMethod": "GET"}
    scope = {"op": "add", "path": "/authorizationScopes", "value": "club/read"}
    learner.api.update_method(**place, patchOperations=[scope])
    learner.deploy()


def signed_members(learner: Learner) -> None:
    learner.lock("members", "AWS_IAM")
    learner.deploy()


def members_not_deployed(learner: Learner) -> None:
    learner.deploy, deploy = lambda: None, learner.deploy  # type: ignore[method-assign]
    learner.members(learner.pool())
    learner.deploy = deploy  # type: ignore[method-assign]


def not_permitted(learner: Learner) -> None:
    learner.badges(permitted=False)


def key_error(learner: Learner) -> None:
    learner.badges(GUARD.replace('event["authorizationToken"]', 'event["headers"]["Badge"]'))


def a_word(learner: Learner) -> None:
    learner.badges("def handler(event, context): return 'Allow'")


def denies_strangers(learner: Learner) -> None:
    learner.badges(
        GUARD.replace('raise Exception("Unauthorized")', 'item = {"badge": "?", "partner": "?", "active": 0}')
    )


def forgets_active(learner: Learner) -> None:
    learner.badges(GUARD.replace('"Allow" if item["active"] else "Deny"', '"Allow"'))


def no_name(learner: Learner) -> None:
    learner.badges(GUARD.replace('{"partner": item["partner"]}', "{}"))


def all_refused(learner: Learner) -> None:
    learner.badges(GUARD.replace('"Allow" if', '"Deny" if'))


def first_only(learner: Learner) -> None:
    learner.both()


def keeps_nothing(learner: Learner) -> None:
    learner.both(ttl=0)


def times_signed(learner: Learner) -> None:
    learner.badges(resource=WIDE)
    learner.lock("times", "AWS_IAM")
    learner.deploy()


def allows_returned(learner: Learner) -> None:
    learner.both(source=GUARD.replace('"Allow" if item["active"] else "Deny"', '"Allow"'), resource=WIDE)


def no_tides(learner: Learner) -> None:
    learner.locked()
    learner.remove("tides")
    learner.remove("debug")
    learner.deploy()


def debug_still_deployed(learner: Learner) -> None:
    learner.locked()
    learner.remove("debug")


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("staff", one_of_two, "`DELETE /boathouse` has the authorization type `NONE`", ""),
    ("staff", not_deployed, "`GET /boathouse` is locked in your draft", ""),
    ("staff", no_policy, "The boathouse is locked, for the warden, too", "is not authorized to perform"),
    ("staff", every_method, "but also delete it", ""),
    ("pool", unconfirmed, "nobody has confirmed her", "not confirmed"),
    ("pool", an_hour, "good for 60 minutes", ""),
    ("pool", other_client, "has no app client called `web`", ""),
    ("pool", no_grace, "Grace cannot sign in", ""),
    ("members", other_pool, "trusts another pool", "Unauthorized"),
    ("members", other_header, "The authorizer looks for it in `method.request.header.Token`", "Unauthorized"),
    ("members", with_scopes, "asks for scopes", "Unauthorized"),
    ("members", signed_members, "it should be `COGNITO_USER_POOLS`", ""),
    ("members", members_not_deployed, "`GET /members` is locked in your draft", ""),
    ("partner", not_permitted, "API Gateway may not call `club-guard`", ""),
    ("partner", key_error, "Your authorizer fails for a good badge", "KeyError"),
    ("partner", a_word, "is not of the form that API Gateway reads", "Allow"),
    ("partner", denies_strangers, "`fox-9` is not in the table: that should be 401, and it is 403", ""),
    ("partner", forgets_active, "`heron-2` was given back: that should be 403, and it is 200", ""),
    ("partner", no_name, "put the partner's name into `context`", ""),
    ("partner", all_refused, "The good badge `regatta-7` is refused with 403", "explicit deny"),
    ("cache", first_only, "the kept policy names only the method that came first", ""),
    ("cache", keeps_nothing, "was called 4 times", ""),
    ("cache", times_signed, "`GET /times` has the authorization type `AWS_IAM`", ""),
    ("cache", allows_returned, "The badge that was given back opens `/times`", ""),
    ("inspection", no_tides, "Visitors cannot read the tides", ""),
    ("inspection", debug_still_deployed, "`/debug` is gone or locked in your draft", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_after_each_task_the_next_is_not_attempted(learner: Learner) -> None:
    steps: list[Callable[[], Any]] = [
        learner.staff,
        learner.pool,
        lambda: learner.members(learner.pool()),
        learner.badges,
        lambda: learner.custom("times"),
    ]
    for done, step in enumerate(steps):
        states = [learner.result(task).state for task in TASKS[done:]]
        assert set(states) == {"not attempted"}, (done, states)
        step()


def test_all_tasks_are_right_in_the_end_and_stay_so(learner: Learner) -> None:
    learner.locked()
    assert learner.result("inspection").state == "not attempted"
    learner.remove("debug")
    learner.deploy()
    assert {task: result.state for task, result in learner.lab.results().items()} == dict.fromkeys(TASKS, "right")
    assert {learner.result(task).state for task in TASKS if task != "members"} == {"right"}


def test_a_narrower_policy_can_be_widened(learner: Learner) -> None:
    learner.both()
    wide = package({"app.py": GUARD.replace("RESOURCE", WIDE)})
    boto3.client("lambda").update_function_code(FunctionName="club-guard", ZipFile=wide)
    assert learner.result("cache").state == "right"
