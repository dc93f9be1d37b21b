"""The bike rental as you find it: a bank, a queue, tables, and a bad night with an express workflow.

``rental.open_shop()`` makes them, ``rental.bad_night()`` shows what happened before you came,
``rental.order("r1", 30)`` sends a payment through your state machine ``pay``.
Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import boto3

from helpers import cloud
from helpers.teaching import package

PAY, PINGS, QUEUE, LOG, LIMIT, MINUTES = "pay", "pings", "approvals", "/rental/pings", 200, 5
BANK = """
import boto3

tables = boto3.resource("dynamodb")
charges, keys = tables.Table("charges"), tables.Table("keys")

class ConnectionLost(Exception):
    pass

def known(key):
    try:
        keys.put_item(Item={"key": key}, ConditionExpression="attribute_not_exists(#k)",
                      ExpressionAttributeNames={"#k": "key"})
        return False
    except keys.meta.client.exceptions.ConditionalCheckFailedException:
        return True

def handler(payment, context):
    "Take the money, unless the payment's key was seen before; then the connection may break."
    told = charges.update_item(
        Key={"order": payment["id"]}, UpdateExpression="ADD calls :one",
        ExpressionAttributeValues={":one": 1}, ReturnValues="ALL_NEW")["Attributes"]
    if not ("key" in payment and known(payment["key"])):
        charges.update_item(Key={"order": payment["id"]}, UpdateExpression="ADD usd :usd",
                            ExpressionAttributeValues={":usd": payment["usd"]})
    if told["calls"] <= told.get("breaks", 0):
        raise ConnectionLost("the bank did not answer; nobody knows what it has done")
    return {"paid": payment["usd"]}
"""
answers: dict[str, Callable[[dict[str, Any]], Any]] = {}


def open_shop() -> None:
    """Make what the rental has before you come: run it once, right after ``cloud.start``."""
    answers.clear()
    for table, key in {"charges": "order", "keys": "key", "pings": "ping"}.items():
        boto3.client("dynamodb").create_table(
            TableName=table,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    boto3.client("sqs").create_queue(QueueName=QUEUE)
    boto3.client("logs").create_log_group(logGroupName=LOG)
    principal = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = boto3.client("iam").create_role(RoleName="rental", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    for policy in ("AmazonDynamoDBFullAccess", "AmazonSQSFullAccess", "CloudWatchLogsFullAccess"):
        boto3.client("iam").attach_role_policy(RoleName="rental", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    boto3.client("lambda").create_function(
        FunctionName="charge",
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": package({"app.py": BANK})},
        Timeout=10,
    )
    print("The rental is open: function charge, queue approvals, tables charges and pings.")


def bad_night() -> None:
    """Show what the express workflow of before did in the night when AWS ran an execution of it twice."""
    add = {
        "Type": "Task",
        "Resource": "arn:aws:states:::dynamodb:updateItem",
        "Parameters": {
            "TableName": "charges",
            "Key": {"order": {"S.$": "$.id"}},
            "UpdateExpression": "ADD usd :usd",
            "ExpressionAttributeValues": {":usd": {"N": "30"}},
        },
        "End": True,
    }
    states = boto3.client("stepfunctions")
    arn = states.create_state_machine(
        name="pay-fast",
        type="EXPRESS",
        definition=json.dumps({"StartAt": "Charge", "States": {"Charge": add}}),
        roleArn=boto3.client("iam").get_role(RoleName="rental")["Role"]["Arn"],
    )["stateMachineArn"]
    cloud.current().duplicate_next_execution(arn)
    states.start_execution(stateMachineArn=arn, input=json.dumps({"id": "night"}))
    deadline = time.monotonic() + 10
    while charged("night") < 60 and time.monotonic() < deadline:
        time.sleep(0.05)
    print(f"One payment of 30 USD was started, and {charged('night')} USD were charged.")
    states.delete_state_machine(stateMachineArn=arn)


def machine(name: str) -> dict[str, Any] | None:
    """Return the description of one of your state machines, or None."""
    states = boto3.client("stepfunctions")
    for each in states.list_state_machines()["stateMachines"]:
        if each["name"] == name:
            return dict(states.describe_state_machine(stateMachineArn=each["stateMachineArn"]))
    return None


def answer(function: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Register your function ``pay``: a decorator."""
    answers[function.__name__] = function
    return function


def begin(order: str, usd: int, breaks: int = 0) -> str:
    """Start the state machine ``pay`` for an order and return the execution's ARN.

    Parameters
    ----------
    order, usd:
        The order's id, and what it costs.
    breaks:
        After how many of the calls for it the connection to the bank breaks, when the money is taken.
    """
    boto3.resource("dynamodb").Table("charges").put_item(Item={"order": order, "breaks": breaks})
    text, found = json.dumps({"id": order, "usd": usd}), machine(PAY) or {}
    states = boto3.client("stepfunctions")
    return str(states.start_execution(stateMachineArn=found["stateMachineArn"], input=text)["executionArn"])


def order(name: str, usd: int, breaks: int = 0) -> str | None:
    """Start a payment as ``begin`` does, wait for its end, print what became of it, and return its ARN."""
    if machine(PAY) is None:
        print(f"There is no state machine called {PAY} yet.")
        return None
    arn = begin(name, usd, breaks)
    told = ended(arn)
    print(f"{name} {told['status']} {told.get('error', '')}".strip() + f": {charged(name)} USD charged")
    return arn


def ended(arn: str, seconds: float = 10) -> dict[str, Any]:
    """Return the description of an execution when it is over, or after so many real seconds."""
    deadline = time.monotonic() + seconds
    while True:
        told = boto3.client("stepfunctions").describe_execution(executionArn=arn)
        if told["status"] != "RUNNING" or time.monotonic() > deadline:
            return dict(told)
        time.sleep(0.05)


def wait_until_charged(order: str, seconds: float = 5) -> None:
    """Wait until the bank has taken money for an order, at most so many real seconds."""
    deadline = time.monotonic() + seconds
    while not charged(order) and time.monotonic() < deadline:
        time.sleep(0.05)


def charged(order: str) -> int:
    """Return how much the bank has taken for an order, in USD."""
    return int(_charge(order).get("usd", 0))


def calls(order: str) -> int:
    """Return how often the bank was called for an order."""
    return int(_charge(order).get("calls", 0))


def _charge(order: str) -> dict[str, Any]:
    return dict(boto3.resource("dynamodb").Table("charges").get_item(Key={"order": order}).get("Item") or {})


def messages(seconds: float = 0) -> list[dict[str, Any]]:
    """Take all messages out of the queue ``approvals``; wait so many real seconds for the first one."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    deadline, taken = time.monotonic() + seconds, []
    while True:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            taken.append(_read(each["Body"]))
        if not found and (taken or time.monotonic() > deadline):
            return taken
        time.sleep(0.05)


def _read(body: str) -> dict[str, Any]:
    try:
        read = json.loads(body)
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"text": body}


def log_of(arn: str) -> list[dict[str, Any]]:
    """Return what an execution has written to the log group of the pings."""
    lines = boto3.client("logs").filter_log_events(logGroupName=LOG)["events"]
    events = [json.loads(line["message"]) for line in lines]
    return [event for event in events if event.get("execution_arn") == arn]
