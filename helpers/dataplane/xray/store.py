"""Where the traces are: segment documents as they came, put together when somebody asks.

AWS: a trace is all segments with one trace id. A document is a whole segment, one in progress that the complete one
overwrites, or a subsegment sent alone, which belongs to the segment or subsegment that its ``parent_id`` names ("AWS
X-Ray Segment Documents", X-Ray Developer Guide). Documents come in any order; at most 64 kB each. The time in a trace
id is not validated (API reference of PutTraceSegments).

What the SDK sends from a Lambda function extends the Invocation of the function's segment ("Visualize Lambda function
invocations using AWS X-Ray", Lambda Developer Guide).

Differs: AWS keeps traces for 30 days; here the newest ``MOST_TRACES`` stay. AWS documents one code of a refused
document, ``InvalidTraceId``, and the form of its message; the other codes here are made in the same way, unsourced.
"""

from __future__ import annotations

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from helpers.dataplane.call import AWSError

MOST_BYTES = 64 * 1024
MOST_TRACES = 10_000
Document = dict[str, Any]
_TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_ID = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"[\w\s.:/%&#=+\\\-@$]{1,200}")


@dataclass
class Trace:
    """One trace."""

    id: str
    """``1-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx``."""
    segments: list[Document]
    """Whole segments by start. A subsegment that was sent alone is in its parent's ``subsegments`` once that is there,
    else at the end as it came."""


class Traces:
    """The traces of one account; many threads may write and read."""

    def __init__(self, recorded: Callable[[], None] = lambda: None) -> None:
        self._recorded = recorded
        """Is called for each new trace."""
        self._documents: dict[str, dict[str, Document]] = {}
        self._traces: dict[str, Trace] = {}
        self._owners: dict[str, str] = {}
        self._lock = threading.Lock()

    def put(self, document: str) -> None:
        """Take one document, or a list of subsegments, as JSON text.

        Raises
        ------
        AWSError
            It is malformed; the code is that of UnprocessedTraceSegments, ``Id`` is in its members where it has one.
        """
        if len(document.encode()) > MOST_BYTES:
            raise _refused("SegmentTooLarge", {})
        try:
            read = json.loads(document)
        except ValueError:
            raise _refused("ParseError", {}) from None
        for each in read if isinstance(read, list) else [read]:
            _check(each)
            self.emit(each)

    def emit(self, document: Document) -> None:
        """Take a document that needs no check: what the services of this cloud send."""
        trace_id, identifier = document["trace_id"], document["id"]
        with self._lock:
            if trace_id not in self._documents:
                self._recorded()
            kept = self._documents.setdefault(trace_id, {})
            if not document.get("in_progress") or identifier not in kept:
                kept[identifier] = document
            self._traces.pop(trace_id, None)
            if len(self._documents) > MOST_TRACES:
                oldest = next(iter(self._documents))
                del self._documents[oldest]
                self._traces.pop(oldest, None)

    def own(self, segment_id: str, name: str) -> None:
        """Note whose segment will have that id, before it is sent."""
        with self._lock:
            self._owners[segment_id] = name
            if len(self._owners) > MOST_TRACES:
                del self._owners[next(iter(self._owners))]

    def owner(self, segment_id: str) -> str:
        """Return whose segment has that id; empty if nobody said so."""
        return self._owners.get(segment_id, "")

    def all(self) -> list[Trace]:
        """Return all traces, in the order in which they began to come."""
        with self._lock:
            return [self._whole(trace_id) for trace_id in self._documents]

    def get(self, trace_id: str) -> Trace | None:
        """Return one trace, or None. It is the same object, not to be changed, until a document of it comes."""
        with self._lock:
            return self._whole(trace_id) if trace_id in self._documents else None

    def _whole(self, trace_id: str) -> Trace:
        if trace_id not in self._traces:
            self._traces[trace_id] = Trace(trace_id, _joined(copy.deepcopy(list(self._documents[trace_id].values()))))
        return self._traces[trace_id]


def subsegments_of(document: Mapping[str, Any]) -> Iterator[Document]:
    """Return the subsegments of a segment, and theirs, depth first."""
    for each in document.get("subsegments") or []:
        yield each
        yield from subsegments_of(each)


def _joined(documents: list[Document]) -> list[Document]:
    """Put subsegments that came alone into their parents."""
    known = {part["id"]: part for document in documents for part in (document, *subsegments_of(document))}
    alone: list[Document] = []
    segments: list[Document] = []
    for document in documents:
        parent = known.get(document.get("parent_id", "")) if document.get("type") == "subsegment" else None
        parent = parent and _invocation_in(parent)
        if parent is not None and parent is not document:
            inside = [each for each in parent.get("subsegments") or [] if each["id"] != document["id"]]
            parent["subsegments"] = sorted([*inside, document], key=lambda each: float(each["start_time"]))
        else:
            (alone if document.get("type") == "subsegment" else segments).append(document)
    return [*sorted(segments, key=lambda each: float(each["start_time"])), *alone]


def _invocation_in(parent: Document) -> Document:
    """Return where subsegments of a parent belong: those of a function extend its Invocation."""
    of_function = parent.get("origin") == "AWS::Lambda::Function"
    parts = parent.get("subsegments") or [] if of_function else []
    return next((part for part in parts if part["name"] == "Invocation"), parent)


def _check(document: Any) -> None:
    if not isinstance(document, dict):
        raise _refused("ParseError", {})
    subsegment = document.get("type") == "subsegment"
    rules = {"id": _ID, "trace_id": _TRACE_ID, "name": _NAME, **({"parent_id": _ID} if subsegment else {})}
    for name, pattern in rules.items():
        value = document.get(name)
        if value is None:
            raise _refused(f"Missing{_words(name)}", document)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise _refused(f"Invalid{_words(name)}", document)
    for name, absent in (("start_time", False), ("end_time", bool(document.get("in_progress")))):
        if document.get(name) is None and not absent:
            raise _refused(f"Missing{_words(name)}", document)
        if not isinstance(document.get(name, 0.0), int | float):
            raise _refused(f"Invalid{_words(name)}", document)
    if not all(isinstance(each, dict) and _ID.fullmatch(str(each.get("id"))) for each in subsegments_of(document)):
        raise _refused("InvalidSubsegment", document)


def _words(name: str) -> str:
    return name.title().replace("_", "")


def _refused(code: str, document: Document) -> AWSError:
    identifier = document.get("id")
    members = {"Id": identifier} if isinstance(identifier, str) else {}
    return AWSError(code, f"Invalid segment. ErrorCode: {code}", 400, None, **members)
