"""What the Lambda service itself writes: its log lines, and the error payloads that no runtime could make.

AWS: the lines INIT_START, START, END, REPORT (with XRAY) and INIT_REPORT stand in the function's log stream between
the lines of the function; a sandbox that timed out, exited or ran out of memory cannot answer, so the service answers
for it. Forms as AWS wrote them in 2026 ("Viewing CloudWatch logs for Python Lambda functions" and "Lambda runtime
environment", Lambda Developer Guide). Each text ends as AWS's does, with a line break.

Differs: the runtime's version and its ARN are invented, and the same each time.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import signal
import time

MAX_RESPONSE_BYTES = 6_291_556
"""6 MB and 100 bytes: what AWS names when a response is larger."""
EXIT_ERROR = "Runtime.ExitError"
TIMED_OUT = "Sandbox.Timedout"
OUT_OF_MEMORY = "Runtime.OutOfMemory"


def init_start(runtime: str, region: str) -> str:
    """Return the line with which a cold start begins; ``runtime`` is Lambda's name of it, such as ``python3.13``."""
    family, version = re.fullmatch(r"([a-z]*)\.?(.*?)(?:\.x)?", runtime).groups()  # type: ignore[union-attr]
    digest = hashlib.sha256(runtime.encode()).hexdigest()
    return (
        f"INIT_START Runtime Version: {family}:{version}.v1\t"
        f"Runtime Version ARN: arn:aws:lambda:{region}::runtime:{digest}\n"
    )


def init_report(init_ms: float, phase: str, status: str, error_type: str = "") -> str:
    """Return the line that AWS writes for an Init that failed.

    ``phase`` is ``init``, or ``invoke`` when it was run again. An ``error_type`` that is not Lambda's own is not named.
    """
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\t{_status(status, error_type)}\n"


def start(request_id: str, version: str) -> str:
    """Return the line with which an invocation begins."""
    return f"START RequestId: {request_id} Version: {version}\n"


def end(request_id: str) -> str:
    """Return the line with which an invocation ends."""
    return f"END RequestId: {request_id}\n"


def report(
    request_id: str,
    duration_ms: float,
    memory_mb: int,
    max_memory_mb: int,
    init_ms: float | None = None,
    status: str = "",
    error_type: str = "",
    trace_header: str = "",
) -> str:
    """Return the line that says what an invocation used.

    Parameters
    ----------
    init_ms:
        How long the cold start took; None for a warm environment and where Init failed.
    status:
        Empty unless the invocation ended with ``timeout`` or ``error``. An exception of the handler is not an error
        here: the runtime reported it and lives on.
    trace_header:
        The X-Ray header; a sampled trace adds a second line.
    """
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {duration_ms:.2f} ms",
        f"Billed Duration: {billed_ms(duration_ms, init_ms)} ms",
        f"Memory Size: {memory_mb} MB",
        f"Max Memory Used: {max_memory_mb} MB",
    ]
    if init_ms is not None:
        parts.append(f"Init Duration: {init_ms:.2f} ms")
    parts.append(_status(status, error_type))
    return "\t".join(parts) + "\n" + _trace(trace_header)


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Return the milliseconds that are paid for: since August 2025 a cold start's Init too, rounded up together."""
    return math.ceil(round(duration_ms, 2) + round(init_ms or 0.0, 2))


def _status(status: str, error_type: str) -> str:
    if status != "error":
        return f"Status: {status}" if status else ""
    known = re.fullmatch(r"(Runtime|Function)\.[A-Z][a-zA-Z]+", error_type)
    return f"Status: error\tError Type: {error_type if known else 'Runtime.Unknown'}"


def _trace(header: str) -> str:
    fields = dict(part.partition("=")[::2] for part in header.split(";"))
    if fields.get("Sampled") != "1":
        return ""
    return f"XRAY TraceId: {fields.get('Root', '')}\tSegmentId: {fields.get('Parent', '')}\tSampled: true\t\n"


def timed_out_line(now: float, request_id: str, timeout_s: float) -> str:
    """Return the line that says that an invocation was killed at its timeout; ``now`` is seconds since the epoch."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z"
    return f"{moment} {request_id} Task timed out after {timeout_s:.2f} seconds\n\n"


def fault_line(request_id: str, message: str, error_type: str) -> str:
    """Return the line that says why the runtime is gone."""
    return f"RequestId: {request_id} Error: {message}\n{error_type}\n"


def fault_payload(request_id: str, message: str, error_type: str) -> bytes:
    """Return what the caller gets when the runtime is gone."""
    body = {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {message}"}
    return json.dumps(body, separators=(",", ":")).encode()


def too_large_payload() -> bytes:
    """Return what the caller gets for a response of more than ``MAX_RESPONSE_BYTES``."""
    message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
    return json.dumps({"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}).encode()


def exit_message(status: int) -> str:
    """Return how AWS words the end of a runtime process; ``status`` as ``subprocess`` has it, negative for a signal."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    name = (signal.strsignal(-status) or f"signal {-status}").partition(":")[0].lower()
    return f"Runtime exited with error: signal: {name}"
