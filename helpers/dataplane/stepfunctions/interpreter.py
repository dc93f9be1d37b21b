"""moto's interpreter of the Amazon States Language, told where this cloud is and what time it is.

AWS: "Amazon States Language" and "Handling errors in Step Functions workflows", Step Functions Developer Guide. moto's
interpreter runs the states and writes the history. Replaced while the cloud runs: how it reaches services (through the
front door, with the role of the state machine), its waits and its time of day (the cloud's clock), JSONata, which
errors a Retry or a Catch matches, what Lambda's errors are called, and how an execution ends before its last state.

Differs: Wait and Retry wait, and TimeoutSeconds of the whole machine counts, by the cloud's clock; TimeoutSeconds of a
task counts real seconds, as the function that it waits for runs in real time (waiting tasks: ``tokens.py``).
"""

from __future__ import annotations

import functools
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.model import OperationModel
from moto.stepfunctions import models, responses
from moto.stepfunctions.parser import utils
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils import LambdaFunctionErrorException
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk,
    state_task_service_dynamodb,
    state_task_service_events,
    state_task_service_sfn,
    state_task_service_sns,
    state_task_service_sqs,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_lambda import StateTaskLambda
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.jsonata import validations
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from helpers.dataplane import models as api_models
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import model_of
from helpers.dataplane.seams import Seams
from helpers.dataplane.stepfunctions import errors, expressions
from helpers.dataplane.stepfunctions.endings import Endings
from helpers.dataplane.stepfunctions.measures import Measures
from helpers.dataplane.stepfunctions.tokens import Tokens
from helpers.dataplane.stepfunctions.traces import ExecutionTraces

ACTOR = "states"
_LOOK_SECONDS = 0.2
"""How often a waiting state looks whether its execution still runs: moto's own signal for that can be missed."""
_CALLERS: tuple[ModuleType, ...] = (
    lambda_eval_utils, state_task_service_sqs, state_task_service_sns, state_task_service_dynamodb,
    state_task_service_events, state_task_service_sfn, state_task_service_aws_sdk,
)  # fmt: skip


class Interpreter:
    """What of moto's interpreter is replaced, from ``Interpreter(context)`` to ``stop``."""

    def __init__(self, context: Context) -> None:
        self._context, self._seams = context, Seams()
        self._stopped = threading.Event()
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._of_invoke = StateTaskServiceLambda._from_error
        self._of_choice = StateChoice._eval_state
        self._of_task = StateTaskLambda._from_error
        self._reach_this_cloud()
        self._keep_time()
        self._name_errors()
        self._name_members()
        self._endings = Endings(context.clock, self._seams)
        self._measures = Measures(context, self._seams)
        ExecutionTraces(context, self._seams)
        self.tokens = Tokens(context.clock.speed, self._seams)

    def stop(self) -> None:
        """Give moto its own parts back, and let what waits in a state or a retry go."""
        self._stopped.set()
        self._endings.stop()
        self._seams.remove()
        utils.TMP_THREADS.clear()

    def abort(self, execution: Execution, error: str | None, cause: str | None) -> None:
        """End an execution now, unless it has ended."""
        self._endings.abort(execution, error, cause)

    def _reach_this_cloud(self) -> None:
        put = self._seams.put
        put(responses, "get_backend", lambda account, region: stepfunctions_parser_backends[account][region])
        put(models, "stepfunctions_backends", stepfunctions_parser_backends)
        put(ExecutionWorker, "_get_evaluation_entrypoint", _program)
        for module in _CALLERS:
            put(module, "boto_client_for", self._client)
        for user in (string_expression, validations):
            put(user, "eval_jsonata_expression", expressions.evaluate)
        for user in (states, variable_store):
            put(user, "encode_jsonata_variable_declarations", expressions.declarations)

    def _name_members(self) -> None:
        """Let tasks name members with a large first letter, as AWS does; moto leaves that out."""
        self._seams.put(StateTaskService, "_normalise_parameters", _to_api)
        self._seams.put(StateTaskService, "_normalise_response", _from_api)

    def _client(self, region: str, service: str, state_credentials: Any) -> Any:
        """Take the place of moto's ``boto_client_for``: the state machine's role calls, as Step Functions."""
        key = (region, service, state_credentials.role_arn)
        if key not in self._clients:
            given = self._context.identities.assume(key[2], "StepFunctions", ACTOR)
            inner = api_models.session()
            inner.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_milliseconds)
            session = boto3.session.Session(
                given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], given["AWS_SESSION_TOKEN"], region,
                botocore_session=inner,
            )  # fmt: skip
            once = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=1000)
            self._clients[key] = session.client(service, endpoint_url=self._context.endpoint, config=once)
        return self._clients[key]

    def _keep_time(self) -> None:
        clock = self._context.clock
        sleep = SimpleNamespace(sleep=lambda seconds: clock.wait(seconds, self._stopped))
        self._seams.put(retrier_decl, "time", sleep)
        self._seams.put(WaitFunction, "_wait_interval", self._wait)

    def _wait(self, state: WaitFunction, env: Environment, wait_seconds: float) -> None:
        clock = self._context.clock
        until = clock.now() + wait_seconds
        while env.is_running() and clock.now() < until and not self._stopped.is_set():
            clock.wait(min(until - clock.now(), _LOOK_SECONDS * clock.speed), env.program_state_event)

    def _name_errors(self) -> None:
        self._seams.put(ErrorEqualsDecl, "_eval_body", _match)
        self._seams.put(StateTaskServiceLambda, "_error_cause_from_client_error", staticmethod(_refusal))
        self._seams.put(StateTaskServiceLambda, "_from_error", self._invoke_failed)
        self._seams.put(StateTaskLambda, "_from_error", self._task_failed)
        for module in (branches_decl, iteration_worker):
            self._seams.put(module, "CustomErrorName", ErrorName)  # moto's takes no name of AWS's own
        self._seams.put(StateChoice, "_eval_state", self._choose)

    def _invoke_failed(self, state: Any, env: Environment, ex: Exception) -> FailureEvent:
        return _renamed(self._of_invoke(state, env=env, ex=ex), ex)

    def _task_failed(self, state: Any, env: Environment, ex: Exception) -> FailureEvent:
        return _renamed(self._of_task(state, env=env, ex=ex), ex)

    def _choose(self, state: StateChoice, env: Environment) -> None:
        """Take the place of ``StateChoice._eval_state``, whose error for no match has moto's name."""
        try:
            self._of_choice(state, env)
        except RuntimeError as error:
            details = {"error": "States.NoChoiceMatched", "cause": f"No choice of the state {state.name} matched."}
            if state.default_state is not None:
                raise
            name = ErrorName("States.NoChoiceMatched")
            told: Any = {"executionFailedEventDetails": details}
            raise FailureEventException(FailureEvent(env, name, HistoryEventType.ExecutionFailed, told)) from error


def _program(worker: Any) -> Any:
    """Take the place of ``ExecutionWorker._get_evaluation_entrypoint``, which reads the definition each time."""
    return _read(worker._evaluation_details.state_machine_details.definition)


@functools.lru_cache(64)
def _read(definition: str) -> Any:
    """Return a definition's program. Executions share it: what they change lies in their environments."""
    return AmazonStateLanguageParser.parse(definition)[0]


def _match(declared: Any, env: Environment) -> None:
    """Take the place of ``ErrorEqualsDecl._eval_body``: the reported error is on the stack, the verdict goes there."""
    reported = env.stack.pop()
    env.stack.append(errors.matches((name.error_name for name in declared.error_names), reported.error_name))


def _operation(state: Any, service: str | None, action: str | None) -> OperationModel:
    name = xform_name(action or state.resource.api_action)
    model = model_of(state._get_boto_service_name(service))
    return model.operation_model(next(one for one in model.operation_names if xform_name(one) == name))


def _to_api(
    state: Any, parameters: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    """Take the place of ``StateTaskService._normalise_parameters``."""
    shape = _operation(state, boto_service_name, service_action_name).input_shape
    if shape is not None:
        state._to_boto_request(parameters, shape)


def _from_api(
    state: Any, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    """Take the place of ``StateTaskService._normalise_response``."""
    shape = _operation(state, boto_service_name, service_action_name).output_shape
    if shape is not None:
        state._from_boto_response(response, shape)


def _milliseconds(moment: Any) -> Any:
    """Read a time in a service's answer as a state's output has it, which is JSON: no source gives AWS's form."""
    return int(moment * 1000) if isinstance(moment, int | float) else moment


def _refusal(error: ClientError) -> tuple[str, str]:
    return errors.of_lambda(error.response)


def _renamed(failure: Any, error: Exception) -> FailureEvent:
    """Return what moto says of a failed task, with the name that Step Functions gives to Lambda's errors."""
    if isinstance(error, LambdaFunctionErrorException):
        name, cause = errors.of_function(error.payload), error.payload
    elif isinstance(error, ClientError):
        name, cause = errors.of_lambda(error.response)
    else:
        return failure
    details = next(iter(failure.event_details.values()))
    details.update(error=name, cause=cause)
    failure.error_name = ErrorName(name)
    return failure
