"""What Lambda promises about how many calls run at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.subjects import RETURN_THE_EVENT, SLEEP, Answer, Subject, promise, refused

SCALING = "Lambda Developer Guide, Understanding Lambda function scaling"
CONCURRENCY = "Lambda Developer Guide, Monitoring concurrency"
RESERVED = "Lambda Developer Guide, Configuring reserved concurrency for a function"


def throttled(answers: list[Answer | ClientError]) -> list[dict[str, Any]]:
    """Return the errors among ``answers``; each must be AWS's throttle."""
    errors = [answer.response for answer in answers if isinstance(answer, ClientError)]
    for error in errors:
        assert error["Error"]["Code"] == "TooManyRequestsException"
        assert error["Error"]["Message"] == "Rate Exceeded."
        assert error["ResponseMetadata"]["HTTPStatusCode"] == 429
        assert error["Type"] == "User"
    return errors


@promise(SCALING, "more calls at once than the account may have are throttled: 429, ConcurrentInvocationLimitExceeded")
@pytest.mark.cloud(quotas={"lambda.concurrent_executions": 2})
def test_account_limit(aws: Subject) -> None:
    aws.function(SLEEP)
    answers = aws.call_together([1.5] * 4)
    errors = throttled(answers)
    assert [error["Reason"] for error in errors] == ["ConcurrentInvocationLimitExceeded"] * 2
    assert aws.call(0).status == 200


@promise(RESERVED, "a reservation is a ceiling: 429, ReservedFunctionConcurrentInvocationLimitExceeded")
def test_reserved_is_a_ceiling(aws: Subject) -> None:
    client = aws.function(SLEEP)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    errors = throttled(aws.call_together([1.5] * 3))
    assert [error["Reason"] for error in errors] == ["ReservedFunctionConcurrentInvocationLimitExceeded"] * 2
    assert aws.call(0).status == 200


@promise(RESERVED, "a reservation is kept free: other functions share what is left of the account")
@pytest.mark.cloud(quotas={"lambda.concurrent_executions": 3, "lambda.unreserved_concurrency_minimum": 1})
def test_reserved_is_kept(aws: Subject) -> None:
    role = aws.role()
    client = aws.function(SLEEP, Role=role)
    aws.function(SLEEP, name="other", Role=role)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=2)
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(aws.call_together, [1.5] * 3, "other")
        mine = aws.call_together([1.5] * 2)
    assert throttled(mine) == []
    errors = throttled(others.result())
    assert [error["Reason"] for error in errors] == ["ConcurrentInvocationLimitExceeded"] * 2


@promise(RESERVED, "a reservation of zero is an off switch; without it the function runs again")
def test_off_switch(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with refused("TooManyRequestsException", "Rate Exceeded.", 429) as said:
        aws.call(1)
    assert said["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    client.delete_function_concurrency(FunctionName="f")
    assert aws.call(1).payload == 1


@promise(RESERVED, "at least 100 of the account's concurrency stay unreserved")
def test_unreserved_minimum(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    words = (
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    )
    with refused("InvalidParameterValueException", words, 400):
        client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=901)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=900)
    assert client.get_function_concurrency(FunctionName="f")["ReservedConcurrentExecutions"] == 900


@promise("Lambda API Reference, GetAccountSettings", "the account's settings say what is reserved and what is left")
def test_account_settings(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=100)
    settings = client.get_account_settings()
    limit = settings["AccountLimit"]
    assert (limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]) == (1000, 900)
    assert settings["AccountUsage"]["FunctionCount"] == 1


@promise(SCALING, "calls at once take the time of one call, not of all")
def test_parallel(aws: Subject) -> None:
    aws.function(SLEEP)
    aws.call_together([0.5] * 4)
    began = time.monotonic()
    answers = aws.call_together([1.5] * 4)
    assert len({answer.payload for answer in answers if isinstance(answer, Answer)}) == 4
    assert time.monotonic() - began < 6


@promise(SCALING, "calls one after the other share one environment")
def test_one_after_the_other(aws: Subject) -> None:
    aws.function(SLEEP)
    assert len({aws.call(0).payload for _ in range(5)}) == 1


@promise(SCALING, "versions of a function share its reservation")
def test_versions_share(aws: Subject) -> None:
    client = aws.function(SLEEP, Publish=True)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as pool:
        latest = pool.submit(aws.call, 2.5)
        time.sleep(1)
        with refused("TooManyRequestsException", status=429):
            aws.call(0, Qualifier="1")
        assert latest.result().status == 200


@promise(
    "Lambda Developer Guide, Types of metrics for Lambda functions", "a throttled call is a Throttle, not an Invocation"
)
def test_throttle_metric(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    aws.call(1)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    for _ in range(2):
        with refused("TooManyRequestsException"):
            aws.call(1)
    assert [aws.metric("Invocations"), aws.metric("Throttles"), aws.metric("Errors")] == [1, 2, 0]


@promise(SCALING, "a function gets at most so many new environments in 10 seconds; what it has goes on serving")
@pytest.mark.cloud(quotas={"lambda.scaling_rate": 2}, speed=1)
def test_scaling_rate(aws: Subject) -> None:
    role = aws.role()
    aws.function(SLEEP, Role=role)
    aws.function(SLEEP, name="other", Role=role)
    assert len(throttled(aws.call_together([1.5] * 5))) == 3
    assert len(throttled(aws.call_together([1.5] * 5, "other"))) == 3
    assert throttled(aws.call_together([0.5] * 2)) == []


@promise(SCALING, "the rate is refilled continuously, and its unused part is lost")
@pytest.mark.cloud(quotas={"lambda.scaling_rate": 2}, speed=10)
def test_scaling_rate_is_refilled(aws: Subject) -> None:
    aws.function(SLEEP)
    assert len(throttled(aws.call_together([1.5] * 4))) >= 1
    time.sleep(2.5)  # 25 seconds of AWS's time, which would be five more environments
    answers = aws.call_together([1.5] * 6)
    assert len(throttled(answers)) >= 1
    assert len({answer.payload for answer in answers if isinstance(answer, Answer)}) >= 4


@promise(CONCURRENCY, "the Region's metrics say how many ran at once, and how many of them on unreserved concurrency")
def test_concurrency_metrics(aws: Subject) -> None:
    role = aws.role()
    client = aws.function(SLEEP, Role=role)
    aws.function(SLEEP, name="other", Role=role)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=5)
    with ThreadPoolExecutor(1) as pool:
        others = pool.submit(aws.call_together, [2] * 2, "other")
        aws.call_together([2] * 3)
        others.result()
    assert [aws.metric("ConcurrentExecutions", "Maximum", name) for name in ("f", "other")] == [3, 2]
    assert region_metric(aws, "ConcurrentExecutions") == 5
    assert region_metric(aws, "UnreservedConcurrentExecutions") == 2


def region_metric(aws: Subject, metric: str) -> float:
    """Return the highest value of a metric that has no dimensions."""
    return max(aws.points("AWS/Lambda", metric, "Maximum"))
