"""Checks of the lab order_queue: they send orders of their own, wait for the effect, and say what they saw."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from orders import (
    DEAD,
    FUNCTION,
    PATIENCE,
    attributes,
    call,
    cents_of,
    charges,
    cleaned_up,
    configuration,
    dead_orders,
    event_of,
    mapping,
    messages_in,
    new_order,
    reported,
    running_line,
    send,
    until_done,
    url_of,
)
from posters import PAID, QUEUE, ROLE
from words import HINTS, WHY

from helpers.teaching.checks import Lab, eventually, not_attempted, wrong

DEFAULT_VISIBILITY, TRIES = 30, 5
REAL_ORDERS = ("A-1", "A-2", "A-3", "B-1", "B-2", "B-3")

lab = Lab("order_queue")


@lab.task("worker", hints=HINTS["worker"], why=WHY["worker"])
def worker() -> None:
    """The function charges each order of a batch once, the right amount."""
    now = configuration()
    if now["Timeout"] != 10:
        wrong(f"The timeout is {now['Timeout']} s. Lena asks for 10 s, because the card company can be slow.")
    if not now["Role"].endswith(f"/{ROLE}"):
        wrong(f"The function works as {now['Role'].rpartition('/')[2]}. Give it the role {ROLE}.")
    first, second = new_order("24.50"), new_order("9.00")
    with cleaned_up():
        payload, error = call(event_of(first, second))
        if error:
            wrong("We called the function with an event of two messages, and it failed.", said=payload)
        found = [cents_of(first), cents_of(second)]
    if not any(found):
        wrong("We called the function with two orders. It ran without an error and charged nobody.")
    if not all(found):
        wrong("We called the function with two orders in one batch, and it charged only one of them.")
    if found != [[2450], [900]]:
        wrong(
            f"24.50 USD and 9.00 USD are 2450 and 900 cents, once each; your function charged {_amounts(found[0])} "
            f"and {_amounts(found[1])}."
        )


def _amounts(cents: list[int]) -> str:
    return " and ".join(map(str, cents))


@lab.task("mapping", hints=HINTS["mapping"], why=WHY["mapping"])
def queue_to_function() -> None:
    """The queue's orders reach the function, and the queue waits long enough."""
    timeout = configuration()["Timeout"]
    visible = int(attributes(QUEUE)["VisibilityTimeout"])
    if not mapping() and visible != DEFAULT_VISIBILITY:
        wrong(f"The queue's visibility timeout is {visible} s, but no event source mapping leads to {FUNCTION} yet.")
    line = running_line()
    if visible < 6 * timeout:
        wrong(
            f"The queue's visibility timeout is {visible} s, the function's timeout {timeout} s. AWS accepts that, but "
            f"advises six times: {6 * timeout} s. A batch that has to wait would come a second time while the first "
            "is still being worked on."
        )
    if line["BatchSize"] != 10:
        wrong(
            f"The mapping hands over at most {line['BatchSize']} messages at once. Leave BatchSize at its default, 10."
        )
    order = new_order()
    with cleaned_up():
        send(order)
        eventually(lambda: cents_of(order), "the order that we sent to be charged")


@lab.task("dead_letters", hints=HINTS["dead_letters"], why=WHY["dead_letters"])
def dead_letters() -> None:
    """A message that fails five times is set aside."""
    configuration()
    policy = json.loads(attributes(QUEUE).get("RedrivePolicy") or "{}")
    if not policy:
        _no_redrive_policy()
    target = policy["deadLetterTargetArn"].rpartition(":")[2]
    if target != DEAD:
        wrong(f"The redrive policy of {QUEUE} points to {target}. It must point to {DEAD}.")
    if policy["maxReceiveCount"] != TRIES:
        wrong(f"maxReceiveCount is {policy['maxReceiveCount']}. Lena asks for {TRIES} tries: AWS advises no fewer.")
    running_line()
    order = new_order(price=None)
    with cleaned_up():
        send(order)
        _until_dead(order, "our order without a price to arrive in the dead-letter queue")


def _no_redrive_policy() -> None:
    """Say why nothing is set aside yet."""
    if configuration().get("DeadLetterConfig", {}).get("TargetArn"):
        wrong(
            "You gave the function a dead-letter queue. That one is for asynchronous calls. A polled message stays in "
            f"its queue, so the policy belongs to the queue {QUEUE}."
        )
    if not url_of(DEAD):
        not_attempted(f"There is no queue called {DEAD} yet.")
    if attributes(DEAD).get("RedrivePolicy"):
        wrong(f"The redrive policy is on {DEAD}. It belongs to {QUEUE}, the queue that the messages are to leave.")
    wrong(f"There is a queue {DEAD}, but {QUEUE} has no RedrivePolicy that leads there.")


def _until_dead(order: dict[str, str], what: str) -> None:
    """Wait until a failing order is in the dead-letter queue; an order that is nowhere is lost."""

    def seen() -> str:
        waiting = messages_in(url_of(QUEUE))
        return "dead" if order["order"] in dead_orders() else "" if waiting else "nowhere"

    def settled() -> str:
        return seen() and seen()  # a message on its way from one queue to the other is for a moment in none

    if eventually(settled, what, seconds=PATIENCE) == "nowhere":
        wrong("We sent an order that cannot be charged. Now it is neither charged nor in a queue: it is lost.")


@lab.task("partial", hints=HINTS["partial"], why=WHY["partial"])
def partial() -> None:
    """Only the message that failed comes back."""
    line = mapping()
    asks = "ReportBatchItemFailures" in line.get("FunctionResponseTypes", [])
    with cleaned_up():
        _check_report(asks)
        if not asks:
            wrong(
                "Your function reports what failed, but the mapping does not ask for it: Lambda takes the answer for a "
                "success and deletes the whole batch. The order that failed would be lost."
            )
        running_line()
        first, poison, last = new_order(), new_order(price=None), new_order()
        send(first, poison, last)
        _until_dead(poison, "the order that failed to arrive in the dead-letter queue")
        dead, often = dead_orders(), max(len(cents_of(first)), len(cents_of(last)))
        if first["order"] in dead or last["order"] in dead or often >= TRIES:
            wrong("We sent three orders, the second without a price. The good ones came back with it, again and again.")
        if not cents_of(first) or not cents_of(last):
            wrong("We sent three orders, the second without a price. One of the good ones was never charged.")


def _check_report(asks: bool) -> None:
    """Call the function with a batch in which the second of three messages fails."""
    event = event_of(new_order(), new_order(price=None), new_order())
    payload, error = call(event)
    if error and not asks:
        not_attempted("One bad message still makes the whole batch fail.")
    if error:
        wrong(
            "The mapping asks for a report, but the function raises its error: then the whole batch comes back.",
            said=payload,
        )
    failed, right = reported(payload), [event["Records"][1]["messageId"]]
    if failed is None or not failed:
        wrong(
            "We called the function with three orders, the second without a price, and it reported no failure. Lambda "
            "would delete all three, and one is lost.",
        )
    if failed == [record["messageId"] for record in event["Records"][1:]]:
        wrong("The function stops at the first failure and reports the rest as failed, too. Go on with the next one.")
    if failed != right:
        wrong(
            f"The function reports `{json.dumps(failed)}` as failed. Lambda knows a message by its `messageId`, here "
            f"`{right[0]}`; an identifier that it does not know fails the whole batch."
        )


@lab.task("idempotent", hints=HINTS["idempotent"], why=WHY["idempotent"])
def idempotent() -> None:
    """An order that comes twice is charged once, and one that failed is not taken for done."""
    configuration()
    with cleaned_up():
        order = new_order()
        _check_twice(order)
        _check_failed_first(new_order(price=None), "has no price")
        _check_failed_first(new_order("0.00"), "the card company refuses (0 cents)")
        with new_environment():
            call(event_of(order))
        if len(cents_of(order)) > 1:
            wrong(
                "In a new execution environment the same order was charged again: your function remembers in its own "
                f"memory. Write the note into the table {PAID}."
            )
        running_line()
        order = new_order()
        send(order, order, order)
        until_done("three copies of one order to be worked off")
        if order["order"] in dead_orders():
            wrong("We sent one order three times, and a copy of it ended in the dead-letter queue.")
        if len(cents_of(order)) != 1:
            wrong(f"We sent one order three times through the queue, and it was charged {len(cents_of(order))} times.")


def _check_twice(order: dict[str, str]) -> None:
    """Hand over the same order twice."""
    payload, error = call(event_of(order))
    if error or reported(payload):
        wrong("The function fails with an order that it sees for the first time.", said=payload)
    noted = order["order"] in {row["order_id"]["S"] for row in _paid()}
    if not cents_of(order) and noted:
        wrong(f"Your function notes the order in {PAID} and charges nobody.")
    payload, error = call(event_of(order))
    times = len(cents_of(order))
    if times > 1 and not noted:
        not_attempted("The same order, sent twice, is charged twice.")
    if times > 1:
        wrong(
            f"The same order, sent twice, was charged twice, although it is noted in {PAID}. The note must be written "
            "before the charge, and only if there is none yet: with a ConditionExpression."
        )
    if error:
        wrong("The second copy of an order makes the function fail. It is no failure: the work is done.", said=payload)
    if reported(payload):
        wrong(
            "Your function reports the second copy of an order as failed. It would come back five times and end in the "
            "dead-letter queue. It is no failure: the work is done."
        )


def _check_failed_first(order: dict[str, str], why: str) -> None:
    """Hand over an order that fails twice: the second time it must fail, too."""
    for attempt in (1, 2):
        payload, error = call(event_of(order))
        if cents_of(order):
            wrong(f"We sent an order that {why}, and your function charged for it.")
        if not error and not reported(payload):
            if attempt == 1:
                wrong(f"We sent an order that {why}. The function reported no failure, so the order is lost.")
            wrong(
                f"We sent an order that {why}, twice. The second time your function took it for paid, though nobody "
                "paid: the order is lost. A note must not stay when the charge fails."
            )


def _paid() -> list[dict[str, Any]]:
    return list(boto3.client("dynamodb").scan(TableName=PAID, ConsistentRead=True)["Items"])


@contextmanager
def new_environment() -> Iterator[None]:
    """Let the function start anew: a changed configuration ends its environments; then it is as it was."""
    client, now = boto3.client("lambda"), configuration()
    before = now.get("Environment", {}).get("Variables", {})
    try:
        changed = before | {"CHECKED_BY": lab.name}
        client.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": changed})
        yield
    finally:
        client.update_function_configuration(FunctionName=FUNCTION, Environment={"Variables": before})


@lab.task("repair", hints=HINTS["repair"], why=WHY["repair"])
def repair() -> None:
    """Every order of the shop is charged once; nothing is set aside, nothing is lost."""
    configuration()
    if not url_of(DEAD):
        not_attempted("There is no dead-letter queue yet.")
    order = new_order("24,50")
    with cleaned_up():
        payload, error = call(event_of(order))
        cents = cents_of(order)
    if not cents and charges()["A-3"]:
        wrong("You moved the orders back, but the function still cannot read `24,50`: these failed five times again.")
    if error or reported(payload):
        not_attempted(f"The function cannot read `24,50`; the dead-letter queue holds {len(dead_orders())} messages.")
    if not cents:
        wrong("We sent an order at `24,50`. It was neither charged nor reported as failed, so it is lost.")
    if cents != [2450]:
        wrong(f"An order at `24,50` is 2450 cents, charged once; your function charged {_amounts(cents)} cents.")
    until_done("the queue to be worked off")
    _check_the_book()


def _check_the_book() -> None:
    """Look at the shop's own orders: each charged once, none in the dead-letter queue."""
    waiting = sorted(set(dead_orders()) & set(REAL_ORDERS))
    if waiting:
        wrong(f"The code is right now, but the dead-letter queue still holds {', '.join(waiting)}. Move them back.")
    paid = charges()
    lost = [number for number in REAL_ORDERS if not paid[number]]
    if lost == list(REAL_ORDERS):
        not_attempted("The shop's orders were not sent yet: run the cells of the morning and the evening.")
    if lost:
        wrong(f"Nobody was charged for {', '.join(lost)}, and no queue holds it any more: that is lost for good.")
    twice = [number for number in REAL_ORDERS if paid[number] > 1]
    if twice:
        wrong(
            f"Charged more than once: {', '.join(twice)}. `posters.refund({twice[0]!r}, keep=1)` gives the rest back."
        )
