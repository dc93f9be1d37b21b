"""Lets a Python function in a VPC connect only to where its VPC lets it, as the cloud says.

AWS: the function's packets pass a network interface in the VPC; what a security group or a missing route stops gets no
answer, so that the caller waits for its time-out. Here the process runs on the learner's machine: ``socket.connect``
and botocore's ``URLLib3Session.send`` ask the cloud first, which knows the VPC and the real port behind a private
address.

It is a simulation and no protection: code in C and child processes connect as they like.
"""

import errno
import http.client
import importlib.machinery
import ipaddress
import json
import re
import socket
import sys
import time
from typing import Any
from urllib.parse import urlsplit

_connect = socket.socket.connect
_PATIENCE_S = 130.0
"""How long Linux waits for an answer to a connection, if nobody set a time-out."""
_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/")


class Gate:
    """Asks the cloud, at ``address``, whether a connection may pass."""

    def __init__(self, address: str) -> None:
        self._address = urlsplit(address)

    def ask(self, target: str) -> Any:
        """Return the real host and port for ``target``, or None if packets to it are lost."""
        assert self._address.hostname is not None
        connection = http.client.HTTPConnection(self._address.hostname, self._address.port)
        try:
            connection.request("GET", f"{self._address.path}/{target}")
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def connect(self, own: socket.socket, address: Any) -> None:
        """Stand for ``socket.connect``."""
        if own.family not in (socket.AF_INET, socket.AF_INET6) or not own.type & socket.SOCK_STREAM:
            return _connect(own, address)
        host = _number(address[0])
        if ipaddress.ip_address(host).is_loopback:
            return _connect(own, address)
        real = self.ask(f"tcp/{host}/{address[1]}")
        if real is None:
            _lost(own.gettimeout())
        return _connect(own, tuple(real))

    def connect_ex(self, own: socket.socket, address: Any) -> int:
        """Stand for ``socket.connect_ex``."""
        try:
            self.connect(own, address)
        except TimeoutError:
            return errno.EAGAIN
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def send(self, session: Any, request: Any) -> Any:
        """Stand for ``URLLib3Session.send``: every call of an AWS API comes through here."""
        given = request.headers.get("Authorization", "")
        scope = _SCOPE.search(given.decode() if isinstance(given, bytes) else given)
        region, service = scope.groups() if scope else ("", "")
        if self.ask(f"aws/{service}") is None:
            from botocore.exceptions import ConnectTimeoutError

            time.sleep(getattr(session._timeout, "connect_timeout", session._timeout) or _PATIENCE_S)
            raise ConnectTimeoutError(endpoint_url=f"https://{service}.{region}.amazonaws.com/")
        return self._send(session, request)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Take the place of botocore's ``send`` when botocore is imported."""
        if name != "botocore.httpsession":
            return None
        spec: Any = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def execute_and_wrap(module: Any) -> None:
            execute(module)
            self._send = module.URLLib3Session.send
            module.URLLib3Session.send = lambda session, request: self.send(session, request)

        spec.loader.exec_module = execute_and_wrap
        return spec


def _number(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return socket.gethostbyname(host)


def _lost(timeout: float | None) -> None:
    """Do what a connection does that gets no answer."""
    if timeout == 0:
        raise BlockingIOError(errno.EINPROGRESS, "Operation now in progress")
    if timeout is None:
        time.sleep(_PATIENCE_S)
        raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")
    time.sleep(timeout)
    raise TimeoutError("timed out")


def install(address: str) -> None:
    """Let every connection of this process ask first, for good."""
    gate: Any = Gate(address)
    replaced: Any = socket.socket
    replaced.connect = lambda own, address: gate.connect(own, address)
    replaced.connect_ex = lambda own, address: gate.connect_ex(own, address)
    sys.meta_path.insert(0, gate)
