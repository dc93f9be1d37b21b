"""What Step Functions counts of executions: state transitions for the bill, and metrics.

AWS: "Monitoring Step Functions metrics using Amazon CloudWatch" (Step Functions Developer Guide): the namespace
``AWS/States`` has ExecutionsStarted, ExecutionsSucceeded, ExecutionsFailed, ExecutionsAborted, ExecutionsTimedOut and
ExecutionTime in milliseconds, for each StateMachineArn. A standard workflow pays for each step that is executed,
retries included (aws.amazon.com/step-functions/pricing). Here steps are the states that were entered, and the tasks
that were scheduled again. ExecutionTime is by the cloud's clock.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from helpers.dataplane.context import Context
from helpers.dataplane.metrics import measure
from helpers.dataplane.seams import Seams
from helpers.dataplane.stepfunctions.endings import EXPRESS, milliseconds
from helpers.dataplane.stepfunctions.express import bill

_SCHEDULED = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled")


class Measures:
    """Counts each execution when it starts and, before anybody is told, when it ends."""

    def __init__(self, context: Context, seams: Seams) -> None:
        self._context = context
        self._start, self._terminated = ExecutionWorker.start, BaseExecutionWorkerCommunication.terminated
        seams.put(ExecutionWorker, "start", self._started)
        seams.put(BaseExecutionWorkerCommunication, "terminated", self._ended)

    def _started(self, worker: Any) -> None:
        self._count(worker._execution_communication.execution, "ExecutionsStarted", 1, "Count")
        self._start(worker)

    def _ended(self, communication: Any) -> None:
        execution = communication.execution
        if not getattr(execution, "measured", False):
            execution.measured = True
            self._measure(execution, execution.to_history_output()["events"])
        self._terminated(communication)

    def _measure(self, execution: Any, events: list[Any]) -> None:
        kinds = Counter(HistoryEventType(event["type"]).value for event in events)
        entered = sum(count for kind, count in kinds.items() if kind.endswith("StateEntered"))
        again = sum(kinds[kind] for kind in _SCHEDULED) - kinds["TaskStateEntered"]
        meter = self._context.record.meter
        if execution.sm_type == EXPRESS:
            billed = bill(execution)
            memory = f"{billed['billedMemoryUsedInMB']} MB"
            meter("stepfunctions", "express executions", 1, memory)
            meter("stepfunctions", "express milliseconds", billed["billedDurationInMilliseconds"], memory)
        else:
            meter("stepfunctions", "state transitions", entered + max(0, again))
        self._count(execution, "ExecutionTime", milliseconds(execution), "Milliseconds")
        ended = HistoryEventType(events[-1]["type"]).value.removeprefix("Execution")
        self._count(execution, f"Executions{ended}", 1, "Count")

    def _count(self, execution: Any, metric: str, value: float, unit: str) -> None:
        dimensions = {"StateMachineArn": execution.state_machine.arn}
        measure(execution.account_id, execution.region_name, "AWS/States", {metric: value}, dimensions, unit)
