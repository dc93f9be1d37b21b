"""How many messages a queue has: SQS tells CloudWatch each minute while the queue is active.

AWS: the metrics of a queue are collected each minute while it is active, up to six hours after somebody used it or
it had messages ("Monitoring Amazon SQS queues using CloudWatch", Amazon SQS Developer Guide).
ApproximateNumberOfMessagesVisible comes as long, ApproximateNumberOfMessagesDelayed and
ApproximateNumberOfMessagesNotVisible if there are such, ApproximateAgeOfOldestMessage if there is a message
("Available CloudWatch metrics for Amazon SQS", the same). Here the minutes are the cloud's, and using a queue is
sending, receiving or deleting. Not written: ApproximateNumberOfGroupsWithInflightMessages and what else FIFO queues
alone have; that a message which was received often no longer counts for the age.
"""

from __future__ import annotations

from moto.sqs.models import Queue, sqs_backends

from helpers.dataplane.clock import Clock
from helpers.dataplane.metrics import measure
from helpers.dataplane.timetable import Timetable

_MINUTE, _ACTIVE_SECONDS = 60.0, 6 * 3600.0
_KINDS = ("Visible", "Delayed", "NotVisible")


class QueueDepths:
    """Tells CloudWatch about the queues of one cloud that are in use."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._timetable = clock, Timetable(clock)
        self._used: dict[tuple[str, str], float] = {}

    def touch(self, queue: Queue) -> None:
        """Note that somebody used a queue."""
        key, now = (queue.region, queue.name), self._clock.time()
        known = key in self._used
        self._used[key] = now
        if not known:
            self._timetable.put(key, now + _MINUTE, lambda due: self._tell(queue, due))

    def stop(self) -> None:
        """Tell nobody anything more."""
        self._timetable.stop()

    def _tell(self, queue: Queue, due: float) -> float | None:
        key, now = (queue.region, queue.name), self._clock.time()
        there = sqs_backends[queue.account_id][queue.region].queues.get(queue.name) is queue
        if not there or (not queue._messages and now - self._used[key] > _ACTIVE_SECONDS):
            self._used.pop(key, None)
            return None
        counts = self._counts(queue, now)
        values = {f"ApproximateNumberOfMessages{kind}": n for kind, n in counts.items() if n or kind == "Visible"}
        dimensions = {"QueueName": queue.name}
        measure(queue.account_id, queue.region, "AWS/SQS", values, dimensions)
        if sent := [message.sent_timestamp or 0 for message in list(queue._messages)]:
            age = {"ApproximateAgeOfOldestMessage": max(0.0, now - min(sent) / 1000)}
            measure(queue.account_id, queue.region, "AWS/SQS", age, dimensions, "Seconds")
        return max(due + _MINUTE, now)

    def _counts(self, queue: Queue, now: float) -> dict[str, int]:
        counts = dict.fromkeys(_KINDS, 0)
        for message in list(queue._messages):
            hidden, delayed = message.visible_at > now * 1000, message.delayed_until > now * 1000
            counts["NotVisible" if hidden else "Delayed" if delayed else "Visible"] += 1
        return counts
