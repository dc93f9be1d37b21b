"""What DynamoDB promises about global tables, version 2019.11.21, with eventual consistency."""

from __future__ import annotations

import time
from typing import Any

import pytest

from helpers import cloud
from tests.contract.subjects import THIS_COURSE, Subject, promise, refused
from tests.contract.tables import table
from tests.contract.test_dynamodb_streams import told
from tests.contract.test_dynamodb_ttl import SETTING, item

WORK = "Amazon DynamoDB Developer Guide, How DynamoDB global tables work"
UPDATE = "Amazon DynamoDB API Reference, UpdateTable"
MARKED = "Amazon DynamoDB Developer Guide, DynamoDB Streams and Time to Live"
HOME, AWAY = "us-east-1", "eu-west-1"


def replicas(aws: Subject, region: str = HOME) -> dict[str, str]:
    """Return the status of the other replicas, as a Region tells it."""
    described = aws.client("dynamodb", region).describe_table(TableName="tea")["Table"]
    return {each["RegionName"]: each["ReplicaStatus"] for each in described.get("Replicas", [])}


def spread(aws: Subject, *regions: str) -> tuple[Any, Any]:
    """Create a table with replicas; return the clients of the first two Regions."""
    home = table(aws)
    home.put_item(TableName="tea", Item=item("first", None))
    add(aws, *(regions or (AWAY,)))
    return home, aws.client("dynamodb", AWAY)


def add(aws: Subject, *regions: str) -> None:
    """Add replicas and wait for them."""
    for region in regions:
        aws.client("dynamodb").update_table(TableName="tea", ReplicaUpdates=[{"Create": {"RegionName": region}}])
    aws.wait(lambda: replicas(aws) == dict.fromkeys(regions, "ACTIVE"))


def points(client: Any, name: str = "1") -> str | None:
    """Return what a Region has for an item."""
    found = client.get_item(TableName="tea", Key={"id": {"S": name}}, ConsistentRead=True).get("Item")
    return str(found["points"]["N"]) if found else None


def score(client: Any, value: int, name: str = "1") -> None:
    """Write an item in a Region."""
    client.put_item(TableName="tea", Item={"id": {"S": name}, "points": {"N": str(value)}})


@promise(UPDATE, "a replica is added with its Region, is created and then active, and each side names the other")
def test_create(aws: Subject) -> None:
    home = table(aws)
    told = home.update_table(TableName="tea", ReplicaUpdates=[{"Create": {"RegionName": AWAY}}])["TableDescription"]
    assert told["Replicas"] == [{"RegionName": AWAY, "ReplicaStatus": "CREATING"}]
    aws.wait(lambda: replicas(aws) == {AWAY: "ACTIVE"})
    assert replicas(aws, AWAY) == {HOME: "ACTIVE"}
    arn = aws.client("dynamodb", AWAY).describe_table(TableName="tea")["Table"]["TableArn"]
    assert arn.startswith(f"arn:aws:dynamodb:{AWAY}:")


@promise(WORK, "a new replica has the items that existed before")
def test_existing_items(aws: Subject) -> None:
    _, away = spread(aws)
    assert away.get_item(TableName="tea", Key={"id": {"S": "first"}})["Item"] == {"id": {"S": "first"}}


@promise(WORK, "a write in any Region reaches the others a little later; updates and deletes do, too")
def test_both_ways(aws: Subject) -> None:
    home, away = spread(aws)
    score(home, 1)
    aws.wait(lambda: points(away) == "1")
    change = {"UpdateExpression": "SET points = :p", "ExpressionAttributeValues": {":p": {"N": "2"}}}
    away.update_item(TableName="tea", Key={"id": {"S": "1"}}, **change)
    aws.wait(lambda: points(home) == "2")
    home.delete_item(TableName="tea", Key={"id": {"S": "1"}})
    aws.wait(lambda: points(away) is None)


@pytest.mark.cloud(speed=2)
@promise(WORK, "a strongly consistent read of another Region may miss a write: replication takes up to about a second")
def test_lag(aws: Subject) -> None:
    home, away = spread(aws)
    score(home, 1)
    assert points(away) is None
    aws.wait(lambda: points(away) == "1")


@promise(WORK, "streams are switched on for each replica, show replicated changes once, and cannot be switched off")
def test_streams(aws: Subject) -> None:
    home, away = spread(aws)
    score(home, 1)
    aws.wait(lambda: points(away) == "1")
    time.sleep(0.2)
    for region in (HOME, AWAY):
        described = aws.client("dynamodb", region).describe_table(TableName="tea")["Table"]
        assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        assert [each["dynamodb"]["Keys"]["id"]["S"] for each in told(aws, region)].count("1") == 1
    with refused("ValidationException"):
        away.update_table(TableName="tea", StreamSpecification={"StreamEnabled": False})


@pytest.mark.cloud(speed=2)
@promise(WORK, "of two writes to one item in two Regions at once, the later one wins everywhere")
@pytest.mark.parametrize("last", [0, 1])
def test_last_writer_wins(aws: Subject, last: int) -> None:
    regions = spread(aws)
    score(regions[1 - last], 1)
    score(regions[last], 2)
    aws.wait(lambda: [points(each) for each in regions] == ["2", "2"])
    time.sleep(0.8)
    assert [points(each) for each in regions] == ["2", "2"]


@promise(WORK, "a condition is checked against the item in the Region of the write")
@pytest.mark.cloud(speed=2)
def test_condition(aws: Subject) -> None:
    home, away = spread(aws)
    score(home, 1)
    new = {"TableName": "tea", "Item": {"id": {"S": "1"}, "points": {"N": "9"}}}
    away.put_item(**new, ConditionExpression="attribute_not_exists(id)")
    aws.wait(lambda: points(home) == "9")


@promise(WORK, "changes are replicated once they are committed: a cancelled transaction changes no Region")
def test_transaction(aws: Subject) -> None:
    home, away = spread(aws)
    put = {"TableName": "tea", "Item": {"id": {"S": "1"}, "points": {"N": "1"}}}
    wrong = {"TableName": "tea", "Key": {"id": {"S": "none"}}, "ConditionExpression": "attribute_exists(id)"}
    with refused("TransactionCanceledException"):
        home.transact_write_items(TransactItems=[{"Put": put}, {"ConditionCheck": wrong}])
    home.transact_write_items(TransactItems=[{"Put": {"TableName": "tea", "Item": item("2", None)}}])
    aws.wait(lambda: away.get_item(TableName="tea", Key={"id": {"S": "2"}}).get("Item"))
    assert points(away) is None


@promise(WORK, "the setting of Time to Live is shared; what expires goes from all replicas")
def test_time_to_live(aws: Subject) -> None:
    home, away = spread(aws)
    home.update_time_to_live(TableName="tea", TimeToLiveSpecification=SETTING)
    assert away.describe_time_to_live(TableName="tea")["TimeToLiveDescription"]["AttributeName"] == "expires"
    away.put_item(TableName="tea", Item=item("old", time.time() - 10))
    for client in (home, away):
        aws.wait(lambda client=client: client.scan(TableName="tea")["Items"] == [item("first", None)])


@promise(MARKED, "only the Region in which Time to Live deleted an item says so in its stream")
def test_time_to_live_record(aws: Subject) -> None:
    home, _ = spread(aws)
    home.update_time_to_live(TableName="tea", TimeToLiveSpecification=SETTING)
    home.put_item(TableName="tea", Item=item("old", time.time() - 10))

    def removed(region: str) -> list[Any]:
        return [each.get("userIdentity") for each in told(aws, region) if each["eventName"] == "REMOVE"]

    marks = aws.wait(lambda: removed(HOME) and removed(AWAY) and [*removed(HOME), *removed(AWAY)])
    assert sorted(mark is None for mark in marks) == [False, True]


@promise(UPDATE, "a replica can be taken away: its table goes, the others stay and are written alone")
def test_delete(aws: Subject) -> None:
    home, away = spread(aws)
    home.update_table(TableName="tea", ReplicaUpdates=[{"Delete": {"RegionName": AWAY}}])
    aws.wait(lambda: not replicas(aws))
    with refused("ResourceNotFoundException"):
        away.describe_table(TableName="tea")
    score(home, 1)
    assert points(home) == "1"


@pytest.mark.skipif(not THIS_COURSE, reason="a tool of this cloud cuts the Region off")
@promise(WORK, "a Region that was cut off gets what it missed, and sends what it wrote")
def test_isolated(aws: Subject) -> None:
    home, away = spread(aws, AWAY, "ap-northeast-1")
    third = aws.client("dynamodb", "ap-northeast-1")
    cloud.current().pause_replication(AWAY)
    score(home, 1)
    score(away, 2, "2")
    aws.wait(lambda: points(third) == "1")
    time.sleep(0.2)
    assert (points(away), points(home, "2"), points(third, "2")) == (None, None, None)
    cloud.current().resume_replication(AWAY)
    aws.wait(lambda: points(away) == "1" and points(home, "2") == points(third, "2") == "2")


@pytest.mark.skipif(not THIS_COURSE, reason="what this course has not built, it says")
@pytest.mark.parametrize(
    "asked",
    [
        {"MultiRegionConsistency": "STRONG", "ReplicaUpdates": [{"Create": {"RegionName": "us-east-2"}}]},
        {"ReplicaUpdates": [{"Create": {"RegionName": "us-east-2", "KMSMasterKeyId": "k"}}]},
        {"BillingMode": "PROVISIONED", "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
    ],
)
def test_not_built(aws: Subject, asked: dict[str, Any]) -> None:
    home, _ = spread(aws)
    with refused("NotImplementedException", "not built", 501):
        home.update_table(TableName="tea", **asked)


@pytest.mark.skipif(not THIS_COURSE, reason="the words are this course's")
def test_refused(aws: Subject) -> None:
    home, _ = spread(aws)
    for change, words in [
        ({"Create": {"RegionName": AWAY}}, "already"),
        ({"Create": {"RegionName": "moon-1"}}, "no Region"),
        ({"Delete": {"RegionName": "us-east-2"}}, "no replica"),
    ]:
        with refused("ValidationException", words):
            home.update_table(TableName="tea", ReplicaUpdates=[change])
