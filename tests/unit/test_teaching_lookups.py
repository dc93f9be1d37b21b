"""What checks look up: None only for what is not there, and all that was counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.teaching.lookups import found, metric_sum


@pytest.fixture
def running() -> Iterator[None]:
    cloud.start()
    yield
    cloud.stop()


def test_what_is_not_there_is_none(running: None) -> None:
    table = {
        "TableName": "teas",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "name", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "name", "AttributeType": "S"}],
    }
    dynamodb = boto3.client("dynamodb")
    assert found(dynamodb.describe_table, TableName="teas") is None

    dynamodb.create_table(**table)
    told = found(dynamodb.describe_table, TableName="teas")
    assert told is not None and told["Table"]["TableName"] == "teas"


def test_any_other_error_is_raised(running: None) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        found(boto3.client("lambda").get_function_configuration, FunctionName="no name " * 40)


def test_all_points_of_one_metric_are_added_up(running: None) -> None:
    now = datetime.now(UTC)
    data = [
        {"MetricName": "Sold", "Value": value, "Timestamp": now + ahead, "Dimensions": [{"Name": "Tea", "Value": tea}]}
        for value, ahead, tea in (
            (2, timedelta(), "assam"),
            (3, timedelta(hours=-5), "assam"),
            (4, timedelta(days=20), "assam"),
            (50, timedelta(), "sencha"),
        )
    ]
    boto3.client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=data)

    assert metric_sum("Shop", "Sold", Tea="assam") == 9
    assert metric_sum("Shop", "Lost", Tea="assam") == 0
