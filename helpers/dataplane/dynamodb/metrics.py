"""The metrics of DynamoDB, one number for each minute of AWS's time.

AWS: the namespace ``AWS/DynamoDB`` has ConsumedReadCapacityUnits and ConsumedWriteCapacityUnits for each table and each
global index, a point a minute whose Sum divided by 60 is the rate; ThrottledRequests for each operation;
ReadThrottleEvents and WriteThrottleEvents ("DynamoDB metrics and dimensions", DynamoDB Developer Guide). moto keeps
them. Points are dated by the cloud's clock: at ``speed=60`` a minute of metrics passes in a second.
"""

from __future__ import annotations

import threading
from collections import deque

from moto.cloudwatch.models import MetricAggregatedDatum, cloudwatch_backends

from helpers.dataplane.clock import as_moto_keeps
from helpers.dataplane.context import Context

Dimensions = tuple[tuple[str, str], ...]
_MINUTES = 30
"""How many are kept for auto scaling."""


def of_table(table: str, index: str = "") -> Dimensions:
    """Return the dimensions of a table's metrics, or of a global index's."""
    return (("TableName", table), ("GlobalSecondaryIndexName", index)) if index else (("TableName", table),)


class Metrics:
    """Adds up the numbers of each minute and puts them into CloudWatch."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._points: dict[tuple[str, str, Dimensions], deque[tuple[int, MetricAggregatedDatum]]] = {}
        self._lock = threading.Lock()

    def minute(self) -> int:
        """Return the number of the present minute of AWS's time."""
        return int(self._context.clock.time() // 60)

    def add(self, region: str, name: str, dimensions: Dimensions, value: float) -> None:
        """Count a value into the present minute."""
        with self._lock:
            minute = self.minute()
            points = self._points.setdefault((region, name, dimensions), deque(maxlen=_MINUTES))
            if not points or points[-1][0] != minute:
                points.append((minute, self._new(region, name, dimensions, value, minute)))
                return
            point = points[-1][1]
            point.sum, point.sample_count = point.sum + value, point.sample_count + 1
            point.min, point.max = min(point.min, value), max(point.max, value)

    def rates(self, region: str, name: str, dimensions: Dimensions) -> dict[int, float]:
        """Return the rates a second of the last minutes that have a value, by minute."""
        with self._lock:
            points = self._points.get((region, name, dimensions), ())
            return {minute: point.sum / 60 for minute, point in points}

    def _new(self, region: str, name: str, dimensions: Dimensions, value: float, minute: int) -> MetricAggregatedDatum:
        point = MetricAggregatedDatum(
            "AWS/DynamoDB", name, value, value, 1, value,
            [{"Name": key, "Value": text} for key, text in dimensions],
            as_moto_keeps(minute * 60), "Count",
        )  # fmt: skip
        cloudwatch_backends[self._context.account_id][region].metric_data.append(point)
        return point
