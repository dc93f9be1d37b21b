"""The bookshop as you find it: a function that tells prices, a website's user, a release log, and visitors.

``shop.open_shop()`` makes them, ``shop.visitors(400)`` sends visitors. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json
import random
from typing import Any

import boto3
from botocore.exceptions import ClientError

from helpers.teaching import package

FUNCTION, ALIAS, USER, RELEASES = "shop-price", "live", "shop-website", "shop-releases"

STABLE = """
PRICES = {"atlas": 30, "cookbook": 24, "novel": 12, "poems": 9}

def handler(event, context):
    prices = [PRICES[book] for book in event["basket"]]
    return {"total": sum(prices)}
"""

SALE = """
PRICES = {"atlas": 30, "cookbook": 24, "novel": 12, "poems": 9}

def handler(event, context):
    prices = [PRICES[book] for book in event["basket"]]
    discount = max(prices) / 2              # spring sale: the dearest book at half its price
    return {"total": sum(prices) - discount}
"""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
WRITE_LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
_BASKETS = [[], ["novel"], ["poems", "atlas"], ["cookbook", "novel", "poems"]]
_state: dict[str, Any] = {}


def open_shop() -> None:
    """Make what the shop has before you come: run it once, right after ``cloud.start``."""
    iam, dynamodb = boto3.client("iam"), boto3.client("dynamodb")
    role = iam.create_role(RoleName="shop-role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="shop-role", PolicyArn=WRITE_LOGS)
    boto3.client("lambda").create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": package({"app.py": STABLE})},
    )
    iam.create_user(UserName=USER)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    dynamodb.create_table(
        TableName=RELEASES,
        KeySchema=[{"AttributeName": "version", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "version", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    _state["website"] = boto3.client(
        "lambda", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    _state["chance"] = random.Random(3)
    print(f"The shop is open: function {FUNCTION}, user {USER}, table {RELEASES}.")


def website() -> Any:
    """Return the Lambda client of the website, which signs as the user ``shop-website``."""
    return _state["website"]


def visitors(count: int) -> None:
    """Let visitors come to the website: for each it asks ``shop-price:live`` for the price of a basket.

    Every fourth or so has nothing in the basket yet.
    """
    failed = 0
    for _ in range(count):
        event = json.dumps({"basket": _state["chance"].choice(_BASKETS)})
        try:
            answer = website().invoke(FunctionName=f"{FUNCTION}:{ALIAS}", Payload=event)
        except ClientError as refusal:
            print(f"The website cannot ask {FUNCTION}:{ALIAS}. AWS said: {refusal.response['Error']['Message']}")
            return
        failed += "FunctionError" in answer
    print(f"{count} visitors: {count - failed} saw a price, {failed} saw an error page.")
