"""What CloudWatch Logs promises about subscription filters."""

from __future__ import annotations

import base64
import gzip
import json
import time
from typing import Any

import pytest

from tests.contract.pushed import allow, first, keeper, kept
from tests.contract.subjects import Subject, promise, refused

GUIDE = "CloudWatch Logs User Guide, Log group-level subscription filters"
PATTERNS = "CloudWatch Logs User Guide, Filter pattern syntax"


def group(aws: Subject) -> Any:
    """Create a log group with a stream; return the client."""
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="shop")
    logs.create_log_stream(logGroupName="shop", logStreamName="till")
    return logs


def write(logs: Any, *messages: str) -> None:
    """Write log events, one millisecond apart."""
    now = int(time.time() * 1000)
    events = [{"timestamp": now + place, "message": text} for place, text in enumerate(messages)]
    logs.put_log_events(logGroupName="shop", logStreamName="till", logEvents=events)


def unpacked(event: Any) -> Any:
    """Return the document in a function's event."""
    return json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))


@promise(GUIDE, "a function gets the log events that fit, gzipped and in base64")
def test_subscription(aws: Subject) -> None:
    logs, account = group(aws), aws.client("sts").get_caller_identity()["Account"]
    arn = keeper(aws, "logs", f"arn:aws:logs:us-east-1:{account}:log-group:shop:*")
    logs.put_subscription_filter(logGroupName="shop", filterName="bad", filterPattern="ERROR", destinationArn=arn)
    write(logs, "ERROR no flour", "sold", "ERROR no salt")
    document = unpacked(first(aws))
    assert document["messageType"] == "DATA_MESSAGE" and document["owner"] == account
    assert (document["logGroup"], document["logStream"]) == ("shop", "till")
    assert document["subscriptionFilters"] == ["bad"]
    assert [event["message"] for event in document["logEvents"]] == ["ERROR no flour", "ERROR no salt"]
    assert all(set(event) == {"id", "timestamp", "message"} for event in document["logEvents"])


@promise(GUIDE, "what does not fit is not sent")
def test_nothing_fits(aws: Subject) -> None:
    logs = group(aws)
    logs.put_subscription_filter(
        logGroupName="shop", filterName="bad", filterPattern="ERROR", destinationArn=keeper(aws, "logs")
    )
    write(logs, "sold")
    write(logs, "ERROR")
    assert [event["message"] for event in unpacked(first(aws))["logEvents"]] == ["ERROR"]
    assert len(kept(aws)) == 1


@promise(GUIDE, "a function that does not let CloudWatch Logs call it is refused when the filter is made")
@pytest.mark.parametrize("allowed", ["", "s3"])
def test_refused(aws: Subject, allowed: str) -> None:
    logs, arn = group(aws), keeper(aws)
    if allowed:
        allow(aws, allowed)
    with refused("InvalidParameterException", "Could not execute the lambda function.", 400):
        logs.put_subscription_filter(logGroupName="shop", filterName="all", filterPattern="", destinationArn=arn)


@promise(GUIDE, "what a function logs can be pushed to another function")
def test_log_of_a_function(aws: Subject) -> None:
    arn = keeper(aws, "logs")
    aws.function("def handler(event, context): print('ALARM', event)", "baker")
    aws.call("first", "baker")
    aws.client("logs").put_subscription_filter(
        logGroupName="/aws/lambda/baker", filterName="alarms", filterPattern="ALARM", destinationArn=arn
    )
    aws.call("second", "baker")
    assert [event["message"] for event in unpacked(first(aws))["logEvents"]] == ["ALARM second\n"]


BAD = '{"level": "ERROR", "ms": 120, "who": {"name": "Ann"}, "gone": null}'
GOOD = '{"level": "INFO", "ms": 20}'


@promise(PATTERNS, "terms, alternatives, exclusions, expressions and JSON say which events fit")
@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", 5),
        ("ERROR", 2),
        ("ERROR flour", 1),
        ("?salt ?sold", 2),
        ("ERROR -flour", 1),
        ('"no flour"', 1),
        ("%fl..r%", 1),
        ('{ $.level = "ERROR" }', 1),
        ('{ $.level = "*O*" && $.ms < 100 }', 1),
        ('{ $.ms > 100 || $.level = "INFO" }', 2),
        ('{ ($.ms >= 20) && ($.level != "INFO") }', 1),
        ('{ $.who.name = "Ann" }', 1),
        ("{ $.who NOT EXISTS }", 1),
        ("{ $.ms = 20 }", 1),
    ],
)
def test_patterns(aws: Subject, pattern: str, found: int) -> None:
    logs = group(aws)
    write(logs, "ERROR no flour", "sold bread", "out of salt", BAD, GOOD)
    assert len(logs.filter_log_events(logGroupName="shop", filterPattern=pattern)["events"]) == found


@promise(PATTERNS, "a pattern that is none is refused")
@pytest.mark.parametrize("pattern", ["{ $.level = ", "{ level = 1 }", '{ $.level = "ERROR"'])
def test_bad_patterns(aws: Subject, pattern: str) -> None:
    logs = group(aws)
    with refused("InvalidParameterException", "", 400):
        logs.filter_log_events(logGroupName="shop", filterPattern=pattern)
