"""Checks of the lab order_saga: they order bowls, let trouble happen, and read the books of the shop."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import pottery
from pottery import ALWAYS, PRICE, Outcome
from words import HINTS, WHY

from helpers.teaching.checks import Lab, not_attempted, wrong

MOST_CALLS, FIRST_PAUSE = 6, 2
BUSY = {"BankBusy", "States.ALL", "States.TaskFailed"}
HAPPY = ["reserve", "charge", "ship"]
lab = Lab("order_saga")


def definition() -> dict[str, Any]:
    """Return the definition of the state machine; the task is not attempted without one."""
    found = pottery.machine()
    if found is None:
        not_attempted(f"There is no state machine called `{pottery.MACHINE}` yet.")
    if found["type"] != "STANDARD":
        wrong("The machine is an express workflow: it keeps no history, and a payment might be made twice.")
    return dict(json.loads(found["definition"]))


def catchers() -> int:
    """Return how many states catch errors."""
    return sum("Catch" in state for state in definition()["States"].values())


def ordered(**trouble: list[str]) -> Outcome:
    """Order a bowl under an id of its own, and return what became of it; what never ends is wrong."""
    outcome = pottery.order_of(f"check-{uuid.uuid4().hex[:8]}", **trouble)
    if outcome.status == "RUNNING":
        wrong(f"An order never came to an end: after calls of {said(outcome)} we stopped it.")
    return outcome


def said(outcome: Outcome) -> str:
    """Return the calls of an order in words."""
    return ", ".join(f"`{name}`" for name in outcome.calls) or "no function"


def cancelled(outcome: Outcome, error: str) -> None:
    """Check that a cancelled order says so, with the error that began it."""
    if outcome.error == "KeyError":
        wrong(
            "After the error a function did not find the order: what `Catch` passes on took its place.",
            said=outcome.cause,
        )
    if outcome.error == "NothingToRefund":
        wrong("`refund` was called although nothing had been charged.", said=outcome.cause)
    if outcome.status == "SUCCEEDED":
        wrong(
            f"After `{error}` the execution ends as SUCCEEDED: the website would thank the customer for the order. "
            "End it in a Fail state."
        )
    if outcome.error != error:
        wrong(
            f"The order failed because of `{error}`, but its execution ends with the error `{outcome.error}`. "
            "Whoever looks for the reason later finds the wrong one.",
            said=outcome.cause or None,
        )


@lab.task("ships", hints=HINTS["ships"], why=WHY["ships"])
def ships() -> None:
    """An ordinary order is reserved, charged and shipped, in this order."""
    definition()
    outcome = ordered()
    if outcome.error == "KeyError":
        wrong(
            f"After calls of {said(outcome)} a function did not find what it needs: the result of the state "
            "before took the place of the order.",
            said=outcome.cause,
        )
    if outcome.status != "SUCCEEDED":
        wrong("An ordinary order does not succeed.", said=f"{outcome.error}: {outcome.cause}")
    if outcome.calls == HAPPY and outcome.charged != PRICE:
        wrong(f"The order costs {PRICE} USD, and {outcome.charged} USD were charged.")
    missing = [name for name in HAPPY if name not in outcome.calls]
    if missing:
        wrong(f"The order succeeded, but `{missing[0]}` was never called. Calls: {said(outcome)}.")
    if outcome.calls != HAPPY:
        wrong(f"The calls were {said(outcome)}. Charge only what is reserved, and ship only what is paid.")


@lab.task("patient", hints=HINTS["patient"], why=WHY["patient"])
def patient() -> None:
    """A busy bank is asked again, later each time, and not for ever; a declined card is asked once."""
    definition()
    busy = ordered(charge=["BankBusy"] * 2)
    tries = busy.calls.count("charge")
    if tries < 2:
        not_attempted("The bank was busy, and nobody asked it again.")
    if not busy.shipped:
        wrong(f"The bank was busy twice and free at the third call, but the workflow gave up after {tries}.")
    check_pauses()
    declined = ordered(charge=["CardDeclined"] * ALWAYS)
    if declined.calls.count("charge") > 1:
        wrong(
            f"A declined card was tried {declined.calls.count('charge')} times: it does not get better by waiting, and "
            "the bank blocks it. Retry the errors that pass, and no others."
        )
    down = pottery.order_of(f"check-{uuid.uuid4().hex[:8]}", seconds=6, charge=["BankBusy"] * ALWAYS)
    if down.status == "RUNNING" or down.calls.count("charge") > MOST_CALLS:
        wrong(
            "The bank was down for good, and the workflow asked and asked. The customer wants an answer: "
            f"{MOST_CALLS} calls are enough."
        )


def check_pauses() -> None:
    """Check that the first pause after a busy bank is long enough, and the next ones are longer.

    Read from the definition: pauses that are measured are longer on a busy machine.
    """
    rules = [rule for state in definition()["States"].values() for rule in state.get("Retry", [])]
    for rule in rules:
        if not BUSY & set(rule["ErrorEquals"]):
            continue
        first = rule.get("IntervalSeconds", 1)
        if first < FIRST_PAUSE:
            wrong(f"The first pause is {first} s. A busy bank asks for {FIRST_PAUSE} seconds at least.")
        if rule.get("BackoffRate", 2.0) <= 1:
            wrong("Every pause is as long as the one before. Let them grow, so that a busy bank gets time.")


@lab.task("declined", hints=HINTS["declined"], why=WHY["declined"])
def declined() -> None:
    """Without a payment the bowl goes back to the shelf, and the execution says why it failed."""
    definition()
    outcome = ordered(charge=["CardDeclined"] * ALWAYS)
    if not catchers() and outcome.reserved:
        not_attempted("A card was declined, and the bowl is still reserved: nothing catches the error.")
    if outcome.shipped:
        wrong("A card was declined, and the bowl was shipped all the same.")
    cancelled(outcome, "CardDeclined")
    if outcome.reserved:
        wrong(f"A card was declined, and its bowl is still reserved. Calls: {said(outcome)}.")
    down = ordered(charge=["BankBusy"] * ALWAYS)
    if down.reserved:
        wrong("The bank stayed busy after all retries, and the bowl is still reserved: that error is not caught.")
    cancelled(down, "BankBusy")


@lab.task("undelivered", hints=HINTS["undelivered"], why=WHY["undelivered"])
def undelivered() -> None:
    """Without a parcel the money goes back, and the bowl too."""
    definition()
    outcome = ordered(ship=["NoCarrier"] * ALWAYS)
    undone = {"refund", "release"} & set(outcome.calls)
    if not undone and catchers() < 2:
        not_attempted("No carrier came, and nothing was undone: the customer has paid, the bowl is reserved.")
    cancelled(outcome, "NoCarrier")
    if not undone:
        wrong("The error of `Ship` is caught, but neither the money nor the bowl goes back.")
    if outcome.charged:
        wrong(
            f"No carrier came: the bowl is back on the shelf, and the customer has paid {outcome.charged} USD for it."
        )
    if outcome.reserved:
        wrong("No carrier came: the money is back, but the bowl is still reserved, so nobody else can buy it.")


@lab.task("stubborn", hints=HINTS["stubborn"], why=WHY["stubborn"])
def stubborn() -> None:
    """A refund that the bank is too busy for is tried again."""
    definition()
    outcome = ordered(ship=["NoCarrier"] * ALWAYS, refund=["BankBusy"] * 2)
    tries = outcome.calls.count("refund")
    if not tries:
        not_attempted("Nothing is refunded yet: solve `undelivered` first.")
    if tries == 1:
        not_attempted("The bank was busy when the money should go back, and nobody asked it again.")
    if outcome.charged:
        wrong(f"The bank was busy twice and free at the third call, but the refund was given up after {tries}.")
    if tries > 3:
        wrong(f"`refund` was called {tries} times, although the third call had paid the money back.")
    cancelled(outcome, "NoCarrier")
    if outcome.reserved:
        wrong("The refund worked at the third call, and after it the bowl was forgotten: it is still reserved.")


@lab.task("by_hand", hints=HINTS["by_hand"], why=WHY["by_hand"])
def by_hand() -> None:
    """What cannot be refunded comes to a human, and the rest is undone all the same."""
    definition()
    empty(pottery.QUEUE)
    outcome = ordered(ship=["NoCarrier"] * ALWAYS, refund=["BankBusy"] * ALWAYS)
    if "refund" not in outcome.calls:
        not_attempted("Nothing is refunded yet: solve `undelivered` first.")
    messages = empty(pottery.QUEUE)
    if not messages and catchers() < 3:
        not_attempted(f"The bank stayed down, the money is not back, and the queue `{pottery.QUEUE}` is empty.")
    if not messages:
        wrong(
            f"The error of `Refund` is caught, but no message came to the queue `{pottery.QUEUE}`.",
            said=f"{outcome.error}: {outcome.cause}",
        )
    if not any(outcome.order in text for text in messages):
        wrong("A message came, but it does not say whose money is missing: put the order's id in.", said=messages[0])
    if outcome.reserved:
        wrong("A human knows about the money, but the bowl is still reserved. Undo what can be undone.")
    cancelled(outcome, "NoCarrier")


def empty(queue: str) -> list[str]:
    """Return the texts of the messages in a queue, and take them out."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    texts: list[str] = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        texts += [each["Body"] for each in found]
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    return texts
