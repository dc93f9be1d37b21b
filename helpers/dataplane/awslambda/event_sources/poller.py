"""What the pollers of all sources share: a thread that polls, workers that invoke, and how both end.

AWS polls with a fleet of its own and invokes the function synchronously with each batch ("How Lambda processes records
from stream and queue-based event sources", Lambda Developer Guide). Here each mapping has one thread that sleeps until
its source has something, and as many workers as it has batches under way.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.awslambda.event_sources import filters
from helpers.dataplane.awslambda.functions import Functions, Target
from helpers.dataplane.awslambda.invocation import Invoker, Request
from helpers.dataplane.awslambda.telemetry import Telemetry
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import POLLER

MOST_PAYLOAD_BYTES = 6 * 1024 * 1024
MOST_WORKERS = 50
"""Most batches of one mapping under way at once on this machine; AWS goes up to 1,250."""
PERMISSIONS = {
    "sqs": ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    "kinesis": ("GetRecords", "GetShardIterator", "DescribeStream", "ListShards", "ListStreams"),
    "dynamodb": ("GetRecords", "GetShardIterator", "DescribeStream", "ListStreams"),
}
"""What the execution role must be allowed to do on a source (each service's page in the Lambda Developer Guide)."""
_LOOK_SECONDS = 0.5
_ENVELOPE_BYTES = len('{"Records":[]}')
_PAUSE_AFTER_ERROR_SECONDS = 1.0


@dataclass
class Mapping:
    """An event source mapping: ``settings`` are the parameters of the API with their defaults filled in."""

    uuid: str
    region: str
    source_arn: str
    function_arn: str
    settings: dict[str, Any]
    enabled: bool
    modified: float
    last_result: str = "No records processed"
    patterns: list[dict[str, Any]] = field(default_factory=list)

    @property
    def service(self) -> str:
        """The source's service, such as ``sqs``."""
        return self.source_arn.split(":")[2]

    @property
    def source_name(self) -> str:
        """The name of the queue, the table or the stream."""
        resource = self.source_arn.split(":", 5)[5]
        return resource.split("/")[1] if "/" in resource else resource

    @property
    def reports_failures(self) -> bool:
        """Whether the function answers which items failed."""
        return "ReportBatchItemFailures" in self.settings["FunctionResponseTypes"]


@dataclass(frozen=True)
class Services:
    """What a poller needs of Lambda."""

    context: Context
    functions: Functions
    invoker: Invoker
    telemetry: Telemetry


class Poller:
    """Polls the source of one mapping while it is enabled. Subclasses say what one round is."""

    def __init__(self, mapping: Mapping, services: Services) -> None:
        self.mapping, self.services = mapping, services
        self.clock = services.context.clock
        self.stopped = threading.Event()
        self.settings_in_use = threading.Lock()
        self.busy = 0
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._thread: threading.Thread | None = None
        self._workers = ThreadPoolExecutor(MOST_WORKERS, f"poller-{mapping.uuid[:8]}")

    def poll(self) -> None:
        """Do one round: wait for records, read them, hand over what is complete."""
        raise NotImplementedError

    def client(self, service: str) -> Any:
        """Return a client for the poller's own calls, which the record leaves out."""
        return self.services.context.client(service, POLLER, self.mapping.region)

    def start(self) -> None:
        """Begin to poll; what an earlier start left under way is finished first."""
        self.stopped = threading.Event()
        arguments = (self.stopped,)
        self._thread = threading.Thread(target=self._run, args=arguments, name="event-source-mapping", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Poll no more; batches that a function has are finished."""
        self.stopped.set()
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def join(self, seconds: float) -> None:
        """Wait until the thread has ended, at most ``seconds`` of our time."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, stopped: threading.Event) -> None:
        with self._turn:
            while not stopped.is_set():
                try:
                    if self.may_poll():
                        self.poll()
                        continue
                    self.mapping.last_result = "PROBLEM: Lambda cannot poll"
                except Exception as error:
                    # a queue or a function that was deleted may come again; a poller that died would hang a lesson
                    self.mapping.last_result = f"PROBLEM: {error}"
                self.clock.wait(_PAUSE_AFTER_ERROR_SECONDS * max(1.0, self.clock.speed / 10), stopped)

    def may_poll(self) -> bool:
        """Return whether the function exists and its execution role may read the source."""
        target = self.services.functions.find(self.mapping.function_arn)
        return not missing_permissions(self.services.context, target, self.mapping.source_arn)

    def wait_until(self, condition: Callable[[], bool], seconds: float = 3600.0) -> None:
        """Wait until ``condition`` holds after a worker ended, at most ``seconds`` of AWS's time, or until stopped."""
        until = self.clock.now() + seconds
        with self._changed:
            while not self.stopped.is_set() and not condition() and self.clock.now() < until:
                self._changed.wait(min(_LOOK_SECONDS, (until - self.clock.now()) / self.clock.speed))

    def in_background(self, work: Callable[[], None]) -> None:
        """Let a worker do ``work``; counted in ``busy`` until it ends."""

        def counted() -> None:
            try:
                work()
            finally:
                with self._changed:
                    self.busy -= 1
                    self._changed.notify_all()

        with self._changed:
            self.busy += 1
        try:
            self._workers.submit(counted)
        except RuntimeError:  # closed meanwhile
            with self._changed:
                self.busy -= 1

    def wanted(self, record: dict[str, Any]) -> bool:
        """Return whether a record passes the filter criteria."""
        return filters.passes(self.mapping.patterns, record)

    def invoke(self, records: Sequence[bytes], request_id: str, links: Sequence[str] = ()) -> tuple[Target, Outcome]:
        """Run the function with a batch of records, each in JSON; ``links`` are the trace headers that they carry.

        Raises
        ------
        AWSError
            The batch did not reach the function: it is throttled, or gone.
        """
        target = self.services.functions.find(self.mapping.function_arn)
        payload = b'{"Records":[' + b",".join(records) + b"]}"
        began = time.time()
        outcome = self.services.invoker.run(
            target, Request(payload, self.mapping.service, request_id, links=tuple(links))
        )
        how_many = f"{len(records)} record{'s' if len(records) > 1 else ''}"
        self.services.context.record.add(
            "event", self.mapping.service, f"function {target.name}", how_many,
            subject=self.mapping.source_name, started=began, polled=True,
        )  # fmt: skip
        self.mapping.last_result = "PROBLEM: Function call failed" if outcome.function_error else "OK"
        return target, outcome

    def request_id(self, *parts: object) -> str:
        """Return an id made from ``parts``; the seeded source is left to the calls of the learner."""
        return str(uuid.uuid5(uuid.UUID(self.mapping.uuid), "/".join(map(str, parts))))


def as_json(record: dict[str, Any]) -> bytes:
    """Return a record as it stands in the event."""
    return json.dumps(record, separators=(",", ":")).encode()


def fitting(sizes: Sequence[int]) -> int:
    """Return how many of the first records, of those sizes in bytes, one event can hold; at least one."""
    total = _ENVELOPE_BYTES
    for number, size in enumerate(sizes):
        total += size + 1
        if total > MOST_PAYLOAD_BYTES:
            return max(1, number)
    return len(sizes)


def failures_in(payload: bytes, known: Sequence[str]) -> set[str] | None:
    """Return the identifiers that a function reported as failed; None when its answer fails the whole batch.

    AWS: an empty or null answer or list is a complete success; an answer that cannot be read, an empty or null
    identifier, a wrong key or an unknown identifier is a complete failure.
    """
    try:
        answer = json.loads(payload or b"null")
        items = (answer or {}).get("batchItemFailures") or []
        failed = {item["itemIdentifier"] for item in items}
    except (ValueError, AttributeError, KeyError, TypeError):
        return None
    return failed if failed <= set(known) else None


def missing_permissions(context: Context, target: Target, source_arn: str) -> list[str]:
    """Return what the function's execution role may not do on a source; nothing unless roles are enforced."""
    role, service, may = str(target.function.role), source_arn.split(":")[2], context.identities.role_may
    return [name for name in PERMISSIONS[service] if not may(role, f"{service}:{name}", source_arn)]


def is_throttle(error: AWSError) -> bool:
    """Return whether the service, not the function, kept a batch from running, so that it is tried again."""
    return error.status == 429 or error.status >= 500
