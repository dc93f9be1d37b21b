"""What Lambda writes about an invocation: its lines to CloudWatch Logs, its numbers to CloudWatch metrics.

AWS: the log group ``/aws/lambda/NAME`` gets a stream for each execution environment, if the execution role may write
it; the namespace ``AWS/Lambda`` gets Invocations, Errors, Throttles, Duration and ConcurrentExecutions, each for the
whole function (dimension FunctionName), for the version or alias that was asked for (Resource), and for each version
that an alias chose (ExecutedVersion) ("Types of metrics for Lambda functions" and "View metrics for Lambda
functions", Lambda Developer Guide). Without dimensions, for the whole Region, come ConcurrentExecutions and
UnreservedConcurrentExecutions; what has provisioned concurrency gets its metrics ("Monitoring concurrency", the same),
and asynchronous events AsyncEventsReceived, AsyncEventAge and AsyncEventsDropped. moto keeps all of it.

Differs: of the sums over all functions only those two are written, and ConcurrentExecutions of a version or an alias
is that of its function. Event source mappings have no metrics of their own, which AWS writes on request.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.utils import utcnow
from moto.logs.models import logs_backends

from helpers.dataplane.awslambda.environment import LogLine, Outcome
from helpers.dataplane.awslambda.fleet import Load
from helpers.dataplane.awslambda.functions import Target
from helpers.dataplane.context import Context

TAIL_BYTES = 4096


class Telemetry:
    """Writes logs and metrics of one account's functions."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def write_log(self, target: Target, stream: str, lines: tuple[LogLine, ...]) -> None:
        """Append lines to the environment's log stream, unless its role may not write logs."""
        group = f"/aws/lambda/{target.name}"
        if not lines or not self._may_log(target, group):
            return
        backend = logs_backends[self._context.account_id][target.function.region]
        backend.ensure_log_group(group)
        if stream not in backend.groups[group].streams:
            backend.create_log_stream(group, stream)
        events, newest = [], 0
        for line in lines:
            newest = max(newest, line.time_ms)
            events.append({"timestamp": newest, "message": line.text})
        backend.put_log_events(group, stream, events)

    def _may_log(self, target: Target, group: str) -> bool:
        resource = f"arn:aws:logs:{target.function.region}:{self._context.account_id}:log-group:{group}:*"
        return self._context.identities.role_may(target.function.role, "logs:PutLogEvents", resource)

    def count_invocation(self, target: Target, outcome: Outcome, load: Load) -> None:
        """Count an invocation that ran, and the ``load`` when it began."""
        errors = 1.0 if outcome.function_error else 0.0
        self._count(target, {"Invocations": 1.0, "Errors": errors}, "Count")
        self._count(target, {"Duration": outcome.duration_ms}, "Milliseconds")
        self._count(target, {"ConcurrentExecutions": float(load.function)}, "Count")
        self._put(target, {"ConcurrentExecutions": load.account, **load.unreserved}, "Count", [[]])
        if load.provisioned:
            self._count_provisioned(target, load)

    def _count_provisioned(self, target: Target, load: Load) -> None:
        kind = "ProvisionedConcurrencySpilloverInvocations" if load.spilled else "ProvisionedConcurrencyInvocations"
        self._count(target, {kind: 1.0, "ProvisionedConcurrentExecutions": load.on_provisioned}, "Count")
        self._count(target, {"ProvisionedConcurrencyUtilization": load.on_provisioned / load.provisioned}, "None")

    def count(self, target: Target, metric: str) -> None:
        """Count one of a metric such as ``Throttles`` or ``DeadLetterErrors``."""
        self._count(target, {metric: 1.0}, "Count")

    def measure(self, target: Target, metric: str, milliseconds: float) -> None:
        """Write one value of a metric such as ``IteratorAge``."""
        self._count(target, {metric: milliseconds}, "Milliseconds")

    def _count(self, target: Target, values: Mapping[str, float], unit: str) -> None:
        self._put(target, values, unit, dimensions_of(target))

    def _put(
        self, target: Target, values: Mapping[str, float], unit: str, each: Sequence[Sequence[Mapping[str, str]]]
    ) -> None:
        backend = cloudwatch_backends[self._context.account_id][target.function.region]
        now = utcnow()
        backend.put_metric_data(
            "AWS/Lambda",
            [
                {"MetricName": name, "Value": value, "Unit": unit, "Timestamp": now, "Dimensions": dimensions}
                for name, value in values.items()
                for dimensions in each
            ],
        )


def dimensions_of(target: Target) -> list[list[dict[str, str]]]:
    """Return the sets of dimensions under which an invocation counts."""
    asked = target.arn.partition(":function:")[2]
    function = {"Name": "FunctionName", "Value": target.name}
    resource = {"Name": "Resource", "Value": asked}
    executed = {"Name": "ExecutedVersion", "Value": target.version}
    by_alias = ":" in asked and asked.partition(":")[2] != target.version
    return [[function], [function, resource], *([[function, resource, executed]] if by_alias else [])]


def tail(lines: tuple[LogLine, ...]) -> str:
    """Return the last 4 KB of a log in base64, as Invoke returns it in X-Amz-Log-Result."""
    text = "".join(line.text if line.text.endswith("\n") else line.text + "\n" for line in lines)
    return base64.b64encode(text.encode()[-TAIL_BYTES:]).decode()
