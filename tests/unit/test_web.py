"""The server on 127.0.0.1: one write for each answer, connections kept, bodies in every form that HTTP has."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers

from helpers.dataplane.web import HttpRequest, HttpResponse, LocalServer

Echo = tuple[LocalServer, list[HttpRequest]]
shared = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def echo() -> Iterator[Echo]:
    """A server that answers with what it got, and what it got."""
    seen: list[HttpRequest] = []

    def answer(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        headers = Headers([("X-One", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Length", "7")])
        return HttpResponse(201, headers, request.body)

    server = LocalServer(answer)
    yield server, seen
    server.stop()


@pytest.fixture
def connection(echo: Echo) -> Iterator[HTTPConnection]:
    """A connection to it."""
    opened = HTTPConnection("127.0.0.1", echo[0].port, timeout=10)
    yield opened
    opened.close()


@shared
@given(
    st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    st.binary(max_size=300),
    st.text(alphabet="abc/%20?&=", max_size=20),
)
def test_a_request_arrives_as_it_was_sent(
    echo: Echo, connection: HTTPConnection, method: str, body: bytes, target: str
) -> None:
    target = "/x" + target
    connection.request(method, target, body, {"X-Name": "value"})
    response = connection.getresponse()
    assert (response.status, response.read()) == (201, body)
    got = echo[1][-1]
    path, _, query = target.partition("?")
    assert (got.method, got.path, got.query, got.body) == (method, path, query, body)
    assert got.headers["x-name"] == "value"
    assert got.url == f"http://127.0.0.1:{echo[0].port}{path}" + (f"?{query}" if query else "")


def test_headers_that_come_twice_are_kept_twice(connection: HTTPConnection) -> None:
    connection.request("GET", "/")
    response = connection.getresponse()
    response.read()
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert response.headers.get_all("Content-Length") == ["0"], "the length of the body is the server's affair"


def test_head_has_the_length_and_no_body(connection: HTTPConnection) -> None:
    connection.request("HEAD", "/")
    response = connection.getresponse()
    assert (response.status, response.headers["Content-Length"], response.read()) == (201, "7", b"")
    connection.request("GET", "/")
    assert connection.getresponse().status == 201, "the connection is where the next answer begins"


@shared
@given(st.lists(st.binary(min_size=1, max_size=100), max_size=6))
def test_chunks_are_joined(echo: Echo, connection: HTTPConnection, chunks: list[bytes]) -> None:
    connection.request("PUT", "/", iter(chunks), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    response = connection.getresponse()
    assert response.read() == b"".join(chunks)


def test_a_connection_is_kept(echo: Echo, connection: HTTPConnection) -> None:
    ports = set()
    for _ in range(5):
        connection.request("POST", "/", b"x")
        connection.getresponse().read()
        got = echo[1][-1].socket
        assert got is not None
        ports.add(got.getpeername()[1])
        assert got.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    assert len(ports) == 1


@pytest.mark.parametrize(
    "request_bytes",
    [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"],
    ids=["old", "asked"],
)
def test_a_connection_is_closed_when_that_is_wished(echo: Echo, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", echo[0].port), 10) as opened:
        opened.sendall(request_bytes)
        received = b""
        while piece := opened.recv(4096):
            received += piece
    assert received.startswith(b"HTTP/1.1 201 Created\r\n")


def test_an_answer_is_one_write(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers and body in two packets would wait 40 ms for a delayed acknowledgement."""
    writes: list[int] = []
    original = socket.socket.sendall

    def sendall(self: socket.socket, data: bytes, *rest: int) -> None:
        if self.getsockname()[1] == echo[0].port:
            writes.append(len(data))
        original(self, data, *rest)

    original_send = socket.socket.send

    def send(self: socket.socket, data: bytes, *rest: int) -> int:
        if self.getsockname()[1] == echo[0].port:
            writes.append(len(data))
        return original_send(self, data, *rest)

    monkeypatch.setattr(socket.socket, "sendall", sendall)
    monkeypatch.setattr(socket.socket, "send", send)
    with socket.create_connection(("127.0.0.1", echo[0].port), 10) as opened:
        opened.sendall(b"POST / HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
        received = b""
        while piece := opened.recv(65536):
            received += piece
    assert received.endswith(b"\r\n\r\nabc")
    assert writes == [len(received)]


def test_expect_100_continue_is_answered_before_the_body(echo: Echo) -> None:
    """botocore asks so before it uploads an object; without an answer it waits a second."""
    with socket.create_connection(("127.0.0.1", echo[0].port), 10) as opened:
        head = b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        opened.sendall(head)
        assert opened.recv(4096).startswith(b"HTTP/1.1 100 Continue\r\n")
        opened.sendall(b"abc")
        received = b""
        while piece := opened.recv(4096):
            received += piece
    assert received.startswith(b"HTTP/1.1 201 ")
    assert received.endswith(b"abc")


def test_characters_beyond_latin_1_in_a_header_do_not_break_the_answer() -> None:
    server = LocalServer(lambda _: HttpResponse(200, Headers([("X-Title", "Bücher 📚")]), b"ok"))
    try:
        opened = HTTPConnection("127.0.0.1", server.port, timeout=10)
        opened.request("GET", "/")
        response = opened.getresponse()
        assert response.read() == b"ok"
        assert response.headers["X-Title"].encode("latin-1").decode() == "Bücher 📚"
        opened.close()
    finally:
        server.stop()


def test_slow_answers_do_not_wait_for_one_another() -> None:
    both = threading.Barrier(2, timeout=10)

    def answer(_: HttpRequest) -> HttpResponse:
        both.wait()
        return HttpResponse(200)

    server = LocalServer(answer)
    try:
        statuses: list[int] = []

        def ask() -> None:
            opened = HTTPConnection("127.0.0.1", server.port, timeout=15)
            opened.request("GET", "/")
            statuses.append(opened.getresponse().status)
            opened.close()

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert statuses == [200, 200]
    finally:
        server.stop()


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait for a condition; return whether it came."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_stop_closes_the_port_and_every_connection() -> None:
    before = threading.active_count()
    server = LocalServer(lambda _: HttpResponse(200))
    kept = HTTPConnection("127.0.0.1", server.port, timeout=10)
    kept.request("GET", "/")
    kept.getresponse().read()
    idle = socket.create_connection(("127.0.0.1", server.port), 10)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 5, "nobody is waited for"
    with contextlib.suppress(ConnectionResetError):
        assert idle.recv(1) == b"", "closed, politely or not"
    with socket.socket() as attempt:
        assert attempt.connect_ex(("127.0.0.1", server.port)) != 0
    assert wait_for(lambda: threading.active_count() <= before), "no thread is left"
    kept.close()
    idle.close()


def test_a_port_that_is_taken_is_an_os_error(echo: Echo) -> None:
    with pytest.raises(OSError, match="in use"):
        LocalServer(lambda _: HttpResponse(200), echo[0].port)
