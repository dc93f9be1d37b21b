"""What API Gateway promises about metrics and logs."""

from __future__ import annotations

import json

import pytest

from tests.contract.subjects import Subject, promise, refused
from tests.contract.traffic import Shop

METRICS = "API Gateway Developer Guide, Amazon API Gateway dimensions and metrics"
LOGS = "API Gateway Developer Guide, Set up CloudWatch logging for REST APIs in API Gateway"
SLOW = pytest.mark.cloud(speed=1)
METHOD = {"Stage": "prod", "Resource": "/tea", "Method": "GET"}


def let_log(shop: Shop) -> None:
    """Give the account a role with which API Gateway may write logs."""
    change = {"op": "replace", "path": "/cloudwatchRoleArn", "value": shop.aws.role("writes-logs")}
    shop.client.update_account(patchOperations=[change])


def logged(shop: Shop, group: str) -> list[str]:
    """Return what a log group holds; nothing where there is none."""
    logs = shop.aws.client("logs")
    names = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
    if group not in names:
        return []
    return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]


def executed(shop: Shop) -> list[str]:
    """Return the execution log of the stage prod."""
    return logged(shop, f"API-Gateway-Execution-Logs_{shop.id}/prod")


@promise(METRICS, "requests and errors are counted for the API and for its stage, without any setting")
@SLOW
def test_counts(aws: Subject) -> None:
    shop = Shop(aws)
    shop.set(throttling__rateLimit=0.2, throttling__burstLimit=3)
    shop.statuses(4)
    assert shop.metric("Count", "SampleCount") == 4
    assert [shop.metric(name, Stage="prod") for name in ("4XXError", "5XXError")] == [1, 0]
    assert shop.metric("4XXError", "Average") == 0.25
    latency, integration = shop.metric("Latency", "Average"), shop.metric("IntegrationLatency", "Average")
    assert latency and integration and latency < 1000 and integration < 1000


@promise(METRICS, "metrics of a method are sent only where detailed metrics are enabled")
def test_detailed(aws: Subject) -> None:
    shop = Shop(aws)
    shop.ask()
    assert shop.metric("Count", "SampleCount", **METHOD) is None
    shop.set(metrics__enabled="true")
    shop.ask()
    assert shop.metric("Count", "SampleCount", **METHOD) == 1
    assert shop.metric("Count", "SampleCount", Stage="prod") == 2


@promise(LOGS, "nothing is logged until a stage says so")
def test_no_logs(aws: Subject) -> None:
    shop = Shop(aws)
    let_log(shop)
    shop.ask()
    assert aws.client("logs").describe_log_groups()["logGroups"] == []


@promise(LOGS, "logs need the account's CloudWatch role")
def test_role(aws: Subject) -> None:
    shop = Shop(aws)
    words = "CloudWatch Logs role ARN must be set in account settings to enable logging"
    with refused("BadRequestException", words, 400):
        shop.set(logging__loglevel="INFO")
    let_log(shop)
    shop.set(logging__loglevel="INFO")


@promise("API Gateway API Reference, UpdateStage", "a path that names no setting is refused")
def test_unknown_setting(aws: Subject) -> None:
    shop = Shop(aws)
    for path in ("/*/*/throttling/limit", "/tea/{name}/GET/throttling/rateLimit", "/speed"):
        with refused("BadRequestException", f"Invalid method setting path: {path}", 400):
            shop.patch({path: 1})


@promise(LOGS, "level INFO logs each step of a request in the stage's own log group")
def test_info(aws: Subject) -> None:
    shop = Shop(aws)
    let_log(shop)
    shop.set(logging__loglevel="INFO")
    request_id = shop.ask().headers["x-amzn-RequestId"]
    lines = executed(shop)
    assert all(line.startswith(f"({request_id}) ") for line in lines)
    assert [line.partition(") ")[2] for line in lines[-4:]] == [
        f"Starting execution for request: {request_id}",
        "HTTP Method: GET, Resource Path: /tea",
        "Successfully completed execution",
        "Method completed with status: 200",
    ]


@promise(LOGS, "level ERROR logs errors only, such as a throttled key with its limit")
@SLOW
def test_error(aws: Subject) -> None:
    shop = Shop(aws, keys=True)
    let_log(shop)
    shop.set(logging__loglevel="ERROR")
    plan = shop.plan(throttle={"rateLimit": 0.2, "burstLimit": 1})
    _, value = shop.key("web", plan)
    assert shop.statuses(2, x_api_key=value) == [200, 429]
    (line,) = executed(shop)
    assert f"Key throttle limit exceeded for Usage Plan ID {plan}" in line
    assert line.endswith("HttpMethod GET. Limit: 0.20 Burst: 1")
    assert value not in line and value[-6:] in line


@promise(LOGS, "access logs are lines in a format of $context variables, in a log group of one's own")
def test_access(aws: Subject) -> None:
    shop = Shop(aws)
    let_log(shop)
    aws.client("logs").create_log_group(logGroupName="visitors")
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:visitors"
    names = (
        "requestId",
        "httpMethod",
        "resourcePath",
        "status",
        "responseLength",
        "identity.sourceIp",
        "identity.user",
    )
    form = json.dumps({name: f"$context.{name}" for name in names})
    shop.patch({"/accessLogSettings/destinationArn": arn, "/accessLogSettings/format": form})
    page = shop.ask("tea/sencha")
    (line,) = logged(shop, "visitors")
    assert json.loads(line) == {
        "requestId": page.headers["x-amzn-RequestId"],
        "httpMethod": "GET",
        "resourcePath": "/tea/{name}",
        "status": "200",
        "responseLength": str(len(page.body)),
        "identity.sourceIp": "127.0.0.1",
        "identity.user": "-",
    }
    assert executed(shop) == []
