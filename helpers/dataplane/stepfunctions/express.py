"""Express workflows: many short executions, waited for or not, without a history of their own.

AWS: "Choosing workflow type" and "StartSyncExecution", Step Functions Developer Guide and API Reference. An express
execution lasts five minutes at most. StartSyncExecution waits and answers 200 with the status SUCCEEDED, FAILED or
TIMED_OUT; StartExecution answers at once, a name may be used again, and the outcome stands in CloudWatch Logs only
(``event_log.py``). An asynchronous execution may run more than once; a synchronous one runs once at most. Billed are
the duration, rounded up to 100 ms, and the memory, 50 MB + definition + payload x Map or Parallel steps, in chunks of
64 MB ("AWS Step Functions Pricing"). Here: the same, by the cloud's clock, with the execution's input as its payload.

boto3 asks for StartSyncExecution at a host whose name begins with ``sync-``. The configuration file to which the
cloud's variables lead switches that off; a process without it needs ``AWS_DISABLE_HOST_PREFIX_INJECTION=true``.

Differs: an execution runs twice only when ``Cloud.duplicate_next_execution`` asks for that, since nobody can wait for
AWS to do it; both runs have one ARN, which no source confirms, nor what error a TIMED_OUT answer has: here none.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import Any

from moto.stepfunctions.parser.api import StateMachineType
from moto.stepfunctions.parser.backend.execution import Execution

from helpers.dataplane.call import Call
from helpers.dataplane.context import Context
from helpers.dataplane.stepfunctions.endings import EXPRESS_SECONDS, dates, milliseconds
from helpers.dataplane.web import HttpResponse

_BASE_MB, _CHUNK_MB, _STEP_MILLISECONDS = 50, 64, 100
_STEPS = ("MapIterationStarted", "ParallelStateStarted")


class Express:
    """Starts express executions; ``duplicated`` are the machines whose next asynchronous execution runs twice."""

    def __init__(self, context: Context, duplicated: set[str]) -> None:
        self._context, self._duplicated = context, duplicated

    def start(self, call: Call, machine: Any, name: str, text: str) -> HttpResponse:
        """Start an execution and answer at once."""
        execution = self._begin(call, machine, name, text, self._context.new_id())
        if machine.arn in self._duplicated:
            self._duplicated.discard(machine.arn)
            self._begin(call, machine, name, text, execution.exec_arn.rpartition(":")[2])
        return call.reply({"executionArn": execution.exec_arn, "startDate": dates(execution)[0]})

    def start_sync(self, call: Call, machine: Any, name: str, text: str) -> HttpResponse:
        """Start an execution, wait for its end, and tell how it went."""
        execution = self._begin(call, machine, name, text, self._context.new_id())
        self._context.clock.wait(2 * EXPRESS_SECONDS, execution.exec_worker.env.told)
        started, stopped = dates(execution)
        status = execution.status if execution.status in ("SUCCEEDED", "TIMED_OUT") else "FAILED"
        told = {
            "executionArn": execution.exec_arn,
            "stateMachineArn": machine.arn,
            "name": name,
            "startDate": started,
            "stopDate": stopped,
            "status": status,
            "input": text,
            "inputDetails": {"included": True},
            "outputDetails": {"included": True},
            "billingDetails": bill(execution),
        }
        if status == "SUCCEEDED":
            told["output"] = json.dumps(execution.output, separators=(",", ":"))
        told |= {name: value for name in ("error", "cause") if (value := getattr(execution, name)) is not None}
        return call.reply(told)

    def _begin(self, call: Call, machine: Any, name: str, text: str, suffix: str) -> Any:
        # moto keeps the type elsewhere, and takes every machine for a standard one
        machine.sm_type = StateMachineType.EXPRESS
        arn = f"{machine.arn.replace(':stateMachine:', ':express:', 1)}:{name}:{suffix}"
        now = datetime.fromtimestamp(self._context.clock.time(), UTC)
        execution = Execution(
            name=name, sm_type=machine.sm_type, role_arn=machine.roleArn, exec_arn=arn, account_id=call.account_id,
            region_name=call.region, state_machine=machine, start_date=now, cloud_watch_logging_session=None,
            activity_store={}, input_data=text,
        )  # fmt: skip
        execution.start()
        return execution


def bill(execution: Any) -> dict[str, int]:
    """Return an execution's ``billingDetails``: milliseconds and MB."""
    steps = sum(event["type"] in _STEPS for event in execution.to_history_output()["events"])
    definition, payload = execution.state_machine.definition, execution.execution_input
    used = _BASE_MB * 10**6 + len(definition.encode()) + len(payload.encode()) * max(1, steps)
    lasted = max(1, math.ceil(milliseconds(execution) / _STEP_MILLISECONDS))
    return {
        "billedMemoryUsedInMB": math.ceil(used / 10**6 / _CHUNK_MB) * _CHUNK_MB,
        "billedDurationInMilliseconds": lasted * _STEP_MILLISECONDS,
    }
