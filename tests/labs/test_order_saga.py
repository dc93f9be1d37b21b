"""The lab order_saga: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "14_order_saga"
TASKS = ["ships", "patient", "declined", "undelivered", "stubborn", "by_hand"]
BUSY = {"ErrorEquals": ["BankBusy"], "IntervalSeconds": 2, "BackoffRate": 2.0, "MaxAttempts": 3}
FAIL = {"Type": "Fail", "ErrorPath": "$.problem.Error", "CausePath": "$.problem.Cause"}
States = dict[str, dict[str, Any]]


def task(function: str, path: str | None = "", **more: Any) -> dict[str, Any]:
    kept = {} if path is None else {"ResultPath": path or f"$.{function}"}
    return {"Type": "Task", "Resource": f"arn:aws:lambda:us-east-1:123456789012:function:{function}", **kept, **more}


def catch(to: str, path: str | None = "$.problem", error: str = "States.ALL") -> list[dict[str, Any]]:
    return [{"ErrorEquals": [error], "Next": to, **({"ResultPath": path} if path else {})}]


def message(body: dict[str, str], **more: Any) -> dict[str, Any]:
    url = boto3.client("sqs").get_queue_url(QueueName="by-hand")["QueueUrl"]
    resource = "arn:aws:states:::sqs:sendMessage"
    following = more or {"Next": "Release"}
    return {
        "Type": "Task",
        "Resource": resource,
        "ResultPath": "$.note",
        "Parameters": {"QueueUrl": url, **body},
    } | following


def solved(tasks: int) -> States:
    """Return the states of somebody who has done so many tasks."""
    steps = {
        "Reserve": task("reserve", Next="Charge"),
        "Charge": task("charge", Next="Ship"),
        "Ship": task("ship", End=True),
    }
    if tasks >= 2:
        steps["Charge"]["Retry"] = [BUSY]
    if tasks >= 3:
        steps["Charge"]["Catch"] = catch("Release")
        steps |= {"Release": task("release", Next="Cancelled"), "Cancelled": FAIL}
    if tasks >= 4:
        steps["Ship"]["Catch"] = catch("Refund")
        steps["Refund"] = task("refund", Next="Release")
    if tasks >= 5:
        steps["Refund"]["Retry"] = [BUSY]
    if tasks >= 6:
        steps["Refund"]["Catch"] = catch("Ask a human", "$.refund_problem")
        steps["Ask a human"] = message({"MessageBody.$": "$.id"})
    return copy.deepcopy(steps)


class Learner:
    """Somebody who builds the saga: what a learner's cells would do, and the checks."""

    def __init__(self, pottery: Any, lab: Lab) -> None:
        self.pottery, self.lab = pottery, lab
        self.states = boto3.client("stepfunctions")
        self.role = boto3.client("iam").get_role(RoleName="shop")["Role"]["Arn"]

    def save(self, steps: States, start: str = "Reserve") -> None:
        text, found = json.dumps({"StartAt": start, "States": steps}), self.pottery.machine()
        if found:
            self.states.update_state_machine(stateMachineArn=found["stateMachineArn"], definition=text)
        else:
            self.states.create_state_machine(name="order", definition=text, roleArn=self.role)

    def forget(self) -> None:
        found = self.pottery.machine()
        if found:
            self.states.delete_state_machine(stateMachineArn=found["stateMachineArn"])

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture(scope="module")
def shop() -> Iterator[Learner]:
    """One shop for all tests: its functions stay warm."""
    with open_lab(FOLDER, speed=20) as loaded:
        loaded["pottery"].open_shop()
        yield Learner(loaded["pottery"], loaded["checks"].lab)


@pytest.fixture
def learner(shop: Learner) -> Learner:
    shop.forget()
    return shop


def answer(tasks: int, name: str) -> Callable[[Callable[[States], object]], Callable[[Learner], None]]:
    """Make a wrong answer of a change to the states after so many tasks."""

    def make(change: Callable[[States], object]) -> Callable[[Learner], None]:
        def give(learner: Learner) -> None:
            steps = solved(tasks)
            change(steps)
            learner.save(steps)

        give.__name__ = name
        return give

    return make


def order_lost(steps: States) -> None:
    for state in steps.values():
        state.pop("ResultPath", None)


def no_payment(steps: States) -> None:
    steps["Reserve"]["Next"] = "Ship"
    del steps["Charge"]


def ships_first(learner: Learner) -> None:
    learner.save({
        "Ship": task("ship", Next="Reserve"),
        "Reserve": task("reserve", Next="Charge"),
        "Charge": task("charge", End=True),
    }, start="Ship")  # fmt: skip


def paid_twice(steps: States) -> None:
    steps["Charge"] |= {"Next": "Again"}
    steps["Again"] = task("charge", Next="Ship")


def retry(**changes: Any) -> Callable[[States], None]:
    def change(steps: States) -> None:
        steps["Charge"]["Retry"] = [{**BUSY, **changes}]

    return change


def only_declined(steps: States) -> None:
    steps["Charge"]["Catch"] = catch("Release", error="CardDeclined")


def order_replaced(steps: States) -> None:
    steps["Charge"]["Catch"] = catch("Release", None)


def thanked(steps: States) -> None:
    steps["Release"].pop("Next")
    steps["Release"]["End"] = True
    del steps["Cancelled"]


def other_name(steps: States) -> None:
    steps["Cancelled"] = {"Type": "Fail", "Error": "OrderFailed"}


def straight_to_the_end(steps: States) -> None:
    steps["Charge"]["Catch"] = catch("Cancelled")
    del steps["Release"]


def refund_first(steps: States) -> None:
    steps["Charge"]["Catch"] = catch("Refund")
    steps["Refund"] = task("refund", Next="Release")


def only_release(steps: States) -> None:
    steps["Ship"]["Catch"] = catch("Release")


def only_refund(steps: States) -> None:
    steps["Ship"]["Catch"] = catch("Refund")
    steps["Refund"] = task("refund", Next="Cancelled")


def nothing_undone(steps: States) -> None:
    steps["Ship"]["Catch"] = catch("Cancelled")


def thanked_for_nothing(steps: States) -> None:
    steps["Ship"]["Catch"] = catch("Refund")
    steps |= {"Refund": task("refund", Next="Back"), "Back": task("release", End=True)}


def refund_retried(**changes: Any) -> Callable[[States], None]:
    def change(steps: States) -> None:
        steps["Refund"]["Retry"] = [{**BUSY, **changes}]

    return change


def bowl_forgotten(steps: States) -> None:
    steps["Refund"] |= {"Retry": [BUSY], "Next": "Cancelled"}


def caught_in_silence(steps: States) -> None:
    steps["Refund"]["Catch"] = catch("Release", "$.refund_problem")


def no_address(steps: States) -> None:
    steps["Refund"]["Catch"] = catch("Ask", "$.refund_problem")
    steps["Ask"] = message({"MessageBody": "a refund failed"})


def bowl_kept(steps: States) -> None:
    steps["Refund"]["Catch"] = catch("Ask", "$.refund_problem")
    steps["Ask"] = message({"MessageBody.$": "$.id"}, Next="Cancelled")


def first_error_lost(steps: States) -> None:
    steps["Refund"]["Catch"] = catch("Ask", "$.problem")
    steps["Ask"] = message({"MessageBody.$": "$.id"})


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("ships", answer(1, "order_lost")(order_lost), "took the place of the order", "KeyError"),
    ("ships", answer(1, "no_payment")(no_payment), "`charge` was never called", ""),
    ("ships", ships_first, "ship only what is paid", ""),
    ("patient", answer(1, "two_tries")(retry(MaxAttempts=1)), "gave up after 2", ""),
    ("patient", answer(1, "hurry")(retry(IntervalSeconds=1)), "The first pause is 1 s", ""),
    ("patient", answer(1, "same_pauses")(retry(BackoffRate=1.0)), "Let them grow", ""),
    ("patient", answer(1, "all_errors")(retry(ErrorEquals=["States.ALL"])), "A declined card was tried 4 times", ""),
    ("patient", answer(1, "for_ever")(retry(MaxAttempts=99, BackoffRate=1.3)), "asked and asked", ""),
    ("declined", answer(3, "only_declined")(only_declined), "that error is not caught", ""),
    ("declined", answer(3, "order_replaced")(order_replaced), "what `Catch` passes on took its place", "KeyError"),
    ("declined", answer(3, "thanked")(thanked), "After `CardDeclined` the execution ends as SUCCEEDED", ""),
    ("declined", answer(3, "other_name")(other_name), "ends with the error `OrderFailed`", ""),
    ("declined", answer(3, "straight_to_the_end")(straight_to_the_end), "its bowl is still reserved. Calls", ""),
    ("declined", answer(3, "refund_first")(refund_first), "nothing had been charged", ""),
    ("undelivered", answer(3, "only_release")(only_release), "the customer has paid 30 USD for it", ""),
    ("undelivered", answer(3, "only_refund")(only_refund), "so nobody else can buy it", ""),
    ("undelivered", answer(3, "nothing_undone")(nothing_undone), "neither the money nor the bowl goes back", ""),
    ("undelivered", answer(3, "thanked_for_nothing")(thanked_for_nothing), "After `NoCarrier` the execution ends", ""),
    ("stubborn", answer(4, "one_more_try")(refund_retried(MaxAttempts=1)), "the refund was given up after 2", ""),
    ("stubborn", answer(4, "bowl_forgotten")(bowl_forgotten), "after it the bowl was forgotten", ""),
    ("by_hand", answer(5, "caught_in_silence")(caught_in_silence), "no message came to the queue", "NoCarrier"),
    ("by_hand", answer(5, "no_address")(no_address), "put the order's id in", "a refund failed"),
    ("by_hand", answer(5, "bowl_kept")(bowl_kept), "Undo what can be undone", ""),
    ("by_hand", answer(5, "first_error_lost")(first_error_lost), "ends with the error `BankBusy`", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


@pytest.mark.parametrize("done", range(6))
def test_after_each_task_the_next_is_not_attempted(learner: Learner, done: int) -> None:
    if done:
        learner.save(solved(done))
    states = [learner.result(name).state for name in TASKS[: done + 1]]
    assert states == ["right"] * done + ["not attempted"]


def test_all_tasks_are_right_in_the_end_and_stay_so(learner: Learner) -> None:
    learner.save(solved(6))
    for _ in range(2):
        assert {result.state for result in learner.lab.results().values()} == {"right"}


def test_pauses_by_chance_are_right_too(learner: Learner) -> None:
    steps = solved(1)
    retry(JitterStrategy="FULL", MaxDelaySeconds=5)(steps)
    learner.save(steps)
    assert learner.result("patient").state == "right"


def test_an_order_without_a_machine_says_so(learner: Learner, capsys: pytest.CaptureFixture[str]) -> None:
    assert learner.pottery.place("o1") is None
    assert "no state machine called order" in capsys.readouterr().out
