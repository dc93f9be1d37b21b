"""The harbour run as you find it: tables, a function that counts, gates that write scores.

``race.prepare()`` makes them, ``race.run("r1")`` sends runners through the gates, ``race.broken_gate()`` some through
a gate that writes nonsense once. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.teaching import package

FUNCTION, SCORES, BOARD, COUNTED, FAILED = "board", "scores", "leaderboard", "counted", "race-failed"
RUNNERS = [
    "Abel", "Berit", "Cem", "Dana", "Eino", "Fay", "Gus", "Hana", "Ivo", "Jun", "Kaja", "Leo",
    "Mona", "Nils", "Ola", "Pia", "Quin", "Rosa", "Sven", "Tara", "Ugo", "Vera", "Wim", "Yael",
]  # fmt: skip
COUNT = """
import boto3

board = boto3.resource("dynamodb").Table("leaderboard")

def handler(event, context):
    for record in event["Records"]:
        score = record["dynamodb"]["NewImage"]
        board.update_item(
            Key={"round": score["round"]["S"], "runner": score["runner"]["S"]},
            UpdateExpression="ADD points :p",
            ExpressionAttributeValues={":p": int(score["points"]["N"])},
        )
"""
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_POLICIES = ("service-role/AWSLambdaDynamoDBExecutionRole", "AmazonDynamoDBFullAccess", "AmazonSQSFullAccess")
_HOUR = 3600
truth: dict[str, dict[str, int]] = {}
"""What each runner of a round has, as the gates know it."""
answers: dict[str, Callable[[str], Any]] = {}
broken: list[str] = []
"""The rounds in which a gate wrote nonsense."""


def prepare() -> None:
    """Make what the run has before you come, and the scores of last year: run it once, right after ``cloud.start``."""
    truth.clear()
    answers.clear()
    broken.clear()
    _table(SCORES, "round", "entry")
    _table(BOARD, "round", "runner")
    _table(COUNTED, "event")
    boto3.client("sqs").create_queue(QueueName=FAILED)
    iam = boto3.client("iam")
    role = iam.create_role(RoleName="race", AssumeRolePolicyDocument=json.dumps(_TRUST))["Role"]["Arn"]
    for policy in _POLICIES:
        iam.attach_role_policy(RoleName="race", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    boto3.client("lambda").create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Role=role,
        Handler="app.handler",
        Code={"ZipFile": package({"app.py": COUNT})},
    )
    _write([_score("last-year", runner, 1, 10, -_HOUR) for runner in RUNNERS[:6]])
    print("Last year's scores are in the table `scores`; the function `board` waits.")


def run(name: str) -> None:
    """Let all runners pass three gates of the round ``name``; each gate writes a score."""
    points = random.Random(name)
    scores = [
        _score(name, runner, gate, points.randint(1, 9) * 24 + (number if gate == 1 else 0), 10000 * _HOUR)
        for gate in (1, 2, 3)
        for number, runner in enumerate(RUNNERS)
    ]
    truth[name] = dict.fromkeys(RUNNERS, 0)
    for score in scores:
        truth[name][score["runner"]] += score["points"]
    if _write(scores):
        print(f"Round {name}: {len(scores)} scores of {len(RUNNERS)} runners.")


def broken_gate() -> None:
    """Let nine runners pass a gate that writes text instead of points for the fifth one."""
    name = f"broken-{len(broken) + 1}"
    scores = [_score(name, runner, 1, 5, 10000 * _HOUR) for runner in RUNNERS[:9]]
    scores[4]["points"] = "did not finish"
    truth[name] = {each["runner"]: 5 for each in scores if each is not scores[4]}
    broken.append(name)
    if _write(scores):
        print(f"Round {name}: 9 scores, and one of them is nonsense.")


def answer(function: Callable[[str], Any]) -> Callable[[str], Any]:
    """Register your function ``top_ten``: a decorator."""
    answers[function.__name__] = function
    return function


def _score(name: str, runner: str, gate: int, points: int, lives: int) -> dict[str, Any]:
    now = int(cloud.current().time())
    made = {"round": name, "entry": f"{runner}#{gate}", "runner": runner, "points": points}
    return {**made, "written": f"gate {gate}", "expires": now + lives}


def _write(scores: list[dict[str, Any]]) -> bool:
    try:
        with boto3.resource("dynamodb").Table(SCORES).batch_writer() as batch:
            for score in scores:
                batch.put_item(Item=score)
    except ClientError as error:
        print("No score was written. AWS said:", error.response["Error"]["Message"])
        return False
    return True


def _table(name: str, *keys: str) -> None:
    kinds = zip(keys, ("HASH", "RANGE"), strict=False)
    boto3.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in kinds],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        BillingMode="PAY_PER_REQUEST",
    )
