"""What the contract tests of event source mappings share: functions that say what they got, sources, mappings."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.subjects import Subject

SAYS = "import json, time\ndef handler(event, context):\n    print('got', time.time(), json.dumps(event))\n"
"""Logs when it gets which event."""
FAILS = SAYS + "    raise ValueError('burnt')\n"
FAILS_ON_BAD = SAYS + "    if 'bad' in json.dumps(event): raise ValueError('burnt')\n"
Event = dict[str, Any]


def events(aws: Subject, name: str = "f") -> list[Event]:
    """Return the events that a function logged, in order."""
    got = [line.split(" ", 2)[1:] for line in aws.logged(name) if line.startswith("got ")]
    return [json.loads(text) for _, text in sorted(got, key=lambda line: float(line[0]))]


def records(aws: Subject, name: str = "f") -> list[Event]:
    """Return all records that a function got, in order."""
    return [record for event in events(aws, name) for record in event["Records"]]


def bodies(aws: Subject, name: str = "f") -> list[str]:
    """Return the bodies of all messages that a function got, in order."""
    return [record["body"] for record in records(aws, name)]


def queue(aws: Subject, name: str = "q", **attributes: Any) -> tuple[str, str]:
    """Create a queue; return its URL and its ARN."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes={key: str(value) for key, value in attributes.items()})[
        "QueueUrl"
    ]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def redrive(arn: str, most: int) -> str:
    """Return the redrive policy that moves a message to the queue ``arn`` after ``most`` receives."""
    return json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": most})


def send(aws: Subject, url: str, texts: list[str], **settings: Any) -> None:
    """Send messages, ten in a call."""
    for start in range(0, len(texts), 10):
        entries = [
            {"Id": str(number), "MessageBody": text, **settings}
            for number, text in enumerate(texts[start : start + 10])
        ]
        aws.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)


def left(aws: Subject, url: str) -> int:
    """Return how many messages a queue holds, the invisible and the delayed ones included."""
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return sum(int(value) for name, value in attributes.items() if name.startswith("ApproximateNumberOfMessages"))


def connect(aws: Subject, source: str, name: str = "f", **settings: Any) -> str:
    """Create a mapping; return its UUID."""
    made = aws.client("lambda").create_event_source_mapping(EventSourceArn=source, FunctionName=name, **settings)
    return str(made["UUID"])


def table(aws: Subject, name: str = "tea") -> str:
    """Create a table with a stream; return the stream's ARN."""
    return str(
        aws.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]["LatestStreamArn"]
    )


def put_items(aws: Subject, texts: list[str]) -> None:
    """Put an item with each text as its id."""
    for text in texts:
        aws.client("dynamodb").put_item(TableName="tea", Item={"id": {"S": text}, "size": {"N": "7"}})


def ids(event: Event) -> list[str]:
    """Return the ids of the items of an event."""
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]


def stream(aws: Subject, shards: int = 1) -> str:
    """Create a Kinesis stream; return its ARN."""
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=shards)
    return str(kinesis.describe_stream(StreamName="s")["StreamDescription"]["StreamARN"])


def put_records(aws: Subject, texts: list[str], key: str = "") -> None:
    """Put records into the stream, each under ``key`` or its own text."""
    entries = [{"Data": text.encode(), "PartitionKey": key or text} for text in texts]
    aws.client("kinesis").put_records(StreamName="s", Records=entries)
