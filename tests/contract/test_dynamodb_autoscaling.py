"""What Application Auto Scaling promises about DynamoDB's units."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.subjects import Subject, promise, refused
from tests.contract.tables import item, provisioned, table

SCALING = "Amazon DynamoDB Developer Guide, Managing throughput capacity automatically with DynamoDB auto scaling"
MINUTES = "AWS re:Post, Why isn't DynamoDB auto scaling working as expected"
TABLE = {
    "ServiceNamespace": "dynamodb",
    "ResourceId": "table/tea",
    "ScalableDimension": "dynamodb:table:WriteCapacityUnits",
}
fast = pytest.mark.cloud(speed=240)
"""A minute of AWS's lasts a quarter of a second."""


def track(aws: Subject, least: int, most: int, **config: Any) -> Any:
    """Let the writes of table t follow a target of 70 percent; return the client."""
    scaling = aws.client("application-autoscaling")
    scaling.register_scalable_target(**TABLE, MinCapacity=least, MaxCapacity=most)
    metric = {"PredefinedMetricType": "DynamoDBWriteCapacityUtilization"}
    scaling.put_scaling_policy(
        **TABLE, PolicyName="seventy", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70, "PredefinedMetricSpecification": metric, **config,
        },
    )  # fmt: skip
    return scaling


@contextmanager
def load(dynamodb: Any, units: int) -> Iterator[None]:
    """Write ``units`` a write, twenty times a second of ours (at speed 240: ``units`` / 12 a second of AWS's)."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(0.05):
            try:
                dynamodb.put_item(TableName="tea", Item=item(units * 1024))
            except ClientError:
                continue

    thread = threading.Thread(target=run)
    thread.start()
    yield
    done.set()
    thread.join()


def write_units(dynamodb: Any) -> int:
    """Return what is provisioned."""
    throughput = dynamodb.describe_table(TableName="tea")["Table"]["ProvisionedThroughput"]
    return int(throughput["WriteCapacityUnits"])


@promise(MINUTES, "units go up after two minutes above the target, and down after fifteen below it")
@fast
def test_out_and_in(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(5, 10))
    scaling = track(aws, 5, 100)
    began = time.monotonic()
    with load(dynamodb, 240):
        aws.wait(lambda: write_units(dynamodb) > 10, 10)
        assert (time.monotonic() - began) * aws.speed > 100
        high = write_units(dynamodb)
        assert high < 40
    with load(dynamodb, 12):
        began = time.monotonic()
        aws.wait(lambda: write_units(dynamodb) < high, 15)
        assert (time.monotonic() - began) * aws.speed > 800
    told = scaling.describe_scaling_activities(**TABLE)["ScalingActivities"]
    assert {activity["StatusCode"] for activity in told} == {"Successful"}
    assert [activity["StartTime"] for activity in told] == sorted((a["StartTime"] for a in told), reverse=True)
    assert len(told) >= 2


@promise(SCALING, "the maximum of the scalable target is not exceeded; alarms show what is watched")
@fast
def test_maximum(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(5, 5))
    track(aws, 5, 12)
    alarms = {alarm["AlarmName"]: alarm for alarm in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    (high,) = [alarm for name, alarm in alarms.items() if name.startswith("TargetTracking-table/tea-AlarmHigh-")]
    assert (high["MetricName"], high["Period"], high["EvaluationPeriods"]) == ("ConsumedWriteCapacityUnits", 60, 2)
    assert high["Threshold"] == pytest.approx(0.7 * 5 * 60)
    with load(dynamodb, 240):
        aws.wait(lambda: write_units(dynamodb) > 5, 10)
        time.sleep(1)
        assert write_units(dynamodb) == 12


@promise(SCALING, "a table that consumes nothing is not scaled in")
@pytest.mark.cloud(speed=600)
def test_nothing_consumed(aws: Subject) -> None:
    dynamodb = table(aws, **provisioned(5, 50))
    track(aws, 5, 100)
    time.sleep(min(2, 20 * 60 / aws.speed))
    assert write_units(dynamodb) == 50


def test_what_is_not_built_says_so(aws: Subject) -> None:
    table(aws, **provisioned(5, 5))
    scaling = aws.client("application-autoscaling")
    scaling.register_scalable_target(**TABLE, MinCapacity=5, MaxCapacity=10)
    with refused("NotImplementedException", "not built"):
        scaling.put_scheduled_action(**TABLE, ScheduledActionName="night", Schedule="rate(1 day)")
