"""X-Ray's API: taking segments, giving traces back, and the settings of sampling.

AWS: "X-Ray API Reference". Documents that cannot be taken come back one by one in UnprocessedTraceSegments, the others
are kept; BatchGetTraces gives at most five traces a call ("Getting data from AWS X-Ray", X-Ray Developer Guide).

Differs: what was put can be asked for at once; on AWS it takes some seconds. One Region. What PutTelemetryRecords tells
is not kept. Encryption, insights and Transaction Search are not built.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.web import HttpResponse
from helpers.dataplane.xray.documents import Readings, inferred_segments
from helpers.dataplane.xray.groups import Groups
from helpers.dataplane.xray.service_graph import ServiceGraphs, asked_traces
from helpers.dataplane.xray.store import Trace
from helpers.dataplane.xray.summaries import Summaries


class XRayPlane:
    """The data plane of X-Ray."""

    service = "xray"

    def __init__(self, context: Context) -> None:
        self._context, self._traces = context, context.traces
        groups, readings = Groups(context), Readings(context.traces)
        self._questions = (groups, Summaries(readings, groups), ServiceGraphs(readings, groups))

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            "PutTraceSegments": self._put_segments,
            "PutTelemetryRecords": lambda call: call.reply(),
            "BatchGetTraces": self._batch_get,
            **self._context.sampling.operations(),
            **{name: do for asked in self._questions for name, do in asked.operations().items()},
        }

    def addresses(self) -> Mapping[str, Address]:
        """X-Ray has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """Nothing runs."""

    def _put_segments(self, call: Call) -> HttpResponse:
        unprocessed = []
        for document in call.params["TraceSegmentDocuments"]:
            try:
                self._traces.put(document)
            except AWSError as error:
                unprocessed.append({"ErrorCode": error.code, "Message": error.message, **error.members})
        return call.reply({"UnprocessedTraceSegments": unprocessed})

    def _batch_get(self, call: Call) -> HttpResponse:
        found = {identifier: self._traces.get(identifier) for identifier in asked_traces(call)}
        traces = [_told(trace) for trace in found.values() if trace is not None]
        return call.reply({"Traces": traces, "UnprocessedTraceIds": [key for key, trace in found.items() if not trace]})


def _told(trace: Trace) -> dict[str, Any]:
    starts = [float(each["start_time"]) for each in trace.segments]
    ends = [float(each["end_time"]) for each in trace.segments if each.get("end_time")]
    duration = {"Duration": round(max(ends) - min(starts), 3)} if ends else {}
    whole = [*trace.segments, *inferred_segments(trace)]
    segments = [{"Id": each["id"], "Document": json.dumps(each)} for each in whole]
    return {"Id": trace.id, **duration, "LimitExceeded": False, "Segments": segments}
