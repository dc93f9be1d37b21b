"""An invocation: take an environment, run the function once, write down what happened.

AWS: "Invoking Lambda functions", Lambda Developer Guide. Synchronous callers get the outcome; everything asynchronous
(``event_queue``) and polled comes through here too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.models import LambdaFunction

from helpers.dataplane import regions, tracing
from helpers.dataplane.awslambda.environment import Environment, Invocation, Outcome
from helpers.dataplane.awslambda.fleet import Fleet
from helpers.dataplane.awslambda.functions import Functions, Target
from helpers.dataplane.awslambda.rules import check_payload
from helpers.dataplane.awslambda.telemetry import Telemetry
from helpers.dataplane.awslambda.traces import FunctionTraces
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context


@dataclass(frozen=True)
class Request:
    """What somebody asks of a function: ``source`` is who asks, for the record."""

    payload: bytes
    source: str
    request_id: str
    client_context: str = ""
    trace_header: str = field(default_factory=tracing.current)
    links: tuple[str, ...] = ()
    """The trace headers of the messages in a batch, which has a trace of its own."""


class Invoker:
    """Runs functions for everyone who may ask."""

    def __init__(self, context: Context, functions: Functions, fleet: Fleet, telemetry: Telemetry) -> None:
        self._context, self._functions, self._fleet, self._telemetry = context, functions, fleet, telemetry
        self.traces = FunctionTraces(context)

    def run(self, target: Target, request: Request) -> Outcome:
        """Run ``target`` once and return its outcome.

        Raises
        ------
        AWSError
            ``TooManyRequestsException``, or the Region is switched off; what the function does wrong is in the outcome.
        """
        regions.check(self._context, target.function.region)
        payload = request.payload or b"{}"
        traced = self.traces.begin(target, request.trace_header, request.links)
        invocation = Invocation(request.request_id, target.arn, payload, traced.header, request.client_context)
        try:
            with self._fleet.lend(target, lambda: self.environment(target)) as (member, load):
                outcome = member.environment.invoke(invocation)
                number, stream = member.number, member.environment.log_stream
        except AWSError as error:
            self._throttled(target, request, error)
            self.traces.throttled(traced, target, request.request_id)
            raise
        self._telemetry.write_log(target, stream, outcome.log)
        self._telemetry.count_invocation(target, outcome, load)
        self._write_down(target, request, outcome, number, provisioned=load.provisioned > 0 and not load.spilled)
        self.traces.end(traced, target, request.request_id, outcome)
        return outcome

    def environment(self, target: Target, initialization: str = "on-demand") -> Environment:
        """Return a new environment of ``target``; ``initialization`` is what AWS_LAMBDA_INITIALIZATION_TYPE says."""
        function = target.function
        credentials = self._context.identities.assume(function.role, target.name, f"function {target.name}")
        system = self._context.sdk_variables(credentials, function.region)
        system["AWS_LAMBDA_LOG_GROUP_NAME"] = f"/aws/lambda/{target.name}"
        system["AWS_LAMBDA_INITIALIZATION_TYPE"] = initialization
        if "AWS_XRAY_DAEMON_ADDRESS" not in (function.environment_vars or {}):
            system["AWS_XRAY_DAEMON_ADDRESS"] = self.traces.daemon_address(function.role)
        return Environment(self._functions.prepare(target, system), self._context.home)

    def _throttled(self, target: Target, request: Request, error: AWSError) -> None:
        self._telemetry.count(target, "Throttles")
        detail: dict[str, Any] = {"request_id": request.request_id, "reason": error.members.get("Reason", "")}
        name = f"function {target.name}"
        self._context.record.add(
            "invocation", request.source, name, "throttled", subject=target.name, outcome=error.code, **detail
        )

    def _write_down(
        self, target: Target, request: Request, outcome: Outcome, environment: int, *, provisioned: bool
    ) -> None:
        self._context.record.add(
            "invocation",
            request.source,
            f"function {target.name}",
            "warm" if outcome.init_ms is None else "cold",
            subject=target.name,
            outcome=(outcome.error_type or "Unhandled") if outcome.function_error else "ok",
            started=outcome.started - (outcome.init_ms or 0) / 1000,
            milliseconds=outcome.duration_ms,
            request_id=request.request_id,
            version=target.version,
            environment=environment,
            init_ms=outcome.init_ms,
            duration_ms=outcome.duration_ms,
            billed_ms=outcome.billed_ms,
            memory_mb=outcome.memory_mb,
            architecture=target.function.architectures[0],
            storage_mb=int(target.function.ephemeral_storage),
            provisioned=provisioned,
            max_memory_mb=outcome.max_memory_mb,
            error=outcome.error_type,
        )

    def run_for_moto(self, function: LambdaFunction, event: str | None = None) -> tuple[str, bool, str]:
        """Run a function that moto calls on behalf of some service; return payload, whether it failed, and its log."""
        payload = (event if isinstance(event, str) else json.dumps(event)).encode()
        check_payload(payload, "RequestResponse")
        version = str(function.version)
        request = Request(payload, "aws", self._context.new_id())
        outcome = self.run(Target(function, version, str(function.function_arn)), request)
        log = "".join(line.text for line in outcome.log)
        return outcome.payload.decode(), outcome.function_error is not None, log
