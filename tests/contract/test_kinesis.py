"""What Kinesis Data Streams promises about the limits of a shard."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.subjects import Subject, promise, refused

LIMITS = "Amazon Kinesis Data Streams Developer Guide, Quotas and limits"
API = "Amazon Kinesis Data Streams API Reference, PutRecords"
METRICS = "Amazon Kinesis Data Streams Developer Guide, Monitoring with Amazon CloudWatch"
CODE = "ProvisionedThroughputExceededException"
slow = pytest.mark.cloud(speed=1)


def stream(aws: Subject, shards: int = 1) -> Any:
    """Create a stream; return the client."""
    client = aws.client("kinesis")
    client.create_stream(StreamName="s", ShardCount=shards)
    return client


def put(client: Any, count: int, key: str = "one", size: int = 10) -> list[str]:
    """Put records in one call; return the error codes of those that were refused."""
    records = [{"Data": b"x" * size, "PartitionKey": key} for _ in range(count)]
    answer = client.put_records(StreamName="s", Records=records)
    codes = [one["ErrorCode"] for one in answer["Records"] if "ErrorCode" in one]
    assert len(answer["Records"]) == count
    assert answer["FailedRecordCount"] == len(codes)
    return codes


@promise(LIMITS, "a shard takes 1,000 records a second; PutRecords takes what fits and names each other record")
@slow
def test_records(aws: Subject) -> None:
    client = stream(aws)
    codes = [code for _ in range(8) for code in put(client, 500)]
    assert 0 < len(codes) <= 3000
    assert set(codes) == {CODE}
    iterator = client.get_shard_iterator(
        StreamName="s", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    assert len(client.get_records(ShardIterator=iterator)["Records"]) == 4000 - len(codes)


@promise(LIMITS, "a shard takes 1 MB a second, and another shard its own")
@slow
def test_bytes(aws: Subject) -> None:
    client = stream(aws, shards=2)
    sent = {"StreamName": "s", "Data": b"x" * 1_000_000, "PartitionKey": "one"}
    client.put_record(**sent, ExplicitHashKey="0")
    with refused(CODE, "Rate exceeded for shard shardId-000000000000 in stream s under account "):
        for _ in range(8):  # a second shall not pass between two of them
            client.put_record(**sent, ExplicitHashKey="0")
    client.put_record(**sent, ExplicitHashKey=str(3 * 2**126))


@promise(LIMITS, "a second later the shard takes records again")
@pytest.mark.cloud(speed=60)
def test_later(aws: Subject) -> None:
    client = stream(aws)
    put(client, 1, size=1_000_000)
    aws.wait(lambda: put(client, 1, size=1_000_000) == [])


@promise(METRICS, "records that were refused are counted for their stream")
@slow
def test_metric(aws: Subject) -> None:
    client = stream(aws)
    count = len(put(client, 3, size=500_000))
    points = aws.points("AWS/Kinesis", "WriteProvisionedThroughputExceeded", StreamName="s")
    assert (count, points) == (1, [1.0])
