"""The local HTTP server asks for a body at once when the client waits to be asked."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from helpers.dataplane.web import HttpResponse, LocalServer


@pytest.fixture
def server() -> Iterator[LocalServer]:
    running = LocalServer(lambda request: HttpResponse(body=request.body))
    yield running
    running.stop()


def test_a_client_that_waits_to_be_asked_for_the_body_is_asked(server: LocalServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(b"PUT / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"hello")
        answer = b""
        while not answer.endswith(b"hello"):
            answer += connection.recv(1000)
    assert answer.startswith(b"HTTP/1.1 200 ")
