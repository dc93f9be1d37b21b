"""The engine behind Athena."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.athena.engine import QueryFailed, Table, _first_objects, run, tables_in


def table(*files: tuple[str, bytes], **partitions: str) -> Table:
    return Table("t", {"name": "string", "n": "int"}, partitions, files)


@given(st.lists(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=3), max_size=5))
def test_lines_are_read_as_they_were_written_with_names_in_small_letters(lines: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(one) + "\n" for one in lines).encode()
    found = [json.loads(line) for line in _first_objects(text)]
    assert found == [{name.lower(): value for name, value in one.items()} for one in lines]


def test_what_follows_the_first_object_of_a_line_is_not_read(tmp_path: Path) -> None:
    given = table(("x", b'{"Name": "a"}{"Name": "b"}\n\n{"name": "c", "other": 1}'))
    assert run("SELECT name FROM t ORDER BY name", "db", [given], tmp_path).rows == [["a"], ["c"]]


@pytest.mark.parametrize("line", [b"oops", b"[1]", b'{"name": '])
def test_a_line_that_is_no_object_fails_the_query(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(QueryFailed, match="HIVE_CURSOR_ERROR: Row is not a valid JSON Object"):
        run("SELECT 1 FROM t", "db", [table(("x", line))], tmp_path)


def test_a_table_without_files_is_empty_and_keys_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    assert run("SELECT n, day FROM t", "db", [table(day="string")], tmp_path / "a").rows == []
    away = table(("../../day=1/x", b'{"n": 1}'), day="int")
    assert run("SELECT n, day FROM t WHERE day = 1", "db", [away], tmp_path / "b" / "c").rows == [["1", "1"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]


def test_two_tables_count_with_all_their_files(tmp_path: Path) -> None:
    one, two = table(("day=1/x", b'{"n": 1}'), day="int"), Table("u", {"n": "int"}, {}, [("y", b'{"n": 1}')])
    assert run("SELECT t.n FROM t JOIN u ON t.n = u.n WHERE day = 2", "db", [one, two], tmp_path).scanned == 16


@pytest.mark.parametrize("query", ["SELECT * FROM read_csv('/etc/hostname')", "SELECT * FROM '/etc/hostname'"])
def test_a_query_reads_nothing_else_on_this_machine(tmp_path: Path, query: str) -> None:
    with pytest.raises(QueryFailed):
        run(query, "db", [], tmp_path)


@pytest.mark.parametrize("query", ["CREATE TABLE t (a int)", "SELECT 1; SELECT 2", "COPY t TO 'x'", ""])
def test_what_is_not_one_select_is_refused(query: str) -> None:
    with pytest.raises(QueryFailed, match="not built"):
        tables_in(query)


def test_an_unknown_column_type_is_refused(tmp_path: Path) -> None:
    given = Table("t", {"a": "array<int>"}, {}, [])
    with pytest.raises(QueryFailed, match="array<int> is not built"):
        run("SELECT 1 FROM t", "db", [given], tmp_path)
