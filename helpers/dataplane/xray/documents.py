"""What segment documents say: who called whom, how it ended, how long it took, and what is indexed.

AWS: "AWS X-Ray concepts", "AWS X-Ray segment documents" and "Getting data from AWS X-Ray" (X-Ray Developer Guide). A
subsegment with namespace ``aws`` or ``remote`` is a call. Where the called service sent a segment whose ``parent_id``
is that subsegment, the segment tells of the service; otherwise the service is inferred from the subsegment. What the
caller saw, the subsegment, tells of the edge between the two. At most 50 annotations a trace are indexed, with keys of
letters, digits and underscores.

Differs, or unsourced: a DynamoDB table is inferred by its name, as in AWS's examples; other services of AWS as one
node, ``AWS::SNS`` and the like, also where AWS may tell queues or buckets apart. A response status counts as the flag
that belongs to it. Fields of a wrong type are passed over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from helpers.dataplane.xray.store import Trace, Traces, subsegments_of

Document = Mapping[str, Any]
Value = str | float | bool
MOST_ANNOTATIONS = 50
CLIENT, REMOTE = "client", "remote"
_KEY = re.compile(r"[A-Za-z0-9_]+")


class Service(NamedTuple):
    """A node of the map: two segments with this name and type are of one service. The type may be unknown, empty."""

    name: str
    type: str


class Outcome(NamedTuple):
    """How a request ended. Several flags may be set: a 429 from below may end as a 500 above."""

    ok: bool
    error: bool
    throttle: bool
    fault: bool


@dataclass(frozen=True)
class Entity:
    """One segment of a service, sent or inferred."""

    service: Service
    document: Document
    inferred: bool = False
    root: bool = False


@dataclass(frozen=True)
class Link:
    """One request from a service to another; the document is what the caller saw of it."""

    source: Service
    target: Service
    document: Document


@dataclass
class Reading:
    """What one trace says."""

    id: str
    entities: list[Entity] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    annotations: list[tuple[str, Value, Service]] = field(default_factory=list)
    users: list[tuple[str, Service]] = field(default_factory=list)
    root: Document = field(default_factory=dict)
    """The document of the segment at which the trace begins."""
    start: float = 0.0
    end: float = 0.0
    partial: bool = False

    @property
    def services(self) -> list[Service]:
        """The services that took part, each once."""
        return list(dict.fromkeys(entity.service for entity in self.entities))


class Readings:
    """What the traces of an account say; each is read again only when a document of it has come."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._known: dict[str, tuple[Trace, Reading]] = {}

    def all(self) -> list[Reading]:
        """Return what each trace says, in the order in which they began to come."""
        known = self._known
        pairs = [(trace, known.get(trace.id, (None, None))) for trace in self._traces.all()]
        read_now = {
            trace.id: (trace, reading if reading and before is trace else read(trace))
            for trace, (before, reading) in pairs
        }
        self._known = read_now
        return [reading for _, reading in read_now.values()]

    def of(self, trace_ids: Iterable[str]) -> list[Reading]:
        """Return what some traces say; ids of none are passed over."""
        return [read(trace) for trace in map(self._traces.get, trace_ids) if trace]


def inner(document: Document, *path: str) -> Any:
    """Return what stands at a path of a document, or None: ``inner(segment, "http", "response", "status")``."""
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def outcome(document: Document) -> Outcome:
    """Return how a segment's or subsegment's request ended."""
    status = inner(document, "http", "response", "status")
    status = status if isinstance(status, int | float) else 0
    throttle = bool(document.get("throttle")) or status == 429
    error = bool(document.get("error")) or throttle or 400 <= status < 500
    fault = bool(document.get("fault")) or status >= 500
    return Outcome(not (error or fault), error, throttle, fault)


def start_of(document: Document) -> float:
    """Return when it began, in seconds since the epoch; what says no time began with the trace, at 0."""
    start = document.get("start_time")
    return float(start) if isinstance(start, int | float) else 0.0


def end_of(document: Document) -> float | None:
    """Return when it ended, or None while it is in progress."""
    end = document.get("end_time")
    return float(end) if isinstance(end, int | float) else None


def response_time(document: Document) -> float | None:
    """Return the seconds until it was answered, or None while it is in progress."""
    end = end_of(document)
    return None if end is None else max(0.0, end - start_of(document))


def duration(document: Document) -> float | None:
    """Return the seconds until the last of its subsegments ended, or None while nothing has."""
    ends = [end for part in (document, *subsegments_of(document)) if (end := end_of(part)) is not None]
    return max(0.0, max(ends) - start_of(document)) if ends else None


def service_of(segment: Document) -> Service:
    """Return the service that sent a segment."""
    origin = segment.get("origin")
    return Service(str(segment.get("name")), origin if isinstance(origin, str) else "")


def inferred_service(subsegment: Document) -> Service:
    """Return the service that a call went to, as far as the caller's subsegment tells."""
    name = str(subsegment.get("name"))
    if subsegment.get("namespace") == REMOTE:
        return Service(name, REMOTE)
    table = inner(subsegment, "aws", "table_name")
    return Service(str(table), "AWS::DynamoDB::Table") if table else Service(name, f"AWS::{name}")


def read(trace: Trace) -> Reading:
    """Return what a trace says."""
    segments = [each for each in trace.segments if each.get("type") != "subsegment"]
    owners = {part["id"]: (each, part) for each in segments for part in (each, *subsegments_of(each))}
    answered = {each.get("parent_id") for each in segments}
    reading = Reading(trace.id, root=_root(segments, owners))
    for segment in segments:
        service = service_of(segment)
        reading.entities.append(Entity(service, segment, root=segment is reading.root))
        caller, view = owners.get(segment.get("parent_id", ""), ({}, {}))
        if caller:
            reading.links.append(Link(service_of(caller), service, segment if view is caller else view))
        elif segment is reading.root:
            reading.links.append(Link(Service(service.name, CLIENT), service, segment))
        for call in _unanswered(segment, answered):
            target = inferred_service(call)
            reading.entities.append(Entity(target, call, inferred=True))
            reading.links.append(Link(service, target, call))
    for document in trace.segments:
        _index(reading, document)
    starts = [start_of(document) for document in trace.segments]
    reading.start = min(starts, default=0.0)
    lengths = [duration(document) or 0.0 for document in trace.segments]
    reading.end = max((begun + length for begun, length in zip(starts, lengths, strict=True)), default=0.0)
    return reading


def inferred_segments(trace: Trace) -> list[dict[str, Any]]:
    """Return the segments that X-Ray adds to a full trace for services that sent none."""
    made = []
    for entity in read(trace).entities:
        if entity.inferred:
            caller = entity.document
            kept = {name: caller[name] for name in _INFERRED if name in caller}
            identifier = hashlib.sha256(f"{trace.id}{caller['id']}".encode()).hexdigest()[:16]
            origin = {} if entity.service.type == REMOTE else {"origin": entity.service.type}
            links = {"id": identifier, "parent_id": caller["id"], "trace_id": trace.id, "inferred": True}
            made.append({**kept, **links, **origin})
    return made


_INFERRED = ("name", "start_time", "end_time", "in_progress", "http", "aws", "error", "throttle", "fault")


def _root(segments: list[dict[str, Any]], owners: Mapping[str, Any]) -> Document:
    """Return the segment at which a trace begins: the first that nobody called, or whose caller is not in the trace."""
    uncalled = [each for each in segments if not each.get("parent_id")]
    strangers = [each for each in segments if each.get("parent_id") not in owners]
    found: list[dict[str, Any]] = uncalled or strangers or segments
    return found[0] if found else {}


def _unanswered(segment: dict[str, Any], answered: set[Any]) -> Iterator[Document]:
    for call in subsegments_of(segment):
        if call.get("namespace") in ("aws", REMOTE) and call["id"] not in answered:
            yield call


def _index(reading: Reading, document: dict[str, Any]) -> None:
    """Take a segment's annotations and user, and its subsegments' annotations."""
    service = service_of(document)
    user = document.get("user")
    if isinstance(user, str) and (user, service) not in reading.users:
        reading.users.append((user, service))
    for part in (document, *subsegments_of(document)):
        reading.partial = reading.partial or end_of(part) is None
        annotations = part.get("annotations")
        for key, value in annotations.items() if isinstance(annotations, Mapping) else ():
            fits = isinstance(value, str | int | float) and _KEY.fullmatch(str(key))
            if fits and len(reading.annotations) < MOST_ANNOTATIONS:
                reading.annotations.append((str(key), value, service))
