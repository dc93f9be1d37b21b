"""Tables and items for the tests of DynamoDB."""

from __future__ import annotations

from typing import Any

from tests.contract.subjects import Subject

ON_DEMAND: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}


def provisioned(read: int, write: int) -> dict[str, Any]:
    """Return the settings of a table with these units a second."""
    return {"ProvisionedThroughput": {"ReadCapacityUnits": read, "WriteCapacityUnits": write}}


def table(aws: Subject, name: str = "tea", sort: bool = False, **settings: Any) -> Any:
    """Create a table with the key ``id`` and perhaps the sort key ``at``; return the client."""
    keys = [("id", "HASH"), *([("at", "RANGE")] if sort else [])]
    attributes = {"id", *(["at"] if sort else [])} | {
        key["AttributeName"]
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        for one in settings.get(kind, [])
        for key in one["KeySchema"]
    }
    dynamodb = aws.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in sorted(attributes)],
        **(settings if "BillingMode" in settings or "ProvisionedThroughput" in settings else {**ON_DEMAND, **settings}),
    )
    return dynamodb


def index(name: str, *keys: str, projection: str = "ALL", **settings: Any) -> dict[str, Any]:
    """Return the description of an index with a partition key and perhaps a sort key."""
    schema = [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
    return {"IndexName": name, "KeySchema": schema, "Projection": {"ProjectionType": projection}, **settings}


def item(size: int, name: str = "1", **attributes: str) -> dict[str, Any]:
    """Return an item of ``size`` bytes: the attributes ``id``, ``body`` and those that are given, all texts."""
    texts = {"id": name, **attributes}
    filled = sum(len(key) + len(value) for key, value in texts.items()) + len("body")
    return {key: {"S": value} for key, value in {**texts, "body": "x" * (size - filled)}.items()}


def consumed(answer: dict[str, Any]) -> float:
    """Return the capacity units that an answer tells."""
    return float(answer["ConsumedCapacity"]["CapacityUnits"])
