"""Tasks that wait for an answer from outside: task tokens with their heartbeats, and child executions (.sync).

AWS: "Discover service integration patterns", Step Functions Developer Guide. ``.waitForTaskToken`` hands out a token
and waits until SendTaskSuccess or SendTaskFailure names it; each attempt has a token of its own, and a token is good
for one answer: after it, or after the task's end, it is TaskTimedOut. HeartbeatSeconds is the longest silence between
two SendTaskHeartbeat, TimeoutSeconds the longest wait whatever heartbeats come. Both are the error States.Timeout and
the event TaskTimedOut (recorded from AWS in LocalStack's tests); a missed heartbeat is also matched by
States.HeartbeatTimeout. ``.sync`` waits for the end of a child execution, and stops it when the parent is stopped.
Here: moto's interpreter hands out the tokens and waits; its clock, its tokens and who may answer are replaced.

Differs: a waiting task's TimeoutSeconds and HeartbeatSeconds count by the cloud's clock, as it waits for a person or
another execution, not for a function. No source gives the messages of InvalidToken and InvalidOutput, nor says whether
a child is stopped when its task times out, as it is here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import Timeout, TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback,
    state_task_service_sfn,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackEndpoint,
    CallbackOutcome,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    CallbackTimeoutError,
    HeartbeatTimeoutError,
)
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.stepfunctions import errors
from helpers.dataplane.web import HttpResponse

_LOOK_SECONDS = 0.2
"""How often a task that waits for a child looks whether its own execution still runs."""


class Tokens:
    """The tasks that wait, and the answers to them."""

    def __init__(self, speed: float, seams: Seams) -> None:
        self._speed = speed
        self._evaluate = ExecutionState._evaluate_with_timeout
        self._from_error = StateTaskServiceCallback._from_error
        self._until_answered = StateTaskServiceCallback._wait_for_task_token_timeout
        self._set_up_heartbeats = CallbackEndpoint.setup_heartbeat_endpoint
        seams.put(ExecutionState, "_evaluate_with_timeout", self._attempt)
        seams.put(StateTaskServiceCallback, "_from_error", self._failed)
        seams.put(StateTaskServiceCallback, "_wait_for_task_token_timeout", self._wait)
        seams.put(CallbackEndpoint, "setup_heartbeat_endpoint", self._expect_heartbeats)
        seams.put(state_task_service_callback, "CustomErrorName", ErrorName)
        for build in ("_build_sync_resolver", "_build_sync2_resolver"):
            seams.put(StateTaskServiceSfn, build, _waiting_for_child(getattr(StateTaskServiceSfn, build)))

    def operations(self) -> Mapping[str, Operation]:
        """Return what answers a token, by operation."""
        return {"SendTaskSuccess": _succeed, "SendTaskFailure": _fail, "SendTaskHeartbeat": _beat}

    def _attempt(self, state: Any, env: Any) -> None:
        """Take the place of ``ExecutionState._evaluate_with_timeout``: a new token, and the cloud's clock."""
        if getattr(getattr(state, "resource", None), "condition", None) is None:
            self._evaluate(state, env)
            return
        endpoint = env.callback_pool_manager.add(env.states.context_object.update_task_token())
        endpoint.waits = env.is_running
        waiting = copy.copy(state)
        waiting.timeout = _ByTheClock(state.timeout, self._speed)
        waiting._eval_execution = state._eval_execution
        try:
            self._evaluate(waiting, env)
        finally:
            endpoint.interrupt_all()

    def _wait(
        self, state: Any, timeout_seconds: float | None, callback_endpoint: CallbackEndpoint
    ) -> CallbackOutcome | None:
        seconds: Any = (timeout_seconds or 0) / self._speed  # there is none if the execution was stopped just now
        return self._until_answered(state, seconds, callback_endpoint)

    def _expect_heartbeats(self, endpoint: CallbackEndpoint, heartbeat_seconds: float) -> Any:
        return self._set_up_heartbeats(endpoint, heartbeat_seconds / self._speed)  # type: ignore[arg-type]

    def _failed(self, state: Any, env: Any, ex: Exception) -> FailureEvent:
        """Take the place of ``StateTaskServiceCallback._from_error``: a missed heartbeat has two names."""
        failure: Any = self._from_error(state, env=env, ex=ex)
        if isinstance(ex, HeartbeatTimeoutError):
            failure.error_name = ErrorName(errors.HEARTBEAT)
        made: FailureEvent = failure
        return made


class _ByTheClock(Timeout):
    """A timeout in AWS's seconds, as the real seconds that pass until then."""

    def __init__(self, given: Timeout, speed: float) -> None:
        self._given, self._speed = given, speed

    def is_default_value(self) -> bool:
        return self._given.is_default_value()

    def _eval_seconds(self, env: Any) -> Any:
        default = TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS  # moto's for a task with heartbeats is a minute
        return (default if self.is_default_value() else self._given._eval_seconds(env)) / self._speed


def _waiting_for_child(build: Callable[..., Callable[[], Any]]) -> Callable[..., Callable[[], Any]]:
    """Return what stands for moto's look at a child every half a second: it waits first, so that one look will do."""

    def built(state: Any, env: Any, resource_runtime_part: Any, **given: Any) -> Callable[[], Any]:
        arn, region = env.stack[-1]["ExecutionArn"], resource_runtime_part.region
        look = build(state, env=env, resource_runtime_part=resource_runtime_part, **given)
        if ":express:" in arn:
            return look  # an express execution cannot be described, and AWS says so
        child: Any = stepfunctions_parser_backends[resource_runtime_part.account][region].describe_execution(arn)
        while not child.exec_worker.env.told.wait(_LOOK_SECONDS):
            if not env.is_running():
                _stop(arn, region, given["state_credentials"])
                raise CallbackTimeoutError
        return look

    return built


def _stop(arn: str, region: str, credentials: Any) -> None:
    client = state_task_service_sfn.boto_client_for(
        region=region, service="stepfunctions", state_credentials=credentials
    )
    with suppress(ClientError):
        client.stop_execution(executionArn=arn)


def _succeed(call: Call) -> HttpResponse:
    token, output = call.params["taskToken"], call.params["output"]
    try:
        json.loads(output)
    except ValueError as error:
        raise AWSError("InvalidOutput", f"Invalid Output: '{error}'", 400) from None
    _open(call).notify(CallbackOutcomeSuccess(token, output))
    return call.reply()


def _fail(call: Call) -> HttpResponse:
    given = call.params
    outcome = CallbackOutcomeFailure(given["taskToken"], given.get("error") or "", given.get("cause") or "")
    _open(call).notify(outcome)
    return call.reply()


def _beat(call: Call) -> HttpResponse:
    _open(call).notify_heartbeat()
    return call.reply()


def _open(call: Call) -> Any:
    """Return moto's endpoint that waits for the call's token."""
    token = call.params["taskToken"]
    for execution in stepfunctions_parser_backends[call.account_id][call.region]._get_executions():
        endpoint: Any = execution.exec_worker.env.callback_pool_manager.get(token)
        if endpoint is not None:
            if endpoint._notify_event.is_set() or not endpoint.waits():
                raise AWSError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400)
            return endpoint
    raise AWSError("InvalidToken", "Invalid Token: 'Invalid token'", 400)
