"""What Amazon SQS promises about a queue's attributes."""

from __future__ import annotations

import pytest

from tests.contract.subjects import Subject, promise, refused


@promise("Amazon SQS API Reference, SetQueueAttributes", "an attribute off its range is refused, and none is changed")
@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("DelaySeconds", "901"),
        ("MaximumMessageSize", "1023"),
        ("MessageRetentionPeriod", "59"),
        ("ReceiveMessageWaitTimeSeconds", "21"),
        ("VisibilityTimeout", "43201"),
        ("VisibilityTimeout", "soon"),
    ],
)
def test_ranges(aws: Subject, attribute: str, value: str) -> None:
    sqs = aws.client("sqs")
    with refused("InvalidAttributeValue"):
        sqs.create_queue(QueueName="never", Attributes={attribute: value})
    assert "QueueUrls" not in sqs.list_queues()
    url = sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "900"})["QueueUrl"]
    with refused("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0", attribute: value})
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["DelaySeconds"] == "900"
