"""Checks of the lab find_the_slow_one: they book, read the traces, and listen to the alarm."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import boto3
import ferry
from ferry import ALARM, API, CARDS, FUNCTIONS, PROMISE_SECONDS, STAGE, TICKETS, TRACED, UNTRACED, Booking, traces
from words import HINTS, WHY

from helpers.teaching import names
from helpers.teaching.checks import Lab, eventually, not_attempted, wrong
from helpers.teaching.traces import trace

GOLD, CHILD = 'annotation.card = "gold"', 'annotation.ticket = "child"'
SLOW = f"responsetime > {PROMISE_SECONDS}"
METRIC = {"Namespace": "AWS/ApiGateway", "MetricName": "5XXError"}
lab = Lab("find_the_slow_one")


def sold(**order: Any) -> Booking:
    """Book without a trace, and return what became of it; a booking that should be sold and is not is wrong."""
    booked = ferry.book(UNTRACED, **order)
    if booked.status != 200:
        wrong(f"The booking {said(order)} is not sold any more.", said=f"{booked.status} {booked.answer}")
    return booked


def said(order: dict[str, Any]) -> str:
    """Return an order in words."""
    return "with " + ", ".join(f"{name} {value}" for name, value in order.items())


@lab.task("tracing", hints=HINTS["tracing"], why=WHY["tracing"])
def tracing() -> None:
    """A booking's trace has the stage and all four functions."""
    stage = boto3.client("apigateway").get_stage(restApiId=ferry.api_id(), stageName=STAGE)
    settings = {
        name: boto3.client("lambda").get_function_configuration(FunctionName=name).get("TracingConfig") or {}
        for name in FUNCTIONS
    }
    passive = [name for name, each in settings.items() if each.get("Mode") != "Active"]
    if not stage.get("tracingEnabled") and len(passive) == len(FUNCTIONS):
        not_attempted("Neither the stage nor a function is traced yet.")
    if not stage.get("tracingEnabled"):
        wrong(f"The functions are traced, the stage `{STAGE}` is not: nobody sees what the passengers wait for.")
    if len(passive) == len(FUNCTIONS):
        wrong("The stage is traced, and its traces end there: no function is Active.")
    if passive:
        wrong(f"A trace has a hole where {names.listed([f'`{each}`' for each in passive])} should be: not Active yet.")
    booked = ferry.book(TRACED)
    origins = {(each["name"], each.get("origin")) for each in trace(booked.trace)}
    missing = [name for name in FUNCTIONS if (name, "AWS::Lambda::Function") not in origins]
    if missing or (f"{API}/{STAGE}", "AWS::ApiGateway::Stage") not in origins:
        wrong(f"We booked, and the trace lacks {names.listed(missing) or 'the stage'}.", said=booked.answer)


@lab.task("sampling", hints=HINTS["sampling"], why=WHY["sampling"])
def sampling() -> None:
    """A rule of its own lets X-Ray record every request of the stage, and the default rule stays as it was."""
    records = boto3.client("xray").get_sampling_rules()["SamplingRuleRecords"]
    rules = {record["SamplingRule"]["RuleName"]: record["SamplingRule"] for record in records}
    default = rules.pop("Default")
    if default["FixedRate"] or default["ReservoirSize"]:
        wrong(
            "You have changed the rule Default. It is for everything in this account that has no rule of its own: "
            "set rate and reservoir back to 0, and make a rule for the ferry alone."
        )
    if not rules:
        not_attempted("There is no sampling rule but Default, and that one records nothing.")
    chosen = sum(ferry.book().traced for _ in range(3))
    if not chosen:
        rule = min(rules.values(), key=lambda each: int(each["Priority"]))
        wrong(
            "We booked three times, and no booking was chosen. API Gateway calls itself "
            f"`{API}/{STAGE}`, of the type `AWS::ApiGateway::Stage`, and no path is known of it.",
            said=f"ServiceName {rule['ServiceName']}, ServiceType {rule['ServiceType']}, URLPath {rule['URLPath']}, "
            f"HTTPMethod {rule['HTTPMethod']}, FixedRate {rule['FixedRate']}",
        )
    broad = [name for name, rule in rules.items() if {rule["ServiceName"], rule["ResourceARN"]} == {"*"}]
    if broad:
        wrong(f"The rule `{broad[0]}` records every service of the account, not the ferry's stage alone.")
    if chosen < 3 or all(rule["FixedRate"] < 1 for rule in rules.values()):
        wrong("Some bookings are chosen, others are not. The slow one may be among the others: take a rate of 1.")


@lab.task("annotate", hints=HINTS["annotate"], why=WHY["annotate"])
def annotate() -> None:
    """Each booking's trace says the kind of the card and of the ticket, whether it ends well or not."""
    check_annotations({"card": "blue", "ticket": "adult"}, card="blue-1")
    check_annotations({"card": "none", "ticket": "child"}, ticket="child")


def check_annotations(wanted: dict[str, Any], **order: Any) -> None:
    """Book, and check what the trace tells of it."""
    told = annotations_of(wanted, **order)
    if not told:
        not_attempted("The traces of bookings have no annotation yet.")
    missing = [key for key in wanted if key not in told]
    if missing:
        wrong(
            f"We booked for a card of kind {wanted['card']} with a ticket for {wanted['ticket']}: the trace has no "
            f"annotation `{missing[0]}`.",
            said=f"annotations: {told}",
        )
    if told["card"] == order.get("card"):
        wrong("`card` is the number of the card. Then each card is found alone; you want all cards of a kind.")
    if told != wanted:
        wrong("The annotations are there, and they do not tell what was booked.", said=f"{told} instead of {wanted}")


def annotations_of(wanted: dict[str, Any], **order: Any) -> dict[str, Any]:
    """Book and return the annotations that the functions gave to the trace, at once when they are as wanted."""
    booked, deadline = ferry.book(TRACED, **order), time.monotonic() + 1.2
    while (found := annotations_in(trace(booked.trace, 0))) != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def annotations_in(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the annotations of a trace that its functions made."""
    broken = [
        each
        for document in documents
        if document["name"] == "booking"
        for each in document.get("cause", {}).get("exceptions", [])
        if each["type"] != "RuntimeError"
    ]
    if broken:
        wrong("Now `booking` itself fails.", said=f"{broken[0]['type']}: {broken[0]['message']}")
    parts = [part for document in documents for part in _parts(document)]
    if not any(part.get("origin") == "AWS::Lambda::Function" for part in parts):
        not_attempted("Bookings leave no trace of the functions yet: switch tracing on first.")
    found = {key: value for part in parts for key, value in part.get("annotations", {}).items() if ":" not in key}
    if not found and any("card" in str(part.get("metadata")) for part in parts if part.get("origin") is None):
        wrong("What you noted is metadata: it stands in the trace, but no filter expression finds it.")
    return found


def _parts(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [document, *(each for part in document.get("subsegments") or [] for each in _parts(part))]


def group_of(kinds: tuple[str, ...]) -> tuple[str, str, set[str]]:
    """Return the culprits that a group's name tells, function and kind, and the traces that the group finds."""
    groups = boto3.client("xray").get_groups()["Groups"]
    for name in (group["GroupName"] for group in groups):
        function, _, kind = name.partition("-")
        if kind in kinds:
            if function not in FUNCTIONS:
                wrong(f"The group `{name}` should begin with the name of a function: {names.listed(list(FUNCTIONS))}.")
            return function, kind, ids(f'group.name = "{name}"')
    not_attempted(f"There is no group called FUNCTION-KIND yet; kinds are {names.listed(list(kinds))}.")


def ids(expression: str) -> set[str]:
    """Return the ids of the traces that a filter expression finds."""
    return {each["Id"] for each in traces(expression)}


def annotated() -> None:
    """Go on only if traces of all kinds of bookings are annotated."""
    kinds = [f'annotation.card = "{each}"' for each in CARDS] + [f'annotation.ticket = "{each}"' for each in TICKETS]
    if not all(map(ids, kinds)):
        not_attempted("X-Ray does not have annotated traces of all kinds yet: annotate, and let a day pass.")


@lab.task("slow", hints=HINTS["slow"], why=WHY["slow"])
def slow() -> None:
    """A group is named after the function that loses the time and for whom, and it finds these bookings alone."""
    annotated()
    function, kind, found = group_of(CARDS)
    if function == "seats":
        wrong("`seats` is slow when twenty seats are taken, as the harbour has always been. Look for the other one.")
    if function != "prices":
        wrong(f"`{function}` is not where the time is lost: ask X-Ray for `service(...) {{ {SLOW} }}` of each.")
    if kind != "gold":
        wrong(f"It is `prices`, but it is not slow for passengers whose card is `{kind}`.")
    if not found:
        wrong("The group's name is right, and its filter expression finds no trace at all.")
    lost = ids(f'service("prices") {{ {SLOW} }}')
    guilty, others = ids(GOLD) & lost, found - lost
    if others & ids('annotation.ticket = "coach"'):
        wrong("The group finds coach parties too. They are slow for a reason that everybody knows.")
    if others & ids('annotation.card = "none" OR annotation.card = "blue"'):
        wrong("The group finds passengers without a golden card too.")
    if guilty - found:
        wrong(f"The group misses {len(guilty - found)} of {len(guilty)} bookings in which `prices` was slow.")


@lab.task("failing", hints=HINTS["failing"], why=WHY["failing"])
def failing() -> None:
    """A group is named after the function that fails and for whom, and it finds these failures alone."""
    annotated()
    function, kind, found = group_of(TICKETS)
    if function == "booking":
        wrong("`booking` fails because something that it calls fails. A trace shows where the fault begins.")
    if (function, kind) != ("payment", "child"):
        wrong(f"It is not `{function}` that fails for the ticket `{kind}`. What do the traces with a fault say?")
    if not found:
        wrong("The group's name is right, and its filter expression finds not a single failure.")
    if found & ids("http.status = 409"):
        wrong("The group finds a ferry that was sold out. That is an error, 4xx: nothing is broken.")
    if found & (ids("ok") - ids(CHILD)):
        wrong("The group finds bookings that went well, for tickets that are no child's.")
    guilty = ids(f'{CHILD} AND service("payment") {{ fault }}')
    if guilty - found:
        wrong(f"The group misses {len(guilty - found)} of {len(guilty)} bookings in which `payment` failed.")


def alarm() -> dict[str, Any] | None:
    """Return what CloudWatch tells of the alarm, or None."""
    found = boto3.client("cloudwatch").describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    return dict(found[0]) if found else None


def alarm_state() -> str:
    """Return the state of the alarm."""
    return str((alarm() or {})["StateValue"])


@lab.task("alarm", hints=HINTS["alarm"], why=WHY["alarm"])
def alarm_rings() -> None:
    """One booking that fails rings the alarm, which tells the bridge; a quiet minute ends it."""
    told = alarm()
    if told is None:
        not_attempted(f"There is no alarm called `{ALARM}` yet.")
    check_settings(told)
    if alarm_state() != "ALARM":
        ferry.book(UNTRACED, body="not an order")
    eventually(lambda: alarm_state() == "ALARM", "the alarm to ring after a booking that failed", 8)
    eventually(lambda: alarm_state() != "ALARM", "the alarm to end when no booking failed any more", 8)
    if alarm_state() != "OK":
        wrong(
            "When nobody books, the alarm does not know what to say. No booking is no failed booking: treat missing "
            "data as `notBreaching`.",
            said=alarm_state(),
        )


def check_settings(told: dict[str, Any]) -> None:
    """Check what the alarm looks at, and whom it tells."""
    metric = {name: told.get(name) for name in METRIC}
    if metric["MetricName"] == "4XXError":
        wrong("`4XXError` counts ferries that are sold out. Bookings that fail are `5XXError`.")
    if metric != METRIC:
        wrong("The alarm looks at another metric than the gateway's failed requests.", said=metric)
    dimensions = {each["Name"]: each["Value"] for each in told["Dimensions"]}
    if dimensions != {"ApiName": API, "Stage": STAGE}:
        wrong(
            "That metric never has data: the alarm needs the dimensions `ApiName` and `Stage`, with their values.",
            said=f"Dimensions: {dimensions}",
        )
    if told.get("Statistic") != "Sum" or told["Period"] * told["EvaluationPeriods"] != 60:
        wrong("The alarm should count the failures of one minute: `Sum`, one period of 60 seconds.")
    above = told["ComparisonOperator"] == "GreaterThanThreshold"
    if told["Threshold"] + above > 1 or "Less" in told["ComparisonOperator"]:
        wrong("One failed booking a minute must be enough to ring.", said=f"Threshold {told['Threshold']:g}")
    if not any(arn.endswith(f":{ferry.TOPIC}") for arn in told.get("AlarmActions", [])):
        wrong(f"The alarm rings, and nobody hears it: it does not tell the topic `{ferry.TOPIC}`.")


@lab.task("repair", hints=HINTS["repair"], why=WHY["repair"], seconds=90)
def repair() -> None:
    """Golden cards are quick and have their discount; children's tickets are sold for half the price."""
    ferry.book(UNTRACED)
    golden, child = ferry.book(UNTRACED, card="gold-1"), ferry.book(UNTRACED, ticket="child")
    if golden.seconds > PROMISE_SECONDS and child.status != 200:
        not_attempted("Golden cards are as slow as before, and children's tickets fail.")
    for card, usd in (("gold-1", 22), ("gold-2", 22), ("blue-1", 25)):
        paid = sold(card=card).answer["usd"]
        if paid != usd:
            wrong(f"A ticket for 25 USD with the card {card} costs {usd} USD, and {paid} USD were asked for.")
    if golden.seconds > PROMISE_SECONDS:
        wrong("Children's tickets are sold, and golden cards are as slow as before.")
    if child.status != 200:
        wrong("Golden cards are quick, and children's tickets still fail.", said=f"{child.status} {child.answer}")
    receipt = boto3.resource("dynamodb").Table("receipts").get_item(Key={"order": child.order}).get("Item")
    if receipt is None:
        wrong("A child's ticket is sold, and there is no receipt: the error is hidden, and the money too.")
    if float(receipt["usd"]) != 12.5:
        wrong("A child's ticket for 25 USD costs 12.50 USD.", said=f"receipt: {receipt['usd']} USD")
    coach = sold(ticket="coach", seats=20).answer["usd"]
    if coach != 500:
        wrong(f"A coach party of 20 pays 500 USD, and {coach} USD were asked for.")


@lab.task("proof", hints=HINTS["proof"], why=WHY["proof"])
def proof() -> None:
    """A day after the repair has no fault and no slow golden card in X-Ray, and the alarm that has rung is OK."""
    changed = last_change()
    found = [each for each in traces('service("booking")') if each["StartTime"].timestamp() >= changed]
    if len(found) < len(ferry.DAY):
        not_attempted(
            f"X-Ray has {names.count(len(found), 'booking')} since `prices` and `payment` were changed. Let a day pass."
        )
    late = {each["Id"] for each in found}
    faults = late & ids("fault")
    if faults:
        wrong(f"In {len(faults)} of {len(found)} bookings since the last change there was a fault.")
    lost = late & ids(f'{GOLD} AND service("prices") {{ {SLOW} }}')
    if lost:
        wrong(f"In {len(lost)} bookings since the last change `prices` was as slow as ever.")
    if not late & ids(GOLD) or not late & ids(CHILD):
        wrong("The day's traces have no annotations any more: nobody sees that it is the golden cards that are quick.")
    if alarm() is None:
        wrong(f"The alarm `{ALARM}` is gone. Who will tell you when bookings fail again?")
    history = boto3.client("cloudwatch").describe_alarm_history(AlarmName=ALARM, HistoryItemType="StateUpdate")
    if not any("to ALARM" in item["HistorySummary"] for item in history["AlarmHistoryItems"]):
        wrong("The alarm is quiet, and it has never rung: who knows whether it can?")
    eventually(lambda: alarm_state() == "OK", "the alarm to be OK", 8)


def last_change() -> float:
    """Return when the code of ``prices`` or ``payment`` was changed last, in seconds since the epoch."""
    configurations = [
        boto3.client("lambda").get_function_configuration(FunctionName=name) for name in ("prices", "payment")
    ]
    return max(datetime.fromisoformat(each["LastModified"]).timestamp() for each in configurations)
