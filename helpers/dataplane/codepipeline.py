"""CodePipeline: an execution that starts is told to EventBridge.

AWS: "CodePipeline Pipeline Execution State Change" ("Monitoring CodePipeline events", AWS CodePipeline User Guide).
moto's pipelines start and do nothing, so STARTED is the only state that is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from helpers.dataplane.call import Call
from helpers.dataplane.control_plane import forward
from helpers.dataplane.events import EventsPlane
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.web import HttpResponse

KIND = "CodePipeline Pipeline Execution State Change"


class CodePipelinePlane:
    """The part of CodePipeline that moto leaves out: it tells EventBridge."""

    service = "codepipeline"

    def __init__(self, bus: EventsPlane) -> None:
        self._bus = bus

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {"StartPipelineExecution": self._start}

    def addresses(self) -> Mapping[str, Address]:
        """CodePipeline has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """Nothing runs."""

    def _start(self, call: Call) -> HttpResponse:
        response = forward(call)
        if response.status < 400:
            name, execution = call.params["name"], json.loads(response.body)["pipelineExecutionId"]
            arn = f"arn:aws:codepipeline:{call.region}:{call.account_id}:{name}"
            detail = {"pipeline": name, "execution-id": execution, "state": "STARTED", "version": 1.0}
            entry = {"source": "aws.codepipeline", "detail-type": KIND, "resources": [arn], "detail": detail}
            self._bus.emit("codepipeline", "STARTED", name, entry, call.region)
        return response
