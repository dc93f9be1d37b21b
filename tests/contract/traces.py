"""Traces as segment documents, for the tests of X-Ray."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from tests.contract.subjects import Subject


def trace_id(at: float | None = None) -> str:
    """Return a new trace id that holds a time, by default now."""
    return f"1-{int(time.time() if at is None else at):08x}-{secrets.token_hex(12)}"


def part(name: str, start: float, seconds: float | None, **more: Any) -> dict[str, Any]:
    """Return a subsegment; without ``seconds`` it is in progress. ``status`` is its response's."""
    status = more.pop("status", None)
    ended = {"in_progress": True} if seconds is None else {"end_time": start + seconds}
    http = {"http": {"response": {"status": status}}} if status else {}
    return {"name": name, "id": secrets.token_hex(8), "start_time": start, **ended, **http, **more}


def segment(trace: str, name: str, start: float, seconds: float | None, *inside: Any, **more: Any) -> dict[str, Any]:
    """Return a segment with subsegments; everything as for ``part``."""
    return {**part(name, start, seconds, **more), "trace_id": trace, "subsegments": list(inside)}


def shop(at: float | None = None, *, broken: bool = False, **more: Any) -> list[dict[str, Any]]:
    """Return the segments of one request: a shop reads a table, and asks a service that may answer 500."""
    began, trace = time.time() if at is None else at, trace_id(at)
    table = part("DynamoDB", began + 0.1, 0.2, namespace="aws", aws={"table_name": "carts", "operation": "GetItem"})
    status = 500 if broken else 200
    call = part("orders", began + 0.3, 0.6, namespace="remote", status=status, fault=broken)
    request = {"url": "http://shop.example.com/api/order", "method": "POST", "client_ip": "198.51.100.7"}
    front = segment(trace, "shop", began, 1.0, table, call, origin="AWS::EC2::Instance", fault=broken, **more)
    front["http"] = {"request": request, "response": {"status": status}}
    raised = {"exceptions": [{"id": secrets.token_hex(8), "type": "KeyError", "message": "no such order"}]}
    work = part("look up", began + 0.4, 0.4, fault=broken, **({"cause": raised} if broken else {}))
    below = segment(trace, "orders", began + 0.35, 0.5, work, parent_id=call["id"], fault=broken)
    return [front, below]


def put(aws: Subject, *segments: Mapping[str, Any]) -> str:
    """Send segments to X-Ray; return the id of the first one's trace."""
    answer = aws.client("xray").put_trace_segments(TraceSegmentDocuments=[json.dumps(each) for each in segments])
    assert answer["UnprocessedTraceSegments"] == []
    return str(segments[0]["trace_id"])


def summaries(aws: Subject, expression: str = "", **frame: Any) -> list[Any]:
    """Return the summaries of the traces of the last minutes that an expression takes."""
    given = {"StartTime": time.time() - 600, "EndTime": time.time() + 600, **frame}
    wanted = {"FilterExpression": expression} if expression else {}
    return list(aws.client("xray").get_trace_summaries(**given, **wanted)["TraceSummaries"])


def found(aws: Subject, expression: str, **frame: Any) -> set[str]:
    """Return the ids of those traces."""
    return {one["Id"] for one in summaries(aws, expression, **frame)}
