"""Alarms in CloudFormation stacks, which moto does not make: ``AWS::CloudWatch::Alarm``.

AWS: the properties are the parameters of PutMetricAlarm; Ref is the alarm's name ("AWS::CloudWatch::Alarm",
CloudFormation Template Reference). moto finds the class by itself, because it is a ``CloudFormationModel``.
"""

from __future__ import annotations

from typing import Any

from moto.cloudwatch.models import Alarm, cloudwatch_backends
from moto.core.common_models import CloudFormationModel

from helpers.dataplane.cloudwatch.rules import check


class StackAlarm(CloudFormationModel):
    """An alarm as moto's stacks want it."""

    def __init__(self, alarm: Alarm) -> None:
        self._alarm = alarm

    @staticmethod
    def cloudformation_name_type() -> str:
        """Return the property that names it."""
        return "AlarmName"

    @staticmethod
    def cloudformation_type() -> str:
        """Return the type that templates write."""
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Return whether Fn::GetAtt knows ``attr``."""
        return attr == "Arn"

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the alarm's ARN, the only attribute."""
        return str(self._alarm.alarm_arn)

    @property
    def physical_resource_id(self) -> str:
        """Return the alarm's name."""
        return str(self._alarm.name)

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str, **_: Any
    ) -> StackAlarm:
        """Put the alarm."""
        given = cloudformation_json["Properties"]
        check(given)
        alarm = cloudwatch_backends[account_id][region_name].put_metric_alarm(
            name=resource_name,
            namespace=given["Namespace"],
            metric_name=given["MetricName"],
            comparison_operator=given["ComparisonOperator"],
            evaluation_periods=int(given["EvaluationPeriods"]),
            datapoints_to_alarm=int(given["DatapointsToAlarm"]) if "DatapointsToAlarm" in given else None,
            period=int(given["Period"]),
            threshold=float(given["Threshold"]),
            statistic=given["Statistic"],
            description=given.get("AlarmDescription", ""),
            dimensions=given.get("Dimensions") or [],
            alarm_actions=given.get("AlarmActions") or [],
            ok_actions=given.get("OKActions"),
            insufficient_data_actions=given.get("InsufficientDataActions"),
            unit=given.get("Unit"),
            actions_enabled=str(given.get("ActionsEnabled", True)).lower() == "true",
            treat_missing_data=given.get("TreatMissingData"),
        )
        return cls(alarm)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> StackAlarm:
        """Put the alarm again."""
        return cls.create_from_cloudformation_json(
            original_resource.physical_resource_id, cloudformation_json, account_id, region_name
        )

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        """Delete the alarm."""
        cloudwatch_backends[account_id][region_name].delete_alarms([resource_name])
