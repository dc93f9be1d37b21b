"""SQS: batches of messages, deleted when the function succeeds.

AWS: the poller collects up to ``BatchSize`` messages for at most the batching window, or 6 MB; on success it deletes
them; on an error they come back when their visibility timeout ends, and the queue's redrive policy ends that. A
throttled batch is tried again until then. Messages that miss the filter are deleted. Five batches run at once at first,
five more each second while the function is busy, at most ``MaximumConcurrency`` ("Using Lambda with Amazon SQS",
Lambda Developer Guide). Differs: here at most ``MOST_WORKERS`` at once; and a failing function's concurrency is not
reduced.
"""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Callable
from typing import Any

from moto.sqs.exceptions import QueueDoesNotExist
from moto.sqs.models import Queue, sqs_backends

from helpers.dataplane.awslambda.event_sources.poller import (
    MOST_WORKERS,
    Mapping,
    Poller,
    Services,
    as_json,
    failures_in,
    fitting,
    is_throttle,
)
from helpers.dataplane.call import AWSError
from helpers.dataplane.sqs import LOOK_SECONDS, Queues

LONG_POLL_SECONDS = 20.0
FIRST_CONCURRENCY = 5
MORE_EACH_SECOND = 5
_IN_ONE_CALL = 10
_LONGEST_BACKOFF_SECONDS = 30.0
Message = tuple[dict[str, Any], bytes]
"""A message as ReceiveMessage returns it, and as the function gets it."""


class SqsPoller(Poller):
    """Polls one queue."""

    def __init__(self, mapping: Mapping, services: Services, queues: Queues) -> None:
        super().__init__(mapping, services)
        self._queues = queues
        self._left_over: list[Message] = []
        self._busy_since = self.clock.now()

    def poll(self) -> None:
        """Collect a batch, and let a worker hand it to the function."""
        self.wait_until(lambda: self.busy < self._room())
        batch = [] if self.stopped.is_set() else self._collect()
        if batch:
            held = threading.Event()
            self.in_background(lambda: self._deliver(batch, held))
            # whoever polled now would get the same messages again if this machine stood still for a while
            while not (held.wait(LOOK_SECONDS) or self.stopped.is_set()):
                continue

    def stop(self) -> None:
        """Poll no more, and wait for messages no longer."""
        super().stop()
        with contextlib.suppress(QueueDoesNotExist):
            self._queues.wake(self._queue())

    def _room(self) -> int:
        if not self.busy:
            self._busy_since = self.clock.now()
        grown = FIRST_CONCURRENCY + int(MORE_EACH_SECOND * (self.clock.now() - self._busy_since))
        most = (self.mapping.settings.get("ScalingConfig") or {}).get("MaximumConcurrency") or MOST_WORKERS
        return min(grown, most, MOST_WORKERS)

    def _collect(self) -> list[Message]:
        self.client("sqs")  # making a client takes a moment, in which the settings may change
        settings: dict[str, Any] = {}
        batch, self._left_over = self._left_over, []
        until = None
        while True:
            with self.settings_in_use:  # who changes them waits, so that no message sent afterwards meets the old ones
                settings = settings or self.mapping.settings
                size = settings["BatchSize"]
                received = self._receive(size - len(batch)) if len(batch) < size else []
            again = {message["MessageId"] for message, _ in received}  # in a window longer than they are invisible
            batch = [each for each in batch if each[0]["MessageId"] not in again] + received
            if until is None and batch:
                until = self.clock.now() + settings["MaximumBatchingWindowInSeconds"]
            fit = fitting([len(text) for _, text in batch])
            if fit < len(batch):
                batch, self._left_over = batch[:fit], batch[fit:]
                return batch
            done = until is not None and (len(batch) >= size or self.clock.now() >= until)
            if done or self.stopped.is_set():
                return batch
            if not received:
                longest = max(LONG_POLL_SECONDS, self.clock.speed)
                self._queues.wait(self._queue(), until - self.clock.now() if until else longest, self.stopped)
                if until is None:
                    return []

    def _queue(self) -> Queue:
        backend = sqs_backends[self.services.context.account_id][self.mapping.region]
        return backend.get_queue(self.mapping.source_name)

    def _url(self) -> str:
        return f"{self.services.context.endpoint}/{self.services.context.account_id}/{self.mapping.source_name}"

    def _receive(self, most: int) -> list[Message]:
        answer = self.client("sqs").receive_message(
            QueueUrl=self._url(),
            MaxNumberOfMessages=min(most, _IN_ONE_CALL),
            WaitTimeSeconds=0,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[Message] = []
        missed: list[Message] = []
        for message in answer.get("Messages", []):
            record = self._record(message)
            (found if self.wanted(record) else missed).append((message, as_json(record)))
        self._delete(missed)
        return found

    def _record(self, message: dict[str, Any]) -> dict[str, Any]:
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "messageAttributes": {
                name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.mapping.source_arn,
            "awsRegion": self.mapping.region,
        }
        if "MD5OfMessageAttributes" in message:
            record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
        return record

    def _deliver(self, batch: list[Message], held: threading.Event) -> None:
        """Hand a batch to the function and delete what it has processed; the rest comes back by itself.

        ``held`` is set as soon as the messages stay invisible for as long as the function has them.
        """
        ids = [message["MessageId"] for message, _ in batch]
        count = batch[0][0]["Attributes"]["ApproximateReceiveCount"]
        request_id = self.request_id(ids[0], count)
        try:
            self._until_visible(lambda: self._attempt(batch, ids, request_id, held))
        finally:
            held.set()

    def _attempt(self, batch: list[Message], ids: list[str], request_id: str, held: threading.Event) -> None:
        links = [header for message, _ in batch if (header := message["Attributes"].get("AWSTraceHeader"))]
        with self._queues.held(self._queue(), {message["ReceiptHandle"] for message, _ in batch}):
            held.set()
            outcome = self.invoke([text for _, text in batch], request_id, links)[1]
            if outcome.function_error:
                return
            failed = failures_in(outcome.payload, ids) if self.mapping.reports_failures else set()
            if failed is not None:
                self._delete([message for message in batch if message[0]["MessageId"] not in failed])

    def _until_visible(self, attempt: Callable[[], None]) -> None:
        """Make an attempt, again and again while it is throttled and the messages are invisible."""
        until = self.clock.now() + float(self._queue().visibility_timeout)  # type: ignore[attr-defined]
        backoff = 1.0
        while True:
            try:
                return attempt()
            except AWSError as error:
                if not is_throttle(error) or self.clock.now() + backoff >= until:
                    return
            if self.clock.wait(backoff, self.stopped):
                return
            backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)

    def _delete(self, messages: list[Message]) -> None:
        for start in range(0, len(messages), _IN_ONE_CALL):
            entries = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, (message, _) in enumerate(messages[start : start + _IN_ONE_CALL])
            ]
            self.client("sqs").delete_message_batch(QueueUrl=self._url(), Entries=entries)


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    """Return a message attribute in the form that events have."""
    written: dict[str, Any] = {}
    if "StringValue" in value:
        written["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        written["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return {**written, "stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
