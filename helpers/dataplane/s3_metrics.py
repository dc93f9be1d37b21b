"""What S3 tells CloudWatch: each bucket's size, and its requests where a metrics configuration asks for them.

AWS: BucketSizeBytes and NumberOfObjects come once a day, for all versions of the objects; request metrics only for a
bucket with a metrics configuration, for each configuration and the objects that its filter names, with the dimensions
BucketName and FilterId ("Metrics and dimensions" and "CloudWatch metrics configurations", Amazon S3 User Guide). Here
the sizes are those of now, dated at the last midnight; a filter can be a prefix; FirstByteLatency and
TotalRequestLatency are the same. Not built: filters by tags and access points. Not sourced: that requests for no
object, and those for several at once, miss every prefix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from moto.cloudwatch.models import MetricDatum
from moto.core.utils import utcnow
from moto.s3.models import S3Backend, s3_backends

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.metrics import measure
from helpers.dataplane.seams import Seams
from helpers.dataplane.standing import bytes_of
from helpers.dataplane.web import HttpResponse

_BY_METHOD = {"GET": "GetRequests", "PUT": "PutRequests", "DELETE": "DeleteRequests", "POST": "PostRequests"}


class BucketMetrics:
    """The metrics configurations of one account's buckets, and what they measure."""

    def __init__(self, context: Context, seams: Seams) -> None:
        self._context = context
        self._configurations: dict[str, dict[str, Mapping[str, Any]]] = {}
        seams.put(S3Backend, "get_cloudwatch_metrics", staticmethod(_sizes))
        context.listeners["s3"] = self._finished

    def operations(self) -> Mapping[str, Operation]:
        """Return what this answers, by operation."""
        return {
            "PutBucketMetricsConfiguration": self._put,
            "GetBucketMetricsConfiguration": self._get,
            "ListBucketMetricsConfigurations": self._list,
            "DeleteBucketMetricsConfiguration": self._delete,
        }

    def _of(self, call: Call) -> dict[str, Mapping[str, Any]]:
        bucket = s3_backends[call.account_id]["aws"].get_bucket(call.params["Bucket"])
        return self._configurations.setdefault(bucket.name, {})

    def _put(self, call: Call) -> HttpResponse:
        given = call.params["MetricsConfiguration"]
        if set(given.get("Filter") or {}) - {"Prefix"}:
            raise not_built("a metrics filter by tags or access points")
        self._of(call)[call.params["Id"]] = given
        return call.reply({})

    def _get(self, call: Call) -> HttpResponse:
        return call.reply({"MetricsConfiguration": self._found(call)})

    def _found(self, call: Call) -> Mapping[str, Any]:
        found = self._of(call).get(call.params["Id"])
        if found is None:
            raise AWSError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
        return found

    def _list(self, call: Call) -> HttpResponse:
        return call.reply({"IsTruncated": False, "MetricsConfigurationList": list(self._of(call).values())})

    def _delete(self, call: Call) -> HttpResponse:
        self._found(call)
        del self._of(call)[call.params["Id"]]
        return call.reply({}, 204)

    def _finished(self, call: Call, response: HttpResponse, milliseconds: float) -> None:
        """Measure a request; a bucket that is gone has lost its configurations."""
        bucket = str(call.params.get("Bucket", ""))
        if call.name == "DeleteBucket" and response.status < 400:
            self._configurations.pop(bucket, None)
        for identifier, wanted in list(self._configurations.get(bucket, {}).items()):
            prefix = (wanted.get("Filter") or {}).get("Prefix")
            if prefix is None or str(call.params.get("Key", "")).startswith(prefix):
                found = s3_backends[call.account_id]["aws"].buckets.get(bucket)
                region = found.region_name if found else call.region
                dimensions = {"BucketName": bucket, "FilterId": identifier}
                for values, unit in _values(call, response, milliseconds):
                    measure(call.account_id, region, "AWS/S3", values, dimensions, unit)


def _values(call: Call, response: HttpResponse, milliseconds: float) -> Iterator[tuple[dict[str, float], str]]:
    kind = _BY_METHOD.get(call.request.method, "HeadRequests") if "Key" in call.params else ""
    kind = {"DeleteObjects": "DeleteRequests", "HeadBucket": "HeadRequests"}.get(call.name, kind)
    kind = "ListRequests" if call.name.startswith("List") else kind
    counts = {"AllRequests": 1.0, **({kind: 1.0} if kind else {})}
    errors = {f"{first}xxErrors": float(response.status // 100 == first) for first in (4, 5)}
    yield {**counts, **errors}, "Count"
    sizes = {"BytesDownloaded": response.body, "BytesUploaded": call.request.body}
    yield {name: float(len(body)) for name, body in sizes.items() if body}, "Bytes"
    yield {"FirstByteLatency": milliseconds, "TotalRequestLatency": milliseconds}, "Milliseconds"


def _sizes(account_id: str, region: str) -> list[MetricDatum]:
    """Take the place of moto's, which counts its own objects' memory, all buckets in each Region, and no versions."""
    found, midnight = [], utcnow().replace(hour=0, minute=0, second=0, microsecond=0)
    for bucket in list(s3_backends[account_id]["aws"].buckets.values()):
        if bucket.region_name == region:
            versions = [one for name in list(bucket.keys) for one in bucket.keys.getlist(name, [])]
            objects = sum(hasattr(one, "size") for one in versions)
            for metric, value, unit, storage in (
                ("BucketSizeBytes", bytes_of(bucket), "Bytes", "StandardStorage"),
                ("NumberOfObjects", objects, "Count", "AllStorageTypes"),
            ):
                named = [{"Name": "StorageType", "Value": storage}, {"Name": "BucketName", "Value": bucket.name}]
                found.append(MetricDatum("AWS/S3", metric, float(value), named, midnight, unit))
    return found
