"""What Lambda promises about SQS queues as event sources."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest

from tests.contract.event_sources import (
    FAILS,
    FAILS_ON_BAD,
    SAYS,
    bodies,
    connect,
    events,
    left,
    queue,
    records,
    redrive,
    send,
)
from tests.contract.subjects import Subject, promise

SQS = "Lambda Developer Guide, Using Lambda with Amazon SQS"
BATCHES = "Lambda Developer Guide, Configuring the batching behavior of an SQS event source"
FAILURES = "Lambda Developer Guide, Handling errors for an SQS event source in Lambda"
SCALING = "Lambda Developer Guide, Configuring scaling behavior for SQS event source mappings"
FILTERS = "Lambda Developer Guide, Using event filtering with an Amazon SQS event source"
DEAD_LETTERS = "Amazon SQS Developer Guide, Using dead-letter queues in Amazon SQS"
VISIBILITY = "Amazon SQS Developer Guide, Amazon SQS visibility timeout"
REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


@promise(SQS, "the function gets the messages of a batch in Records, with their ids, attributes and checksums")
def test_event(aws: Subject) -> None:
    aws.function(SAYS)
    url, arn = queue(aws)
    connect(aws, arn)
    attributes = {
        "colour": {"DataType": "String", "StringValue": "red"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    sent = aws.client("sqs").send_message(QueueUrl=url, MessageBody="héllo", MessageAttributes=attributes)
    record = aws.wait(lambda: records(aws))[0]
    assert record.pop("receiptHandle")
    stamps = record.pop("attributes")
    assert set(stamps) == {
        "ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp",
    }  # fmt: skip
    assert stamps["ApproximateReceiveCount"] == "1"
    assert int(stamps["SentTimestamp"]) <= int(stamps["ApproximateFirstReceiveTimestamp"])
    empty: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "messageId": sent["MessageId"],
        "body": "héllo",
        "messageAttributes": {
            "colour": {"stringValue": "red", **empty, "dataType": "String"},
            "raw": {"binaryValue": "AAE=", **empty, "dataType": "Binary"},
        },
        "md5OfBody": hashlib.md5("héllo".encode()).hexdigest(),
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": "us-east-1",
    }


@promise(SQS, "Lambda deletes the messages of a batch when the function has processed it")
def test_success_deletes(aws: Subject) -> None:
    aws.function(SAYS)
    url, arn = queue(aws)
    connect(aws, arn)
    send(aws, url, ["a", "b", "c"])
    aws.wait(lambda: left(aws, url) == 0)
    assert bodies(aws) == ["a", "b", "c"]


@promise(BATCHES, "a batch has at most BatchSize messages, ten by default")
@pytest.mark.parametrize(("size", "largest"), [(None, 10), (4, 4)])
def test_batch_size(aws: Subject, size: int | None, largest: int) -> None:
    aws.function(SAYS)
    url, arn = queue(aws)
    send(aws, url, [str(number) for number in range(24)])
    connect(aws, arn, **({"BatchSize": size} if size else {}))
    aws.wait(lambda: left(aws, url) == 0)
    assert max(len(event["Records"]) for event in events(aws)) == largest
    assert sorted(bodies(aws), key=int) == [str(number) for number in range(24)]


@promise(
    BATCHES, "with a batching window Lambda gathers up to BatchSize messages, also more than ten, before it invokes"
)
def test_batch_window(aws: Subject) -> None:
    aws.function(SAYS)
    url, arn = queue(aws, VisibilityTimeout=900)
    connect(aws, arn, BatchSize=100, MaximumBatchingWindowInSeconds=240)
    for number in range(25):
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=str(number))
    assert events(aws) == [], "the window is still open"
    aws.wait(lambda: left(aws, url) == 0, 10)
    assert [len(event["Records"]) for event in events(aws)] == [25]


@promise(BATCHES, "a full batch does not wait for the end of its window")
@pytest.mark.cloud(speed=1)
def test_full_batch_goes_at_once(aws: Subject) -> None:
    aws.function(SAYS)
    url, arn = queue(aws)
    connect(aws, arn, BatchSize=3, MaximumBatchingWindowInSeconds=300)
    send(aws, url, ["a", "b", "c"])
    aws.wait(lambda: left(aws, url) == 0)


@promise(BATCHES, "Lambda invokes before the batch is larger than the payload limit of 6 MB")
def test_six_megabytes(aws: Subject) -> None:
    aws.function("def handler(event, context): print('got', len(event['Records']))")
    url, arn = queue(aws, VisibilityTimeout=600)
    for _ in range(30):
        aws.client("sqs").send_message(QueueUrl=url, MessageBody="x" * 250_000)
    connect(aws, arn, BatchSize=1000, MaximumBatchingWindowInSeconds=20)
    aws.wait(lambda: left(aws, url) == 0, 15)
    sizes = [int(line.split()[1]) for line in aws.logged() if line.startswith("got ")]
    assert sum(sizes) == 30
    assert 20 <= max(sizes) <= 25


@promise(FAILURES, "when the function fails, the whole batch is back after the visibility timeout, received once more")
def test_failure_returns_the_batch(aws: Subject) -> None:
    aws.function(SAYS + "    if event['Records'][0]['attributes']['ApproximateReceiveCount'] == '1': raise ValueError")
    url, arn = queue(aws, VisibilityTimeout=30)
    connect(aws, arn)
    send(aws, url, ["a", "b"])
    aws.wait(lambda: left(aws, url) == 0)
    counts = [(record["body"], record["attributes"]["ApproximateReceiveCount"]) for record in records(aws)]
    assert counts == [("a", "1"), ("b", "1"), ("a", "2"), ("b", "2")]
    first, second = (int(event["Records"][0]["attributes"]["SentTimestamp"]) for event in events(aws))
    assert first == second


@promise(DEAD_LETTERS, "a message received maxReceiveCount times goes to the dead-letter queue")
def test_redrive(aws: Subject) -> None:
    aws.function(FAILS)
    (dead, dead_arn) = queue(aws, "dead")
    url, arn = queue(aws, VisibilityTimeout=5, RedrivePolicy=redrive(dead_arn, 3))
    connect(aws, arn)
    send(aws, url, ["poison"])
    assert aws.message(dead)["Body"] == "poison"
    assert len(events(aws)) == 3
    assert left(aws, url) == 0


@promise(FAILURES, "with ReportBatchItemFailures only the reported messages come back")
def test_partial_failure(aws: Subject) -> None:
    aws.function(
        SAYS
        + "    again = [r for r in event['Records'] if r['body'] == 'bad']\n"
        + "    return {'batchItemFailures': [{'itemIdentifier': r['messageId']} for r in again]}"
    )
    (dead, dead_arn) = queue(aws, "dead")
    url, arn = queue(aws, VisibilityTimeout=60, RedrivePolicy=redrive(dead_arn, 2))
    connect(aws, arn, **REPORTS)
    send(aws, url, ["good", "bad", "fine"])
    assert aws.message(dead)["Body"] == "bad"
    assert [[record["body"] for record in event["Records"]] for event in events(aws)] == [
        ["good", "bad", "fine"],
        ["bad"],
    ]


@promise(FAILURES, "an empty or null answer or list of failures is a complete success")
@pytest.mark.parametrize("answer", [{}, None, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_success_answers(aws: Subject, answer: Any) -> None:
    aws.function(SAYS + f"    return {answer!r}")
    url, arn = queue(aws)
    connect(aws, arn, **REPORTS)
    send(aws, url, ["a", "b"])
    aws.wait(lambda: left(aws, url) == 0)
    assert bodies(aws) == ["a", "b"]


@promise(FAILURES, "an answer that cannot be read, an empty, null or unknown identifier fails the whole batch")
@pytest.mark.parametrize(
    "answer",
    [
        "done",
        {"batchItemFailures": "all"},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"messageId": "wrong key"}]},
    ],
)
def test_failure_answers(aws: Subject, answer: Any) -> None:
    aws.function(SAYS + f"    return {answer!r}")
    (dead, dead_arn) = queue(aws, "dead")
    url, arn = queue(aws, VisibilityTimeout=3, RedrivePolicy=redrive(dead_arn, 1))
    connect(aws, arn, **REPORTS)
    send(aws, url, ["a", "b"])
    aws.wait(lambda: left(aws, dead) == 2)


@promise(SCALING, "a throttled batch stays in the queue and is tried again; nothing is lost")
def test_throttled(aws: Subject) -> None:
    client = aws.function(SAYS)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    url, arn = queue(aws)
    connect(aws, arn)
    send(aws, url, ["a", "b"])
    aws.wait(lambda: aws.metric("Throttles") >= 1)
    assert left(aws, url) == 2
    client.delete_function_concurrency(FunctionName="f")
    aws.wait(lambda: left(aws, url) == 0)
    assert sorted(bodies(aws)) == ["a", "b"]


@promise(SCALING, "MaximumConcurrency limits how many batches of a queue are processed at once")
def test_maximum_concurrency(aws: Subject) -> None:
    source = "import time\ndef handler(event, context):\n    print('begin', time.time())\n    time.sleep(0.2)\n"
    aws.function(source + "    print('end', time.time())")
    url, arn = queue(aws)
    send(aws, url, [str(number) for number in range(10)])
    connect(aws, arn, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    aws.wait(lambda: left(aws, url) == 0, 10)
    marks = sorted((float(line.split()[1]), line[0]) for line in aws.logged() if line[:4] in ("begi", "end "))
    running, most = 0, 0
    for _, kind in marks:
        running += 1 if kind == "b" else -1
        most = max(most, running)
    assert most == 2


@promise(SQS, "messages of a FIFO queue are processed in order in each group, groups at the same time")
def test_fifo(aws: Subject) -> None:
    aws.function(SAYS + "    time.sleep(0.02)")
    url, arn = queue(aws, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sent = [(f"{group}{number}", group) for number in range(12) for group in "abc"]
    for text, group in sent:
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=text, MessageGroupId=group)
    connect(aws, arn, BatchSize=2)
    aws.wait(lambda: left(aws, url) == 0)
    got = records(aws)
    assert {"MessageGroupId", "MessageDeduplicationId", "SequenceNumber"} <= set(got[0]["attributes"])
    numbers = {record["body"]: int(record["attributes"]["SequenceNumber"]) for record in got}
    assert sorted(numbers, key=lambda text: numbers[text]) == [text for text, _ in sent]
    for group in "abc":
        in_group = [record["body"] for record in got if record["attributes"]["MessageGroupId"] == group]
        assert in_group == [f"{group}{number}" for number in range(12)]


@promise(SQS, "a failing message of a FIFO queue holds its own group up, not the others")
def test_fifo_failure(aws: Subject) -> None:
    aws.function(FAILS_ON_BAD)
    (dead, dead_arn) = queue(aws, "dead.fifo", FifoQueue="true")
    url, arn = queue(
        aws, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true", VisibilityTimeout=10,
        RedrivePolicy=redrive(dead_arn, 3),
    )  # fmt: skip
    connect(aws, arn, BatchSize=1)
    for text, group in (("bad", "a"), ("a2", "a"), ("b1", "b"), ("b2", "b")):
        aws.client("sqs").send_message(QueueUrl=url, MessageBody=text, MessageGroupId=group)
    aws.wait(lambda: left(aws, url) == 0)
    got = bodies(aws)
    assert got.index("a2") > max(place for place, text in enumerate(got) if text == "bad") > got.index("b2")
    assert left(aws, dead) == 1


@promise(FILTERS, "messages that miss the filter criteria are deleted, the function never sees them")
def test_filter(aws: Subject) -> None:
    aws.function(SAYS)
    url, arn = queue(aws)
    pattern = {"body": {"kind": ["order"], "total": [{"numeric": [">", 10]}]}}
    connect(aws, arn, FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    given = [{"kind": "order", "total": 5}, {"kind": "order", "total": 50}, {"kind": "cart", "total": 50}]
    send(aws, url, ["plain text", *map(json.dumps, given)])
    aws.wait(lambda: left(aws, url) == 0)
    assert [json.loads(body) for body in bodies(aws)] == [{"kind": "order", "total": 50}]


@promise(
    VISIBILITY, "a received message is invisible for the visibility timeout; a delayed one until its delay is over"
)
@pytest.mark.cloud(speed=6)
def test_times_of_a_queue(aws: Subject) -> None:
    sqs, (url, _) = aws.client("sqs"), queue(aws, VisibilityTimeout=30)
    send(aws, url, ["a"])

    def receive(seconds: int) -> list[Any]:
        return list(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=seconds).get("Messages", []))

    assert receive(0)
    began = time.monotonic()
    assert receive(10) == [], "still invisible"
    (again,) = receive(20) or receive(20)
    assert 25 <= (time.monotonic() - began) * aws.speed <= 50
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    send(aws, url, ["b"], DelaySeconds=30)
    began = time.monotonic()
    assert receive(10) == []
    assert (receive(20) or receive(20))[0]["Body"] == "b"
    assert 28 <= (time.monotonic() - began) * aws.speed <= 50


@promise(SQS, "several mappings and functions on several queues do not disturb each other")
def test_several(aws: Subject) -> None:
    urls = {}
    for name in ("one", "two"):
        aws.function(SAYS, name=name)
        urls[name], arn = queue(aws, name)
        connect(aws, arn, name)
    for name, url in urls.items():
        send(aws, url, [f"{name} {number}" for number in range(15)])
    aws.wait(lambda: not any(left(aws, url) for url in urls.values()))
    for name in urls:
        assert sorted(bodies(aws, name)) == sorted(f"{name} {number}" for number in range(15))
