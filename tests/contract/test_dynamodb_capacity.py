"""What DynamoDB promises about capacity units."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.contract.subjects import Subject, promise, refused
from tests.contract.tables import consumed, index, item, table

UNITS = "Amazon DynamoDB Developer Guide, DynamoDB read and write operations"
SIZES = "Amazon DynamoDB Developer Guide, DynamoDB item sizes and formats"
INDEXES = "Amazon DynamoDB Developer Guide, Using Global Secondary Indexes in DynamoDB"
LOCAL = "Amazon DynamoDB Developer Guide, Local Secondary Indexes"
TOTAL = {"ReturnConsumedCapacity": "TOTAL"}
KB = 1024


def key(name: str = "1") -> dict[str, Any]:
    """Return the key of an item."""
    return {"id": {"S": name}}


@promise(UNITS, "a write costs a unit for each 1 KB, rounded up")
@pytest.mark.parametrize(("size", "units"), [(100, 1), (KB, 1), (KB + 1, 2), (3 * KB + 500, 4)])
def test_put(aws: Subject, size: int, units: float) -> None:
    dynamodb = table(aws)
    assert consumed(dynamodb.put_item(TableName="tea", Item=item(size), **TOTAL)) == units


@promise(UNITS, "a read costs a unit for each 4 KB, half of that if eventually consistent, double in a transaction")
@pytest.mark.parametrize(("size", "units"), [(100, 1), (4 * KB, 1), (4 * KB + 1, 2), (9 * KB, 3)])
def test_get(aws: Subject, size: int, units: float) -> None:
    dynamodb = table(aws)
    dynamodb.put_item(TableName="tea", Item=item(size))
    assert consumed(dynamodb.get_item(TableName="tea", Key=key(), **TOTAL)) == units / 2
    assert consumed(dynamodb.get_item(TableName="tea", Key=key(), ConsistentRead=True, **TOTAL)) == units
    got = dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": "tea", "Key": key()}}], **TOTAL)
    (told,) = got["ConsumedCapacity"]
    assert (told["TableName"], told["CapacityUnits"], told["ReadCapacityUnits"]) == ("tea", units * 2, units * 2)


@promise(UNITS, "a read of an item that does not exist costs the smallest read")
def test_nothing(aws: Subject) -> None:
    dynamodb = table(aws)
    assert consumed(dynamodb.get_item(TableName="tea", Key=key(), **TOTAL)) == 0.5
    assert consumed(dynamodb.get_item(TableName="tea", Key=key(), ConsistentRead=True, **TOTAL)) == 1


@promise(UNITS, "GetItem costs the whole item, also when a projection returns little of it")
def test_projection(aws: Subject) -> None:
    dynamodb = table(aws)
    dynamodb.put_item(TableName="tea", Item=item(9 * KB))
    got = dynamodb.get_item(TableName="tea", Key=key(), ProjectionExpression="id", **TOTAL)
    assert got["Item"] == key()
    assert consumed(got) == 1.5


@promise(UNITS, "an overwritten, changed or deleted item costs by the larger of its sizes before and after")
def test_larger(aws: Subject) -> None:
    dynamodb = table(aws)
    dynamodb.put_item(TableName="tea", Item=item(5 * KB))
    assert consumed(dynamodb.put_item(TableName="tea", Item=item(100), **TOTAL)) == 5
    change = {"TableName": "tea", "Key": key(), "UpdateExpression": "SET body = :b", **TOTAL}
    grown = dynamodb.update_item(**change, ExpressionAttributeValues={":b": {"S": "x" * 3000}})
    assert consumed(grown) == 3
    shrunk = dynamodb.update_item(**change, ExpressionAttributeValues={":b": {"S": "x"}})
    assert consumed(shrunk) == 3
    dynamodb.put_item(TableName="tea", Item=item(2 * KB))
    assert consumed(dynamodb.delete_item(TableName="tea", Key=key(), **TOTAL)) == 2


@promise(UNITS, "a query is charged the sum of what it read, rounded up once; each item of a batch is rounded up alone")
def test_sum(aws: Subject) -> None:
    dynamodb = table(aws, sort=True)
    for number in range(3):
        dynamodb.put_item(TableName="tea", Item=item(1500, at=str(number)))
    ask = {"KeyConditionExpression": "id = :i", "ExpressionAttributeValues": {":i": {"S": "1"}}}
    assert consumed(dynamodb.query(TableName="tea", **ask, **TOTAL)) == 1
    assert consumed(dynamodb.query(TableName="tea", **ask, ConsistentRead=True, **TOTAL)) == 2
    keys = [{"id": {"S": "1"}, "at": {"S": str(number)}} for number in range(3)]
    (told,) = dynamodb.batch_get_item(RequestItems={"tea": {"Keys": keys}}, **TOTAL)["ConsumedCapacity"]
    assert told["CapacityUnits"] == 1.5


@promise(UNITS, "a scan, and any filter, costs the data read, not the data returned")
def test_filter(aws: Subject) -> None:
    dynamodb = table(aws, sort=True)
    for number in range(10):
        dynamodb.put_item(TableName="tea", Item=item(2 * KB, at=str(number), color="red" if number == 3 else "blue"))
    red: dict[str, Any] = {
        "FilterExpression": "color = :c",
        "ExpressionAttributeValues": {":c": {"S": "red"}},
        "ProjectionExpression": "id",
    }
    found = dynamodb.scan(TableName="tea", **red, **TOTAL)
    assert (found["Count"], found["ScannedCount"], consumed(found)) == (1, 10, 2.5)
    red["ExpressionAttributeValues"][":i"] = {"S": "1"}
    found = dynamodb.query(TableName="tea", KeyConditionExpression="id = :i", **red, **TOTAL)
    assert (found["Count"], found["Items"], consumed(found)) == (1, [key()], 2.5)
    assert consumed(dynamodb.scan(TableName="tea", Select="COUNT", **TOTAL)) == 2.5
    assert consumed(dynamodb.scan(TableName="tea", Limit=2, **TOTAL)) == 0.5


@promise(
    "Amazon DynamoDB Developer Guide, Working with items: conditional writes", "a failed condition costs units, too"
)
def test_failed_condition(aws: Subject) -> None:
    dynamodb = table(aws)
    dynamodb.put_item(TableName="tea", Item=item(3 * KB))
    never = {"ConditionExpression": "attribute_not_exists(id)"}
    with refused("ConditionalCheckFailedException"):
        dynamodb.put_item(TableName="tea", Item=item(10 * KB), **never)
    with refused("ConditionalCheckFailedException"):
        dynamodb.delete_item(TableName="tea", Key=key(), **never)
    with refused("ConditionalCheckFailedException"):
        dynamodb.update_item(TableName="tea", Key=key(), UpdateExpression="REMOVE body", **never)
    assert metric(aws, "ConsumedWriteCapacityUnits", TableName="tea") == 3 + 3 + 3 + 3


@promise(UNITS, "each write of a batch is counted; a transaction costs double")
def test_batch_and_transaction(aws: Subject) -> None:
    dynamodb = table(aws)
    dynamodb.put_item(TableName="tea", Item=item(2 * KB, "old"))
    puts = [{"PutRequest": {"Item": item(size, f"n{size}")}} for size in (500, 1500)]
    requests = [*puts, {"DeleteRequest": {"Key": key("old")}}]
    (told,) = dynamodb.batch_write_item(RequestItems={"tea": requests}, **TOTAL)["ConsumedCapacity"]
    assert told["CapacityUnits"] == 1 + 2 + 2
    parts = [
        {"Put": {"TableName": "tea", "Item": item(1500, "a")}},
        {"ConditionCheck": {"TableName": "tea", "Key": key("n500"), "ConditionExpression": "attribute_exists(id)"}},
        {
            "Update": {
                "TableName": "tea", "Key": key("b"), "UpdateExpression": "SET body = :b",
                "ExpressionAttributeValues": {":b": {"S": "x" * 3000}},
            }
        },
    ]  # fmt: skip
    (told,) = dynamodb.transact_write_items(TransactItems=parts, **TOTAL)["ConsumedCapacity"]
    assert (told["CapacityUnits"], told["WriteCapacityUnits"]) == (4 + 2 + 6, 4 + 2 + 6)
    assert metric(aws, "ConsumedWriteCapacityUnits", TableName="tea") == 2 + 5 + 12


@promise(
    INDEXES, "a global index is written when its keys or projected attributes change; a new key value is two writes"
)
def test_global_index(aws: Subject) -> None:
    by_city = index("by_city", "city", projection="KEYS_ONLY")
    dynamodb = table(aws, GlobalSecondaryIndexes=[by_city])

    def put(**attributes: str) -> tuple[float, float]:
        answer = dynamodb.put_item(TableName="tea", Item=item(2 * KB, **attributes), ReturnConsumedCapacity="INDEXES")
        told = answer["ConsumedCapacity"]
        part = told.get("GlobalSecondaryIndexes", {}).get("by_city", {"CapacityUnits": 0})["CapacityUnits"]
        assert told["CapacityUnits"] == told["Table"]["CapacityUnits"] + part
        return told["Table"]["CapacityUnits"], part

    assert put() == (2, 0)
    assert put(city="Ulm") == (2, 1)
    assert put(city="Ulm", note="not projected") == (2, 0)
    assert put(city="Bonn") == (2, 2)
    assert put() == (2, 1)
    assert metric(aws, "ConsumedWriteCapacityUnits", TableName="tea", GlobalSecondaryIndexName="by_city") == 4
    assert metric(aws, "ConsumedWriteCapacityUnits", TableName="tea") == 10


@promise(INDEXES, "a query of an index costs what the index keeps of the items")
def test_query_index(aws: Subject) -> None:
    both = [index("all", "city"), index("keys", "city", projection="KEYS_ONLY")]
    dynamodb = table(aws, GlobalSecondaryIndexes=both)
    for number in range(4):
        dynamodb.put_item(TableName="tea", Item=item(4 * KB, str(number), city="Ulm"))
    ask = {"KeyConditionExpression": "city = :c", "ExpressionAttributeValues": {":c": {"S": "Ulm"}}}
    for name, units in (("all", 2), ("keys", 0.5)):
        told = dynamodb.query(TableName="tea", IndexName=name, **ask, ReturnConsumedCapacity="INDEXES")[
            "ConsumedCapacity"
        ]
        assert told["Table"]["CapacityUnits"] == 0
        assert told["GlobalSecondaryIndexes"] == {name: {"CapacityUnits": units}}


@promise(LOCAL, "a local index draws on the table's units; it can be read strongly")
def test_local_index(aws: Subject) -> None:
    dynamodb = table(aws, sort=True, LocalSecondaryIndexes=[index("by_city", "id", "city")])
    put = {"Item": item(KB, at="1", city="Ulm"), "ReturnConsumedCapacity": "INDEXES"}
    told = dynamodb.put_item(TableName="tea", **put)["ConsumedCapacity"]
    assert told["LocalSecondaryIndexes"] == {"by_city": {"CapacityUnits": 1}}
    assert told["CapacityUnits"] == 2
    assert metric(aws, "ConsumedWriteCapacityUnits", TableName="tea") == 2
    ask = {"KeyConditionExpression": "id = :i", "ExpressionAttributeValues": {":i": {"S": "1"}}}
    got = dynamodb.query(TableName="tea", IndexName="by_city", ConsistentRead=True, **ask, **TOTAL)
    assert consumed(got) == 1


@promise(SIZES, "an item's size is that of its names and values; lists and maps cost 3 bytes and 1 for each element")
def test_sizes(aws: Subject) -> None:
    dynamodb = table(aws)
    nested = {"id": {"S": "1"}, "m": {"M": {"a": {"L": [{"BOOL": True}, {"NULL": True}, {"N": "1234.5"}]}}}}
    used = 2 + 1 + 1 + 3 + (1 + 1 + 3 + (1 + 1) + (1 + 1) + (1 + 4))
    fill = KB - used - 1
    assert consumed(dynamodb.put_item(TableName="tea", Item={**nested, "f": {"S": "x" * fill}}, **TOTAL)) == 1
    assert consumed(dynamodb.put_item(TableName="tea", Item={**nested, "f": {"S": "x" * (fill + 1)}}, **TOTAL)) == 2
    assert consumed(dynamodb.put_item(TableName="tea", Item={**nested, "f": {"S": "ß" * (KB // 2)}}, **TOTAL)) == 2
    assert consumed(dynamodb.put_item(TableName="tea", Item={**nested, "f": {"B": b"x" * fill}}, **TOTAL)) == 2


@promise("Amazon DynamoDB API Reference, GetItem", "units are told only when they are asked for, always counted")
def test_not_asked(aws: Subject) -> None:
    dynamodb = table(aws)
    change = {"UpdateExpression": "SET a = :a", "ExpressionAttributeValues": {":a": {"S": "x"}}}
    answers = [
        dynamodb.put_item(TableName="tea", Item=item(100)),
        dynamodb.update_item(TableName="tea", Key=key(), **change),
        dynamodb.batch_write_item(RequestItems={"tea": [{"PutRequest": {"Item": item(100, "2")}}]}),
        dynamodb.batch_get_item(RequestItems={"tea": {"Keys": [key()]}}),
        dynamodb.delete_item(TableName="tea", Key=key()),
    ]
    assert [answer.get("ConsumedCapacity") for answer in answers] == [None] * 5
    assert metric(aws, "ConsumedWriteCapacityUnits", TableName="tea") == 4
    assert metric(aws, "ConsumedReadCapacityUnits", TableName="tea") == 0.5


def metric(aws: Subject, name: str, **dimensions: str) -> float:
    """Return the sum of a metric of DynamoDB over a time that the cloud's fast clock does not leave."""
    return sum(aws.points("AWS/DynamoDB", name, ahead=timedelta(hours=6), **dimensions))
