"""Time to Live: items that delete themselves.

AWS: an attribute of the table's choice holds a Number, the time at which an item expires, in seconds since the epoch.
A background process deletes expired items, typically within a few days, without consuming write units; until then they
can be read and written. The stream's record is marked as the service's ("Using time to live (TTL) in DynamoDB" and
"DynamoDB Streams and Time to Live", DynamoDB Developer Guide). A global table's replicas share the setting;
the deletion is made in one Region and replicated ("How DynamoDB global tables work").

Here: the process looks once a minute of AWS's time, so that an item goes within that minute. What is past is decided by
the cloud's clock, which runs ``speed`` times faster than the learner's watch; the setting takes effect at once (on AWS
within an hour). A time that lies more than five years back is taken for a mistake and left alone (third-party summaries
of the guide).
"""

from __future__ import annotations

from collections.abc import Mapping

from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table

from helpers.dataplane.call import Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.dynamodb.changes import Changes
from helpers.dataplane.dynamodb.global_tables import GlobalTables
from helpers.dataplane.frontdoor import Operation
from helpers.dataplane.timetable import Timetable
from helpers.dataplane.web import HttpResponse

EVERY_SECONDS = 60
_OLDEST_SECONDS = 5 * 365 * 24 * 3600
_KEY = "dynamodb time to live"


class Expiry:
    """Deletes what has expired, as long as a table wants that."""

    def __init__(self, context: Context, timetable: Timetable, changes: Changes, replicas: GlobalTables) -> None:
        self._context, self._timetable = context, timetable
        self._changes, self._replicas = changes, replicas

    def operations(self) -> Mapping[str, Operation]:
        """Return what it answers, by operation."""
        return {"UpdateTimeToLive": self._update}

    def stop(self) -> None:
        """Look no more."""
        self._timetable.drop(_KEY)

    def _update(self, call: Call) -> HttpResponse:
        response = forward(call)
        if response.status < 400:
            regions = dynamodb_backends[call.account_id]
            name = call.params["TableName"].rpartition("/")[2]
            for region in self._replicas.others(name, call.region):
                regions[region].tables[name].ttl = dict(regions[call.region].tables[name].ttl)
            self._timetable.put(_KEY, self._context.clock.time() + EVERY_SECONDS, self._look)
        return response

    def _look(self, due: float) -> float | None:
        backends = dict(dynamodb_backends[self._context.account_id])
        wanting = [
            (backend, table)
            for region, backend in backends.items()
            for table in list(backend.tables.values())
            if table.ttl["TimeToLiveStatus"] == "ENABLED" and self._replicas.first(table.name, region)
        ]
        for backend, table in wanting:
            self._sweep(backend, table)
        return max(due, self._context.clock.time()) + EVERY_SECONDS if wanting else None

    def _sweep(self, backend: DynamoDBBackend, table: Table) -> None:
        now = self._context.clock.time()
        with self._changes.lock, self._changes.by_time_to_live():
            for item in [each for each in table.all_items() if _expired(each, table.ttl["AttributeName"], now)]:
                backend.delete_item(table.name, {name: item.attrs[name].to_json() for name in table.table_key_attrs})


def _expired(item: Item, attribute: str, now: float) -> bool:
    value = item.attrs.get(attribute)
    return value is not None and value.type == "N" and now - _OLDEST_SECONDS < float(value.value) < now
