"""Checks of the lab architecture_big_data: they send counts, wait, and look where these are."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from functools import wraps

import bikes
import boto3
from words import HINTS, WHY

from helpers.teaching import deployments
from helpers.teaching.checks import Lab, not_attempted, wrong
from helpers.teaching.lookups import last_error, metric_sum

lab = Lab("architecture_big_data")


def task(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Declare a task; what was right stays right after the stack is gone, because the last task removes it."""

    def declare(check: Callable[[], None]) -> Callable[[], None]:
        @lab.task(name, hints=HINTS[name], why=WHY[name])
        @wraps(check)
        def remembered() -> None:
            if name in bikes.right_before and bikes.outputs() is None:
                return
            check()
            bikes.right_before.add(name)

        return remembered

    return declare


def need(*names: str) -> None:
    """Check that the stack is there and has these outputs."""
    made = bikes.outputs()
    if made is None:
        not_attempted(f"There is no stack called `{bikes.STACK}` yet.")
    for name in names:
        if name not in made:
            if name in ("Database", "Reports"):
                not_attempted(f"The stack has no output `{name}` yet.")
            wrong(f"The stack has no output `{name}`.", said="; ".join(deployments.failures(bikes.STACK)) or None)


def new_bridge() -> str:
    """Return the name of a bridge that was never counted."""
    return f"Bridge {secrets.token_hex(3)}"


def put(messages: list[dict[str, object] | bytes]) -> None:
    """Send messages; an Intake that nobody can send to is wrong."""
    try:
        bikes.send(messages)
    except ValueError as error:
        wrong("Nothing could be sent.", said=str(error))


def arrived(text: str, times: int, seconds: float = bikes.LONGEST_SECONDS) -> dict[str, str]:
    """Wait until the lake has a text so often; return the files that have it. What keeps it away is said at once."""
    deadline, denied = time.monotonic() + seconds, metric_sum("AWS/Firehose", "DeliveryToS3.Success", **stream())
    while True:
        found = {key: body for key, body in bikes.files("Lake").items() if text in body}
        if sum(body.count(text) for body in found.values()) >= times:
            return found
        if refused(denied):
            wrong("Firehose may not write into the bucket: its role lacks a permission.", said="S3.AccessDenied")
        if time.monotonic() > deadline:
            have = sum(body.count(text) for body in found.values())
            wrong(
                f"Of {times} messages that were sent together {have} came into the lake within {seconds:g} s. "
                "The others were dropped, or who writes the files could not read what was sent."
            )
        time.sleep(0.1)


def stream() -> dict[str, str]:
    """Return the dimension of Firehose's metrics."""
    return {"DeliveryStreamName": (bikes.outputs() or {}).get("Intake", "").rpartition("/")[2]}


def refused(before: float) -> bool:
    """Return whether Firehose tried to write, and could not, since there were ``before`` successes."""
    names = boto3.client("cloudwatch").list_metrics(Namespace="AWS/Firehose", MetricName="DeliveryToS3.Success")
    tried = any(one["Dimensions"][0]["Value"] == stream()["DeliveryStreamName"] for one in names["Metrics"])
    return tried and before == 0 and metric_sum("AWS/Firehose", "DeliveryToS3.Success", **stream()) == 0


def plain(key: str) -> str:
    """Return the folder of a key, without what differs each day."""
    return re.sub(r"\d{4}(.)\d\d(.)\d\d", r"YYYY\1MM\2DD", key.rpartition("/")[0] + "/")


@task("lake")
def lake() -> None:
    """Counts become compressed files, in a folder for each day."""
    need("Intake", "Lake")
    bridge = new_bridge()
    put([bikes.count(bridge, 1) for _ in range(30)])
    for key in arrived(bridge, 30):
        if not re.match(r"counts/day=\d{4}-\d\d-\d\d/", key):
            wrong(f"Counts came, and lie in `{plain(key)}`. They belong into `counts/day=YYYY-MM-DD/`.")
        body = boto3.client("s3").get_object(Bucket=(bikes.outputs() or {})["Lake"], Key=key)["Body"].read()
        if body[:2] != b"\x1f\x8b":
            wrong("The file is not compressed with GZIP: the city would store five times as much.")


def functions() -> None:
    """A task about the function is not attempted without one."""
    need("Intake", "Lake")
    if not boto3.client("lambda").list_functions()["Functions"]:
        not_attempted("Nothing looks at the messages yet: the stack has no function.")


@task("clean")
def clean() -> None:
    """What is in the lake names no phone, and has one count in a line."""
    functions()
    bridge = new_bridge()
    sent = [bikes.count(bridge, number) for number in range(10)]
    put([*sent])
    found = arrived(bridge, 10)
    good = {key: body for key, body in found.items() if key.startswith("counts/")}
    if not good:
        told = json.loads(next(iter(found.values())).splitlines()[0])
        wrong("All ten counts were rejected.", said=told.get("errorMessage"))
    text = "".join(good.values())
    if any(one["mac"] in text for one in sent):
        wrong("The address of a phone is in the lake. It has to go before anything is stored.")
    for line in text.splitlines():
        if line.count('"bridge"') > 1:
            wrong("Several counts stand in one line. Athena would read the first of each line, and say nothing.")
    if text.count(bridge) < 10:
        wrong(f"Of ten good counts {10 - text.count(bridge)} were rejected.")


@task("poison")
def poison() -> None:
    """A message that nobody can read is kept, apart from the counts, and stops nobody."""
    functions()
    bridge = new_bridge()
    broken = f'{{"id": "c-0", "bridge": "{bridge}", "bik'
    put([*[bikes.count(bridge, number) for number in (1, 2, 3)], broken.encode()])
    arrived(bridge, 3)
    try:
        found = arrived(bridge, 4)
    except Exception:
        wrong("The broken message is nowhere: neither among the counts nor among what was rejected.")
    counts = "".join(body for key, body in found.items() if key.startswith("counts/"))
    if broken in counts:
        wrong(
            "The broken message stands among the counts: each query of that day will fail, until the file is deleted."
        )
    if counts.count(bridge) < 3:
        wrong("The three good counts that came together with the broken message are not among the counts.")
    apart = [key for key, body in found.items() if broken in body]
    if not apart[0].startswith("rejected/"):
        wrong(f"The broken message is kept, but in `{plain(apart[0])}`, not below `rejected/`.")


def answer(query: str) -> tuple[list[list[str | None]], int]:
    """Ask Athena; a query that fails is wrong."""
    try:
        return bikes.ask(query)
    except ValueError as error:
        wrong(f"Athena could not run `{query.partition(' WHERE')[0]}`.", said=str(error))


@task("table")
def table() -> None:
    """SQL finds every count, and a question about one day reads one day."""
    need("Intake", "Lake", "Database")
    bridge = new_bridge()
    put([bikes.count(bridge, number) for number in (1, 20, 300, 4000)])
    found = arrived(bridge, 4)
    [[total]], _ = answer(f"SELECT sum(bikes) AS n FROM counts WHERE bridge = '{bridge}'")
    if total is None or float(total) != 4321:
        wrong(f"Four counts with 4,321 bicycles are in the lake, and the table finds {total or 'none of them'}.")
    [[others]], _ = answer("SELECT count(*) AS n FROM counts WHERE bridge IS NULL")
    if others != "0":
        wrong("The table has rows without a bridge: its location holds more than the counts.")
    s3, bucket = boto3.client("s3"), (bikes.outputs() or {})["Lake"]
    old = "counts/day=2020-02-02/old.gz"
    s3.copy_object(Bucket=bucket, Key=old, CopySource={"Bucket": bucket, "Key": next(iter(found))})
    try:
        (_, everything), (_, one_day) = (
            answer(f"SELECT count(*) AS n FROM counts WHERE {condition}")
            for condition in ("bikes > 0", "bikes > 0 AND day = '2020-02-02'")
        )
    finally:
        s3.delete_object(Bucket=bucket, Key=old)
    if one_day >= everything:
        wrong("A query for one day reads the files of all days: `day` is no partition of the table.")


@task("report")
def report() -> None:
    """The report of the day has each bridge, and counts nothing twice."""
    need("Intake", "Lake", "Database", "Reports")
    bridge = new_bridge()
    counts = [bikes.count(bridge, number) for number in (2, 3, 4)]
    put([*counts, counts[0], counts[0]])
    deadline, found = time.monotonic() + bikes.LONGEST_SECONDS, None
    while found != 9:
        found = bikes.reported(bridge)
        if found is not None and found > 9:
            wrong(f"One counter sent a count three times, under one id, and the report has {found} bicycles, not 9.")
        if time.monotonic() > deadline:
            wrong(f"The report says {found or 'nothing'} of a bridge where 9 bicycles passed.", said=last_error())
        time.sleep(0.1)


@task("gone")
def gone() -> None:
    """The account is empty."""
    if bikes.outputs() is not None:
        not_attempted(f"The stack `{bikes.STACK}` is there, and all that it made.")
    if not bikes.right_before:
        not_attempted("Nothing was built yet, so there is nothing to remove.")
    left = deployments.left()
    if any(line.startswith("logs ") for line in left):
        wrong("A log group is left. Lambda made it, not the template, so the stack does not take it along.")
    if left:
        wrong(f"The account still has {left[0].partition(' ')[0]}: `{plain(left[0].partition(' ')[2] + '/')}`.")
