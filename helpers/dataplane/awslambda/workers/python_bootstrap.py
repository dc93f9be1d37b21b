"""A Runtime API client in plain Python, for machines without AWS's own (awslambdaric has no wheels for macOS).

It does what awslambdaric does, in its words: the same error bodies, log lines and context ("Building a custom
runtime", Lambda Developer Guide). Differs: text logs only, a Decimal comes back as a float, and there are no
SnapStart hooks.
"""

import decimal
import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback
from types import SimpleNamespace, TracebackType
from typing import Any

_API = "/2018-06-01/runtime/"
_WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare "
    "cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, "
    "runtime updates can be triggered by a function change, or can be applied automatically. To determine if the "
    "runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with a "
    "change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous "
    "runtime version. For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html"
)


class Fault(Exception):
    """An error that the runtime itself found; ``kind`` is Lambda's name of it."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.trace = kind, message, trace or []


class Client:
    """The Runtime API over one connection."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._stream = self._socket.makefile("rb")

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[dict[str, str], bytes]:
        """Send a request; return the headers (names in lower case) and the body of the response."""
        lines = [f"{method} {_API}{path} HTTP/1.1", "Host: runtime", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        status = self._stream.readline().split(b" ", 2)
        if len(status) < 3:
            raise SystemExit(1)  # the environment is gone
        received: dict[str, str] = {}
        while line := self._stream.readline().decode().strip():
            name, _, value = line.partition(":")
            received[name.strip().lower()] = value.strip()
        content = self._stream.read(int(received["content-length"]))
        if not status[1].startswith(b"2"):
            code = status[1].decode()
            _write(f"[ERROR] LAMBDA_RUNTIME Failed to post handler success response. Http response code: {code}.\n")
            raise RuntimeError("Failed to post invocation response")
        return received, content


class Context:
    """The second argument of a handler."""

    def __init__(self, headers: dict[str, str]) -> None:
        name = os.environ.get
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.function_name = name("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = name("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = name("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = name("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = name("AWS_LAMBDA_LOG_STREAM_NAME")
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)
        given = json.loads(headers.get("lambda-runtime-client-context") or "null")
        self.client_context = given and SimpleNamespace(
            custom=given.get("custom"), env=given.get("env"), client=SimpleNamespace(**given.get("client") or {})
        )
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left before the timeout."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


class _Log(logging.Handler):
    """Sends each record as one message, with the request's id."""

    request_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        record.aws_request_id = self.request_id
        _write(self.format(record))


_LOG = _Log()


def _write(text: str) -> None:
    """Write a text of any number of lines as one log event: a type, the length, the time in microseconds, the text."""
    data = text.encode()
    head = b"\xa5\x5a\x00\x03" + len(data).to_bytes(4, "big") + (time.time_ns() // 1000).to_bytes(8, "big")
    os.write(_LOG_FD, head + data)


_LOG_FD = int(os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD", "1"))


def main(arguments: list[str]) -> None:
    """Import the handler ``arguments[1]`` and hand it events for good."""
    logging.Formatter.converter = time.gmtime
    pattern = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
    _LOG.setFormatter(logging.Formatter(pattern, "%Y-%m-%dT%H:%M:%S"))
    logging.getLogger().addHandler(_LOG)
    client = Client(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = _load(arguments[1])
    except Exception as error:
        logging.warning(_WARNING)
        body = _describe(error, "")
        client.call("POST", "init/error", _encode(body), Lambda_Runtime_Function_Error_Type=body["errorType"])
        sys.exit(1)
    while True:
        _handle(client, handler)


def _handle(client: Client, handler: Any) -> None:
    headers, event = client.call("GET", "invocation/next")
    request_id = _Log.request_id = headers["lambda-runtime-aws-request-id"]
    os.environ.pop("_X_AMZN_TRACE_ID", None)
    if "lambda-runtime-trace-id" in headers:
        os.environ["_X_AMZN_TRACE_ID"] = headers["lambda-runtime-trace-id"]
    try:
        kind, body = "response", _encode(handler(json.loads(event), Context(headers)))
    except Exception as error:
        kind, body = "error", _encode(_describe(error, request_id))
    client.call("POST", f"invocation/{request_id}/{kind}", body)


def _load(name: str) -> Any:
    module, dot, function = name.rpartition(".")
    if not dot:
        message = f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)"
        raise Fault("Runtime.MalformedHandlerName", message)
    try:
        found = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}") from None
    except SyntaxError as error:
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}", trace) from None
    if not hasattr(found, function):
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module}'")
    return getattr(found, function)


def _encode(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    plain = os.environ.get("AWS_EXECUTION_ENV") == "AWS_Lambda_python3.11"
    try:
        return json.dumps(value, ensure_ascii=plain, default=_as_number).encode()
    except Exception as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def _as_number(value: Any) -> float:
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _describe(error: Exception, request_id: str) -> dict[str, Any]:
    """Write an error to the log as AWS words it, and return its body."""
    if isinstance(error, Fault):
        kind, message, trace = error.kind, error.message, error.trace
    else:
        kind, message, trace = type(error).__name__, str(error), _frames(error.__traceback__)
    lines = [f"[ERROR] {kind}: {message}" if message else f"[ERROR] {kind}", "Traceback (most recent call last):"]
    _write("\n".join([*lines, *(line for entry in trace for line in entry.splitlines())]))
    return {"errorMessage": message, "errorType": kind, "requestId": request_id, "stackTrace": trace}


def _frames(trace: TracebackType | None) -> list[str]:
    """Return the frames of the function, without those of the runtime."""
    own = (__file__, os.path.join(os.path.dirname(__file__), "folders.py"))
    kept = [frame for frame in traceback.extract_tb(trace) if frame.filename not in own]
    # as tuples they lose the column markers, which AWS does not show
    plain = [traceback.FrameSummary(frame.filename, frame.lineno, frame.name, line=frame.line) for frame in kept]
    return traceback.format_list(plain)
