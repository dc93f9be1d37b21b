"""The farm as you find it: standing orders, a bucket for the reports, two queues, two roles.

``farm.open_farm()`` makes them. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import boto3

TABLE, BUCKET, FUNCTION, SCHEDULE = "farm-orders", "farm-reports", "farm-report", "farm-night"
FAILED, UNDELIVERED = "failed-nights", "undelivered-nights"
FUNCTION_ROLE, CLOCK_ROLE = "farm-function", "farm-clock"
ZONE = "Europe/Zurich"
_PREFIX = "arn:aws:{}:us-east-1:123456789012:{}"
FUNCTION_ARN = _PREFIX.format("lambda", f"function:{FUNCTION}")
FAILED_ARN, UNDELIVERED_ARN = _PREFIX.format("sqs", FAILED), _PREFIX.format("sqs", UNDELIVERED)
CLOCK_ROLE_ARN = f"arn:aws:iam::123456789012:role/{CLOCK_ROLE}"
FUNCTION_ROLE_ARN = f"arn:aws:iam::123456789012:role/{FUNCTION_ROLE}"

ORDERS = {
    "monday": {"Church Lane 2": (2, 6), "Mill Road 7": (1, 0)},
    "tuesday": {"Church Lane 2": (2, 0), "Station Inn": (12, 30), "The Old Forge": (1, 6)},
    "wednesday": {"Mill Road 7": (1, 12)},
    "thursday": {"Church Lane 2": (2, 6), "School": (20, 0)},
    "friday": {"Station Inn": (15, 60), "Mill Road 7": (2, 6)},
    "saturday": {"Church Lane 2": (3, 12), "The Old Forge": (2, 12)},
}
"""Litres of milk and number of eggs, by weekday and customer. Nobody drives on a Sunday."""


def open_farm() -> None:
    """Make what the farm has before you come: run it once, right after ``cloud.start``."""
    keys = {"weekday": "HASH", "customer": "RANGE"}
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    for weekday, orders in ORDERS.items():
        for customer, (milk, eggs) in orders.items():
            names = {"weekday": {"S": weekday}, "customer": {"S": customer}}
            dynamodb.put_item(TableName=TABLE, Item=names | {"milk": {"N": str(milk)}, "eggs": {"N": str(eggs)}})
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    for queue in (FAILED, UNDELIVERED):
        boto3.client("sqs").create_queue(QueueName=queue, Attributes={"MessageRetentionPeriod": str(14 * 86400)})
    _roles()
    print(f"The farm is open: table {TABLE}, bucket {BUCKET}, queues {FAILED} and {UNDELIVERED},")
    print(f"role {FUNCTION_ROLE} for the function, role {CLOCK_ROLE} for the schedule (it may do nothing yet).")


def _roles() -> None:
    iam = boto3.client("iam")
    for role, service in ((FUNCTION_ROLE, "lambda"), (CLOCK_ROLE, "scheduler")):
        principal = {"Service": f"{service}.amazonaws.com"}
        trust = policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    document = policy(
        allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*"),
        allow("dynamodb:Query", _PREFIX.format("dynamodb", f"table/{TABLE}")),
        allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/reports/*"),
        allow("sqs:SendMessage", FAILED_ARN),
    )
    iam.put_role_policy(RoleName=FUNCTION_ROLE, PolicyName="report", PolicyDocument=document)


def allow(action: str | list[str], resource: str) -> dict[str, Any]:
    """Return the statement of a policy that allows something."""
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def night(moment: str) -> dict[str, Any]:
    """Return the event that EventBridge Scheduler sends, as far as the lab needs it; the time is in UTC."""
    return {"detail-type": "Scheduled Event", "source": "aws.scheduler", "time": moment, "detail": "{}"}


def newest_report() -> str:
    """Return the key of the newest report; an empty string when there is none."""
    keys = [""]
    pages = boto3.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="reports/")
    for page in pages:
        keys += [entry["Key"] for entry in page.get("Contents", [])]
    return max(keys)


def reports_after(key: str) -> list[dict[str, Any]]:
    """Return the reports that are newer than the one under ``key``, oldest first."""
    s3 = boto3.client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix="reports/", StartAfter=key or "reports/").get("Contents", [])
    return [json.loads(s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read()) for entry in found]


def messages(queue: str) -> list[dict[str, Any]]:
    """Return the messages of a queue; they are hidden for an hour, a blink here, and stay in it."""
    sqs = boto3.client("sqs")
    url, found = sqs.get_queue_url(QueueName=queue)["QueueUrl"], []
    for _ in range(5):
        batch = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=3600, MessageAttributeNames=["All"]
        ).get("Messages", [])
        found += batch
        if len(batch) < 10:
            break
    return list({message["MessageId"]: message for message in found}.values())


def wait_for_nights(count: int, seconds: float = 20) -> list[dict[str, Any]]:
    """Wait until so many more reports are written and return them; fewer when that takes too long."""
    before, deadline = newest_report(), time.monotonic() + seconds
    while len(found := reports_after(before)) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    if len(found) < count:
        print(f"We waited {seconds:g} s for {count} reports and saw {len(found)}.")
    return found[:count]


def fail_a_night(seconds: float = 8) -> dict[str, Any]:
    """Let the function fail on a night, and return what comes into the queue failed-nights of it.

    Lambda drops an event that is six hours old, here a quarter of a second. On a machine that is too slow for two
    tries in that time another night has to fail.
    """
    deadline, night_of_it = time.monotonic() + seconds, {}
    for number in itertools.count(1):
        event = night(f"half past twelve {number}")
        boto3.client("lambda").invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=json.dumps(event))
        pause = time.monotonic() + 1
        while time.monotonic() < pause:
            for message in messages(FAILED):
                if event["time"] in message["Body"]:
                    pause, night_of_it = 0.0, json.loads(message["Body"])
            time.sleep(0.02)
        condition = night_of_it.get("requestContext", {}).get("condition")
        if (night_of_it and condition != "EventAgeExceeded") or time.monotonic() > deadline:
            return night_of_it
    return night_of_it
