"""How fast X-Ray takes segments and answers questions about many traces."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

TRACES, BATCH = 5000, 50
"""Each trace has two segments, and a call to a service that sends none."""


def of_traces(client: Any) -> dict[str, float]:
    """Return the segments a second that X-Ray takes, and the milliseconds of its answers about all of them.

    Empty for a cloud that draws no service graph.
    """
    xray, began = client("xray"), time.time()
    documents = [json.dumps(segment) for number in range(TRACES) for segment in _trace(began, number)]
    frame = {"StartTime": began - 60, "EndTime": began + 60}
    try:
        xray.put_trace_segments(TraceSegmentDocuments=documents[:2])
        if not xray.get_service_graph(**frame)["Services"]:
            return {}
    except (BotoCoreError, ClientError):
        return {}
    started = time.perf_counter()
    for place in range(2, len(documents), BATCH):
        xray.put_trace_segments(TraceSegmentDocuments=documents[place : place + BATCH])
    taken = (len(documents) - 2) / (time.perf_counter() - started)
    answers = {}
    asked = {"FilterExpression": "fault AND annotation.number >= 100"}
    for name in ("summaries_first", "summaries"):
        started = time.perf_counter()
        assert xray.get_trace_summaries(**frame, **asked)["TraceSummaries"]
        answers[name] = (time.perf_counter() - started) * 1000
    started = time.perf_counter()
    assert len(xray.get_service_graph(**frame)["Services"]) == 4
    answers["service_graph"] = (time.perf_counter() - started) * 1000
    return {"segments_per_second": taken, **answers}


def _trace(began: float, number: int) -> Iterator[dict[str, Any]]:
    """Yield the segments of a request: a shop reads a table and asks another service; every tenth fails."""
    trace_id, first = f"1-{int(began):08x}-{number:024x}", number * 8
    ids = [f"{first + place:016x}" for place in range(4)]
    common = {"trace_id": trace_id, "start_time": began, "end_time": began + 0.2, "fault": number % 10 == 0}
    call = {"id": ids[1], "name": "orders", "namespace": "remote", "start_time": began, "end_time": began + 0.1}
    table = {**call, "id": ids[2], "name": "DynamoDB", "namespace": "aws", "aws": {"table_name": "carts"}}
    yield {**common, "id": ids[0], "name": "shop", "annotations": {"number": number}, "subsegments": [call, table]}
    yield {**common, "id": ids[3], "name": "orders", "parent_id": ids[1]}
