"""The engine behind Athena here: DuckDB over copies of a table's files.

AWS: Athena's engine is Trino; JSON files are read by "JSON SerDe libraries" (Amazon Athena User Guide), which want one
object a line; a line that is none fails the query (HIVE_CURSOR_ERROR). A filter on a partition column keeps whole
folders from being read ("Partition your data").

Differs: DuckDB's SQL, of which the plain SELECT is Trino's too; a column without a name has another name there. What
was scanned is the size of the files that the filters on partition columns leave; where a query has several tables, that
of all their files. Unsourced in AWS's documents: that of two objects in one line the first is read, as the OpenX
parser does; the end of the message about a line that is no object.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

_TYPES = {
    "string": "VARCHAR", "varchar": "VARCHAR", "tinyint": "TINYINT", "smallint": "SMALLINT", "int": "INTEGER",
    "integer": "INTEGER", "bigint": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "boolean": "BOOLEAN",
    "date": "DATE", "timestamp": "TIMESTAMP",
}  # fmt: skip
_SETTINGS: dict[str, Any] = {
    "autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 1, "memory_limit": "256MB",
}  # fmt: skip


class QueryFailed(Exception):
    """A query could not be run; the text is Athena's, or DuckDB's."""


@dataclass(frozen=True)
class Table:
    """A table: its columns and partition columns with Hive's types, and its files, ``(key, bytes)``."""

    name: str
    columns: dict[str, str]
    partitions: dict[str, str]
    files: Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Answer:
    """What a query found: names and types of the columns, rows of texts, and how many bytes it read."""

    columns: list[tuple[str, str]]
    rows: list[list[str | None]]
    scanned: int


def tables_in(query: str) -> set[str]:
    """Return the names of the tables in a query.

    Raises
    ------
    QueryFailed
        It is no query, or none that reads.
    """
    with duckdb.connect(config=_SETTINGS) as database:
        try:
            kinds = [one.type for one in database.extract_statements(query)]
            if kinds != [duckdb.StatementType.SELECT]:
                raise QueryFailed("anything but one SELECT in a query is not built in this local cloud; AWS has it")
            return set(database.get_table_names(query))
        except duckdb.Error as error:
            raise QueryFailed(f"SYNTAX_ERROR: {error}") from None


def run(query: str, schema: str, tables: Sequence[Table], folder: Path) -> Answer:
    """Run a query over tables, whose files are copied to ``folder``.

    Raises
    ------
    QueryFailed
        The text says why.
    """
    with duckdb.connect(config=_SETTINGS) as database:
        database.execute(f"CREATE SCHEMA {_quoted(schema)}; SET schema = {_text(schema)}")
        try:
            for table in tables:
                _create(database, table, folder / table.name)
            database.execute(f"SET allowed_directories = [{_text(str(folder))}]; SET enable_external_access = false")
            found = database.execute(query)
            columns = [(name, str(kind).lower()) for name, kind, *_ in found.description or []]
            rows = [[_shown(value) for value in row] for row in found.fetchall()]
            return Answer(columns, rows, _scanned(database, query, tables))
        except duckdb.Error as error:
            raise QueryFailed(str(error)) from None


def _create(database: Any, table: Table, folder: Path) -> None:
    for number, (key, content) in enumerate(table.files):
        path = folder.joinpath(*[f"{name}={value}" for name, value in _folders(key).items()], f"{number}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(_first_objects(content)))
    unknown = sorted(kind for kind in {*table.columns.values(), *table.partitions.values()} if kind not in _TYPES)
    if unknown:
        raise QueryFailed(f"the column type {unknown[0]} is not built in this local cloud; AWS has it")
    name = _quoted(table.name)
    if not table.files:
        every = table.columns | table.partitions
        columns = ", ".join(f"{_quoted(one)} {_TYPES[kind]}" for one, kind in every.items())
        database.execute(f"CREATE TABLE {name} ({columns})")
        return
    database.execute(
        f"CREATE VIEW {name} AS SELECT * FROM read_json({_text(f'{folder}/**/*.json')}, format = 'newline_delimited', "
        f"columns = {_struct(table.columns)}, hive_partitioning = {bool(table.partitions)}"
        + (f", hive_types = {_struct(table.partitions)})" if table.partitions else ")")
    )


def _first_objects(content: bytes) -> Iterator[str]:
    """Yield the first object of each line of a file."""
    text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode(errors="replace")
    for line in filter(str.strip, text.split("\n")):
        try:
            found, _ = json.JSONDecoder().raw_decode(line.strip())
            if not isinstance(found, dict):
                raise ValueError("a JSONObject text must begin with '{'")
        except ValueError as error:
            raise QueryFailed(f"HIVE_CURSOR_ERROR: Row is not a valid JSON Object - JSONException: {error}") from None
        yield json.dumps({name.lower(): value for name, value in found.items()}) + "\n"


def _scanned(database: Any, query: str, tables: Sequence[Table]) -> int:
    """Return the size of the files that a query reads."""
    if len(tables) != 1 or not tables[0].partitions:
        return sum(len(content) for table in tables for _, content in table.files)
    (table,), total = tables, 0
    plan = json.loads(database.execute(f"EXPLAIN (FORMAT JSON) {query}").fetchall()[0][1])
    columns = ", ".join(f"{_quoted(one)} VARCHAR" for one in table.partitions)
    database.execute(f"CREATE TEMP TABLE files (size BIGINT, {columns})")
    for key, content in table.files:
        values = [len(content), *[_folders(key).get(one) for one in table.partitions]]
        database.execute(f"INSERT INTO files VALUES ({', '.join('?' * len(values))})", values)
    for filters in _filters(plan):
        chosen = f"SELECT coalesce(sum(size), 0) FROM files WHERE {filters or 'true'}"
        total += int(database.execute(chosen).fetchall()[0][0])
    return total


def _folders(key: str) -> dict[str, str]:
    """Return the Hive-style folders of a key, ``day=2026-11-21/hour=07/...``, by name."""
    return dict(part.split("=", 1) for part in key.split("/")[:-1] if "=" in part)


def _filters(plan: Any) -> Iterator[str]:
    """Yield, for each scan in a plan, the condition by which files were chosen; empty for all files."""
    for node in plan if isinstance(plan, list) else [plan]:
        told = node.get("extra_info") or {}
        if told.get("Function") == "READ_JSON":
            chosen = told.get("File Filters") or ""
            yield chosen if isinstance(chosen, str) else " AND ".join(chosen)
        yield from _filters(node.get("children") or [])


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _struct(columns: dict[str, str]) -> str:
    return "{" + ", ".join(f"{_text(name)}: {_text(_TYPES[kind])}" for name, kind in columns.items()) + "}"
