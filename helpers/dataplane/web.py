"""HTTP as the front door sees it: a request, a response, and the server that carries them on 127.0.0.1.

The server is the standard library's. Two habits of it cost 40 ms a call, because the peer delays its acknowledgement:
writing headers and body as two packets, and Nagle's algorithm. Here a response is one write and Nagle is off.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from werkzeug.datastructures import Headers

IDLE_SECONDS = 120
LARGEST_BODY = 100 * 1024 * 1024
_LONGEST_LINE = 65536


@dataclass
class HttpRequest:
    """An HTTP request. ``path`` is as it came (percent-encoded); ``query`` is without the question mark."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes = b""
    socket: socket.socket | None = None
    """The connection, when there is one: a call from this process has none."""
    domain: str = ""
    """The API's custom domain name by which it came, if it came by one."""

    @property
    def url(self) -> str:
        """The address as the caller wrote it, from the Host header."""
        return f"http://{self.headers.get('Host', '')}{self.path}" + (f"?{self.query}" if self.query else "")


@dataclass
class HttpResponse:
    """An HTTP response with the whole body."""

    status: int = 200
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""
    upgrade: Callable[[socket.socket, bytes], None] | None = None
    """Speaks another protocol once the head is sent (101): it gets the connection, for as long as it likes, and what
    came too early."""


Answer = Callable[[HttpRequest], HttpResponse]


class LocalServer:
    """Serve ``answer`` on 127.0.0.1, a thread for each connection.

    Parameters
    ----------
    answer:
        Called for each request; must not raise.
    port:
        0 takes a free port.

    Raises
    ------
    OSError
        The port is taken.
    """

    def __init__(self, answer: Answer, port: int = 0) -> None:
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        self._server = _Server(("127.0.0.1", port), handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.5,), name="front-door", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and close every open connection."""
        stopping = threading.Thread(target=self._server.shutdown, name="front-door-stop")
        stopping.start()
        with contextlib.suppress(OSError):
            # wakes the server, which otherwise looks only twice a second whether it is to stop
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        stopping.join()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join(5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without the reverse look-up of the host's name that the standard server makes."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that goes away is no news: nothing is printed into the learner's notebook."""


class _Malformed(ValueError):
    """A body that cannot be read."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    answer: ClassVar[Answer]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = IDLE_SECONDS

    def handle_method(self) -> None:
        path, _, query = self.path.partition("?")
        try:
            headers = Headers(self.headers.items())
            body = self._chunks() if "chunked" in headers.get("Transfer-Encoding", "").lower() else self._plain_body()
        except _Malformed as error:
            self.send_error(error.status)
        except ValueError:
            self.send_error(400)
        else:
            response = type(self).answer(HttpRequest(self.command, path, query, headers, body, self.connection))
            if response.upgrade is None:
                self._send(response)
            else:
                self._switch(response, response.upgrade)

    def _switch(self, response: HttpResponse, upgrade: Callable[[socket.socket, bytes], None]) -> None:
        """Let another protocol have the connection; one that is lost by then is its business too."""
        self.close_connection = True
        early = b""
        with contextlib.suppress(OSError):
            self.send_response_only(response.status)
            for name, value in response.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.flush()
            self.connection.setblocking(False)
            early = self.rfile.peek()  # type: ignore[attr-defined]
        upgrade(self.connection, early)

    def _send(self, response: HttpResponse) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value if value.isascii() else value.encode().decode("latin-1"))
        length = response.headers.get("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", length or str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = handle_method

    def _plain_body(self) -> bytes:
        length = self.headers.get("Content-Length", "0")
        return self._exactly(int(length) if length.isdecimal() else -1)

    def _chunks(self) -> bytes:
        body = bytearray()
        while size := self._chunk_size():
            body += self._exactly(size, LARGEST_BODY - len(body))
            self.rfile.readline(_LONGEST_LINE)
        while self.rfile.readline(_LONGEST_LINE).strip():
            """A trailer: nobody here asks for one."""
        return bytes(body)

    def _chunk_size(self) -> int:
        text = self.rfile.readline(_LONGEST_LINE).partition(b";")[0].strip()
        return int(text, 16) if text.isalnum() else -1

    def _exactly(self, size: int, most: int = LARGEST_BODY) -> bytes:
        if size < 0 or size > most:
            raise _Malformed(400 if size < 0 else 413)
        content = self.rfile.read(size)
        if len(content) < size:
            raise _Malformed(400)
        return content

    def handle_expect_100(self) -> bool:
        """Ask for the body at once: S3 clients wait a second for this line, which buffered writing would keep back."""
        carries_on = super().handle_expect_100()
        self.wfile.flush()
        return carries_on

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not HTTP, in one line of HTTP, and hang up."""
        self.close_connection, self.request_version = True, "HTTP/1.1"
        self.command = self.command or ""
        text = f"{code} {message or self.responses[code][0]}\n"
        self._send(HttpResponse(code, Headers({"Content-Type": "text/plain; charset=utf-8"}), text.encode()))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: a notebook's output is the learner's."""


def free_port() -> int:
    """Return a port of 127.0.0.1 for a server that another process will start.

    It lies below those that the system gives to whoever takes any, so that it stays free until that server listens.
    """
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", 10_000 + secrets.randbelow(20_000)))
            return int(probe.getsockname()[1])
