"""The lab nightly_report: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching import package
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "03_nightly_report"
TASKS = ["report", "schedule", "failed", "undelivered"]

CODE = """
import json
from datetime import datetime, timezone
from zoneinfo import ZoneInfo
import boto3
from boto3.dynamodb.conditions import Key

orders, s3 = boto3.resource("dynamodb").Table("farm-orders"), boto3.client("s3")

def handler(event, context):
    local = datetime.fromisoformat(event["time"]).astimezone(ZoneInfo("Europe/Zurich"))
    weekday = f"{local:%A}".lower()
    found = orders.query(KeyConditionExpression=Key("weekday").eq(weekday))["Items"]
    totals = {what: int(sum(order[what] for order in found)) for what in ("milk", "eggs")}
    report = json.dumps({"time": event["time"], "weekday": weekday, **totals})
    s3.put_object(Bucket="farm-reports", Key=f"reports/{local:%Y-%m-%d}.json", Body=report)
"""


class Learner:
    """Somebody who works for the farm: what a learner's cells would do, and the checks."""

    def __init__(self, farm: Any, lab: Lab) -> None:
        self.farm, self.lab = farm, lab
        self.aws, self.scheduler = boto3.client("lambda"), boto3.client("scheduler")

    def create(self, code: str = CODE) -> None:
        self.aws.create_function(
            FunctionName="farm-report", Runtime="python3.13", Role=self.farm.FUNCTION_ROLE_ARN, Handler="app.handler",
            Timeout=20, Code={"ZipFile": package({"app.py": code})},
        )  # fmt: skip

    def allow(self, action: str, resource: str) -> None:
        document = self.farm.policy(self.farm.allow(action, resource))
        name = action.replace(":", "-")
        boto3.client("iam").put_role_policy(RoleName="farm-clock", PolicyName=name, PolicyDocument=document)

    def may_call(self) -> None:
        self.allow("lambda:InvokeFunction", self.farm.FUNCTION_ARN)

    def schedule(self, cron: str = "30 0 ? * MON-SAT *", zone: str = "Europe/Zurich", **more: Any) -> None:
        self.scheduler.create_schedule(**self.wanted(cron, zone, **more))

    def wanted(self, cron: str = "30 0 ? * MON-SAT *", zone: str = "Europe/Zurich", **more: Any) -> dict[str, Any]:
        target = {"Arn": self.farm.FUNCTION_ARN, "RoleArn": self.farm.CLOCK_ROLE_ARN, **more}
        zoned = {"ScheduleExpressionTimezone": zone} if zone else {}
        window = {"FlexibleTimeWindow": {"Mode": "OFF"}}
        return {"Name": "farm-night", "ScheduleExpression": f"cron({cron})", "Target": target, **zoned, **window}

    def working(self, *given: Any, **more: Any) -> None:
        self.create()
        self.may_call()
        self.schedule(*given, **more)

    def on_event(self, **settings: Any) -> None:
        self.aws.put_function_event_invoke_config(FunctionName="farm-report", **settings)

    def lost(self, queue: str = "", retries: int = 3, may_send: bool = True, zone: str = "Europe/Zurich") -> None:
        self.working()
        arn = queue or self.farm.UNDELIVERED_ARN
        if may_send:
            self.allow("sqs:SendMessage", arn)
        policy = {"RetryPolicy": {"MaximumRetryAttempts": retries}, "DeadLetterConfig": {"Arn": arn}}
        self.scheduler.update_schedule(**self.wanted(zone=zone, **policy))

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, speed=86400, enforce_iam=True) as modules:
        farm = modules["farm"]
        farm.open_farm()
        yield Learner(farm, modules["checks"].lab)


def utc_weekday(learner: Learner) -> None:
    learner.create(CODE.replace('.astimezone(ZoneInfo("Europe/Zurich"))', ""))


def weekday_in_utc_only(learner: Learner) -> None:
    learner.create(CODE.replace("{local:%A}", "{datetime.fromisoformat(event['time']):%A}"))


def an_hour_from_utc(learner: Learner) -> None:
    learner.create(CODE.replace('ZoneInfo("Europe/Zurich")', "timezone(__import__('datetime').timedelta(hours=1))"))


def now(learner: Learner) -> None:
    learner.create(CODE.replace('datetime.fromisoformat(event["time"])', "datetime.now(timezone.utc)"))


def one_order(learner: Learner) -> None:
    learner.create(CODE.replace('["Items"]', '["Items"][:1]'))


def decimals(learner: Learner) -> None:
    learner.create(CODE.replace("int(sum(order[what] for order in found))", "sum(order[what] for order in found)"))


def no_time(learner: Learner) -> None:
    learner.create(CODE.replace('"time": event["time"], ', ""))


def no_permission(learner: Learner) -> None:
    learner.create()
    learner.schedule()


def in_utc(learner: Learner) -> None:
    learner.working("30 0 ? * MON-SAT *", "")


def every_day(learner: Learner) -> None:
    learner.working("30 0 * * ? *")


def an_event_of_its_own(learner: Learner) -> None:
    learner.working(Input="{}")


def next_century(learner: Learner) -> None:
    learner.working("30 0 ? * MON-SAT 2150")


def two_more_tries(learner: Learner) -> None:
    learner.create()
    learner.on_event(DestinationConfig={"OnFailure": {"Destination": learner.farm.FAILED_ARN}})


def no_destination(learner: Learner) -> None:
    learner.create()
    learner.on_event(MaximumRetryAttempts=1)


def another_queue(learner: Learner) -> None:
    learner.create()
    allowed = learner.farm.allow("sqs:SendMessage", learner.farm.UNDELIVERED_ARN)
    boto3.client("iam").put_role_policy(
        RoleName="farm-function", PolicyName="more", PolicyDocument=learner.farm.policy(allowed)
    )
    destination = {"OnFailure": {"Destination": learner.farm.UNDELIVERED_ARN}}
    learner.on_event(MaximumRetryAttempts=1, DestinationConfig=destination)


def dead_letters(learner: Learner) -> None:
    learner.create()
    learner.aws.update_function_configuration(
        FunctionName="farm-report", DeadLetterConfig={"TargetArn": learner.farm.FAILED_ARN}
    )


def may_not_send(learner: Learner) -> None:
    learner.lost(may_send=False)


def the_other_queue(learner: Learner) -> None:
    learner.lost(queue=learner.farm.FAILED_ARN)


def many_tries(learner: Learner) -> None:
    learner.lost(retries=185)


def forgotten_zone(learner: Learner) -> None:
    learner.lost(zone="")


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("report", utc_weekday, "It wrote `reports/2024-01-15.json`", ""),
    ("report", weekday_in_utc_only, 'is for `"monday"`', ""),
    ("report", an_hour_from_utc, "`2024-07-16T22:30:00Z` there is no report", ""),
    ("report", now, "`2024-01-15T23:30:00Z` there is no report", ""),
    ("report", one_order, "On Tuesday the orders need 15 milk", ""),
    ("report", decimals, "and it failed", "Decimal"),
    ("report", no_time, "must have the event's `time`", ""),
    ("schedule", no_permission, "it may not call the function", "AccessDenied"),
    ("schedule", in_utc, "The schedule's time zone is UTC", ""),
    ("schedule", every_day, "a report for a Sunday", ""),
    ("schedule", an_event_of_its_own, "no report came of it", ""),
    ("schedule", next_century, "the schedule called nobody", ""),
    ("failed", two_more_tries, "after 3 of 2 tries", ""),
    ("failed", no_destination, "the function has no on-failure destination", ""),
    ("failed", another_queue, "a night that fails to arrive in the queue", ""),
    ("failed", dead_letters, "but not why it failed", ""),
    ("undelivered", may_not_send, "its role may not send there", "AccessDenied"),
    ("undelivered", the_other_queue, "went to another queue", ""),
    ("undelivered", many_tries, "may try 185 more times", ""),
    ("undelivered", forgotten_zone, "time zone is UTC now", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_a_check_leaves_everything_as_it_was(learner: Learner) -> None:
    learner.lost()
    learner.on_event(MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": learner.farm.FAILED_ARN}})
    before = state(learner)
    assert {slug: result.state for slug, result in learner.lab.results().items()} == dict.fromkeys(TASKS, "right")
    assert state(learner) == before


def state(learner: Learner) -> Any:
    """Return what a check could change: the schedule, the role's policies, the reports of other years."""
    policies = boto3.client("iam").list_role_policies(RoleName="farm-clock")["PolicyNames"]
    old = boto3.client("s3").list_objects_v2(Bucket="farm-reports", Prefix="reports/2024").get("Contents", [])
    schedule = learner.scheduler.get_schedule(Name="farm-night")
    return policies, old, schedule["Target"], schedule["ScheduleExpression"], schedule["State"]


def test_before_a_task_is_begun_it_is_not_attempted(learner: Learner) -> None:
    states = {slug: result.state for slug, result in learner.lab.results().items()}
    assert states == dict.fromkeys(TASKS, "not attempted")
    learner.working()
    states = {slug: result.state for slug, result in learner.lab.results().items()}
    assert states == dict.fromkeys(TASKS, "not attempted") | {"report": "right", "schedule": "right"}
