"""The record of what happened: every API call, event and invocation, in order.

AWS keeps such a record in CloudTrail (calls) and X-Ray (who called whom). Here the front door and the data planes write
one ``Entry`` for each, and the diagrams, the timeline and the bill are drawn from it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["call", "event", "invocation"]
_LONGEST = 100_000


@dataclass(frozen=True)
class Entry:
    """One thing that happened.

    ``call``: somebody called an AWS API. ``event``: a service handed an event to another one. ``invocation``: a
    function ran; ``detail`` then has its request id, version, durations, memory and whether it was a cold start.
    """

    number: int
    kind: Kind
    source: str
    """Who acted: ``you``, ``function NAME``, or a service such as ``sqs``."""
    target: str
    """Who was asked: a service (botocore's name, such as ``lambda``) or ``function NAME``."""
    action: str
    """The API operation (``PutItem``), or what was handed over (``3 records``)."""
    subject: str
    """The resource it was about (a function's, bucket's or table's name), or an empty string."""
    outcome: str
    """``ok``, or the error code as AWS names it."""
    started: float
    """Seconds since the epoch."""
    milliseconds: float
    detail: dict[str, Any] = field(default_factory=dict)


class Record:
    """A list of entries that many threads may write and one reader may cut into slices."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()
        self._number = 0

    def add(
        self,
        kind: Kind,
        source: str,
        target: str,
        action: str,
        *,
        subject: str = "",
        outcome: str = "ok",
        started: float | None = None,
        milliseconds: float = 0.0,
        **detail: Any,
    ) -> Entry:
        """Append an entry and return it; ``started`` is seconds since the epoch and defaults to now."""
        moment = time.time() if started is None else started
        with self._lock:
            self._number += 1
            entry = Entry(
                self._number, kind, source, target, action, subject, outcome, moment, milliseconds, dict(detail)
            )
            self._entries.append(entry)
            if len(self._entries) > _LONGEST:
                del self._entries[: _LONGEST // 10]
        return entry

    def mark(self) -> int:
        """Return the number of the newest entry: what comes later is ``since`` this mark."""
        return self._number

    def since(self, mark: int = 0, kinds: Iterable[Kind] = ("call", "event", "invocation")) -> list[Entry]:
        """Return the entries after ``mark``, of the given kinds, in the order in which they began."""
        wanted = set(kinds)
        with self._lock:
            found = [entry for entry in self._entries if entry.number > mark and entry.kind in wanted]
        return sorted(found, key=lambda entry: (entry.started, entry.number))
