"""Logs: read as CloudWatch Logs keeps them, cut into invocations, made the same at each run."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from helpers.teaching import logs, show

GROUP = "/aws/lambda/hello"
ID = "6f8d1a52-1111-4222-8333-{:012d}"


def run(number: int, cold: bool = False, report: bool = True) -> list[str]:
    """Return the lines of one invocation, in AWS's words."""
    identity = ID.format(number)
    init = "Init Duration: 110.10 ms\t" if cold else ""
    lines = ["INIT_START Runtime Version: python:3.13.v57\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:ab12"]
    lines = lines if cold else []
    lines += [
        f"START RequestId: {identity} Version: $LATEST",
        f"[INFO]\t2026-11-21T10:00:0{number}.123Z\t{identity}\thello {number}",
        f"END RequestId: {identity}",
    ]
    if report:
        lines.append(
            f"REPORT RequestId: {identity}\tDuration: {number}.90 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\t"
            f"Max Memory Used: 3{number} MB\t{init}"
        )
    return lines


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://logs.us-east-1.amazonaws.com")
    with mock_aws():
        yield boto3.client("logs")


def write(client: Any, streams: dict[str, list[list[str]]], began: int = 0) -> None:
    """Write each stream's invocations, a second apart in the order in which they are given."""
    began = began or int(time.time() * 1000) - 60_000
    client.create_log_group(logGroupName=GROUP)
    for place, (stream, runs) in enumerate(streams.items()):
        client.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        events = [
            {"timestamp": began + 1000 * (2 * number + place), "message": line}
            for number, lines in enumerate(runs)
            for line in lines
        ]
        client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)


def test_the_newest_invocation_without_what_changes(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    write(client, {"a": [run(1, cold=True), run(2)]})
    show.log("hello")
    assert capsys.readouterr().out == (
        "START RequestId: … Version: $LATEST\n"
        "[INFO]\t…\t…\thello 2\n"
        "END RequestId: …\n"
        "REPORT RequestId: …\tDuration: … ms\tBilled Duration: … ms\tMemory Size: 128 MB\tMax Memory Used: … MB\n"
    )


def test_invocations_of_several_environments_come_in_their_order(
    client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    write(client, {"a": [run(1, cold=True), run(3)], "b": [run(2, cold=True), run(4)]})
    show.log("hello", invocations=4)
    shown = capsys.readouterr().out
    assert [line[-1] for line in shown.splitlines() if "hello" in line] == ["1", "2", "3", "4"]
    assert shown.startswith("INIT_START Runtime Version: python:3.13.v…\tRuntime Version ARN: …\nSTART")
    assert "Init Duration: … ms" in shown
    show.log("hello", lines=2)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["END", "REPORT"]


def test_as_it_is(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    write(client, {"a": [run(1)]})
    show.log("hello", stable=False)
    assert f"REPORT RequestId: {ID.format(1)}\tDuration: 1.90 ms" in capsys.readouterr().out


def test_a_missing_report_line_is_not_waited_for_for_ever(client: Any) -> None:
    write(client, {"a": [run(1, report=False)]})
    assert "hello 1" in logs.newest("hello", seconds=0.2)


def test_no_log_yet_says_what_to_do(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(LookupError, match="invoke it first"):
        logs.newest("hello", seconds=0)
    client.create_log_group(logGroupName=GROUP)
    with pytest.raises(LookupError, match="invoke it first"):
        logs.newest("hello", seconds=0)


def test_without_the_local_cloud_nothing_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    show.log("hello")
    assert "Run the first cell" in capsys.readouterr().out


def test_the_tail_of_an_invoke(capsys: pytest.CaptureFixture[str]) -> None:
    text = "START RequestId: 1\n[ERROR] ValueError: x\r\xa0\xa0File app.py\nEND RequestId: 1\n"
    show.tail({"LogResult": base64.b64encode(text.encode()).decode()})
    assert capsys.readouterr().out == "START RequestId: 1\n[ERROR] ValueError: x\n  File app.py\nEND RequestId: 1\n"
    with pytest.raises(ValueError, match='LogType="Tail"'):
        show.tail({"StatusCode": 200})


@pytest.mark.parametrize(
    ("line", "stable"),
    [
        ("2026-11-21T10:00:00.123Z Task timed out after 3.00 seconds", "… Task timed out after 3.00 seconds"),
        ("XRAY TraceId: 1-5f84c7a6-0123456789abcdef01234567\tSegmentId: 0a1b", "XRAY TraceId: …\tSegmentId: …"),
        ('"durationMs":2.9,"memorySizeMB":128', '"durationMs":…,"memorySizeMB":128'),
        ("<object at 0x7f3b2c001234>", "<object at 0x…>"),
        ("Memory Size: 128 MB", "Memory Size: 128 MB"),
        ("order 42 of 2026", "order 42 of 2026"),
    ],
)  # fmt: skip
def test_only_what_changes_is_left_out(line: str, stable: str) -> None:
    assert logs.stable_text(line) == stable
