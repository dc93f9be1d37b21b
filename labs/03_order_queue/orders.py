"""What the checks of the lab order_queue share: orders of their own, what became of them, and cleaning up."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import boto3
from posters import CHARGES, PAID, QUEUE, charges, messages_in, refund

from helpers.teaching.checks import eventually, not_attempted, wrong
from helpers.teaching.lookups import found

FUNCTION, DEAD = "charge-orders", "poster-orders-dead"
PATIENCE = 20.0
"""How long a check waits for a queue, in our seconds: five tries last about five."""
_HELD = 3600
_MARK = "check-"
Order = dict[str, str]


def configuration() -> dict[str, Any]:
    """Return the configuration of charge-orders; without the function nothing is attempted."""
    told = found(boto3.client("lambda").get_function_configuration, FunctionName=FUNCTION)
    if told is None:
        not_attempted(f"There is no function called {FUNCTION} yet.")
    return told


def url_of(name: str) -> str:
    """Return the URL of a queue, or nothing if there is no such queue."""
    sqs = boto3.client("sqs")
    try:
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist:
        return ""


def attributes(name: str) -> dict[str, str]:
    """Return the attributes of a queue."""
    return dict(
        boto3.client("sqs").get_queue_attributes(QueueUrl=url_of(name), AttributeNames=["All"]).get("Attributes", {})
    )


def mapping() -> dict[str, Any]:
    """Return the event source mapping from the queue to charge-orders, or nothing."""
    configuration()
    source = attributes(QUEUE)["QueueArn"]
    found = boto3.client("lambda").list_event_source_mappings(EventSourceArn=source, FunctionName=FUNCTION)
    return dict((found["EventSourceMappings"] or [{}])[0])


def running_line() -> dict[str, Any]:
    """Return the mapping; the check ends here when there is none or it does not poll."""
    line = mapping()
    if not line:
        not_attempted("No event source mapping leads from the queue to the function yet.")
    if line["State"] not in ("Enabled", "Enabling", "Creating", "Updating"):
        wrong(
            f"The event source mapping is {line['State']}: nobody polls the queue. Start it with "
            "`lambda_.update_event_source_mapping(UUID=..., Enabled=True)`."
        )
    return line


def new_order(price: str | None = "12.50") -> Order:
    """Return an order of ours; one without a price cannot be charged."""
    order = {"order": f"{_MARK}{uuid.uuid4().hex[:12]}"}
    return order if price is None else {**order, "price": price}


def event_of(*orders: Order) -> dict[str, Any]:
    """Return the event in which Lambda hands over these orders, as messages of the queue."""
    return {"Records": [_record(number, order) for number, order in enumerate(orders)]}


def _record(number: int, order: Order) -> dict[str, Any]:
    return {
        "messageId": f"{number:08d}-aaaa-4bbb-8ccc-dddddddddddd",
        "receiptHandle": f"handle-{number}",
        "body": json.dumps(order),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": attributes(QUEUE)["QueueArn"],
        "awsRegion": "us-east-1",
    }


def call(event: dict[str, Any]) -> tuple[Any, bool]:
    """Invoke charge-orders; return what it answered and whether that is an error."""
    response = boto3.client("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps(event))
    return json.loads(response["Payload"].read() or b"null"), "FunctionError" in response


def reported(payload: Any) -> list[Any] | None:
    """Return the identifiers that an answer reports as failed; None for an answer of another form."""
    try:
        return [item["itemIdentifier"] for item in payload["batchItemFailures"]]
    except (KeyError, TypeError):
        return None


def send(*orders: Order) -> None:
    """Send orders to the queue as one batch, when an environment of the function is warm."""
    call({"Records": []})
    entries = [{"Id": str(number), "MessageBody": json.dumps(order)} for number, order in enumerate(orders)]
    boto3.client("sqs").send_message_batch(QueueUrl=url_of(QUEUE), Entries=entries)


def cents_of(order: Order) -> list[int]:
    """Return what the customer of an order was charged, charge by charge."""
    rows = boto3.client("dynamodb").scan(TableName=CHARGES, ConsistentRead=True)["Items"]
    return [int(row["cents"]["N"]) for row in rows if row["order_id"]["S"] == order["order"]]


def until_done(what: str) -> None:
    """Wait until the queue holds no message: all are worked off, or dead letters."""
    eventually(lambda: messages_in(url_of(QUEUE)) == 0, what, seconds=PATIENCE)


def dead_orders() -> list[str]:
    """Return the order numbers in the dead-letter queue, which is as before afterwards."""
    url = url_of(DEAD)
    if not url:
        return []
    messages = _take(url)
    _release(url, messages)
    return [_number_of(message) for message in messages]


def _take(url: str) -> list[dict[str, Any]]:
    taken: list[dict[str, Any]] = []
    receive = boto3.client("sqs").receive_message
    while messages := receive(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_HELD).get("Messages"):
        taken += messages
    return taken


def _release(url: str, messages: list[dict[str, Any]]) -> None:
    for message in messages:
        boto3.client("sqs").change_message_visibility(
            QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )


def _number_of(message: dict[str, Any]) -> str:
    try:
        return str(json.loads(message["Body"])["order"])
    except (ValueError, KeyError, TypeError):
        return ""


@contextmanager
def cleaned_up() -> Iterator[None]:
    """Whatever happens inside: afterwards our messages, charges and notes are gone."""
    try:
        yield
    finally:
        _remove_messages()
        refund(*(order for order in charges() if order.startswith(_MARK)))
        dynamodb = boto3.client("dynamodb")
        for row in dynamodb.scan(TableName=PAID, ConsistentRead=True)["Items"]:
            if row["order_id"]["S"].startswith(_MARK):
                dynamodb.delete_item(TableName=PAID, Key={"order_id": row["order_id"]})


def _remove_messages() -> None:
    if url_of(DEAD):
        _remove_from(url_of(DEAD))
    _soon(lambda: not messages_in(url_of(QUEUE)), seconds=1)  # the last answer may just be on its way
    if messages_in(url_of(QUEUE)):
        with _line_stopped():
            _soon(lambda: attributes(QUEUE)["ApproximateNumberOfMessagesNotVisible"] == "0", seconds=5)
            _remove_from(url_of(QUEUE))


def _remove_from(url: str) -> None:
    messages = _take(url)
    ours = [message for message in messages if _number_of(message).startswith(_MARK)]
    for message in ours:
        boto3.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    _release(url, [message for message in messages if message not in ours])


@contextmanager
def _line_stopped() -> Iterator[None]:
    client, line = boto3.client("lambda"), {}
    with suppress(Exception):
        line = mapping()
    running = line.get("State") == "Enabled"
    if running:
        client.update_event_source_mapping(UUID=line["UUID"], Enabled=False)
    try:
        yield
    finally:
        if running:
            client.update_event_source_mapping(UUID=line["UUID"], Enabled=True)


def _soon(condition: Callable[[], bool], seconds: float) -> None:
    with suppress(Exception):
        eventually(condition, "the queue", seconds=seconds)
