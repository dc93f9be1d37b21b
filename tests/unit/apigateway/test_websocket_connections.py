"""Open connections at their edges: data that comes too early, clients that take nothing, a cloud that stops."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import boto3
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from helpers import cloud
from helpers.dataplane.apigateway.websocket import connection as websocket_connection
from helpers.dataplane.apigateway.websocket.connection import Connection
from helpers.dataplane.clock import Clock
from tests.unit.lambda_functions import eventually

HEAD = (
    "GET /_aws/execute-api/{}/prod HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture
def running() -> Iterator[cloud.Cloud]:
    """A cloud of this test's own."""
    yield cloud.start()
    cloud.stop()


def api() -> tuple[str, str]:
    """Create a WebSocket API without routes; return its id and the address of its stage."""
    client = boto3.client("apigatewayv2")
    made = client.create_api(Name="a", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")
    client.create_stage(ApiId=made["ApiId"], StageName="prod", AutoDeploy=True)
    return made["ApiId"], f"{made['ApiEndpoint']}/prod"


def test_a_message_in_the_same_packet_as_the_handshake_is_not_lost(running: cloud.Cloud) -> None:
    identifier, _ = api()
    frame = Frame(Opcode.TEXT, b"early").serialize(mask=True)
    with socket.create_connection(("127.0.0.1", int(running.endpoint.rpartition(":")[2])), 5) as client:
        client.sendall(HEAD.format(identifier).encode() + frame)
        received = b""
        while b"Forbidden" not in received:  # what an API without a $default route says to a message
            received += client.recv(65536)
    assert received.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in received  # the answer to the key of RFC 6455, section 1.3


def test_stopping_closes_all_connections_and_leaves_no_thread(running: cloud.Cloud) -> None:
    before = threading.active_count()
    _, address = api()
    with connect(address) as one, connect(address) as other:
        began = time.monotonic()
        cloud.stop()
        assert time.monotonic() - began < 4.5, "less than what a client gets that takes no data"
        for client in (one, other):
            with pytest.raises(ConnectionClosed) as ended:
                client.recv(timeout=20)
            assert ended.value.rcvd is not None and ended.value.rcvd.code == 1001
    assert eventually(lambda: threading.active_count() < before)


def test_a_client_that_takes_nothing_loses_its_connection_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_connection, "_PATIENCE_SECONDS", 0.5)
    ours, theirs = socket.socketpair()
    connection, ended = Connection("one=", "", Clock()), threading.Event()

    def serve() -> None:
        connection.begin(ours)
        connection.serve(b"", lambda message: None)
        ended.set()

    thread = threading.Thread(target=serve)
    thread.start()
    began = time.monotonic()
    while not connection.is_open or connection.send(b"x" * 100_000):
        assert time.monotonic() - began < 20
    assert ended.wait(20)
    assert not connection.is_open and not connection.send(b"more")
    thread.join()
    ours.close()
    theirs.close()
