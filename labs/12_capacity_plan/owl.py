"""The night-bus company Owl Line as you find it: its rides, its traffic, and a replay of a night.

``owl.board()`` begins, ``owl.fill()`` writes some rides, ``owl.replay("positions")`` lets traffic come. Read this file
if you like; no answer is in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.teaching import pricing

RIDE_BYTES, RIDERS, RIDES_EACH = 1500, 40, 20
OPEN_RIDERS = [f"r{number:02}" for number in range(6)]
"""Who is on a bus of line N8 right now."""
POSITIONS_A_SECOND = 6
"""60 buses, each every ten seconds, day and night; a position has 300 bytes."""
NIGHT = {22: 2.0, 23: 4.0, 0: 10.0, 1: 10.0, 2: 4.0, 3: 2.0}
"""Check-ins a second in the hours of the night; 0.1 in all others. There are as many check-outs."""
CHECK_INS = [NIGHT.get(hour, 0.1) for hour in range(24)]
TABLE_UNITS_A_RIDE, INDEX_UNITS_A_RIDE = 4, 2
"""A check-in and a check-out together."""
PEAK_UNITS = int(max(CHECK_INS) * TABLE_UNITS_A_RIDE)
DAYS = 730 / 24
questions: dict[str, Callable[[str], list[dict[str, Any]]]] = {}


@dataclass(frozen=True)
class Replayed:
    """What came of a replay: how many seconds of AWS went well, and the reason of the first refusal."""

    seconds: int
    reason: str = ""


def board() -> None:
    """Begin: an empty plan, no other tables. Run it right after ``cloud.start``."""
    questions.clear()
    boto3.client("dynamodb").create_table(
        TableName="plan",
        KeySchema=[{"AttributeName": "pattern", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pattern", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    print("Owl Line is open. The plan is empty, and there is no table of rides.")


def ride(rider: str, started: str, line: str, is_open: bool) -> dict[str, Any]:
    """Return a ride of 1,500 bytes; one that is open has the attribute ``open_since``."""
    known = {"rider": rider, "started": started, "line": line, **({"open_since": started} if is_open else {})}
    filled = sum(len(name) + len(value) for name, value in known.items()) + len("details")
    return {**known, "details": "x" * (RIDE_BYTES - filled)}


def fill() -> None:
    """Write 800 rides into the table rides: 40 riders, 20 each; six of them are open on line N8, four on N3."""
    try:
        with boto3.resource("dynamodb").Table("rides").batch_writer() as batch:
            for number in range(RIDERS * RIDES_EACH):
                rider, turn = divmod(number, RIDES_EACH)
                newest = turn == RIDES_EACH - 1 and rider < 10
                line = ("N8" if rider < len(OPEN_RIDERS) else "N3") if newest else f"N{number % 8 + 1}"
                batch.put_item(Item=ride(f"r{rider:02}", f"2026-11-{turn + 1:02}T23:{rider:02}:00", line, newest))
        print(f"{RIDERS * RIDES_EACH} rides are in the table.")
    except ClientError as refusal:
        print("The rides could not be written. AWS said:", refusal.response["Error"]["Message"])


def answers(question: str) -> Callable[[Callable[[str], Any]], Callable[[str], Any]]:
    """Let a function answer ``rides_of`` (a rider) or ``open_rides`` (a line): write ``@owl.answers("rides_of")``."""

    def keep(function: Callable[[str], Any]) -> Callable[[str], Any]:
        questions[question] = function
        return function

    return keep


def units_a_second(table: str) -> int:
    """Return the write units a second of a replay: steady for positions, the peak of the night for rides."""
    return POSITIONS_A_SECOND if table == "positions" else PEAK_UNITS


def replay(table: str, minutes: int = 10) -> Replayed:
    """Let a table rest for five minutes, then write to it as the buses or the riders do, until a write is refused.

    One large item stands for five seconds of traffic: units are what counts. Times are AWS's.
    """
    client = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))
    keys = [key["AttributeName"] for key in client.describe_table(TableName=table)["Table"]["KeySchema"]]
    kilobytes, step = units_a_second(table) * 5, 5 / cloud.current().speed
    item = {**{key: {"S": "replay"} for key in keys}, "padding": {"S": "x" * (kilobytes * 1024 - 100)}}
    time.sleep(60 * step)
    for number in range(minutes * 12):
        began = time.monotonic()
        try:
            client.put_item(TableName=table, Item=item)
        except ClientError as refusal:
            told = refusal.response.get("ThrottlingReasons") or refusal.response.get("throttlingReasons")
            if not told:
                raise
            return Replayed(number * 5, told[0]["reason"])
        time.sleep(max(0.0, began + step - time.monotonic()))
    return Replayed(minutes * 60)


def bill(table: str) -> pricing.Cost:
    """Return what the table's writes cost in a month as it is now, without the few reads and without storage."""
    told = boto3.client("dynamodb").describe_table(TableName=table)["Table"]
    if told["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST":
        rides = sum(CHECK_INS) * (TABLE_UNITS_A_RIDE + INDEX_UNITS_A_RIDE)
        a_day = 3600 * (24 * POSITIONS_A_SECOND if table == "positions" else rides)
        return pricing.on_demand_table(writes=round(a_day * DAYS), reads=0)
    parts = [told["ProvisionedThroughput"]]
    parts += [index["ProvisionedThroughput"] for index in told.get("GlobalSecondaryIndexes", [])]
    writes, reads = (sum(part[f"{kind}CapacityUnits"] for part in parts) for kind in ("Write", "Read"))
    return pricing.provisioned_table(write_units=writes, read_units=reads)
