"""What DynamoDB promises about requests beyond the capacity, and about its limits."""

from __future__ import annotations

import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.contract.subjects import THIS_COURSE, Subject, promise, refused
from tests.contract.tables import index, item, provisioned, table
from tests.contract.test_dynamodb_capacity import key, metric

BURST = "Amazon DynamoDB Developer Guide, Burst and adaptive capacity"
REASONS = "Amazon DynamoDB API Reference, ThrottlingReason"
MAXIMUM = "Amazon DynamoDB Developer Guide, DynamoDB maximum throughput for on-demand tables"
HOT = "Amazon DynamoDB Developer Guide, Best practices for designing and using partition keys effectively"
QUOTAS = "Amazon DynamoDB Developer Guide, Quotas in Amazon DynamoDB"
PACE = {"speed": 1}
KB = 1024
slow = pytest.mark.cloud(**PACE)


def spend(dynamodb: Any, name: str = "tea", most: int = 40, **given: Any) -> tuple[int, dict[str, Any]]:
    """Put items of 50 KB until one is throttled; return how many went through, and the error."""
    for number in range(most):
        try:
            dynamodb.put_item(TableName=name, Item=item(50 * KB, str(number), **given))
        except ClientError as error:
            return number, error.response
    pytest.fail(f"none of {most} writes was throttled")


@promise(BURST, "up to 300 seconds of units can be spent at once; then requests are refused, and later pass again")
@slow
def test_burst(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(1, 1))
    passed, error = spend(dynamodb)
    assert passed == 6
    assert error["Error"]["Code"] == "ProvisionedThroughputExceededException"
    assert error["Error"]["Message"].startswith("The level of configured provisioned throughput for the table was exc")
    time.sleep(1.1)
    dynamodb.put_item(TableName="tea", Item=item(100, "later"))


@promise(REASONS, "a throttled request says which resource, which operation and which limit")
@slow
def test_reasons(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(1, 1))
    _, error = spend(dynamodb)
    arn = dynamodb.describe_table(TableName="tea")["Table"]["TableArn"]
    assert error["ThrottlingReasons"] == [{"reason": "TableWriteProvisionedThroughputExceeded", "resource": arn}]
    assert metric(aws, "WriteThrottleEvents", TableName="tea") == 1
    assert metric(aws, "ThrottledRequests", TableName="tea", Operation="PutItem") == 1
    assert metric(aws, "ConsumedWriteCapacityUnits", TableName="tea") == 300


@promise(BURST, "reads and writes are limited apart; a throttled write changes nothing")
@slow
def test_apart(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(1, 1))
    passed, _ = spend(dynamodb)
    with refused("ProvisionedThroughputExceededException"):
        dynamodb.update_item(
            TableName="tea",
            Key=key("0"),
            UpdateExpression="SET body = :b",
            ExpressionAttributeValues={":b": {"S": "new"}},
        )
    with refused("ProvisionedThroughputExceededException"):
        dynamodb.delete_item(TableName="tea", Key=key("0"))
    assert dynamodb.get_item(TableName="tea", Key=key("0"))["Item"]["body"]["S"].startswith("xxx")
    assert dynamodb.scan(TableName="tea", Select="COUNT")["Count"] == passed


@promise(REASONS, "reads are throttled by what they read")
@slow
def test_reads(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(1, 10))
    for number in range(20):
        dynamodb.put_item(TableName="tea", Item=item(40 * KB, str(number)))
    with refused("ProvisionedThroughputExceededException") as said:
        for _ in range(4):
            dynamodb.scan(TableName="tea")
    assert said["ThrottlingReasons"][0]["reason"] == "TableReadProvisionedThroughputExceeded"
    assert metric(aws, "ConsumedReadCapacityUnits", TableName="tea") == 300


@promise(
    "Amazon DynamoDB Developer Guide, Using Global Secondary Indexes in DynamoDB",
    "an index with too few units throttles the writes of its table",
)
@slow
def test_index(aws: Subject) -> None:
    by_city = index("by_city", "city", **provisioned(1, 1))
    dynamodb = table(aws, GlobalSecondaryIndexes=[by_city], **provisioned(1, 100))
    passed, error = spend(dynamodb, city="Ulm")
    assert passed == 6
    assert error["ThrottlingReasons"][0]["reason"] == "IndexWriteProvisionedThroughputExceeded"
    assert error["ThrottlingReasons"][0]["resource"].endswith(":table/tea/index/by_city")
    dynamodb.put_item(TableName="tea", Item=item(50 * KB, "not indexed"))


@promise("Amazon DynamoDB API Reference, BatchWriteItem", "a batch hands back what was throttled, and fails if all was")
@slow
def test_batch(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(1, 1))
    puts = [{"PutRequest": {"Item": item(50 * KB, str(number))}} for number in range(8)]
    left = dynamodb.batch_write_item(RequestItems={"tea": puts})["UnprocessedItems"]
    assert left == {"tea": puts[6:]}
    with refused("ProvisionedThroughputExceededException"):
        dynamodb.batch_write_item(RequestItems=left)


@promise("Amazon DynamoDB API Reference, BatchGetItem", "a batch of reads hands back the keys that were throttled")
@slow
def test_batch_get(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(1, 20))
    keys = [key(str(number)) for number in range(8)]
    for number in range(8):
        dynamodb.put_item(TableName="tea", Item=item(200 * KB, str(number)))
    got = dynamodb.batch_get_item(RequestItems={"tea": {"Keys": keys, "ConsistentRead": True}})
    assert len(got["Responses"]["tea"]) == 6
    assert got["UnprocessedKeys"] == {"tea": {"Keys": keys[6:], "ConsistentRead": True}}


@promise("Amazon DynamoDB API Reference, TransactWriteItems", "a transaction without the units is cancelled as a whole")
@slow
def test_transaction(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(1, 1))
    parts = [{"Put": {"TableName": "tea", "Item": item(100 * KB, name)}} for name in ("a", "b")]
    with refused("TransactionCanceledException") as said:
        dynamodb.transact_write_items(TransactItems=parts)
    assert [reason["Code"] for reason in said["CancellationReasons"]] == ["None", "ProvisionedThroughputExceeded"]
    assert dynamodb.scan(TableName="tea")["Count"] == 0
    dynamodb.put_item(TableName="tea", Item=item(250 * KB))


@promise(HOT, "one partition key gets at most 1,000 write units a second, however many the table has")
@slow
def test_hot_key(aws: Subject) -> None:
    dynamodb = table(aws, sort=True, **provisioned(1, 10_000))
    with refused("ProvisionedThroughputExceededException") as said:
        for number in range(50):
            dynamodb.put_item(TableName="tea", Item=item(200 * KB, "hot", at=str(number)))
    assert said["ThrottlingReasons"][0]["reason"] == "TableWriteKeyRangeThroughputExceeded"
    for number in range(10):
        dynamodb.put_item(TableName="tea", Item=item(200 * KB, f"key {number}", at="1"))


@promise(MAXIMUM, "an on-demand table may have a maximum, and is throttled above it")
@slow
def test_maximum(aws: Subject) -> None:
    dynamodb = table(aws, BillingMode="PAY_PER_REQUEST", OnDemandThroughput={"MaxWriteRequestUnits": 100})
    told = dynamodb.describe_table(TableName="tea")["Table"]["OnDemandThroughput"]
    assert told["MaxWriteRequestUnits"] == 100
    passed, error = spend(dynamodb)
    assert passed < 40
    reasons = error.get("ThrottlingReasons") or error["throttlingReasons"]
    assert reasons[0]["reason"] == "TableWriteMaxOnDemandThroughputExceeded"
    dynamodb.update_table(TableName="tea", OnDemandThroughput={"MaxWriteRequestUnits": -1})
    for number in range(10):
        dynamodb.put_item(TableName="tea", Item=item(50 * KB, str(number)))


@promise("Amazon DynamoDB API Reference, UpdateTable", "more units, or another mode, end the throttling")
@slow
def test_more_units(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(1, 1))
    spend(dynamodb)
    dynamodb.update_table(TableName="tea", **provisioned(1, 500))
    time.sleep(0.3)
    dynamodb.put_item(TableName="tea", Item=item(50 * KB))
    dynamodb.update_table(TableName="tea", BillingMode="PAY_PER_REQUEST")
    for number in range(20):
        dynamodb.put_item(TableName="tea", Item=item(50 * KB, str(number)))


@promise("Amazon DynamoDB Developer Guide, Error handling with DynamoDB", "the SDK tries a throttled request again")
@pytest.mark.cloud(speed=60)
def test_retries(aws: Subject) -> None:
    table(aws, **provisioned(1, 1))
    credentials = aws.client("dynamodb")._request_signer._credentials
    patient = boto3.client(
        "dynamodb", endpoint_url=aws.endpoint, region_name="us-east-1", aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key, config=Config(retries={"mode": "legacy"}),
    )  # fmt: skip
    tries = [
        patient.put_item(TableName="tea", Item=item(50 * KB, str(number)))["ResponseMetadata"]["RetryAttempts"]
        for number in range(8)
    ]
    assert tries[:6] == [0] * 6
    assert max(tries) >= 1


@promise(QUOTAS, "an item has at most 400 KB, names included; one that is too large changes nothing")
def test_item_size(aws: Subject) -> None:
    dynamodb = table(aws)
    dynamodb.put_item(TableName="tea", Item=item(400 * KB))
    with refused("ValidationException", "Item size has exceeded the maximum allowed size", 400):
        dynamodb.put_item(TableName="tea", Item=item(400 * KB + 1))
    grow = {"UpdateExpression": "SET a = :a, more = :m", "ExpressionAttributeValues": {":a": {"S": "x"}}}
    grow["ExpressionAttributeValues"][":m"] = {"S": "x" * 400 * KB}  # type: ignore[index]
    for name in ("1", "2"):
        with refused("ValidationException", "Item size to update has exceeded the maximum allowed size", 400):
            dynamodb.update_item(TableName="tea", Key=key(name), **grow)
    left = dynamodb.scan(TableName="tea")["Items"]
    assert [sorted(each) for each in left] == [["body", "id"]]


@promise(QUOTAS, "a query or scan returns at most 1 MB a page")
def test_page(aws: Subject) -> None:
    dynamodb = table(aws, sort=True)
    for number in range(12):
        dynamodb.put_item(TableName="tea", Item=item(100 * KB, at=f"{number:02}"))
    ask = {"KeyConditionExpression": "id = :i", "ExpressionAttributeValues": {":i": {"S": "1"}}}
    for page in (dynamodb.scan(TableName="tea"), dynamodb.query(TableName="tea", **ask)):
        assert page["Count"] == 10
        assert page["LastEvaluatedKey"] == {"id": {"S": "1"}, "at": {"S": "09"}}
    pages = dynamodb.get_paginator("query").paginate(TableName="tea", **ask)
    assert sum(page["Count"] for page in pages) == 12


@promise(QUOTAS, "a batch has at most 100 reads or 25 writes, a transaction 100 parts and 4 MB")
def test_counts(aws: Subject) -> None:
    dynamodb = table(aws)
    table(aws, "urn")
    puts = [{"PutRequest": {"Item": item(100, str(number))}} for number in range(26)]
    with refused("ValidationException"):
        dynamodb.batch_write_item(RequestItems={"tea": puts})
    with refused("ValidationException", "Too many items requested for the BatchWriteItem call"):
        dynamodb.batch_write_item(RequestItems={"tea": puts[:13], "urn": puts[:13]})
    with refused("ValidationException"):
        dynamodb.batch_get_item(RequestItems={"tea": {"Keys": [key(str(number)) for number in range(101)]}})
    gets = [{"Get": {"TableName": "tea", "Key": key(str(number))}} for number in range(101)]
    with refused("ValidationException"):
        dynamodb.transact_get_items(TransactItems=gets)
    parts = [{"Put": {"TableName": "tea", "Item": item(100, str(number))}} for number in range(101)]
    with refused("ValidationException"):
        dynamodb.transact_write_items(TransactItems=parts)
    large = [{"Put": {"TableName": "tea", "Item": item(390 * KB, str(number))}} for number in range(11)]
    with refused("ValidationException", "4 MB" if THIS_COURSE else ""):
        dynamodb.transact_write_items(TransactItems=large)
    dynamodb.transact_write_items(TransactItems=large[:10])
    with refused("ValidationException", "4 MB" if THIS_COURSE else ""):
        dynamodb.put_item(TableName="tea", Item=item(390 * KB, "10"))
        dynamodb.transact_get_items(TransactItems=gets[:11])


@promise("Amazon DynamoDB Developer Guide, Naming rules", "a table's name has 3 to 255 characters")
@pytest.mark.parametrize("name", ["tt", "t" * 256])
def test_names(aws: Subject, name: str) -> None:
    with refused("ValidationException", "TableName must be at least 3 characters long and at most 255 characters long"):
        table(aws, name)
    table(aws, "t" * 255)
