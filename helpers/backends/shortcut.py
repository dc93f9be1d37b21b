"""The short way from boto3 in this process to the front door, and the wall around it.

botocore sends each request through ``URLLib3Session.send``. While the cloud runs, that one method hands requests for
the cloud's own address straight to the front door, without a socket, and refuses every address that is not on this
machine, also for clients that were made before the cloud started. The request is signed and verified as over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session
from werkzeug.datastructures import Headers

from helpers.dataplane.web import Answer, HttpRequest

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_send = URLLib3Session.send


class NotThisMachine(RuntimeError):
    """A call that would have left this machine."""


class _Body(BytesIO):
    def stream(self, size: int = 65536, **_: Any) -> Iterator[bytes]:
        while chunk := self.read(size):
            yield chunk


def install(answer: Answer, port: int) -> None:
    """Send botocore's requests for 127.0.0.1:``port`` to ``answer``; refuse what is not for this machine."""

    def send(session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        address = urlsplit(request.url)
        host = address.hostname or ""
        if address.port == port and host.endswith(LOOPBACK):
            response = answer(_read(request, address))
            return AWSResponse(request.url, response.status, response.headers, _Body(response.body))
        _only_here(host)
        return _send(session, request)

    URLLib3Session.send = send


def _only_here(host: str) -> None:
    if host not in LOOPBACK:
        raise NotThisMachine(
            f"this would have called {host}, outside of this machine. The course never does. "
            "Make the client after cloud.start(), without endpoint_url."
        )


def guard() -> None:
    """Let botocore's requests go to this machine only, over HTTP."""

    def send(session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        _only_here(urlsplit(request.url).hostname or "")
        return _send(session, request)

    URLLib3Session.send = send


def remove() -> None:
    """Put botocore's own ``send`` back."""
    URLLib3Session.send = _send


def _read(request: AWSPreparedRequest, address: Any) -> HttpRequest:
    headers = Headers()
    for name, value in request.headers.items():
        headers.add(name, value.decode("utf-8") if isinstance(value, bytes) else str(value))
    headers.setdefault("Host", address.netloc)
    body = request.body.read() if hasattr(request.body, "read") else request.body or b""
    body = body.encode() if isinstance(body, str) else bytes(body)
    return HttpRequest(request.method, address.path or "/", address.query, headers, body)
