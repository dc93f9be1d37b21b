"""Actions, ARNs and short names of what calls are about, as the Service Authorization Reference has them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from helpers.dataplane.resources import action_of, needs_of, resource_of, subject_of

HERE = "us-east-1:123456789012"


def call(service: str, name: str, **params: Any) -> Any:
    """Return a call as the front door has read it."""
    return SimpleNamespace(service=service, name=name, params=params, region="us-east-1", account_id="123456789012")


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("lambda", "Invoke", "lambda:InvokeFunction"),
        ("lambda", "CreateFunction", "lambda:CreateFunction"),
        ("s3", "ListObjectsV2", "s3:ListBucket"),
        ("s3", "HeadObject", "s3:GetObject"),
        ("s3", "GetObject", "s3:GetObject"),
        ("s3", "UploadPart", "s3:PutObject"),
        ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
        ("sqs", "SendMessageBatch", "sqs:SendMessage"),
        ("stepfunctions", "StartExecution", "states:StartExecution"),
        ("dynamodbstreams", "GetRecords", "dynamodb:GetRecords"),
        ("cloudwatch", "PutMetricData", "cloudwatch:PutMetricData"),
    ],
)
def test_actions(service: str, operation: str, action: str) -> None:
    assert action_of(call(service, operation)) == action


@pytest.mark.parametrize(
    ("asked", "arn"),
    [
        (call("s3", "GetObject", Bucket="shelf", Key="a/b c.txt"), "arn:aws:s3:::shelf/a/b c.txt"),
        (call("s3", "ListObjectsV2", Bucket="shelf"), "arn:aws:s3:::shelf"),
        (call("s3", "ListBuckets"), "*"),
        (call("dynamodb", "PutItem", TableName="books"), f"arn:aws:dynamodb:{HERE}:table/books"),
        (call("dynamodb", "PutItem", TableName="arn:aws:dynamodb:x:1:table/t"), "arn:aws:dynamodb:x:1:table/t"),
        (call("sqs", "SendMessage", QueueUrl="http://127.0.0.1:1/123456789012/work"), f"arn:aws:sqs:{HERE}:work"),
        (call("sqs", "CreateQueue", QueueName="work"), f"arn:aws:sqs:{HERE}:work"),
        (call("sns", "Publish", TopicArn=f"arn:aws:sns:{HERE}:news"), f"arn:aws:sns:{HERE}:news"),
        (call("lambda", "Invoke", FunctionName="f"), f"arn:aws:lambda:{HERE}:function:f"),
        (call("lambda", "Invoke", FunctionName="f", Qualifier="live"), f"arn:aws:lambda:{HERE}:function:f:live"),
        (call("logs", "CreateLogGroup", logGroupName="/aws/lambda/f"), f"arn:aws:logs:{HERE}:log-group:/aws/lambda/f"),
        (call("stepfunctions", "StartExecution", stateMachineArn="arn:aws:states:x"), "arn:aws:states:x"),
        (call("stepfunctions", "StopExecution", executionArn="arn:aws:states:e"), "arn:aws:states:e"),
        (call("kinesis", "PutRecord", StreamName="clicks"), f"arn:aws:kinesis:{HERE}:stream/clicks"),
        (call("secretsmanager", "GetSecretValue", SecretId="key"), f"arn:aws:secretsmanager:{HERE}:secret:key-??????"),
        (call("secretsmanager", "GetSecretValue", SecretId="arn:aws:secretsmanager:x"), "arn:aws:secretsmanager:x"),
        (call("xray", "PutTraceSegments"), "*"),
        (call("dynamodb", "PutItem", TableName=None), "*"),
    ],
)
def test_resources(asked: Any, arn: str) -> None:
    assert resource_of(asked) == arn


def test_events_are_put_on_buses() -> None:
    entries = [{}, {"EventBusName": "shop"}, {"EventBusName": "arn:aws:events:x:1:event-bus/y"}, {}]
    assert needs_of(call("events", "PutEvents", Entries=entries)) == [
        ("events:PutEvents", bus)
        for bus in (
            f"arn:aws:events:{HERE}:event-bus/default",
            f"arn:aws:events:{HERE}:event-bus/shop",
            "arn:aws:events:x:1:event-bus/y",
        )
    ]


@pytest.mark.parametrize(
    ("asked", "subject"),
    [
        (call("lambda", "Invoke", FunctionName="f"), "f"),
        (call("lambda", "Invoke", FunctionName=f"arn:aws:lambda:{HERE}:function:f"), "f"),
        (call("sqs", "SendMessage", QueueUrl="http://127.0.0.1:1/123456789012/work"), "work"),
        (call("sns", "Publish", TopicArn=f"arn:aws:sns:{HERE}:news"), "news"),
        (call("s3", "PutObject", Bucket="shelf", Key="k"), "shelf"),
        (call("logs", "GetLogEvents", logGroupName="/aws/lambda/f"), "/aws/lambda/f"),
        (call("sts", "GetCallerIdentity"), ""),
        (call("lambda", "Invoke", FunctionName=5), ""),
    ],
)
def test_subjects(asked: Any, subject: str) -> None:
    assert subject_of(asked) == subject


OBJECTS = {"Objects": [{"Key": "a"}, {"Key": "b/c"}]}
STEPS = [{"Delete": {"TableName": "books"}}, {"ConditionCheck": {"TableName": "arn:aws:dynamodb:x:1:table/t"}}]


@pytest.mark.parametrize(
    ("asked", "needs"),
    [
        (call("s3", "GetObject", Bucket="shelf", Key="a"), [("s3:GetObject", "arn:aws:s3:::shelf/a")]),
        (
            call("s3", "CopyObject", Bucket="shelf", Key="a", CopySource="/old/b%20c?versionId=1"),
            [("s3:PutObject", "arn:aws:s3:::shelf/a"), ("s3:GetObject", "arn:aws:s3:::old/b c")],
        ),
        (
            call("s3", "DeleteObjects", Bucket="shelf", Delete=OBJECTS),
            [("s3:DeleteObject", "arn:aws:s3:::shelf/a"), ("s3:DeleteObject", "arn:aws:s3:::shelf/b/c")],
        ),
        (
            call("dynamodb", "BatchWriteItem", RequestItems={"books": [], "arn:aws:dynamodb:x:1:table/t": []}),
            [
                ("dynamodb:BatchWriteItem", f"arn:aws:dynamodb:{HERE}:table/books"),
                ("dynamodb:BatchWriteItem", "arn:aws:dynamodb:x:1:table/t"),
            ],
        ),
        (
            call("dynamodb", "TransactWriteItems", TransactItems=STEPS),
            [
                ("dynamodb:DeleteItem", f"arn:aws:dynamodb:{HERE}:table/books"),
                ("dynamodb:ConditionCheckItem", "arn:aws:dynamodb:x:1:table/t"),
            ],
        ),
    ],
)
def test_calls_that_need_several_permissions(asked: Any, needs: list[tuple[str, str]]) -> None:
    assert needs_of(asked) == needs
