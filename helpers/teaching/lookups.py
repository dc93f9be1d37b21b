"""What the checks of labs look up in the account: things that may not be there yet, and what was counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError


def found(describe: Callable[..., Mapping[str, Any]], **names: Any) -> dict[str, Any] | None:
    """Return what an AWS call says about a resource, or None where there is no such resource.

    Parameters
    ----------
    describe:
        A method of a boto3 client, such as ``boto3.client("lambda").get_function_configuration``.
    names:
        Its arguments.

    Raises
    ------
    ClientError
        AWS said anything else than ``ResourceNotFoundException``.
    """
    try:
        return dict(describe(**names))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return None


def metric_sum(namespace: str, metric: str, **dimensions: str) -> float:
    """Return all that CloudWatch counted of a metric in an account that is not a day old.

    The time asked for reaches into the future, because the clock of the cloud may run faster than the learner's.
    """
    now = datetime.now(UTC)
    points = boto3.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - timedelta(days=1),
        EndTime=now + timedelta(days=60),
        Period=86400,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def last_error(function: str = "") -> str | None:
    """Return the first line of the newest error in the logs of a function, of all functions without its name."""
    logs = boto3.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]
    found = [
        event
        for group in groups
        for event in logs.filter_log_events(logGroupName=group["logGroupName"], filterPattern='"[ERROR]"')["events"]
    ]
    return max(found, key=lambda event: event["timestamp"])["message"].splitlines()[0] if found else None
