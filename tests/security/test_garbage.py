"""Whatever comes through the socket: the server lives on, prints nothing, and the next good call is answered."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.cloud import Cloud
from tests.wire import LIST_TABLES, Keys, Wire, exchange, port_of, send, sign

CALL = Wire(headers=tuple(LIST_TABLES.items()), body=b"{}")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:moto")
fuzz = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def silent(running: Cloud, keys: Keys, capfd: pytest.CaptureFixture[str]) -> Iterator[int]:
    """Give the port; afterwards a good call must work and nothing may stand in the notebook."""
    port = port_of(running.endpoint)
    capfd.readouterr()
    yield port
    good = send(port, sign(CALL, keys, "dynamodb", f"127.0.0.1:{port}"), seconds=5)
    assert (good.status, good.body) == (200, b'{"TableNames": []}')
    assert tuple(capfd.readouterr()) == ("", "")


@fuzz
@given(st.binary(max_size=2000))
def test_random_bytes(silent: int, content: bytes) -> None:
    exchange(silent, content)


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            """Host Content-Length Transfer-Encoding Authorization X-Amz-Date X-Amz-Target Content-Type
            Expect Connection X-Amz-Security-Token""".split()
        ),
        st.one_of(
            st.text(alphabet=st.characters(max_codepoint=255, exclude_characters="\n"), max_size=60),
            st.sampled_from(
                ["chunked", "-1", "99999999999999999999", "127.0.0.1", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e"]
            ),
        ),
    ),
    max_size=8,
)


@fuzz
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "TRACE", "get", "M" * 300]),
    target=st.one_of(
        st.sampled_from(
            [
                "/",
                "*",
                "//",
                "http://evil.example/",
                "/_aws/",
                "/_aws/lambda-url/x",
                "/%00%ff",
                "/?X-Amz-Signature=%ff&X-Amz-Expires=x",
            ]
        ),
        st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=255), min_size=1, max_size=80),
    ),
    headers=HEADERS,
    body=st.binary(max_size=300),
)
def test_nearly_http(silent: int, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> None:
    """Requests that get further than noise: through the parser, to the signature, to the addresses."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    answer = exchange(silent, "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    assert b" 200 " not in answer.partition(b"\r\n")[0]


SERVICES = "dynamodb s3 lambda sqs sns iam sts states apigateway logs execute-api nothing".split()
TARGETS = """DynamoDB_20120810.PutItem AWSStepFunctions.CreateStateMachine Logs_20140328.PutLogEvents x.y
AmazonSQS.SendMessage""".split()
KINDS = ["application/x-amz-json-1.0", "application/x-www-form-urlencoded", "application/cbor", "text/xml"]
BODIES = [
    b"null", b"[]", b"1", b'{"TableName": 5}', b'{"TableName": {"a": 1}, "Item": 5}', b"[" * 5000, b"<a>" * 2000,
    b"Action=CreateUser&UserName=", b"Action=Nothing", b'{"QueueUrl": null}', b"\xff\xfe", b'{"logEvents": [1, null]}',
]  # fmt: skip


@fuzz
@given(
    service=st.sampled_from(SERVICES),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
    path=st.lists(st.sampled_from(["2015-03-31", "functions", "restapis", "a", "%2F", "..", ""]), max_size=4),
    target=st.sampled_from(["", *TARGETS]),
    kind=st.sampled_from(KINDS),
    body=st.one_of(st.binary(max_size=100), st.sampled_from(BODIES)),
)
def test_signed_nonsense_is_an_error_of_the_caller(
    silent: int, keys: Keys, service: str, method: str, path: list[str], target: str, kind: str, body: bytes
) -> None:
    """A learner's own program may send anything, rightly signed: it always gets an answer in HTTP."""
    headers = (("Content-Type", kind), *((("X-Amz-Target", target),) if target else ()))
    wire = Wire(method, "/" + "/".join(path), headers, body)
    reply = send(silent, sign(wire, keys, service, f"127.0.0.1:{silent}"))
    assert 200 <= reply.status < 600


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1e3\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nshort", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFF\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 400),
        (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n b\r\n\r\n", 400),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"BREW / HTTP/1.1\r\n\r\n", 501),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
    ids=lambda value: str(value)[:40],
)
def test_malformed_requests_are_told_so(silent: int, content: bytes, status: int) -> None:
    first = exchange(silent, content).partition(b"\r\n")[0]
    assert first.startswith(b"HTTP/1.1 %d " % status), first


def test_a_chunked_body_is_one_body(silent: int, keys: Keys) -> None:
    """Chunks, an extension, trailers; and the next request on the same connection is read where it begins."""
    wire = sign(CALL, keys, "dynamodb", f"127.0.0.1:{silent}")
    head = "".join(f"{name}: {value}\r\n" for name, value in wire.headers)
    chunked = f"POST / HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode()
    chunked += b"1;name=value\r\n{\r\n1\r\n}\r\n0\r\nX-Checksum: abc\r\nX-Other: d\r\n\r\n"
    plain = f"POST / HTTP/1.1\r\n{head}Content-Length: 2\r\nConnection: close\r\n\r\n{{}}".encode()
    answer = exchange(silent, chunked + plain)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.count(b'{"TableNames": []}') == 2


def test_a_body_beyond_the_limit_is_not_stored(silent: int) -> None:
    """It is refused by its length, before a byte of it is read."""
    head = b"PUT /shelf/k HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 104857601\r\n\r\n"
    began = time.monotonic()
    assert exchange(silent, head).startswith(b"HTTP/1.1 413")
    assert time.monotonic() - began < 4


def test_an_address_that_fails_inside_is_a_500(silent: int, running: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("made to fail")

    addresses = running._backend.door._addresses
    monkeypatch.setitem(addresses, "broken", fail)
    reply = send(silent, Wire("GET", "/_aws/broken/x", (("Host", "127.0.0.1"),)))
    assert (reply.status, "ZeroDivisionError: made to fail" in reply.text) == (500, True)


def test_half_open_connections_do_not_block_others(silent: int, keys: Keys) -> None:
    """Slow or dead peers hold a thread each, nothing that a good call needs."""
    wire = sign(CALL, keys, "dynamodb", f"127.0.0.1:{silent}")
    starts = [
        b"",
        b"POST",
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc",
    ]
    connections = [socket.create_connection(("127.0.0.1", silent), 5) for _ in range(40)]
    try:
        for number, connection in enumerate(connections):
            connection.sendall(starts[number % len(starts)])
        began = time.monotonic()
        assert [send(silent, wire, seconds=5).status for _ in range(5)] == [200] * 5
        assert time.monotonic() - began < 5
    finally:
        for connection in connections:
            connection.close()


def test_threads_of_closed_connections_end(silent: int) -> None:
    before = threading.active_count()
    for _ in range(20):
        exchange(silent, os.urandom(50))
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert threading.active_count() <= before


def test_the_answer_names_no_version_of_ours(silent: int) -> None:
    """The server's and Python's versions are nobody's business."""
    answer = exchange(silent, b"BREW / HTTP/1.1\r\n\r\n").lower()
    assert b"python" not in answer and b"basehttp" not in answer
