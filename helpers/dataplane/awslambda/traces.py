"""Lambda's own part of a trace: the header that a function gets, and the segments that the service records.

AWS: with tracing ``Active`` Lambda follows the decision in the header, or decides itself where there is none, and
records two segments of the function's name: ``AWS::Lambda`` for the service, and below it ``AWS::Lambda::Function``
with the subsegments Initialization (a cold start), Invocation and Overhead. ``PassThrough`` only hands the header on;
without one Lambda makes one. ``_X_AMZN_TRACE_ID`` names the function's segment as Parent, so that what the X-Ray SDK
sends extends it. The execution role must allow ``xray:PutTraceSegments``, which is asked when tracing is switched on
("Visualize Lambda function invocations using AWS X-Ray", Lambda Developer Guide). A batch from SQS gets a trace of its
own, linked to at most 20 of its messages' ("Tracing event-driven applications", X-Ray Developer Guide). The fields of
the segments are those of recorded traces.

Differs: a retry of an asynchronous event is one more pair of segments in the same trace, where AWS has attempts within
one. Unsourced: that a function's error is a fault of both segments (AWS's runtime client calls it so), that a batch is
recorded when one of its messages is, and that the links are the service segment's.
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

from helpers.dataplane import tracing
from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.awslambda.functions import Target
from helpers.dataplane.awslambda.seams import kept_of
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.tracing import TraceHeader
from helpers.dataplane.xray.daemon import IDLE_SECONDS, Daemon

MOST_LINKS = 20
PERMISSION = "xray:PutTraceSegments"
_FRAME = re.compile(r'\s*File "([^"]*)", line (\d+), in (\S+)')


@dataclass(frozen=True)
class Traced:
    """An invocation's place in its trace."""

    header: str
    """What the function gets."""
    came: TraceHeader
    links: tuple[str, ...]
    segment_id: str
    """The service segment's id; empty when nothing is recorded."""
    function_id: str
    started: float


class FunctionTraces:
    """Records the invocations of one account's functions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._daemons: dict[str, Daemon] = {}
        self._lock = threading.Lock()

    def daemon_address(self, role: str) -> str:
        """Return where the daemon for functions with that execution role listens."""
        with self._lock:
            if role not in self._daemons:
                idle = IDLE_SECONDS / self._context.clock.speed
                self._daemons[role] = Daemon(lambda documents: self._upload(role, documents), idle_seconds=idle)
            return self._daemons[role].address

    def _upload(self, role: str, documents: list[str]) -> int:
        if not self._context.identities.role_may(role, PERMISSION, "*"):
            raise PermissionError(f"{role} may not call {PERMISSION}")
        rejected = 0
        for document in documents:
            try:
                self._context.traces.put(document)
            except AWSError:
                rejected += 1
        return rejected

    def stop(self) -> None:
        """Stop the daemons."""
        with self._lock:
            for daemon in self._daemons.values():
                daemon.stop(flush=False)

    def begin(self, target: Target, header: str, links: tuple[str, ...]) -> Traced:
        """Decide about an invocation that came with ``header``, or with a batch of messages with ``links``."""
        came = self.decided(target, _of_batch(links) if links else TraceHeader.parse(header))
        active, sampled = is_active(kept_of(target.function)), bool(came.sampled)
        recorded = active and sampled and self._context.identities.role_may(target.function.role, PERMISSION, "*")
        own = tracing.new_id()
        self._context.traces.own(own, f"function {target.name}")
        given = replace(came, parent=own if recorded or not came.parent else came.parent, sampled=sampled)
        return Traced(str(given), came, links, tracing.new_id() if recorded else "", own, time.time())

    def decided(self, target: Target, came: TraceHeader) -> TraceHeader:
        """Return a header with a trace, and with a decision if the function may take one: once for all retries."""
        if not came.root:
            came = TraceHeader(tracing.new_trace_id(), sampled=came.sampled)
        if came.sampled is None and is_active(kept_of(target.function)):
            came = replace(came, sampled=self._context.sampling.decide_for_lambda())
        return came

    def end(self, traced: Traced, target: Target, request_id: str, outcome: Outcome) -> None:
        """Record an invocation that ran."""
        if not traced.segment_id:
            return
        failed = _failure(outcome)
        arn, name = str(target.function.function_arn).partition(":$LATEST")[0], target.name
        self._service(traced, target, request_id, 200, {"fault": True} if failed else {})
        aws = {"account_id": self._context.account_id, "function_arn": arn, "resource_names": [name]}
        self._context.traces.emit(
            {
                "id": traced.function_id,
                "name": name,
                "trace_id": traced.came.root,
                "parent_id": traced.segment_id,
                "start_time": outcome.started,
                "end_time": outcome.started + outcome.duration_ms / 1000,
                "aws": aws,
                "origin": "AWS::Lambda::Function",
                **failed,
                "subsegments": [{**part, "aws": {"function_arn": arn}} for part in _parts(outcome, failed)],
            }
        )

    def throttled(self, traced: Traced, target: Target, request_id: str) -> None:
        """Record an invocation that did not run."""
        if traced.segment_id:
            self._service(traced, target, request_id, 429, {"error": True, "throttle": True})

    def _service(self, traced: Traced, target: Target, request_id: str, status: int, flags: dict[str, bool]) -> None:
        parent = {"parent_id": traced.came.parent} if traced.came.parent else {}
        linked = [_link(TraceHeader.parse(header)) for header in dict.fromkeys(traced.links)]
        links = {"links": linked[:MOST_LINKS]} if linked else {}
        self._context.traces.emit(
            {
                "id": traced.segment_id,
                "name": target.name,
                "trace_id": traced.came.root,
                **parent,
                "start_time": traced.started,
                "end_time": time.time(),
                "http": {"response": {"status": status}},
                "aws": {"request_id": request_id},
                "origin": "AWS::Lambda",
                "resource_arn": target.arn,
                **flags,
                **links,
            }
        )


def is_active(settings: dict[str, Any]) -> bool:
    """Return whether a function's settings switch active tracing on."""
    return (settings.get("TracingConfig") or {}).get("Mode") == "Active"


def _of_batch(links: tuple[str, ...]) -> TraceHeader:
    decisions = {TraceHeader.parse(header).sampled for header in links}
    return TraceHeader(
        tracing.new_trace_id(), sampled=True if True in decisions else next(iter(decisions - {None}), None)
    )


def _link(header: TraceHeader) -> dict[str, str]:
    return {"trace_id": header.root, **({"id": header.parent} if header.parent else {})}


def _parts(outcome: Outcome, failed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the subsegments of a function; Initialization came before the function's segment began."""
    end = outcome.started + outcome.duration_ms / 1000
    answered = min(outcome.answered or end, end)
    spans = [("Invocation", outcome.started, answered), ("Overhead", answered, end)]
    if outcome.init_ms is not None:
        spans.insert(0, ("Initialization", outcome.started - outcome.init_ms / 1000, outcome.started))
    return [
        {"id": tracing.new_id(), "name": name, "start_time": start, "end_time": until}
        | (failed if name == "Invocation" else {})
        for name, start, until in spans
    ]


def _failure(outcome: Outcome) -> dict[str, Any]:
    """Return what a segment says of a function that failed: a fault, and the exception as its cause."""
    if not outcome.function_error:
        return {}
    try:
        body = json.loads(outcome.payload)
        message, kind, trace = body.get("errorMessage"), body.get("errorType"), body.get("stackTrace") or []
    except (ValueError, AttributeError):
        message, kind, trace = outcome.payload.decode("utf-8", "replace"), outcome.error_type, []
    frames = [match for line in trace if (match := _FRAME.match(str(line)))]
    stack = [{"path": frame[1], "line": int(frame[2]), "label": frame[3]} for frame in frames]
    exception = {"id": tracing.new_id(), "message": str(message or ""), "type": str(kind or ""), "stack": stack}
    return {"fault": True, "cause": {"working_directory": "/var/task", "exceptions": [exception]}}
