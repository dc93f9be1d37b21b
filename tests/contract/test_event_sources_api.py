"""What Lambda promises about event source mappings: their API, their checks, their states."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.event_sources import SAYS, bodies, connect, events, ids, left, put_items, queue, send, stream, table
from tests.contract.subjects import Subject, promise, refused

CREATE = "Lambda API Reference, CreateEventSourceMapping"
UPDATE = "Lambda API Reference, UpdateEventSourceMapping"
DELETE = "Lambda API Reference, DeleteEventSourceMapping"
LIST = "Lambda API Reference, ListEventSourceMappings"
SQS = "Lambda Developer Guide, Using Lambda with Amazon SQS"
ROLE = "Lambda Developer Guide, Defining Lambda function permissions with an execution role"
INVALID = "InvalidParameterValueException"


@promise(CREATE, "a mapping of a queue has these defaults, and an UUID and an ARN")
def test_defaults_of_a_queue(aws: Subject) -> None:
    client, (_, arn) = aws.function(SAYS), queue(aws)
    made = client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)
    assert made.pop("ResponseMetadata")["HTTPStatusCode"] == 202
    uuid = made.pop("UUID")
    assert made.pop("LastModified")
    assert made == {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": arn,
        "EventSourceMappingArn": f"arn:aws:lambda:us-east-1:123456789012:event-source-mapping:{uuid}",
        "FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "FunctionResponseTypes": [],
        "State": "Creating",
        "StateTransitionReason": "USER_INITIATED",
    }
    assert client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"


@promise(CREATE, "a mapping of a stream has these defaults")
def test_defaults_of_a_stream(aws: Subject) -> None:
    client, arn = aws.function(SAYS), table(aws)
    made = client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn, StartingPosition="LATEST")
    for name in ("ResponseMetadata", "UUID", "LastModified", "EventSourceMappingArn", "FunctionArn"):
        assert made.pop(name)
    assert made == {
        "BatchSize": 100,
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "EventSourceArn": arn,
        "FunctionResponseTypes": [],
        "LastProcessingResult": "No records processed",
        "MaximumBatchingWindowInSeconds": 0,
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "StartingPosition": "LATEST",
        "State": "Creating",
        "StateTransitionReason": "User action",
        "TumblingWindowInSeconds": 0,
    }


@promise(CREATE, "a wrong setting of a queue's mapping is refused with its reason")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"BatchSize": 11}, "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater"),
        ({"StartingPosition": "LATEST"}, "StartingPosition is not valid for SQS event sources."),
        ({"FilterCriteria": {"Filters": [{"Pattern": "plain"}]}}, "Invalid filter pattern definition."),
        ({"FilterCriteria": {"Filters": [{"Pattern": '{"a": "b"}'}]}}, "Invalid filter pattern definition."),
        ({"FunctionName": "nobody"}, "Function does not exist"),
        (
            {"EventSourceArn": "arn:aws:sqs:us-east-1:123456789012:nowhere"},
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue.",
        ),
    ],
)
def test_refused_for_a_queue(aws: Subject, settings: dict[str, Any], words: str) -> None:
    client, (_, arn) = aws.function(SAYS), queue(aws)
    with refused(INVALID, words, 400):
        client.create_event_source_mapping(**{"FunctionName": "f", "EventSourceArn": arn, **settings})
    assert client.list_event_source_mappings()["EventSourceMappings"] == []


@promise(CREATE, "a value out of range is refused before anything else")
@pytest.mark.parametrize(
    "settings",
    [
        {"BatchSize": 0},
        {"BatchSize": 10_001},
        {"MaximumBatchingWindowInSeconds": 301},
        {"ParallelizationFactor": 11},
        {"MaximumRetryAttempts": 10_001},
        {"MaximumRecordAgeInSeconds": 604_801},
        {"ScalingConfig": {"MaximumConcurrency": 1}},
        {"StartingPosition": "0"},
    ],
)
def test_ranges(aws: Subject, settings: dict[str, Any]) -> None:
    client, arn = aws.function(SAYS), stream(aws)
    with refused("ValidationException", "1 validation error detected", 400):
        client.create_event_source_mapping(
            **{"FunctionName": "f", "EventSourceArn": arn, "StartingPosition": "LATEST", **settings}
        )


@promise(CREATE, "a wrong setting of a stream's mapping is refused with its reason")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."),
        ({"StartingPosition": "AT_TIMESTAMP"}, "Unsupported starting position for arn type: arn:aws:dynamodb:"),
        (
            {"StartingPosition": "LATEST", "StartingPositionTimestamp": 1},
            "Timestamp only valid with StartingPosition AT_TIMESTAMP",
        ),
    ],
)
def test_refused_for_a_stream(aws: Subject, settings: dict[str, Any], words: str) -> None:
    client, arn = aws.function(SAYS), table(aws)
    with refused(INVALID, words, 400):
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn, **settings)


@promise(SQS, "the visibility timeout of the queue must not be shorter than the function's timeout")
def test_visibility_timeout(aws: Subject) -> None:
    client, (_, arn) = aws.function(SAYS, Timeout=60), queue(aws)
    with refused(INVALID, "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds", 400):
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)


@promise(CREATE, "a function polls a source once: a second mapping of the same two is a conflict")
def test_conflict(aws: Subject) -> None:
    client, (_, arn), stream_arn = aws.function(SAYS), queue(aws), table(aws)
    first = connect(aws, arn)
    with refused("ResourceConflictException", f"Please update or delete the existing mapping with UUID {first}", 409):
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)
    connect(aws, stream_arn, StartingPosition="LATEST")
    with refused("ResourceConflictException", "provided mapping already exists", 409):
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=stream_arn, StartingPosition="LATEST")


@promise(LIST, "mappings are listed by function and by source")
def test_list(aws: Subject) -> None:
    client, (_, one), (_, two) = aws.function(SAYS), queue(aws, "one"), queue(aws, "two")
    aws.function(SAYS, name="g")
    made = {connect(aws, one): "f", connect(aws, two): "f", connect(aws, one, "g"): "g"}

    def listed(**wanted: str) -> set[str]:
        return {found["UUID"] for found in client.list_event_source_mappings(**wanted)["EventSourceMappings"]}

    assert listed() == set(made)
    assert listed(FunctionName="f") == {uuid for uuid, name in made.items() if name == "f"}
    assert len(listed(EventSourceArn=one)) == 2
    assert len(listed(EventSourceArn=one, FunctionName="g")) == 1


@promise(UPDATE, "a disabled mapping does not poll; enabled again it goes on with what has come meanwhile")
def test_disable_and_enable(aws: Subject) -> None:
    client, (url, arn) = aws.function(SAYS), queue(aws)
    uuid = connect(aws, arn)
    send(aws, url, ["before"])
    aws.wait(lambda: left(aws, url) == 0)
    assert client.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    assert client.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    send(aws, url, ["meanwhile"])
    messages = aws.client("sqs").receive_message(QueueUrl=url, VisibilityTimeout=1, WaitTimeSeconds=20)["Messages"]
    assert [message["Attributes"] if "Attributes" in message else message["Body"] for message in messages] == [
        "meanwhile"
    ]
    assert client.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    aws.wait(lambda: left(aws, url) == 0)
    assert bodies(aws) == ["before", "meanwhile"]


@promise(UPDATE, "a stream's mapping that is enabled again goes on where it was")
def test_stream_goes_on(aws: Subject) -> None:
    client = aws.function(SAYS)
    uuid = connect(aws, table(aws), StartingPosition="LATEST")
    put_items(aws, ["a"])
    aws.wait(lambda: events(aws))
    client.update_event_source_mapping(UUID=uuid, Enabled=False)
    put_items(aws, ["b", "c"])
    client.update_event_source_mapping(UUID=uuid, Enabled=True)
    aws.wait(lambda: len(events(aws)) == 2)
    assert [ids(event) for event in events(aws)] == [["a"], ["b", "c"]]


@promise(UPDATE, "changed settings and another function hold for the next batch")
def test_update(aws: Subject) -> None:
    client, (url, arn) = aws.function(SAYS), queue(aws)
    aws.function(SAYS, name="g")
    uuid = connect(aws, arn)
    changed = client.update_event_source_mapping(UUID=uuid, BatchSize=1, FunctionName="g")
    assert (changed["BatchSize"], changed["FunctionArn"].endswith(":g")) == (1, True)
    send(aws, url, ["a", "b"])
    aws.wait(lambda: left(aws, url) == 0)
    assert events(aws) == []
    assert [len(event["Records"]) for event in events(aws, "g")] == [1, 1]
    with refused(INVALID, "Maximum batch window in seconds", 400):
        client.update_event_source_mapping(UUID=uuid, BatchSize=100)
    assert client.get_event_source_mapping(UUID=uuid)["BatchSize"] == 1


@promise(CREATE, "a mapping may name a version or an alias")
def test_alias(aws: Subject) -> None:
    client, (url, arn) = aws.function("def handler(event, context): print('got', context.function_version)"), queue(aws)
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    made = client.create_event_source_mapping(FunctionName="f:live", EventSourceArn=arn)
    assert made["FunctionArn"].endswith(":function:f:live")
    send(aws, url, ["a"])
    aws.wait(lambda: "got 1\n" in aws.logged())


@promise(DELETE, "a deleted mapping polls no more; its messages stay in the queue")
def test_delete(aws: Subject) -> None:
    client, (url, arn) = aws.function(SAYS), queue(aws)
    uuid = connect(aws, arn)
    assert client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    with refused("ResourceNotFoundException", "The resource you requested does not exist.", 404):
        client.get_event_source_mapping(UUID=uuid)
    send(aws, url, ["a"])
    assert aws.message(url)["Body"] == "a"
    assert events(aws) == []


@promise(SQS, "messages wait while the function is gone, and reach it when it is there again")
def test_function_comes_back(aws: Subject) -> None:
    client, (url, arn) = aws.function(SAYS), queue(aws)
    connect(aws, arn)
    client.delete_function(FunctionName="f")
    send(aws, url, ["a"])
    aws.function(SAYS, Role=aws.role("other"))
    aws.wait(lambda: left(aws, url) == 0)
    assert bodies(aws) == ["a"]


@promise(UPDATE, "a mapping can be disabled although its function is gone")
def test_disable_without_function(aws: Subject) -> None:
    client, (_, arn) = aws.function(SAYS), queue(aws)
    uuid = connect(aws, arn)
    client.delete_function(FunctionName="f")
    client.update_event_source_mapping(UUID=uuid, Enabled=False)
    assert client.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"


@promise(ROLE, "the execution role must be allowed to read the source: a queue")
@pytest.mark.cloud(speed=60, enforce_iam=True)
def test_role_for_a_queue(aws: Subject) -> None:
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*", "Resource": "*"}]}
    client, (url, arn) = aws.function(SAYS, Role=aws.role("worker", may)), queue(aws)
    words = "The function execution role does not have permissions to call ReceiveMessage on SQS"
    with refused(INVALID, words, 400):
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    may["Statement"].append({"Effect": "Allow", "Action": actions, "Resource": arn})  # type: ignore[attr-defined]
    aws.client("iam").put_role_policy(RoleName="worker", PolicyName="inline", PolicyDocument=json.dumps(may))
    connect(aws, arn)
    send(aws, url, ["a"])
    aws.wait(lambda: bodies(aws) == ["a"])


@promise(ROLE, "the execution role must be allowed to read the source: a stream")
@pytest.mark.cloud(speed=60, enforce_iam=True)
def test_role_for_a_stream(aws: Subject) -> None:
    client, arn = aws.function(SAYS), stream(aws)
    words = f"Cannot access stream {arn}. Please ensure the role can perform the GetRecords, GetShardIterator, "
    with refused(INVALID, words, 400):
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn, StartingPosition="LATEST")
