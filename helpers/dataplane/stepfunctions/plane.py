"""Step Functions: standard and express workflows.

AWS: "Step Functions API Reference" and "Choosing workflow type", Step Functions Developer Guide: a standard workflow's
StartExecution returns at once, a name is used once in 90 days, the history has every event. An express execution
(``express.py``) cannot be described, listed or stopped. Here: state machines and executions are moto's, its interpreter
runs them (``interpreter.py``), and this answers what moto leaves out: wrong definitions and roles, names, pages of the
history, and ends.

Differs: names may be used again after the cloud's end, and there is no quota of open executions. That a role must let
Step Functions assume it is checked when the machine is created; no source gives that message's exact words.
Not built: activities, distributed maps, redrive, versions in ARNs of executions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from helpers.dataplane import tracing
from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward, refuse
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.stepfunctions import definition, event_log
from helpers.dataplane.stepfunctions.endings import EXPRESS, dates
from helpers.dataplane.stepfunctions.express import Express
from helpers.dataplane.stepfunctions.interpreter import Interpreter
from helpers.dataplane.stepfunctions.traces import header_of
from helpers.dataplane.web import HttpResponse

_NOT_BUILT = (
    "CreateActivity", "DescribeActivity", "DeleteActivity", "ListActivities", "GetActivityTask", "ListMapRuns",
    "DescribeMapRun", "UpdateMapRun",
)  # fmt: skip
_PAGE = 100


class StepFunctionsPlane:
    """The part of Step Functions that moto leaves out."""

    service = "stepfunctions"

    def __init__(self, context: Context, duplicated: set[str]) -> None:
        self._context = context
        self._interpreter = Interpreter(context)
        self._express = Express(context, duplicated)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        known: dict[str, Operation] = {
            "CreateStateMachine": self._create,
            "UpdateStateMachine": self._update,
            "StartExecution": lambda call: _traced(call, self._start_execution),
            "StartSyncExecution": lambda call: _traced(call, self._start_sync_execution),
            "ListExecutions": self._list_executions,
            "StopExecution": self._stop_execution,
            "DescribeExecution": self._describe_execution,
            "GetExecutionHistory": self._history,
            **self._interpreter.tokens.operations(),
        }
        return {**known, **dict.fromkeys(_NOT_BUILT, refuse)}

    def addresses(self) -> Mapping[str, Address]:
        """Step Functions has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """End all executions."""
        self._interpreter.stop()

    def _create(self, call: Call) -> HttpResponse:
        return self._checked(call, call.params.get("type", ""), call.params["roleArn"])

    def _update(self, call: Call) -> HttpResponse:
        machine = self._machine(call)
        return self._checked(call, machine.type, call.params.get("roleArn") or machine.roleArn)

    def _checked(self, call: Call, kind: str, role: str) -> HttpResponse:
        """Check the definition, the role and the logging that are given, then let moto keep them."""
        given = call.params
        if given.get("definition"):
            definition.check(given["definition"], kind == EXPRESS)
        if given.get("roleArn") and not self._context.identities.lets_assume(given["roleArn"], "states"):
            message = (
                "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
                "assume the provided role."
            )
            raise AWSError("AccessDeniedException", message, 400)
        event_log.check(given.get("loggingConfiguration") or {}, role, self._context.identities)
        return forward(call)

    def _machine(self, call: Call) -> Any:
        return _asked(lambda: self._backend(call).describe_state_machine(call.params["stateMachineArn"]))

    def _backend(self, call: Call) -> StepFunctionsParserBackend:
        return stepfunctions_parser_backends[self._context.account_id][call.region]

    def _start_execution(self, call: Call) -> HttpResponse:
        machine, (name, text) = self._machine(call), self._begun(call)
        if machine.type == EXPRESS:
            return self._express.start(call, machine, name, text)
        execution = _asked(lambda: self._backend(call).start_execution(machine.arn, name, text))
        return call.reply({"executionArn": execution.exec_arn, "startDate": dates(execution)[0]})

    def _start_sync_execution(self, call: Call) -> HttpResponse:
        machine = self._machine(call)
        if machine.type != EXPRESS:
            raise _wrong_type()
        return self._express.start_sync(call, machine, *self._begun(call))

    def _begun(self, call: Call) -> tuple[str, str]:
        """Return the name and the input with which an execution is to start."""
        name, text = call.params.get("name") or self._context.new_id(), call.params.get("input") or "{}"
        try:
            json.loads(text)
        except ValueError as error:
            raise AWSError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'", 400) from None
        _asked(lambda: self._backend(call)._validate_name(name))
        return name, text

    def _list_executions(self, call: Call) -> HttpResponse:
        if call.params.get("stateMachineArn") and self._machine(call).type == EXPRESS:
            raise _wrong_type()
        return forward(call)

    def _execution(self, call: Call) -> Execution:
        arn = call.params["executionArn"]
        if ":express:" in arn:
            raise AWSError("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'", 400)
        return _asked(lambda: self._backend(call).describe_execution(arn))

    def _stop_execution(self, call: Call) -> HttpResponse:
        execution = self._execution(call)
        self._interpreter.abort(execution, call.params.get("error"), call.params.get("cause"))
        return call.reply({"stopDate": dates(execution)[1]})

    def _describe_execution(self, call: Call) -> HttpResponse:
        execution = self._execution(call)
        status, (started, stopped) = execution.status, dates(execution)
        told = {
            "executionArn": execution.exec_arn,
            "stateMachineArn": execution.state_machine_arn,
            "name": execution.name,
            "status": status,
            "startDate": started,
            "input": execution.execution_input,
            "inputDetails": {"included": True},
            "redriveCount": 0,
        }
        if status != "RUNNING":
            told["stopDate"] = stopped
        if status == "SUCCEEDED":
            told |= {"output": json.dumps(execution.output, separators=(",", ":")), "outputDetails": {"included": True}}
        told |= {name: value for name in ("error", "cause") if (value := getattr(execution, name)) is not None}
        return call.reply(told)

    def _history(self, call: Call) -> HttpResponse:
        events = self._execution(call).to_history_output()["events"]
        if call.params.get("reverseOrder"):
            events = events[::-1]
        start, size = int(call.params.get("nextToken") or 0), int(call.params.get("maxResults") or 0) or _PAGE
        page: dict[str, Any] = {"events": events[start : start + size]}
        if start + size < len(events):
            page["nextToken"] = str(start + size)
        return call.reply(page)


def _traced(call: Call, start: Operation) -> HttpResponse:
    with tracing.carried(header_of(call)):
        return start(call)


def _wrong_type() -> AWSError:
    message = "This operation is not supported by this type of state machine"
    return AWSError("StateMachineTypeNotSupported", message, 400)


def _asked(ask: Callable[[], Any]) -> Any:
    """Return what moto says; what it refuses is AWS's error."""
    try:
        return ask()
    except JsonRESTError as error:
        raise AWSError(str(error.error_type), str(error.message), 400) from None
