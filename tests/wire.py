"""HTTP as it goes over the wire, for tests that send what boto3 would never send: signed by hand, then spoilt."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from werkzeug.datastructures import Headers

from helpers.dataplane.web import HttpRequest

REGION = "us-east-1"
LIST_TABLES = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
TRUST = json.dumps(
    {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
)
"""A trust policy that lets Lambda assume the role."""


@dataclass(frozen=True)
class Keys:
    """An access key and what goes with it."""

    access_key_id: str
    secret_access_key: str
    token: str | None = None


@dataclass(frozen=True)
class Wire:
    """A request as it is sent. ``target`` is the path with the query."""

    method: str = "POST"
    target: str = "/"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def but(self, **changes: Any) -> Wire:
        """Return a copy with other parts."""
        return replace(self, **changes)

    def having(self, name: str, value: str | None) -> Wire:
        """Return a copy in which the header ``name`` is ``value``, or is missing."""
        kept = tuple(item for item in self.headers if item[0].lower() != name.lower())
        return self.but(headers=kept if value is None else (*kept, (name, value)))

    def header(self, name: str) -> str:
        """Return a header's value."""
        return next(value for key, value in self.headers if key.lower() == name.lower())

    def request(self) -> HttpRequest:
        """Return it as the front door sees it."""
        path, _, query = self.target.partition("?")
        return HttpRequest(self.method, path, query, Headers(list(self.headers)), self.body)


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        """The body, with the error's name that JSON services put into a header."""
        return self.headers.get("x-amzn-errortype", "") + self.body.decode("utf-8", "replace")


def sign(wire: Wire, keys: Keys, service: str, host: str, *, presign: int = 0) -> Wire:
    """Return ``wire`` with botocore's signature, in a header or, for ``presign`` seconds, in the query."""
    url = f"http://{host}{wire.target}"
    request = AWSRequest(wire.method, url, headers={**dict(wire.headers), "Host": host}, data=wire.body)
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.token)
    if presign:
        kind = S3SigV4QueryAuth if service == "s3" else SigV4QueryAuth
        kind(credentials, service, REGION, expires=presign).add_auth(request)
    else:
        if service == "s3":
            request.headers["X-Amz-Content-SHA256"] = S3SigV4Auth(credentials, service, REGION).payload(request)
        (S3SigV4Auth if service == "s3" else SigV4Auth)(credentials, service, REGION).add_auth(request)
    parts = urlsplit(request.url)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    headers = tuple((name, str(value)) for name, value in request.headers.items())
    return wire.but(target=target or "/", headers=headers)


def send(port: int, wire: Wire, seconds: float = 20) -> Reply:
    """Send it to 127.0.0.1 and return the answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.putrequest(wire.method, wire.target, skip_host=True, skip_accept_encoding=True)
        for name, value in wire.headers:
            connection.putheader(name, value)
        if not any(name.lower() == "content-length" for name, _ in wire.headers):
            connection.putheader("Content-Length", str(len(wire.body)))
        connection.endheaders(wire.body)
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, headers, response.read())
    finally:
        connection.close()


def exchange(port: int, content: bytes, seconds: float = 5, *, half_close: bool = True) -> bytes:
    """Send bytes as they are; return all that comes until the server closes or ``seconds`` of silence pass."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        try:
            connection.sendall(content)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except OSError:
            pass
    return received


def port_of(endpoint: str) -> int:
    """Return the port of an endpoint."""
    port = urlsplit(endpoint).port
    assert port is not None
    return port
