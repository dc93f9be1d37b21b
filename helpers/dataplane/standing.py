"""What stands: all that AWS bills by the hour or the month, whether it is used or not.

AWS: provisioned capacity and concurrency, caches, shards and nodes cost by the hour; alarms, secrets and keys by the
month, for the part of it in which they were there; stored data by byte-hours, measured each hour ("Understanding your
AWS billing and usage reports for Amazon S3", Amazon S3 User Guide). Provisioned concurrency is billed from its
configuration on, rounded up to five minutes (AWS Lambda Pricing), a DAX node by full hours (Amazon DynamoDB Pricing).

Here: after each API call that may change something, moto and the planes are asked what there is; each thing counts
from the call that made it to the call that ended or changed it, by the cloud's clock. Data are measured when an hour
has passed, before the next call, and when somebody asks. Items and entries of indexes have 100 bytes more than their
size ("DynamoDB item sizes and formats", DynamoDB Developer Guide). A custom metric counts for each hour, by the
learner's watch, in which it got data. An idle event source mapping keeps two pollers ("Configuring scaling behavior
for SQS event source mappings", Lambda Developer Guide); not sourced is how long each waits: here the 20 seconds that
a queue allows at most, so that the requests are the fewest that there can be.
"""

from __future__ import annotations

import math
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from helpers.dataplane.clock import Clock
from helpers.dataplane.record import Use

Thing = tuple[Use, str, float]
"""What is paid for, which one it is, and how many units of it stand."""
_HOUR = 3600.0
_CHANGES = (
    "Cancel", "Create", "Decrease", "Delete", "Disable", "Enable", "Import", "Increase", "Merge", "Put", "Replicate",
    "Restore", "Schedule", "Split", "Update",
)  # fmt: skip
_DATA = frozenset(
    {"PutItem", "UpdateItem", "DeleteItem", "PutObject", "DeleteObject", "DeleteObjects", "PutRecord", "PutRecords"}
    | {"PutEvents", "PutMetricData", "PutLogEvents", "PutTraceSegments", "DeleteMessage", "DeleteMessageBatch"}
)
"""Operations with such names that change data only."""
_STEPS = {"provisioned concurrency": 1 / 12, "nodes": 1.0}
"""What is billed in steps of so many hours, rounded up."""
POLLS_AN_HOUR = 2 * 3600 / 20
"""How often Lambda asks a queue in which there is nothing, for one event source mapping."""


class Standing:
    """The things of one account; what they cost is no business of this module."""

    def __init__(self, clock: Clock, account_id: str) -> None:
        self._clock, self._account = clock, account_id
        self._sources: list[Callable[[], Iterable[Thing]]] = [lambda: _things(account_id)]
        self._since: dict[tuple[Use, str], tuple[float, float]] = {}
        self._past: Counter[Use] = Counter()
        self._noted: set[tuple[Use, str]] = set()
        self._lock = threading.Lock()
        self._measured = 0.0

    def watch(self, source: Callable[[], Iterable[Thing]]) -> None:
        """Ask ``source``, too, what there is: something that a data plane keeps, and moto does not know."""
        self._sources.append(source)

    def note(self, use: Use, which: str) -> None:
        """Count something that is paid for once in a month, however often it comes: an active user."""
        self._noted.add((use, which))

    def before_call(self) -> None:
        """Measure the stored data if an hour has passed: since the last call they were what they are now."""
        if self._clock.now() - self._measured >= _HOUR:
            with self._lock:
                self._measure()

    def after_call(self, operation: str) -> None:
        """Look what there is after an operation that may have changed it."""
        if operation.startswith(_CHANGES) and operation not in _DATA:
            self.look()

    def look(self) -> None:
        """Look what there is now: what has changed or is gone belongs to the past."""
        with self._lock:
            self._look()

    def held(self, hours: float | None = None) -> dict[Use, float]:
        """Return unit-hours: of what there is now, for ``hours``; or, without, of all there was, as long as it was."""
        with self._lock:
            self._look()
            if hours is not None:
                now = [(use, amount) for (use, _), (_, amount) in self._since.items()] + _sizes(self._account)
                now += _custom_metrics(self._account, 0)
                return _added([*((use, amount * hours) for use, amount in now), *((use, 1) for use, _ in self._noted)])
            self._measure()
            moment = self._clock.now()
            going_on = [
                (use, amount * _billed_hours(use, moment - since)) for (use, _), (since, amount) in self._since.items()
            ]
            users = [(use, 1.0) for use, _ in self._noted]
            return _added([*self._past.items(), *going_on, *_custom_metrics(self._account, _HOUR), *users])

    def _look(self) -> None:
        now = self._clock.now()
        found = {(use, which): amount for source in self._sources for use, which, amount in source()}
        for key, (since, amount) in list(self._since.items()):
            if found.get(key) != amount:
                self._past[key[0]] += amount * _billed_hours(key[0], now - since)  # type: ignore[assignment]
                del self._since[key]
        for key, amount in found.items():
            self._since.setdefault(key, (now, amount))

    def _measure(self) -> None:
        now = self._clock.now()
        for use, size in _sizes(self._account):
            self._past[use] += size * (now - self._measured) / _HOUR  # type: ignore[assignment]
        self._measured = now


def _added(parts: Iterable[tuple[Use, float]]) -> dict[Use, float]:
    total: dict[Use, float] = {}
    for use, amount in parts:
        total[use] = total.get(use, 0) + amount
    return total


def _billed_hours(use: Use, seconds: float) -> float:
    step = _STEPS.get(use.what)
    hours = seconds / _HOUR
    return math.ceil(hours / step) * step if step else hours


def _backends(account_id: str, service: str, name: str = "") -> list[Any]:
    """Return moto's backends of a service in all Regions; none if nobody has asked for the service yet."""
    module = sys.modules.get(f"moto.{service}.models")
    known = getattr(module, f"{name or service}_backends", {})
    return list(known[account_id].values()) if account_id in known else []


def _things(account_id: str) -> Iterator[Thing]:
    """Return what moto knows of that is billed by time."""
    for backend in _backends(account_id, "dynamodb"):
        for table in list(backend.tables.values()):
            yield from _capacity(table)
    for backend in _backends(account_id, "apigateway"):
        for api in list(backend.apis.values()):
            for stage in list(api.stages.values()):
                if stage.cache_cluster_enabled:
                    size = str(stage.cache_cluster_size or "0.5")
                    yield Use("apigateway", "caches", size), f"{api.id}/{stage.name}", 1
    for backend in _backends(account_id, "kinesis"):
        for stream in list(backend.streams.values()):
            on_demand = stream.stream_mode["StreamMode"] == "ON_DEMAND"
            shards = 1 if on_demand else sum(shard.is_open for shard in list(stream.shards.values()))
            yield Use("kinesis", "streams on demand" if on_demand else "shards"), stream.arn, shards
    for backend in _backends(account_id, "dax"):
        for cluster in list(backend.clusters.values()):
            if cluster.status not in ("deleting", "deleted"):
                yield Use("dax", "nodes", cluster.node_type), cluster.arn, len(cluster.nodes)
    yield from _monthly(account_id)


def _monthly(account_id: str) -> Iterator[Thing]:
    for backend in _backends(account_id, "cloudwatch"):
        for alarm in list(backend.alarms.values()):
            kind = "high resolution" if int(alarm.period or 60) < 60 else "standard"
            yield Use("cloudwatch", "alarms", kind), alarm.alarm_arn, 1
    for backend in _backends(account_id, "secretsmanager"):
        for secret in list(backend.secrets.values()):
            if not secret.is_deleted():
                yield Use("secretsmanager", "stored secrets"), secret.arn, 1
    for backend in _backends(account_id, "kms"):
        for key in list(backend.keys.values()):
            if key.key_manager == "CUSTOMER" and key.key_state != "PendingDeletion":
                yield Use("kms", "keys"), key.arn, 1


def _capacity(table: Any) -> Iterator[Thing]:
    if table.billing_mode == "PAY_PER_REQUEST":
        return
    for part in (table, *table.global_indexes):
        for kind in ("Read", "Write"):
            units = (part.throughput or {}).get(f"{kind}CapacityUnits") or 0
            yield Use("dynamodb", f"{kind.lower()} capacity"), f"{table.table_arn}/{part.name}", int(units)


def _sizes(account_id: str) -> list[tuple[Use, float]]:
    """Return the bytes that are stored now."""
    found: list[tuple[Use, float]] = []
    for backend in _backends(account_id, "s3"):
        found += [(Use("s3", "stored bytes"), bytes_of(bucket)) for bucket in list(backend.buckets.values())]
    for backend in _backends(account_id, "logs"):
        streams = (stream for group in list(backend.groups.values()) for stream in list(group.streams.values()))
        found += [(Use("logs", "stored bytes"), stream.stored_bytes) for stream in streams]
    tables = [table for backend in _backends(account_id, "dynamodb") for table in list(backend.tables.values())]
    if tables:
        from helpers.dataplane.dynamodb.capacity import stored_bytes  # brings moto's DynamoDB, which is there by now

        found += [(Use("dynamodb", "stored bytes"), stored_bytes(table)) for table in tables]
    return [(use, float(size)) for use, size in found if size]


def bytes_of(bucket: Any) -> int:
    """Return the bytes of a bucket's objects, all versions; moto's own sum is that of its Python objects."""
    versions = (version for name in list(bucket.keys) for version in bucket.keys.getlist(name, []))
    return sum(getattr(version, "size", 0) for version in versions)  # a delete marker has none


def _custom_metrics(account_id: str, step: float) -> list[tuple[Use, float]]:
    """Return how many custom metrics there are; with a ``step`` in seconds, in how many of these each got data."""
    found = set()
    for backend in _backends(account_id, "cloudwatch"):
        for datum in list(backend.metric_data):
            if not datum.namespace.startswith("AWS/"):
                dimensions = tuple(sorted((each.name, each.value) for each in datum.dimensions))
                time = int(datum.timestamp.timestamp() // step) if step else 0
                found.add((backend.region_name, datum.namespace, datum.name, dimensions, time))
    return [(Use("cloudwatch", "custom metrics"), float(len(found)))] if found else []
