"""The drawings of X-Ray's traces and service graph: what stands in them, and that it is the same at each run."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from helpers import cloud
from helpers.teaching import output, show, traces
from tests.contract.traces import part, segment, shop, trace_id

AT = 1_790_000_000.0


@pytest.fixture
def xray() -> Iterator[Any]:
    cloud.start()
    yield boto3.client("xray")
    cloud.stop()


@pytest.fixture
def pictures(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Collect what is drawn."""
    drawn: list[bytes] = []
    monkeypatch.setattr(output, "png", lambda data, alt: drawn.append(data))
    return drawn


def put(xray: Any, *segments: Any) -> str:
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(each) for each in segments])
    return str(segments[0]["trace_id"])


def test_each_part_stands_below_what_called_it() -> None:
    front, below = shop(AT, broken=True)
    told = traces.rows([below, front])
    assert [(row.name, row.depth, row.outcome, row.whole) for row in told] == [
        ("shop (AWS::EC2::Instance)", 0, "fault", True),
        ("DynamoDB", 1, "ok", False),
        ("orders", 1, "fault", False),
        ("orders", 2, "fault", True),
        ("look up", 3, "fault: KeyError", False),
    ]
    assert [round(row.start) for row in told] == [0, 100, 300, 350, 400]
    assert [round(row.length or 0) for row in told] == [1000, 200, 600, 500, 400]


def test_what_was_called_without_a_subsegment_stands_last() -> None:
    trace = trace_id(AT)
    for late in (0.2, 0.9):
        caller = segment(trace, "order", AT, 1, part("Overhead", AT + 0.5, 0.1), part("Invocation", AT, 0.5))
        called = segment(trace, "pack", AT + late, 0.1, parent_id=caller["id"])
        assert [row.name for row in traces.rows([caller, called])] == ["order", "Invocation", "Overhead", "pack"]


def test_outcomes_in_words() -> None:
    flags = [{"status": 200}, {"status": 404}, {"status": 429, "error": True}, {"status": 503}, {"fault": True}]
    words = [traces.word(part("call", AT, 1, **flag)) for flag in flags]
    assert words == ["ok", "error", "throttled", "fault", "fault"]
    assert traces.word(part("call", AT, None)) == "in progress"


def test_the_list_is_indented_and_has_times_only_if_wanted() -> None:
    told = traces.rows(shop(AT))
    assert traces.lines(told)[2:4] == ["   orders: ok", "      orders: ok"]
    assert traces.lines(told, times=True)[1] == "   DynamoDB: ok (from 100 ms on, 200 ms)"


def test_a_trace_is_drawn_as_png_with_a_list(xray: Any, pictures: list[bytes], capsys: Any) -> None:
    show.trace(put(xray, *shop(broken=True)))
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["A trace of 5 parts, 4 with an error or a fault:", "shop (AWS::EC2::Instance): fault"]
    assert len(said) == 6
    assert pictures[0].startswith(b"\x89PNG")


def test_segments_on_their_way_are_waited_for(xray: Any, pictures: list[bytes], capsys: Any) -> None:
    front, below = shop()
    begun = {name: value for name, value in front.items() if name != "end_time"} | {"in_progress": True}
    put(xray, begun)
    threading.Timer(0.5, put, (xray, front, below)).start()
    show.trace(front["trace_id"], seconds=20)
    assert "      orders: ok" in capsys.readouterr().out


def test_what_the_daemon_still_holds_is_waited_for(xray: Any, pictures: list[bytes], capsys: Any) -> None:
    front, below = shop()
    put(xray, front)
    threading.Timer(0.7, put, (xray, below)).start()
    show.trace(front["trace_id"], seconds=20)
    assert "      orders: ok" in capsys.readouterr().out


def test_waiting_has_an_end(xray: Any, pictures: list[bytes], capsys: Any) -> None:
    began = time.monotonic()
    show.trace(put(xray, segment(trace_id(), "shop", time.time(), None)), seconds=0.3)
    show.trace(trace_id(), seconds=0.3)
    show.service_map(start=time.time() + 3600, seconds=0.3)
    assert time.monotonic() - began < 10
    said = capsys.readouterr().out
    assert "shop: in progress" in said
    assert "X-Ray has no trace 1-" in said
    assert "X-Ray has no traces of this time" in said


def test_the_map_says_who_called_whom_and_what_went_wrong(xray: Any, capsys: Any) -> None:
    for number in range(4):
        put(xray, *shop(broken=number == 3))
    show.service_map()
    first = capsys.readouterr().out
    assert [line.strip() for line in first.splitlines()[1:12]] == [
        "flowchart TD",
        'n0(["Client"])',
        'n1["carts<br/>AWS#58;#58;DynamoDB#58;#58;Table<br/>4 calls"]',
        'n2["#10007; orders<br/>4 calls<br/>1 fault (25 #37;)"]',
        "class n2 wrong",
        'n3["#10007; shop<br/>AWS#58;#58;EC2#58;#58;Instance<br/>4 calls<br/>1 fault (25 #37;)"]',
        "class n3 wrong",
        'n0 ==>|"4 calls<br/>1 fault (25 #37;)"| n3',
        'n3 -->|"4 calls"| n1',
        'n3 ==>|"4 calls<br/>1 fault (25 #37;)"| n2',
        "classDef wrong stroke-width:4px,stroke-dasharray:6 3",
    ]
    assert "The map shows 3 services that clients reached. Not all calls went well at orders and shop." in first
    assert "- shop (AWS::EC2::Instance) → orders: 4 calls, 1 fault (25 %)" in first
    show.service_map()
    assert capsys.readouterr().out == first
    show.service_map(counts=False)
    uncounted = capsys.readouterr().out
    assert "- shop (AWS::EC2::Instance) → orders: calls, faults" in uncounted
    assert "4" not in uncounted.partition("classDef")[0]


def test_the_map_of_a_group_and_with_times(xray: Any, capsys: Any) -> None:
    put(xray, *shop())
    put(xray, *shop(broken=True))
    xray.create_group(GroupName="fine", FilterExpression="ok")
    show.service_map(group="fine", times=True)
    said = capsys.readouterr().out
    assert "All calls went well." in said
    assert "orders: 1 call, 600 ms on average" in said


def test_names_cannot_break_the_drawing() -> None:
    front = segment(trace_id(AT), 'a"]; click n0 <b>', AT, 1)
    told = [{"ReferenceId": 0, "Name": front["name"], "SummaryStatistics": None, "Edges": []}]
    assert '"]; click' not in traces.flowchart(told).replace('<br/>no completed call"]', "")
