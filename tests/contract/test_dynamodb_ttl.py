"""What DynamoDB promises about Time to Live."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.event_sources import SAYS, connect, records
from tests.contract.subjects import Subject, promise
from tests.contract.tables import consumed
from tests.contract.test_dynamodb_streams import streamed, told

pytestmark = pytest.mark.cloud(speed=40)
TTL = "Amazon DynamoDB Developer Guide, Using time to live (TTL) in DynamoDB"
EXPIRED = "Amazon DynamoDB Developer Guide, Working with expired items and time to live (TTL)"
MARKED = "Amazon DynamoDB Developer Guide, DynamoDB Streams and Time to Live"
SETTING = {"AttributeName": "expires", "Enabled": True}


def item(name: str, expires: float | None, kind: str = "N") -> dict[str, Any]:
    """Return an item, perhaps one that expires."""
    return {"id": {"S": name}, **({} if expires is None else {"expires": {kind: str(int(expires))}})}


def left(dynamodb: Any) -> set[str]:
    """Return the ids of the items that are there."""
    return {each["id"]["S"] for each in dynamodb.scan(TableName="tea")["Items"]}


def expiring(aws: Subject) -> Any:
    """Create a table with Time to Live, an item that has expired, and one that has not."""
    dynamodb = streamed(aws)
    dynamodb.update_time_to_live(TableName="tea", TimeToLiveSpecification=SETTING)
    dynamodb.put_item(TableName="tea", Item=item("old", time.time() - 10))
    dynamodb.put_item(TableName="tea", Item=item("new", time.time() + 10**6))
    return dynamodb


@promise(TTL, "the table remembers which attribute says when its items expire")
def test_setting(aws: Subject) -> None:
    dynamodb = expiring(aws)
    told = dynamodb.describe_time_to_live(TableName="tea")["TimeToLiveDescription"]
    assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}


@promise(EXPIRED, "an expired item can be read and written until the background process deletes it")
def test_readable(aws: Subject) -> None:
    dynamodb = expiring(aws)
    assert dynamodb.get_item(TableName="tea", Key={"id": {"S": "old"}})["Item"]["id"] == {"S": "old"}
    dynamodb.put_item(TableName="tea", Item=item("old", None))
    dynamodb.put_item(TableName="tea", Item=item("older", time.time() - 10))
    aws.wait(lambda: left(dynamodb) == {"old", "new"})


@promise(TTL, "a background process deletes expired items, without consuming write units; other values never expire")
def test_deleted(aws: Subject) -> None:
    dynamodb = expiring(aws)
    dynamodb.put_item(TableName="tea", Item=item("text", time.time() - 10, "S"))
    dynamodb.put_item(TableName="tea", Item=item("never", None))
    total = consumed(dynamodb.put_item(TableName="tea", Item=item("last", None), ReturnConsumedCapacity="TOTAL"))
    aws.wait(lambda: left(dynamodb) == {"new", "text", "never", "last"})
    written = aws.points("AWS/DynamoDB", "ConsumedWriteCapacityUnits", ahead=timedelta(days=11), TableName="tea")
    assert (total, sum(written)) == (1, 5)


@promise(
    MARKED, "the record of what Time to Live deleted names the service as the one who did it; no other record does"
)
def test_identity(aws: Subject) -> None:
    dynamodb = expiring(aws)
    dynamodb.delete_item(TableName="tea", Key={"id": {"S": "new"}})
    aws.wait(lambda: not left(dynamodb))
    removed = {each["dynamodb"]["Keys"]["id"]["S"]: each for each in told(aws) if each["eventName"] == "REMOVE"}
    assert removed["old"]["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    assert "userIdentity" not in removed["new"]


@promise(MARKED, "a function can be called for what Time to Live deleted alone, by a filter on userIdentity")
def test_function(aws: Subject) -> None:
    dynamodb = expiring(aws)
    aws.function(SAYS)
    filters = [{"Pattern": '{"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}'}]
    arn = dynamodb.describe_table(TableName="tea")["Table"]["LatestStreamArn"]
    connect(aws, arn, StartingPosition="TRIM_HORIZON", FilterCriteria={"Filters": filters})
    (record,) = aws.wait(lambda: records(aws))
    assert record["dynamodb"]["OldImage"]["id"] == {"S": "old"}
