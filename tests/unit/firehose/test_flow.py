"""Firehose's buffers, and the answers of a transformation."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.dataplane.clock import Clock
from helpers.dataplane.firehose.flow import MIB, RETENTION_SECONDS, Buffer, billed
from helpers.dataplane.firehose.transform import Record, _judged
from helpers.dataplane.timetable import Timetable


class ByHand(Timetable):
    """A timetable that does what is due when it is told to."""

    def put(self, key: object, due: float | None, fire: object) -> None:
        self.due, self.fire = due, fire


def records(*sizes: int, arrived: float = 0.0) -> list[Record]:
    return [Record(str(number), b"x" * size, arrived) for number, size in enumerate(sizes)]


@given(st.lists(st.integers(0, 2 * MIB), min_size=1, max_size=8))
def test_a_buffer_gives_everything_once_in_order_and_in_parts_of_its_size(sizes: list[int]) -> None:
    clock = Clock()
    timetable, got = ByHand(clock), []

    def flush(batch: list[Record]) -> bool:
        got.append([len(record.data) for record in batch])
        return True

    buffer = Buffer(timetable, clock, (1, 60), flush)
    buffer.add(records(*sizes))
    while buffer._fire(0.0) is not None:
        pass
    assert [size for batch in got for size in batch] == sizes
    assert all(sum(batch) >= MIB for batch in got[:-1])
    assert all(sum(batch[:-1]) < MIB for batch in got)


def test_a_buffer_is_due_after_its_interval_or_when_it_is_full() -> None:
    clock = Clock()
    timetable = ByHand(clock)
    buffer = Buffer(timetable, clock, (1, 60), lambda batch: True)
    buffer.add(records(10))
    assert timetable.due == pytest.approx(clock.time() + 60, abs=5)
    buffer.add(records(MIB))
    assert timetable.due == pytest.approx(clock.time(), abs=5)


def test_what_was_not_delivered_stays_first_for_a_day() -> None:
    clock, answers, got = Clock(), [False, True], []
    buffer = Buffer(ByHand(clock), clock, (1, 0), lambda batch: bool(got.append(batch)) or answers.pop(0))
    buffer.add(records(1, arrived=clock.time()) + records(2, arrived=clock.time() - RETENTION_SECONDS - 1))
    again = buffer._fire(0.0)
    assert again is not None and again > clock.time() + 30
    buffer.add(records(3, arrived=clock.time()))
    assert buffer._fire(0.0) is None
    assert [[len(record.data) for record in batch] for batch in got] == [[1, 2], [1, 3]]


@pytest.mark.parametrize(("size", "paid"), [(0, 5120), (1, 5120), (5120, 5120), (5121, 10240)])
def test_records_are_paid_by_five_kilobytes(size: int, paid: int) -> None:
    assert billed(size) == paid


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ([{"recordId": "0", "result": "Ok", "data": "eA=="}] * 2, "Lambda.DuplicatedRecordId"),
        ([], "Lambda.MissingRecordId"),
        ([{"recordId": "0", "result": "ProcessingFailed", "data": "eA=="}], "Lambda.ProcessingFailedStatus"),
        ([{"recordId": "0", "result": "Ok", "data": "not base64"}], "Lambda.JsonProcessingException"),
        ([{"recordId": "0", "result": "Ok"}], "Lambda.JsonProcessingException"),
        ([{"recordId": "0", "result": "ok", "data": "eA=="}], "Lambda.JsonProcessingException"),
        ([{"result": "Ok"}], "Lambda.JsonProcessingException"),
        (None, "Lambda.JsonProcessingException"),
    ],
)
def test_answers_that_fail_a_record(answer: object, code: str) -> None:
    payload = json.dumps({"records": answer}).encode()
    ((record, failure),) = _judged(records(1), payload, 1).failed
    assert (record.identifier, failure.code) == ("0", code)
    assert failure.message


@given(st.lists(st.binary(max_size=20), max_size=6))
def test_what_is_ok_has_the_data_of_the_answer(parts: list[bytes]) -> None:
    answer = [
        {"recordId": str(number), "result": "Ok", "data": base64.b64encode(part).decode()}
        for number, part in enumerate(parts)
    ]
    result = _judged(records(*map(len, parts)), json.dumps({"records": answer}).encode(), 1)
    assert [record.data for record in result.done] == parts
    assert not result.failed
