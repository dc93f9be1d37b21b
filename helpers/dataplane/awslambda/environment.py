"""An execution environment: one sandbox that runs one function version, one event at a time.

AWS: the first event of a new environment waits for the Init phase (the runtime starts and imports the function, at
most 10 seconds), later ones find it warm: globals, connections and /tmp are as the last event left them. Between
events the environment is frozen. An exception is the function's own affair; a crash, a timeout or too much memory
ends the runtime. A failed Init is run once more inside the first invocation ("Lambda runtime environment", Lambda
Developer Guide). Provisioned concurrency runs Init before any event comes, and gives it more time.

Differs: after a crash AWS starts the runtime anew in the same sandbox, with /tmp kept; here the environment is no
longer usable and the service makes another. Memory is that of the function's processes; AWS counts its own processes
in the sandbox too, and so reports some 20 MB more.
"""

from __future__ import annotations

import atexit
import json
import math
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from helpers.dataplane.awslambda import report
from helpers.dataplane.awslambda.log_pipe import LogLine
from helpers.dataplane.awslambda.runtime_api import Posted
from helpers.dataplane.awslambda.sandbox import EntrypointError, FunctionVersion, Sandbox
from helpers.dataplane.awslambda.worker import SAMPLE_S, Worker

__all__ = ["Environment", "FunctionVersion", "Invocation", "LogLine", "Outcome"]

INIT_LIMIT_S = 10.0
PROVISIONED_INIT_LIMIT_S = 130.0
_ALIVE: set[Environment] = set()


@dataclass(frozen=True)
class Invocation:
    """An event for a function."""

    request_id: str
    arn: str
    """The ARN by which the function was asked for."""
    payload: bytes
    trace_header: str = ""
    """``Root=...;Parent=...;Sampled=1``, or empty."""
    client_context: str = ""
    """JSON text (Invoke's parameter is the base64 of it), or empty."""


@dataclass(frozen=True)
class Outcome:
    """What came of an invocation."""

    payload: bytes
    function_error: str | None
    """None, or ``Unhandled``."""
    log: tuple[LogLine, ...]
    """What CloudWatch Logs gets, from INIT_START or START to REPORT."""
    started: float
    """When the Invoke phase began, in seconds since the epoch; a cold start's Init came before."""
    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None
    """How long Init took; None when warm, and when Init failed (its time is then part of the duration)."""
    status: str
    """``success``, ``error`` or ``timeout``."""
    error_type: str | None
    """Such as ``ZeroDivisionError``, ``Runtime.ExitError``, ``Runtime.OutOfMemory`` or ``Sandbox.Timedout``."""
    answered: float | None = None
    """When the runtime answered, in seconds since the epoch; None when it did not."""


@dataclass(frozen=True)
class _Span:
    started: float
    duration_ms: float
    init_ms: float | None


class _Fault(Exception):
    """The runtime cannot go on; ``body`` is what it said itself.

    ``error_type`` is what REPORT says, ``payload_type`` what the caller sees.
    """

    def __init__(
        self,
        message: str,
        error_type: str,
        payload_type: str = "",
        status: str = "error",
        body: bytes | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.error_type, self.status, self.body = message, error_type, status, body
        self.payload_type = payload_type or error_type


class Environment:
    """One execution environment of ``version``.

    Parameters
    ----------
    home:
        An existing folder, under which the environment makes its own.
    identity:
        32 hexadecimal digits for the name of the log stream; random unless given.
    log_stream:
        The whole name, unless AWS's form (date, version and identity) is wanted.
    """

    def __init__(self, version: FunctionVersion, home: Path, identity: str = "", log_stream: str = "") -> None:
        identity = identity or secrets.token_hex(16)
        self.version = version
        self.log_stream = log_stream or f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{version.version}]{identity}"
        self.usable = True
        self._sandbox = Sandbox(version, home, f"environment-{secrets.token_hex(8)}")
        self._worker: Worker | None = None
        self._log: list[LogLine] = []
        self._max_mb = 0.0
        self._stopping = False
        self._busy = threading.RLock()
        _ALIVE.add(self)

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run the function on one event and return what came of it; whatever the function does, it returns in time.

        It takes at most Init's 10 seconds, the function's timeout, and what it takes to kill a process.
        """
        with self._busy:
            init_ms = self._init(INIT_LIMIT_S) if self._worker is None and self.usable else None
            started, began = time.time(), time.monotonic()
            fault = None
            try:
                self._run(invocation, began + self.version.timeout_s)
            except _Fault as error:
                fault = error
            timed_out = fault is not None and fault.status == "timeout"
            seconds = self.version.timeout_s if timed_out else time.monotonic() - began
            return self._outcome(invocation, _Span(started, seconds * 1000, init_ms), fault)

    def initialise(self) -> bool:
        """Run the Init phase before any event comes; return whether it succeeded.

        Its lines stand in the log of the first invocation, without Init Duration; AWS shows that there too.
        """
        with self._busy:
            ready = self._init(max(PROVISIONED_INIT_LIMIT_S, self.version.timeout_s)) is not None
            if self._worker is not None:
                self._worker.freeze()
            return ready

    def stop(self) -> None:
        """End the environment: an invocation under way ends with an error; no process, port or folder is left."""
        self._stopping = True
        with self._busy:
            self.usable = False
            self._end_worker()
            self._sandbox.remove()
            _ALIVE.discard(self)

    def _init(self, limit_s: float) -> float | None:
        """Run the Init phase; return its milliseconds, or None if it failed and has to be run again."""
        self._write(report.init_start(self.version.runtime, self.version.system.get("AWS_REGION", "us-east-1")))
        began = time.monotonic()
        try:
            self._start(began + limit_s)
        except _Fault as fault:
            self._report_init(began, "init", fault)
            return None
        return (time.monotonic() - began) * 1000

    def _report_init(self, began: float, phase: str, fault: _Fault) -> None:
        self._end_worker()
        init_ms = (time.monotonic() - began) * 1000
        self._write(report.init_report(init_ms, phase, fault.status, fault.error_type))

    def _start(self, deadline: float) -> Worker:
        """Start the runtime and wait until it asks for an event."""
        try:
            command = self._sandbox.command()
            worker = Worker(command, self._sandbox.code, self._sandbox.variables(self.log_stream))
        except EntrypointError as error:
            raise _Fault(str(error), "Runtime.InvalidEntrypoint") from None
        except OSError as error:
            reason = (error.strerror or "").lower()
            raise _Fault(f"fork/exec /var/task/bootstrap: {reason}", "Runtime.InvalidEntrypoint") from None
        self._worker = worker
        self._wait(worker, lambda: worker.api.waiting or worker.api.posted is not None, deadline)
        if worker.api.posted is not None:
            raise _Fault("", _error_type(worker.api.posted), body=worker.api.posted.body)
        return worker

    def _start_again(self, deadline: float) -> Worker:
        """Run an Init that failed once more, as part of the invocation."""
        if self._stopping or not self.usable:
            raise _Fault(report.exit_message(-9), report.EXIT_ERROR)
        began = time.monotonic()
        try:
            return self._start(deadline)
        except _Fault as fault:
            self._report_init(began, "invoke", fault)
            raise

    def _run(self, invocation: Invocation, deadline: float) -> None:
        """Hand the event over and wait until the runtime asks for the next one."""
        try:
            worker = self._worker or self._start_again(deadline)
        finally:
            self._write(report.start(invocation.request_id, self.version.version))
        worker.thaw()
        worker.api.deliver(invocation.request_id, _headers(invocation, deadline), invocation.payload)
        self._wait(worker, lambda: worker.api.waiting, deadline)
        worker.freeze()
        self._check_memory(worker.peak_mb())

    def _wait(self, worker: Worker, ready: Callable[[], bool], deadline: float) -> None:
        """Serve the worker until ``ready``; raise ``_Fault`` if it exits, takes too long or takes too much memory."""
        while not ready():
            left = deadline - time.monotonic()
            if left <= 0:
                message = f"Task timed out after {self.version.timeout_s:.2f} seconds"
                raise _Fault(message, report.TIMED_OUT, status="timeout")
            if self._stopping:
                raise _Fault(report.exit_message(-9), report.EXIT_ERROR)
            worker.turn(min(left, SAMPLE_S))
            status = worker.exit_status()
            if status is not None:
                worker.drain()
                if not ready():
                    raise _Fault(report.exit_message(status), report.EXIT_ERROR)
            self._check_memory(worker.memory_mb())

    def _check_memory(self, in_use_mb: float) -> None:
        self._max_mb = max(self._max_mb, in_use_mb)
        if self._max_mb > self.version.memory_mb:
            raise _Fault(report.exit_message(-9), report.OUT_OF_MEMORY, report.EXIT_ERROR)

    def _write(self, text: str, *, finish: bool = False) -> None:
        """Add a line of the service to the log, after what the function wrote so far; ``finish`` ends an unfinished
        line."""
        if self._worker is not None:
            self._take(self._worker.lines(finish=finish))
        self._append(int(time.time() * 1000), text)

    def _take(self, lines: list[LogLine]) -> None:
        for line in lines:
            self._append(line.time_ms, self._sandbox.as_on_aws(line.text.encode()).decode())

    def _append(self, time_ms: int, text: str) -> None:
        # a frame knows when it was written, a line only when it was read: the order is that of writing
        newest = self._log[-1].time_ms if self._log else 0
        self._log.append(LogLine(max(newest, time_ms), text))

    def _end_worker(self) -> None:
        if self._worker is not None:
            self._max_mb = max(self._max_mb, self._worker.peak_mb())
            worker, self._worker = self._worker, None
            self._take(worker.kill(self._sandbox.folder))

    def _outcome(self, invocation: Invocation, span: _Span, fault: _Fault | None) -> Outcome:
        posted = self._worker.api.posted if self._worker is not None else None
        if fault is not None:
            self.usable = False
            self._end_worker()
            if fault.status == "timeout":
                self._write(report.timed_out_line(time.time(), invocation.request_id, self.version.timeout_s))
            elif fault.body is None:
                self._write(report.fault_line(invocation.request_id, fault.message, fault.payload_type))
        status, error_type, payload = _verdict(invocation.request_id, fault, posted)
        memory_mb = self.version.memory_mb
        out_of_memory = error_type == report.OUT_OF_MEMORY
        max_memory_mb = memory_mb if out_of_memory else min(memory_mb, math.ceil(self._max_mb))
        self._write(report.end(invocation.request_id), finish=True)
        shown = (fault.status, fault.error_type) if fault is not None else ("", "")
        usage = (span.duration_ms, memory_mb, max_memory_mb, span.init_ms)
        self._write(report.report(invocation.request_id, *usage, *shown, invocation.trace_header))
        log, self._log = tuple(self._log), []
        return Outcome(
            payload=self._sandbox.as_on_aws(payload),
            function_error=None if status == "success" else "Unhandled",
            log=log,
            started=span.started,
            duration_ms=span.duration_ms,
            billed_ms=report.billed_ms(span.duration_ms, span.init_ms),
            memory_mb=memory_mb,
            max_memory_mb=max_memory_mb,
            init_ms=span.init_ms,
            status=status,
            error_type=error_type,
            answered=posted.time if posted is not None else None,
        )


def _headers(invocation: Invocation, deadline: float) -> dict[str, str]:
    deadline_ms = int((time.time() + deadline - time.monotonic()) * 1000)
    headers = {
        "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
        "Lambda-Runtime-Invoked-Function-Arn": invocation.arn,
        "Lambda-Runtime-Trace-Id": invocation.trace_header,
        "Lambda-Runtime-Client-Context": invocation.client_context,
    }
    return {name: value for name, value in headers.items() if value}


def _verdict(request_id: str, fault: _Fault | None, posted: Posted | None) -> tuple[str, str | None, bytes]:
    """Return status, error type and payload: what the runtime posted, unless a fault overrules it."""
    if posted is not None and (fault is None or fault.error_type == report.EXIT_ERROR):
        if posted.kind == "response":
            return "success", None, posted.body
        if posted.kind == "too large":
            return "error", posted.error_type, report.too_large_payload()
        return "error", _error_type(posted), posted.body
    assert fault is not None, "the runtime asked for the next event without an answer to this one"
    body = fault.body or report.fault_payload(request_id, fault.message, fault.payload_type)
    return fault.status, fault.error_type, body


def _error_type(posted: Posted) -> str:
    try:
        return str(json.loads(posted.body)["errorType"])
    except (ValueError, KeyError, TypeError):
        return posted.error_type or "Runtime.Unknown"


def _stop_all() -> None:
    for environment in list(_ALIVE):
        environment.stop()


atexit.register(_stop_all)
os.register_at_fork(after_in_child=_ALIVE.clear)
