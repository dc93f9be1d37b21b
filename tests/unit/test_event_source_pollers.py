"""Pollers beside everything else: the record, stopping, CloudFormation, sources that go away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.dynamodb.models.table import StreamShard
from moto.sqs import models
from moto.sqs.models import Queue

from helpers import cloud
from helpers.dataplane.awslambda.event_sources.sqs import SqsPoller
from helpers.teaching import package
from tests.wire import TRUST

REPLACED: list[tuple[Any, str]] = [
    (models, "unix_time_millis"), (Queue, "add_message"), (StreamShard, "add"),
]  # fmt: skip


@pytest.fixture
def running() -> Iterator[cloud.Cloud]:
    """A cloud with a function ``f`` and a queue ``q``."""
    started = cloud.start(speed=60)
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    source = "import time\ndef handler(event, context): time.sleep('slow' in str(event) and 9)"
    boto3.client("lambda").create_function(
        FunctionName="f", Runtime="python3.13", Handler="app.handler", Role=role, Timeout=10,
        Code={"ZipFile": package({"app.py": source})},
    )  # fmt: skip
    boto3.client("sqs").create_queue(QueueName="q")
    yield started
    cloud.stop()


def url(name: str = "q") -> str:
    """Return the URL of a queue."""
    return str(boto3.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def arn_of(name: str = "q") -> str:
    """Return the ARN of a queue."""
    return f"arn:aws:sqs:us-east-1:123456789012:{name}"


def wait(condition: Callable[[], Any], seconds: float = 20) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.02)


def ran(running: cloud.Cloud) -> list[Any]:
    """Return the invocations in the record."""
    return running.record.since(kinds=["invocation"])


def test_the_record_has_batches_not_polls(running: cloud.Cloud) -> None:
    boto3.client("lambda").create_event_source_mapping(FunctionName="f", EventSourceArn=arn_of())
    mark = running.record.mark()
    entries = [{"Id": str(number), "MessageBody": "x"} for number in range(3)]
    boto3.client("sqs").send_message_batch(QueueUrl=url(), Entries=entries)
    wait(lambda: ran(running))
    time.sleep(1)
    seen = [(entry.kind, entry.source, entry.target, entry.action) for entry in running.record.since(mark)]
    assert seen == [
        ("call", "you", "sqs", "GetQueueUrl"),
        ("call", "you", "sqs", "SendMessageBatch"),
        ("event", "sqs", "function f", "3 records"),
        ("invocation", "sqs", "function f", "cold"),
    ]


def test_stop_is_quick_and_complete(running: cloud.Cloud) -> None:
    before = [vars(owner)[name] for owner, name in REPLACED]
    client, table = boto3.client("lambda"), boto3.client("dynamodb").create_table(
        TableName="tea", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )["TableDescription"]  # fmt: skip
    client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn_of())
    client.create_event_source_mapping(
        FunctionName="f", EventSourceArn=table["LatestStreamArn"], StartingPosition="LATEST"
    )
    boto3.client("sqs").send_message(QueueUrl=url(), MessageBody="slow")
    wait(lambda: [entry for entry in threading.enumerate() if entry.name.startswith("poller-")])
    began = time.monotonic()
    cloud.stop()
    assert time.monotonic() - began < 4
    wait(lambda: not [t for t in threading.enumerate() if t.name.startswith(("poller-", "event-source-mapping"))], 4)
    after = [vars(owner)[name] for owner, name in REPLACED]
    assert all(one is not other for one, other in zip(before, after, strict=True))
    assert all(getattr(method, "__module__", "").startswith("moto.") for method in after)


def test_a_mapping_made_by_cloudformation_polls_and_ends_with_its_stack(running: cloud.Cloud) -> None:
    properties = {"FunctionName": "f", "EventSourceArn": arn_of(), "BatchSize": 5}
    template = {"Resources": {"Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties}}}
    stacks, client = boto3.client("cloudformation"), boto3.client("lambda")
    stacks.create_stack(StackName="s", TemplateBody=json.dumps(template))
    (mapping,) = client.list_event_source_mappings()["EventSourceMappings"]
    assert (mapping["BatchSize"], mapping["State"]) == (5, "Enabled")
    boto3.client("sqs").send_message(QueueUrl=url(), MessageBody="x")
    wait(lambda: ran(running))
    stacks.delete_stack(StackName="s")
    assert client.list_event_source_mappings()["EventSourceMappings"] == []


def test_a_queue_that_was_deleted_may_come_back(running: cloud.Cloud) -> None:
    sqs = boto3.client("sqs")
    boto3.client("lambda").create_event_source_mapping(FunctionName="f", EventSourceArn=arn_of())
    sqs.delete_queue(QueueUrl=url())
    time.sleep(0.3)
    sqs.create_queue(QueueName="q")
    sqs.send_message(QueueUrl=url(), MessageBody="x")
    wait(lambda: ran(running))


def test_a_duplicate_is_dropped_for_five_minutes(running: cloud.Cloud) -> None:
    clock, sqs = running._backend.context.clock, boto3.client("sqs")
    fifo = sqs.create_queue(
        QueueName="q.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )["QueueUrl"]  # fmt: skip

    def arrives() -> bool:
        sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g")
        messages = sqs.receive_message(QueueUrl=fifo).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
        return bool(messages)

    assert (arrives(), arrives()) == (True, False)
    clock._started -= 301 / clock.speed
    assert arrives()


def test_what_is_not_built_says_so(running: cloud.Cloud) -> None:
    client = boto3.client("lambda")
    with pytest.raises(Exception, match=r"NotImplementedException.*an event source of kafka is not built"):
        client.create_event_source_mapping(FunctionName="f", EventSourceArn="arn:aws:kafka:us-east-1:123456789012:c")
    with pytest.raises(Exception, match="ProvisionedPollerConfig is not built in this local cloud"):
        client.create_event_source_mapping(
            FunctionName="f", EventSourceArn=arn_of(), ProvisionedPollerConfig={"MinimumPollers": 2}
        )


def slowed(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Let a step of the poller of queues take half a second, as it does when the machine is busy."""
    own = getattr(SqsPoller, step)

    def slow(poller: SqsPoller, what: Any, *more: Any) -> Any:
        time.sleep(0.5 if what else 0)
        return own(poller, what, *more)

    monkeypatch.setattr(SqsPoller, step, slow)


@pytest.mark.parametrize("step", ["_deliver", "_delete"])
def test_a_slow_machine_brings_no_message_twice(
    running: cloud.Cloud, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """A visibility timeout of 12 s is a fifth of a second here: shorter than it takes this poller to go on."""
    slowed(monkeypatch, step)
    boto3.client("sqs").set_queue_attributes(QueueUrl=url(), Attributes={"VisibilityTimeout": "12"})
    boto3.client("lambda").create_event_source_mapping(FunctionName="f", EventSourceArn=arn_of())
    boto3.client("sqs").send_message(QueueUrl=url(), MessageBody="x")
    wait(lambda: count(url()) == 0)
    time.sleep(1)
    assert len(ran(running)) == 1


def test_a_window_longer_than_messages_are_invisible_brings_none_twice(running: cloud.Cloud) -> None:
    boto3.client("sqs").set_queue_attributes(QueueUrl=url(), Attributes={"VisibilityTimeout": "12"})
    boto3.client("lambda").create_event_source_mapping(
        FunctionName="f", EventSourceArn=arn_of(), BatchSize=10, MaximumBatchingWindowInSeconds=60
    )
    boto3.client("sqs").send_message(QueueUrl=url(), MessageBody="x")
    wait(lambda: running.record.since(kinds=["event"]))
    wait(lambda: count(url()) == 0)
    assert [entry.action for entry in running.record.since(kinds=["event"])] == ["1 record"]


def test_changed_settings_hold_for_messages_sent_afterwards(
    running: cloud.Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowed(monkeypatch, "_receive")
    client = boto3.client("lambda")
    made = client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn_of())
    time.sleep(0.2)
    client.update_event_source_mapping(UUID=made["UUID"], BatchSize=1)
    entries = [{"Id": str(number), "MessageBody": "x"} for number in range(2)]
    boto3.client("sqs").send_message_batch(QueueUrl=url(), Entries=entries)
    wait(lambda: count(url()) == 0)
    assert len(ran(running)) == 2


def count(queue: str) -> int:
    """Return how many messages a queue holds, the invisible ones included."""
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return sum(
        int(attributes[name]) for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    )
