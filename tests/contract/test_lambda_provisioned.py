"""What Lambda promises about provisioned concurrency."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.subjects import Answer, Subject, promise, refused

GUIDE = "Lambda Developer Guide, Configuring provisioned concurrency for a function"
METRICS = "Lambda Developer Guide, Monitoring concurrency"
API = "Lambda API Reference, PutProvisionedConcurrencyConfig"
HOW = """
import os, time
started = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
def handler(event, context):
    if event == "exit":
        os._exit(1)
    time.sleep(event)
    return {"started": started, "process": os.getpid()}
"""


def published(aws: Subject, source: str = HOW) -> Any:
    """Create a function with version 1 and the alias live that points to it; return the Lambda client."""
    client = aws.function(source, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    return client


def provision(aws: Subject, size: int, qualifier: str = "live") -> dict[str, Any]:
    """Ask for provisioned concurrency, wait until it is there or has failed, and return its configuration."""
    client = aws.client("lambda")
    client.put_provisioned_concurrency_config(
        FunctionName="f", Qualifier=qualifier, ProvisionedConcurrentExecutions=size
    )

    def settled() -> dict[str, Any] | None:
        found = client.get_provisioned_concurrency_config(FunctionName="f", Qualifier=qualifier)
        return dict(found) if found["Status"] != "IN_PROGRESS" else None

    return dict(aws.wait(settled, 10))


def how(answers: list[Any]) -> list[str]:
    """Return, sorted, how the environments that answered were initialised."""
    return sorted(answer.payload["started"] for answer in answers if isinstance(answer, Answer))


@promise(API, "the request is taken with IN_PROGRESS; when all environments are initialised, the status is READY")
def test_status(aws: Subject) -> None:
    client = published(aws)
    wanted = {"FunctionName": "f", "Qualifier": "live"}
    begun = client.put_provisioned_concurrency_config(**wanted, ProvisionedConcurrentExecutions=2)
    assert (begun["Status"], begun["RequestedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 2)
    assert begun["AllocatedProvisionedConcurrentExecutions"] == 0
    assert begun["ResponseMetadata"]["HTTPStatusCode"] == 202
    aws.wait(lambda: client.get_provisioned_concurrency_config(**wanted)["Status"] == "READY", 10)
    ready = client.get_provisioned_concurrency_config(**wanted)
    assert ready["AllocatedProvisionedConcurrentExecutions"] == ready["AvailableProvisionedConcurrentExecutions"] == 2
    assert ready["LastModified"] == begun["LastModified"]


@promise(GUIDE, "the environments are initialised before the first call, which is not a cold start")
def test_initialised_before(aws: Subject) -> None:
    published(aws)
    provision(aws, 1)
    answer = aws.call(0, Qualifier="live", LogType="Tail")
    assert answer.payload["started"] == "provisioned-concurrency"
    assert aws.call(0, Qualifier="1").payload["process"] == answer.payload["process"]
    assert aws.call(0).payload["started"] == "on-demand"


@promise(GUIDE, "when all of it is in use, further calls spill over to environments on demand")
def test_spillover(aws: Subject) -> None:
    published(aws)
    provision(aws, 2)
    answers = aws.call_together([1.5] * 3, Qualifier="live")
    assert how(answers) == ["on-demand", "provisioned-concurrency", "provisioned-concurrency"]
    assert how([aws.call(0, Qualifier="live")]) == ["provisioned-concurrency"]


@promise(METRICS, "CloudWatch counts the calls on provisioned concurrency, those that spilled over, and its use")
def test_metrics(aws: Subject) -> None:
    published(aws)
    provision(aws, 2)
    aws.call(0, Qualifier="live")
    assert aws.metric("ProvisionedConcurrencyUtilization", "Maximum", Resource="f:live") == 0.5
    aws.call_together([1.5] * 3, Qualifier="live")
    assert aws.metric("ProvisionedConcurrencyInvocations", Resource="f:live") == 3
    assert aws.metric("ProvisionedConcurrencySpilloverInvocations", Resource="f:live") == 1
    assert aws.metric("ProvisionedConcurrencyUtilization", "Maximum", Resource="f:live") == 1
    assert aws.metric("ProvisionedConcurrentExecutions", "Maximum", Resource="f:live") == 2
    assert aws.metric("Invocations", Resource="f:live") == 4


@promise(GUIDE, "the unpublished version cannot have any, nor an alias that points to it")
def test_not_on_latest(aws: Subject) -> None:
    client = published(aws)
    client.create_alias(FunctionName="f", Name="desk", FunctionVersion="$LATEST")
    for qualifier in ("$LATEST", "desk"):
        with refused("InvalidParameterValueException", "cannot be applied to unpublished function versions", 400):
            provision(aws, 1, qualifier)
    with refused("ResourceNotFoundException", status=404):
        provision(aws, 1, "7")


@promise(GUIDE, "no more than the function's reserved concurrency can be provisioned")
def test_reserved_is_the_limit(aws: Subject) -> None:
    client = published(aws)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=2)
    words = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    with refused("InvalidParameterValueException", words, 400):
        provision(aws, 3)
    assert provision(aws, 2)["Status"] == "READY"
    with refused("InvalidParameterValueException", status=400):
        client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)


@promise(GUIDE, "without a reservation it comes from the account, of which 100 stay unreserved")
def test_account_is_the_limit(aws: Subject) -> None:
    published(aws)
    with refused("InvalidParameterValueException", "below its minimum value of [100]", 400):
        provision(aws, 901)


@promise(GUIDE, "it counts towards the account's concurrency even while it is idle")
@pytest.mark.cloud(quotas={"lambda.concurrent_executions": 3, "lambda.unreserved_concurrency_minimum": 0})
def test_idle_counts(aws: Subject) -> None:
    published(aws)
    aws.function(HOW, name="other")
    provision(aws, 2)
    assert how(aws.call_together([1.5] * 3, "other")) == ["on-demand"]


@promise(API, "a version has it by one name only: its number or one alias")
def test_conflict(aws: Subject) -> None:
    published(aws)
    provision(aws, 1)
    with refused("ResourceConflictException", "Version is pointed by a Provisioned Concurrency alias", 409):
        provision(aws, 1, "1")


@promise("Lambda API Reference, DeleteProvisionedConcurrencyConfig", "deleted, it is gone, and calls are on demand")
def test_delete(aws: Subject) -> None:
    client = published(aws)
    provision(aws, 1)
    listed = client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"]
    assert [each["FunctionArn"].rpartition(":function:")[2] for each in listed] == ["f:live"]
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="live")
    with refused("ProvisionedConcurrencyConfigNotFoundException", status=404):
        client.get_provisioned_concurrency_config(FunctionName="f", Qualifier="live")
    assert client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []
    assert how([aws.call(0, Qualifier="live")]) == ["on-demand"]


@promise(GUIDE, "a function that cannot be initialised makes the allocation fail, with its reason")
def test_failed(aws: Subject) -> None:
    published(aws, "raise ValueError('no')")
    found = provision(aws, 1)
    assert (found["Status"], found["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")


@promise(GUIDE, "the environments follow their alias to the version to which it points")
def test_alias_moves(aws: Subject) -> None:
    client = published(aws)
    provision(aws, 1)
    client.update_function_configuration(FunctionName="f", Description="new")
    client.publish_version(FunctionName="f")
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    wanted = {"FunctionName": "f", "Qualifier": "live"}
    aws.wait(lambda: client.get_provisioned_concurrency_config(**wanted)["Status"] == "READY", 10)
    assert how([aws.call(0, Qualifier="live"), aws.call(0, Qualifier="1")]) == ["on-demand", "provisioned-concurrency"]


@promise(GUIDE, "an environment that is lost is replaced")
def test_replaced(aws: Subject) -> None:
    client = published(aws)
    provision(aws, 1)
    assert aws.call("exit", Qualifier="live").error
    wanted = {"FunctionName": "f", "Qualifier": "live"}
    aws.wait(lambda: client.get_provisioned_concurrency_config(**wanted)["Status"] == "READY", 10)
    assert how([aws.call(0, Qualifier="live")]) == ["provisioned-concurrency"]
