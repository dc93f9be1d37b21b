"""Amazon Athena's data plane: queries that run, with DuckDB in the place of AWS's engine (``engine``).

AWS: StartQueryExecution takes a query and returns at once; the query reads the files of the tables in the Glue Data
Catalog with the permissions of its caller, and writes its result as CSV to the output location, where GetQueryResults
finds it ("Run SQL queries", "Find query output files in Amazon S3", "Use partition projection", Amazon Athena User
Guide). Here: the same, for tables of JSON files, plain or GZIP, with Hive-style folders as partitions. moto keeps the
executions, the workgroups and Glue's tables.

For the bill, what is read is metered as ``bytes`` of ``athena``, at least 10 MB a query ("Amazon Athena pricing").

Differs: of the permissions that AWS wants, glue:GetTable, s3:ListBucket, s3:GetObject and s3:PutObject are asked for;
with partition projection, each folder that is there is a partition; its ranges and formats are not read. Not
built: registered partitions, location templates, other formats than JSON, DDL, statements with parameters, reuse of
results. Unsourced: the words of a denied output location and of a projection that lacks a column.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.athena.models import Execution, athena_backends
from moto.glue.models import glue_backends

from helpers.dataplane.call import AWSError, Call, Caller
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward, refuse
from helpers.dataplane.frontdoor import POLLER, Address, Operation
from helpers.dataplane.web import HttpResponse

if TYPE_CHECKING:
    from helpers.dataplane.athena.engine import Answer, Table

_LEAST_BYTES = 10 * 1024 * 1024
_PAGE = 1000
_JSON = ("org.openx.data.jsonserde.JsonSerDe", "org.apache.hive.hcatalog.data.JsonSerDe")
_NO_OUTPUT = (
    "No output location provided. You did not provide an output location for  your query results. Either specify an S3 "
    "bucket location or enable Athena managed query results in your workgroup settings."
)


@dataclass
class Query:
    """A query under way, or ended."""

    execution: Execution
    caller: Caller
    region: str
    output: str
    began: float = field(default_factory=time.time)
    ended: float = 0.0
    state: str = "RUNNING"
    reason: str = ""
    answer: Answer | None = None

    @property
    def database(self) -> str:
        """The database in which tables are looked for."""
        context: Mapping[str, str] = self.execution.context or {}  # type: ignore[assignment]
        return context.get("Database") or "default"


class AthenaPlane:
    """The queries of one account."""

    service = "athena"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._queries: dict[str, Query] = {}

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        own: dict[str, Operation] = {"StartQueryExecution": self._start, "GetQueryExecution": self._get}
        return {**own, "GetQueryResults": self._results, "StopQueryExecution": refuse, "BatchGetQueryExecution": refuse}

    def addresses(self) -> Mapping[str, Address]:
        """Athena has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """Nothing stays: a query under way ends by itself."""

    def _start(self, call: Call) -> HttpResponse:
        backend = athena_backends[call.account_id][call.region]
        group = backend.work_groups.get(call.params.get("WorkGroup") or "primary")
        ruled = (group.configuration.get("ResultConfiguration") or {}) if group else {}
        own = (call.params.get("ResultConfiguration") or {}).get("OutputLocation")
        output = str(own or ruled.get("OutputLocation") or "")
        if not output:
            raise AWSError("InvalidRequestException", _NO_OUTPUT, 400)
        response = forward(call)
        if response.status < 400:
            execution = backend.executions[json.loads(response.body)["QueryExecutionId"]]
            place = f"{output.rstrip('/')}/{execution.id}.csv"
            query = self._queries[execution.id] = Query(execution, call.caller, call.region, place)
            threading.Thread(target=self._run, args=(query,), name="athena", daemon=True).start()
        return response

    def _run(self, query: Query) -> None:
        state = "SUCCEEDED"
        try:
            home = self._context.home
            with tempfile.TemporaryDirectory(prefix="athena-", dir=home, ignore_cleanup_errors=True) as folder:
                query.answer = self._answer(query, Path(folder))
        except Exception as error:
            query.reason = error.message if isinstance(error, AWSError) else str(error)
            state = "FAILED"
        query.ended = time.time()
        query.state = state  # last: whoever sees it may ask for everything else

    def _answer(self, query: Query, folder: Path) -> Answer:
        from helpers.dataplane.athena import engine  # DuckDB: 40 MB

        text = query.execution.query.strip().rstrip(";")
        tables = [self._table(query, name) for name in sorted(engine.tables_in(text))]
        answer = engine.run(text, query.database, tables, folder)
        self._context.record.meter("athena", "bytes", max(_LEAST_BYTES, answer.scanned))
        bucket, _, key = query.output.removeprefix("s3://").partition("/")
        if not self._may(query, "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}"):
            raise AWSError("AccessDenied", f"Access denied when writing to location: {query.output}", 403)
        self._context.client("s3", "athena", query.region).put_object(Bucket=bucket, Key=key, Body=_as_csv(answer))
        return answer

    def _may(self, query: Query, action: str, resource: str) -> bool:
        return self._context.identities.may(query.caller, action, resource)

    def _table(self, query: Query, name: str) -> Table:
        from helpers.dataplane.athena.engine import QueryFailed, Table

        account, database = self._context.account_id, query.database
        arn = f"arn:aws:glue:{query.region}:{account}:table/{database}/{name}"
        if not self._may(query, "glue:GetTable", arn):
            words = f"{query.caller.arn} is not authorized to perform: glue:GetTable on resource: {arn}"
            raise QueryFailed(f"User: {words} because no identity-based policy allows the glue:GetTable action")
        found = glue_backends[account][query.region].databases.get(database)
        if found is None or name not in found.tables:
            raise QueryFailed(f"TABLE_NOT_FOUND: Table 'awsdatacatalog.{database}.{name}' does not exist")
        given = found.tables[name].as_dict()
        place = given.get("StorageDescriptor") or {}
        if (place.get("SerdeInfo") or {}).get("SerializationLibrary") not in _JSON:
            raise QueryFailed("tables of other files than JSON are not built in this local cloud; AWS has them")
        partitions = {one["Name"].lower(): one["Type"] for one in given.get("PartitionKeys") or []}
        _check_projection(partitions, given.get("Parameters") or {})
        columns = {one["Name"].lower(): one["Type"] for one in place.get("Columns") or []}
        location = place.get("Location") or ""
        start = len(location.removeprefix("s3://").partition("/")[2])
        files = [one for one in self._files(query, location) if _is_partition(one[0][start:], list(partitions))]
        return Table(name, columns, partitions, files)

    def _files(self, query: Query, location: str) -> list[tuple[str, bytes]]:
        """Return the files of a table, read with the caller's permissions; Athena's own reads are not recorded."""
        from helpers.dataplane.athena.engine import QueryFailed

        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        client = self._context.client("s3", POLLER, query.region)
        denied = QueryFailed(f"Permission denied on S3 path: {location}")
        if not self._may(query, "s3:ListBucket", f"arn:aws:s3:::{bucket}"):
            raise denied
        try:
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = [one["Key"] for page in pages for one in page.get("Contents", []) if one["Size"]]
        except ClientError as error:
            raise QueryFailed(str(error)) from None
        found = []
        for key in keys:
            if not self._may(query, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"):
                raise denied
            if not key.rpartition("/")[2].startswith(("_", ".")):
                found.append((key, client.get_object(Bucket=bucket, Key=key)["Body"].read()))
        return found

    def _found(self, call: Call) -> Query:
        identifier = call.params["QueryExecutionId"]
        if identifier not in self._queries:
            raise AWSError("InvalidRequestException", f"QueryExecution {identifier} was not found", 400)
        return self._queries[identifier]

    def _get(self, call: Call) -> HttpResponse:
        query = self._found(call)
        status: dict[str, Any] = {"State": query.state, "SubmissionDateTime": query.began}
        statistics: dict[str, int] = {}
        if query.ended:
            spent = int((query.ended - query.began) * 1000)
            status["CompletionDateTime"] = query.ended
            scanned = query.answer.scanned if query.answer else 0
            statistics = {"DataScannedInBytes": scanned, "TotalExecutionTimeInMillis": spent}
        if query.reason:
            status["StateChangeReason"] = query.reason
        group = query.execution.workgroup
        told = {
            "QueryExecutionId": query.execution.id,
            "Query": query.execution.query,
            "StatementType": "DML",
            "ResultConfiguration": {"OutputLocation": query.output},
            "QueryExecutionContext": {"Database": query.database},
            "Status": status,
            "Statistics": statistics,
            "WorkGroup": group.name if group else "primary",
        }
        return call.reply({"QueryExecution": told})

    def _results(self, call: Call) -> HttpResponse:
        query = self._found(call)
        if query.answer is None:
            words = f"Query did not finish successfully. Final query state: {query.state}"
            if not query.ended:
                words = f"Query has not yet finished. Current state: {query.state}"
            raise AWSError("InvalidRequestException", words, 400)
        first, size = int(call.params.get("NextToken") or 0), call.params.get("MaxResults") or _PAGE
        header: list[str | None] = [name for name, _ in query.answer.columns]
        rows = [header, *query.answer.rows]
        shown = [{"Data": [{"VarCharValue": one} if one is not None else {} for one in row]} for row in rows]
        columns = [{"Name": name, "Type": kind} for name, kind in query.answer.columns]
        result = {"Rows": shown[first : first + size], "ResultSetMetadata": {"ColumnInfo": columns}}
        more = {"NextToken": str(first + size)} if first + size < len(rows) else {}
        return call.reply({"ResultSet": result, **more})


def _is_partition(key: str, partitions: list[str]) -> bool:
    """Return whether a key, from the table's location on, leads through a folder for each partition column."""
    folders = key.lstrip("/").split("/")[:-1]
    return [one.partition("=")[0] for one in folders[: len(partitions)]] == partitions


def _check_projection(partitions: Mapping[str, str], parameters: Mapping[str, str]) -> None:
    from helpers.dataplane.athena.engine import QueryFailed

    if not partitions:
        return
    if str(parameters.get("projection.enabled", "")).lower() != "true":
        raise QueryFailed("partitions without projection are not built in this local cloud; AWS has them")
    if parameters.get("storage.location.template"):
        raise QueryFailed("storage.location.template is not built in this local cloud; AWS has it")
    for name in partitions:
        if f"projection.{name}.type" not in parameters:
            raise QueryFailed(f"INVALID_TABLE_PROPERTY: projection.{name}.type is missing")


def _as_csv(answer: Answer) -> bytes:
    """Return a result as Athena writes it: each value in quotes, nothing for NULL."""
    lines: list[list[str | None]] = [[name for name, _ in answer.columns], *answer.rows]
    quoted = [",".join("" if one is None else '"' + one.replace('"', '""') + '"' for one in row) for row in lines]
    return ("\n".join(quoted) + "\n").encode()
