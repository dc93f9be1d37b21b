"""A function's log lines, as CloudWatch Logs keeps them, made stable for a committed notebook.

What differs at each run (request ids, times, durations, memory used) is written as ``…``; ``stable=False`` shows it.
Line formats: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping
from typing import Any

from helpers.teaching.explain import CLOUD_STOPPED, cloud_answers
from helpers.teaching.output import without_ids

_MOST_STREAMS = 20
_CHANGING = [
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?"), "…"),
    (re.compile(r"((?:Billed |Init |Restore )?Duration: )[\d.]+( ms)"), r"\1…\2"),
    (re.compile(r"(Max Memory Used: )\d+( MB)"), r"\1…\2"),
    (re.compile(r"(Runtime Version: [a-z.]+:[\d.]*\.v)\d+"), r"\1…"),
    (re.compile(r"(Runtime Version ARN: )\S+"), r"\1…"),
    (re.compile(r"(TraceId: |SegmentId: )[0-9a-f-]+"), r"\1…"),
    (re.compile(r'("(?:\w+Ms|maxMemoryUsedMB)": ?)[\d.]+'), r"\1…"),
    (re.compile(r"\b1-[0-9a-f]{8}-[0-9a-f]{24}\b"), "…"),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "0x…"),
]


def stable_text(text: str) -> str:
    """Return log text without what differs at each run."""
    for pattern, replacement in _CHANGING:
        text = pattern.sub(replacement, text)
    return without_ids(text)


def clean(text: str) -> str:
    """Return log text with ordinary line ends and blanks: AWS's Python runtime writes ``\\r`` and no-break spaces."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").rstrip()


def tail_of(response: Mapping[str, Any]) -> str:
    """Return the log tail of an Invoke's response, as text.

    Raises
    ------
    ValueError
        The response has none.
    """
    if "LogResult" not in response:
        raise ValueError('this response has no LogResult: call invoke(..., LogType="Tail") and pass what it returns')
    return clean(base64.b64decode(response["LogResult"]).decode("utf-8", "replace"))


def newest(function_name: str, invocations: int = 1, seconds: float = 5) -> str:
    """Return the log lines of a function's newest invocations, oldest first.

    Parameters
    ----------
    function_name:
        The function's name.
    invocations:
        How many to return.
    seconds:
        How long to wait, in real seconds, for the REPORT line of the newest one; logs arrive a moment later.

    Raises
    ------
    LookupError
        There is no log group or it is empty, with what to do about it.
    """
    if not cloud_answers():
        raise LookupError(CLOUD_STOPPED)
    deadline = time.monotonic() + seconds
    while True:
        runs = _runs(f"/aws/lambda/{function_name}")
        if runs and any(line.startswith(("REPORT ", '{"time"')) for line in runs[-1].splitlines()):
            break
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if not runs:
        raise LookupError(
            f"function {function_name!r} has no log yet: invoke it first; if you did, look at its name and at whether "
            "its role may write logs"
        )
    return "\n".join(runs[-invocations:])


def _runs(group: str) -> list[str]:
    """Return the text of each invocation in a log group, in the order in which they began."""
    import boto3
    from botocore.exceptions import ClientError

    client = boto3.client("logs")
    try:
        found = client.describe_log_streams(
            logGroupName=group, orderBy="LastEventTime", descending=True, limit=_MOST_STREAMS
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            return []
        raise
    runs: list[tuple[int, int, str]] = []
    for number, stream in enumerate(found["logStreams"]):
        page = client.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=False)
        runs += [(began, -number, text) for began, text in _split(page["events"])]
    return [text for *_, text in sorted(runs, key=lambda run: run[:2])]


def _split(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Cut one stream's events into invocations, each with the time of its first line."""
    runs: list[tuple[int, list[str]]] = []
    starting = False
    for event in events:
        line = clean(event["message"])
        begins = line.startswith("INIT_START") or (line.startswith("START RequestId") and not starting)
        if begins or not runs:
            runs.append((event["timestamp"], []))
        if begins:
            starting = line.startswith("INIT_START")
        elif line.startswith("START RequestId"):
            starting = False
        runs[-1][1].append(line)
    return [(began, "\n".join(lines)) for began, lines in runs]
