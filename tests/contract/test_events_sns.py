"""What SNS promises about subscriptions."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.contract.pushed import closed_queue, first, keeper, kept, open_queue
from tests.contract.subjects import Subject, promise, refused

FANOUT = "Amazon SNS Developer Guide, Fanout Amazon SNS notifications to Lambda functions"
EVENT = "Lambda Developer Guide, Invoking Lambda functions with Amazon SNS notifications"
FILTERS = "Amazon SNS Developer Guide, Amazon SNS subscription filter policies"
RED = {"color": {"DataType": "String", "StringValue": "red"}}


def topic(aws: Subject) -> tuple[Any, str]:
    """Create a topic; return the client and the topic's ARN."""
    sns = aws.client("sns")
    return sns, str(sns.create_topic(Name="news")["TopicArn"])


@promise(EVENT, "a function gets one record a call: the message, its topic, subscription, subject and attributes")
def test_record(aws: Subject) -> None:
    sns, arn = topic(aws)
    function = keeper(aws, "sns", arn)
    subscription = sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=function)["SubscriptionArn"]
    sent = sns.publish(TopicArn=arn, Message="bread", Subject="fresh", MessageAttributes=RED)["MessageId"]
    event = first(aws)
    (record,) = event["Records"]
    assert (record["EventSource"], record["EventVersion"]) == ("aws:sns", "1.0")
    assert record["EventSubscriptionArn"] == subscription
    told = record["Sns"]
    assert (told["Type"], told["MessageId"], told["TopicArn"]) == ("Notification", sent, arn)
    assert (told["Message"], told["Subject"]) == ("bread", "fresh")
    assert told["MessageAttributes"] == {"color": {"Type": "String", "Value": "red"}}
    assert datetime.strptime(told["Timestamp"], "%Y-%m-%dT%H:%M:%S.%fZ").year > 2020
    assert subscription in told["UnsubscribeUrl"] and told["SigningCertUrl"].startswith("https://sns.us-east-1.")
    assert told["Signature"] and told["SignatureVersion"] in ("1", "2")


@promise(EVENT, "a message without a subject has null for it")
def test_no_subject(aws: Subject) -> None:
    sns, arn = topic(aws)
    sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=keeper(aws, "sns"))
    sns.publish(TopicArn=arn, Message="bread")
    told = first(aws)["Records"][0]["Sns"]
    assert told["Subject"] is None and told["MessageAttributes"] == {}


@promise(EVENT, "each message of a batch is a call of its own")
def test_batch(aws: Subject) -> None:
    sns, arn = topic(aws)
    sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=keeper(aws, "sns"))
    sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=[{"Id": str(n), "Message": str(n)} for n in range(3)])
    events = aws.wait(lambda: len(kept(aws)) == 3 and kept(aws))
    assert [len(event["Records"]) for event in events] == [1, 1, 1]
    assert sorted(event["Records"][0]["Sns"]["Message"] for event in events) == ["0", "1", "2"]


@promise(FANOUT, "a function whose policy does not name SNS is subscribed, and never called; its dead letters are kept")
def test_not_allowed(aws: Subject) -> None:
    sns, arn = topic(aws)
    url, dead = open_queue(aws, "sns")
    redrive = json.dumps({"deadLetterTargetArn": dead})
    sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=keeper(aws), Attributes={"RedrivePolicy": redrive})
    sns.publish(TopicArn=arn, Message="bread")
    assert "bread" in aws.message(url)["Body"]
    assert kept(aws) == []


@promise("Amazon SNS Developer Guide, Fanout to Amazon SQS queues", "a queue gets an envelope, or the raw message")
def test_queue(aws: Subject) -> None:
    sns, arn = topic(aws)
    (url, queue), (raw_url, raw) = open_queue(aws, "sns"), open_queue(aws, "sns", name="raw")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=raw, Attributes={"RawMessageDelivery": "true"})
    sent = sns.publish(TopicArn=arn, Message="bread", MessageAttributes=RED)["MessageId"]
    envelope = json.loads(aws.message(url)["Body"])
    assert (envelope["Type"], envelope["MessageId"], envelope["TopicArn"]) == ("Notification", sent, arn)
    assert envelope["MessageAttributes"] == {"color": {"Type": "String", "Value": "red"}}
    message = aws.message(raw_url)
    assert message["Body"] == "bread"
    assert message["MessageAttributes"]["color"]["StringValue"] == "red"


@promise(
    "Amazon SNS Developer Guide, Fanout to Amazon SQS queues", "a queue whose policy does not name SNS gets nothing"
)
def test_closed_queue(aws: Subject) -> None:
    sns, arn = topic(aws)
    url, queue = open_queue(aws, "sns")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=closed_queue(aws))
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=arn, Message="bread")
    assert aws.message(url)
    sqs = aws.client("sqs")
    closed = sqs.get_queue_url(QueueName="closed")["QueueUrl"]
    assert "Messages" not in sqs.receive_message(QueueUrl=closed)


ATTRIBUTES = {
    "color": {"DataType": "String", "StringValue": "red"},
    "price": {"DataType": "Number", "StringValue": "12.5"},
    "tags": {"DataType": "String.Array", "StringValue": '["new", "warm"]'},
}


@promise(FILTERS, "a filter policy on the attributes decides: all keys, any of a key's values")
@pytest.mark.parametrize(
    ("policy", "passes"),
    [
        ({"color": ["red", "blue"]}, True),
        ({"color": ["blue"]}, False),
        ({"color": ["red"], "size": ["L"]}, False),
        ({"color": [{"prefix": "r"}], "price": [{"numeric": [">", 10, "<=", 12.5]}]}, True),
        ({"price": [{"numeric": ["<", 10]}]}, False),
        ({"color": [{"anything-but": ["blue"]}]}, True),
        ({"color": [{"anything-but": {"prefix": "r"}}]}, False),
        ({"color": [{"suffix": "ed"}]}, True),
        ({"color": [{"equals-ignore-case": "RED"}]}, True),
        ({"size": [{"exists": False}], "color": [{"exists": True}]}, True),
        ({"tags": ["warm"]}, True),
        ({"tags": ["old"]}, False),
        ({"$or": [{"color": ["blue"]}, {"price": [12.5]}]}, True),
    ],
    ids=str,
)
def test_attribute_filters(aws: Subject, policy: dict[str, Any], passes: bool) -> None:
    sns, arn = topic(aws)
    (url, queue), (all_url, all_queue) = open_queue(aws, "sns"), open_queue(aws, "sns", name="all")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes={"FilterPolicy": json.dumps(policy)})
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=all_queue)
    sns.publish(TopicArn=arn, Message="bread", MessageAttributes=ATTRIBUTES)
    assert aws.message(all_url)
    assert ("Messages" in aws.client("sqs").receive_message(QueueUrl=url)) is passes


@promise(FILTERS, "with the scope MessageBody the policy is about the message itself, read as JSON")
def test_body_filters(aws: Subject) -> None:
    sns, arn = topic(aws)
    attributes = {
        "FilterPolicyScope": "MessageBody",
        "FilterPolicy": json.dumps({"order": {"total": [{"numeric": [">", 9]}]}}),
    }
    sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=keeper(aws, "sns"), Attributes=attributes)
    for message in ("no JSON", '{"order": {"total": 5}}', '{"order": {"total": 10}}'):
        sns.publish(TopicArn=arn, Message=message)
    assert first(aws)["Records"][0]["Sns"]["Message"] == '{"order": {"total": 10}}'
    assert len(kept(aws)) == 1


@promise("Amazon SNS API Reference, Publish", "MessageStructure json sends each protocol its own text")
def test_structure(aws: Subject) -> None:
    sns, arn = topic(aws)
    sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint=keeper(aws, "sns"))
    sns.publish(TopicArn=arn, Message='{"default": "to all", "lambda": "to you"}', MessageStructure="json")
    assert first(aws)["Records"][0]["Sns"]["Message"] == "to you"


@promise("Amazon SNS API Reference, Subscribe", "an endpoint that is no function's ARN is refused")
def test_endpoint(aws: Subject) -> None:
    sns, arn = topic(aws)
    with refused("InvalidParameter", "Invalid parameter: Lambda endpoint ARN"):
        sns.subscribe(TopicArn=arn, Protocol="lambda", Endpoint="f")
