"""The Runtime API: requests however they arrive, AWS's headers, one packet a response, strangers kept out."""

from __future__ import annotations

import http.client
import os
import selectors
import socket
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.awslambda.runtime_api import RuntimeApi, parse

PREFIX = "/2018-06-01/runtime/"


class Served:
    """A RuntimeApi, and a thread that serves it until it is closed."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.api = RuntimeApi(self.selector)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            for key, _ in self.selector.select(0.01):
                key.data()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.api.close()
        self.selector.close()


@pytest.fixture
def served() -> Iterator[Served]:
    it = Served()
    yield it
    it.close()


@pytest.fixture
def client(served: Served) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(served.api.address, timeout=5)
    yield connection
    connection.close()


def ask(
    client: http.client.HTTPConnection, served: Served, request_id: str = "r", **headers: str
) -> http.client.HTTPResponse:
    client.request("GET", f"{PREFIX}invocation/next")
    wait_until(lambda: served.api.waiting)
    served.api.deliver(request_id, headers, b'{"a": 1}')
    return client.getresponse()


def post(client: http.client.HTTPConnection, call: str, body: bytes = b"1", **headers: str) -> tuple[int, bytes]:
    client.request("POST", f"{PREFIX}{call}", body, headers)
    response = client.getresponse()
    return response.status, response.read()


def wait_until(true: object) -> None:
    assert callable(true)
    for _ in range(500):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("waited five seconds in vain")


def test_next_has_the_event_and_its_headers(client: http.client.HTTPConnection, served: Served) -> None:
    response = ask(
        client, served, **{"Lambda-Runtime-Deadline-Ms": "17", "Lambda-Runtime-Client-Context": '{"a":\n"é"}'}
    )
    assert (response.status, response.read()) == (200, b'{"a": 1}')
    assert response.headers["Lambda-Runtime-Aws-Request-Id"] == "r"
    assert response.headers["Lambda-Runtime-Deadline-Ms"] == "17"
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Lambda-Runtime-Client-Context"].encode("latin-1").decode() == '{"a": "é"}'


def test_a_response_on_the_same_connection(client: http.client.HTTPConnection, served: Served) -> None:
    ask(client, served).read()
    assert post(client, "invocation/r/response", b"result")[0] == 202
    assert served.api.posted is not None
    assert (served.api.posted.kind, served.api.posted.body) == ("response", b"result")


def test_an_error_and_its_type(client: http.client.HTTPConnection, served: Served) -> None:
    ask(client, served).read()
    assert post(client, "invocation/r/error", b"{}", **{"Lambda-Runtime-Function-Error-Type": "Runtime.X"})[0] == 202
    assert served.api.posted is not None
    assert (served.api.posted.kind, served.api.posted.error_type) == ("error", "Runtime.X")


def test_an_error_of_init(client: http.client.HTTPConnection, served: Served) -> None:
    assert post(client, "init/error", b"{}")[0] == 202
    assert served.api.posted is not None
    assert served.api.posted.kind == "init error"


def test_a_result_for_another_event_is_refused(client: http.client.HTTPConnection, served: Served) -> None:
    ask(client, served).read()
    status, body = post(client, "invocation/other/response")
    assert (status, served.api.posted) == (400, None)
    assert b"InvalidRequestID" in body


def test_other_calls_are_refused_by_name(client: http.client.HTTPConnection, served: Served) -> None:
    status, body = post(client, "restore/next")
    assert status == 404
    assert b"restore/next" in body


@pytest.mark.parametrize(("size", "status", "kind"), [(6_291_556, 202, "response"), (6_291_557, 413, "too large")])
def test_the_largest_response(
    client: http.client.HTTPConnection, served: Served, size: int, status: int, kind: str
) -> None:
    ask(client, served).read()
    assert post(client, "invocation/r/response", b"x" * size)[0] == status
    assert served.api.posted is not None
    assert served.api.posted.kind == kind


def test_an_event_goes_out_in_one_piece(served: Served) -> None:
    with socket.create_connection(served.api.address.split(":"), timeout=5) as raw:  # type: ignore[arg-type]
        raw.sendall(f"GET {PREFIX}invocation/next HTTP/1.1\r\n\r\n".encode())
        wait_until(lambda: served.api.waiting)
        served.api.deliver("r", {}, b"payload")
        assert raw.recv(65536).endswith(b"\r\n\r\npayload")


def test_what_is_not_http_is_hung_up_on(served: Served) -> None:
    with socket.create_connection(served.api.address.split(":"), timeout=5) as raw:  # type: ignore[arg-type]
        raw.sendall(b"hello\r\n\r\n")
        assert raw.recv(1) == b""


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="only Linux says whose a connection is")
def test_other_users_are_hung_up_on(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    other = os.getuid() + 1
    monkeypatch.setattr("os.getuid", lambda: other)
    with socket.create_connection(served.api.address.split(":"), timeout=5) as raw:  # type: ignore[arg-type]
        raw.sendall(f"GET {PREFIX}invocation/next HTTP/1.1\r\n\r\n".encode())
        with pytest.raises((ConnectionResetError, AssertionError)):
            assert raw.recv(1) != b""
    assert not served.api.waiting


def test_nothing_listens_any_more_when_closed() -> None:
    served = Served()
    served.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(served.api.address.split(":"), timeout=5)  # type: ignore[arg-type]


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


BODIES = st.lists(st.tuples(st.binary(max_size=50), st.booleans()), min_size=1, max_size=3)


@given(BODIES, st.integers(1, 20))
def test_requests_cut_anywhere_and_chunked_or_not(bodies: list[tuple[bytes, bool]], size: int) -> None:
    stream = b""
    for body, in_chunks in bodies:
        how = b"Transfer-Encoding: chunked" if in_chunks else b"content-length: %d" % len(body)
        stream += b"POST /x HTTP/1.1\r\n%s\r\n\r\n%s" % (how, chunked(body, size) if in_chunks else body)
    received, found = bytearray(), []
    for at in range(0, len(stream), size):
        received += stream[at : at + size]
        while (one := parse(received)) is not None:
            found.append(one[0].body)
            del received[: one[1]]
    assert found == [body for body, _ in bodies]
    assert not received
