"""Messages that a poller holds: what was received as one batch comes back as one."""

from __future__ import annotations

import itertools

from moto.sqs.models import Message, Queue

from helpers.dataplane.clock import Clock
from helpers.dataplane.sqs import Queues


class Ticking(Clock):
    """A clock that is a second later each time somebody looks."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds = itertools.count(1000)

    def time(self) -> float:
        return float(next(self._seconds))


def test_a_batch_that_was_held_is_visible_again_as_one() -> None:
    queue, handles = Queue("q", "us-east-1", "123456789012"), {"one", "two", "three"}
    for handle in sorted(handles):
        message = Message(handle, handle)
        message.receipt_handle, message.visible_at = handle, 2_000_000.0
        queue._messages.append(message)
    with Queues(Ticking()).held(queue, handles):
        assert {message.visible_at for message in queue._messages} == {float("inf")}
    assert len({message.visible_at for message in queue._messages}) == 1
