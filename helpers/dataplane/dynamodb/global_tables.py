"""Global tables, version 2019.11.21: replicas of a table in other Regions, of which each takes writes.

AWS ("How DynamoDB global tables work", DynamoDB Developer Guide): UpdateTable adds and removes replicas. With eventual
consistency (MREC, the default) a change reaches the other replicas asynchronously, usually within a second; of changes
to one item in several Regions the one with the newest internal timestamp wins. Changes are read from a stream, which
is therefore switched on for each replica and cannot be switched off; several changes within a short time may arrive
as one. A replica that was cut off gets what is missing when it is back. Conditions are checked against the item as it
is in the Region of the write.

Here: all Regions are in this process and share one clock, so that no two writes have the same time. What waits is the
key of an item; the item is read when its turn comes, a second of AWS's time after the change. A new replica is there
after two seconds (on AWS after minutes) and begins with the items that exist. Each replicated write costs its units on
demand, at the price of others ("Understanding Amazon DynamoDB billing for global tables"); it draws on no provisioned
units here. On AWS a table must be on-demand or scaled automatically. Not built, and answered so: strong consistency
(MRSC), witnesses, replicas with settings of their own, a change of the indexes or the capacity of a global table. What
cuts a Region off is a tool of this cloud (``Cloud.pause_replication``); on AWS the Fault Injection Service can do it.

Not sourced: the words of the refusals; that items copied to a new replica are not in its stream.
"""

from __future__ import annotations

import copy
import itertools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.dynamodb.capacity import attributes_of, write_cost
from helpers.dataplane.dynamodb.changes import Changes
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.timetable import Timetable
from helpers.dataplane.web import HttpResponse

LAG_SECONDS, CREATION_SECONDS = 1.0, 2.0
_LEAST_PAUSE = 0.02
"""In real seconds: how often a Region that is cut off is looked at, at most."""
_KEY = "dynamodb replication"
_IMAGES = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
_SHARED = {"GlobalSecondaryIndexUpdates", "BillingMode", "ProvisionedThroughput", "OnDemandThroughput"}
Key = tuple[Any, Any]
Route = tuple[str, str, str]
"""The name of a table, the Region of a change, and a Region that is to have it."""


class GlobalTables:
    """The global tables of an account, and what is under way between their Regions."""

    def __init__(self, context: Context, timetable: Timetable, changes: Changes, paused: set[str]) -> None:
        self._context, self._timetable, self._changes, self._paused = context, timetable, changes, paused
        self._regions: dict[str, dict[str, str]] = {}
        self._written: defaultdict[tuple[str, str], dict[Key, int]] = defaultdict(dict)
        self._waiting: defaultdict[Route, OrderedDict[Key, float]] = defaultdict(OrderedDict)
        self._ticks = itertools.count(1)
        self._copying = self._running = False
        self._seams = Seams()
        self._seams.put(Table, "describe", self._described(Table.describe))
        changes.listeners.append(self._changed)

    def operations(self, update: Operation, delete: Operation) -> Mapping[str, Operation]:
        """Return what this answers; ``update`` and ``delete`` do UpdateTable and DeleteTable in one Region."""
        return {
            "UpdateTable": lambda call: self._update(call, update),
            "DeleteTable": lambda c: self._delete(c, delete),
        }

    def others(self, name: str, region: str) -> list[str]:
        """Return the Regions of the other active replicas of a table."""
        regions = self._regions.get(name, {})
        return [each for each, status in regions.items() if each != region and status == "ACTIVE" and region in regions]

    def first(self, name: str, region: str) -> bool:
        """Return whether a table is no replica, or the one for which Time to Live works."""
        regions = self._regions.get(name, {})
        return region not in regions or region == next(iter(regions))

    def stop(self) -> None:
        """Nothing is replicated any more; moto gets its own method back."""
        self._seams.remove()

    def _backend(self, region: str) -> DynamoDBBackend:
        return dynamodb_backends[self._context.account_id][region]

    def _described(self, describe: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def described(table: Table, *given: Any, **named: Any) -> dict[str, Any]:
            told = describe(table, *given, **named)
            regions = self._regions.get(table.name, {})
            if table.region_name in regions:
                inner = next(iter(told.values()))
                others = [(region, status) for region, status in regions.items() if region != table.region_name]
                inner["Replicas"] = [{"RegionName": region, "ReplicaStatus": status} for region, status in others]
                inner |= {"GlobalTableVersion": "2019.11.21", "MultiRegionConsistency": "EVENTUAL"}
                if any(status != "ACTIVE" for _, status in others):
                    inner["TableStatus"] = "UPDATING"
            return told

        return described

    def _update(self, call: Call, update: Operation) -> HttpResponse:
        asked = call.params
        if asked.get("MultiRegionConsistency") == "STRONG" or asked.get("GlobalTableWitnessUpdates"):
            raise not_built("strong consistency across Regions (MRSC)")
        name = asked["TableName"].rpartition("/")[2]
        changes = [(action, one) for each in asked.get("ReplicaUpdates", []) for action, one in each.items()]
        if not changes:
            if call.region in self._regions.get(name, {}):
                _check_replica(asked)
            return update(call)
        if set(asked) - {"TableName", "ReplicaUpdates", "MultiRegionConsistency"}:
            raise not_built("one UpdateTable that changes replicas and something else")
        with self._changes.lock:
            table = self._backend(call.region).get_table(name)
            for action, one in changes:
                self._begin(table, action, one)
        return call.reply({"TableDescription": table.describe()["TableDescription"]})

    def _begin(self, table: Table, action: str, one: Mapping[str, Any]) -> None:
        region, present = one["RegionName"], self._regions.get(table.name, {})
        if action == "Update" or set(one) - {"RegionName"}:
            raise not_built("a replica with settings of its own")
        if action == "Delete":
            if region not in present:
                raise _invalid(f"The table {table.name} has no replica in {region}")
            present[region] = "DELETING"
        else:
            self._check_new(table, region)
            if not table.stream_specification or not table.stream_specification["StreamEnabled"]:
                table.set_stream_specification(dict(_IMAGES))
            self._regions.setdefault(table.name, {table.region_name: "ACTIVE"})[region] = "CREATING"
        end = self._end_deletion if action == "Delete" else self._end_creation
        due = self._context.clock.time() + CREATION_SECONDS
        self._timetable.put((_KEY, table.name, region), due, lambda _: end(table.name, table.region_name, region))

    def _check_new(self, table: Table, region: str) -> None:
        regions = dynamodb_backends[self._context.account_id].regions
        if region not in regions:
            raise _invalid(f"There is no Region {region}")
        if table.name in self._backend(region).tables or region in self._regions.get(table.name, {}):
            raise _invalid(f"There is a table {table.name} in {region} already")
        view = (table.stream_specification or {}).get("StreamViewType", _IMAGES["StreamViewType"])
        if view != _IMAGES["StreamViewType"]:
            raise _invalid(f"The stream of {table.name} holds {view}; replication needs NEW_AND_OLD_IMAGES")

    def _end_creation(self, name: str, source: str, region: str) -> None:
        with self._changes.lock:
            table = self._backend(source).tables.get(name)
            if table is None or self._regions.get(name, {}).get(region) != "CREATING":
                return
            replica = copy.deepcopy(table)
            replica.region_name, replica.lambda_event_source_mappings = region, {}
            replica.table_arn = replica._generate_arn(name)
            replica.created_at = datetime.now(UTC).replace(tzinfo=None)
            replica.set_stream_specification(dict(_IMAGES))
            self._backend(region).tables[name] = replica
            self._written[name, region] = dict(self._written[name, source])
            self._regions[name][region] = "ACTIVE"

    def _end_deletion(self, name: str, _: str, region: str) -> None:
        with self._changes.lock:
            self._backend(region).tables.pop(name, None)
            self._forget(name, region)

    def _delete(self, call: Call, delete: Operation) -> HttpResponse:
        response = delete(call)
        if response.status < 400:
            with self._changes.lock:
                self._forget(call.params["TableName"].rpartition("/")[2], call.region)
        return response

    def _forget(self, name: str, region: str) -> None:
        regions = self._regions.get(name, {})
        regions.pop(region, None)
        self._written.pop((name, region), None)
        for route in [each for each in self._waiting if each[0] == name and region in each]:
            del self._waiting[route]
        if len(regions) < 2:
            self._regions.pop(name, None)

    def _changed(self, table: Table, item: Item) -> None:
        """Note that an item is to be sent to the other Regions, unless it has just come from one."""
        name, region, key = table.name, table.region_name, (item.hash_key, item.range_key)
        if self._copying or region not in self._regions.get(name, {}):
            return
        self._written[name, region][key] = next(self._ticks)
        due = self._context.clock.time() + LAG_SECONDS
        for target in self.others(name, region):
            self._waiting[name, region, target].setdefault(key, due)
            if not self._running:
                self._running = True
                self._timetable.put(_KEY, due, self._deliver)

    def _deliver(self, _: float) -> float | None:
        with self._changes.lock:
            now = self._context.clock.time()
            again = now + max(LAG_SECONDS, _LEAST_PAUSE * self._context.clock.speed)
            nearest = []
            for route, waiting in list(self._waiting.items()):
                cut_off = not self._paused.isdisjoint(route[1:])
                while waiting and not cut_off and next(iter(waiting.values())) <= now:
                    self._copy(*route, waiting.popitem(last=False)[0])
                if waiting:
                    nearest.append(again if cut_off else next(iter(waiting.values())))
            self._running = bool(nearest)
            return min(nearest, default=None)

    def _copy(self, name: str, source: str, target: str, key: Key) -> None:
        """Give a replica the item as it is in the source now, unless what the replica has was written later."""
        written, there = self._written[name, source].get(key, 0), self._written[name, target]
        if written <= there.get(key, 0):
            return
        table, replica = self._backend(source).tables[name], self._backend(target).tables[name]
        item, before = table.get_item(*key), replica.get_item(*key)
        self._meter(replica, attributes_of(before), attributes_of(item))
        there[key], self._copying = written, True
        try:
            if item is not None:
                self._backend(target).put_item(name, item.to_json()["Attributes"])
            elif before is not None:
                names = replica.table_key_attrs
                self._backend(target).delete_item(name, {each: before.attrs[each].to_json() for each in names})
        finally:
            self._copying = False

    def _meter(self, replica: Table, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Count what a write costs that arrives: a unit for each replica that gets it."""
        if replica.billing_mode == "PAY_PER_REQUEST":
            self._context.record.meter("dynamodb", "write request units", write_cost(replica, before, after).total)


def _check_replica(asked: Mapping[str, Any]) -> None:
    """Refuse what would make the replicas of a table unlike.

    Raises
    ------
    AWSError
        ``ValidationException``: the stream is needed. ``NotImplementedException``: indexes, capacity.
    """
    if "StreamSpecification" in asked:
        raise _invalid("The stream of a replica cannot be changed: replication reads it")
    if _SHARED & set(asked):
        raise not_built("changing the indexes or the capacity of a global table")


def _invalid(message: str) -> AWSError:
    return AWSError("ValidationException", message, 400)
