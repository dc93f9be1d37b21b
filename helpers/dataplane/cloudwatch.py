"""CloudWatch: numbers of exactly the metric that was asked for.

AWS: "CloudWatch treats each unique combination of dimensions as a separate metric" (API_GetMetricStatistics, CloudWatch
API Reference): Errors of a function, of its alias, and of one version behind the alias are three metrics. moto's
GetMetricStatistics adds up all metrics that have the dimensions asked for and perhaps more. The rest of CloudWatch is
moto's.
"""

from __future__ import annotations

import copy
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend

_get_metric_statistics = CloudWatchBackend.get_metric_statistics


def install() -> None:
    """Let moto's GetMetricStatistics tell metrics apart by all of their dimensions."""
    setattr(CloudWatchBackend, "get_metric_statistics", _of_one_metric)


def remove() -> None:
    """Put moto's own method back."""
    setattr(CloudWatchBackend, "get_metric_statistics", _get_metric_statistics)


def _of_one_metric(backend: CloudWatchBackend, *given: Any, **named: Any) -> Any:
    dimensions = named["dimensions"] if "dimensions" in named else given[6]
    wanted = sorted((each["Name"], each["Value"]) for each in dimensions or [])
    view = copy.copy(backend)
    view.metric_data = [
        datum for datum in backend.metric_data if sorted((each.name, each.value) for each in datum.dimensions) == wanted
    ]
    return _get_metric_statistics(view, *given, **named)
