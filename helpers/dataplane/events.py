"""EventBridge: rules with patterns on event buses, rules with schedules, and their targets.

AWS: an event that fits the pattern of an enabled rule goes to all of the rule's targets, as it is or transformed; what
cannot be delivered is counted as FailedInvocations and goes to the target's dead-letter queue, if there is one
("Amazon EventBridge targets", EventBridge User Guide). Buses, rules and archives are moto's.

Differs: no retries of a delivery that failed; targets are functions, queues, topics, log groups, state machines and
other buses.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from moto.events.models import EventsBackend, Rule, events_backends
from moto.logs.models import logs_backends

from helpers.dataplane import event_patterns, input_transformers
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.clock import seconds_of
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.delivery import Delivery, Post, Taker, iso, service_of
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.metering import event_steps
from helpers.dataplane.metrics import measure
from helpers.dataplane.schedules import parse
from helpers.dataplane.seams import Seams
from helpers.dataplane.timetable import Timetable
from helpers.dataplane.web import HttpResponse

_WITH_ROLE = ("states",)
"""Targets that have no policy of their own: the rule's target names a role."""


class EventsPlane:
    """The part of EventBridge that moto leaves out: it matches, transforms, delivers, and keeps the schedules."""

    service = "events"

    def __init__(self, context: Context, post: Post, timetable: Timetable) -> None:
        self._context, self._post, self._timetable = context, post, timetable
        post.takers["events"] = Taker("events:PutEvents", self._to_bus)
        post.takers["logs"] = Taker("logs:PutLogEvents", self._to_log_group)
        post.takers["states"] = Taker("states:StartExecution", self._to_state_machine)
        self._seams = Seams()
        self._seams.put(Rule, "send_to_targets", self._from_moto)
        for owner, name in ((EventsBackend, "put_rule"), (Rule, "enable"), (Rule, "disable")):
            self._seams.put(owner, name, self._then_scheduled(getattr(owner, name)))

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        own = {"PutRule": self._put_rule, "PutEvents": self._put_events}
        return {**own, "PutTargets": self._put_targets, "TestEventPattern": self._test_pattern}

    def addresses(self) -> Mapping[str, Address]:
        """EventBridge has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._seams.remove()

    def emit(self, service: str, action: str, subject: str, entry: Mapping[str, Any], region: str) -> None:
        """Take an event of an AWS service: ``entry`` has its source, detail-type, resources and detail."""
        event = self._event(entry, region, time.time())
        rules = self._rules("default", region)
        if any(self._wants(rule, event) for rule in rules):
            self._context.record.add("event", service, "events", action, subject=subject)
        for rule in rules:
            self._offer(rule, event)

    def _event(self, entry: Mapping[str, Any], region: str, moment: float) -> dict[str, Any]:
        return {
            "version": "0",
            "id": self._context.new_id(),
            "detail-type": entry["detail-type"],
            "source": entry["source"],
            "account": self._context.account_id,
            "time": iso(moment),
            "region": region,
            "resources": list(entry.get("resources") or []),
            "detail": entry.get("detail") or {},
        }

    def _rules(self, bus: str, region: str) -> list[Rule]:
        backend = events_backends[self._context.account_id][region]
        return list(backend.event_buses[bus].rules.values()) if bus in backend.event_buses else []

    def _from_moto(self, rule: Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
        """Take an event from moto's PutEvents, one rule at a time; moto has its time as a number."""
        event = {name: value for name, value in original_event.items() if name != "ingestion-time"}
        moment = event["time"]
        if not isinstance(moment, str):
            event["time"] = iso(seconds_of(moment))
        self._offer(rule, event)

    def _wants(self, rule: Rule, event: Mapping[str, Any]) -> bool:
        pattern = rule.event_pattern.get_pattern()
        return bool(pattern) and rule.state != "DISABLED" and event_patterns.matches(pattern, event)

    def _offer(self, rule: Rule, event: dict[str, Any], forwarded: bool = False) -> None:
        if self._wants(rule, event):
            self._count(rule, "TriggeredRules")
            for target in list(rule.targets):
                if not (forwarded and ":event-bus/" in target["Arn"]):
                    self._send(rule, target, event)

    def _send(self, rule: Rule, target: Mapping[str, Any], event: dict[str, Any]) -> None:
        arn = target["Arn"]
        if arn.endswith(":::"):  # the hidden target of an archive
            self._archive(rule, event)
            return
        body = input_transformers.payload(target, event, rule.arn, iso(time.time()))
        role = target.get("RoleArn", "") if service_of(arn) in _WITH_ROLE else ""
        options = {"group_id": (target.get("SqsParameters") or {}).get("MessageGroupId")}
        action = event["detail-type"]
        self._count(rule, "Invocations")
        try:
            self._post.send(Delivery("events", rule.arn, arn, body, action, rule.name, role, options))
        except AWSError as error:
            self._count(rule, "FailedInvocations")
            self._bury(rule, target, body, error)

    def _archive(self, rule: Rule, event: dict[str, Any]) -> None:
        for archive in events_backends[self._context.account_id][rule.region_name].archives.values():
            if rule.name == f"Events-Archive-{archive.name}":
                archive.events.append(event)  # type: ignore[arg-type]

    def _bury(self, rule: Rule, target: Mapping[str, Any], body: str, error: AWSError) -> None:
        queue = (target.get("DeadLetterConfig") or {}).get("Arn")
        if not queue:
            return
        attributes = {"RULE_ARN": rule.arn, "TARGET_ARN": target["Arn"], "ERROR_CODE": error.code}
        attributes |= {"ERROR_MESSAGE": error.message}
        options = {
            "attributes": {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
        }
        try:
            self._post.send(Delivery("events", rule.arn, queue, body, "dead letter", rule.name, options=options))
        except AWSError:
            self._count(rule, "InvocationsFailedToBeSentToDlq")

    def _count(self, rule: Rule, metric: str) -> None:
        """Count for a rule; those of other buses than the default one are told apart by their bus, too."""
        bus = {} if rule.event_bus_name in ("default", None) else {"EventBusName": rule.event_bus_name}
        account, region = self._context.account_id, rule.region_name
        measure(account, region, "AWS/Events", {metric: 1}, {**bus, "RuleName": rule.name})

    def _to_bus(self, delivery: Delivery) -> None:
        region, bus = delivery.target_arn.split(":")[3], delivery.target_arn.rpartition("/")[2]
        for rule in self._rules(bus, region):
            self._offer(rule, json.loads(delivery.body), forwarded=True)

    def _to_log_group(self, delivery: Delivery) -> None:
        parts = delivery.target_arn.split(":")
        backend, group, stream = logs_backends[self._context.account_id][parts[3]], parts[6], self._context.new_id()
        if group not in backend.groups:
            raise AWSError("ResourceNotFoundException", "The specified log group does not exist.", 400)
        backend.create_log_stream(group, stream)
        backend.put_log_events(group, stream, [{"timestamp": int(time.time() * 1000), "message": delivery.body}])

    def _to_state_machine(self, delivery: Delivery) -> None:
        client = self._context.client("stepfunctions", "events", delivery.target_arn.split(":")[3])
        try:
            client.start_execution(stateMachineArn=delivery.target_arn, input=delivery.body)
        except client.exceptions.ClientError as error:
            said = error.response["Error"]
            raise AWSError(said["Code"], said["Message"], 400) from None

    def _put_events(self, call: Call) -> HttpResponse:
        response = forward(call)
        if response.status < 400:
            pairs = zip(call.params["Entries"], json.loads(response.body)["Entries"], strict=True)
            steps = sum(event_steps(entry) for entry, result in pairs if "EventId" in result)
            self._context.record.meter("events", "custom events", steps)
        return response

    def _put_rule(self, call: Call) -> HttpResponse:
        _check_pattern(call.params.get("EventPattern"))
        expression = call.params.get("ScheduleExpression")
        try:
            if expression and (expression.startswith("at(") or not parse(expression, 0)):
                raise ValueError
        except ValueError:
            raise AWSError("ValidationException", "Parameter ScheduleExpression is not valid.", 400) from None
        return forward(call)

    def _put_targets(self, call: Call) -> HttpResponse:
        for target in call.params["Targets"]:
            service = service_of(target["Arn"])
            if service not in self._post.takers:
                raise not_built(f"a rule's target in {service}")
        return forward(call)

    def _test_pattern(self, call: Call) -> HttpResponse:
        pattern = _check_pattern(call.params["EventPattern"])
        return call.reply({"Result": event_patterns.matches(pattern, json.loads(call.params["Event"]))})

    def _then_scheduled(self, method: Any) -> Any:
        """Return a method of moto's that is followed by an entry in the timetable."""

        def wrapped(owner: Any, *given: Any, **named: Any) -> Any:
            result = method(owner, *given, **named)
            self._schedule(result if isinstance(result, Rule) else owner)
            return result

        return wrapped

    def _schedule(self, rule: Rule) -> None:
        if not rule.scheduled_expression:
            return
        now = self._context.clock.time()
        schedule = parse(rule.scheduled_expression, now)

        def fire(due: float) -> float | None:
            if self._current(rule) is not rule:
                return None
            self._tick(rule, due)
            return schedule.after(max(due, self._context.clock.time() - 1))

        key = ("rule", rule.region_name, rule.name)
        self._timetable.put(key, schedule.after(now) if rule.state != "DISABLED" else None, fire)

    def _current(self, rule: Rule) -> Rule | None:
        return events_backends[self._context.account_id][rule.region_name].event_buses["default"].rules.get(rule.name)

    def _tick(self, rule: Rule, due: float) -> None:
        entry = {"source": "aws.events", "detail-type": "Scheduled Event", "resources": [rule.arn]}
        event = self._event(entry, rule.region_name, due)
        self._count(rule, "TriggeredRules")
        for target in list(rule.targets):
            self._send(rule, target, event)


def _check_pattern(text: str | None) -> dict[str, Any]:
    """Return a pattern, read and checked.

    Raises
    ------
    AWSError
        ``InvalidEventPatternException``.
    """
    try:
        pattern = json.loads(text or "{}")
        event_patterns.check(pattern)
    except ValueError as error:
        reason = "Invalid JSON" if isinstance(error, json.JSONDecodeError) else str(error)
        raise AWSError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}", 400) from None
    return dict(pattern)
