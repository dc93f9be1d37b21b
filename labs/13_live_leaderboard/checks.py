"""Checks of the lab live_leaderboard: they read the tables, deliver batches twice, and ask the learner's function."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import race
from botocore.exceptions import ClientError
from words import HINTS, WHY

from helpers import cloud
from helpers.teaching.checks import Lab, eventually, not_attempted, wrong

MOST_RETRIES, TEN, ROUND = 10, 10, "r1"

lab = Lab("live_leaderboard")


def described(table: str) -> dict[str, Any]:
    """Return the description of a table."""
    return dict(boto3.client("dynamodb").describe_table(TableName=table)["Table"])


def view() -> str:
    """Return the view type of the stream of scores; the task is not attempted when there is none."""
    stream = described(race.SCORES).get("StreamSpecification")
    if not stream:
        not_attempted("The table `scores` has no stream yet.")
    return str(stream["StreamViewType"])


def mapping() -> dict[str, Any]:
    """Return the mapping from the stream to the function; the task is not attempted when there is none."""
    found = boto3.client("lambda").list_event_source_mappings(FunctionName=race.FUNCTION)["EventSourceMappings"]
    if not found:
        not_attempted("No event source mapping leads to the function `board` yet.")
    return dict(found[0])


def board(name: str) -> dict[str, int]:
    """Return the points on the leaderboard of a round."""
    items = boto3.resource("dynamodb").Table(race.BOARD).scan()["Items"]
    return {item["runner"]: int(item["points"]) for item in items if item["round"] == name and "points" in item}


def delivered(*records: dict[str, Any]) -> str:
    """Hand records to the function as Lambda would; return its error, or nothing."""
    event = json.dumps({"Records": list(records)})
    answer = boto3.client("lambda").invoke(FunctionName=race.FUNCTION, Payload=event)
    payload = answer["Payload"].read().decode()
    return payload if "FunctionError" in answer else ""


def record(runner: str, points: int, name: str = "INSERT") -> dict[str, Any]:
    """Return a record of the stream of scores, as Lambda hands it over."""
    image = {"round": {"S": "check"}, "entry": {"S": uuid.uuid4().hex}, "runner": {"S": runner}}
    image["points"] = {"N": str(points)}
    change = {"Keys": {"round": image["round"], "entry": image["entry"]}, "StreamViewType": view()}
    change |= {"OldImage" if name == "REMOVE" else "NewImage": image}
    return {"eventID": uuid.uuid4().hex, "eventName": name, "eventSource": "aws:dynamodb", "dynamodb": change}


def forget(runner: str) -> None:
    """Take a runner of the checks off the leaderboard."""
    boto3.resource("dynamodb").Table(race.BOARD).delete_item(Key={"round": "check", "runner": runner})


def new_environment() -> None:
    """Let the next invocation find nothing that an earlier one kept in memory: a new time-out makes all new."""
    aws = boto3.client("lambda")
    seconds = aws.get_function_configuration(FunctionName=race.FUNCTION)["Timeout"]
    aws.update_function_configuration(FunctionName=race.FUNCTION, Timeout=seconds + 1 if seconds < 60 else 3)
    aws.get_waiter("function_updated_v2").wait(FunctionName=race.FUNCTION)


def settled(name: str) -> bool:
    """Return whether the leaderboard of a round is as the gates know it."""
    return board(name) == race.truth[name]


@lab.task("stream", hints=HINTS["stream"], why=WHY["stream"])
def stream() -> None:
    """The stream holds the new score."""
    found = view()
    if found == "KEYS_ONLY":
        wrong("The records hold keys only: the function would not know how many points to add.")
    if found == "OLD_IMAGE":
        wrong("The records hold the item as it was *before*. A new score has no before.")


@lab.task("follow", hints=HINTS["follow"], why=WHY["follow"])
def follow() -> None:
    """The leaderboard has all points of round r1."""
    found = mapping()
    if ROUND not in race.truth:
        not_attempted('Nobody has run yet: `race.run("r1")`.')
    if not found["EventSourceArn"].startswith(described(race.SCORES)["TableArn"]):
        wrong("The mapping reads a stream, but not that of the table `scores`.")
    if found["State"] != "Enabled" and found["State"] != "Enabling":
        wrong(f"The mapping is {found['State'].lower()}, so nothing is read.")
    if found["StartingPosition"] == "LATEST":
        wrong("The mapping begins with what comes next (`LATEST`): the scores that were in the stream are skipped.")
    eventually(lambda: settled(ROUND), "the leaderboard of r1 to be as the gates know it", seconds=8)


@lab.task("once", hints=HINTS["once"], why=WHY["once"])
def once() -> None:
    """A batch that is delivered twice counts once; equal scores are two scores."""
    mapping()
    runner = f"check-{uuid.uuid4().hex[:6]}"
    first, second = record(runner, 5), record(runner, 5)
    try:
        error = delivered(first)
        if error:
            wrong("The function failed with an ordinary record.", said=error)
        if delivered(first, second):
            wrong("A batch with a record that was counted already makes the function fail, so it would never end.")
        points = board("check").get(runner)
        if points == 15:
            wrong("One score of 5 was delivered twice, another one once: 10 points. The leaderboard says 15.")
        if points == 5:
            wrong("Two different scores of 5 points are 10 points. The leaderboard says 5: they overwrite each other.")
        if points != 10:
            wrong(f"Two scores of 5 points are 10 points. The leaderboard says {points}.")
        new_environment()
        delivered(first)
        if board("check").get(runner) != 10:
            wrong("In a new execution environment the old record counts again: what you keep in memory is lost there.")
    finally:
        forget(runner)


@lab.task("poison", hints=HINTS["poison"], why=WHY["poison"])
def poison() -> None:
    """One broken record neither stops the run nor takes others along."""
    found = mapping()
    retries = found.get("MaximumRetryAttempts", -1)
    if retries == -1 and not found.get("BisectBatchOnFunctionError"):
        not_attempted("The mapping has no settings for errors yet.")
    if retries == -1:
        wrong(
            "Nothing ends the retries: the broken record is tried again until it is 24 hours old, and all others wait."
        )
    if retries > MOST_RETRIES:
        wrong(f"{retries} retries, each later than the one before: all runners wait for one record.")
    if not found.get("BisectBatchOnFunctionError"):
        wrong("The whole batch is given up together with the broken record. It has to be halved when it fails.")
    if not (found.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination", "").endswith(race.FAILED):
        wrong("What is given up is lost without a trace: name the queue `race-failed` as the destination on failure.")
    if not race.broken:
        not_attempted("No gate has broken yet: `race.broken_gate()`.")
    name = race.broken[-1]
    eventually(lambda: settled(name), f"the eight good scores of the round {name}", seconds=15)
    eventually(waiting, "a message about the broken record in the queue", seconds=15)


def waiting() -> int:
    """Return how many messages wait in the queue of what was given up."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=race.FAILED)["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return int(told["ApproximateNumberOfMessages"])


@lab.task("top", hints=HINTS["top"], why=WHY["top"])
def top() -> None:
    """top_ten asks an index for the ten best, best first."""
    function = race.answers.get("top_ten")
    if function is None:
        not_attempted("There is no function `top_ten` yet.")
    if not board(ROUND):
        not_attempted("The leaderboard of r1 is empty: solve `follow` first.")
    mark = cloud.current().record.mark()
    found = function(ROUND)
    calls = {entry.action for entry in cloud.current().record.since(mark) if entry.target == "dynamodb"}
    if "Scan" in calls:
        wrong("`top_ten` scans: it reads every runner of every round there ever was.")
    if not isinstance(found, list) or not all(isinstance(item, dict) and "runner" in item for item in found):
        wrong("`top_ten` should return a list of items with `runner` and `points`.")
    best = sorted(race.truth[ROUND], key=race.truth[ROUND].__getitem__, reverse=True)
    names = [item["runner"] for item in found]
    if names == best[::-1][:TEN]:
        wrong("These are the ten slowest: an index is read from the smallest key on, unless you say otherwise.")
    if names != best[:TEN]:
        wrong(f"`top_ten` returned {len(names)} runners, beginning with {names[:3]}; the best three are {best[:3]}.")
    indexes = described(race.BOARD).get("GlobalSecondaryIndexes", [])
    if not any([key["AttributeName"] for key in index["KeySchema"]] == ["round", "points"] for index in indexes):
        wrong("Right names, but no index is ordered by points: you read the whole round and sorted it yourself.")


@lab.task("ttl", hints=HINTS["ttl"], why=WHY["ttl"])
def ttl() -> None:
    """Old scores go, the leaderboard stays, and the function bears the deletions."""
    told = boto3.client("dynamodb").describe_time_to_live(TableName=race.SCORES)["TimeToLiveDescription"]
    if told["TimeToLiveStatus"] != "ENABLED":
        not_attempted("Time to Live is not switched on for `scores`.")
    if told["AttributeName"] != "expires":
        wrong(f"The attribute `{told['AttributeName']}` is no time in seconds, so nothing will ever expire.")
    mapping()
    runner = f"check-{uuid.uuid4().hex[:6]}"
    try:
        error = delivered(record(runner, 5, "REMOVE"))
        if error:
            wrong("An expired score reached the function as a `REMOVE` record, and it failed.", said=error)
        if board("check").get(runner):
            wrong("The deletion of a score was counted as points.")
    finally:
        forget(runner)
    eventually(lambda: not old_scores(), "last year's scores to go", seconds=8)


def old_scores() -> list[Any]:
    """Return the scores of last year that are still there."""
    try:
        scores = boto3.resource("dynamodb").Table(race.SCORES).scan()["Items"]
    except ClientError:
        return []
    return [score for score in scores if score["round"] == "last-year"]
