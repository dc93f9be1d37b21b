"""Nothing comes in from another machine, nothing goes out to one."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import boto3
import psutil
import pytest
from botocore.config import Config

from helpers import cloud
from helpers.backends.shortcut import NotThisMachine
from helpers.cloud import Cloud
from helpers.teaching import package
from tests.wire import LIST_TABLES, Keys, Wire, port_of, send, sign

CALL = Wire(headers=tuple(LIST_TABLES.items()), body=b"{}")


def listening(pid: int) -> list[tuple[str, int]]:
    """Return the addresses on which a process and its children listen."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):  # one of an earlier test that has just ended
            connections = process.net_connections(kind="inet")
            found += [tuple(item.laddr) for item in connections if item.status == psutil.CONN_LISTEN]
    return found


def other_addresses() -> list[str]:
    """Return the addresses of this machine that are not loopback."""
    found = [
        item.address for items in psutil.net_if_addrs().values() for item in items if item.family == socket.AF_INET
    ]
    return [address for address in found if not address.startswith("127.")]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example:{port}",
        "localhost.evil.example",
        "0.0.0.0:{port}",
        "",
    ],
)
def test_a_foreign_host_header_is_refused(running: Cloud, keys: Keys, host: str) -> None:
    """A web page can point its own name at 127.0.0.1 (DNS rebinding); the browser then sends that name as Host."""
    port = port_of(running.endpoint)
    host = host.format(port=port)
    for wire in (sign(CALL, keys, "dynamodb", host or "x"), Wire("GET", "/_aws/lambda-url/abc/")):
        reply = send(port, wire.having("Host", host))
        assert (reply.status, "127.0.0.1 and localhost only" in reply.text) == (403, True)


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "localhost"])
def test_the_local_names_are_answered(running: Cloud, keys: Keys, host: str) -> None:
    port = port_of(running.endpoint)
    assert send(port, sign(CALL, keys, "dynamodb", host.format(port=port))).status == 200


CONNECT = """
import socket, sys
port = int(sys.argv[1])
for address in sys.argv[2:]:
    with socket.socket() as attempt:
        attempt.settimeout(5)
        print(address, "closed" if attempt.connect_ex((address, port)) else "open")
"""


def test_the_front_door_listens_on_loopback_only(running: Cloud) -> None:
    """Tried from a process of its own: the tests' own may not connect to anything but loopback."""
    port = port_of(running.endpoint)
    assert [address for address, number in listening(os.getpid()) if number == port] == ["127.0.0.1"]
    addresses = ["127.0.0.1", *other_addresses()]
    tried = subprocess.run(
        [sys.executable, "-c", CONNECT, str(port), *addresses],
        env={**os.environ, "COURSE_TESTS_OFFLINE": "off"}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    states = [line.split()[1] for line in tried.stdout.splitlines()]
    assert states == ["open", *["closed"] * (len(addresses) - 1)], tried.stdout


def test_the_runtime_apis_listen_on_loopback_only(running: Cloud, role: Callable[[str], str]) -> None:
    client = boto3.client("lambda")
    source = "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_RUNTIME_API']\n"
    client.create_function(
        FunctionName="where", Runtime="python3.13", Handler="app.handler", Role=role("where"),
        Code={"ZipFile": package({"app.py": source})},
    )  # fmt: skip
    before = set(listening(os.getpid()))
    try:
        api = client.invoke(FunctionName="where")["Payload"].read().decode().strip('"')
        opened = set(listening(os.getpid())) - before
        assert api.startswith("127.0.0.1:")
        assert ("127.0.0.1", int(api.partition(":")[2])) in opened
        assert {address for address, _ in opened} == {"127.0.0.1"}
    finally:
        client.delete_function(FunctionName="where")


@pytest.fixture
def look_ups(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The hosts beyond this machine that anybody tried to resolve."""
    asked: list[Any] = []
    original = socket.getaddrinfo

    def resolve(host: Any, *rest: Any, **options: Any) -> Any:
        if host == "127.0.0.1":
            return original(host, *rest, **options)
        asked.append(host)
        raise socket.gaierror("no look-ups in this test")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


QUICK = Config(retries={"total_max_attempts": 1}, connect_timeout=2)
AWS = "https://dynamodb.us-east-1.amazonaws.com"


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Clients that were made before the cloud starts, as a notebook's first cell may do."""
    cloud.stop()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREALKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield [
        boto3.client("dynamodb", config=QUICK),
        boto3.client("dynamodb", config=QUICK, endpoint_url=AWS),
        boto3.session.Session().client("dynamodb", config=QUICK),
    ]
    cloud.stop()


def test_real_endpoints_are_refused_without_a_look_up(early: list[Any], look_ups: list[Any]) -> None:
    cloud.start()
    late = [
        boto3.client("dynamodb", config=QUICK, endpoint_url=AWS),
        boto3.client("dynamodb", config=QUICK, endpoint_url="http://192.0.2.1:4566"),
        boto3.client("dynamodb", config=QUICK, endpoint_url="http://127.0.0.1.evil.example"),
        boto3.client("dynamodb", config=QUICK, endpoint_url="http://evil.example/?127.0.0.1"),
    ]
    for client in [*early, *late]:
        with pytest.raises(NotThisMachine, match=r"outside of this machine.*after cloud\.start"):
            client.list_tables()
    with ThreadPoolExecutor(1) as thread, pytest.raises(NotThisMachine):
        thread.submit(late[0].list_tables).result()
    assert look_ups == []


def test_the_wall_goes_when_the_cloud_stops(early: list[Any], look_ups: list[Any]) -> None:
    """Proves the test above: the same clients would have called AWS."""
    cloud.start()
    cloud.stop()
    with pytest.raises(Exception, match="Could not connect"):
        early[0].list_tables()
    assert look_ups == ["dynamodb.us-east-1.amazonaws.com"]


def test_no_cloud_starts_if_its_endpoint_is_not_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a backend says: not even the variables may point at another machine."""
    cloud.stop()
    before = dict(os.environ)
    original = cloud.MotoBackend.__init__

    def elsewhere(self: Any, settings: Any) -> None:
        original(self, settings)
        self.endpoint = self.endpoint.replace("127.0.0.1", "198.51.100.7")

    monkeypatch.setattr(cloud.MotoBackend, "__init__", elsewhere)
    with pytest.raises(RuntimeError, match=r"198\.51\.100\.7.*not on this machine"):
        cloud.start()
    assert dict(os.environ) == before
    with pytest.raises(RuntimeError, match="no cloud is running"):
        cloud.current()
    assert not [address for address in listening(os.getpid()) if address[0] != "127.0.0.1"]


def test_the_endpoint_is_a_number_not_a_name() -> None:
    """A name could be resolved to somewhere else."""
    started = cloud.start()
    assert urlsplit(started.endpoint).hostname == "127.0.0.1"
    cloud.stop()
