"""The lab chat: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT, read

FOLDER = PROJECT / "labs" / "11_chat"
TASKS = ["door", "presence", "rooms", "stale", "who", "page"]
URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:{}"
ROUTES = ("$connect", "$disconnect", "say")


class Learner:
    """Somebody who builds the chat: what a learner's cells would do, and the checks."""

    def __init__(self, circle: Any, lab: Lab) -> None:
        self.circle, self.lab = circle, lab
        self.v2, self.aws, self.iam = boto3.client("apigatewayv2"), boto3.client("lambda"), boto3.client("iam")
        cells = {cell.id: cell.source for cell in read(FOLDER / "solution.ipynb").cells}
        self.parts = {name: cells[cell].split('"""')[1] for name, cell in PARTS.items()}
        self.api_id = self.target = ""

    def api(
        self, expression: str = "$request.body.action", routes: tuple[str, ...] = ROUTES, allow: bool = True
    ) -> None:
        """Make the API, without a stage."""
        self.api_id = self.v2.create_api(Name="circle", ProtocolType="WEBSOCKET", RouteSelectionExpression=expression)[
            "ApiId"
        ]
        uri = URI.format(ARN.format("circle-chat"))
        made = self.v2.create_integration(ApiId=self.api_id, IntegrationType="AWS_PROXY", IntegrationUri=uri)
        self.target = f"integrations/{made['IntegrationId']}"
        for key in routes:
            self.v2.create_route(ApiId=self.api_id, RouteKey=key, Target=self.target)
        if allow:
            self.allow("circle-chat")

    def allow(self, function: str) -> None:
        self.aws.add_permission(
            FunctionName=function,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )

    def stage(self, name: str = "live", deploys: bool = True) -> None:
        self.v2.create_stage(ApiId=self.api_id, StageName=name, AutoDeploy=deploys)

    def door(self) -> None:
        """Do the first task."""
        self.api()
        self.stage()

    def deploy(self, *parts: str) -> None:
        self.circle.deploy(*(self.parts.get(part, part) for part in parts))

    def may_push(self) -> None:
        statement = {"Effect": "Allow", "Action": "execute-api:ManageConnections", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName="circle-role", PolicyName="push", PolicyDocument=document)

    def know_address(self) -> None:
        variables = {"Variables": {"CALLBACK_URL": self.circle.address().replace("ws", "http", 1)}}
        self.aws.update_function_configuration(FunctionName="circle-chat", Environment=variables)

    def rooms(self, *parts: str) -> None:
        """Do the first three tasks, with these parts of the function in place of the solution's."""
        self.door()
        self.may_push()
        self.know_address()
        self.deploy(*(parts or ("presence", "say")))

    def who(self, part: str = "who", two_way: bool = True) -> None:
        """Do the first five tasks."""
        self.rooms("presence", "say", "push", part)
        expression = {"RouteResponseSelectionExpression": "$default"} if two_way else {}
        route = self.v2.create_route(ApiId=self.api_id, RouteKey="who", Target=self.target, **expression)["RouteId"]
        if two_way:
            self.v2.create_route_response(ApiId=self.api_id, RouteId=route, RouteResponseKey="$default")

    def page(self, key: str = "GET /", function: str = "circle-page", allow: bool = True) -> None:
        """Do the last task."""
        page = self.v2.create_api(Name="circle-page", ProtocolType="HTTP")["ApiId"]
        made = self.v2.create_integration(
            ApiId=page, IntegrationType="AWS_PROXY", IntegrationUri=ARN.format(function), PayloadFormatVersion="2.0"
        )
        self.v2.create_route(ApiId=page, RouteKey=key, Target=f"integrations/{made['IntegrationId']}")
        self.v2.create_stage(ApiId=page, StageName="$default", AutoDeploy=True)
        if allow:
            self.allow(function)

    def result(self, task: str) -> Result:
        return self.lab.run(task)


PARTS = {"presence": "presence-answer", "say": "rooms-answer", "push": "stale-answer", "who": "who-answer"}
FORGETS_ROOM = """
def connect(event, me):
    members.put_item(Item={"id": me, "name": event["queryStringParameters"]["name"]})
    return {"statusCode": 200}
ROUTES["$connect"] = connect
"""


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, enforce_iam=True) as modules:
        circle = modules["circle"]
        circle.open_circle()
        yield Learner(circle, modules["checks"].lab)


def http_door(learner: Learner) -> None:
    learner.v2.create_api(Name="circle", ProtocolType="HTTP")


def other_field(learner: Learner) -> None:
    learner.api("$request.body.type")


def no_disconnect(learner: Learner) -> None:
    learner.api(routes=("$connect", "say"))


def no_stage(learner: Learner) -> None:
    learner.api()
    learner.stage("prod")


def no_permission(learner: Learner) -> None:
    learner.api(allow=False)
    learner.stage()


def not_deployed(learner: Learner) -> None:
    learner.api()
    learner.stage(deploys=False)


def broken_function(learner: Learner) -> None:
    learner.door()
    learner.deploy("raise RuntimeError('typing mistake')")


def without_room(learner: Learner) -> None:
    learner.door()
    learner.deploy(FORGETS_ROOM)


def never_deletes(learner: Learner) -> None:
    learner.door()
    learner.deploy(learner.parts["presence"].replace('ROUTES["$disconnect"] = disconnect', ""))


def lets_anybody_in(learner: Learner) -> None:
    learner.door()
    learner.deploy(learner.parts["presence"].replace('return {"statusCode": 400}', 'return {"statusCode": 200}'))


def stumbles(learner: Learner) -> None:
    learner.door()
    learner.deploy(learner.parts["presence"].replace('asked.get("name")', 'asked["name"]'))


def may_not_push(learner: Learner) -> None:
    learner.door()
    learner.know_address()
    learner.deploy("presence", "say")


def to_everybody(learner: Learner) -> None:
    same = 'if each["room"] == sender["room"]:'
    learner.rooms("presence", learner.parts["say"].replace(same, "if True:"))


def to_others_only(learner: Learner) -> None:
    same = 'each["room"] == sender["room"]'
    learner.rooms("presence", learner.parts["say"].replace(same, f'{same} and each["id"] != me'))


def only_to_herself(learner: Learner) -> None:
    learner.rooms("presence", learner.parts["say"].replace("push(each[", "push(me or each["))


def other_words(learner: Learner) -> None:
    learner.rooms("presence", learner.parts["say"].replace('"from"', '"name"'))


def stops_at_the_first(learner: Learner) -> None:
    push = """
def say(event, me):
    sender = members.get_item(Key={"id": me})["Item"]
    text = json.dumps({"from": sender["name"], "text": json.loads(event["body"])["text"]})
    for each in sorted(members.scan()["Items"], key=lambda each: each["name"] != "Vanished"):
        if each["room"] == sender["room"]:
            try:
                push(each["id"], text)
            except clients.exceptions.GoneException:
                members.delete_item(Key={"id": each["id"]})
                break
    return {"statusCode": 200}
ROUTES["say"] = say
"""
    learner.rooms("presence", "say", push)


def leaves_the_rows(learner: Learner) -> None:
    row = 'members.delete_item(Key={"id": identifier})'
    learner.rooms("presence", "say", learner.parts["push"].replace(row, "pass"))


def no_route_response(learner: Learner) -> None:
    learner.who(two_way=False)


def names_everybody(learner: Learner) -> None:
    learner.who(learner.parts["who"].replace(' if each["room"] == room', ""))


def not_sorted(learner: Learner) -> None:
    learner.who(
        learner.parts["who"]
        .replace("names = sorted(", "names = sorted(", 1)
        .replace('"present": names', '"names": names')
    )


def fails_in_who(learner: Learner) -> None:
    learner.who("def who(event, me): return 1 / 0\nROUTES['who'] = who")


def socket_page(learner: Learner) -> None:
    learner.v2.create_api(Name="circle-page", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")


def other_path(learner: Learner) -> None:
    learner.page("GET /chat")


def page_not_allowed(learner: Learner) -> None:
    learner.page(allow=False)


def other_function(learner: Learner) -> None:
    learner.page(function="circle-chat")


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("door", http_door, "`circle` is an HTTP API", ""),
    ("door", other_field, "Routes are chosen by `$request.body.type`", ""),
    ("door", no_disconnect, "The route `$disconnect` is missing", ""),
    ("door", no_stage, "There is no stage `live`", ""),
    ("door", no_permission, "knocks gets a 500", ""),
    ("door", not_deployed, "knocks gets a 403", ""),
    ("door", broken_function, "knocks gets a 502", ""),
    ("presence", without_room, "noted without her room", ""),
    ("presence", never_deletes, "her row is still there", ""),
    ("presence", lets_anybody_in, "Somebody came in without a name and room", ""),
    ("presence", stumbles, "the function fails (502)", ""),
    ("rooms", may_not_push, "Ada got an error instead", "ForbiddenException"),
    ("rooms", to_everybody, "Eve, who is in another room, hears it too", ""),
    ("rooms", to_others_only, "Ada does not see her own words", ""),
    ("rooms", only_to_herself, "Ada hears herself, but Ben", ""),
    ("rooms", other_words, "The page expects `from` and `text`", ""),
    ("stale", stops_at_the_first, "the loop ended at the first vanished one", ""),
    ("stale", leaves_the_rows, "3 of 3 vanished members are still in the table", ""),
    ("who", no_route_response, "Ada asked and got no answer", ""),
    ("who", names_everybody, "Eve is named too", ""),
    ("who", not_sorted, "Right would be", ""),
    ("who", fails_in_who, "the function failed in `who`", "ZeroDivisionError"),
    ("page", socket_page, "`circle-page` is a WebSocket API", ""),
    ("page", other_path, "answers 404", "Not Found"),
    ("page", page_not_allowed, "answers 500", "Internal Server Error"),
    ("page", other_function, "it is not the page", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_after_each_task_the_next_is_not_attempted(learner: Learner) -> None:
    def states() -> list[str]:
        return [result.state for result in learner.lab.results().values()]

    assert states() == ["not attempted"] * 6
    learner.door()
    assert states() == ["right"] + ["not attempted"] * 5
    learner.deploy("presence")
    assert states() == ["right"] * 2 + ["not attempted"] * 4
    learner.may_push()
    learner.know_address()
    learner.deploy("presence", "say")
    assert states() == ["right"] * 3 + ["not attempted"] * 3
    learner.deploy("presence", "say", "push")
    assert states() == ["right"] * 4 + ["not attempted"] * 2


def test_all_tasks_are_right_in_the_end_and_stay_so(learner: Learner) -> None:
    learner.who()
    learner.page()
    for _ in range(2):
        assert {result.state for result in learner.lab.results().values()} == {"right"}


def test_without_a_page_there_is_no_link(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.circle.open_page()
    assert capsys.readouterr().out.endswith("There is no page yet.\n")
