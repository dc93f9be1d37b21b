"""The lab live_leaderboard: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key

from helpers.teaching import package
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "13_live_leaderboard"
TASKS = ["stream", "follow", "once", "poison", "top", "ttl"]
QUEUE = "arn:aws:sqs:us-east-1:123456789012:race-failed"
FINE: dict[str, Any] = {
    "BisectBatchOnFunctionError": True,
    "MaximumRetryAttempts": 1,
    "DestinationConfig": {"OnFailure": {"Destination": QUEUE}},
}
SKIP = '        if record["eventName"] == "REMOVE":\n            continue\n'
ONCE = """
import boto3

client = boto3.resource("dynamodb").meta.client

def handler(event, context):
    for record in event["Records"]:
        # skip
        score = record["dynamodb"]["NewImage"]
        new = {"TableName": "counted", "Item": {"event": ID}, "ConditionExpression": "attribute_not_exists(event)"}
        add = {"TableName": "leaderboard", "Key": {"round": score["round"]["S"], "runner": score["runner"]["S"]}}
        add |= {"UpdateExpression": "ADD points :p", "ExpressionAttributeValues": {":p": int(score["points"]["N"])}}
        try:
            client.transact_write_items(TransactItems=[{"Put": new}, {"Update": add}])
        except client.exceptions.TransactionCanceledException as cancelled:
            if cancelled.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
                raise
""".replace("ID", 'record["eventID"]')


class Learner:
    """Somebody who builds the board: what a learner's cells would do, and the checks."""

    def __init__(self, race: Any, lab: Lab) -> None:
        self.race, self.lab = race, lab
        self.dynamodb, self.aws = boto3.client("dynamodb"), boto3.client("lambda")
        self.board = boto3.resource("dynamodb").Table("leaderboard")

    def stream(self, view: str = "NEW_IMAGE", run: bool = True) -> str:
        stream = {"StreamEnabled": True, "StreamViewType": view}
        told = self.dynamodb.update_table(TableName="scores", StreamSpecification=stream)["TableDescription"]
        if run:
            self.race.run("r1")
        return str(told["LatestStreamArn"])

    def follow(self, position: str = "TRIM_HORIZON", view: str = "NEW_IMAGE", **settings: Any) -> None:
        arn = self.stream(view)
        self.aws.create_event_source_mapping(
            FunctionName="board", EventSourceArn=arn, StartingPosition=position, **settings
        )

    def upload(self, code: str) -> None:
        self.aws.update_function_code(FunctionName="board", ZipFile=package({"app.py": code}))

    def counting(self, code: str) -> None:
        self.follow()
        self.upload(code)

    def handling(self, break_gate: bool = True, **settings: Any) -> None:
        self.follow(**settings)
        self.upload(ONCE)
        if break_gate:
            self.race.broken_gate()

    def index(self, *keys: tuple[str, str]) -> None:
        schema = [
            {"AttributeName": name, "KeyType": kind} for (name, _), kind in zip(keys, ("HASH", "RANGE"), strict=True)
        ]
        kinds = {"round": "S", "runner": "S", **dict(keys)}
        self.board.update(
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
            GlobalSecondaryIndexUpdates=[
                {"Create": {"IndexName": "by-points", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}}
            ],
        )

    def asking(self, top_ten: Callable[[str], Any], indexed: bool = True) -> None:
        self.follow()
        assert self.result("follow").state == "right"
        if indexed:
            self.index(("round", "S"), ("points", "N"))
        self.race.answers["top_ten"] = top_ten

    def by_points(self, name: str, **how: Any) -> Any:
        return self.board.query(IndexName="by-points", KeyConditionExpression=Key("round").eq(name), **how)["Items"]

    def sorted_here(self, name: str) -> Any:
        items = self.board.query(KeyConditionExpression=Key("round").eq(name))["Items"]
        return sorted(items, key=lambda item: -item["points"])[:10]

    def scanning(self, name: str) -> Any:
        items = self.board.scan(FilterExpression=Attr("round").eq(name))["Items"]
        return sorted(items, key=lambda item: -item["points"])[:10]

    def expiring(self, attribute: str = "expires", code: str = ONCE, view: str = "NEW_IMAGE") -> None:
        self.follow(view=view, **FINE)
        self.upload(code)
        setting = {"AttributeName": attribute, "Enabled": True}
        self.dynamodb.update_time_to_live(TableName="scores", TimeToLiveSpecification=setting)

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, speed=240) as modules:
        race = modules["race"]
        race.prepare()
        yield Learner(race, modules["checks"].lab)


KEEPS_IN_MEMORY = """
import boto3
board, seen = boto3.resource("dynamodb").Table("leaderboard"), set()

def handler(event, context):
    for record in event["Records"]:
        score = record["dynamodb"]["NewImage"]
        if record["eventID"] not in seen:
            seen.add(record["eventID"])
            board.update_item(
                Key={"round": score["round"]["S"], "runner": score["runner"]["S"]}, UpdateExpression="ADD points :p",
                ExpressionAttributeValues={":p": int(score["points"]["N"])},
            )
"""
SETS = KEEPS_IN_MEMORY.replace("ADD points :p", "SET points = :p")
COUNTS_REMOVALS = ONCE.replace('["NewImage"]', '.get("NewImage") or record["dynamodb"]["OldImage"]')


def retries(**changed: Any) -> Callable[[Learner], None]:
    """Return an answer to ``poison`` with other settings."""
    return lambda learner: learner.handling(**{**FINE, **changed})


WRONG: list[tuple[str, Callable[[Learner], Any], str, str]] = [
    ("stream", lambda learner: learner.stream("KEYS_ONLY"), "hold keys only", ""),
    ("stream", lambda learner: learner.stream("OLD_IMAGE"), "A new score has no before", ""),
    ("follow", lambda learner: learner.follow("LATEST"), "the scores that were in the stream are skipped", ""),
    ("follow", lambda learner: learner.follow(Enabled=False), "The mapping is disabled", ""),
    ("once", lambda learner: learner.follow(), "The leaderboard says 15", ""),
    ("once", lambda learner: learner.counting(SETS), "they overwrite each other", ""),
    ("once", lambda learner: learner.counting(KEEPS_IN_MEMORY), "what you keep in memory is lost there", ""),
    ("once", lambda learner: learner.counting(ONCE.replace("Records", "records")), "with an ordinary record", "KeyErr"),
    ("once", lambda learner: learner.counting(ONCE.replace("] != ", "] == ")), "so it would never end", ""),
    ("poison", retries(MaximumRetryAttempts=-1), "Nothing ends the retries", ""),
    ("poison", retries(MaximumRetryAttempts=1000), "1000 retries", ""),
    ("poison", retries(BisectBatchOnFunctionError=False), "It has to be halved", ""),
    ("poison", retries(DestinationConfig={}), "lost without a trace", ""),
    ("top", lambda learner: learner.asking(learner.scanning), "`top_ten` scans", ""),
    ("top", lambda learner: learner.asking(lambda name: learner.by_points(name, Limit=10)), "the ten slowest", ""),
    (
        "top",
        lambda learner: learner.asking(lambda name: learner.by_points(name, ScanIndexForward=False)),
        "`top_ten` returned 24 runners",
        "",
    ),
    ("top", lambda learner: learner.asking(learner.sorted_here, indexed=False), "sorted it yourself", ""),
    ("top", lambda learner: learner.asking(lambda name: {"Items": []}), "should return a list", ""),
    ("ttl", lambda learner: learner.expiring("written"), "`written` is no time in seconds", ""),
    ("ttl", lambda learner: learner.expiring(), "as a `REMOVE` record, and it failed", "NewImage"),
    (
        "ttl",
        lambda learner: learner.expiring(code=COUNTS_REMOVALS, view="NEW_AND_OLD_IMAGES"),
        "The deletion of a score was counted",
        "",
    ),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_nothing_is_attempted_in_the_beginning_and_after_the_first_task(learner: Learner) -> None:
    assert [learner.result(task).state for task in TASKS] == ["not attempted"] * len(TASKS)
    learner.stream()
    assert [learner.result(task).state for task in TASKS] == ["right"] + ["not attempted"] * 5


def test_all_tasks_are_right_in_the_end_and_stay_so_after_a_mended_mistake(learner: Learner) -> None:
    learner.follow()
    learner.upload(ONCE.replace("        # skip\n", SKIP))
    learner.race.broken_gate()
    assert learner.result("poison").state == "not attempted"
    (mapping,) = learner.aws.list_event_source_mappings(FunctionName="board")["EventSourceMappings"]
    learner.aws.update_event_source_mapping(UUID=mapping["UUID"], **FINE)
    learner.index(("round", "S"), ("points", "N"))
    learner.race.answers["top_ten"] = lambda name: learner.by_points(name, ScanIndexForward=False, Limit=10)
    setting = {"AttributeName": "expires", "Enabled": True}
    learner.dynamodb.update_time_to_live(TableName="scores", TimeToLiveSpecification=setting)
    for _ in range(2):
        assert [result.state for result in learner.lab.results().values()] == ["right"] * len(TASKS)
    learner.race.run("r2")
    learner.race.broken_gate()
    assert learner.result("poison").state == "right"
