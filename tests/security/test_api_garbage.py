"""Whatever a client sends to an API: an answer in HTTP, never an error of this program, and the next call works."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helpers.cloud import Cloud
from tests.wire import Wire, exchange, port_of, send

fuzz = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEMPLATE = '{"statusCode": 200, "got": $input.json(\'$\'), "q": "$util.urlEncode($input.params(\'q\'))"}'
LATIN = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f\x85\xa0#?"), max_size=40
)


@pytest.fixture(scope="module")
def base(running: Cloud) -> str:
    """The path of an API that answers everything below /."""
    api = boto3.client("apigateway")
    made = api.create_rest_api(name="open")["id"]
    root = api.get_resources(restApiId=made)["items"][0]["id"]
    resource = api.create_resource(restApiId=made, parentId=root, pathPart="{proxy+}")["id"]
    place = {"restApiId": made, "resourceId": resource, "httpMethod": "ANY"}
    api.put_method(**place, authorizationType="NONE")
    api.put_integration(**place, type="MOCK", requestTemplates={"application/json": TEMPLATE})
    api.put_method_response(**place, statusCode="200")
    answer = {"application/json": '{"path": "$util.urlEncode($context.path)"}'}
    api.put_integration_response(**place, statusCode="200", responseTemplates=answer)
    api.create_deployment(restApiId=made, stageName="prod")
    return f"/_aws/execute-api/{made}/prod"


@pytest.fixture
def port(running: Cloud, base: str, capfd: pytest.CaptureFixture[str]) -> Iterator[int]:
    """Give the port; afterwards a good call must work and nothing may stand in the notebook."""
    port = port_of(running.endpoint)
    capfd.readouterr()
    yield port
    good = send(port, Wire("GET", f"{base}/x", host(port)), seconds=5)
    assert (good.status, json.loads(good.body)) == (200, {"path": "%2Fprod%2Fx"})
    assert tuple(capfd.readouterr()) == ("", "")


def host(port: int) -> tuple[tuple[str, str], ...]:
    return (("Host", f"127.0.0.1:{port}"),)


@fuzz
@given(path=LATIN, query=LATIN, body=st.binary(max_size=200), method=st.sampled_from(["GET", "POST", "PUT", "PATCH"]))
def test_any_path_query_and_body_is_answered(
    port: int, base: str, path: str, query: str, body: bytes, method: str
) -> None:
    head = f"{method} {base}/{path}?q={query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {len(body)}\r\n\r\n"
    status = int(exchange(port, head.encode("latin-1") + body).split(b" ", 2)[1])
    assert status in (200, 403), "below / something answers; only / itself has no method"


@fuzz
@given(
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x85\xa0"), max_size=30),
    LATIN,
)
def test_any_stage_and_api_is_refused(port: int, api: str, rest: str) -> None:
    head = f"GET /_aws/execute-api/{api.replace(' ', '%20')}/{rest} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
    reply = exchange(port, head.encode("latin-1"))
    assert reply.split(b" ", 2)[1] in (b"403", b"404"), reply


@pytest.mark.parametrize("value", ["x" * 70_000, "a\x80\xff", ""])
def test_strange_headers(port: int, base: str, value: str) -> None:
    reply = send(
        port, Wire("GET", f"{base}/x", (*host(port), ("X-Strange", value), ("Accept", value), ("Cookie", value)))
    )
    assert reply.status in (200, 431)


def test_a_hundred_headers_are_too_many_and_said_so(port: int, base: str) -> None:
    many = tuple((f"X-{number}", "1") for number in range(200))
    assert send(port, Wire("GET", f"{base}/x", (*host(port), *many))).status == 431


def test_a_foreign_host_is_refused(port: int, base: str) -> None:
    assert send(port, Wire("GET", f"{base}/x", (("Host", "shop.example"),))).status == 403


def test_slow_and_silent_clients_hold_nobody_up(port: int, base: str) -> None:
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    try:
        for connection in idle:
            connection.sendall(f"POST {base}/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf".encode())
        began = time.monotonic()
        assert send(port, Wire("GET", f"{base}/x", host(port))).status == 200
        assert time.monotonic() - began < 10, "an idle client is hung up on after two minutes"
    finally:
        for connection in idle:
            connection.close()


def test_a_client_that_leaves_before_the_answer(port: int, base: str) -> None:
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(f"GET {base}/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
