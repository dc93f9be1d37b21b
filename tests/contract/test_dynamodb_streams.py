"""What DynamoDB promises about its streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.event_sources import SAYS, connect, records
from tests.contract.subjects import Subject, promise, refused
from tests.contract.tables import table

STREAMS = "Amazon DynamoDB Developer Guide, Change data capture for DynamoDB Streams"
RECORD = "Amazon DynamoDB API Reference, StreamRecord"
KEY = {"id": {"S": "1"}}


def streamed(aws: Subject, view: str = "NEW_AND_OLD_IMAGES") -> Any:
    """Create the table ``t`` with a stream; return the client."""
    return table(aws, StreamSpecification={"StreamEnabled": True, "StreamViewType": view})


def told(aws: Subject, region: str = "us-east-1") -> list[dict[str, Any]]:
    """Return all records of the stream of the table ``t``, from its beginning."""
    arn = aws.client("dynamodb", region).describe_table(TableName="tea")["Table"]["LatestStreamArn"]
    streams = aws.client("dynamodbstreams", region)
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    asked = {"StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
    return list(streams.get_records(ShardIterator=streams.get_shard_iterator(**asked)["ShardIterator"])["Records"])


def changes(dynamodb: Any) -> None:
    """Insert, modify and remove an item."""
    dynamodb.put_item(TableName="tea", Item={**KEY, "points": {"N": "1"}})
    update(dynamodb, 2)
    dynamodb.delete_item(TableName="tea", Key=KEY)


def update(dynamodb: Any, points: int) -> None:
    """Write the points of the item with UpdateItem."""
    values = {":p": {"N": str(points)}}
    dynamodb.update_item(TableName="tea", Key=KEY, UpdateExpression="SET points = :p", ExpressionAttributeValues=values)


@promise(RECORD, "the view type decides which images a record of an insert, a change and a removal holds")
@pytest.mark.parametrize(
    ("view", "old", "new"),
    [("KEYS_ONLY", "", ""), ("NEW_IMAGE", "", "12-"), ("OLD_IMAGE", "-12", ""), ("NEW_AND_OLD_IMAGES", "-12", "12-")],
)
def test_view_types(aws: Subject, view: str, old: str, new: str) -> None:
    changes(streamed(aws, view))
    found = [record["dynamodb"] for record in told(aws)]

    def points(image: str) -> str:
        return "".join(change[image]["points"]["N"] if image in change else "-" for change in found).strip("-")

    assert [record["eventName"] for record in told(aws)] == ["INSERT", "MODIFY", "REMOVE"]
    assert [change["Keys"] for change in found] == [KEY] * 3
    assert (points("OldImage"), points("NewImage")) == (old.strip("-"), new.strip("-"))
    assert [("OldImage" in each, "NewImage" in each) for each in found] == [
        (bool(old), bool(new)) if number == 1 else (bool(old) and number == 2, bool(new) and number == 0)
        for number in range(3)
    ]


@promise(STREAMS, "each change appears exactly once, also that of an UpdateItem which makes the item")
def test_update_inserts(aws: Subject) -> None:
    update(streamed(aws), 7)
    (record,) = told(aws)
    assert record["eventName"] == "INSERT"
    assert record["dynamodb"]["NewImage"] == {**KEY, "points": {"N": "7"}}


@promise(STREAMS, "a transaction that is cancelled is not in the stream, and the changes after it are")
def test_cancelled_transaction(aws: Subject) -> None:
    dynamodb = streamed(aws)
    aws.function(SAYS)
    connect(aws, dynamodb.describe_table(TableName="tea")["Table"]["LatestStreamArn"], StartingPosition="TRIM_HORIZON")
    put = {"TableName": "tea", "Item": {"id": {"S": "2"}}}
    missing = {"TableName": "tea", "Key": KEY, "ConditionExpression": "attribute_exists(id)"}
    with refused("TransactionCanceledException"):
        dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": missing}])
    dynamodb.put_item(TableName="tea", Item=KEY)
    got = aws.wait(lambda: records(aws))
    assert [record["dynamodb"]["Keys"] for record in got] == [KEY] == [each["dynamodb"]["Keys"] for each in told(aws)]


@promise(STREAMS, "the records of an item are in the order of its changes, also when many write at once")
def test_order(aws: Subject) -> None:
    dynamodb = streamed(aws)
    for points in range(20):
        update(dynamodb, points)
    images = [json.dumps(record["dynamodb"]["NewImage"]["points"]) for record in told(aws)]
    assert images == [json.dumps({"N": str(points)}) for points in range(20)]
