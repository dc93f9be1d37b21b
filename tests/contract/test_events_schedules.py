"""What EventBridge promises about schedules: rules with a rate or cron expression, and EventBridge Scheduler."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.pushed import first, keeper, kept, open_queue, scheduler_role
from tests.contract.subjects import Subject, promise, refused

RULES = "Amazon EventBridge User Guide, Creating a scheduled rule"
SCHEDULER = "EventBridge Scheduler User Guide, Schedule types in EventBridge Scheduler"
RETRIES = "EventBridge Scheduler User Guide, Configuring a schedule's dead-letter queue"
ISO = "%Y-%m-%dT%H:%M:%SZ"


def every(aws: Subject, expression: str, function: str, name: str = "tick") -> str:
    """Create a scheduled rule for a function; return the rule's ARN."""
    events = aws.client("events")
    arn = events.put_rule(Name=name, ScheduleExpression=expression)["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": function}])
    return str(arn)


def schedule(aws: Subject, expression: str, target: str, **settings: Any) -> Any:
    """Create a schedule; ``Target_...`` settings are the target's. Return the client."""
    client = aws.client("scheduler")
    told = {name.removeprefix("Target_"): settings.pop(name) for name in list(settings) if name.startswith("Target_")}
    told.setdefault("RoleArn", None)
    told["RoleArn"] = told["RoleArn"] or scheduler_role(aws)
    client.create_schedule(
        Name="plan",
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": target, **told},
        **settings,
    )
    return client


@promise(RULES, "a rule with a rate calls its function again and again, each time with a Scheduled Event")
@pytest.mark.cloud(speed=20)
def test_rate(aws: Subject) -> None:
    function = keeper(aws, "events")
    rule = every(aws, "rate(1 minute)", function)
    aws.wait(lambda: len(kept(aws)) >= 2, 12)
    one, two = sorted(kept(aws), key=lambda event: event["time"])[:2]
    assert (one["source"], one["detail-type"], one["detail"]) == ("aws.events", "Scheduled Event", {})
    assert one["resources"] == [rule] and one["id"] != two["id"]
    apart = datetime.strptime(two["time"], ISO) - datetime.strptime(one["time"], ISO)
    assert apart == timedelta(minutes=1)


@promise(RULES, "a rule with cron is called when a minute begins that fits")
@pytest.mark.cloud(speed=240)
def test_cron(aws: Subject) -> None:
    every(aws, "cron(0/2 * * * ? *)", keeper(aws, "events"))
    moment = datetime.strptime(first(aws)["time"], ISO)
    assert (moment.second, moment.minute % 2) == (0, 0)


@promise(RULES, "a rule that is disabled or deleted is not called any more")
@pytest.mark.cloud(speed=600)
def test_ended(aws: Subject) -> None:
    events, sqs = aws.client("events"), aws.client("sqs")
    (url, queue), (other_url, other) = open_queue(aws, "events"), open_queue(aws, "events", name="other")
    every(aws, "rate(1 minute)", queue)
    every(aws, "rate(1 minute)", queue, "second")
    aws.message(url)
    events.disable_rule(Name="tick")
    events.remove_targets(Rule="second", Ids=["1"])
    events.delete_rule(Name="second")
    every(aws, "rate(5 minutes)", other, "last")
    assert aws.message(other_url)  # what was under way has come
    sqs.purge_queue(QueueUrl=url)
    assert aws.message(other_url)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


@promise(RULES, "an expression that is none, or a schedule on another bus, is refused")
@pytest.mark.parametrize(
    "expression",
    ["rate(1 minutes)", "rate(0 minutes)", "rate(5 seconds)", "cron(0 12 * * * *)", "cron(60 0 * * ? *)",
     "cron(0 0 * * *)", "cron(0 0 ? * ? *)", "at(2030-01-01T00:00:00)", "every day"],
)  # fmt: skip
def test_bad_expressions(aws: Subject, expression: str) -> None:
    with refused("ValidationException", "Parameter ScheduleExpression is not valid.", 400):
        aws.client("events").put_rule(Name="tick", ScheduleExpression=expression)


@promise(SCHEDULER, "a schedule with a rate begins at once and sends its Input")
def test_scheduler_rate(aws: Subject) -> None:
    schedule(aws, "rate(1 hour)", keeper(aws), Target_Input='{"at": "<aws.scheduler.scheduled-time>"}')
    event = first(aws)
    datetime.strptime(event["at"], ISO)
    assert len(kept(aws)) == 1


@promise(SCHEDULER, "without an Input the target gets a Scheduled Event of aws.scheduler")
def test_scheduler_event(aws: Subject) -> None:
    arn = schedule(aws, "rate(1 hour)", keeper(aws)).get_schedule(Name="plan")["Arn"]
    event = first(aws)
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.scheduler", "Scheduled Event", [arn])


@promise(SCHEDULER, "a one-time schedule calls once, and goes if ActionAfterCompletion says so")
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/St_Johns"])
def test_once(aws: Subject, zone: str) -> None:
    from zoneinfo import ZoneInfo

    function, there = keeper(aws), datetime.now(ZoneInfo(zone)) + timedelta(minutes=4)
    client = schedule(
        aws, f"at({there:%Y-%m-%dT%H:%M:%S})", function, ScheduleExpressionTimezone=zone,
        ActionAfterCompletion="DELETE",
    )  # fmt: skip
    assert client.get_schedule(Name="plan")["State"] == "ENABLED"
    first(aws)
    aws.wait(lambda: not client.list_schedules()["Schedules"])
    with refused("ResourceNotFoundException", status=404):
        client.get_schedule(Name="plan")


@promise(SCHEDULER, "cron is read by the clocks of the schedule's time zone")
@pytest.mark.cloud(speed=3000)
def test_zone(aws: Subject) -> None:
    schedule(aws, "cron(15,45 * * * ? *)", keeper(aws), ScheduleExpressionTimezone="Asia/Kathmandu",
             Target_Input='{"at": "<aws.scheduler.scheduled-time>"}')  # fmt: skip
    moment = datetime.strptime(first(aws)["at"], ISO)
    assert moment.minute in (0, 30)


@promise(SCHEDULER, "a queue is a target too; the role decides, not the queue's policy")
def test_scheduler_queue(aws: Subject) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="plain")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    schedule(aws, "rate(1 hour)", arn, Target_Input="hello")
    assert aws.message(url)["Body"] == "hello"


@promise(
    "EventBridge Scheduler User Guide, Setting up the execution role", "a role that Scheduler may not assume is refused"
)
def test_role(aws: Subject) -> None:
    with refused("ValidationException", "must allow AWS EventBridge Scheduler to assume the role", 400):
        schedule(aws, "rate(1 hour)", keeper(aws), Target_RoleArn=aws.role("other"))


@promise("EventBridge Scheduler API Reference, CreateSchedule", "an expression or a time zone that is none is refused")
@pytest.mark.parametrize(
    ("expression", "zone"), [("cron(1 2 3)", "UTC"), ("rate(1 hour)", "Mars/Olympus"), ("at(soon)", "UTC")]
)
def test_bad_schedules(aws: Subject, expression: str, zone: str) -> None:
    with refused("ValidationException", "Invalid Schedule Expression", 400):
        schedule(aws, expression, keeper(aws), ScheduleExpressionTimezone=zone)


@promise(RETRIES, "what cannot be delivered is tried again, then goes to the dead-letter queue with the reason")
def test_dead_letter(aws: Subject) -> None:
    url, queue = aws.queue()
    missing = keeper(aws).replace(":f", ":missing")
    schedule(
        aws, "rate(1 day)", missing, Target_Input='{"loaf": 3}', Target_DeadLetterConfig={"Arn": queue},
        Target_RetryPolicy={"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600},
    )  # fmt: skip
    message = aws.message(url)
    told = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert json.loads(message["Body"]) == {"loaf": 3}
    assert (told["RETRY_ATTEMPTS"], told["EXHAUSTED_RETRY_CONDITION"]) == ("2", "MaximumRetryAttempts")
    assert told["TARGET_ARN"] == missing and "Function not found" in told["ERROR_MESSAGE"]


@promise("EventBridge Scheduler API Reference, UpdateSchedule", "a schedule that is disabled does not run")
@pytest.mark.cloud(speed=600)
def test_disabled(aws: Subject) -> None:
    client = schedule(aws, "rate(1 minute)", keeper(aws))
    aws.wait(lambda: kept(aws))
    stored = client.get_schedule(Name="plan")
    names = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    client.update_schedule(**{name: stored[name] for name in names}, State="DISABLED")
    counts = []
    for _ in range(10):
        time.sleep(0.1)
        counts.append(len(kept(aws)))
    assert len(set(counts[5:])) == 1
