"""moto's SQS queues made fit for pollers: on the cloud's clock, safe with many threads, in order, quick.

AWS: a message that was received stays in the queue, invisible until its visibility timeout ends; then it can be
received again, or goes to the dead-letter queue when it was received ``maxReceiveCount`` times; in a FIFO queue the
other messages of its group wait as long ("Amazon SQS visibility timeout", "Dead-letter queues", "FIFO delivery logic",
Amazon SQS Developer Guide). moto does this in real time, without a lock, and walks all messages several times at each
call. Here time is the cloud's, each queue has one lock, and a receive ends as soon as it has enough. A deduplication id
is remembered for its five minutes although the message was deleted, and sequence numbers rise. From when a function
gets a message until the message is deleted, its visibility timeout passes in real time, because functions run in it.

A value off its attribute's range is refused, where moto takes most ("SetQueueAttributes"). Not sourced: the words.

Each message that is sent, received or deleted counts in CloudWatch, and each receive that returned nothing ("Available
CloudWatch metrics for Amazon SQS"); ``queue_depths`` tells how many there are. What goes to a dead-letter queue after
too many receives is not sent, and does not count there. Lambda's pollers wait here until there is something, so that
they make no empty receives.

A message takes the trace header of the call that sends it along, as its attribute AWSTraceHeader, unless it has one
("Amazon SQS and AWS X-Ray", X-Ray Developer Guide).
"""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import moto.sqs.models as models
from moto.sqs.exceptions import InvalidAttributeValue, ReceiptHandleIsInvalid
from moto.sqs.models import Message, Queue, SQSBackend

from helpers.dataplane import tracing
from helpers.dataplane.clock import Clock
from helpers.dataplane.metrics import measure
from helpers.dataplane.queue_depths import QueueDepths
from helpers.dataplane.seams import Seams

LOOK_SECONDS = 0.5
"""Who waits looks at least this often, in our seconds, whether to stop."""
_FIRST_SEQUENCE_NUMBER = 18849496460467696128
_RANGES = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1_024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
"""The least and the most of an attribute, in seconds or bytes ("SetQueueAttributes", Amazon SQS API Reference)."""


class Queues:
    """What the queues of one cloud do differently from moto's while it runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._seams = clock, Seams()
        self._stopped = threading.Event()
        self._sequence_numbers = itertools.count(_FIRST_SEQUENCE_NUMBER, 256)
        self._depths = QueueDepths(clock)

    def install(self) -> None:
        """Replace moto's methods and its clock."""
        put = self._seams.put
        put(models, "unix_time", lambda *_: self._clock.time())
        put(models, "unix_time_millis", lambda *_: self._now())
        put(Queue, "_set_attributes", _checked(_keeping_the_policy(Queue._set_attributes)))
        put(Queue, "add_message", lambda queue, message: self._add(queue, message))
        put(Queue, "delete_message", lambda queue, handle: self._deleted(queue, handle))
        put(Queue, "approximate_number_of_messages", property(lambda queue: self._count(queue, 0)))
        put(Queue, "approximate_number_of_messages_delayed", property(lambda queue: self._count(queue, 1)))
        put(Queue, "approximate_number_of_messages_not_visible", property(lambda queue: self._count(queue, 2)))
        put(SQSBackend, "receive_message", lambda *given, **named: self._receive(*given, **named))
        for name in ("send_message_batch", "change_message_visibility", "purge_queue"):
            put(SQSBackend, name, _locked(getattr(SQSBackend, name)))

    def remove(self) -> None:
        """Put moto's own back; whoever waits for a message goes on."""
        self._stopped.set()
        self._depths.stop()
        self._seams.remove()

    def wait(self, queue: Queue, seconds: float, stop: threading.Event) -> None:
        """Wait until something can be received, at most ``seconds`` of AWS's time, or until ``stop``."""
        until = self._clock.time() + seconds
        while not stop.is_set() and self._clock.time() < until:
            with queue._messages_lock:
                if stop.is_set() or next(self._receivable(queue), None) is not None:
                    return
                self._pause(queue, until)

    @contextmanager
    def held(self, queue: Queue, receipt_handles: Collection[str]) -> Iterator[None]:
        """Let the visibility timeouts of received messages pass in real time, not in the cloud's."""
        began, forever = time.monotonic(), float("inf")
        with queue._messages_lock:
            now = self._now()
            left = {m: m.visible_at - now for m in queue._messages if m.receipt_handle in receipt_handles}
            for message in left:
                message.visible_at = forever
        try:
            yield
        finally:
            passed = (time.monotonic() - began) * 1000
            with queue._messages_lock:
                now = self._now()  # one moment for all: what came as a batch comes back as one
                for message, milliseconds in left.items():
                    if message.visible_at == forever:
                        message.visible_at = now + milliseconds - passed
                queue._messages_lock.notify_all()

    def wake(self, queue: Queue) -> None:
        """Let whoever waits for a message of the queue look whether to stop."""
        with queue._messages_lock:
            queue._messages_lock.notify_all()

    def _now(self) -> float:
        return self._clock.time() * 1000

    def _add(self, queue: Queue, message: Message) -> None:
        if self._put(queue, message):
            self._measure(queue, "NumberOfMessagesSent", 1)
            size = {"SentMessageSize": len(message.body.encode())}
            measure(queue.account_id, queue.region, "AWS/SQS", size, {"QueueName": queue.name}, "Bytes")

    def _deleted(self, queue: Queue, receipt_handle: str) -> None:
        _delete(queue, receipt_handle)
        self._measure(queue, "NumberOfMessagesDeleted", 1)

    def _measure(self, queue: Queue, metric: str, messages: int) -> None:
        measure(queue.account_id, queue.region, "AWS/SQS", {metric: messages}, {"QueueName": queue.name})
        self._depths.touch(queue)

    def _put(self, queue: Queue, message: Message) -> bool:
        """Put a message into a queue, unless it is a duplicate; return whether it is there now."""
        with queue._messages_lock:
            if queue.fifo_queue and self._is_duplicate(queue, message):
                return False
            if queue.fifo_queue:
                message.sequence_number = str(next(self._sequence_numbers))
            if header := tracing.current():
                message.system_attributes.setdefault("AWSTraceHeader", {"StringValue": header})
            queue._messages.append(message)
            queue._messages_lock.notify_all()
        return True

    def _is_duplicate(self, queue: Queue, message: Message) -> bool:
        if not message.deduplication_id:
            return False
        in_group = getattr(queue, "deduplication_scope", "queue") == "messageGroup"
        key, now = (message.group_id if in_group else "", message.deduplication_id), self._now()
        seen: dict[Any, float] = vars(queue).setdefault("seen", {})
        if now - seen.get(key, -1e12) < models.DEDUPLICATION_TIME_IN_SECONDS * 1000:
            return True
        seen[key] = now
        return False

    def _receive(
        self,
        backend: SQSBackend,
        queue_name: str,
        count: int,
        wait_seconds_timeout: float,
        visibility_timeout: int,
        message_attribute_names: list[str] | None = None,
    ) -> list[Message]:
        queue = backend.get_queue(queue_name)
        until = self._clock.time() + float(wait_seconds_timeout or 0)
        while True:
            with queue._messages_lock:
                taken, dead = self._take(queue, count, int(visibility_timeout or 0))
                if not taken and not dead:
                    self._pause(queue, until)
                copies = [copy.copy(message) for message in taken]
            for message in dead:
                self._put(queue.dead_letter_queue, message)  # type: ignore[arg-type]
            if taken or self._stopped.is_set() or self._clock.time() >= until:
                metric = "NumberOfMessagesReceived" if copies else "NumberOfEmptyReceives"
                self._measure(queue, metric, len(copies) or 1)
                for message in copies:
                    models._filter_message_attributes(message, message_attribute_names or [])
                return copies

    def _take(self, queue: Queue, count: int, visibility_seconds: int) -> tuple[list[Message], list[Message]]:
        """Take up to ``count`` messages, and all on the way that were received too often, which leave the queue."""
        now = self._now()
        taken: list[Message] = []
        dead: list[Message] = []
        most = (queue.redrive_policy or {}).get("maxReceiveCount") if queue.dead_letter_queue else None
        for message in self._receivable(queue):
            if most is not None and message.approximate_receive_count >= most:
                dead.append(message)
                continue
            taken.append(message)
            if len(taken) == count:
                break
        for message in dead:
            queue._messages.remove(message)
        for message in taken:
            message.approximate_receive_count += 1
            message.approximate_first_receive_timestamp = message.approximate_first_receive_timestamp or int(now)
            message.visible_at = now + visibility_seconds * 1000
            if message.receipt_handle:
                message._old_receipt_handles.append(message.receipt_handle)
            message.receipt_handle = _receipt_handle(message)
        return taken, dead

    def _receivable(self, queue: Queue) -> Iterator[Message]:
        """Return the messages that can be received now, in order."""
        now = self._now()
        oldest = now - int(queue.message_retention_period) * 1000  # type: ignore[attr-defined]
        waiting: set[str | None] = set()
        if queue.fifo_queue:
            waiting = {message.group_id for message in queue._messages if message.visible_at > now}
        for message in queue._messages:
            if message.visible_at > now or message.sent_timestamp < oldest:  # type: ignore[operator]
                continue
            if message.delayed_until > now:
                waiting.add(message.group_id if queue.fifo_queue else None)
            elif not queue.fifo_queue or message.group_id not in waiting:
                yield message

    def _pause(self, queue: Queue, until: float) -> None:
        """Wait for a change of the queue, or the next message's time, or a look; the caller holds the lock."""
        now = self._now()
        moments = (max(message.visible_at, message.delayed_until) for message in queue._messages)
        soonest = min((moment for moment in moments if moment > now), default=until * 1000)
        seconds = (min(soonest, until * 1000) - now) / 1000 / self._clock.speed
        if seconds > 0 and not self._stopped.is_set():
            queue._messages_lock.wait(min(seconds + 0.0005, LOOK_SECONDS))

    def _count(self, queue: Queue, kind: int) -> int:
        now, counts = self._now(), [0, 0, 0]
        for message in list(queue._messages):
            counts[2 if message.visible_at > now else 1 if message.delayed_until > now else 0] += 1
        return counts[kind]


def _delete(queue: Queue, receipt_handle: str) -> None:
    with queue._messages_lock:
        if receipt_handle in queue.deleted_messages:
            return
        for place, message in enumerate(queue._messages):
            if receipt_handle == message.receipt_handle or receipt_handle in message._old_receipt_handles:
                del queue._messages[place]
                queue.deleted_messages.update(filter(None, message.all_receipt_handles))
                queue._messages_lock.notify_all()
                break
        else:
            raise ReceiptHandleIsInvalid


def _keeping_the_policy(set_attributes: Callable[..., None]) -> Callable[..., None]:
    """Return a method that sets some attributes and leaves the others: moto forgets the policy."""

    def set_some(queue: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
        kept = queue.policy if hasattr(queue, "_policy_json") else None
        set_attributes(queue, {"Policy": kept, **attributes}, now)

    return set_some


def _checked(set_attributes: Callable[..., None]) -> Callable[..., None]:
    """Return a method that refuses values off their range before it sets any: moto looks at one of them only."""

    def set_valid(queue: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
        for name, (least, most) in _RANGES.items():
            if not _is_between(least, attributes.get(name, least), most):
                raise InvalidAttributeValue(name)
        set_attributes(queue, attributes, now)

    return set_valid


def _is_between(least: int, value: Any, most: int) -> bool:
    try:
        return least <= int(value) <= most
    except ValueError:
        return False


def _locked(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the backend that holds the queue's lock: a batch is sent as one, nothing is half changed."""

    def locked(backend: SQSBackend, queue_name: str, *given: Any, **named: Any) -> Any:
        queue = backend.get_queue(queue_name)
        with queue._messages_lock:
            try:
                return method(backend, queue_name, *given, **named)
            finally:
                queue._messages_lock.notify_all()

    return locked


def _receipt_handle(message: Message) -> str:
    """Return a new handle; not drawn from the seeded source, whose order a poller in the background would change."""
    digest = hashlib.shake_256(f"{message.id}:{message.approximate_receive_count}".encode()).digest(138)
    return base64.b64encode(digest).decode()
