"""Metering: what moto's tables do for one request, seen, counted and, where the units are missing, refused.

moto's backend calls its own ``put_item``, ``update_item``, ``delete_item`` and ``get_item`` for every operation, also
in batches and transactions; queries and scans are methods of its tables. Here these are taken over: they know the item
before and after, so that the arithmetic of ``capacity`` needs no second look. A write that would exceed the limits is
refused before it is done, or undone. An item of more than 400 KB is refused ("Quotas in DynamoDB", Item size).

AWS: a condition that fails costs what the existing item would, at least one unit; a filter is applied after the data
was read, and the data is what counts ("Capacity unit consumption", DynamoDB Developer Guide).

Differs: the old parameters QueryFilter and ScanFilter count what they return; PartiQL statements are not counted.
"""

from __future__ import annotations

import copy
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed, ItemSizeTooLarge, ItemSizeToUpdateTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models import table as moto_table
from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor

from helpers.dataplane.dynamodb import capacity
from helpers.dataplane.dynamodb.capacity import Units, attributes_of
from helpers.dataplane.dynamodb.item_size import LARGEST_ITEM, item_size
from helpers.dataplane.dynamodb.throttling import Reason, Throttle, refusal
from helpers.dataplane.seams import Seams

LARGEST_PAGE = 1024 * 1024
READS = frozenset({"GetItem", "BatchGetItem", "TransactGetItems"})


@dataclass
class Meter:
    """What one request has cost so far, by table."""

    operation: str
    consistency: Callable[[str], float]
    """Returns the factor for a table: batches choose it for each."""
    units: dict[str, Units] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    unprocessed: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refused: list[tuple[Table, Reason]] = field(default_factory=list)
    paid: dict[str, Units] = field(default_factory=dict)
    """What was taken from the buckets beforehand, for a transaction."""
    checks: dict[str, Units] = field(default_factory=dict)
    """What its condition checks cost, which moto does without reading or writing."""
    changing: Change | None = None

    @property
    def batch(self) -> bool:
        """Whether what is throttled is left over, not an error."""
        return self.operation.startswith("Batch")

    def count(self, table: Table, units: Units) -> None:
        """Add to what a table has cost."""
        self.tables[table.name] = table
        self.units.setdefault(table.name, Units()).add(units)

    def pay(self, table: Table, units: Units) -> None:
        """Add to what was taken beforehand."""
        self.tables[table.name] = table
        self.paid.setdefault(table.name, Units()).add(units)


@dataclass
class Change:
    """An update that is being made: the item before, and what was taken for it."""

    table: Table
    before: Item | None
    partition: Any
    cost: Units


class Metering:
    """Stands in moto's place while the cloud runs."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._local = threading.local()
        self._seams = Seams()
        self._moto = {
            name: getattr(DynamoDBBackend, name) for name in ("put_item", "update_item", "delete_item", "get_item")
        }
        self._seams.put(DynamoDBBackend, "put_item", self._put)
        self._seams.put(DynamoDBBackend, "update_item", self._update)
        self._seams.put(DynamoDBBackend, "delete_item", self._delete)
        self._seams.put(DynamoDBBackend, "get_item", self._get)
        self._seams.put(Table, "query", self._reading(Table.query, "projection_expressions"))
        self._seams.put(Table, "scan", self._reading(Table.scan, "projection_expression"))
        self._execute, self._replace = UpdateExpressionExecutor.execute, Item.update_with_attribute_updates
        self._seams.put(UpdateExpressionExecutor, "execute", self._executed)
        self._seams.put(Item, "update_with_attribute_updates", self._replaced)
        self._seams.put(Item, "size", item_size)
        self._seams.put(moto_table, "RESULT_SIZE_LIMIT", LARGEST_PAGE)
        self._seams.put(LimitedSizeDict, "__setitem__", dict.__setitem__)

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._seams.remove()

    @contextmanager
    def request(self, meter: Meter) -> Iterator[None]:
        """Let ``meter`` count what moto does in this thread."""
        self._local.meter = meter
        try:
            yield
        finally:
            self._local.meter = None

    def _meter(self) -> Meter | None:
        return getattr(self._local, "meter", None)

    def _put(self, backend: DynamoDBBackend, table_name: str, item: dict[str, Any], *given: Any, **named: Any) -> Any:
        meter, put = self._meter(), self._moto["put_item"]
        table = backend.get_table(table_name)
        if any(key not in item for key in table.table_key_attrs):
            return put(backend, table_name, item, *given, **named)
        if item_size(item) > LARGEST_ITEM:
            raise ItemSizeTooLarge
        if meter is None:
            return put(backend, table_name, item, *given, **named)
        before = attributes_of(self._found(backend, table, item))
        cost = capacity.write_cost(table, before, item, meter.consistency(table.name))
        if not self._taken(meter, table, "Write", cost, partition_of(table, item), {"PutRequest": {"Item": item}}):
            return None
        with self._priced(meter, table, cost, before, partition_of(table, item)):
            return put(backend, table_name, item, *given, **named)

    def _delete(self, backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *given: Any, **named: Any) -> Any:
        meter, delete = self._meter(), self._moto["delete_item"]
        table = backend.get_table(table_name)
        if meter is None or any(name not in key for name in table.table_key_attrs):
            return delete(backend, table_name, key, *given, **named)
        before = attributes_of(self._found(backend, table, key))
        cost = capacity.write_cost(table, before, {}, meter.consistency(table.name))
        if not self._taken(meter, table, "Write", cost, partition_of(table, key), {"DeleteRequest": {"Key": key}}):
            return None
        with self._priced(meter, table, cost, before, partition_of(table, key)):
            return delete(backend, table_name, key, *given, **named)

    def _update(self, backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *given: Any, **named: Any) -> Any:
        meter, update = self._meter(), self._moto["update_item"]
        table = backend.get_table(table_name)
        if meter is None or any(name not in key for name in table.table_key_attrs):
            return update(backend, table_name, key, *given, **named)
        before, partition = copy.deepcopy(self._found(backend, table, key)), partition_of(table, key)
        least = Units(capacity.write_units(item_size(before)) * meter.consistency(table.name))
        self._taken(meter, table, "Write", least, partition, {})
        meter.changing = Change(table, before, partition, least)
        try:
            return update(backend, table_name, key, *given, **named)
        except ConditionalCheckFailed:
            raise
        except Exception:
            _put_back(backend, table, key, before)
            self._give_back(meter, table, meter.changing.cost, partition)
            raise
        finally:
            meter.changing = None

    def _executed(self, executor: UpdateExpressionExecutor, node: Any = None) -> None:
        self._execute(executor, node)
        if node is None:
            self._changed(executor.item)

    def _replaced(self, item: Item, updates: dict[str, Any]) -> None:
        self._replace(item, updates or {})
        self._changed(item)

    def _changed(self, item: Item) -> None:
        """Take what an update costs beyond what was taken for it, before it is known to anybody."""
        meter = self._meter()
        change = meter.changing if meter else None
        if item_size(item) > LARGEST_ITEM:
            raise ItemSizeToUpdateTooLarge
        if meter is None or change is None:
            return
        before = attributes_of(change.before)
        more = capacity.write_cost(change.table, before, item.attrs, meter.consistency(change.table.name))
        more.add(change.cost, -1)
        self._taken(meter, change.table, "Write", more, change.partition, {})
        change.cost.add(more)

    def _get(
        self, backend: DynamoDBBackend, table_name: str, key: dict[str, Any], projection: Any = None
    ) -> Item | None:
        meter, get = self._meter(), self._moto["get_item"]
        if meter is None or meter.operation not in READS:
            return get(backend, table_name, key, projection)  # type: ignore[no-any-return]
        table = backend.get_table(table_name)
        size = item_size(get(backend, table_name, key))
        cost = capacity.read_cost(table, None, size, meter.consistency(table.name))
        if not self._taken(meter, table, "Read", cost, partition_of(table, key), {"Key": key}):
            return None
        return get(backend, table_name, key, projection)  # type: ignore[no-any-return]

    def _reading(self, moto: Callable[..., Any], projections: str) -> Callable[..., Any]:
        """Return a query or scan that counts the data read, and filters and projects it afterwards."""
        signature = inspect.signature(moto)

        def read(table: Table, *given: Any, **named: Any) -> Any:
            meter = self._meter()
            if meter is None:
                return moto(table, *given, **named)
            asked = signature.bind(table, *given, **named)
            condition = asked.arguments.pop("filter_expression", None)
            shape, asked.arguments[projections] = asked.arguments.get(projections), None
            items, count, last = moto(*asked.args, **asked.kwargs)
            index, hash_key = asked.arguments.get("index_name"), asked.arguments.get("hash_key")
            size = sum(item_size(item) for item in items)
            cost = capacity.read_cost(table, index, size, meter.consistency(table.name))
            partition = (hash_key.type, str(hash_key.value)) if hash_key is not None and not index else None
            self._taken(meter, table, "Read", cost, partition, {})
            kept = [item for item in items if condition is None or condition.expr(item)]
            return [item.project(shape) for item in kept] if shape else kept, count, last

        return read

    def _taken(
        self, meter: Meter, table: Table, kind: str, cost: Units, partition: Any, request: dict[str, Any]
    ) -> bool:
        """Take and count what a part of a request costs; return whether it may go on.

        Raises
        ------
        AWSError
            The units are not there, and the request is not a batch.
        """
        if meter.operation.startswith("Transact"):
            meter.count(table, cost)
            return True
        reasons = self._throttle.take(table, kind, cost, partition)
        if not reasons:
            meter.count(table, cost)
            return True
        meter.refused += [(table, reason) for reason in reasons]
        if not meter.batch:
            raise refusal(reasons)
        meter.unprocessed.setdefault(table.name, []).append(request)
        return False

    @contextmanager
    def _priced(
        self, meter: Meter, table: Table, cost: Units, before: Mapping[str, Any], partition: Any
    ) -> Iterator[None]:
        """Give back what a write that is not done does not cost."""
        try:
            yield
        except ConditionalCheckFailed:
            unspent = Units()
            unspent.add(cost)
            unspent.table -= capacity.write_units(item_size(before)) * meter.consistency(table.name)
            self._give_back(meter, table, unspent, partition)
            raise
        except Exception:
            self._give_back(meter, table, cost, partition)
            raise

    def _give_back(self, meter: Meter, table: Table, units: Units, partition: Any) -> None:
        back = Units()
        back.add(units, -1)
        meter.count(table, back)
        if not meter.operation.startswith("Transact"):
            self._throttle.settle(table, "Write", back, partition)

    def _found(self, backend: DynamoDBBackend, table: Table, key: Mapping[str, Any]) -> Item | None:
        wanted = {name: key[name] for name in table.table_key_attrs}
        return self._moto["get_item"](backend, table.name, wanted)  # type: ignore[no-any-return]


def partition_of(table: Table, key: Mapping[str, Any]) -> tuple[str, str]:
    """Return the partition key value of an item, as a key of a mapping."""
    kind, value = next(iter(key[table.hash_key_attr].items()))
    return kind, str(value)


def _put_back(backend: DynamoDBBackend, table: Table, key: Mapping[str, Any], before: Item | None) -> None:
    """Undo an update that failed halfway."""
    hash_key, range_key = backend.get_keys_value(table, dict(key))
    if before is None:
        present = table.items.get(hash_key)
        if range_key is None:
            table.items.pop(hash_key, None)
        elif present:
            present.pop(range_key, None)
    elif range_key is None:
        table.items[hash_key] = before  # type: ignore[assignment]
    else:
        table.items[hash_key][range_key] = before
