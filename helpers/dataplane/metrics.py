"""A service's numbers on their way to CloudWatch.

AWS: services write their metrics on their own behalf, into a namespace such as ``AWS/SQS`` ("AWS services that publish
CloudWatch metrics", CloudWatch User Guide). moto keeps them; ``cloudwatch`` evaluates alarms on them. DynamoDB, whose
metrics are those of a minute of the cloud's clock, has a module of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.cloudwatch.models import cloudwatch_backends
from moto.core.utils import utcnow


def measure(
    account_id: str,
    region: str,
    namespace: str,
    values: Mapping[str, float],
    dimensions: Mapping[str, str],
    unit: str = "Count",
) -> None:
    """Write one value of each metric, dated now, with all of these dimensions."""
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    now = utcnow()
    data: list[dict[str, Any]] = [
        {"MetricName": name, "Value": float(value), "Unit": unit, "Timestamp": now, "Dimensions": named}
        for name, value in values.items()
    ]
    cloudwatch_backends[account_id][region].put_metric_data(namespace, data)
