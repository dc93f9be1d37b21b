"""The poster shop as you find it: a queue, two tables, a role, and the card company's library.

``posters.open_shop()`` makes them. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable

import boto3

QUEUE, CHARGES, PAID, ROLE = "poster-orders", "card-charges", "paid-orders", "poster-worker"

PAYMENTS = '''
"""The card company. It takes the money each time you ask, however often you ask."""

import uuid

import boto3

dynamodb = boto3.client("dynamodb")


def charge(order, cents):
    """Charge the customer's card; the card company writes it into its book, the table card-charges."""
    if cents <= 0:
        raise ValueError(f"the card company refuses to charge {cents} cents")
    item = {"charge_id": {"S": str(uuid.uuid4())}, "order_id": {"S": order}, "cents": {"N": str(cents)}}
    dynamodb.put_item(TableName="card-charges", Item=item)
'''

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
WRITE_LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
USE_TABLES = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"]


def open_shop() -> None:
    """Make what the shop has before you come: run it once, right after ``cloud.start``."""
    boto3.client("sqs").create_queue(QueueName=QUEUE)
    tables = [_table(CHARGES, "charge_id"), _table(PAID, "order_id")]
    boto3.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))
    _allow("write-logs", WRITE_LOGS, "*")
    _allow("charge-cards", USE_TABLES, tables)
    print(f"The shop is open: queue {QUEUE}, tables {CHARGES} and {PAID}, role {ROLE}.")


def _table(name: str, key: str) -> str:
    made = boto3.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return str(made["TableDescription"]["TableArn"])


def _allow(policy_name: str, actions: list[str], resources: str | list[str]) -> None:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    boto3.client("iam").put_role_policy(RoleName=ROLE, PolicyName=policy_name, PolicyDocument=document)


def charges() -> Counter[str]:
    """Return how often each order was charged: the card company's book."""
    pages = boto3.client("dynamodb").get_paginator("scan").paginate(TableName=CHARGES, ConsistentRead=True)
    return Counter(row["order_id"]["S"] for page in pages for row in page["Items"])


def refund(*orders: str, keep: int = 0) -> None:
    """Give the customers of these orders their money back, all but ``keep`` charges: the book forgets the others."""
    dynamodb, kept = boto3.client("dynamodb"), Counter[str]()
    for page in dynamodb.get_paginator("scan").paginate(TableName=CHARGES, ConsistentRead=True):
        for row in page["Items"]:
            order = row["order_id"]["S"]
            kept[order] += 1
            if order in orders and kept[order] > keep:
                dynamodb.delete_item(TableName=CHARGES, Key={"charge_id": row["charge_id"]})


def messages_in(queue_url: str) -> int:
    """Return how many messages a queue holds, those that are invisible for the moment included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = boto3.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
    return sum(int(number) for number in answer["Attributes"].values())


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Wait until ``condition()`` is true, at most ``seconds`` of your own time; return whether it became true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            print(f"We waited {seconds:g} s for this, and it did not happen.")
            return False
        time.sleep(0.1)
    return True
