"""Checks of the lab pay_once: they pay, click twice, break the connection, answer and keep silent."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import rental
from botocore.exceptions import ClientError
from words import HINTS, WHY

from helpers import cloud
from helpers.teaching import pricing
from helpers.teaching.checks import Lab, Wrong, eventually, not_attempted, wrong

PRICE, BIG = 30, 400
lab = Lab("pay_once")


def named(kind: str) -> str:
    """Return an id that no other order or ping has."""
    return f"{kind}-{uuid.uuid4().hex[:8]}"


def pay_machine() -> dict[str, Any]:
    """Return the definition of the machine ``pay``; the task is not attempted without one."""
    found = rental.machine(rental.PAY)
    if found is None:
        not_attempted(f"There is no state machine called `{rental.PAY}` yet.")
    return dict(json.loads(found["definition"]))


def paid(usd: int = PRICE, breaks: int = 0) -> tuple[str, dict[str, Any]]:
    """Pay for a new order; return its id and what became of the execution."""
    order = named("check")
    return order, rental.ended(rental.begin(order, usd, breaks))


def reason(told: dict[str, Any]) -> str:
    """Return why an execution failed, in AWS's words."""
    return f"{told['status']} {told.get('error', '')} {told.get('cause', '')}".strip()


@lab.task("standard", hints=HINTS["standard"], why=WHY["standard"])
def standard() -> None:
    """A payment is charged once, by a standard workflow."""
    pay_machine()
    found = rental.machine(rental.PAY) or {}
    if found["type"] == "EXPRESS":
        order = named("check")
        cloud.current().duplicate_next_execution(found["stateMachineArn"])
        rental.begin(order, PRICE)
        twice = eventually(lambda: max(0, rental.charged(order) - PRICE), "an express payment")
        wrong(
            f"`pay` is an express workflow, and AWS may run it twice. We let it: {PRICE + twice} USD were charged for "
            f"an order of {PRICE} USD. The type cannot be changed: delete the machine, and create it anew."
        )
    order, told = paid()
    if told["status"] != "SUCCEEDED":
        wrong("An ordinary payment does not succeed.", said=reason(told))
    if not rental.calls(order):
        wrong("The execution succeeded, but the bank was never asked.")
    if rental.charged(order) != PRICE:
        wrong(f"The order costs {PRICE} USD, and {rental.charged(order)} USD were charged.")


@lab.task("clicks", hints=HINTS["clicks"], why=WHY["clicks"])
def clicks() -> None:
    """Three clicks on one order are one payment, and another order is another one."""
    pay_machine()
    click = rental.answers.get("pay")
    if click is None:
        not_attempted("There is no function `pay` yet.")
    orders = [{"id": named("check"), "usd": PRICE} for _ in range(2)]
    for number in (1, 2, 3):
        try:
            click(orders[0])
        except ClientError as error:
            wrong(f"Click {number} on the same order raises an error, which the customer would see.", said=error)
        if number == 2:
            eventually(lambda: settled(orders[0]["id"]), "the order's payment to be made")
    try:
        click(orders[1])
    except ClientError as error:
        wrong("Another customer's order is refused: does every order have a name of its own?", said=error)
    eventually(lambda: settled(orders[0]["id"]), "the payment's end")
    if rental.calls(orders[0]["id"]) > 1:
        wrong(
            "Three clicks on one order are more than one payment: the bank was asked "
            f"{rental.calls(orders[0]['id'])} times and took {rental.charged(orders[0]['id'])} USD."
        )
    eventually(lambda: rental.charged(orders[1]["id"]) == PRICE, "the payment of another customer's order", seconds=3)


def settled(order: str) -> bool:
    """Return whether an order is charged and no execution for it runs any more."""
    states, arn = boto3.client("stepfunctions"), (rental.machine(rental.PAY) or {})["stateMachineArn"]
    running = states.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]
    inputs = [states.describe_execution(executionArn=each["executionArn"])["input"] for each in running]
    return bool(rental.charged(order)) and not any(order in text for text in inputs)


@lab.task("broken", hints=HINTS["broken"], why=WHY["broken"])
def broken() -> None:
    """A connection that breaks after the money is taken costs nobody anything."""
    pay_machine()
    order, told = paid(breaks=1)
    if told["status"] != "SUCCEEDED" and rental.calls(order) < 2:
        not_attempted(f"The connection broke, {rental.charged(order)} USD are taken, and the order has failed.")
    if rental.charged(order) > PRICE:
        wrong(
            f"The bank was asked {rental.calls(order)} times for one order, and took {rental.charged(order)} USD. It "
            "knows a call that comes again only by its `key`."
        )
    order, told = paid(breaks=2)
    if told["status"] != "SUCCEEDED":
        wrong(
            "The connection broke twice, and the workflow gave up: let it try three times at least.", said=reason(told)
        )
    if rental.charged(order) > PRICE:
        wrong(f"The second attempt was recognised, the third was not: {rental.charged(order)} USD for one order.")
    if rental.charged(order) < PRICE:
        wrong(
            "Another order was not charged at all: the bank took its `key` for that of an order before. A key belongs "
            "to one order."
        )


@lab.task("approve", hints=HINTS["approve"], why=WHY["approve"])
def approve() -> None:
    """A big payment waits for Farah's token, a small one does not."""
    definition = json.dumps(pay_machine())
    if ".waitForTaskToken" not in definition:
        if rental.QUEUE in definition:
            wrong("A message is sent, and the payment goes on at once: nothing waits for the token.")
        not_attempted("Nothing waits for an answer yet.")
    rental.messages()
    for usd in (PRICE, rental.LIMIT):
        order, told = paid_soon(usd)
        if told["status"] == "RUNNING":
            boto3.client("stepfunctions").stop_execution(executionArn=told["executionArn"])
            wrong(f"An order of {usd} USD waits for Farah, too. She wants to see those above {rental.LIMIT} USD.")
        if told["status"] != "SUCCEEDED" or rental.charged(order) != usd:
            wrong(f"An order of {usd} USD was not paid.", said=reason(told))
    order, arn, token = asked()
    if rental.charged(order):
        wrong("The money was taken before Farah has said yes. Ask first.")
    boto3.client("stepfunctions").send_task_success(taskToken=token, output='{"by": "Farah"}')
    told = rental.ended(arn)
    if told["status"] != "SUCCEEDED":
        wrong("Farah said yes, and the payment failed.", said=reason(told))
    if rental.charged(order) != BIG:
        wrong(f"Farah said yes to {BIG} USD, and {rental.charged(order)} USD were charged.")


def paid_soon(usd: int) -> tuple[str, dict[str, Any]]:
    """Pay for a new order, and do not wait long for its end."""
    order = named("check")
    return order, rental.ended(rental.begin(order, usd), seconds=4)


def asked() -> tuple[str, str, str]:
    """Begin a big payment; return the order's id, the execution's ARN, and the token of the message about it."""
    order = named("check")
    arn = rental.begin(order, BIG)
    found = rental.messages(seconds=5)
    if not found:
        told = rental.ended(arn, seconds=0)
        wrong(f"No message came to the queue `{rental.QUEUE}` about an order of {BIG} USD.", said=reason(told))
    if "token" not in found[-1]:
        wrong("The message has no `token`, so Farah cannot answer.", said=json.dumps(found[-1]))
    if found[-1].get("order") != order:
        wrong("The message does not say in `order` which order it is about.", said=json.dumps(found[-1]))
    return order, arn, str(found[-1]["token"])


@lab.task("silence", hints=HINTS["silence"], why=WHY["silence"])
def silence() -> None:
    """A refusal and five minutes of silence both end the payment before any money moves."""
    definition = json.dumps(pay_machine())
    if ".waitForTaskToken" not in definition:
        not_attempted("Nothing waits for an answer yet: solve `approve` first.")
    rental.messages()
    order, arn, token = asked()
    boto3.client("stepfunctions").send_task_failure(taskToken=token, error="Refused", cause="too dear")
    not_paid(order, rental.ended(arn), "Farah said no")
    if "TimeoutSeconds" not in definition:
        not_attempted("Farah's no is heard. But if she says nothing, the order waits for a year.")
    order, arn, token = asked()
    told = rental.ended(arn, seconds=6)
    if told["status"] == "RUNNING":
        boto3.client("stepfunctions").stop_execution(executionArn=arn)
        wrong(f"After {rental.MINUTES} minutes without an answer the order still waits.")
    not_paid(order, told, "Farah said nothing")
    minutes = (told["stopDate"] - told["startDate"]).total_seconds() / 60
    if minutes < rental.MINUTES - 0.2:
        wrong(f"Farah had {minutes:.0f} min to answer. She asked for {rental.MINUTES} min.")


def not_paid(order: str, told: dict[str, Any], why: str) -> None:
    """Check that a payment ended as failed and charged nothing."""
    if rental.charged(order):
        wrong(f"{why}, and {rental.charged(order)} USD were charged all the same.")
    if told["status"] == "SUCCEEDED":
        wrong(f"{why}, and the execution ends as SUCCEEDED: the rental would hand out the bike.")


@lab.task("pings", hints=HINTS["pings"], why=WHY["pings"])
def pings() -> None:
    """A ping that runs twice is one item, and the log has both runs."""
    found = rental.machine(rental.PINGS)
    if found is None:
        not_attempted(f"There is no state machine called `{rental.PINGS}` yet.")
    steps = len(json.loads(found["definition"])["States"])
    if found["type"] != "EXPRESS":
        dear, cheap = pricing.workflow_cost(steps * 1_000_000), pricing.express_cost(1_000_000, 100)
        wrong(
            f"A standard workflow works. But a million pings cost {pricing.usd(dear.total)} with it, and "
            f"{pricing.usd(cheap.total)} with an express one. Delete the machine, and create it anew."
        )
    before = all_pings()
    (first, arn), (second, _) = (sent(found["stateMachineArn"], twice) for twice in (True, False))
    stored(first, second, before)
    eventually(lambda: len(ends(arn)) == 2, f"the end of each execution in the log `{rental.LOG}`", seconds=5)
    if not all(event["details"].get("output") for event in ends(arn)):
        wrong("The log tells that an execution succeeded, but not with which output: its data is left out.")


def sent(machine: str, twice: bool) -> tuple[str, str]:
    """Send a ping, which may run twice; return its id and its execution's ARN."""
    if twice:
        cloud.current().duplicate_next_execution(machine)
    ping = named("ping")
    text = json.dumps({"id": ping, "bike": "b7", "place": "52.5,13.4"})
    return ping, boto3.client("stepfunctions").start_execution(stateMachineArn=machine, input=text)["executionArn"]


def stored(first: str, second: str, before: set[str]) -> None:
    """Check that two pings of one bike are two items, each under its id."""
    try:
        eventually(lambda: {first, second} <= all_pings(), "two pings", seconds=4)
    except Wrong:
        count = len(all_pings() - before)
        if not count:
            wrong("Two pings were sent, and the table `pings` has none of them.")
        if count == 1:
            wrong("Two pings of one bike left one item: the later one took the place of the other.")
        wrong(
            f"Two pings, one of them run twice, left {count} items. The key of an item must be the ping's id, so that "
            "a second run writes the same item again."
        )
    item = boto3.resource("dynamodb").Table("pings").get_item(Key={"ping": second})["Item"]
    if (item.get("bike"), item.get("place")) != ("b7", "52.5,13.4"):
        wrong("The item of a ping lacks `bike` or `place`.", said=str(item))


def all_pings() -> set[str]:
    """Return the keys of all items of the table ``pings``."""
    return {str(each["ping"]) for each in boto3.resource("dynamodb").Table("pings").scan()["Items"]}


def ends(arn: str) -> list[dict[str, Any]]:
    """Return the events of an execution's log that tell its success."""
    return [event for event in rental.log_of(arn) if event["type"] == "ExecutionSucceeded"]
