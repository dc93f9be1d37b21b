"""Keeps every Python process of the tests on this machine: a connection or a name look-up beyond it is an error.

``tests/conftest.py`` puts this folder on ``PYTHONPATH``, so that kernels and the processes that they start import this
file first. The audit hook cannot be removed again, whatever a notebook does.
"""

import ipaddress
import os
import socket
import sys


def is_here(host: object) -> bool:
    """Return whether a host is this machine: a loopback address, a name of it, or no host at all."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost", "0.0.0.0", "::", socket.gethostname()):
        return True
    if not isinstance(name, str) or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.split("%")[0]).is_loopback
    except ValueError:
        return False


def keep_offline(event: str, arguments: tuple) -> None:
    """Refuse what would leave this machine."""
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and not is_here(address[0]):
            raise ConnectionRefusedError(f"the tests run offline: no connection to {address[0]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not is_here(arguments[0]):
        raise socket.gaierror(socket.EAI_NONAME, f"the tests run offline: {arguments[0]!r} is not looked up")


# jsonschema, which nbformat needs, would compile a grammar for a format that nobody here asks for: a second each time
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
if os.environ.get("COURSE_TESTS_OFFLINE", "on") == "on":
    sys.addaudithook(keep_offline)
