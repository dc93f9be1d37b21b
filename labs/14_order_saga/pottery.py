"""The pottery shop as you find it: functions, tables, and orders that meet trouble.

``pottery.open_shop()`` makes them, ``pottery.place("o1")`` sends an order through your state machine ``order``. An
order may meet trouble: ``pottery.place("o2", charge=["BankBusy"] * 2)`` lets the first two calls of ``charge`` fail.
Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from helpers.teaching import package

MACHINE, QUEUE, ROLE, PRICE = "order", "by-hand", "shop", 30
FUNCTIONS = ("reserve", "charge", "ship", "release", "refund")
ALWAYS = 12
"""How often something fails that never works: more often than anybody should try."""
CODE = """
import boto3

tables = boto3.resource("dynamodb")
stock, account, parcels, world = (tables.Table(name) for name in ("stock", "account", "parcels", "world"))

def trouble(order, function):
    "Write down the call; fail if this order is to meet trouble at it."
    told = world.update_item(
        Key={"order": order["id"]}, ReturnValues="ALL_NEW",
        UpdateExpression="SET calls = list_append(if_not_exists(calls, :none), :one)",
        ExpressionAttributeValues={":none": [], ":one": [function]},
    )["Attributes"]
    call, planned = told["calls"].count(function), told.get(function, [])
    if call <= len(planned):
        name = planned[call - 1]
        raise type(name, (Exception,), {})(f"call {call} of {function}")

def balance(order, amount, **more):
    values = {":amount": amount, **({":nothing": 0} if more else {})}
    account.update_item(Key={"order": order["id"]}, UpdateExpression="ADD usd :amount",
                        ExpressionAttributeValues=values, **more)

def reserve(order, context):
    trouble(order, "reserve")
    stock.put_item(Item={"order": order["id"]})
    return {"shelf": "B4"}

def charge(order, context):
    trouble(order, "charge")
    balance(order, order["price"])
    return {"charged": order["price"]}

def ship(order, context):
    trouble(order, "ship")
    parcels.put_item(Item={"order": order["id"]})
    return {"parcel": order["id"] + "-1"}

def release(order, context):
    trouble(order, "release")
    stock.delete_item(Key={"order": order["id"]})
    return {"back on": "B4"}

class NothingToRefund(Exception):
    pass

def refund(order, context):
    trouble(order, "refund")
    try:
        balance(order, -order["price"], ConditionExpression="usd > :nothing")
    except account.meta.client.exceptions.ConditionalCheckFailedException:
        raise NothingToRefund(order["id"]) from None
    return {"refunded": order["price"]}
"""


@dataclass(frozen=True)
class Outcome:
    """What became of an order: its execution, the books of the shop, and the calls of the functions in their order."""

    order: str
    arn: str
    status: str
    error: str
    cause: str
    reserved: bool
    charged: int
    shipped: bool
    calls: list[str]

    def __str__(self) -> str:
        bowl = "bowl reserved" if self.reserved else "bowl on the shelf"
        return (
            f"{' '.join([self.status, self.error]).strip()}: {bowl}, {self.charged} USD charged, "
            f"{'parcel sent' if self.shipped else 'no parcel'}"
        )


def open_shop() -> None:
    """Make what the shop has before you come: run it once, right after ``cloud.start``."""
    for name in ("stock", "account", "parcels", "world"):
        boto3.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "order", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "order", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    boto3.client("sqs").create_queue(QueueName=QUEUE)
    principal = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = boto3.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    for policy in ("service-role/AWSLambdaRole", "AmazonDynamoDBFullAccess", "AmazonSQSFullAccess"):
        boto3.client("iam").attach_role_policy(RoleName=ROLE, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    for name in FUNCTIONS:
        boto3.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler=f"app.{name}",
            Code={"ZipFile": package({"app.py": CODE})},
            Timeout=10,
        )
    print("The shop is open. Its functions:", ", ".join(FUNCTIONS))


def machine() -> dict[str, Any] | None:
    """Return the description of the state machine ``order``, or None."""
    states = boto3.client("stepfunctions")
    for each in states.list_state_machines()["stateMachines"]:
        if each["name"] == MACHINE:
            return dict(states.describe_state_machine(stateMachineArn=each["stateMachineArn"]))
    return None


def place(order: str, **trouble: list[str]) -> str | None:
    """Let somebody order a bowl, wait for the end of the execution, and print what became of it.

    Parameters
    ----------
    order:
        The order's id.
    trouble:
        For a function, the errors of its first calls: ``charge=["BankBusy"] * 2``.

    Returns
    -------
    str | None
        The ARN of the execution; None without a state machine.
    """
    if machine() is None:
        print(f"There is no state machine called {MACHINE} yet.")
        return None
    try:
        outcome = order_of(order, **trouble)
    except ClientError as error:
        print("The order did not begin. AWS said:", error.response["Error"]["Message"])
        return None
    print(order, outcome)
    return outcome.arn


def order_of(order: str, seconds: float = 15, **trouble: list[str]) -> Outcome:
    """Send an order through the state machine and return what became of it; after ``seconds`` it is stopped."""
    boto3.resource("dynamodb").Table("world").put_item(Item={"order": order, **trouble})
    states, found = boto3.client("stepfunctions"), machine()
    text = json.dumps({"id": order, "item": "bowl", "price": PRICE})
    arn = states.start_execution(stateMachineArn=(found or {})["stateMachineArn"], input=text)["executionArn"]
    deadline = time.monotonic() + seconds
    while (told := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        if time.monotonic() > deadline:
            states.stop_execution(executionArn=arn)
            break
        time.sleep(0.05)
    account = _item("account", order) or {"usd": 0}
    return Outcome(
        order,
        arn,
        told["status"],
        told.get("error", ""),
        told.get("cause", ""),
        _item("stock", order) is not None,
        int(account["usd"]),
        _item("parcels", order) is not None,
        list((_item("world", order) or {}).get("calls", [])),
    )


def _item(table: str, order: str) -> Any:
    return boto3.resource("dynamodb").Table(table).get_item(Key={"order": order}).get("Item")
