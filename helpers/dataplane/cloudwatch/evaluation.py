"""Which state an alarm is in, from the newest data points of its metric.

AWS: "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data" (CloudWatch User Guide). M of the
newest N data points must breach the threshold. CloudWatch fetches more than N of them, so that missing ones need not be
filled in as long as there are N real ones. AWS does not say how many more; its tables show two more for N = 3, and so
it is here. Alarms on ``AWS/DynamoDB`` always ignore missing data (API_PutMetricAlarm). The reasons are those of
recorded alarms; not sourced: AWS's words where real and filled in data points decide together.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from moto.cloudwatch.models import Alarm

OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"
_MORE = 2
_BREACHES: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
COMPARISONS = frozenset(_BREACHES)
_TREATED = {"breaching": "Breaching", "notBreaching": "NonBreaching"}


@dataclass(frozen=True)
class Point:
    """One period: when it began, and its statistic, or None without data."""

    began: datetime
    value: float | None


def fetched(alarm: Alarm) -> int:
    """Return how many periods an evaluation looks at."""
    return alarm.evaluation_periods + _MORE


def treatment(alarm: Alarm) -> str:
    """Return what counts for missing data."""
    return "ignore" if alarm.namespace == "AWS/DynamoDB" else alarm.treat_missing_data or "missing"


def state(alarm: Alarm, points: Sequence[Point]) -> str:
    """Return the state that follows from ``points``, the oldest first."""
    needed = alarm.datapoints_to_alarm or alarm.evaluation_periods
    real = real_points(alarm, points)
    breaching = sum(_breaches(alarm, point) for point in real)
    lacking = alarm.evaluation_periods - len(real)
    treat = treatment(alarm)
    if lacking > 0 and treat == "breaching":
        breaching += lacking
    if breaching >= needed:
        return ALARM
    if lacking <= 0 or treat in _TREATED or breaching < len(real):
        return OK
    if treat == "ignore":
        return str(alarm.state_value)
    oldest = next((age for age, point in zip(range(len(points), 0, -1), points, strict=True) if point in real), 0)
    return ALARM if oldest >= needed else UNKNOWN


def real_points(alarm: Alarm, points: Sequence[Point]) -> list[Point]:
    """Return the newest points with data, as many as are evaluated at most."""
    return [point for point in points if point.value is not None][-alarm.evaluation_periods :]


def reason(alarm: Alarm, points: Sequence[Point], new: str) -> str:
    """Return why the alarm is in the state ``new``, in AWS's words."""
    real, count = real_points(alarm, points), alarm.evaluation_periods
    if new == UNKNOWN:
        return f"Insufficient Data: {_many(count, 'datapoint')} {_were(count)} unknown."
    lacking = count - len(real)
    filled = f"{_many(lacking, 'missing datapoint')} {_were(lacking)} treated as [{_TREATED.get(treatment(alarm))}]"
    if not real:
        return f"Threshold Crossed: no datapoints were received for {_many(count, 'period')} and {filled}."
    told = [point for point in real if _breaches(alarm, point) == (new == ALARM)]
    values = ", ".join(f"{point.value} ({point.began:%d/%m/%y %H:%M:%S})" for point in reversed(told))
    words = _BREACHES[alarm.comparison_operator][1]
    needed = alarm.datapoints_to_alarm or count
    least, before = (needed, OK) if new == ALARM else (count - needed + 1, ALARM)
    return (
        f"Threshold Crossed: {len(told)} out of the last {_many(count, 'datapoint')} [{values}] {_were(len(told))} "
        f"{'' if new == ALARM else 'not '}{words} the threshold ({float(alarm.threshold)}) "
        f"(minimum {_many(least, 'datapoint')} for {before} -> {new} transition)"
        f"{f' and {filled}' if lacking and treatment(alarm) in _TREATED else ''}."
    )


def _breaches(alarm: Alarm, point: Point) -> bool:
    return point.value is not None and _BREACHES[alarm.comparison_operator][0](point.value, float(alarm.threshold))


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
