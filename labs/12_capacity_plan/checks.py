"""Checks of the lab capacity_plan: they ask the learner's functions, replay traffic and read the bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import boto3
import owl
from words import HINTS, WHY

from helpers import cloud
from helpers.teaching import pricing
from helpers.teaching.checks import Lab, not_attempted, wrong
from helpers.teaching.lookups import found, metric_sum

RIDER, LINE = "r02", "N8"
MOST_POSITIONS, MOST_RIDES = Decimal(4), Decimal(20)

lab = Lab("capacity_plan")


def table(name: str) -> dict[str, Any]:
    """Return the description of a table; the task is not attempted when there is none."""
    told = found(boto3.client("dynamodb").describe_table, TableName=name)
    if told is None:
        not_attempted(f"There is no table `{name}` yet.")
    return dict(told["Table"])


def keys_of(part: dict[str, Any]) -> dict[str, str]:
    """Return the key attributes of a table or index, by kind."""
    return {key["KeyType"]: key["AttributeName"] for key in part["KeySchema"]}


def needs_rides() -> None:
    """Let a task wait for the table and its rides."""
    table("rides")
    if not boto3.client("dynamodb").scan(TableName="rides", Limit=1, Select="COUNT")["Count"]:
        not_attempted("There are no rides in the table yet: run `owl.fill()`.")


def asked(question: str, value: str) -> tuple[list[dict[str, Any]], float]:
    """Ask one of the learner's functions; return its answer and the read units that it consumed."""
    function = owl.questions.get(question)
    if function is None:
        not_attempted(f"No function answers `{question}` yet.")
    before, mark = read_units(), cloud.current().record.mark()
    found = function(value)
    calls = {entry.action for entry in cloud.current().record.since(mark) if entry.target == "dynamodb"}
    if "Scan" in calls:
        wrong("Your function calls `Scan`, which reads the whole table. Ask for one partition key with `query`.")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        wrong("Your function should return a list of rides: the `Items` of the answer.")
    return found, read_units() - before


def read_units() -> float:
    """Return all read units that the table rides and its indexes have consumed so far."""
    indexes = [index["IndexName"] for index in table("rides").get("GlobalSecondaryIndexes", [])]
    parts = [{}, *({"GlobalSecondaryIndexName": name} for name in indexes)]
    return sum(metric_sum("AWS/DynamoDB", "ConsumedReadCapacityUnits", TableName="rides", **part) for part in parts)


def replayed(name: str) -> None:
    """Let the traffic of a table come, and say when it is refused."""
    came = owl.replay(name)
    if came.reason:
        wrong(
            f"`{name}` held the traffic of {owl.units_a_second(name)} write units a second for {came.seconds} seconds. "
            f"Then a write was throttled: `{came.reason}`."
        )


@lab.task("table", hints=HINTS["table"], why=WHY["table"])
def keys() -> None:
    """The rides of a rider are one partition, in the order of time."""
    found = keys_of(table("rides"))
    first, second = found["HASH"], found.get("RANGE")
    if first == "line":
        wrong("Eight lines are eight partition key values: all traffic meets there. And the question names a rider.")
    if first != "rider":
        wrong(f"The partition key is `{first}`. A query needs its whole value, and the app knows the rider only.")
    if second is None:
        wrong("Without a sort key there is one item for each rider: the second ride would replace the first.")
    if second != "started":
        wrong(f"The rides of a rider would be ordered by `{second}`, not by when they started.")


@lab.task("ask", hints=HINTS["ask"], why=WHY["ask"])
def ask() -> None:
    """rides_of returns the rides of one rider, newest first, by a query."""
    needs_rides()
    found, units = asked("rides_of", RIDER)
    if {each.get("rider") for each in found} != {RIDER} or len(found) != owl.RIDES_EACH:
        wrong(f"For the rider `{RIDER}` your function returned {len(found)} rides; {owl.RIDES_EACH} of hers are there.")
    times = [each["started"] for each in found]
    if times != sorted(times, reverse=True):
        wrong("All rides are there, but the newest is not the first.")
    if units > 4:
        wrong(f"Right rides, but {units:g} read units. Eventually consistent reads are enough here, and cost half.")


@lab.task("index", hints=HINTS["index"], why=WHY["index"])
def index() -> None:
    """open_rides asks an index that holds little more than the answer."""
    needs_rides()
    indexes = table("rides").get("GlobalSecondaryIndexes", [])
    if not indexes:
        not_attempted("The table has no global secondary index yet.")
    found, units = asked("open_rides", LINE)
    if sorted(str(each.get("rider")) for each in found) != owl.OPEN_RIDERS:
        wrong(f"On line {LINE} the riders {', '.join(owl.OPEN_RIDERS)} are on a bus. You returned {len(found)} rides.")
    if units > 0.5 and not any("open_since" in keys_of(each).values() for each in indexes):
        wrong(
            f"Right, but {units:g} read units: the index holds finished rides, too. "
            "An item that lacks a key of the index is not in it."
        )
    if units > 0.5:
        wrong(f"Right, but {units:g} read units for six rides: the index keeps more of each ride than you need.")


@lab.task("units", hints=HINTS["units"], why=WHY["units"])
def units() -> None:
    """The plan says what each access pattern costs."""
    listed = boto3.resource("dynamodb").Table("plan").scan()["Items"]
    plan = {each["pattern"]: each.get("units") for each in listed}
    if not plan:
        not_attempted("The plan is empty.")
    needs_rides()
    for pattern, real in costs().items():
        if pattern not in plan:
            wrong(f"The plan has no item with the pattern `{pattern}`.")
        said = plan[pattern]
        if said == real:
            continue
        if pattern.startswith("check") and said == real - 1:
            wrong(f"`{pattern}`: {said} is what the table needs. The index is written, too.")
        if not pattern.startswith("check") and said == 2 * real:
            wrong(f"`{pattern}`: {said} would be strongly consistent reads. The default is eventual.")
        wrong(f"`{pattern}`: the plan says {said}, DynamoDB counts {real}.")


def costs() -> dict[str, Decimal]:
    """Return what the four patterns consume; the ride that is written for it is gone afterwards."""
    rides = boto3.resource("dynamodb").Table("rides")
    ride, told = owl.ride("zz", "2026-11-30T23:00:00", "N1", is_open=True), {"ReturnConsumedCapacity": "TOTAL"}
    key = {"rider": ride["rider"], "started": ride["started"]}
    check_in = rides.put_item(Item=ride, **told)
    check_out = rides.update_item(Key=key, UpdateExpression="REMOVE open_since", **told)
    rides.delete_item(Key=key)
    writes = {"check_in": check_in, "check_out": check_out}
    counted = {name: Decimal(str(each["ConsumedCapacity"]["CapacityUnits"])) for name, each in writes.items()}
    reads = {"rides_of": asked("rides_of", RIDER)[1], "open_rides": asked("open_rides", LINE)[1]}
    return counted | {name: Decimal(str(each)) for name, each in reads.items()}


@lab.task("positions", hints=HINTS["positions"], why=WHY["positions"])
def positions() -> None:
    """The steady table holds its traffic, for less than 4 USD a month."""
    told = table("positions")
    mode, units = told["BillingModeSummary"]["BillingMode"], told["ProvisionedThroughput"]["WriteCapacityUnits"]
    cost = owl.bill("positions").total
    if cost > MOST_POSITIONS and mode == "PAY_PER_REQUEST":
        wrong(
            f"On-demand, these steady writes cost {pricing.usd(cost)} a month. Provisioned units would be used fully."
        )
    if cost > MOST_POSITIONS:
        wrong(f"Your units cost {pricing.usd(cost)} a month, more than 4 USD: most of them are never used.")
    replayed("positions")
    if mode == "PROVISIONED" and units < owl.POSITIONS_A_SECOND:
        wrong(f"It held for ten minutes with {units} units, out of saved burst capacity. The buses never stop.")


@lab.task("mode", hints=HINTS["mode"], why=WHY["mode"])
def mode() -> None:
    """The table of rides holds the night's peak, for less than 20 USD a month."""
    rides = table("rides")
    if "rides_of" not in owl.questions:
        not_attempted("First let `rides_of` and `open_rides` be answered.")
    cost = owl.bill("rides").total
    provisioned = rides["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    if provisioned and cost > MOST_RIDES:
        wrong(f"Units for the peak cost {pricing.usd(cost)} a month, used or not. The peak lasts two hours a day.")
    replayed("rides")
    if provisioned:
        wrong("It held for ten minutes, out of saved burst capacity. The peak lasts two hours.")


@lab.task("guard", hints=HINTS["guard"], why=WHY["guard"])
def guard() -> None:
    """A maximum keeps a mistake cheap and lets the peak pass."""
    most = int(table("rides").get("OnDemandThroughput", {}).get("MaxWriteRequestUnits", -1))
    if most < 0:
        not_attempted("The table of rides has no maximum of write request units.")
    if most < owl.PEAK_UNITS:
        wrong(f"A maximum of {most} is below the peak of {owl.PEAK_UNITS} units a second: riders would be refused.")
    if most > 2 * owl.PEAK_UNITS:
        wrong(f"With a maximum of {most} a mistake could still write {most / owl.PEAK_UNITS:.0f} times the peak.")
    replayed("rides")
