"""What CloudWatch says when an alarm changes its state: to SNS topics, to EventBridge, and in the alarm's history.

AWS: "Alarm events and EventBridge" (CloudWatch User Guide) has the event; the message to topics is in no document, its
members are those of recorded messages. Times are written ``2019-10-02T17:04:40.985+0000``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from moto.cloudwatch.models import Alarm

from helpers.dataplane import models
from helpers.dataplane.cloudwatch.evaluation import Point


def written(moment: datetime) -> str:
    """Return a time as CloudWatch writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def reason_data(alarm: Alarm, points: Sequence[Point], now: datetime) -> str:
    """Return the data behind a change of state, as JSON."""
    told: dict[str, Any] = {"version": "1.0", "queryDate": written(now)}
    if points:
        told["startDate"] = written(points[0].began)
    told |= {
        "statistic": alarm.statistic,
        "period": alarm.period,
        "recentDatapoints": [point.value for point in points],
        "threshold": float(alarm.threshold),
    }
    return json.dumps(told, separators=(",", ":"))


def subject(alarm: Alarm, state: str) -> str:
    """Return the subject of the message to a topic."""
    return f'{state}: "{alarm.name}" in {_region(alarm.region_name)}'[:100]


def message(alarm: Alarm, account_id: str, before: str) -> str:
    """Return the message to a topic about the state that the alarm has now."""
    told = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description or None,
        "AWSAccountId": account_id,
        "AlarmConfigurationUpdatedTimestamp": written(alarm.configuration_updated_timestamp),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": written(alarm.state_updated_timestamp),
        "Region": _region(alarm.region_name),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": before,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "StatisticType": "Statistic",
            "Statistic": str(alarm.statistic).upper(),
            "Unit": alarm.unit,
            "Dimensions": [{"value": each.value, "name": each.name} for each in alarm.dimensions],
            "Period": alarm.period,
            "EvaluationPeriods": alarm.evaluation_periods,
            **({"DatapointsToAlarm": alarm.datapoints_to_alarm} if alarm.datapoints_to_alarm else {}),
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": float(alarm.threshold),
            "TreatMissingData": alarm.treat_missing_data or "",
            "EvaluateLowSampleCountPercentile": "",
        },
    }
    return json.dumps(told, separators=(",", ":"))


def event(alarm: Alarm, before: dict[str, str], metric_id: str) -> dict[str, Any]:
    """Return what EventBridge gets; ``before`` is the state that was, as ``state_of`` tells it."""
    metric = {
        "dimensions": {str(each.name): each.value for each in alarm.dimensions},
        "name": alarm.metric_name,
        "namespace": alarm.namespace,
    }
    stat = {"metric": metric, "period": alarm.period, "stat": alarm.statistic}
    configuration: dict[str, Any] = {"metrics": [{"id": metric_id, "metricStat": stat, "returnData": True}]}
    if alarm.description:
        configuration = {"description": alarm.description, **configuration}
    detail = {
        "alarmName": alarm.name,
        "configuration": configuration,
        "previousState": before,
        "state": state_of(alarm),
    }
    return {
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "resources": [alarm.alarm_arn],
        "detail": detail,
    }


def state_of(alarm: Alarm) -> dict[str, str]:
    """Return the state that an alarm has now."""
    return {
        "reason": alarm.state_reason,
        "reasonData": alarm.state_reason_data,
        "timestamp": written(alarm.state_updated_timestamp),
        "value": alarm.state_value,
    }


def update_data(before: dict[str, str], now: dict[str, str]) -> str:
    """Return the data of a ``StateUpdate`` in the history."""

    def told(state: dict[str, str]) -> dict[str, Any]:
        data = json.loads(state["reasonData"] or "{}")
        return {
            "stateValue": state["value"],
            "stateReason": state["reason"],
            **({"stateReasonData": data} if data else {}),
        }

    return json.dumps({"version": "1.0", "oldState": told(before), "newState": told(now)}, separators=(",", ":"))


def _region(name: str) -> str:
    """Return the name of a Region for people, such as US East (N. Virginia)."""
    partition = models.loader().load_data("endpoints")["partitions"][0]
    return str(partition["regions"].get(name, {}).get("description", name))
