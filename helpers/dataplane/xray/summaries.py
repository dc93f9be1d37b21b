"""GetTraceSummaries: which traces there were in a time frame, in short, and why they failed.

AWS: "Getting data from AWS X-Ray" (X-Ray Developer Guide) and the API reference of GetTraceSummaries. A trace belongs
to a time frame by the time in its id (``TraceId``, the default), by being active in it (``Event``), or by the end of a
segment (``Service``). The first page has the newest traces. A root cause is the path of faults, or errors, from the
root segment to the last entity that had one.

Differs, or unsourced: a page has ``PAGE`` traces; MatchedEventTime and ResponseTimeRootCauses are left out; sampling of
summaries is not built. That a time frame is at most six hours long is documented for the console.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.clock import seconds_of
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.web import HttpResponse
from helpers.dataplane.xray import filters
from helpers.dataplane.xray.documents import (
    Document,
    Outcome,
    Reading,
    Readings,
    Service,
    end_of,
    inner,
    outcome,
    response_time,
)
from helpers.dataplane.xray.groups import Groups

PAGE = 100
LONGEST_SECONDS = 6 * 3600
_STATUS = "HttpStatus"
_HTTP = {
    "HttpURL": ("request", "url"),
    _STATUS: ("response", "status"),
    "HttpMethod": ("request", "method"),
    "UserAgent": ("request", "user_agent"),
    "ClientIp": ("request", "client_ip"),
}
_VALUES = {bool: "BooleanValue", str: "StringValue"}


class Summaries:
    """Answers GetTraceSummaries."""

    def __init__(self, readings: Readings, groups: Groups) -> None:
        self._readings, self._groups = readings, groups

    def operations(self) -> Mapping[str, Operation]:
        """Return what this answers, by operation."""
        return {"GetTraceSummaries": self._get}

    def _get(self, call: Call) -> HttpResponse:
        given = call.params
        if given.get("Sampling") or given.get("SamplingStrategy"):
            raise not_built("Sampling in GetTraceSummaries")
        inside = _frames(*frame(given))[given.get("TimeRangeType") or "TraceId"]
        wanted = filters.compiled(given.get("FilterExpression") or "", self._groups.expressions())
        there = sorted(filter(inside, self._readings.all()), key=_newest_first)
        found = [one for one in there if wanted(one)]
        begin = _begin(found, given.get("NextToken"))
        page = found[begin : begin + PAGE]
        result = {
            "TraceSummaries": [summary(one, call.account_id) for one in page],
            "TracesProcessedCount": len(there),
            "ApproximateTime": page[-1].start if page else frame(given)[0],
        }
        return call.reply({**result, **({"NextToken": page[-1].id} if found[begin + PAGE :] else {})})


def frame(given: Mapping[str, Any]) -> tuple[float, float]:
    """Return the time frame of a question, in seconds since the epoch.

    Raises
    ------
    AWSError
        ``InvalidRequestException``: it ends before it begins, or is longer than six hours.
    """
    start, end = (seconds_of(given[name]) for name in ("StartTime", "EndTime"))
    if end < start:
        raise AWSError("InvalidRequestException", "EndTime cannot be before StartTime", 400)
    if end - start > LONGEST_SECONDS:
        raise AWSError("InvalidRequestException", "The time frame cannot be longer than 6 hours", 400)
    return start, end


def _frames(start: float, end: float) -> dict[str, Callable[[Reading], bool]]:
    return {
        "TraceId": lambda one: start <= int(one.id[2:10], 16) < end,
        "Event": lambda one: active(one, start, end),
        "Service": lambda one: any(start <= (end_of(each.document) or 0) < end for each in one.entities),
    }


def active(reading: Reading, start: float, end: float) -> bool:
    """Return whether a trace was active in a time frame."""
    return reading.start < end and reading.end >= start


def _newest_first(reading: Reading) -> tuple[float, str]:
    return -reading.start, reading.id


def _begin(found: list[Reading], token: str | None) -> int:
    """Return where a page begins: after the trace that a token names."""
    places = {one.id: place + 1 for place, one in enumerate(found)}
    if token and token not in places:
        raise AWSError("InvalidRequestException", "Invalid NextToken", 400)
    return places[token] if token else 0


def summary(reading: Reading, account_id: str) -> dict[str, Any]:
    """Return a trace's summary, in the form of the API."""
    root, ended = reading.root, outcome(reading.root)
    time = response_time(root) if root else None
    annotations: defaultdict[str, list[Any]] = defaultdict(list)
    for key, value, service in reading.annotations:
        told = {_VALUES.get(type(value), "NumberValue"): value}
        annotations[key].append({"AnnotationValue": told, "ServiceIds": [service_id(service, account_id)]})
    users: defaultdict[str, list[Any]] = defaultdict(list)
    for user, service in reading.users:
        users[user].append(service_id(service, account_id))
    http = {name: inner(root, "http", *path) for name, path in _HTTP.items()}
    entry = next((each.service for each in reading.entities if each.root), None)
    return {
        "Id": reading.id,
        "StartTime": reading.start,
        "Duration": round(reading.end - reading.start, 3),
        **({} if time is None else {"ResponseTime": round(time, 3)}),
        "HasFault": ended.fault,
        "HasError": ended.error,
        "HasThrottle": filters.any_throttled(reading),
        "IsPartial": reading.partial,
        "Http": {name: value for name, value in http.items() if isinstance(value, int if name == _STATUS else str)},
        "Annotations": annotations,
        "Users": [{"UserName": user, "ServiceIds": services} for user, services in users.items()],
        "ServiceIds": [service_id(service, account_id) for service in reading.services],
        "ResourceARNs": [{"ARN": arn} for arn in _each(reading, "resource_arn")],
        "InstanceIds": [{"Id": identifier} for identifier in _each(reading, "aws", "ec2", "instance_id")],
        "AvailabilityZones": [{"Name": zone} for zone in _each(reading, "aws", "ec2", "availability_zone")],
        **({"EntryPoint": service_id(entry, account_id)} if entry else {}),
        "FaultRootCauses": _causes(reading, lambda ended: ended.fault, account_id),
        "ErrorRootCauses": _causes(reading, lambda ended: ended.error, account_id),
        "Revision": 1,
    }


def service_id(service: Service, account_id: str) -> dict[str, Any]:
    """Return what identifies a service in the API's answers."""
    known = {"Type": service.type} if service.type else {}
    return {"Name": service.name, "Names": [service.name], "AccountId": account_id, **known}


def _each(reading: Reading, *path: str) -> Iterable[Any]:
    values = (inner(entity.document, *path) for entity in reading.entities)
    return dict.fromkeys(value for value in values if isinstance(value, str))


def _causes(reading: Reading, bad: Callable[[Outcome], bool], account_id: str) -> list[dict[str, Any]]:
    """Return the chain of services from the root to where things went wrong, if the root's request did."""
    called = {e.document["id"] if e.inferred else e.document.get("parent_id"): e for e in reading.entities}
    at = next((each for each in reading.entities if each.root and bad(outcome(each.document))), None)
    services: list[dict[str, Any]] = []
    while at:
        path = [at.document] if at.inferred else _path(at.document, bad)
        told = {**service_id(at.service, account_id), "Inferred": at.inferred}
        services.append({**told, "EntityPath": [_part(part) for part in path]})
        below = (called.pop(part["id"], None) for part in reversed(path))
        at = next((each for each in below if each and bad(outcome(each.document))), None)
    return [{"Services": services, "ClientImpacting": True}] if services else []


def _path(document: Document, bad: Callable[[Outcome], bool]) -> list[Document]:
    """Return a segment and those of its subsegments, each inside of the one before, that went wrong last."""
    worse = [each for each in document.get("subsegments") or [] if bad(outcome(each))]
    return [document, *(_path(worse[-1], bad) if worse else [])]


def _part(document: Document) -> dict[str, Any]:
    given = inner(document, "cause", "exceptions")
    exceptions = [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []
    named = [{"Name": str(each.get("type", "")), "Message": str(each.get("message", ""))} for each in exceptions]
    return {"Name": str(document.get("name")), "Exceptions": named, "Remote": "namespace" in document}
