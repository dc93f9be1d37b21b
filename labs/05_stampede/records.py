"""The record shop as you find it: four functions, two tables, and the crowd that comes at noon.

``records.open_shop()`` makes them; ``records.rehearsal()``, ``records.noon(till)`` and ``records.confirm(send)`` let
people come. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers.teaching import package

CATALOGUE, CHECKOUT, SUGGEST, MAILER = "records-catalogue", "records-checkout", "records-suggest", "records-mailer"
ORDERS, MAILS, ALIAS = "records-orders", "records-mails", "live"
CUSTOMERS, VISITORS, ACCOUNT, MAILS_AT_ONCE = 12, 10, 12, 3

_PAGE = """
import time

def handler(event, context):
    time.sleep(2)  # reads a large page from a small database
    return {"page": event["page"]}
"""
_CHECKOUT = """
import os, time
import boto3

table = boto3.resource("dynamodb").Table("records-orders")
time.sleep(1)  # loads the tax rules of all countries

def handler(event, context):
    started = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
    time.sleep(0.4)  # asks the bank
    table.put_item(Item={"order": event["order"], "started": started})
    return {"paid": event["order"], "started": started}
"""
_MAILER = """
import time
import boto3

table = boto3.resource("dynamodb").Table("records-mails")

def handler(event, context):
    time.sleep(0.1)  # the mail server takes three mails at a time
    table.put_item(Item={"order": event["order"]})
"""
_SOURCES = {CATALOGUE: _PAGE, CHECKOUT: _CHECKOUT, SUGGEST: _PAGE, MAILER: _MAILER}


def open_shop() -> None:
    """Make what the shop has before you come: run it once, right after ``cloud.start``."""
    iam, lambda_, dynamodb = boto3.client("iam"), boto3.client("lambda"), boto3.client("dynamodb")
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName="records-role", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for name, source in _SOURCES.items():
        lambda_.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": package({"app.py": source})},
            Timeout=30,
            MemorySize=256,
            Publish=True,
        )
    lambda_.create_alias(FunctionName=CHECKOUT, Name=ALIAS, FunctionVersion="1")
    lambda_.put_function_concurrency(FunctionName=MAILER, ReservedConcurrentExecutions=MAILS_AT_ONCE)
    for table in (ORDERS, MAILS):
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "order", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "order", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    print(f"The shop is open: {', '.join(_SOURCES)}. Its account may run {ACCOUNT} calls at once.")


def impatient() -> Any:
    """Return a Lambda client that tries once and gives up, as the shop's visitors do."""
    return boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50))


def ask(client: Any, name: str, **event: Any) -> dict[str, Any]:
    """Call a function; return its answer (empty where it was throttled) with how often the client ``tried``."""
    try:
        response = client.invoke(FunctionName=name, Payload=json.dumps(event))
    except ClientError as refusal:
        if refusal.response["ResponseMetadata"]["HTTPStatusCode"] != 429:
            raise
        return {"tried": 1 + refusal.response["ResponseMetadata"].get("RetryAttempts", 0)}
    return {**json.load(response["Payload"]), "tried": 1 + response["ResponseMetadata"]["RetryAttempts"]}


def together(count: int, name: str, client: Any | None = None, label: str = "call") -> list[dict[str, Any]]:
    """Call a function ``count`` times at the same moment; return what ``ask`` returns."""
    client = client or impatient()
    with ThreadPoolExecutor(count) as pool:
        events = [f"{label}-{number:02}" for number in range(1, count + 1)]
        return list(pool.map(lambda event: ask(client, name, order=event, page=event), events))


def served(answers: list[dict[str, Any]], what: str) -> int:
    """Return how many of the answers are no throttles: they have ``page`` or ``paid``."""
    return sum(what in answer for answer in answers)


def rehearse() -> int:
    """Let ten visitors storm the catalogue, and four customers pay a moment later; return how many could pay."""
    with ThreadPoolExecutor(1) as pool:
        storm = pool.submit(together, VISITORS, CATALOGUE)
        threading.Event().wait(1)  # the visitors are in
        paid = together(4, f"{CHECKOUT}:{ALIAS}", label="rehearsal")
        storm.result()
    return served(paid, "paid")


def rehearsal() -> None:
    """Rehearse, and print what came of it."""
    print(f"{VISITORS} visitors at the catalogue, then 4 customers at the checkout: {rehearse()} of 4 paid.")


def noon(till: Any) -> None:
    """Let the crowd come: ten visitors storm the catalogue while twelve customers pay with the client ``till``."""
    if not hasattr(till, "invoke"):
        print("There is no till yet.")
        return
    _empty(ORDERS)
    with ThreadPoolExecutor(1) as pool:
        storm = pool.submit(together, VISITORS, CATALOGUE)
        answers = together(CUSTOMERS, f"{CHECKOUT}:{ALIAS}", till, "noon")
        pages = served(storm.result(), "page")
    again = sum(answer["tried"] > 1 for answer in answers)
    _table(ORDERS).put_item(Item={"order": "log", "again": again})
    print(f"Catalogue: {pages} of {VISITORS} visitors saw a page.")
    print(f"Checkout:  {served(answers, 'paid')} of {CUSTOMERS} customers paid.")


def confirm(send: Any) -> None:
    """Hand twelve orders, all at the same moment, to ``send(order)``, which should let the mailer confirm each."""
    if not callable(send):
        print("There is no way to send mails yet.")
        return
    _empty(MAILS)

    def one(order: str) -> str:
        try:
            send(order)
        except ClientError as refusal:
            return str(refusal.response["Error"]["Code"])
        return ""

    with ThreadPoolExecutor(CUSTOMERS) as pool:
        refusals = list(filter(None, pool.map(one, [f"noon-{number:02}" for number in range(1, CUSTOMERS + 1)])))
    _table(MAILS).put_item(Item={"order": "log", "refused": len(refusals)})
    print(f"{CUSTOMERS - len(refusals)} of {CUSTOMERS} orders were taken.")


def _table(name: str) -> Any:
    return boto3.resource("dynamodb").Table(name)


def _empty(name: str) -> None:
    for item in _table(name).scan()["Items"]:
        _table(name).delete_item(Key={"order": item["order"]})
