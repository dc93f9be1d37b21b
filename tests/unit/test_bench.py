"""The benchmark's own arithmetic: which target was met, and how the table reads. Times themselves are never tested."""

from __future__ import annotations

import pytest

from tools.bench.report import ROWS, Figures, of_clouds, shown, table, verdict

GOOD: Figures = {
    "ready": 700,
    "cold": 44,
    "warm_p50": 1.7,
    "warm_p95": 2,
    "put_item": 1.2,
    "get_item": 1.3,
    "send_message": 1.2,
}
TARGETS = {row.key: row for row in ROWS}


def test_all_targets_can_be_met() -> None:
    columns = {"course": GOOD, "ministack": {"warm_p50": 56.0}}
    assert {row.key: row.meets(columns) for row in ROWS if row.target} == dict.fromkeys(
        ["ready", "cold", "warm_p50", "put_item", "send_message"], True
    )


@pytest.mark.parametrize(
    ("key", "value"), [("ready", 1001), ("cold", 101), ("warm_p50", 3.1), ("put_item", 1.6), ("send_message", 2.1)]
)
def test_each_target_can_be_missed(key: str, value: float) -> None:
    columns = {"course": {**GOOD, key: value}}
    assert [row.key for row in ROWS if row.meets(columns) is False] == [key]
    assert "**missed**" in "\n".join(of_clouds(columns))


def test_warm_must_be_ten_times_faster_than_ministack() -> None:
    assert TARGETS["warm_p50"].meets({"course": {"warm_p50": 2.0}, "ministack": {"warm_p50": 19.9}}) is False
    assert TARGETS["warm_p50"].meets({"course": {"warm_p50": 2.0}, "ministack": {"warm_p50": 20.0}}) is True
    assert TARGETS["warm_p50"].meets({"course": {"warm_p50": 2.0}}) is True


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert {row.meets({"course": {}}) for row in ROWS} == {None}
    assert [verdict(None), verdict(True), verdict(False)] == ["", "met", "**missed**"]


def test_the_table_reads_well() -> None:
    assert table(["a", "bcd"], [["1234", ""]]) == ["| a    | bcd |", "| ---- | --- |", "| 1234 |     |"]
    assert [shown(None), shown(1.234), shown(1234.5)] == ["–", "1.23", "1,234"]
