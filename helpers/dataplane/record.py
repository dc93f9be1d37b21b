"""The record of what happened: every API call, event and invocation, in order.

AWS keeps such a record in CloudTrail (calls) and X-Ray (who called whom). Here the front door and the data planes write
one ``Entry`` for each, and the diagrams and the timeline are drawn from it. The bill is made from what was used: sums
that go on when the oldest entries are forgotten.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from helpers.dataplane.standing import Standing

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


@dataclass(frozen=True)
class Use:
    """What is paid for: ``invocations`` of ``lambda``; ``detail`` tells prices apart (``512 MB arm64``, ``fifo``)."""

    service: str
    what: str
    detail: str = ""


class Record:
    """A list of entries that many threads may write and one reader may cut into slices."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._used: Counter[Use] = Counter()
        self._lock = threading.Lock()
        self._number = 0
        self.standing: Standing | None = None
        """What is billed by time; None where only the calls are seen."""

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
            for use, amount in _uses(entry):
                self._used[use] += amount  # type: ignore[assignment]
            if len(self._entries) > _LONGEST:
                del self._entries[: _LONGEST // 10]
        return entry

    def meter(self, service: str, what: str, amount: float = 1, detail: str = "") -> None:
        """Add to what was used beyond API calls and invocations, such as 2.5 ``read request units`` of ``dynamodb``."""
        with self._lock:
            self._used[Use(service, what, detail)] += amount  # type: ignore[assignment]

    def used(self) -> dict[Use, float]:
        """Return all that was used since the cloud started, with its amount."""
        with self._lock:
            return dict(self._used)

    def held(self, hours: float | None = None) -> dict[Use, float] | None:
        """Return what was there, in unit-hours of the cloud's clock; with ``hours``, what is there now, for so long.

        None: of this cloud only the calls are seen.
        """
        return self.standing.held(hours) if self.standing else None

    def mark(self) -> int:
        """Return the number of the newest entry: what comes later is ``since`` this mark."""
        return self._number

    def since(self, mark: int = 0, kinds: Iterable[Kind] = ("call", "event", "invocation")) -> list[Entry]:
        """Return the entries after ``mark``, of the given kinds, in the order in which they began."""
        wanted = set(kinds)
        with self._lock:
            found = [entry for entry in self._entries if entry.number > mark and entry.kind in wanted]
        return sorted(found, key=lambda entry: (entry.started, entry.number))


def _uses(entry: Entry) -> Iterator[tuple[Use, float]]:
    """Return what an entry tells about use: an API call that was answered, or a function that ran."""
    detail = entry.detail
    if entry.kind == "invocation" and "billed_ms" in detail:
        environment = f"{detail['memory_mb']} MB {detail.get('architecture', 'x86_64')}"
        environment += " provisioned" * detail.get("provisioned", False)
        # a copy at the edge has prices of its own
        service = "lambda@edge" if entry.subject.startswith("us-east-1.") else "lambda"
        yield Use(service, "invocations", environment), 1
        yield Use(service, "billed milliseconds", environment), detail["billed_ms"]
        if detail.get("storage_mb", 512) > 512:
            yield Use("lambda", "storage invocations", f"{detail['storage_mb']} MB"), 1
            yield Use("lambda", "storage milliseconds", f"{detail['storage_mb']} MB"), detail["billed_ms"]
    elif entry.kind == "call" and entry.outcome == "ok" and "request_id" in detail and entry.action.isalnum():
        yield Use(entry.target, entry.action, "fifo" if entry.subject.endswith(".fifo") else ""), 1
