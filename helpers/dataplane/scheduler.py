"""EventBridge Scheduler: schedules that call a target once, at a rate, or by the clocks of a time zone.

AWS: the schedule assumes its role to call the target; what fails is tried again with growing pauses, up to 185 times
in 24 hours, and then goes to the dead-letter queue ("What is Amazon EventBridge Scheduler?" and "Configuring a
schedule's dead-letter queue", EventBridge Scheduler User Guide). A rate without a StartDate begins at once. Here: the
same for functions, queues and topics; groups and schedules are moto's. CloudWatch gets attempts, errors and what was
dropped or buried, for each group and for all ("Monitoring Amazon EventBridge Scheduler with Amazon CloudWatch", the
same guide; names and dimension as AWS's CDK has them). The error codes in two of AWS's names are not written.

Differs: a flexible time window is not used, the schedule is always on time. ``at(...)`` means this machine's time of
day where AWS's, which runs faster here, is already past it. Permission errors are retried as all others.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.scheduler.models import Schedule as Stored
from moto.scheduler.models import scheduler_backends

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.clock import seconds_of
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Delivery, Post, as_json, iso, service_of
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.input_transformers import fill
from helpers.dataplane.metrics import measure
from helpers.dataplane.schedules import At, Rate, Schedule, parse
from helpers.dataplane.timetable import Timetable
from helpers.dataplane.web import HttpResponse

_TARGETS = ("lambda", "sqs", "sns")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 10, 3600


@dataclass(frozen=True)
class _Execution:
    """One time that a schedule is due, through all its tries."""

    stored: Stored
    identifier: str
    due: float
    began: float


class SchedulerPlane:
    """The part of EventBridge Scheduler that moto leaves out: its schedules run."""

    service = "scheduler"

    def __init__(self, context: Context, post: Post, timetable: Timetable) -> None:
        self._context, self._post, self._timetable = context, post, timetable

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {"CreateSchedule": self._write, "UpdateSchedule": self._write, "DeleteSchedule": self._delete}

    def addresses(self) -> Mapping[str, Address]:
        """The Scheduler has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """End all schedules at once, those of EventBridge's rules too."""
        self._timetable.stop()

    def _write(self, call: Call) -> HttpResponse:
        given = call.params
        schedule = self._read(given)
        self._check_target(given["Target"])
        response = forward(call)
        if response.status < 400:
            stored = self._stored(call)
            stored.action_after_completion = given.get("ActionAfterCompletion")
            stored.state = given.get("State") or "ENABLED"  # moto's UpdateSchedule would leave None
            self._enter(stored, schedule)
        return response

    def _read(self, given: Mapping[str, Any]) -> Schedule:
        expression, zone = given["ScheduleExpression"], given.get("ScheduleExpressionTimezone") or "UTC"
        now = self._context.clock.time()
        try:
            schedule = parse(expression, now, zone)
        except (ValueError, LookupError, OSError):
            raise AWSError("ValidationException", f"Invalid Schedule Expression {expression}.", 400) from None
        if isinstance(schedule, At) and schedule.time <= now:
            ahead = schedule.time - time.time()
            return At(now + ahead) if ahead > 0 else schedule
        if isinstance(schedule, Rate):
            start = max(_seconds(given.get("StartDate")) or now, now)
            return Rate(schedule.seconds, start)
        return schedule

    def _check_target(self, target: Mapping[str, Any]) -> None:
        service = service_of(target["Arn"])
        if service not in _TARGETS:
            raise not_built(f"a schedule's target in {service}")
        if not self._context.identities.lets_assume(target["RoleArn"], "scheduler"):
            message = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
            raise AWSError("ValidationException", message, 400)

    def _stored(self, call: Call) -> Stored:
        backend = scheduler_backends[self._context.account_id][call.region]
        return backend.get_schedule(call.params.get("GroupName"), call.params["Name"])

    def _enter(self, stored: Stored, schedule: Schedule) -> None:
        began = _seconds(stored.start_date) or 0.0
        ends = _seconds(stored.end_date) or float("inf")

        def following(moment: float) -> float | None:
            due = schedule.after(moment)
            return due if due is not None and due <= ends else None

        def fire(due: float) -> float | None:
            if not self._lives(stored):
                return None
            self._context.record.meter("scheduler", "invocations")
            self._try(_Execution(stored, self._context.new_id(), due, self._context.clock.now()), 1)
            again = following(max(due, self._context.clock.time() - 1))
            if again is None and stored.action_after_completion == "DELETE":
                self._group(stored).delete_schedule(stored.name)
            return again

        now = self._context.clock.time()
        before = now - 1e-3 if isinstance(schedule, At) else max(now, began) - 1e-3
        due = following(min(before, schedule.start - 1e-3) if isinstance(schedule, Rate) else before)
        self._timetable.put(stored.arn, due if stored.state == "ENABLED" else None, fire)

    def _group(self, stored: Stored) -> Any:
        return scheduler_backends[self._context.account_id][stored.arn.split(":")[3]].get_schedule_group(
            stored.group_name
        )

    def _lives(self, stored: Stored) -> bool:
        backend = scheduler_backends[self._context.account_id][stored.arn.split(":")[3]]
        group = backend.schedule_groups.get(stored.group_name)
        return group is not None and group.schedules.get(stored.name) is stored

    def _try(self, execution: _Execution, attempt: int) -> None:
        target = execution.stored.target
        body = self._payload(execution, attempt)
        self._count(execution, "InvocationAttemptCount")
        try:
            self._post.send(self._delivery(execution, target["Arn"], body, "Scheduled Event", {}))
        except AWSError as error:
            self._count(execution, "TargetErrorThrottledCount" if error.status == 429 else "TargetErrorCount")
            self._failed(execution, attempt, body, error)

    def _count(self, execution: _Execution, metric: str) -> None:
        """Count for the schedule's group, and for all schedules."""
        stored = execution.stored
        for dimensions in ({"ScheduleGroup": stored.group_name}, {}):
            region = stored.arn.split(":")[3]
            measure(self._context.account_id, region, "AWS/Scheduler", {metric: 1}, dimensions)

    def _delivery(
        self, execution: _Execution, arn: str, body: str, action: str, attributes: Mapping[str, str]
    ) -> Delivery:
        stored = execution.stored
        options: dict[str, Any] = {
            "group_id": (stored.target.get("SqsParameters") or {}).get("MessageGroupId"),
            "attributes": {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
        }
        role = stored.target["RoleArn"]
        return Delivery("scheduler", stored.arn, arn, body, action, stored.name, role, options)

    def _payload(self, execution: _Execution, attempt: int) -> str:
        stored = execution.stored
        if stored.target.get("Input"):
            known = {
                "aws.scheduler.schedule-arn": stored.arn,
                "aws.scheduler.scheduled-time": iso(execution.due),
                "aws.scheduler.execution-id": execution.identifier,
                "aws.scheduler.attempt-number": str(attempt),
            }
            return fill(stored.target["Input"], known)
        event = {"version": "0", "id": execution.identifier, "detail-type": "Scheduled Event"}
        event |= {"source": "aws.scheduler", "account": self._context.account_id, "time": iso(execution.due)}
        return as_json({**event, "region": stored.arn.split(":")[3], "resources": [stored.arn], "detail": "{}"})

    def _failed(self, execution: _Execution, attempt: int, body: str, error: AWSError) -> None:
        policy = execution.stored.target["RetryPolicy"]
        clock = self._context.clock
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1))
        if attempt > policy.get("MaximumRetryAttempts", 185):
            return self._bury(execution, attempt, body, error, "MaximumRetryAttempts")
        if clock.now() - execution.began + pause > policy.get("MaximumEventAgeInSeconds", 86400):
            return self._bury(execution, attempt, body, error, "MaximumEventAgeInSeconds")

        def again(_: float) -> None:
            if self._lives(execution.stored) or execution.stored.action_after_completion == "DELETE":
                self._try(execution, attempt + 1)

        self._timetable.put(("retry", execution.identifier, attempt), clock.time() + pause, again)

    def _bury(self, execution: _Execution, attempt: int, body: str, error: AWSError, condition: str) -> None:
        stored = execution.stored
        queue = (stored.target.get("DeadLetterConfig") or {}).get("Arn")
        self._count(execution, "InvocationDroppedCount")
        if not queue:
            return
        attributes = {
            "ERROR_CODE": error.code,
            "ERROR_MESSAGE": error.message,
            "EXECUTION_ID": execution.identifier,
            "EXHAUSTED_RETRY_CONDITION": condition,
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(attempt - 1),
            "SCHEDULED_TIME": iso(execution.due),
            "SCHEDULE_ARN": stored.arn,
            "TARGET_ARN": stored.target["Arn"],
        }
        try:
            self._post.send(self._delivery(execution, queue, body, "dead letter", attributes))
            self._count(execution, "InvocationsSentToDeadLetterCount")
        except AWSError:
            self._count(execution, "InvocationsFailedToBeSentToDeadLetterCount")

    def _delete(self, call: Call) -> HttpResponse:
        response = forward(call)
        group = call.params.get("GroupName") or "default"
        self._timetable.drop(
            f"arn:aws:scheduler:{call.region}:{call.account_id}:schedule/{group}/{call.params['Name']}"
        )
        return response


def _seconds(moment: Any) -> float | None:
    """Return a date as botocore or moto has it in seconds since the epoch."""
    return seconds_of(moment) if moment else None
