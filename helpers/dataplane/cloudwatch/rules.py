"""Which alarms this cloud can evaluate; the others are refused when they are put, never left in silence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from helpers.dataplane.call import AWSError, not_built
from helpers.dataplane.cloudwatch.evaluation import COMPARISONS
from helpers.dataplane.delivery import service_of

_NEEDED = (
    "Namespace", "MetricName", "Statistic", "Period", "EvaluationPeriods", "Threshold", "ComparisonOperator",
)  # fmt: skip
_OTHER_KINDS = ("Metrics", "ExtendedStatistic", "ThresholdMetricId", "EvaluationCriteria")


def check(given: Mapping[str, Any]) -> None:
    """Refuse an alarm that would never be evaluated.

    Raises
    ------
    AWSError
        What is not built, or ``ValidationError`` (the words are not AWS's).
    """
    for name in _OTHER_KINDS:
        if given.get(name):
            raise not_built(f"an alarm with {name}")
    lacking = [name for name in _NEEDED if given.get(name) is None]
    if lacking:
        raise AWSError("ValidationError", f"The parameter {lacking[0]} is required.", 400)
    if given["ComparisonOperator"] not in COMPARISONS:
        raise not_built(f"an alarm with {given['ComparisonOperator']}")
    if int(given["Period"]) % 60 and int(given["Period"]) not in (10, 20, 30):
        raise AWSError("ValidationError", "Period must be 10, 20, 30 or a multiple of 60.", 400)
    for arn in [*given.get("AlarmActions", []), *given.get("OKActions", []), *given.get("InsufficientDataActions", [])]:
        if service_of(arn) != "sns":
            raise not_built(f"an alarm's action in {service_of(arn) or arn}")
