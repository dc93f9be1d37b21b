"""The trace header, and how it travels with a request through the services of this cloud.

AWS: ``X-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`` names the trace,
the subsegment from which the call comes, and whether to record it. Services pass it on; what they do not know in it
(``Self``, ``Lineage``) they leave as it is ("Tracing header", X-Ray Developer Guide). ``Sampled=?`` asks who gets it to
decide. botocore sends it from within a function, the X-Ray SDK from everywhere.

This: each thread that serves a request knows its header (``current``). The front door takes it from the request;
whatever goes on in another thread (Lambda's queue, an integration) takes it along.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from werkzeug.datastructures import Headers

HEADER = "X-Amzn-Trace-Id"
_ROOT = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_PARENT = re.compile(r"[0-9a-f]{16}")
_current: ContextVar[str] = ContextVar("trace header", default="")


@dataclass(frozen=True)
class TraceHeader:
    """A trace header, read. What is absent or malformed is empty."""

    root: str = ""
    parent: str = ""
    sampled: bool | None = None
    """None when nobody has decided yet."""
    rest: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> TraceHeader:
        """Read a header; never fails."""
        found, rest = cls(), []
        for part in text.split(";") if text else ():
            name, _, value = (piece.strip() for piece in part.partition("="))
            kind = name.lower()
            if kind == "root":
                found = replace(found, root=value.lower() if _ROOT.fullmatch(value.lower()) else "")
            elif kind == "parent":
                found = replace(found, parent=value.lower() if _PARENT.fullmatch(value.lower()) else "")
            elif kind == "sampled":
                found = replace(found, sampled={"1": True, "0": False}.get(value))
            elif name and value:
                rest.append((name, value))
        return replace(found, rest=tuple(rest))

    def __str__(self) -> str:
        known = {"Root": self.root, "Parent": self.parent}
        parts = [f"{name}={value}" for name, value in known.items() if value]
        parts += [] if self.sampled is None else [f"Sampled={int(self.sampled)}"]
        return ";".join([*parts, *(f"{name}={value}" for name, value in self.rest)])


def new_trace_id() -> str:
    """Return the id of a new trace: version 1, the time in hexadecimal, and 96 bits that nobody can guess."""
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def new_id() -> str:
    """Return the id of a new segment or subsegment."""
    return secrets.token_hex(8)


def with_root(header: str) -> str:
    """Return a header that names a trace, a new one if it names none: what is at the door of an application adds it."""
    return header if TraceHeader.parse(header).root else f"Root={new_trace_id()}"


@contextmanager
def entered(headers: Headers) -> Iterator[None]:
    """Serve a request that enters an application by HTTP: its headers get a trace header unless they have one."""
    headers[HEADER] = header = with_root(current())
    with carried(header):
        yield


def current() -> str:
    """Return the header of the request that this thread serves, or an empty text."""
    return _current.get()


@contextmanager
def carried(header: str) -> Iterator[None]:
    """Do something on behalf of a request that came with ``header``."""
    before = _current.set(header)
    try:
        yield
    finally:
        _current.reset(before)
