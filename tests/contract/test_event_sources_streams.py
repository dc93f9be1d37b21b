"""What Lambda promises about DynamoDB Streams and Kinesis streams as event sources."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.event_sources import (
    FAILS,
    FAILS_ON_BAD,
    SAYS,
    Event,
    connect,
    events,
    ids,
    left,
    put_items,
    put_records,
    records,
    stream,
    table,
)
from tests.contract.subjects import Subject, promise

DYNAMODB = "Lambda Developer Guide, Using AWS Lambda with Amazon DynamoDB"
KINESIS = "Lambda Developer Guide, Using Lambda to process records from Amazon Kinesis Data Streams"
ERRORS = "Lambda Developer Guide, Configuring error handling controls (DynamoDB and Kinesis event sources)"
REPORTS = "Lambda Developer Guide, Configuring partial batch response (DynamoDB and Kinesis event sources)"
DISCARDED = "Lambda Developer Guide, Retain discarded batch records (DynamoDB and Kinesis event sources)"
METRICS = "Lambda Developer Guide, Types of metrics for Lambda functions"
OLDEST: dict[str, Any] = {"StartingPosition": "TRIM_HORIZON"}


def texts(event: Event) -> list[str]:
    """Return the data of the records of a Kinesis event."""
    return [base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]


def all_texts(aws: Subject) -> list[str]:
    """Return the data of all Kinesis records that the function got."""
    return [text for event in events(aws) for text in texts(event)]


def all_ids(aws: Subject) -> list[str]:
    """Return the ids of all items that the function got."""
    return [key for event in events(aws) for key in ids(event)]


def given_up(aws: Subject, url: str) -> dict[str, Any]:
    """Wait for the record of a discarded batch."""
    return dict(json.loads(aws.message(url)["Body"]))


@promise(DYNAMODB, "the function gets each change with its keys, images, sequence number and stream")
def test_dynamodb_event(aws: Subject) -> None:
    aws.function(SAYS)
    arn = table(aws)
    connect(aws, arn, **OLDEST)
    client = aws.client("dynamodb")
    client.put_item(TableName="tea", Item={"id": {"S": "a"}, "raw": {"B": b"\x00\x01"}, "tags": {"SS": ["x"]}})
    client.put_item(TableName="tea", Item={"id": {"S": "a"}, "n": {"N": "1.5"}})
    client.delete_item(TableName="tea", Key={"id": {"S": "a"}})
    aws.wait(lambda: len(records(aws)) == 3)
    first, second, third = records(aws)
    assert [record["eventName"] for record in (first, second, third)] == ["INSERT", "MODIFY", "REMOVE"]
    change = first["dynamodb"]
    assert len(first["eventID"]) == 32
    assert (first["eventSource"], first["eventSourceARN"]) == ("aws:dynamodb", arn)
    assert (first["eventVersion"], first["awsRegion"]) == ("1.1", "us-east-1")
    assert change["Keys"] == {"id": {"S": "a"}}
    assert change["NewImage"] == {"id": {"S": "a"}, "raw": {"B": "AAE="}, "tags": {"SS": ["x"]}}
    assert change["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert isinstance(change["ApproximateCreationDateTime"], int)
    assert change["SizeBytes"] > 0
    assert "OldImage" not in change
    assert second["dynamodb"]["OldImage"] == change["NewImage"]
    assert second["dynamodb"]["NewImage"] == {"id": {"S": "a"}, "n": {"N": "1.5"}}
    assert "NewImage" not in third["dynamodb"]
    numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in (first, second, third)]
    assert numbers == sorted(set(numbers))


@promise(KINESIS, "the function gets each record with its partition key, sequence number, time and data in base64")
def test_kinesis_event(aws: Subject) -> None:
    aws.function(SAYS)
    arn = stream(aws)
    connect(aws, arn, **OLDEST)
    put = aws.client("kinesis").put_record(StreamName="s", Data=b"\x00hi", PartitionKey="one")
    record = aws.wait(lambda: records(aws))[0]
    assert isinstance(record["kinesis"].pop("approximateArrivalTimestamp"), float)
    role = record.pop("invokeIdentityArn")
    assert role.endswith(":role/f-role")
    assert record == {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "one",
            "sequenceNumber": put["SequenceNumber"],
            "data": base64.b64encode(b"\x00hi").decode(),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{put['ShardId']}:{put['SequenceNumber']}",
        "eventName": "aws:kinesis:record",
        "awsRegion": "us-east-1",
        "eventSourceARN": arn,
    }


@promise(DYNAMODB, "TRIM_HORIZON reads all records that the stream has, LATEST only new ones")
@pytest.mark.parametrize(("position", "expected"), [("TRIM_HORIZON", ["old", "new"]), ("LATEST", ["new"])])
def test_dynamodb_position(aws: Subject, position: str, expected: list[str]) -> None:
    aws.function(SAYS)
    arn = table(aws)
    put_items(aws, ["old"])
    connect(aws, arn, StartingPosition=position)
    put_items(aws, ["new"])
    aws.wait(lambda: "new" in all_ids(aws))
    assert all_ids(aws) == expected


@promise(KINESIS, "AT_TIMESTAMP reads from a moment on")
@pytest.mark.cloud(speed=1)
def test_kinesis_timestamp(aws: Subject) -> None:
    aws.function(SAYS)
    arn = stream(aws)
    put_records(aws, ["old"])
    time.sleep(0.05)
    moment = datetime.now(UTC)
    time.sleep(0.05)
    put_records(aws, ["new"])
    connect(aws, arn, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=moment)
    assert aws.wait(lambda: all_texts(aws)) == ["new"]


@promise(KINESIS, "a batch has at most BatchSize records of one shard, 100 by default")
@pytest.mark.parametrize(("size", "largest"), [(None, 100), (30, 30)])
def test_batch_size(aws: Subject, size: int | None, largest: int) -> None:
    aws.function(SAYS)
    arn = stream(aws)
    put_records(aws, [str(number) for number in range(250)])
    connect(aws, arn, **OLDEST, **({"BatchSize": size} if size else {}))
    aws.wait(lambda: len(all_texts(aws)) == 250)
    assert max(len(event["Records"]) for event in events(aws)) == largest
    assert all_texts(aws) == [str(number) for number in range(250)]


@promise(KINESIS, "with a batching window Lambda gathers records for that time before it invokes")
def test_batch_window(aws: Subject) -> None:
    aws.function(SAYS)
    connect(aws, stream(aws), **OLDEST, MaximumBatchingWindowInSeconds=150)
    for number in range(12):
        put_records(aws, [str(number)])
    aws.wait(lambda: all_texts(aws))
    assert [len(event["Records"]) for event in events(aws)] == [12]


@promise(KINESIS, "records of a shard are processed in order, shards at the same time")
def test_order(aws: Subject) -> None:
    aws.function(SAYS + "    time.sleep(0.01)")
    connect(aws, stream(aws, 3), **OLDEST, BatchSize=5)
    sent = [f"{number:03}" for number in range(60)]
    for start in range(0, 60, 6):
        put_records(aws, sent[start : start + 6])
    aws.wait(lambda: len(all_texts(aws)) == 60)
    by_shard: dict[str, list[str]] = {}
    for event in events(aws):
        shards = {record["eventID"].partition(":")[0] for record in event["Records"]}
        assert len(shards) == 1
        by_shard.setdefault(shards.pop(), []).extend(texts(event))
    assert len(by_shard) == 3
    assert all(got == sorted(got) for got in by_shard.values())


@promise(
    KINESIS, "ParallelizationFactor processes batches of a shard at the same time, in order for each partition key"
)
def test_parallelization(aws: Subject) -> None:
    aws.function(SAYS + "    time.sleep(0.1)")
    arn = stream(aws)
    for number in range(5):
        for key in "abcdef":
            put_records(aws, [f"{key}{number}"], key)
    connect(aws, arn, **OLDEST, BatchSize=1, ParallelizationFactor=10)
    aws.wait(lambda: len(all_texts(aws)) == 30)
    assert aws.metric("ConcurrentExecutions", "Maximum") > 1
    for key in "abcdef":
        assert [text for text in all_texts(aws) if text[0] == key] == [f"{key}{number}" for number in range(5)]


@promise(ERRORS, "a batch that fails blocks its shard and is tried again until it succeeds")
def test_failure_blocks(aws: Subject) -> None:
    seen = "pathlib.Path('/tmp/seen')"
    once = f"    import pathlib\n    if not {seen}.exists():\n        {seen}.touch()\n        raise ValueError\n"
    aws.function(SAYS + once)
    connect(aws, table(aws), **OLDEST, BatchSize=2)
    put_items(aws, ["a", "b", "c"])
    aws.wait(lambda: "c" in all_ids(aws))
    got = [ids(event) for event in events(aws)]
    assert got[0] == got[1] != got[2]
    assert got[-1][-1] == "c"


@promise(ERRORS, "after MaximumRetryAttempts the batch is discarded and the shard goes on")
def test_maximum_retries(aws: Subject) -> None:
    aws.function(FAILS_ON_BAD)
    connect(aws, table(aws), **OLDEST, BatchSize=1, MaximumRetryAttempts=2)
    put_items(aws, ["bad", "good"])
    aws.wait(lambda: "good" in all_ids(aws))
    assert all_ids(aws) == ["bad", "bad", "bad", "good"]


@promise(ERRORS, "BisectBatchOnFunctionError splits a failing batch in two and tries each; splitting is no retry")
def test_bisect(aws: Subject) -> None:
    aws.function(FAILS_ON_BAD)
    arn = table(aws)
    put_items(aws, ["a", "b", "bad", "d"])
    connect(aws, arn, **OLDEST, MaximumRetryAttempts=0, BisectBatchOnFunctionError=True)
    aws.wait(lambda: len(events(aws)) == 5)
    assert [ids(event) for event in events(aws)] == [["a", "b", "bad", "d"], ["a", "b"], ["bad", "d"], ["bad"], ["d"]]


@promise(REPORTS, "Lambda tries again from the lowest reported sequence number on")
def test_checkpoint(aws: Subject) -> None:
    aws.function(
        SAYS
        + "    changes = [record['dynamodb'] for record in event['Records']]\n"
        + "    bad = [change for change in changes if change['Keys']['id']['S'] in ('bad', 'worse')]\n"
        + "    return {'batchItemFailures': [{'itemIdentifier': c['SequenceNumber']} for c in reversed(bad)]}"
    )
    arn = table(aws)
    put_items(aws, ["a", "bad", "c", "worse"])
    connect(aws, arn, **OLDEST, MaximumRetryAttempts=1, FunctionResponseTypes=["ReportBatchItemFailures"])
    aws.wait(lambda: len(events(aws)) == 2)
    assert [ids(event) for event in events(aws)] == [["a", "bad", "c", "worse"], ["bad", "c", "worse"]]


@promise(REPORTS, "an unknown identifier fails the whole batch")
def test_unknown_identifier(aws: Subject) -> None:
    aws.function(SAYS + "    return {'batchItemFailures': [{'itemIdentifier': '12'}]}")
    connect(
        aws, table(aws), **OLDEST, MaximumRetryAttempts=1, FunctionResponseTypes=["ReportBatchItemFailures"]
    )  # fmt: skip
    put_items(aws, ["a"])
    aws.wait(lambda: all_ids(aws) == ["a", "a"])


@promise(
    DISCARDED, "a discarded batch of DynamoDB goes to the destination as a pointer: shard, sequence numbers, times"
)
def test_dynamodb_destination(aws: Subject) -> None:
    aws.function(FAILS)
    (url, destination), arn = aws.queue("dead"), table(aws)
    put_items(aws, ["a", "b"])
    connect(
        aws, arn, **OLDEST, MaximumRetryAttempts=1, DestinationConfig={"OnFailure": {"Destination": destination}}
    )  # fmt: skip
    record = given_up(aws, url)
    numbers = [change["dynamodb"]["SequenceNumber"] for change in records(aws)[:2]]
    context, batch = record["requestContext"], record["DDBStreamBatchInfo"]
    assert context.pop("requestId")
    assert context == {
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 2,
    }
    assert record["responseContext"] == {
        "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
    }  # fmt: skip
    assert record["version"] == "1.0"
    assert record["timestamp"][-5] == "." and record["timestamp"].endswith("Z")
    assert batch.pop("shardId").startswith("shardId-")
    assert len(batch.pop("approximateArrivalOfFirstRecord")) == len("2026-01-01T00:00:00Z")
    assert len(batch.pop("approximateArrivalOfLastRecord")) == len("2026-01-01T00:00:00Z")
    assert batch == {
        "startSequenceNumber": numbers[0], "endSequenceNumber": numbers[1], "batchSize": 2, "streamArn": arn,
    }  # fmt: skip


@promise(DISCARDED, "a discarded batch of Kinesis goes to the destination as a pointer; in S3 with its records")
def test_kinesis_destination(aws: Subject) -> None:
    aws.function(FAILS)
    s3, arn = aws.client("s3"), stream(aws)
    s3.create_bucket(Bucket="discarded")
    put_records(aws, ["a", "b"], "k")
    uuid = connect(
        aws, arn, **OLDEST, MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::discarded"}},
    )  # fmt: skip
    key = aws.wait(lambda: s3.list_objects_v2(Bucket="discarded").get("Contents"))[0]["Key"]
    record = json.loads(s3.get_object(Bucket="discarded", Key=key)["Body"].read())
    assert key.startswith(f"aws/lambda/{uuid}/shardId-000000000000/")
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert (record["KinesisBatchInfo"]["batchSize"], record["KinesisBatchInfo"]["streamArn"]) == (2, arn)
    assert len(record["KinesisBatchInfo"]["approximateArrivalOfFirstRecord"]) == len("2026-01-01T00:00:00.000Z")
    assert json.loads(record["payload"]) == events(aws)[0]


@promise(ERRORS, "records older than MaximumRecordAgeInSeconds are discarded")
@pytest.mark.cloud(speed=600)
def test_maximum_age(aws: Subject) -> None:
    aws.function(FAILS)
    (url, destination), arn = aws.queue("dead"), stream(aws)
    connect(
        aws, arn, **OLDEST, MaximumRecordAgeInSeconds=60, DestinationConfig={"OnFailure": {"Destination": destination}}
    )  # fmt: skip
    put_records(aws, ["a"])
    record = given_up(aws, url)
    assert record["requestContext"]["condition"] == "RecordAgeExceeded"
    assert record["KinesisBatchInfo"]["batchSize"] == 1


@promise(ERRORS, "a throttled batch is no failed try: it waits until the function may run")
def test_throttled(aws: Subject) -> None:
    client = aws.function(SAYS)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    url, destination = aws.queue("dead")
    connect(
        aws, table(aws), **OLDEST, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": destination}}
    )  # fmt: skip
    put_items(aws, ["a"])
    aws.wait(lambda: aws.metric("Throttles") >= 2)
    client.delete_function_concurrency(FunctionName="f")
    aws.wait(lambda: all_ids(aws) == ["a"])
    assert left(aws, url) == 0


@promise(DYNAMODB, "records that miss the filter criteria are skipped")
def test_dynamodb_filter(aws: Subject) -> None:
    aws.function(SAYS)
    arn = table(aws)
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"id": {"S": [{"prefix": "order-"}]}}}}
    connect(aws, arn, **OLDEST, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    put_items(aws, ["cart-1", "order-1", "order-1", "order-2"])
    aws.wait(lambda: len(all_ids(aws)) == 2)
    assert all_ids(aws) == ["order-1", "order-2"]


@promise(KINESIS, "filter criteria see the data of a record decoded, as JSON")
def test_kinesis_filter(aws: Subject) -> None:
    aws.function(SAYS)
    pattern = {"data": {"level": [{"anything-but": ["debug"]}]}, "partitionKey": ["k"]}
    connect(aws, stream(aws), **OLDEST, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    put_records(aws, ["no json", '{"level": "debug"}', '{"level": "error"}'], "k")
    put_records(aws, ['{"level": "error", "other": "key"}'], "x")
    aws.wait(lambda: all_texts(aws))
    assert all_texts(aws) == ['{"level": "error"}']


@promise(METRICS, "IteratorAge is the age of the last record of a batch when the function gets it")
def test_iterator_age(aws: Subject) -> None:
    aws.function(SAYS)
    arn = stream(aws)
    put_records(aws, ["a"])
    time.sleep(0.2)
    connect(aws, arn, **OLDEST)
    aws.wait(lambda: aws.metric("IteratorAge", "Maximum"))
    assert 0.2 * 1000 * aws.speed <= aws.metric("IteratorAge", "Maximum") <= 10 * 1000 * aws.speed
