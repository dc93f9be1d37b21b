"""The lab find_the_slow_one: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "16_find_the_slow_one"
TASKS = ["tracing", "sampling", "annotate", "slow", "failing", "alarm", "repair", "proof"]
FUNCTIONS = ["booking", "prices", "seats", "payment"]
SHORT_DAY = [{"card": "gold-1"}, {"ticket": "child"}, {"route": "west"}]
RULE = {
    "RuleName": "ferry", "Priority": 100, "FixedRate": 1, "ReservoirSize": 0, "ServiceName": "ferry/prod",
    "ServiceType": "AWS::ApiGateway::Stage", "Host": "*", "HTTPMethod": "*", "URLPath": "*", "ResourceARN": "*",
    "Version": 1,
}  # fmt: skip
ALARM = {
    "AlarmName": "bookings-fail", "Namespace": "AWS/ApiGateway", "MetricName": "5XXError", "Statistic": "Sum",
    "Dimensions": [{"Name": "ApiName", "Value": "ferry"}, {"Name": "Stage", "Value": "prod"}], "Period": 60,
    "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}  # fmt: skip
NOTE = """
    with xray_recorder.in_subsegment("order") as part:
        part.put_annotation("card", price["card"])
        part.put_annotation("ticket", order["ticket"])
"""
SLOW = 'annotation.card = "gold" AND service("prices") { responsetime > 1 }'
FAILING = 'service("payment") { fault }'
SLOWLY = 'harbour.trip(number)["points"] for number in card["trips"]'
QUICK = (SLOWLY, 'each["points"] for each in harbour.trips(card["trips"])')
EXACT = ('"usd": order["usd"]}', '"usd": __import__("decimal").Decimal(str(order["usd"]))}')


class Learner:
    """Somebody who searches: what a learner's cells would do, and the checks."""

    def __init__(self, ferry: Any, lab: Lab) -> None:
        self.ferry, self.lab, self.xray = ferry, lab, boto3.client("xray")
        self.functions, self.cloudwatch = boto3.client("lambda"), boto3.client("cloudwatch")
        self.files = {name: textwrap.dedent(ferry.FILES[f"{name}.py"]) for name in FUNCTIONS}
        self.deployed, self.traced, self.observed = dict(self.files), "", False

    def trace(self, *, stage: bool = True, active: list[str] = FUNCTIONS) -> None:
        wanted = f"{stage} {active}"
        if self.traced == wanted:
            return  # a change would let all functions begin cold
        self.traced = wanted
        for name in FUNCTIONS:
            mode = "Active" if name in active else "PassThrough"
            self.functions.update_function_configuration(FunctionName=name, TracingConfig={"Mode": mode})
        patch = {"op": "replace", "path": "/tracingEnabled", "value": str(stage).lower()}
        api = self.ferry.api_id()
        boto3.client("apigateway").update_stage(restApiId=api, stageName="prod", patchOperations=[patch])

    def rule(self, **changes: Any) -> None:
        for record in self.xray.get_sampling_rules()["SamplingRuleRecords"]:
            if record["SamplingRule"]["RuleName"] != "Default":
                self.xray.delete_sampling_rule(RuleName=record["SamplingRule"]["RuleName"])
        self.xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "FixedRate": 0})
        self.xray.create_sampling_rule(SamplingRule={**RULE, **changes})

    def deploy(self, function: str, *changes: tuple[str, str]) -> None:
        """Give a function its first code with changes, unless it has it."""
        code = self.files[function]
        for old, new in changes:
            assert old in code
            code = code.replace(old, new)
        if self.deployed[function] != code:
            self.ferry.deploy(function, code)
            self.deployed[function] = code

    def note(self, note: str = NOTE) -> None:
        called = '    price = call("prices", order)\n'
        self.deploy("booking", ("import json, os", "import json, os\nfrom aws_xray_sdk.core import xray_recorder"),
                    (called, called + note.lstrip("\n")))  # fmt: skip

    def observe(self) -> None:
        """Let X-Ray see a booking of each kind by functions that are not repaired."""
        if not self.observed:
            self.trace()
            self.rule()
            self.note()
            self.repair()
            self.ferry.book("0")
            for order in [*SHORT_DAY, {}, {"card": "blue-1"}, {"ticket": "coach", "seats": 20}]:
                self.ferry.book("1", **order)
            self.observed = True

    def group(self, name: str, expression: str) -> None:
        for group in self.xray.get_groups()["Groups"]:
            self.xray.delete_group(GroupName=group["GroupName"])
        self.xray.create_group(GroupName=name, FilterExpression=expression)

    def alarm(self, *, told: bool = True, **changes: Any) -> None:
        topic = boto3.client("sns").create_topic(Name="bridge")["TopicArn"]
        self.cloudwatch.delete_alarms(AlarmNames=["bookings-fail"])
        self.cloudwatch.put_metric_alarm(**{**ALARM, "AlarmActions": [topic] if told else [], **changes})

    def repair(self, prices: tuple[str, str] | None = None, payment: tuple[str, str] | None = None) -> None:
        self.deploy("prices", *filter(None, [prices]))
        self.deploy("payment", *filter(None, [payment]))

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture(scope="module")
def learner() -> Iterator[Learner]:
    """One ferry line for all tests: its functions stay warm, and its traces pile up as they do for a learner."""
    with open_lab(FOLDER, speed=30) as loaded:
        loaded["ferry"].open_line()
        loaded["ferry"].DAY[:] = SHORT_DAY
        yield Learner(loaded["ferry"], loaded["checks"].lab)


def given(name: str, answer: Callable[[Learner], None]) -> Callable[[Learner], None]:
    """Name an answer, for the name of its test."""
    answer.__name__ = name
    return answer


def sampled(name: str, **changes: Any) -> Callable[[Learner], None]:
    def give(learner: Learner) -> None:
        learner.trace()
        learner.rule(**changes)

    return given(name, give)


def default_changed(learner: Learner) -> None:
    learner.xray.update_sampling_rule(SamplingRuleUpdate={"RuleName": "Default", "FixedRate": 1})


def noted(name: str, note: str) -> Callable[[Learner], None]:
    def give(learner: Learner) -> None:
        learner.trace()
        learner.note(note)

    return given(name, give)


def grouped(name: str, expression: str) -> Callable[[Learner], None]:
    def give(learner: Learner) -> None:
        learner.observe()
        learner.group(name, expression)

    return given(f"{name} {expression}", give)


def alarmed(name: str, **changes: Any) -> Callable[[Learner], None]:
    return given(name, lambda learner: learner.alarm(**changes))


def repaired(name: str, prices: tuple[str, str] | None, payment: tuple[str, str] | None) -> Callable[[Learner], None]:
    def give(learner: Learner) -> None:
        learner.observe()
        learner.repair(prices, payment)

    return given(name, give)


def day_after(name: str, prices: tuple[str, str] | None, payment: tuple[str, str] | None) -> Callable[[Learner], None]:
    def give(learner: Learner) -> None:
        learner.observe()
        learner.note()
        learner.repair(prices, payment)
        learner.ferry.day("A day")

    return given(name, give)


def not_noted(learner: Learner) -> None:
    learner.observe()
    learner.deploy("booking")
    learner.repair()
    learner.repair(QUICK, EXACT)
    learner.ferry.day("A day")


def alarm_gone(learner: Learner) -> None:
    day_after("", QUICK, EXACT)(learner)
    learner.cloudwatch.delete_alarms(AlarmNames=["bookings-fail"])


METADATA = NOTE.replace("put_annotation", "put_metadata")
ON_THE_SEGMENT = '    xray_recorder.put_annotation("card", price["card"])\n'
ONLY_CARD = NOTE.replace('        part.put_annotation("ticket", order["ticket"])\n', "")
NUMBER = NOTE.replace('price["card"]', 'order["card"]')
EXCHANGED = NOTE.replace('price["card"]', 'order["route"]')
NO_DISCOUNT = ("- points(card) // 10", "")
HIDDEN = (
    "receipts.put_item(",
    'if isinstance(order["usd"], float):\n        return {"paid": order["usd"]}\n    receipts.put_item(',
)
ROUNDED = ('"usd": order["usd"]}', '"usd": int(order["usd"])}')

WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("tracing", given("no_stage", lambda learner: learner.trace(stage=False)), "the stage `prod` is not", ""),
    ("tracing", given("no_function", lambda learner: learner.trace(active=[])), "no function is Active", ""),
    ("tracing", given("no_seats", lambda learner: learner.trace(active=["booking", "prices", "payment"])),
     "a hole where `seats` should be", ""),
    ("sampling", default_changed, "You have changed the rule Default", ""),
    ("sampling", sampled("for_lambda", ServiceType="AWS::Lambda::Function"), "no booking was chosen",
     "AWS::Lambda::Function"),
    ("sampling", sampled("everything", ServiceName="*"), "records every service of the account", ""),
    ("sampling", sampled("a_reservoir", FixedRate=0.0, ReservoirSize=50), "take a rate of 1", ""),
    ("annotate", noted("metadata", METADATA), "no filter expression finds it", ""),
    ("annotate", noted("on_the_segment", ON_THE_SEGMENT), "Now `booking` itself fails", "FacadeSegments cannot"),
    ("annotate", noted("only_card", ONLY_CARD), "the trace has no annotation `ticket`", "'card': 'blue'"),
    ("annotate", noted("number", NUMBER), "`card` is the number of the card", ""),
    ("annotate", noted("exchanged", EXCHANGED), "do not tell what was booked", "north"),
    ("slow", grouped("seats-gold", SLOW), "as the harbour has always been", ""),
    ("slow", grouped("booking-gold", SLOW), "`booking` is not where the time is lost", ""),
    ("slow", grouped("price-gold", SLOW), "should begin with the name of a function", ""),
    ("slow", grouped("prices-blue", SLOW), "whose card is `blue`", ""),
    ("slow", grouped("prices-gold", 'annotation.card = "Gold"'), "finds no trace at all", ""),
    ("slow", grouped("prices-gold", "responsetime > 1"), "finds coach parties too", ""),
    ("slow", grouped("prices-gold", 'service("prices") AND !annotation.ticket = "coach"'), "without a golden card", ""),
    ("failing", grouped("booking-child", FAILING), "fails because something that it calls fails", ""),
    ("failing", grouped("payment-adult", FAILING), "fails for the ticket `adult`", ""),
    ("failing", grouped("payment-child", 'edge("booking", "payment") { fault }'), "finds not a single failure", ""),
    ("failing", grouped("payment-child", "!ok"), "a ferry that was sold out", ""),
    ("failing", grouped("payment-child", 'service("payment")'), "finds bookings that went well", ""),
    ("alarm", alarmed("client_errors", MetricName="4XXError"), "Bookings that fail are `5XXError`", ""),
    ("alarm", alarmed("latency", MetricName="Latency"), "looks at another metric", "Latency"),
    ("alarm", alarmed("no_stage", Dimensions=ALARM["Dimensions"][:1]), "That metric never has data", "ApiName"),
    ("alarm", alarmed("mean", Statistic="Average"), "count the failures of one minute", ""),
    ("alarm", alarmed("many", Threshold=5), "must be enough to ring", "Threshold 5"),
    ("alarm", alarmed("nobody_told", told=False), "nobody hears it", ""),
    ("alarm", alarmed("unknown", TreatMissingData="missing"), "treat missing data as `notBreaching`", "INSUFFICIENT"),
    ("repair", repaired("no_discount", NO_DISCOUNT, EXACT), "with the card gold-1 costs 22 USD", ""),
    ("repair", repaired("only_payment", None, EXACT), "golden cards are as slow as before", ""),
    ("repair", repaired("only_prices", QUICK, None), "children's tickets still fail", "502"),
    ("repair", repaired("hidden", QUICK, HIDDEN), "there is no receipt", ""),
    ("repair", repaired("rounded", QUICK, ROUNDED), "costs 12.50 USD", "12 USD"),
    ("proof", day_after("faults", QUICK, None), "since the last change there was a fault", ""),
    ("proof", day_after("slow", None, EXACT), "`prices` was as slow as ever", ""),
    ("proof", not_noted, "have no annotations any more", ""),
    ("proof", alarm_gone, "is gone. Who will tell you", ""),
]  # fmt: skip


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_what_is_done_is_right_and_what_comes_next_is_not_attempted(learner: Learner) -> None:
    learner.observe()
    learner.note()
    learner.repair()
    learner.alarm()
    learner.group("prices-gold", SLOW)
    assert [learner.result(name).state for name in ("slow", "failing")] == ["right", "not attempted"]
    assert learner.result("repair").state == "not attempted"
    learner.xray.create_group(GroupName="payment-child", FilterExpression=FAILING)
    learner.repair(QUICK, EXACT)
    assert [learner.result(name).state for name in ("failing", "proof")] == ["right", "not attempted"]
    learner.ferry.day("After the repair")
    assert {name: result.state for name, result in learner.lab.results().items()} == dict.fromkeys(TASKS, "right")


@pytest.mark.parametrize("expression", ['annotation.card = "gold"', 'service("prices") { responsetime > 1 }'])
def test_other_expressions_for_the_slow_ones_are_right_too(learner: Learner, expression: str) -> None:
    learner.observe()
    learner.group("prices-gold", expression)
    assert learner.result("slow").state == "right"


@pytest.mark.parametrize("expression", ["fault", 'annotation.ticket = "child" AND !ok'])
def test_other_expressions_for_the_failures_are_right_too(learner: Learner, expression: str) -> None:
    learner.observe()
    learner.group("payment-child", expression)
    assert learner.result("failing").state == "right"
