"""A soak: many messages, a function that fails, crashes and is switched off."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from typing import Any

import boto3

from helpers import cloud
from helpers.teaching import package
from tests.wire import TRUST

MOST_RECEIVES = 4
CHAOS = """
import json, os, random
def handler(event, context):
    chance = random.random()
    if chance < 0.05:
        os._exit(1)
    if chance < 0.15:
        raise ValueError('chaos')
    done, failed = [], []
    for record in event['Records']:
        bad = record['body'].startswith('poison') or random.random() < 0.02
        (failed if bad else done).append(record)
    print('done ' + json.dumps([record['body'] for record in done]))
    return {'batchItemFailures': [{'itemIdentifier': record['messageId']} for record in failed]}
"""


class Soak:
    """An account with a queue, its dead-letter queue, and a function that reads it."""

    def __init__(self) -> None:
        self.sqs, self.client = boto3.client("sqs"), boto3.client("lambda")
        role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        self.client.create_function(
            FunctionName="f", Runtime="python3.13", Handler="app.handler", Role=role, Timeout=10,
            Code={"ZipFile": package({"app.py": CHAOS})},
        )  # fmt: skip
        self.dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        policy = {"deadLetterTargetArn": self._arn(self.dead), "maxReceiveCount": MOST_RECEIVES}
        attributes = {"VisibilityTimeout": "20", "RedrivePolicy": json.dumps(policy)}
        self.url = self.sqs.create_queue(QueueName="q", Attributes=attributes)["QueueUrl"]
        self.mapping = self.client.create_event_source_mapping(
            FunctionName="f", EventSourceArn=self._arn(self.url), FunctionResponseTypes=["ReportBatchItemFailures"]
        )["UUID"]

    def _arn(self, url: str) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])

    def send(self, texts: list[str]) -> None:
        """Send messages, and switch the mapping off and on on the way."""
        for start in range(0, len(texts), 10):
            entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(texts[start : start + 10])]
            assert len(self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)["Successful"]) == len(entries)
            if start % 500 == 100:
                self.client.update_event_source_mapping(UUID=self.mapping, Enabled=False)
            if start % 500 == 150:
                self.client.update_event_source_mapping(UUID=self.mapping, Enabled=True)

    def left(self) -> int:
        """Return how many messages the queue holds."""
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])["Attributes"]
        return sum(int(value) for name, value in attributes.items() if name.startswith("ApproximateNumberOf"))

    def processed(self) -> Counter[str]:
        """Return how often each message was processed."""
        pages = boto3.client("logs").get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/f")
        lines = (event["message"] for page in pages for event in page["events"])
        return Counter(text for line in lines if line.startswith("done ") for text in json.loads(line[5:]))

    def dead_letters(self) -> list[str]:
        """Return what the dead-letter queue holds, and empty it."""
        found: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10).get("Messages", []):
            found += [message["Body"] for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=self.dead, ReceiptHandle=message["ReceiptHandle"])
        return found


def run(count: int, seconds: float) -> dict[str, Any]:
    """Let ``count`` messages through, one in fifty of them poison; check that each ended where it should."""
    cloud.start(speed=60)
    try:
        soak = Soak()
        texts = [f"{'poison' if number % 50 == 7 else 'good'} {number}" for number in range(count)]
        random.Random(1).shuffle(texts)
        began = time.monotonic()
        soak.send(texts)
        while soak.left():
            assert time.monotonic() - began < seconds, f"{soak.left()} of {count} messages are left after {seconds} s"
            time.sleep(0.2)
        took = time.monotonic() - began
        processed, dead = soak.processed(), soak.dead_letters()
    finally:
        cloud.stop()
    poison = {text for text in texts if text.startswith("poison")}
    assert poison <= set(dead)
    assert len(dead) == len(set(dead)), "each dead letter once"
    assert set(processed) | set(dead) == set(texts), "nothing is lost, nothing invented"
    assert not poison & set(processed)
    twice = {text: times for text, times in processed.items() if times > 1}
    assert not twice, "what was deleted did not come back"
    return {"seconds": took, "processed": len(processed), "dead": len(dead)}
