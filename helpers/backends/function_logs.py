"""A record that learns from CloudWatch Logs which functions ran, where no front door sees it.

Each invocation writes START and REPORT lines to ``/aws/lambda/NAME`` ("Sending Lambda function logs to CloudWatch
Logs", Lambda Developer Guide). They are read when somebody asks for the record. They do not say who invoked.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from helpers.dataplane.record import Entry, Kind, Record, Use

LATE_MS = 60_000
"""By how much lines of one environment may arrive later than those of another, in milliseconds."""
_GROUP = "/aws/lambda/"
_REPORT = re.compile(
    r"REPORT RequestId: (\S+)\tDuration: ([\d.]+) ms\tBilled Duration: (\d+) ms\tMemory Size: (\d+) MB\t"
    r"Max Memory Used: (\d+) MB(?:\s+Init Duration: ([\d.]+) ms)?(?:.*Error Type: ([\w.]+))?"
)
_START = re.compile(r"START RequestId: \S+ Version: (\S+)")
_ERROR = re.compile(r"\[ERROR\] (?:\S+Z\s+\S+\s+)?(\w+)")


class LoggedRecord(Record):
    """A record whose invocations come from ``client``, a client of CloudWatch Logs."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client
        self._read_up_to: dict[str, int] = {}
        self._known: set[tuple[str, int, str]] = set()
        self._streams: dict[str, int] = {}
        self._reading = threading.Lock()

    def mark(self) -> int:
        """Read what has run by now, and return the number of the newest entry."""
        self._read()
        return super().mark()

    def since(self, mark: int = 0, kinds: Iterable[Kind] = ("call", "event", "invocation")) -> list[Entry]:
        """Read what has run by now, and return the entries after ``mark``."""
        self._read()
        return super().since(mark, kinds)

    def used(self) -> dict[Use, float]:
        """Read what has run by now, and return all that was used."""
        self._read()
        return super().used()

    def _read(self) -> None:
        """Read what is new; what cannot be read while functions write, because LocalStack answers 500, comes later."""
        with self._reading, suppress(ClientError):
            for group in self._client.describe_log_groups(logGroupNamePrefix=_GROUP)["logGroups"]:
                name = group["logGroupName"]
                pages = self._client.get_paginator("filter_log_events")
                found = pages.paginate(logGroupName=name, startTime=max(0, self._read_up_to.get(name, 0) - LATE_MS))
                self._take(name, [event for page in found for event in page["events"]])

    def _take(self, group: str, events: list[dict[str, Any]]) -> None:
        versions: dict[str, str] = {}
        errors: dict[str, str] = {}
        for event in events:
            stream, text = event["logStreamName"], event["message"]
            self._read_up_to[group] = max(self._read_up_to.get(group, 0), event["timestamp"])
            if started := _START.match(text):
                versions[stream], errors[stream] = started[1], "ok"
            elif failed := _ERROR.match(text):
                errors[stream] = failed[1]
            elif (report := _REPORT.match(text)) and (stream, event["timestamp"], text) not in self._known:
                self._known.add((stream, event["timestamp"], text))  # not the id: a retry has that of the first try
                outcome = report[7] or errors.get(stream, "ok")
                self._ran(group.removeprefix(_GROUP), event, report, versions.get(stream, ""), outcome)

    def _ran(self, name: str, event: dict[str, Any], report: re.Match[str], version: str, outcome: str) -> None:
        init_ms = float(report[6]) if report[6] else None
        self.add(
            "invocation", "lambda", f"function {name}", "warm" if init_ms is None else "cold", subject=name,
            outcome=outcome, started=event["timestamp"] / 1000 - (float(report[2]) + (init_ms or 0)) / 1000,
            milliseconds=float(report[2]), request_id=report[1], version=version, init_ms=init_ms,
            duration_ms=float(report[2]),
            environment=self._streams.setdefault(event["logStreamName"], len(self._streams) + 1),
            billed_ms=int(report[3]), memory_mb=int(report[4]), max_memory_mb=int(report[5]),
        )  # fmt: skip
