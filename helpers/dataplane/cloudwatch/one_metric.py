"""Numbers of exactly the metric that was asked for.

AWS: "CloudWatch treats each unique combination of dimensions as a separate metric" (API_GetMetricStatistics, CloudWatch
API Reference): Errors of a function, of its alias, and of one version behind the alias are three metrics. moto's
GetMetricStatistics adds up all metrics that have the dimensions asked for and perhaps more; its GetMetricData adds up
all of one name when no dimension is asked for, and forgets the namespace when one is. Here moto computes both from the
data of one metric. Not built: expressions in GetMetricData.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase

from helpers.dataplane.seams import Seams

_moto_statistics = CloudWatchBackend.get_metric_statistics
_moto_data = CloudWatchBackend.get_metric_data


def install(seams: Seams) -> None:
    """Let moto's GetMetricStatistics and GetMetricData tell metrics apart."""
    seams.put(CloudWatchBackend, "get_metric_statistics", _statistics)
    seams.put(CloudWatchBackend, "get_metric_data", _data)


def data_of(
    backend: CloudWatchBackend, namespace: str, name: str, dimensions: Sequence[Mapping[str, str]]
) -> list[MetricDatumBase]:
    """Return all that is kept of the metric with exactly these dimensions."""
    wanted = sorted((each["Name"], each["Value"]) for each in dimensions)
    return [
        datum
        for datum in backend.get_all_metrics()
        if (datum.name, datum.namespace) == (name, namespace)
        and sorted((str(each.name), str(each.value)) for each in datum.dimensions) == wanted
    ]


def _view(backend: CloudWatchBackend, data: list[MetricDatumBase]) -> CloudWatchBackend:
    """Return moto's backend as if these were all of its data."""
    view = copy.copy(backend)
    setattr(view, "get_all_metrics", lambda: data)
    return view


def _statistics(
    backend: CloudWatchBackend, namespace: str, metric_name: str, start_time: datetime, end_time: datetime,
    period: int, stats: list[str], dimensions: list[dict[str, str]], unit: str | None = None,
) -> Any:  # fmt: skip
    view = _view(backend, data_of(backend, namespace, metric_name, dimensions or []))
    return _moto_statistics(view, namespace, metric_name, start_time, end_time, period, stats, [], unit)


def _data(backend: CloudWatchBackend, *, queries: list[dict[str, Any]], **named: Any) -> Any:
    results = []
    for query in queries:
        metric = query["MetricStat"]["Metric"]
        data = data_of(backend, metric["Namespace"], metric["MetricName"], metric.get("Dimensions") or [])
        alone = {**query, "MetricStat": {**query["MetricStat"], "Metric": {**metric, "Dimensions": []}}}
        results += _moto_data(_view(backend, data), queries=[alone], **named)
    return results
