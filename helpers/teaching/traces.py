"""Traces of X-Ray as a waterfall, and the service graph as a Mermaid flowchart: what its console page shows on AWS.

Both are drawn from what plain boto3 calls answer (BatchGetTraces, GetServiceGraph). Outcomes stand there in words and
signs, bars that failed are hatched, so that colour is never needed; times are left out of the texts unless asked for,
because they differ at each run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3

from helpers.dataplane.xray.documents import CLIENT, Document, end_of, inner, outcome, start_of
from helpers.dataplane.xray.store import subsegments_of
from helpers.teaching import names, plots
from helpers.teaching.diagrams import escape
from helpers.teaching.output import without_ids

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAIT_SECONDS = 8
_PAUSE_SECONDS = 0.2
_QUIET_LOOKS = 7
"""The X-Ray daemon keeps what comes for up to a second before it uploads it. Looks are counted, because a machine that
stands still for a second holds up the daemon too."""
_FRAME_SECONDS = 6 * 3600 - 60
_INDENT = "   "
_SMALLEST_SHARE = 0.004
"""A bar is at least this share of the whole time wide, or it would not be seen."""
_SEGMENT, _SUBSEGMENT, _WRONG = 1, 3, 0


@dataclass(frozen=True)
class Row:
    """One bar of the waterfall; times are milliseconds since the trace began, no length means in progress."""

    name: str
    depth: int
    outcome: str
    whole: bool
    """Whether it is a segment, not a subsegment."""
    start: float
    length: float | None


def trace(trace_id: str, seconds: float = WAIT_SECONDS) -> list[Document]:
    """Return the segments of a trace from X-Ray, those that X-Ray inferred left out, when no more of them come.

    Parameters
    ----------
    trace_id:
        ``1-xxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx``.
    seconds:
        How long to wait for a trace that is still on its way; after that, what there is must do.
    """
    client = boto3.client("xray")

    def ask() -> list[Document]:
        traces = client.batch_get_traces(TraceIds=[trace_id])["Traces"]
        documents = [json.loads(each["Document"]) for found in traces for each in found["Segments"]]
        return [document for document in documents if not document.get("inferred")]

    def whole(found: list[Document]) -> bool:
        """Return whether nothing is in progress, and no subsegment lacks its parent."""
        return all(row.length is not None and (row.whole or row.depth) for row in rows(found))

    return _settled(ask, whole, seconds)


def services(start: float | None, group: str, seconds: float = WAIT_SECONDS) -> list[dict[str, Any]]:
    """Return the services of GetServiceGraph when no more requests come in.

    Parameters
    ----------
    start:
        From when on, in seconds since the epoch; None takes the last six hours, the most that X-Ray answers for.
    group:
        The name of a group of X-Ray whose traces alone count, or an empty text.
    seconds:
        As for ``trace``.
    """
    client, ends = boto3.client("xray"), max(_now(), start or 0) + 60
    frame = {"StartTime": max(start or 0, ends - _FRAME_SECONDS), "EndTime": ends}
    wanted = {"GroupName": group} if group else {}

    def ask() -> list[dict[str, Any]]:
        pages = client.get_paginator("get_service_graph").paginate(**frame, **wanted)
        return [service for page in pages for service in page["Services"]]

    return _settled(ask, lambda _: True, seconds)


def _now() -> float:
    """Return the time by the clock of the cloud that runs here, or by this machine's."""
    from helpers import cloud

    try:
        return cloud.current().time()
    except RuntimeError:
        return time.time()


def _settled(ask: Callable[[], list[Any]], whole: Callable[[list[Any]], bool], seconds: float) -> list[Any]:
    """Return the first answer that is whole and stays the same for a while, or the last one in time."""
    found, same = ask(), 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (found and whole(found) and same >= _QUIET_LOOKS):
        time.sleep(_PAUSE_SECONDS)
        before, found = found, ask()
        same = same + 1 if found == before else 0
    return found


def rows(segments: Sequence[Document]) -> list[Row]:
    """Return the bars of a trace, each part below what called it.

    A part's own subsegments come first, then what it called without one; both in the order in which they began. So what
    an asynchronous call started stands at the same place each time.
    """
    parts = {part["id"]: part for segment in segments for part in (segment, *subsegments_of(segment))}
    below: dict[str, list[Document]] = {}
    for segment in segments:
        below.setdefault(segment.get("parent_id", ""), []).append(segment)
    began = min(map(start_of, parts.values()), default=0.0)

    def walk(part: Document, depth: int, whole: bool) -> Iterator[Row]:
        ended = end_of(part)
        length = None if ended is None else max(0.0, ended - start_of(part)) * 1000
        name = without_ids(_name(part) if whole else str(part["name"]))
        yield Row(name, depth, word(part), whole, (start_of(part) - began) * 1000, length)
        for each in sorted(part.get("subsegments") or [], key=start_of):
            yield from walk(each, depth + 1, False)
        for each in sorted(below.get(part["id"], []), key=start_of):
            yield from walk(each, depth + 1, each.get("type") != "subsegment")

    tops = [segment for segment in segments if segment.get("parent_id") not in parts]
    return [row for top in sorted(tops, key=start_of) for row in walk(top, 0, top.get("type") != "subsegment")]


def _name(segment: Document) -> str:
    origin = segment.get("origin")
    return f"{segment['name']} ({origin})" if origin else str(segment["name"])


def word(document: Document) -> str:
    """Return how a part ended: ``ok``, ``in progress``, or what went wrong, with the names of its exceptions."""
    how = outcome(document)
    kind = "fault" if how.fault else "throttled" if how.throttle else "error" if how.error else ""
    exceptions = inner(document, "cause", "exceptions")
    raised = [str(each.get("type")) for each in exceptions] if isinstance(exceptions, list) else []
    if kind:
        return kind + (f": {', '.join(dict.fromkeys(raised))}" if raised else "")
    return "in progress" if end_of(document) is None else "ok"


def lines(found: Sequence[Row], times: bool = False) -> list[str]:
    """Return a line for each bar, indented as deep as it is nested; ``times`` adds milliseconds."""
    told = []
    for row in found:
        took = "" if row.length is None else f", {row.length:.0f} ms"
        when = f" (from {row.start:.0f} ms on{took})" if times else ""
        told.append(f"{_INDENT * row.depth}{row.name}: {row.outcome}{when}")
    return told


def waterfall(trace_id: str, found: Sequence[Row]) -> Figure:
    """Return the figure: a bar for each row, hatched with a sign and a word where something went wrong."""
    total = max([row.start + (row.length or 0) for row in found] + [1.0])
    height = 1.9 + 0.36 * len(found)
    figure, axes = plots.new(f"Trace {trace_id}", x="Time since the trace began (ms)", y="", width=9, height=height)
    labels = {_SEGMENT: "Segment", _SUBSEGMENT: "Subsegment", _WRONG: "✗ Error, throttled or fault"}
    for place, row in enumerate(found):
        wrong = row.outcome not in ("ok", "in progress")
        style = _WRONG if wrong else _SEGMENT if row.whole else _SUBSEGMENT
        length = total - row.start if row.length is None else max(row.length, total * _SMALLEST_SHARE)
        axes.barh(place, length, left=row.start, height=0.65, **plots.fill(style, labels.pop(style, "")))
        if row.outcome != "ok":
            sign = ("✗ " if wrong else "▶ ") + row.outcome.partition(":")[0]
            axes.annotate(sign, (row.start + length, place), (4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(found)), [_INDENT * row.depth + row.name for row in found], ha="left")
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlim(0, total * (1.25 if any(row.outcome != "ok" for row in found) else 1.02))
    axes.tick_params(axis="y", length=0, pad=_widest(figure, axes))
    axes.grid(False, axis="y")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def _widest(figure: Any, axes: Any) -> float:
    """Return the width of the widest label in points: labels that begin at one edge show how they are nested."""
    widths = [label.get_window_extent().width for label in axes.get_yticklabels()]
    return float(max(widths, default=0.0) * 72 / figure.dpi + 6)


def flowchart(graph: Sequence[Mapping[str, Any]], times: bool = False, counts: bool = True) -> str:
    """Return the Mermaid text of a service graph: its nodes and edges with their calls and what went wrong in words."""
    places = {service["ReferenceId"]: f"n{place}" for place, service in enumerate(_ordered(graph))}
    drawn = ["flowchart TD"]
    for service in _ordered(graph):
        here, told = places[service["ReferenceId"]], _told(service.get("SummaryStatistics"), times, counts)
        if service.get("Type") == CLIENT:
            drawn.append(f'{here}(["Client"])')
            continue
        sign = "✗ " if _bad(service) else ""
        kind = [escape(service["Type"])] if service.get("Type") else []
        drawn.append(f'{here}["{"<br/>".join([escape(sign + service["Name"]), *kind, _wrapped(told)])}"]')
        drawn += [f"class {here} wrong"] if _bad(service) else []
    for service, target, edge in _edges(graph):
        arrow = "==>" if _failed(edge["SummaryStatistics"]) else "-->"
        ends = places[service["ReferenceId"]], places[target["ReferenceId"]]
        drawn.append(f'{ends[0]} {arrow}|"{_wrapped(_told(edge["SummaryStatistics"], times, counts))}"| {ends[1]}')
    drawn.append("classDef wrong stroke-width:4px,stroke-dasharray:6 3")
    return "\n".join([drawn[0], *(f"    {line}" for line in drawn[1:])])


def text(graph: Sequence[Mapping[str, Any]], times: bool = False, counts: bool = True) -> list[str]:
    """Return a sentence that says what to see, then one line for each edge."""
    real = [service for service in _ordered(graph) if service.get("Type") != CLIENT]
    bad = [service["Name"] for service in real if _bad(service)]
    trouble = f"Not all calls went well at {names.listed(list(dict.fromkeys(bad)))}." if bad else "All calls went well."
    told = [f"The map shows {names.count(len(real), 'service')} that clients reached. {trouble}"]
    for service, target, edge in _edges(graph):
        source = "Client" if service.get("Type") == CLIENT else _label(service)
        told.append(f"{source} → {_label(target)}: {_told(edge['SummaryStatistics'], times, counts)}")
    return told


def _wrapped(told: str) -> str:
    return "<br/>".join(map(escape, told.split(", ")))


def _label(service: Mapping[str, Any]) -> str:
    return without_ids(f"{service['Name']} ({service['Type']})" if service.get("Type") else service["Name"])


def _ordered(graph: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the services in an order that is the same at each run: clients first, then by name."""
    return sorted(graph, key=lambda one: (one.get("Type") != CLIENT, one["Name"], one.get("Type", "")))


def _edges(graph: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], Any]]:
    """Yield source, target and edge."""
    by_id = {service["ReferenceId"]: service for service in graph}
    order = {service["ReferenceId"]: place for place, service in enumerate(_ordered(graph))}
    for service in _ordered(graph):
        for edge in sorted(service.get("Edges", []), key=lambda edge: order[edge["ReferenceId"]]):
            yield service, by_id[edge["ReferenceId"]], edge


def _bad(service: Mapping[str, Any]) -> bool:
    return bool(service.get("SummaryStatistics")) and _failed(service["SummaryStatistics"])


def _failed(statistics: Mapping[str, Any]) -> bool:
    return bool(statistics["OkCount"] < statistics["TotalCount"])


def _told(statistics: Mapping[str, Any] | None, times: bool, counts: bool) -> str:
    """Return ``4 calls, 1 fault (25 %)``, or without ``counts`` ``calls, faults``; ``times`` adds the average."""
    if not statistics or not statistics["TotalCount"]:
        return "no completed call"
    total, errors = statistics["TotalCount"], statistics["ErrorStatistics"]
    wrong = {
        ("fault", "faults"): statistics["FaultStatistics"]["TotalCount"],
        ("error", "errors"): errors["OtherCount"],
        ("throttled", "throttled"): errors["ThrottleCount"],
    }
    average = [f"{statistics['TotalResponseTime'] / total * 1000:.0f} ms on average"] if times else []
    if not counts:
        return ", ".join(["calls", *(word[1] for word, number in wrong.items() if number), *average])
    parts = [
        names.count(number, *word) + f" ({100 * number / total:.0f} %)" for word, number in wrong.items() if number
    ]
    return ", ".join([names.count(total, "call"), *parts, *average])
