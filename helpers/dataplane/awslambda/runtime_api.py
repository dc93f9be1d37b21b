"""The Lambda Runtime API, version 2018-06-01: how the process inside an execution environment gets events and answers.

AWS: the runtime asks ``GET runtime/invocation/next`` and waits there until there is an event; it posts the result to
``runtime/invocation/ID/response`` or ``/error``, or to ``runtime/init/error`` when it cannot start. Any HTTP client
will do: awslambdaric, Node.js, or curl in a shell script ("Using the Lambda runtime API for custom runtimes", Lambda
Developer Guide).

This: one listening port on 127.0.0.1 for each environment, served by the thread that waits for the outcome, so that
nothing runs while the environment is idle. Other users of the machine are not let in (on Linux, which tells who it is).
Differs: no Extensions API, no SnapStart hooks, no response streaming (a streamed response is collected whole).
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from helpers.dataplane.awslambda.report import MAX_RESPONSE_BYTES

_PREFIX = "/2018-06-01/runtime/"
_PIECE = 256 * 1024
_PATIENCE_S = 10.0
_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 413: "Request Entity Too Large"}


@dataclass(frozen=True)
class Posted:
    """What the runtime posted: ``kind`` is ``response``, ``error``, ``init error`` or ``too large``."""

    kind: str
    body: bytes
    error_type: str = ""
    time: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Request:
    """One HTTP request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class RuntimeApi:
    """The API of one environment: one runtime, one event at a time.

    Sockets are registered with ``selector``; the ``data`` of each is to be called when it has something to read.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: set[_Connection] = set()
        self._parked: _Connection | None = None
        self._request_id = ""
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.posted: Posted | None = None
        selector.register(self._listener, selectors.EVENT_READ, self._accept)

    @property
    def waiting(self) -> bool:
        """Whether the runtime has asked for the next event."""
        return self._parked is not None

    def deliver(self, request_id: str, headers: Mapping[str, str], payload: bytes) -> None:
        """Answer the waiting runtime with an event; ``headers`` are those of AWS, without the request id."""
        assert self._parked is not None, "the runtime has not asked for an event"
        connection, self._parked = self._parked, None
        self._request_id, self.posted = request_id, None
        # a runtime that has died in the meantime is found out by those who wait for its answer
        with contextlib.suppress(OSError):
            connection.answer(200, payload, {"Lambda-Runtime-Aws-Request-Id": request_id, **headers})

    def close(self) -> None:
        """Close the port and all connections."""
        for connection in list(self._connections):
            self._forget(connection)
        self._selector.unregister(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        connected, address = self._listener.accept()
        if not _same_user(address[1], self._listener.getsockname()[1]):
            connected.close()
            return
        connection = _Connection(connected)
        self._connections.add(connection)
        self._selector.register(connection.socket, selectors.EVENT_READ, self._reader(connection))

    def _reader(self, connection: _Connection) -> Callable[[], None]:
        def read() -> None:
            try:
                for request in connection.receive():
                    self._handle(connection, request)
            except (OSError, ValueError):
                self._forget(connection)

        return read

    def _forget(self, connection: _Connection) -> None:
        if self._parked is connection:
            self._parked = None
        self._connections.discard(connection)
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _handle(self, connection: _Connection, request: Request) -> None:
        call = request.path.removeprefix(_PREFIX)
        if (request.method, call) == ("GET", "invocation/next"):
            self._parked = connection
            return
        kinds = {
            f"invocation/{self._request_id}/response": "response",
            f"invocation/{self._request_id}/error": "error",
            "init/error": "init error",
        }
        if request.method != "POST" or call not in kinds:
            known = request.method == "POST" and call.startswith("invocation/")
            name = "InvalidRequestID" if known else "NotFound"
            self._refuse(connection, 400 if known else 404, name, f"no such call: {request.method} {request.path}")
        elif len(request.body) > MAX_RESPONSE_BYTES:
            self.posted = Posted("too large", b"", "Function.ResponseSizeTooLarge")
            message = f"Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            self._refuse(connection, 413, "RequestEntityTooLarge", message)
        else:
            error_type = request.headers.get("lambda-runtime-function-error-type", "")
            self.posted = Posted(kinds[call], request.body, error_type)
            connection.answer(202, b'{"status":"OK"}\n')

    def _refuse(self, connection: _Connection, status: int, error_type: str, message: str) -> None:
        connection.answer(status, json.dumps({"errorMessage": message, "errorType": error_type}).encode())


class _Connection:
    """One HTTP/1.1 connection, kept alive as long as the other side likes."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self._received = bytearray()
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.settimeout(_PATIENCE_S)

    def receive(self) -> list[Request]:
        """Read what has come; return the requests that are complete.

        Raises
        ------
        OSError, ValueError
            The other side has closed, or does not speak HTTP.
        """
        piece = self.socket.recv(_PIECE)
        if not piece:
            raise ConnectionResetError("closed by the runtime")
        self._received += piece
        requests = []
        while (found := parse(self._received)) is not None:
            request, length = found
            del self._received[:length]
            requests.append(request)
        return requests

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a response in one piece: a second packet would wait 40 ms for the acknowledgement of the first."""
        lines = [
            f"HTTP/1.1 {status} {_REASONS[status]}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        lines += [f"{name}: {' '.join(value.split())}" for name, value in (headers or {}).items()]
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def _same_user(port: int, own_port: int) -> bool:
    """Say whether ``port`` on this machine is a socket of our user; where the system does not tell, believe it."""
    try:
        with open("/proc/net/tcp") as table:
            rows = [row.split() for row in table]
    except OSError:
        return True
    ends = (f":{port:04X}", f":{own_port:04X}")
    return any(row[1].endswith(ends[0]) and row[2].endswith(ends[1]) and int(row[7]) == os.getuid() for row in rows[1:])


def parse(received: bytearray) -> tuple[Request, int] | None:
    """Return the first HTTP request in ``received`` and its length in bytes, or None while it is incomplete.

    Raises
    ------
    ValueError
        It is not an HTTP request.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    begin = end + 4
    if headers.get("transfer-encoding", "").lower() == "chunked":
        found = _unchunk(received, begin)
        if found is None:
            return None
        body, length = found
    else:
        length = begin + int(headers.get("content-length", 0))
        if len(received) < length:
            return None
        body = bytes(received[begin:length])
    return Request(method, path, headers, body), length


def _unchunk(received: bytearray, at: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while (line_end := received.find(b"\r\n", at)) >= 0:
        size = int(received[at:line_end].partition(b";")[0], 16)
        at = line_end + 2
        if len(received) < at + size + 2:
            return None
        if size == 0:
            trailer_end = at if received[at : at + 2] == b"\r\n" else received.find(b"\r\n\r\n", at) + 2
            return (bytes(body), trailer_end + 2) if trailer_end > 1 else None
        body += received[at : at + size]
        at += size + 2
    return None
