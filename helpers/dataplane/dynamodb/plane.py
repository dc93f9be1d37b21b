"""DynamoDB: capacity units, throttling and the limits of requests. moto keeps tables and items.

AWS: each request consumes capacity units, which ReturnConsumedCapacity tells and CloudWatch counts; what a table, an
index or a partition cannot give is throttled, and the SDK tries again ("Read and write operations" and "Troubleshooting
throttling", DynamoDB Developer Guide). A batch hands back what was throttled, a transaction is cancelled
(API_BatchWriteItem, API_TransactWriteItems). At most 25 writes a batch, 4 MB a transaction ("Quotas in DynamoDB").

Not sourced: the words with which AWS refuses a transaction of more than 4 MB.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import GlobalSecondaryIndex, Table

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.dynamodb import capacity
from helpers.dataplane.dynamodb.capacity import Units, attributes_of
from helpers.dataplane.dynamodb.changes import Changes
from helpers.dataplane.dynamodb.expiry import Expiry
from helpers.dataplane.dynamodb.global_tables import GlobalTables
from helpers.dataplane.dynamodb.item_size import item_size
from helpers.dataplane.dynamodb.metering import READS, Meter, Metering, partition_of
from helpers.dataplane.dynamodb.metrics import Metrics, of_table
from helpers.dataplane.dynamodb.throttling import Reason, Throttle, message_of, refusal
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.seams import Seams
from helpers.dataplane.timetable import Timetable
from helpers.dataplane.web import HttpResponse

_MEASURED = (
    "PutItem", "UpdateItem", "DeleteItem", "GetItem", "Query", "Scan", "BatchGetItem", "BatchWriteItem",
    "TransactGetItems", "TransactWriteItems",
)  # fmt: skip
_MOST_BATCH_WRITES, _LARGEST_TRANSACTION = 25, 4 * 1024 * 1024


class DynamoDBPlane:
    """What moto leaves out of DynamoDB's data plane."""

    service = "dynamodb"

    def __init__(self, context: Context, metrics: Metrics, timetable: Timetable, paused: set[str]) -> None:
        self._context, self._metrics = context, metrics
        self._throttle = Throttle(context)
        self._metering = Metering(self._throttle)
        self._seams = Seams()
        self._seams.put(Table, "describe", _with_maximum(Table.describe))
        self._seams.put(GlobalSecondaryIndex, "describe", _with_maximum(GlobalSecondaryIndex.describe))
        self._changes = Changes()
        self._replicas = GlobalTables(context, timetable, self._changes, paused)
        self._expiry = Expiry(context, timetable, self._changes, self._replicas)

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        measured = {name: self._measured for name in _MEASURED}
        replicas = self._replicas.operations(self._with_throughput, forward)
        return {**measured, "CreateTable": self._create, **replicas, **self._expiry.operations()}

    def addresses(self) -> Mapping[str, Address]:
        """DynamoDB has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._expiry.stop()
        self._replicas.stop()
        self._changes.stop()
        self._seams.remove()
        self._metering.stop()

    def _measured(self, call: Call) -> HttpResponse:
        meter = Meter(call.name, _consistency(call))
        try:
            _check_batch(call)
            if call.name.startswith("Transact"):
                self._afford(call, meter)
            with self._metering.request(meter):
                response = forward(call)
            self._settle(meter, response.status < 400)
        finally:
            self._count(call, meter)
        if meter.unprocessed and not any(units.total for units in meter.units.values()):
            raise refusal([reason for _, reason in meter.refused])
        return _answered(call, meter, response)

    def _afford(self, call: Call, meter: Meter) -> None:
        """Take what a transaction will cost, all or nothing.

        Raises
        ------
        AWSError
            ``TransactionCanceledException``: a part of it is throttled. ``ValidationException``: it has over 4 MB.
        """
        kind, size, taken = _kind(call), 0, []
        refused: list[list[Reason]] = []
        for table, key, units, part in self._parts(call, meter):
            size += part
            partition = partition_of(table, key)
            reasons = self._throttle.take(table, kind, units, partition)
            refused.append(reasons)
            meter.refused += [(table, reason) for reason in reasons]
            if not reasons:
                taken.append((table, units, partition))
                meter.pay(table, units)
        if any(refused) or size > _LARGEST_TRANSACTION:
            for table, units, partition in taken:
                back = Units()
                back.add(units, -1)
                self._throttle.settle(table, kind, back, partition)
        if size > _LARGEST_TRANSACTION:
            raise AWSError(
                "ValidationException", "The aggregate size of the items in the transaction exceeds 4 MB", 400
            )
        if any(refused):
            raise _cancelled(refused)

    def _settle(self, meter: Meter, done: bool) -> None:
        """Take what a transaction cost beyond what was paid for it; one that fails costs what was paid."""
        if meter.paid and not done:
            meter.units = meter.paid
        for name, paid in meter.paid.items() if done else ():
            meter.units.setdefault(name, Units()).add(meter.checks.get(name, Units()))
            rest = Units()
            rest.add(meter.units[name])
            rest.add(paid, -1)
            self._throttle.settle(meter.tables[name], "Write", rest)

    def _parts(self, call: Call, meter: Meter) -> list[tuple[Table, Mapping[str, Any], Units, int]]:
        """Return for each part of a transaction its table, its key, what it costs, and its bytes."""
        parts = []
        backend = dynamodb_backends[call.account_id][call.region]
        for entry in call.params["TransactItems"]:
            (action, asked) = next(iter(entry.items()))
            table = backend.tables.get(asked.get("TableName", ""))
            key = asked.get("Item") or asked.get("Key") or {}
            if table is None or any(name not in key for name in table.table_key_attrs):
                continue
            before = attributes_of(table.get_item(*backend.get_keys_value(table, key)))
            after = {"Put": key, "Delete": {}}.get(action, before)
            if action == "Get":
                units = capacity.read_cost(table, None, item_size(before), capacity.TRANSACTIONAL)
            else:
                units = capacity.write_cost(table, before, after, capacity.TRANSACTIONAL)
            parts.append((table, key, units, max(item_size(before), item_size(after))))
            if action == "ConditionCheck":
                meter.checks.setdefault(table.name, Units()).add(units)
        return parts

    def _count(self, call: Call, meter: Meter) -> None:
        kind = _kind(call)
        for name, units in meter.units.items():
            if meter.tables[name].billing_mode == "PAY_PER_REQUEST":
                self._context.record.meter("dynamodb", f"{kind.lower()} request units", units.total)
            for index, count in units.drawn().items():
                self._metrics.add(call.region, f"Consumed{kind}CapacityUnits", of_table(name, index), count)
        for table, reason in meter.refused:
            index = reason["resource"].partition("/index/")[2]
            self._metrics.add(call.region, f"{kind}ThrottleEvents", of_table(table.name, index), 1)
        if meter.refused:
            dimensions = (*of_table(meter.refused[0][0].name), ("Operation", call.name))
            self._metrics.add(call.region, "ThrottledRequests", dimensions, 1)

    def _create(self, call: Call) -> HttpResponse:
        """Refuse a name that the model, in which it may be an ARN, lets pass ("Naming rules", Developer Guide)."""
        if not 3 <= len(call.params["TableName"]) <= 255:
            allowed = "at least 3 characters long and at most 255 characters long"
            raise AWSError("ValidationException", f"TableName must be {allowed}", 400)
        return self._with_throughput(call)

    def _with_throughput(self, call: Call) -> HttpResponse:
        """Keep the maximum of an on-demand table and of its indexes, which moto forgets."""
        response = forward(call)
        table = dynamodb_backends[call.account_id][call.region].tables.get(call.params["TableName"])
        if response.status >= 400 or table is None:
            return response
        changes = [change for each in call.params.get("GlobalSecondaryIndexUpdates", []) for change in each.values()]
        indexes = {index.name: index for index in table.global_indexes}
        asked: list[tuple[Any, Mapping[str, Any]]] = [(table, call.params)]
        for one in [*call.params.get("GlobalSecondaryIndexes", []), *changes]:
            if one["IndexName"] in indexes:
                asked.append((indexes[one["IndexName"]], one))
        given = [(part, one["OnDemandThroughput"]) for part, one in asked if "OnDemandThroughput" in one]
        for part, maximum in given:
            part.on_demand_throughput = maximum
        self._throttle.refresh(table)
        return call.reply({"TableDescription": table.describe()["TableDescription"]}) if given else response


def _consistency(call: Call) -> Callable[[str], float]:
    if call.name.startswith("Transact"):
        return lambda table: capacity.TRANSACTIONAL
    if call.name == "BatchGetItem":
        asked = call.params["RequestItems"]
        strong = {name.rpartition("/")[2] for name, keys in asked.items() if keys.get("ConsistentRead")}
        return lambda table: capacity.STRONG if table in strong else capacity.EVENTUAL
    if call.name in ("GetItem", "Query", "Scan") and not call.params.get("ConsistentRead"):
        return lambda table: capacity.EVENTUAL
    return lambda table: capacity.STRONG


def _kind(call: Call) -> str:
    return "Read" if call.name in READS or call.name in ("Query", "Scan") else "Write"


def _check_batch(call: Call) -> None:
    if call.name == "BatchWriteItem":
        count = sum(len(requests) for requests in call.params["RequestItems"].values())
        if count > _MOST_BATCH_WRITES:
            raise AWSError("ValidationException", "Too many items requested for the BatchWriteItem call", 400)


def _cancelled(refused: list[list[Reason]]) -> AWSError:
    reasons = [
        {"Code": "ProvisionedThroughputExceeded", "Message": message_of(each)} if each else {"Code": "None"}
        for each in refused
    ]
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return AWSError("TransactionCanceledException", message, 400, CancellationReasons=reasons)


def _answered(call: Call, meter: Meter, response: HttpResponse) -> HttpResponse:
    """Put what was consumed, and what was left over, into moto's answer."""
    asked = call.params.get("ReturnConsumedCapacity", "NONE")
    if response.status >= 400 or (
        asked == "NONE" and not meter.unprocessed and b'"ConsumedCapacity' not in response.body
    ):
        return response
    answer = json.loads(response.body)
    for name in ("ConsumedCapacity", "ConsumedCapacityUnits"):
        answer.pop(name, None)
    if asked != "NONE":
        told = [_told(call, name, units, asked) for name, units in meter.units.items()]
        many = call.name.startswith(("Batch", "Transact"))
        answer["ConsumedCapacity"] = told if many else told[0]
    if meter.unprocessed:
        answer["UnprocessedItems" if call.name == "BatchWriteItem" else "UnprocessedKeys"] = _left(call, meter)
    response.body = json.dumps(answer).encode()
    response.headers["x-amz-crc32"] = str(zlib.crc32(response.body))
    response.headers.pop("Content-Length", None)
    return response


def _told(call: Call, table: str, units: Units, asked: str) -> dict[str, Any]:
    kind = f"{_kind(call)}CapacityUnits"
    transaction = call.name.startswith("Transact")

    def told(count: float) -> dict[str, float]:
        return {"CapacityUnits": count, **({kind: count} if transaction else {})}

    answer: dict[str, Any] = {"TableName": table, **told(units.total)}
    if asked == "INDEXES":
        answer["Table"] = told(units.table)
        for name, parts in (("LocalSecondaryIndexes", units.local), ("GlobalSecondaryIndexes", units.indexes)):
            if parts:
                answer[name] = {index: told(count) for index, count in parts.items()}
    return answer


def _left(call: Call, meter: Meter) -> dict[str, Any]:
    """Return the throttled parts of a batch as the request had them."""
    given: dict[str, Any] = json.loads(call.request.body)["RequestItems"]
    left: dict[str, Any] = {}
    for name, asked in call.params["RequestItems"].items():
        refused = meter.unprocessed.get(name.rpartition("/")[2], [])
        if refused and isinstance(asked, list):
            left[name] = [raw for raw, one in zip(given[name], asked, strict=True) if one in refused]
        elif refused:
            pairs = zip(given[name]["Keys"], asked["Keys"], strict=True)
            left[name] = {**given[name], "Keys": [raw for raw, key in pairs if {"Key": key} in refused]}
    return left


def _with_maximum(describe: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return moto's ``describe`` with the maximum of an on-demand table or index."""

    def described(part: Any, *given: Any, **named: Any) -> dict[str, Any]:
        told = describe(part, *given, **named)
        maximum = getattr(part, "on_demand_throughput", None)
        if maximum:
            inner = next(iter(told.values())) if isinstance(part, Table) else told
            inner["OnDemandThroughput"] = maximum
        return told

    return described
