"""Throttling: who gets a capacity unit now.

AWS: a provisioned table or global index has its units each second and up to 300 seconds of unused ones ("Burst and
adaptive capacity", DynamoDB Developer Guide); a partition serves at most 3,000 read and 1,000 write units a second
("Best practices for designing partition keys"); an on-demand table may have a maximum ("DynamoDB maximum throughput for
on-demand tables"). What exceeds these is refused, with reasons that name the resource and the limit
(API_ThrottlingReason).

Here: token buckets on the cloud's clock. Each partition key value counts as a partition of its own, which is what
adaptive capacity makes of hot items in the end; partitions of indexes are not limited, nor is a scan by partitions.
The ceilings are the quotas ``dynamodb.partition_read_units`` and ``dynamodb.partition_write_units``.

Not sourced: how much burst capacity a new table has (here all of it, so that setting up a lesson is not throttled);
that a request may cost more than the whole bucket (it passes when the bucket is full, and the rest is a debt); the
error's name for an on-demand maximum (here ThrottlingException), its message, and for how long bursts may exceed it
(here by ten seconds' units).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from moto.dynamodb.models.table import Table

from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.dynamodb.capacity import Units
from helpers.dataplane.token_bucket import TokenBucket

BURST_SECONDS = 300
_MAXIMUM_BURST_SECONDS = 10
_PARTITIONS = 1000
"""How many partitions are remembered; one that is not asked for a second is full again."""
_TABLE_MESSAGE = (
    "The level of configured provisioned throughput for the table was exceeded. "
    "Consider increasing your provisioning level with the UpdateTable API."
)
_INDEX_MESSAGE = (
    "The level of configured provisioned throughput for one or more global secondary indexes of the table was "
    "exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with "
    "the UpdateTable API"
)
_MAXIMUM_MESSAGE = "The maximum throughput that is configured for the on-demand table or index was exceeded."
Reason = dict[str, str]


class Throttle:
    """The buckets of one account's tables."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._buckets: dict[tuple[Any, ...], TokenBucket] = {}
        self._partitions: OrderedDict[tuple[Any, ...], TokenBucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, table: Table, kind: str, units: Units, partition: Any = None) -> list[Reason]:
        """Take ``units`` of ``kind`` (Read or Write) from all buckets, or from none; return why not."""
        taken: list[tuple[TokenBucket, float]] = []
        refused: list[Reason] = []
        for index, limit, bucket, count in self._wanted(table, kind, units, partition):
            part = min(count, bucket.burst)
            if bucket.take(part):
                bucket.settle(count - part)
                taken.append((bucket, count))
            else:
                refused.append(_reason(table, kind, index, limit))
        if refused:
            for bucket, count in taken:
                bucket.settle(-count)
        return refused

    def settle(self, table: Table, kind: str, units: Units, partition: Any = None) -> None:
        """Take ``units`` whether the buckets have them or not; negative ones are given back."""
        for _, _, bucket, count in self._wanted(table, kind, units, partition):
            bucket.settle(count)

    def refresh(self, table: Table) -> None:
        """Give the buckets of a table and its indexes the size that the table has now."""
        with self._lock:
            for index in ("", *(each.name for each in table.global_indexes)):
                for kind in ("Read", "Write"):
                    _, rate, burst = _limit(table, kind, index)
                    if rate is not None:
                        self._bucket(table, kind, index, rate, burst)

    def _wanted(
        self, table: Table, kind: str, units: Units, partition: Any
    ) -> list[tuple[str, str, TokenBucket, float]]:
        wanted = []
        with self._lock:
            for index, count in units.drawn().items():
                limit, rate, burst = _limit(table, kind, index)
                if rate is not None:
                    wanted.append((index, limit, self._bucket(table, kind, index, rate, burst), count))
            if partition is not None and units.table:
                bucket = self._partition(table, kind, partition)
                wanted.append(("", "KeyRangeThroughputExceeded", bucket, units.table))
        return wanted

    def _bucket(self, table: Table, kind: str, index: str, rate: float, burst: float) -> TokenBucket:
        key = (table.table_arn, table.created_at, kind, index)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(rate, burst, self._context.clock.now)
        elif bucket.burst != burst:
            bucket.change(rate, burst)
        return bucket

    def _partition(self, table: Table, kind: str, partition: Any) -> TokenBucket:
        key = (table.table_arn, table.created_at, kind, partition)
        bucket = self._partitions.get(key)
        if bucket is None:
            ceiling = self._context.quotas[f"dynamodb.partition_{kind.lower()}_units"]
            bucket = self._partitions[key] = TokenBucket(ceiling, ceiling, self._context.clock.now)
            if len(self._partitions) > _PARTITIONS:
                self._partitions.popitem(last=False)
        self._partitions.move_to_end(key)
        return bucket


def _limit(table: Table, kind: str, index: str) -> tuple[str, float | None, float]:
    """Return which limit a table or index has, its units a second (None: no limit), and the most that it saves up."""
    part = next(each for each in table.global_indexes if each.name == index) if index else table
    if table.billing_mode == "PAY_PER_REQUEST":
        most = getattr(part, "on_demand_throughput", {}).get(f"Max{kind}RequestUnits", -1)
        return "MaxOnDemandThroughputExceeded", most if most > 0 else None, most * _MAXIMUM_BURST_SECONDS
    rate = part.throughput[f"{kind}CapacityUnits"]
    return "ProvisionedThroughputExceeded", rate, rate * BURST_SECONDS


def _reason(table: Table, kind: str, index: str, limit: str) -> Reason:
    resource = f"{table.table_arn}/index/{index}" if index else table.table_arn
    return {"reason": f"{'Index' if index else 'Table'}{kind}{limit}", "resource": resource}


def message_of(reasons: list[Reason]) -> str:
    """Return what AWS says of these reasons."""
    first = reasons[0]["reason"]
    if first.endswith("MaxOnDemandThroughputExceeded"):
        return _MAXIMUM_MESSAGE
    return _INDEX_MESSAGE if first.startswith("Index") else _TABLE_MESSAGE


def refusal(reasons: list[Reason]) -> AWSError:
    """Return the error of a throttled request."""
    if reasons[0]["reason"].endswith("MaxOnDemandThroughputExceeded"):
        return AWSError("ThrottlingException", message_of(reasons), 400, throttlingReasons=reasons)
    return AWSError("ProvisionedThroughputExceededException", message_of(reasons), 400, ThrottlingReasons=reasons)
