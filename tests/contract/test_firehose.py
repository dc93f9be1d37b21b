"""What Amazon Data Firehose promises about buffers, transformations, files and failures."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.contract.event_sources import SAYS, events
from tests.contract.subjects import Subject, promise, refused

GUIDE = "Amazon Data Firehose Developer Guide"
DELIVERY = f"{GUIDE}, Understand data delivery in Amazon Data Firehose"
BUFFERS = f"{GUIDE}, Understand buffering hints"
NAMES = f"{GUIDE}, Configure Amazon S3 object name format"
PREFIXES = f"{GUIDE}, Understand custom prefixes for Amazon S3 objects"
TRANSFORM = f"{GUIDE}, Transform source data in Amazon Data Firehose"
STATUS = f"{GUIDE}, Required parameters for data transformation"
FAILURE = f"{GUIDE}, Handle failure in data transformation"
KINESIS = f"{GUIDE}, Writing to Amazon Data Firehose using Kinesis Data Streams"
ACCESS = f"{GUIDE}, Controlling access with Amazon Data Firehose"
LOGS = f"{GUIDE}, Monitor Amazon Data Firehose using CloudWatch Logs"
METRICS = f"{GUIDE}, Monitor Amazon Data Firehose with CloudWatch metrics"
ANSWERS = SAYS + (
    "    import base64\n"
    "    say = lambda one, text: {'recordId': one['recordId'], 'result': text, 'data': one['data']}\n"
    "    words = {one['recordId']: base64.b64decode(one['data']).decode() for one in event['records']}\n"
    "    return {'records': [say(one, words[one['recordId']]) for one in event['records']"
    " if words[one['recordId']] != 'Missing']}\n"
)
"""Answers each record with the result that the record asks for."""
AT_ONCE = {"SizeInMBs": 1, "IntervalInSeconds": 0}


def firehose_role(aws: Subject, name: str = "firehose", **policy: Any) -> str:
    """Create a role that Firehose may assume."""
    trust = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    allow(aws, policy.get("actions", ["*"]), name)
    return str(arn)


def allow(aws: Subject, actions: list[str], name: str = "firehose") -> None:
    """Let the role do something."""
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    aws.client("iam").put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(policy))


def destination(aws: Subject, role: str = "", **settings: Any) -> dict[str, Any]:
    """Create a bucket; return a destination there, without buffering unless told."""
    aws.client("s3").create_bucket(Bucket="lake")
    role = role or firehose_role(aws)
    return {"RoleARN": role, "BucketARN": "arn:aws:s3:::lake", "BufferingHints": AT_ONCE, **settings}


def deliver(aws: Subject, to: dict[str, Any], name: str = "d", **settings: Any) -> Any:
    """Create a delivery stream; return the client."""
    client = aws.client("firehose")
    client.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=to, **settings)
    return client


def through(arn: str, **parameters: Any) -> dict[str, Any]:
    """Return the configuration of a transformation by a function."""
    given = {"LambdaArn": arn, "BufferIntervalInSeconds": "0", **parameters}
    listed = [{"ParameterName": key, "ParameterValue": str(value)} for key, value in given.items()]
    return {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": listed}]}


def transforming(aws: Subject, source: str = ANSWERS, **parameters: Any) -> Any:
    """Create a delivery stream with a function; return the client."""
    function = aws.function(source).get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    to = destination(aws, Prefix="ok/", ErrorOutputPrefix="errors/!{firehose:error-output-type}/")
    return deliver(aws, {**to, "ProcessingConfiguration": through(function, **parameters)})


def put(client: Any, *texts: str, name: str = "d") -> None:
    """Send records in one call."""
    client.put_record_batch(DeliveryStreamName=name, Records=[{"Data": text.encode()} for text in texts])


def files(aws: Subject, prefix: str = "") -> dict[str, bytes]:
    """Return what the bucket holds."""
    s3 = aws.client("s3")
    found = s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket="lake", Key=one["Key"])["Body"].read() for one in found}


def failed(aws: Subject, count: int = 1) -> list[dict[str, Any]]:
    """Wait for records in the error files."""

    def lines() -> list[dict[str, Any]]:
        text = b"".join(files(aws, "errors/processing-failed/").values())
        return [json.loads(line) for line in text.splitlines()]

    return list(aws.wait(lambda: len(lines()) >= count and lines()))


def sum_of(aws: Subject, metric: str) -> float:
    """Return the sum of a metric of the delivery stream."""
    return sum(aws.points("AWS/Firehose", metric, DeliveryStreamName="d"))


@promise(DELIVERY, "records are joined to one file as they are, without anything between them")
def test_joined(aws: Subject) -> None:
    client = deliver(aws, destination(aws))
    put(client, "one", "two\n", "three")
    assert list(aws.wait(lambda: files(aws)).values()) == [b"onetwo\nthree"]


@promise(BUFFERS, "records wait until the buffering interval is over")
def test_interval(aws: Subject) -> None:
    client = deliver(aws, destination(aws, BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 150}))
    put(client, "one")
    client.put_record(DeliveryStreamName="d", Record={"Data": b"two"})
    time.sleep(0.3)
    assert not files(aws)
    assert list(aws.wait(lambda: files(aws)).values()) == [b"onetwo"]


@promise(BUFFERS, "a full buffer does not wait for its interval")
def test_size(aws: Subject) -> None:
    client = deliver(aws, destination(aws, BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900}))
    put(client, "x" * 600_000, "y" * 600_000, "z")
    assert [len(body) for body in aws.wait(lambda: files(aws)).values()] == [1_200_000]


@promise(NAMES, "a key is the UTC date and hour, then the stream, its version, the time and a UUID")
def test_default_key(aws: Subject) -> None:
    put(deliver(aws, destination(aws)), "one")
    (key,) = aws.wait(lambda: files(aws))
    found = re.fullmatch(r"(\d{4}/\d\d/\d\d/\d\d)/d-1-(\d{4}-\d\d-\d\d-\d\d)-\d\d-\d\d-[0-9a-f-]{36}", key)
    assert found and found[1].replace("/", "-") == found[2]
    assert abs(datetime.strptime(found[2], "%Y-%m-%d-%H").replace(tzinfo=UTC) - datetime.now(UTC)).days < 1


@promise(PREFIXES, "timestamp expressions are filled with the arrival of the oldest record; quoted text stays")
def test_prefix(aws: Subject) -> None:
    prefix = "in/day=!{timestamp:yyyy-MM-dd}/!{timestamp:HH'h'}/"
    put(deliver(aws, destination(aws, Prefix=prefix, ErrorOutputPrefix="e/!{firehose:error-output-type}/")), "one")
    (key,) = aws.wait(lambda: files(aws))
    assert re.match(r"in/day=\d{4}-\d\d-\d\d/\d\dh/d-1-", key)


@promise(PREFIXES, "a prefix without a timestamp gets the date and the hour")
def test_prefix_without_timestamp(aws: Subject) -> None:
    put(deliver(aws, destination(aws, Prefix="raw-")), "one")
    (key,) = aws.wait(lambda: files(aws))
    assert re.match(r"raw-\d{4}/\d\d/\d\d/\d\d/d-1-", key)


@promise(PREFIXES, "a prefix with expressions needs an error prefix, which alone names the error-output-type")
@pytest.mark.parametrize(
    ("prefix", "error_prefix"),
    [
        ("a/!{timestamp:yyyy}/", ""),
        ("a/!{firehose:error-output-type}/", "e/!{firehose:error-output-type}/"),
        ("a/", "e/!{timestamp:yyyy}/"),
        ("a/!{timestamp:yyyy", "e/!{firehose:error-output-type}/"),
    ],
)
def test_prefix_rules(aws: Subject, prefix: str, error_prefix: str) -> None:
    to = destination(aws, Prefix=prefix, ErrorOutputPrefix=error_prefix)
    with refused("InvalidArgumentException"):
        deliver(aws, to)


@promise(NAMES, "GZIP compresses the file, and its name ends in .gz")
def test_gzip(aws: Subject) -> None:
    put(deliver(aws, destination(aws, CompressionFormat="GZIP")), "one", "two")
    ((key, body),) = aws.wait(lambda: files(aws)).items()
    assert key.endswith(".gz")
    assert gzip.decompress(body) == b"onetwo"


@promise(TRANSFORM, "the function gets its batch: stream, Region, and each record with id, arrival and data in base64")
def test_event(aws: Subject) -> None:
    put(transforming(aws), "Ok", "Ok")
    event = aws.wait(lambda: events(aws))[0]
    records = event.pop("records")
    assert event.pop("invocationId")
    arn = event.pop("deliveryStreamArn")
    assert arn.endswith(":deliverystream/d")
    assert event == {"region": "us-east-1"}
    assert [base64.b64decode(one["data"]) for one in records] == [b"Ok", b"Ok"]
    assert len({one["recordId"] for one in records}) == 2
    assert all(abs(one["approximateArrivalTimestamp"] / 1000 - time.time()) < 3600 for one in records)
    assert set(records[0]) == {"recordId", "approximateArrivalTimestamp", "data"}


@promise(STATUS, "Ok is delivered with its new data, Dropped is left out, ProcessingFailed goes to the error files")
def test_results(aws: Subject) -> None:
    put(transforming(aws), "Ok", "Dropped", "ProcessingFailed")
    (line,) = failed(aws)
    assert list(aws.wait(lambda: files(aws, "ok/")).values()) == [b"Ok"]
    assert base64.b64decode(line["rawData"]) == b"ProcessingFailed"
    assert len(events(aws)) == 1


@promise(FAILURE, "an error file says what was tried, when, why it failed and what the record was")
def test_error_file(aws: Subject) -> None:
    put(transforming(aws), "ProcessingFailed")
    (line,) = failed(aws)
    assert line["attemptsMade"] == 1
    assert line["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert line["errorMessage"] == "ProcessingFailed status set for record"
    assert 0 <= line["attemptEndingTimestamp"] - line["arrivalTimestamp"] < 600_000
    assert line["lambdaARN"].endswith(":function:f")


@promise(STATUS, "a record that the function does not answer failed")
def test_missing(aws: Subject) -> None:
    put(transforming(aws), "Ok", "Missing")
    (line,) = failed(aws)
    assert line["errorCode"] == "Lambda.MissingRecordId"
    assert base64.b64decode(line["rawData"]) == b"Missing"


@promise(FAILURE, "a function that fails is called again, three times by default, and then its batch failed")
@pytest.mark.parametrize(("retries", "calls"), [(None, 4), (1, 2)])
def test_retries(aws: Subject, retries: int | None, calls: int) -> None:
    parameters: Mapping[str, Any] = {} if retries is None else {"NumberOfRetries": retries}
    put(transforming(aws, SAYS + "    raise ValueError('burnt')\n", **parameters), "Ok", "Ok")
    lines = failed(aws, 2)
    got = events(aws)
    assert len(got) == calls and len({event["invocationId"] for event in got}) == calls
    assert {line["attemptsMade"] for line in lines} == {calls}
    assert {line["errorCode"] for line in lines} == {"Lambda.FunctionError"}
    assert not files(aws, "ok/")


def from_kinesis(aws: Subject, to: dict[str, Any]) -> Any:
    """Create a stream with two shards, and a delivery stream that reads it; return the stream's client."""
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=2)
    arn = kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"]
    kinesis.put_record(StreamName="s", Data=b"old", PartitionKey="a")
    source = {"KinesisStreamARN": arn, "RoleARN": to["RoleARN"]}
    deliver(aws, to, DeliveryStreamType="KinesisStreamAsSource", KinesisStreamSourceConfiguration=source)
    return kinesis


@promise(KINESIS, "a data stream is read from LATEST on, all its shards")
def test_kinesis_source(aws: Subject) -> None:
    hints = {"SizeInMBs": 1, "IntervalInSeconds": 150}
    kinesis = from_kinesis(aws, destination(aws, BufferingHints=hints))
    kinesis.put_records(StreamName="s", Records=[{"Data": b"%d\n" % n, "PartitionKey": str(n)} for n in range(10)])
    (body,) = aws.wait(lambda: files(aws)).values()
    assert sorted(map(int, body.split())) == list(range(10))


@promise(KINESIS, "PutRecord and PutRecordBatch are disabled when a data stream is the source")
def test_kinesis_source_disables_put(aws: Subject) -> None:
    from_kinesis(aws, destination(aws))
    with refused("InvalidArgumentException"):
        put(aws.client("firehose"), "one")


@promise(TRANSFORM, "of a data stream the function also gets its ARN, and each record's shard, key and sequence number")
def test_kinesis_event(aws: Subject) -> None:
    function = aws.function(ANSWERS).get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    kinesis = from_kinesis(aws, {**destination(aws), "ProcessingConfiguration": through(function)})
    sent = kinesis.put_record(StreamName="s", Data=b"Ok", PartitionKey="one")
    event = aws.wait(lambda: events(aws))[0]
    assert event["sourceKinesisStreamArn"].endswith(":stream/s")
    (record,) = event["records"]
    metadata = record["kinesisRecordMetadata"]
    assert metadata.pop("approximateArrivalTimestamp") == record["approximateArrivalTimestamp"]
    assert metadata == {
        "sequenceNumber": sent["SequenceNumber"],
        "subsequenceNumber": 0,
        "partitionKey": "one",
        "shardId": sent["ShardId"],
    }


@promise(ACCESS, "Firehose must be able to assume the role")
def test_role_not_assumable(aws: Subject) -> None:
    with refused("InvalidArgumentException", "Firehose is unable to assume role"):
        deliver(aws, destination(aws, role=aws.role("other")))


@promise(DELIVERY, "what cannot be delivered is kept and tried again")
@pytest.mark.cloud(enforce_iam=True)
def test_denied(aws: Subject) -> None:
    client = deliver(aws, destination(aws, role=firehose_role(aws, actions=["s3:GetObject"])))
    put(client, "one")
    aws.wait(lambda: aws.points("AWS/Firehose", "DeliveryToS3.Success", "Minimum", DeliveryStreamName="d") == [0.0])
    assert not files(aws)
    allow(aws, ["s3:PutObject"])
    assert list(aws.wait(lambda: files(aws)).values()) == [b"one"]


@promise(LOGS, "a failed delivery is written to the log stream that the destination names")
@pytest.mark.cloud(enforce_iam=True)
def test_error_log(aws: Subject) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s3")
    options = {"Enabled": True, "LogGroupName": "g", "LogStreamName": "s3"}
    role = firehose_role(aws, actions=["logs:PutLogEvents"])
    put(deliver(aws, destination(aws, role=role, CloudWatchLoggingOptions=options)), "one")
    event = aws.wait(lambda: logs.filter_log_events(logGroupName="g")["events"])[0]
    said = json.loads(event["message"])
    assert (said["errorCode"], said["destination"]) == ("S3.AccessDenied", "arn:aws:s3:::lake")
    assert said["message"].startswith("Access was denied.")


@promise(METRICS, "records and bytes that come in, that were transformed and that were delivered are counted")
def test_metrics(aws: Subject) -> None:
    put(transforming(aws), "Ok", "Ok", "ProcessingFailed")
    failed(aws)
    aws.wait(lambda: sum_of(aws, "DeliveryToS3.Records") == 2)
    found = {name: sum_of(aws, f"{name}.Records") for name in ("SucceedProcessing", "DeliveryToS3")}
    assert found == {"SucceedProcessing": 2, "DeliveryToS3": 2}
    assert (sum_of(aws, "IncomingRecords"), sum_of(aws, "IncomingBytes")) == (3, 20)
    assert (sum_of(aws, "DeliveryToS3.Bytes"), sum_of(aws, "ExecuteProcessing.Success")) == (4, 1)
