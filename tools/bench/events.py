"""How fast things that happen reach a function: messages through a queue, an object put into a bucket.

The functions write into a file, which works wherever functions are processes of this machine.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUILD = Path(__file__).resolve().parents[2] / "build"
MESSAGES, OBJECTS, SECONDS = 1000, 30, 60
NOTE = """
import os, time
def handler(event, context):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(f"{time.time()} {len(event['Records'])}\\n")
"""


def messages_per_second(client: Any, function: Any) -> dict[str, float]:
    """Return how many messages a second go from a full queue through a function, ten in a batch."""
    sqs, functions = client("sqs"), client("lambda")
    url = sqs.create_queue(QueueName="full")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for start in range(0, MESSAGES, 10):
        entries = [{"Id": str(number), "MessageBody": f"message {start + number}"} for number in range(10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    with notes() as path:
        function("reader", NOTE, {"NOTES": str(path)})
        began = time.time()
        functions.create_event_source_mapping(FunctionName="reader", EventSourceArn=arn, BatchSize=10)
        lines = wait_for(path, lambda lines: sum(int(count) for _, count in lines) >= MESSAGES)
    return {"messages_per_second": MESSAGES / (float(lines[-1][0]) - began)}


def put_to_start(client: Any, function: Any) -> dict[str, float]:
    """Return the milliseconds from a PutObject to the first line of the function that it triggers, warm."""
    s3, functions = client("s3"), client("lambda")
    s3.create_bucket(Bucket="inbox")
    taken = []
    with notes() as path:
        arn = function("watcher", NOTE, {"NOTES": str(path)})
        functions.add_permission(
            FunctionName="watcher", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
        )
        rule = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
        s3.put_bucket_notification_configuration(
            Bucket="inbox", NotificationConfiguration={"LambdaFunctionConfigurations": [rule]}
        )
        for number in range(OBJECTS):
            began = time.time()
            s3.put_object(Bucket="inbox", Key=str(number), Body=b"x")
            lines = wait_for(path, lambda lines, wanted=number + 1: len(lines) >= wanted)  # type: ignore[misc]
            taken.append((float(lines[-1][0]) - began) * 1000)
    return {"put_to_start": statistics.median(taken[1:])}


@contextmanager
def notes() -> Iterator[Path]:
    """Give the path of a file for a function's notes; not below /tmp, which is a function's own."""
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        yield Path(folder) / "notes"


def wait_for(path: Path, enough: Any) -> list[list[str]]:
    """Return the lines of a function's notes, split, once there are enough of them."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        text = path.read_text() if path.exists() else ""
        lines = [line.split() for line in text.splitlines()]
        if text.endswith("\n") and enough(lines):
            return lines
        time.sleep(0.001)
    raise RuntimeError(f"the function wrote {len(lines)} lines within {SECONDS} s")
