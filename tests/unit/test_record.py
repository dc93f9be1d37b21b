"""The record: complete and in order, whoever writes, however many."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane import record
from helpers.dataplane.record import Kind, Record

kinds = st.sampled_from(["call", "event", "invocation"])


def test_an_entry_holds_what_it_was_given() -> None:
    entry = Record().add(
        "invocation",
        "you",
        "function f",
        "cold",
        subject="f",
        outcome="ok",
        started=5.0,
        milliseconds=12.5,
        memory_mb=40,
    )
    assert (entry.number, entry.kind, entry.source, entry.target, entry.action) == (
        1,
        "invocation",
        "you",
        "function f",
        "cold",
    )
    assert (entry.subject, entry.outcome, entry.started, entry.milliseconds) == ("f", "ok", 5.0, 12.5)
    assert entry.detail == {"memory_mb": 40}


def test_it_begins_now_unless_told() -> None:
    before = time.time()
    entry = Record().add("call", "you", "s3", "ListBuckets")
    assert before <= entry.started <= time.time()
    assert (entry.outcome, entry.subject, entry.milliseconds, entry.detail) == ("ok", "", 0.0, {})


@given(st.lists(st.tuples(kinds, st.floats(0, 100)), max_size=30), st.integers(0, 30), st.sets(kinds))
def test_slices(entries: list[tuple[Kind, float]], mark: int, wanted: set[Kind]) -> None:
    written = Record()
    for kind, started in entries:
        written.add(kind, "you", "s3", "PutObject", started=started)
    assert written.mark() == len(entries)
    found = written.since(mark, wanted)
    assert [(entry.started, entry.number) for entry in found] == sorted(
        (entry.started, entry.number) for entry in found
    )
    expected = {number for number, (kind, _) in enumerate(entries, 1) if number > mark and kind in wanted}
    assert {entry.number for entry in found} == expected


def test_without_a_kind_all_are_returned() -> None:
    written = Record()
    for kind in ("call", "event", "invocation"):
        written.add(kind, "a", "b", "c")
    assert [entry.kind for entry in written.since()] == ["call", "event", "invocation"]


def test_many_writers_lose_nothing() -> None:
    written = Record()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: written.add("call", str(number), "s3", "x"), range(500)))
    entries = written.since()
    assert sorted(entry.number for entry in entries) == list(range(1, 501))
    assert len({entry.source for entry in entries}) == 500


def test_the_oldest_go_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook that is open for days does not fill the memory."""
    monkeypatch.setattr(record, "_LONGEST", 100)
    written = Record()
    for _ in range(1000):
        written.add("call", "you", "s3", "x")
    entries = written.since()
    assert 80 <= len(entries) <= 100
    assert entries[-1].number == written.mark() == 1000, "numbers go on: a mark stays a mark"


def test_detail_is_a_copy() -> None:
    given_detail = {"reason": "x"}
    entry = Record().add("call", "you", "s3", "x", **given_detail)
    given_detail["reason"] = "y"
    assert entry.detail == {"reason": "x"}
