"""Capacity units: what a request costs.

AWS: "Capacity unit consumption for read operations" and "... for write operations" (DynamoDB Developer Guide,
read-write-operations): reads in steps of 4 KB, half for eventual consistency, double in a transaction; writes in steps
of 1 KB, double in a transaction; an update by the larger of the item before and after; a read of an item that does not
exist, and a failed condition on one, cost the smallest step. "Using Global Secondary Indexes", "Provisioned throughput
considerations": an index is written only when its keys or projected attributes change; a changed index key is a delete
and a put. Local indexes draw on the table's units, global ones have their own.

Not sourced: a query or a scan that finds nothing costs one step here, as does the delete of an item that does not
exist; writes to indexes within a transaction are counted once, not twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models.table import GlobalSecondaryIndex, Item, SecondaryIndex, Table

from helpers.dataplane.dynamodb.item_size import item_size

READ_STEP, WRITE_STEP = 4096, 1024
EVENTUAL, STRONG, TRANSACTIONAL = 0.5, 1.0, 2.0
"""What a unit of reading costs in each kind of consistency."""
_OVERHEAD = 100
"""Bytes that each item takes beyond its size ("DynamoDB item sizes and formats")."""


@dataclass
class Units:
    """Units of one table: of itself, of its local and of its global indexes by name."""

    table: float = 0.0
    local: Counter[str] = field(default_factory=Counter)
    indexes: Counter[str] = field(default_factory=Counter)

    def add(self, other: Units, sign: int = 1) -> None:
        """Add what another request cost, or with ``sign=-1`` take it off."""
        self.table += sign * other.table
        for mine, theirs in ((self.local, other.local), (self.indexes, other.indexes)):
            for name, units in theirs.items():
                mine[name] += sign * units  # type: ignore[assignment]

    @property
    def total(self) -> float:
        """The units of the table and of all indexes."""
        return self.table + sum(self.local.values()) + sum(self.indexes.values())

    def drawn(self) -> dict[str, float]:
        """Return from whose throughput the units are drawn: the table's (its name is empty), a global index's."""
        own = self.table + sum(self.local.values())
        return ({"": own} if own else {}) | {name: units for name, units in self.indexes.items() if units}


def read_units(size: int, consistency: float) -> float:
    """Return the units that reading ``size`` bytes costs, at least those of one step."""
    return max(1, -(-size // READ_STEP)) * consistency


def write_units(size: int) -> float:
    """Return the units that writing ``size`` bytes costs, at least those of one step."""
    return float(max(1, -(-size // WRITE_STEP)))


def write_cost(table: Table, before: Mapping[str, Any], after: Mapping[str, Any], consistency: float = STRONG) -> Units:
    """Return what it costs to make ``before`` into ``after``; either is empty where there is no item."""
    units = Units(write_units(max(item_size(before), item_size(after))) * consistency)
    for index in table.all_indexes():
        cost = _index_cost(_entry(index, before), _entry(index, after), index.schema_key_attrs)
        if cost:
            (units.indexes if isinstance(index, GlobalSecondaryIndex) else units.local)[index.name] += cost  # type: ignore[assignment]
    return units


def read_cost(table: Table, index_name: str | None, size: int, consistency: float) -> Units:
    """Return what it costs to read ``size`` bytes of a table or of an index of it."""
    cost = read_units(size, consistency)
    if index_name is None:
        return Units(cost)
    counted: Counter[str] = Counter({index_name: cost})  # type: ignore[dict-item]
    is_global = any(index.name == index_name for index in table.global_indexes)
    return Units(indexes=counted) if is_global else Units(local=counted)


def attributes_of(item: Item | None) -> Mapping[str, Any]:
    """Return the attributes of an item of moto's; none when there is no item."""
    return item.attrs if item else {}


def _entry(index: SecondaryIndex, item: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what an index keeps of an item: nothing, unless the item has all of the index's keys."""
    if any(key not in item for key in index.schema_key_attrs):
        return None
    if index.projection.get("ProjectionType", "ALL") == "ALL":
        return dict(item)
    kept = {*index.table_key_attrs, *index.schema_key_attrs, *index.projection.get("NonKeyAttributes", [])}
    return {name: value for name, value in item.items() if name in kept}


def stored_bytes(table: Table) -> int:
    """Return the bytes of a table's items and of their entries in its indexes, each with 100 bytes for being found."""
    total = 0
    for item in table.all_items():
        attributes = attributes_of(item)
        entries = [_entry(index, attributes) for index in table.all_indexes()]
        total += sum(item_size(kept) + _OVERHEAD for kept in (attributes, *entries) if kept is not None)
    return total


def _index_cost(before: dict[str, Any] | None, after: dict[str, Any] | None, keys: list[str]) -> float:
    if before is None or after is None:
        present = before or after
        return write_units(item_size(present)) if present else 0.0
    if {name: plain(value) for name, value in before.items()} == {name: plain(value) for name, value in after.items()}:
        return 0.0
    if any(plain(before[key]) != plain(after[key]) for key in keys):
        return write_units(item_size(before)) + write_units(item_size(after))
    return write_units(max(item_size(before), item_size(after)))


def plain(value: Any) -> Any:
    """Return an attribute as the API writes it, whether it comes from moto or from a request."""
    return value.to_regular_json() if hasattr(value, "to_regular_json") else value
