"""GetServiceGraph and GetTraceGraph: the services of many traces, and who called whom.

AWS: "Getting data from AWS X-Ray", with an example of the document, and "AWS X-Ray concepts" (X-Ray Developer Guide). A
node's statistics come from the service's own segments, an edge's from what the caller saw. The clients that sent
requests to a root service are a node of the type ``client`` with the root's name. Completed requests count.

Differs, or unsourced: a request with both flags counts as a fault only, so that the counts add up; edges are
synchronous ones, links between traces are not built; the state is ``active`` for services that sent segments and
``unknown`` for others, as in AWS's example. At most six hours are documented for the console.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.web import HttpResponse
from helpers.dataplane.xray import filters
from helpers.dataplane.xray.documents import (
    CLIENT,
    Document,
    Reading,
    Readings,
    Service,
    duration,
    end_of,
    outcome,
    response_time,
    start_of,
)
from helpers.dataplane.xray.groups import Groups
from helpers.dataplane.xray.summaries import active, frame

MOST_TRACES_IN_A_CALL = 5


class ServiceGraphs:
    """Answers GetServiceGraph and GetTraceGraph."""

    def __init__(self, readings: Readings, groups: Groups) -> None:
        self._readings, self._groups = readings, groups

    def operations(self) -> Mapping[str, Operation]:
        """Return what this answers, by operation."""
        return {"GetServiceGraph": self._of_a_time, "GetTraceGraph": self._of_traces}

    def _of_a_time(self, call: Call) -> HttpResponse:
        start, end = frame(call.params)
        expression = ""
        if call.params.get("GroupName") or call.params.get("GroupARN"):
            expression = self._groups.named(call.params).get("FilterExpression", "")
        wanted = filters.compiled(expression, self._groups.expressions())
        there = (one for one in self._readings.all() if active(one, start, end) and wanted(one))
        services = graph(there, call.account_id)
        return call.reply({"StartTime": start, "EndTime": end, "Services": services, "ContainsOldGroupVersions": False})

    def _of_traces(self, call: Call) -> HttpResponse:
        return call.reply({"Services": graph(self._readings.of(asked_traces(call)), call.account_id)})


def asked_traces(call: Call) -> list[str]:
    """Return the trace ids that a call asks for, each once.

    Raises
    ------
    AWSError
        ``InvalidRequestException``: there are more than five.
    """
    if len(call.params["TraceIds"]) > MOST_TRACES_IN_A_CALL:
        raise AWSError("InvalidRequestException", f"at most {MOST_TRACES_IN_A_CALL} trace ids a call", 400)
    return list(dict.fromkeys(call.params["TraceIds"]))


@dataclass
class _Requests:
    """Requests that a service answered, or that went along an edge."""

    start: float = float("inf")
    end: float = 0.0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    times: Counter[float] = field(default_factory=Counter)
    durations: Counter[float] = field(default_factory=Counter)

    def add(self, document: Document) -> None:
        """Count a request; one in progress only says that the service was there."""
        begun, ended, time = start_of(document), end_of(document), response_time(document)
        self.start, self.end = min(self.start, begun), max(self.end, ended or begun)
        if time is None:
            return
        how = outcome(document)
        kind = "fault" if how.fault else "throttle" if how.throttle else "error" if how.error else "ok"
        self.counts[kind] += 1
        self.seconds += time
        self.times[round(time, 3)] += 1
        self.durations[round(duration(document) or time, 3)] += 1

    def statistics(self) -> dict[str, Any]:
        """Return SummaryStatistics."""
        counts = self.counts
        errors = {"ThrottleCount": counts["throttle"], "OtherCount": counts["error"]}
        return {
            "OkCount": counts["ok"],
            "ErrorStatistics": {**errors, "TotalCount": sum(errors.values())},
            "FaultStatistics": {"OtherCount": counts["fault"], "TotalCount": counts["fault"]},
            "TotalCount": counts.total(),
            "TotalResponseTime": round(self.seconds, 3),
        }

    def span(self) -> dict[str, float]:
        """Return StartTime and EndTime."""
        return {"StartTime": self.start, "EndTime": self.end}


def graph(readings: Iterable[Reading], account_id: str) -> list[dict[str, Any]]:
    """Return the services of traces, with their edges, in the form of the API."""
    nodes: dict[Service, _Requests] = {}
    edges: dict[Service, dict[Service, _Requests]] = {}
    roots: set[Service] = set()
    inferred: dict[Service, bool] = {}
    for reading in readings:
        for link in reading.links:
            edges.setdefault(link.source, {}).setdefault(link.target, _Requests()).add(link.document)
            if link.source.type == CLIENT:
                nodes.setdefault(link.source, _Requests()).add(link.document)
                inferred[link.source] = True
        for entity in reading.entities:
            nodes.setdefault(entity.service, _Requests()).add(entity.document)
            inferred[entity.service] = inferred.get(entity.service, True) and entity.inferred
            roots |= {entity.service} if entity.root else set()
    places = {service: place for place, service in enumerate(nodes)}
    return [
        {
            "ReferenceId": place,
            "Name": service.name,
            "Names": [service.name],
            "AccountId": account_id,
            **({"Root": True} if service in roots else {}),
            **({"Type": service.type} if service.type else {}),
            "State": "unknown" if inferred[service] else "active",
            **nodes[service].span(),
            "Edges": [_edge(places[target], along) for target, along in edges.get(service, {}).items()],
            **({} if service.type == CLIENT else _told(nodes[service])),
        }
        for service, place in places.items()
    ]


def _edge(place: int, along: _Requests) -> dict[str, Any]:
    return {
        "ReferenceId": place, **along.span(), "SummaryStatistics": along.statistics(),
        "ResponseTimeHistogram": _histogram(along.times), "Aliases": [],
    }  # fmt: skip


def _told(requests: _Requests) -> dict[str, Any]:
    return {
        "SummaryStatistics": requests.statistics(),
        "DurationHistogram": _histogram(requests.durations),
        "ResponseTimeHistogram": _histogram(requests.times),
    }


def _histogram(counts: Counter[float]) -> list[dict[str, Any]]:
    return [{"Value": value, "Count": count} for value, count in sorted(counts.items())]
