"""The lab pay_once: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest

from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "15_pay_once"
TASKS = ["standard", "clicks", "broken", "approve", "silence", "pings"]
BANK = "arn:aws:lambda:us-east-1:123456789012:function:charge"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:"
CHARGE: dict[str, Any] = {"Type": "Task", "Resource": BANK, "ResultPath": "$.receipt", "End": True}
KEY = {"id.$": "$.id", "usd.$": "$.usd", "key.$": "$.id"}
RETRY = [{"ErrorEquals": ["ConnectionLost"], "MaxAttempts": 3}]
SAFE = {**CHARGE, "Parameters": KEY, "Retry": RETRY}
BIG: dict[str, Any] = {"Variable": "$.usd", "NumericGreaterThan": 200, "Next": "Ask"}
MESSAGE = {"order.$": "$.id", "token.$": "$$.Task.Token"}
ITEM = {"ping": {"S.$": "$.id"}, "bike": {"S.$": "$.bike"}, "place": {"S.$": "$.place"}}
States = dict[str, dict[str, Any]]


def asking(body: dict[str, str] = MESSAGE, wait: str = ".waitForTaskToken", **more: Any) -> dict[str, Any]:
    """Return the state that asks Farah."""
    url = boto3.client("sqs").get_queue_url(QueueName="approvals")["QueueUrl"]
    given = {"QueueUrl": url, "MessageBody": body}
    state = {"Type": "Task", "Resource": f"arn:aws:states:::sqs:sendMessage{wait}", "Parameters": given}
    return {**state, "ResultPath": "$.approval", "Next": "Charge", **more}


def deciding(**more: Any) -> States:
    """Return the states of a payment that asks Farah about big sums; ``more`` are changes to the state that asks."""
    choice = {"Type": "Choice", "Choices": [BIG], "Default": "Charge"}
    return copy.deepcopy({"How much?": choice, "Ask": asking(**more), "Charge": SAFE})


def then(state: dict[str, Any], following: str) -> dict[str, Any]:
    """Return a last state as one that goes on."""
    return {**{name: value for name, value in state.items() if name != "End"}, "Next": following}


class Learner:
    """Somebody who builds the payment: what a learner's cells would do, and the checks."""

    def __init__(self, rental: Any, lab: Lab) -> None:
        self.rental, self.lab = rental, lab
        self.states = boto3.client("stepfunctions")
        self.role = boto3.client("iam").get_role(RoleName="rental")["Role"]["Arn"]

    def save(self, steps: States, kind: str = "STANDARD", name: str = "pay", **settings: Any) -> None:
        text = json.dumps({"StartAt": next(iter(steps)), "States": steps})
        if self.rental.machine(name):
            self.states.update_state_machine(stateMachineArn=MACHINE + name, definition=text)
        else:
            self.states.create_state_machine(name=name, type=kind, definition=text, roleArn=self.role, **settings)

    def click(self, name: str = "{id}", catch: bool = True, named: bool = True) -> None:
        """Write the function ``pay``."""
        refusal: Any = self.states.exceptions.ExecutionAlreadyExists if catch else ()

        def pay(order: dict[str, Any]) -> None:
            more = {"name": name.format(**order)} if named else {}
            with suppress(*([refusal] if catch else [])):
                self.states.start_execution(stateMachineArn=MACHINE + "pay", input=json.dumps(order), **more)

        self.rental.answer(pay)

    def keep(self, item: Any = ITEM, kind: str = "EXPRESS", level: str = "ALL", data: bool = True) -> None:
        """Make the machine ``pings``."""
        put = "arn:aws:states:::dynamodb:putItem"
        state = {"Type": "Task", "Resource": put, "Parameters": {"TableName": "pings", "Item": item}, "End": True}
        groups = boto3.client("logs").describe_log_groups(logGroupNamePrefix="/rental/pings")["logGroups"]
        places = [{"cloudWatchLogsLogGroup": {"logGroupArn": groups[0]["arn"]}}]
        logging = {"level": level, "includeExecutionData": data, "destinations": places}
        self.save({"Keep": state}, kind, "pings", loggingConfiguration=logging)

    def done(self, tasks: int) -> None:
        """Do so many tasks."""
        steps: list[States] = [{"Charge": CHARGE}, {"Charge": CHARGE}, {"Charge": SAFE}]
        steps += [deciding(), deciding(TimeoutSeconds=300), deciding(TimeoutSeconds=300)]
        if tasks:
            self.save(steps[tasks - 1])
        if tasks >= 2:
            self.click()
        if tasks >= 6:
            self.keep()

    def forget(self) -> None:
        self.rental.answers.clear()
        for name in ("pay", "pings"):
            if self.rental.machine(name):
                self.states.delete_state_machine(stateMachineArn=MACHINE + name)

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture(scope="module")
def shop() -> Iterator[Learner]:
    """One rental for all tests: its function stays warm."""
    with open_lab(FOLDER, speed=120) as loaded:
        loaded["rental"].open_shop()
        yield Learner(loaded["rental"], loaded["checks"].lab)


@pytest.fixture
def learner(shop: Learner) -> Learner:
    shop.forget()
    return shop


def express(learner: Learner) -> None:
    learner.save({"Charge": CHARGE}, "EXPRESS")


def no_bank(learner: Learner) -> None:
    learner.save({"Charge": {"Type": "Pass", "End": True}})


def two_charges(learner: Learner) -> None:
    learner.save({"Charge": then(CHARGE, "Again"), "Again": CHARGE})


def no_name(learner: Learner) -> None:
    learner.done(1)
    learner.click(named=False)


def no_catch(learner: Learner) -> None:
    learner.done(1)
    learner.click(catch=False)


def one_name(learner: Learner) -> None:
    learner.done(1)
    learner.click("payment")


def no_key(learner: Learner) -> None:
    learner.save({"Charge": {**CHARGE, "Retry": RETRY}})


def one_key(learner: Learner) -> None:
    parameters = {"id.$": "$.id", "usd.$": "$.usd", "key": "rental"}
    learner.save({"Charge": {**SAFE, "Parameters": parameters}})


def two_tries(learner: Learner) -> None:
    learner.save({"Charge": {**SAFE, "Retry": [{**RETRY[0], "MaxAttempts": 1}]}})


def no_token_asked(learner: Learner) -> None:
    learner.save(deciding(wait="", body={"order.$": "$.id"}))


def everybody_waits(learner: Learner) -> None:
    learner.save({"Ask": asking(), "Charge": SAFE})


def two_hundred_waits(learner: Learner) -> None:
    steps = deciding()
    steps["How much?"]["Choices"] = [{"Variable": "$.usd", "NumericGreaterThanEquals": 200, "Next": "Ask"}]
    learner.save(steps)


def no_token_sent(learner: Learner) -> None:
    learner.save(deciding(body={"order.$": "$.id"}))


def no_order_sent(learner: Learner) -> None:
    learner.save(deciding(body={"token.$": "$$.Task.Token"}))


def order_replaced(learner: Learner) -> None:
    learner.save(deciding(ResultPath="$"))


def charged_first(learner: Learner) -> None:
    after = {"Type": "Choice", "Choices": [BIG], "Default": "Done"}
    steps = {"Charge": then(SAFE, "How much?"), "How much?": after}
    learner.save({**steps, "Ask": asking(Next="Done"), "Done": {"Type": "Succeed"}})


def no_means_yes(learner: Learner) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.why", "Next": "Charge"}]
    learner.save(deciding(TimeoutSeconds=300, Catch=catch))


def silence_means_yes(learner: Learner) -> None:
    catch = [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.why", "Next": "Charge"}]
    learner.save(deciding(TimeoutSeconds=300, Catch=catch))


def handed_out(learner: Learner) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Done"}]
    learner.save({**deciding(TimeoutSeconds=300, Catch=catch), "Done": {"Type": "Succeed"}})


def hurry(learner: Learner) -> None:
    learner.save(deciding(TimeoutSeconds=60))


def asked_again(learner: Learner) -> None:
    learner.save(deciding(TimeoutSeconds=300, Retry=[{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 5}]))


def dear(learner: Learner) -> None:
    learner.keep(kind="STANDARD")


def new_key(learner: Learner) -> None:
    learner.keep({**ITEM, "ping": {"S.$": "States.UUID()"}})


def key_of_the_bike(learner: Learner) -> None:
    learner.keep({**ITEM, "ping": {"S.$": "$.bike"}})


def no_place(learner: Learner) -> None:
    learner.keep({"ping": {"S.$": "$.id"}, "bike": {"S.$": "$.bike"}})


def no_log(learner: Learner) -> None:
    learner.keep(level="ERROR")


def no_data(learner: Learner) -> None:
    learner.keep(data=False)


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("standard", express, "60 USD were charged for an order of 30 USD", ""),
    ("standard", no_bank, "the bank was never asked", ""),
    ("standard", two_charges, "and 60 USD were charged", ""),
    ("clicks", no_name, "Three clicks on one order are more than one payment", ""),
    ("clicks", no_catch, "Click 3 on the same order raises an error", "Execution Already Exists"),
    ("clicks", one_name, "the payment of another customer's order", ""),
    ("broken", no_key, "It knows a call that comes again only by its `key`", ""),
    ("broken", one_key, "A key belongs to one order", ""),
    ("broken", two_tries, "let it try three times", "ConnectionLost"),
    ("approve", no_token_asked, "nothing waits for the token", ""),
    ("approve", everybody_waits, "An order of 30 USD waits for Farah", ""),
    ("approve", two_hundred_waits, "An order of 200 USD waits for Farah", ""),
    ("approve", no_token_sent, "The message has no `token`", ""),
    ("approve", no_order_sent, "which order it is about", ""),
    ("approve", order_replaced, "Farah said yes, and the payment failed", "$.id"),
    ("approve", charged_first, "before Farah has said yes", ""),
    ("silence", no_means_yes, "Farah said no, and 400 USD were charged", ""),
    ("silence", silence_means_yes, "Farah said nothing, and 400 USD were charged", ""),
    ("silence", handed_out, "the rental would hand out the bike", ""),
    ("silence", hurry, "min to answer. She asked for 5 min", ""),
    ("silence", asked_again, "the order still waits", ""),
    ("pings", dear, "a million pings cost 25.00 USD with it, and 1.10 USD", ""),
    ("pings", new_key, "one of them run twice, left 3 items", ""),
    ("pings", key_of_the_bike, "the later one took the place of the other", ""),
    ("pings", no_place, "lacks `bike` or `place`", ""),
    ("pings", no_log, "the end of each execution in the log", ""),
    ("pings", no_data, "its data is left out", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


@pytest.mark.parametrize("done", range(6))
def test_after_each_task_the_next_is_not_attempted(learner: Learner, done: int) -> None:
    learner.done(done)
    states = [learner.result(name).state for name in TASKS[max(0, done - 1) : done + 1]]
    assert states == (["right"] if done else []) + ["not attempted"]


def test_all_tasks_are_right_in_the_end_and_stay_so(learner: Learner) -> None:
    learner.done(6)
    for name in [*TASKS, "standard", "clicks", "broken", "approve", "pings"]:
        assert learner.result(name).state == "right", name


def test_the_bad_night_charges_twice(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    learner.rental.bad_night()
    assert "One payment of 30 USD was started, and 60 USD were charged." in capsys.readouterr().out


def test_an_order_without_a_machine_says_so(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    assert learner.rental.order("r1", 30) is None
    assert "no state machine called pay" in capsys.readouterr().out
