"""Application Auto Scaling for DynamoDB: target tracking that moves provisioned units, minutes late.

AWS: CloudWatch alarms watch ConsumedReadCapacityUnits and ConsumedWriteCapacityUnits. Units go up when consumption is
above the target for two minutes in a row, and down when it is 20 percentage points below the target for 15 minutes in a
row (AWS re:Post, dynamodb-auto-scaling); a table that consumes nothing is not scaled in ("Managing
throughput capacity automatically with DynamoDB auto scaling", DynamoDB Developer Guide). Targets, policies and the
names of the alarms are moto's.

Here: looked at once a minute of AWS's time; the new units are those at which the consumption is at the target, within
the target's minimum and maximum. Not built, and answered so: step scaling, scheduled actions, custom metrics for
DynamoDB.

Not sourced: from which of the minutes AWS computes the new units (here the last one when it scales out, the busiest of
the 15 when it scales in); the wording of scaling activities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moto.applicationautoscaling.models import FakeApplicationAutoscalingPolicy, applicationautoscaling_backends
from moto.dynamodb.models import dynamodb_backends

from helpers.dataplane.call import Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.dynamodb.metrics import Metrics, of_table
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.timetable import Timetable
from helpers.dataplane.web import HttpResponse

ACTOR = "application-autoscaling"
_OUT_MINUTES, _IN_MINUTES, _SLACK = 2, 15, 0.20
_MINUTE = 60


class AutoScalingPlane:
    """Looks at all policies once a minute, as long as there are any."""

    service = ACTOR

    def __init__(self, context: Context, metrics: Metrics, timetable: Timetable) -> None:
        self._context, self._metrics, self._timetable = context, metrics, timetable
        self._regions: set[str] = set()
        self._activities: list[dict[str, Any]] = []
        self._changed: dict[str, float] = {}

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            "PutScalingPolicy": self._put_policy,
            "PutScheduledAction": self._put_schedule,
            "DescribeScalingActivities": self._describe_activities,
        }

    def addresses(self) -> Mapping[str, Address]:
        """Application Auto Scaling has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """The timetable is stopped by whom it belongs to."""
        self._timetable.drop(ACTOR)

    def _put_policy(self, call: Call) -> HttpResponse:
        given = call.params
        tracking = given.get("TargetTrackingScalingPolicyConfiguration") or {}
        if given["ServiceNamespace"] == "dynamodb" and "PredefinedMetricSpecification" not in tracking:
            raise not_built("a DynamoDB scaling policy without PredefinedMetricSpecification")
        response = forward(call)
        if given["ServiceNamespace"] == "dynamodb" and response.status < 400:
            self._regions.add(call.region)
            for policy in self._policies(call.region):
                self._show_alarms(policy, Scaled(self._context, call.region, policy).units(), "OK")
            self._timetable.put(ACTOR, (self._metrics.minute() + 1) * _MINUTE, self._look)
        return response

    def _put_schedule(self, call: Call) -> HttpResponse:
        raise not_built("a scheduled action")

    def _describe_activities(self, call: Call) -> HttpResponse:
        asked = {
            name: call.params[name]
            for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")
            if name in call.params
        }
        found = [one for one in self._activities if asked.items() <= one.items()]
        return call.reply({"ScalingActivities": found[::-1]})

    def _policies(self, region: str) -> list[FakeApplicationAutoscalingPolicy]:
        backend = applicationautoscaling_backends[self._context.account_id][region]
        return [policy for policy in list(backend.policies.values()) if policy.service_namespace == "dynamodb"]

    def _look(self, due: float) -> float | None:
        found = [(region, policy) for region in self._regions for policy in self._policies(region)]
        for region, policy in found:
            self._scale(region, policy)
        return due + _MINUTE if found else None

    def _scale(self, region: str, policy: FakeApplicationAutoscalingPolicy) -> None:
        scaled = Scaled(self._context, region, policy)
        backend = applicationautoscaling_backends[self._context.account_id][region]
        target = backend.targets.get(policy.scalable_dimension, {}).get(policy.resource_id)
        units = scaled.units()
        if target is None or not units:
            return
        self._metrics.add(region, f"Provisioned{scaled.kind}CapacityUnits", scaled.dimensions, units)
        rates = self._metrics.rates(region, f"Consumed{scaled.kind}CapacityUnits", scaled.dimensions)
        config = policy.target_tracking_scaling_policy_configuration or {}
        wanted = wanted_units(rates, self._metrics.minute(), units, config["TargetValue"] / 100)
        if wanted < units and (config.get("DisableScaleIn") or not any(rates.values())):
            wanted = units
        wanted = max(target.min_capacity or 1, min(target.max_capacity or wanted, wanted))
        pause = config.get("ScaleOutCooldown" if wanted > units else "ScaleInCooldown", 0)
        now = self._context.clock.time()
        state = "ALARM" if wanted != units else "OK"
        if wanted != units and now - self._changed.get(policy.policy_arn, 0) >= pause:
            scaled.change(wanted)
            self._changed[policy.policy_arn] = now
            self._activities.append(self._activity(policy, scaled.kind, wanted, now))
            self._show_alarms(policy, wanted, state)
        else:
            self._show_alarms(policy, units, state)

    def _activity(self, policy: FakeApplicationAutoscalingPolicy, kind: str, units: int, now: float) -> dict[str, Any]:
        moment = datetime.fromtimestamp(now, UTC)
        return {
            "ActivityId": self._context.new_id(),
            "ServiceNamespace": policy.service_namespace,
            "ResourceId": policy.resource_id,
            "ScalableDimension": policy.scalable_dimension,
            "Description": f"Setting {kind.lower()} capacity units to {units}.",
            "Cause": f"An alarm of the policy {policy.policy_name} is in the state ALARM.",
            "StartTime": moment,
            "EndTime": moment,
            "StatusCode": "Successful",
            "StatusMessage": f"Successfully set {kind.lower()} capacity units to {units}.",
        }

    def _show_alarms(self, policy: FakeApplicationAutoscalingPolicy, units: int, state: str) -> None:
        """Let moto's alarms show the metric and the thresholds that count."""
        kind = _kind(policy)
        config = policy.target_tracking_scaling_policy_configuration or {}
        goal = config["TargetValue"] / 100
        for alarm in policy.alarms:
            consumed = "ProvisionedCapacity" not in alarm.name
            alarm.metric_name = f"{'Consumed' if consumed else 'Provisioned'}{kind}CapacityUnits"
            if consumed:
                high = "AlarmHigh" in alarm.name
                alarm.threshold = (goal if high else max(0, goal - _SLACK)) * units * _MINUTE
                if high and alarm.state_value != state:
                    alarm.update_state("Threshold Crossed" if state == "ALARM" else "Back to normal", "{}", state)


class Scaled:
    """The table or global index whose units a policy moves, and which units."""

    def __init__(self, context: Context, region: str, policy: FakeApplicationAutoscalingPolicy) -> None:
        _, self._name, *index = policy.resource_id.split("/")
        self._index = index[1] if index else ""
        self.kind = _kind(policy)
        self.dimensions = of_table(self._name, self._index)
        self._tables = dynamodb_backends[context.account_id][region].tables
        self._client = context.client("dynamodb", ACTOR, region)

    def units(self) -> int:
        """Return the units that are provisioned now; 0 when there is no such table or index."""
        return int(self._throughput().get(f"{self.kind}CapacityUnits", 0))

    def change(self, units: int) -> None:
        """Provision other units, through UpdateTable."""
        both = {name: self._throughput()[name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")}
        changed: dict[str, Any] = {"ProvisionedThroughput": {**both, f"{self.kind}CapacityUnits": units}}
        if self._index:
            changed = {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": self._index, **changed}}]}
        self._client.update_table(TableName=self._name, **changed)

    def _throughput(self) -> dict[str, Any]:
        table = self._tables.get(self._name)
        if table is None or table.billing_mode == "PAY_PER_REQUEST":
            return {}
        parts = [index for index in table.global_indexes if index.name == self._index] if self._index else [table]
        return parts[0].throughput if parts else {}


def wanted_units(rates: Mapping[int, float], minute: int, units: int, goal: float) -> int:
    """Return the units that target tracking wants.

    Parameters
    ----------
    rates:
        Units consumed a second in each minute that has a value.
    minute:
        The present minute, which is not over and does not count.
    units, goal:
        What is provisioned, and the share of it (0 to 1) that should be used.
    """
    newest = [rates.get(minute - ago) for ago in range(1, _IN_MINUTES + 1)]
    if all(rate is not None and rate > goal * units for rate in newest[:_OUT_MINUTES]):
        return math.ceil((newest[0] or 0) / goal)
    if all(rate is not None and rate < (goal - _SLACK) * units for rate in newest):
        return min(units, math.ceil(max(rate or 0 for rate in newest) / goal))
    return units


def _kind(policy: FakeApplicationAutoscalingPolicy) -> str:
    return "Write" if policy.scalable_dimension.endswith("WriteCapacityUnits") else "Read"
