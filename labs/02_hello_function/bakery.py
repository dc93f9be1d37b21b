"""The bakery as you find it: two tables, a role, a till that is broken, and a library for the layer.

``bakery.open_shop()`` makes them. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json

import boto3

from helpers.teaching import package

MENU = {"monday": "rye bread", "tuesday": "plum cake", "wednesday": "poppy rolls"}

OPENING = '''
"""When the bakery is open."""

OPENS, CLOSES = 6, 18


def is_open(hour):
    """Say whether the bakery is open in the hour that begins at `hour` (0 to 23)."""
    return OPENS <= hour < CLOSES
'''

TILL = """
import time

PRICES = {"bread": 3.20, "roll": 0.40}

def handler(event, context):
    time.sleep(1.2)                    # the card terminal is slow, and stays slow
    total = 0
    for item, count in event["basket"].items():
        total += PRICES[item] * count
    return {"total": round(total, 2)}
"""

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
WRITE_LOGS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        }
    ],
}


def open_shop() -> None:
    """Make what the bakery has before you come: run it once, right after ``cloud.start``."""
    _table("bakery-menu", "day", [{"day": {"S": day}, "special": {"S": special}} for day, special in MENU.items()])
    _table("bakery-wages", "person", [{"person": {"S": "Rosa"}, "wage": {"N": "2600"}}])
    role = _role("bakery-role")
    boto3.client("lambda").create_function(
        FunctionName="bakery-till",
        Runtime="python3.13",
        Role=role,
        Handler="till.handel",
        Timeout=1,
        Code={"ZipFile": package({"till.py": TILL})},
    )
    print("The bakery is open: tables bakery-menu and bakery-wages, role bakery-role, function bakery-till.")


def _table(name: str, key: str, items: list[dict[str, dict[str, str]]]) -> None:
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for item in items:
        dynamodb.put_item(TableName=name, Item=item)


def _role(name: str) -> str:
    iam = boto3.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="write-logs", PolicyDocument=json.dumps(WRITE_LOGS))
    return str(role)
