"""What stands and for how long, by a clock that the tests turn; and what requests cost beyond themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from helpers import cloud
from helpers.dataplane.record import Use
from helpers.teaching.bill import bill
from tests.contract.apis_v2 import WebSocketApi, told
from tests.contract.rest_api import Api
from tests.contract.subjects import RETURN_THE_EVENT, Course, Subject
from tests.contract.tables import index, item, provisioned, table

HOUR = 3600.0
Turn = Callable[[float], None]


@pytest.fixture
def aws() -> Iterator[Subject]:
    subject = Course().empty(speed=1)
    yield subject
    subject.close()


@pytest.fixture
def turn(aws: Subject) -> Turn:
    """Return what lets AWS's hours pass."""
    clock: Any = cloud.current()._own("turn the clock").context.clock

    def later(hours: float) -> None:
        clock._started -= hours * HOUR

    return later


def held(hours: float | None = None) -> dict[str, float]:
    """Return unit-hours by the names of the things; without ``hours`` the seconds that a test takes are in them."""
    found = {use: amount for use, amount in (cloud.current().record.held(hours) or {}).items() if use.service != "logs"}
    return {f"{use.what} {use.detail}".strip(): amount for use, amount in found.items()}


def about(amounts: dict[str, float]) -> Any:
    """Return what equals these unit-hours and those of some seconds more."""
    return pytest.approx(amounts, rel=0.02)


def priced(hours: float | None = 730, **more: Any) -> dict[str, float]:
    """Return what each line of the bill costs in USD."""
    record = cloud.current().record
    made = bill(record.used(), record.held(hours), hours=hours, **more)
    return {part.name: round(float(part.usd), 4) for _, part in made.lines}


def test_capacity_is_paid_for_as_long_as_it_was_so_much(aws: Subject, turn: Turn) -> None:
    by_at = index("by-at", "at", **provisioned(2, 3))
    dynamodb = table(aws, GlobalSecondaryIndexes=[by_at], **provisioned(10, 5))
    turn(2)
    wanted = {"ReadCapacityUnits": 10, "WriteCapacityUnits": 20}
    dynamodb.update_table(TableName="tea", ProvisionedThroughput=wanted)
    turn(1)
    assert held() == about({"read capacity": 36, "write capacity": 10 + 20 + 3 * 3})
    assert held(730) == {"read capacity": 12 * 730, "write capacity": 23 * 730}
    dynamodb.delete_table(TableName="tea")
    turn(5)
    assert held() == about({"read capacity": 36, "write capacity": 39})
    assert held(730) == {}


def test_capacity_has_a_free_part(aws: Subject) -> None:
    table(aws, **provisioned(30, 25))
    assert priced() == {"write capacity": 11.8625, "read capacity": 2.847}
    assert priced(free_tier=True) == {"write capacity": 0, "read capacity": 0.4745}


def test_provisioned_concurrency_is_paid_in_steps_of_five_minutes(aws: Subject, turn: Turn) -> None:
    client = aws.function(RETURN_THE_EVENT, Publish=True, MemorySize=1024)
    wanted = {"FunctionName": "f", "Qualifier": "1"}
    client.put_provisioned_concurrency_config(**wanted, ProvisionedConcurrentExecutions=2)
    aws.wait(lambda: client.get_provisioned_concurrency_config(**wanted)["Status"] == "READY", 20)
    client.invoke(FunctionName="f", Qualifier="1")
    turn(0.1)
    client.delete_provisioned_concurrency_config(**wanted)
    turn(1)
    assert held() == about({"provisioned concurrency 1024 MB x86_64": 2 * 10 / 60})
    found = priced(None, duration_ms=100)
    assert found["provisioned concurrency, x86_64"] == round(2 * 600 * 0.0000041667, 4)
    assert "duration, x86_64, provisioned" in found and "duration, x86_64" not in found


def test_what_is_paid_by_the_month(aws: Subject, turn: Turn) -> None:
    cloudwatch, secrets, kms = aws.client("cloudwatch"), aws.client("secretsmanager"), aws.client("kms")
    watched = {"Namespace": "shop", "MetricName": "sold", "Statistic": "Sum", "EvaluationPeriods": 1}
    compared = {"Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    cloudwatch.put_metric_alarm(AlarmName="slow", Period=60, **watched, **compared)
    cloudwatch.put_metric_alarm(AlarmName="quick", Period=10, **watched, **compared)
    for name in ("sold", "returned", "sold"):
        cloudwatch.put_metric_data(Namespace="shop", MetricData=[{"MetricName": name, "Value": 1}])
    secrets.create_secret(Name="kept", SecretString="x")
    gone = secrets.create_secret(Name="gone", SecretString="x")["ARN"]
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    found = priced()
    assert (found["alarms"], found["alarms, high resolution"], found["custom metrics"]) == (0.1, 0.3, 0.6)
    assert (found["secrets kept"], found["keys kept"]) == (0.8, 1)
    turn(73)
    secrets.delete_secret(SecretId=gone)
    kms.schedule_key_deletion(KeyId=key)
    cloudwatch.delete_alarms(AlarmNames=["slow", "quick"])
    turn(73)
    found = priced(None)
    assert (found["secrets kept"], found["keys kept"], found["alarms"]) == (round(0.4 * 0.3, 4), 0.1, 0.01)


def test_caches_streams_and_nodes(aws: Subject, turn: Turn) -> None:
    api = Api(aws)
    api.mock("/x")
    api.deploy()
    patch = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in
             (("cacheClusterEnabled", "true"), ("cacheClusterSize", "0.5"))]  # fmt: skip
    aws.client("apigateway").update_stage(restApiId=api.id, stageName="prod", patchOperations=patch)
    kinesis, dax = aws.client("kinesis"), aws.client("dax")
    kinesis.create_stream(StreamName="s", ShardCount=3)
    kinesis.create_stream(StreamName="o", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.put_record(StreamName="s", Data=b"x" * 26_000, PartitionKey="1")
    kinesis.put_record(StreamName="o", Data=b"x" * 2000, PartitionKey="1")
    dax.create_cluster(ClusterName="menu", NodeType="dax.t3.small", ReplicationFactor=2, IamRoleArn=aws.role())
    turn(1.5)
    dax.delete_cluster(ClusterName="menu")
    assert held() == about({"caches 0.5": 1.5, "shards": 4.5, "streams on demand": 1.5, "nodes dax.t3.small": 4})
    assert {name: cost for name, cost in priced().items() if cost > 0.01} == {
        "cache of 0.5 GB": 14.6, "shards": 32.85, "streams on demand": 29.2,
    }  # fmt: skip
    used = cloud.current().record.used()
    assert (used[Use("kinesis", "put units")], used[Use("kinesis", "bytes in")]) == (2, 2048)


def test_stored_data_are_measured_each_hour(aws: Subject, turn: Turn) -> None:
    s3, dynamodb = aws.client("s3"), table(aws, GlobalSecondaryIndexes=[index("by-at", "at", projection="KEYS_ONLY")])
    s3.create_bucket(Bucket="shelf")
    s3.put_object(Bucket="shelf", Key="k", Body=b"x" * 1000)
    dynamodb.put_item(TableName="tea", Item=item(400, at="now"))
    turn(10)
    s3.delete_object(Bucket="shelf", Key="k")
    turn(10)
    stored = {use.service: amount for use, amount in (cloud.current().record.held() or {}).items()}
    assert stored["s3"] == pytest.approx(10_000, rel=0.01)
    entry = len("id") + len("1") + len("at") + len("now")
    assert stored["dynamodb"] == pytest.approx(20 * (400 + 100 + entry + 100), rel=0.01)
    now = cloud.current().record.held(730)
    assert now == {Use("dynamodb", "stored bytes"): 730.0 * (600 + entry)}


def test_users_count_once(aws: Subject) -> None:
    cognito = aws.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="p")["UserPool"]["Id"]
    for name in ("ana", "ben"):
        cognito.admin_create_user(UserPoolId=pool, Username=name)
        cognito.admin_get_user(UserPoolId=pool, Username=name)
    assert priced(times=1000) == {"active users, Essentials": 0.03}
    assert priced(free_tier=True) == {"active users, Essentials": 0}


def test_connections_count_by_the_minute(aws: Subject, turn: Turn) -> None:
    api = WebSocketApi(aws, two_way=["who"])
    with api.open() as client:
        told(client, '{"action": "who"}')
        turn(0.05)
    aws.wait(lambda: held(730) == {})
    assert priced(None)["open connections"] == 0 and held()["open connections"] == pytest.approx(0.05, rel=0.3)
    assert bill(cloud.current().record.used()).unpriced[-1][1:] == (
        "connection minutes",
        "counted with hours=None only",
    )


def test_an_idle_queue_is_asked_and_each_batch_too(aws: Subject) -> None:
    url, arn = aws.queue()
    client = aws.function(RETURN_THE_EVENT)
    client.create_event_source_mapping(EventSourceArn=arn, FunctionName="f")
    assert held(730) == {"polls of an idle queue": 262_800}
    before = cloud.current().record.used()
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="x")

    def polled() -> bool:
        used = cloud.current().record.used()
        return used.get(Use("sqs", "more requests"), 0) - before.get(Use("sqs", "more requests"), 0) == 2

    aws.wait(polled, 10)


def test_large_messages_count_more_than_once(aws: Subject) -> None:
    sqs, sns, events = aws.client("sqs"), aws.client("sns"), aws.client("events")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    large = "x" * 100_000
    sqs.send_message(QueueUrl=url, MessageBody=large)
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(n), "MessageBody": "x" * 60_000} for n in range(2)])
    sqs.receive_message(QueueUrl=url)
    sns.publish(TopicArn=sns.create_topic(Name="tea")["TopicArn"], Message=large)
    events.put_events(Entries=[{"Source": "shop", "DetailType": "sold", "Detail": json.dumps({"x": large})}])
    used = cloud.current().record.used()
    assert (used[Use("sqs", "more requests")], used[Use("sns", "more requests")]) == (3, 1)
    assert used[Use("events", "custom events")] == 2


def test_what_leaves_aws_and_what_does_not(aws: Subject) -> None:
    s3, api = aws.client("s3"), Api(aws)
    s3.create_bucket(Bucket="shelf")
    s3.put_object(Bucket="shelf", Key="k", Body=b"x" * 1000)
    s3.get_object(Bucket="shelf", Key="k")
    source = "import boto3\ndef handler(event, context): boto3.client('s3').get_object(Bucket='shelf', Key='k')"
    aws.function(source).invoke(FunctionName="f")
    api.mock("/x", body="y" * 500)
    api.deploy()
    api.ask("/x")
    assert cloud.current().record.used()[Use("transfer", "bytes")] == 1500
