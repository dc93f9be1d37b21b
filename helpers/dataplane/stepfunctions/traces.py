"""A workflow's part of a trace: one segment for each execution, a subsegment for each state, one in it for its task.

AWS: a machine with tracing enabled is traced by X-Ray's sampling rules; any other only if its execution was started
with a ``traceHeader`` that says so. API Gateway and Step Functions set that by themselves, other callers have to. What
a task calls gets the header, with the task's subsegment as parent ("AWS X-Ray and Step Functions", Step Functions
Developer Guide).

Differs: the states of branches and iterations stand beside the others, not below their Parallel or Map. The role's
permission is not asked. Unsourced: the fields of the segment beside its name and its origin, and the service type that
sampling rules see.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import StateTaskLambda
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from helpers.dataplane import tracing
from helpers.dataplane.call import Call
from helpers.dataplane.context import Context
from helpers.dataplane.seams import Seams
from helpers.dataplane.tracing import TraceHeader
from helpers.dataplane.xray.sampling import Asked

ORIGIN = "AWS::StepFunctions::StateMachine"
_NAMES = {"dynamodb": "DynamoDB", "events": "Events", "lambda": "Lambda", "sns": "SNS", "sqs": "SQS"}
_SET_IT_THEMSELVES = ("apigateway", "states")
Part = dict[str, Any]


@dataclass
class _Traced:
    came: TraceHeader
    rule: str
    began: float = field(default_factory=time.time)
    identifier: str = field(default_factory=tracing.new_id)
    parts: list[Part] = field(default_factory=list)


class ExecutionTraces:
    """Records the executions of one account's state machines while ``seams`` are in place."""

    def __init__(self, context: Context, seams: Seams) -> None:
        self._context = context
        self._running: dict[str, _Traced] = {}
        self._seams = seams
        self._before(ExecutionWorker, "start", self._start)
        self._before(BaseExecutionWorkerCommunication, "terminated", self._ended)
        self._before(CommonStateField, "_eval_body", self._state)
        for kind in (StateTaskService, StateTaskLambda):
            self._before(kind, "_eval_execution", self._task)

    def _before(self, owner: Any, name: str, new: Callable[..., None]) -> None:
        """Put ``new(old, object, ...)`` in the place of a method."""
        old = vars(owner)[name]
        self._seams.put(owner, name, lambda *given, **named: new(old, *given, **named))

    def _start(self, old: Callable[..., None], worker: Any) -> None:
        execution = worker._execution_communication.execution
        machine, rule = execution.state_machine, ""
        came = TraceHeader.parse(tracing.current())
        if came.sampled is None and (getattr(machine, "tracingConfiguration", None) or {}).get("enabled"):
            sampled, rule = self._context.sampling.decide(Asked(machine.name, ORIGIN, arn=machine.arn))
            came = replace(came, root=came.root or tracing.new_trace_id(), sampled=sampled)
        if came.root and came.sampled is not None:
            self._running[execution.exec_arn] = _Traced(came, rule)
        old(worker)

    def _state(self, old: Callable[..., None], state: Any, env: Any) -> None:
        traced = self._of(env)
        if traced is None:
            return old(state, env)
        part = _part(state.name)
        traced.parts.append(part)
        _timed(part, lambda: old(state, env))

    def _task(self, old: Callable[..., None], state: Any, env: Any) -> None:
        traced = self._of(env)
        if traced is None:
            return old(state, env)
        resource = state.resource
        service, action = getattr(resource, "service_name", "lambda"), getattr(resource, "api_action", "invoke")
        aws = {"operation": f"{action[:1].upper()}{action[1:]}", "region": self._context.region}
        part = {**_part(_NAMES.get(service, service)), "namespace": "aws", "aws": aws}
        inside = next((each for each in reversed(traced.parts) if each["name"] == state.name), None)
        if inside is not None:
            inside.setdefault("subsegments", []).append(part)
        with tracing.carried(str(replace(traced.came, parent=part["id"]))):
            _timed(part, lambda: old(state, env))

    def _of(self, env: Any) -> _Traced | None:
        return self._running.get(env.states.context_object.context_object_data["Execution"]["Id"])

    def _ended(self, old: Callable[..., None], communication: Any) -> None:
        old(communication)
        execution = communication.execution
        traced = self._running.pop(execution.exec_arn, None)
        if traced is None or not traced.came.sampled:
            return
        now = time.time()
        for part in traced.parts:
            for each in (part, *part.get("subsegments", ())):
                each.setdefault("end_time", now)
        xray = {"xray": {"sampling_rule_name": traced.rule}} if traced.rule else {}
        self._context.traces.emit(
            {
                "id": traced.identifier,
                "name": execution.state_machine.name,
                "trace_id": traced.came.root,
                **({"parent_id": traced.came.parent} if traced.came.parent else {}),
                "start_time": traced.began,
                "end_time": now,
                "aws": {"execution_arn": execution.exec_arn, **xray},
                "origin": ORIGIN,
                "resource_arn": execution.state_machine.arn,
                **({} if execution.exec_status == "SUCCEEDED" else {"fault": True}),
                "subsegments": list(traced.parts),
            }
        )


def header_of(call: Call) -> str:
    """Return the trace header with which a call starts an execution."""
    given = call.params.get("traceHeader")
    return str(given or (tracing.current() if call.caller.name in _SET_IT_THEMSELVES else ""))


def _part(name: str) -> Part:
    return {"id": tracing.new_id(), "name": name, "start_time": time.time()}


def _timed(part: Part, act: Callable[[], None]) -> None:
    try:
        act()
    except Exception:
        part["fault"] = True
        raise
    finally:
        part["end_time"] = time.time()
