"""Addresses of APIs: for Python, for a browser, and for one that reaches the cloud through a hub."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from werkzeug.datastructures import Headers

from helpers import cloud
from helpers.dataplane.web import HttpRequest
from helpers.teaching import api_address, local_address, open_link

PREFIX = "/user/ann/"


@pytest.fixture
def running() -> Iterator[cloud.Cloud]:
    yield cloud.start()
    cloud.stop()


def test_an_address_is_below_the_endpoint(running: cloud.Cloud) -> None:
    assert api_address("abc", "prod", "/todos/7") == f"{running.endpoint}/_aws/execute-api/abc/prod/todos/7"
    assert api_address("abc", "prod", scheme="ws").startswith("ws://127.0.0.1:")


def test_a_mistake_is_explained(running: cloud.Cloud) -> None:
    with pytest.raises(ValueError, match="must begin with a slash: '/todos'"):
        api_address("abc", "prod", "todos")
    with pytest.raises(ValueError, match="must be 'http' or 'ws'"):
        api_address("abc", "prod", scheme="https")


def test_a_link_opens_the_address_itself(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    open_link("http://127.0.0.1:4566/_aws/execute-api/abc/prod/?a=1&b=<", "my shop")
    address = "http://127.0.0.1:4566/_aws/execute-api/abc/prod/?a=1&amp;b=&lt;"
    assert capsys.readouterr().out == f'<a href="{address}" target="_blank">my shop</a>\n'


def test_on_a_hub_it_goes_through_the_server(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", PREFIX)
    open_link("http://127.0.0.1:4566/_aws/execute-api/abc/prod/x?a=1")
    assert 'href="/user/ann/proxy/4566/_aws/execute-api/abc/prod/x?a=1"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("prefix", "path", "context", "status"),
    [
        (PREFIX, "/_aws/execute-api/abc/prod/", "/user/ann/proxy/4566", 404),
        (PREFIX, "/_aws/execute-api/abc/prod/", "/user/bob/proxy/4566", 403),
        (PREFIX, "/_aws/execute-api/abc/prod/", "", 403),
        (PREFIX, "/_aws/cloudfront/E1/", "/user/ann/proxy/4566", 404),
        (PREFIX, "/", "/user/ann/proxy/4566", 403),
        ("", "/_aws/execute-api/abc/prod/", "/user/ann/proxy/4566", 403),
    ],
)
def test_the_front_door_opens_apis_to_the_hubs_own_proxy_only(
    running: cloud.Cloud, monkeypatch: pytest.MonkeyPatch, prefix: str, path: str, context: str, status: int
) -> None:
    import socket

    if prefix:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", prefix)
    else:
        monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    headers = Headers({"Host": "hub.example.org", **({"X-ProxyContextPath": context} if context else {})})
    with socket.socket() as connection:
        request = HttpRequest("GET", path, "", headers, socket=connection)
        assert running._backend.door.answer(request).status == status


def test_an_address_of_aws_is_one_of_this_machine(running: cloud.Cloud) -> None:
    below = f"{running.endpoint}/_aws/execute-api/a1"
    assert local_address("https://a1.execute-api.eu-west-1.amazonaws.com") == below
    assert local_address("https://a1.execute-api.us-east-1.amazonaws.com/prod/x/") == f"{below}/prod/x"
    assert local_address("https://d1.cloudfront.net/") == local_address("") == ""
