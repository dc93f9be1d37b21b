"""Acceptance checks of the lab architecture_crud: they do what members do, and what others would like to do.

They find your system by the outputs of the stack, and look at nothing else of it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

import boto3
import club
from botocore.exceptions import ClientError
from words import HINTS, WHY

from helpers import cloud
from helpers.teaching import deployments
from helpers.teaching.checks import Lab, not_attempted, wrong

SCREEN, ROUNDS = 20, 4
lab = Lab("architecture_crud")


def task(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Declare a task; what was right stays right after the stack is gone, because the last task removes it."""

    def declare(check: Callable[[], None]) -> Callable[[], None]:
        @lab.task(name, hints=HINTS[name], why=WHY[name])
        @wraps(check)
        def remembered() -> None:
            if name in club.right_before and not club.outputs():
                return
            check()
            club.right_before.add(name)

        return remembered

    return declare


def made(*names: str) -> None:
    """See to it that the stack has these outputs, and that an address leads somewhere."""
    told = club.outputs()
    if not told:
        not_attempted(f"There is no stack called `{club.STACK}` with outputs yet.")
    missing = [name for name in names if name not in told]
    if len(missing) == len(names):
        not_attempted(f"The stack has no output `{missing[0]}` yet.")
    if missing:
        wrong(f"The stack has no output `{missing[0]}`: the check does not know where to look.")
    if "Api" in names and not club.address():
        wrong("The output `Api` is no address of an API or of a distribution.", said=told["Api"])


def member() -> str:
    """Let somebody join, and return the token."""
    try:
        return club.member()
    except ClientError as error:
        return wrong("A new member cannot sign in with name and password.", said=error.response["Error"]["Message"])


def keys(token: str) -> tuple[str, Any]:
    """Return a member's identity, and a client of S3 with the temporary credentials."""
    try:
        return club.keys(token)
    except ClientError as error:
        return wrong("A member gets no temporary credentials.", said=error.response["Error"]["Message"])


def note(token: str, bird: str, count: int) -> None:
    """Let a member note a bird."""
    status, said = club.ask("POST", "/sightings", token, {"bird": bird, "count": count})
    if status != 201:
        wrong(f"A member notes a {bird}, and the API answers {status}.", said=said)


def listed(token: str) -> list[str]:
    """Return the birds that a member finds in the own notes."""
    status, said = club.ask("GET", "/sightings", token)
    if status != 200 or "sightings" not in said:
        wrong(f"A member looks at the own notes, and the API answers {status}.", said=said)
    return [one["bird"] for one in said["sightings"]]


def counted(bird: str) -> int:
    """Return how often a bird was seen by all, as the screen in the hall is told."""
    status, said = club.ask("GET", "/counts")
    if status != 200 or "counts" not in said:
        wrong(f"The screen in the hall, which cannot sign in, asks for the counts and gets {status}.", said=said)
    return int(said["counts"].get(bird, 0))


def within_a_minute(condition: Callable[[], bool]) -> bool:
    """Wait for something that may take a minute of AWS, and a second of this machine."""
    deadline = time.monotonic() + 60 / cloud.current().speed + 1
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@task("notes")
def notes() -> None:
    """Members sign in, note what they see, and find it at once; nobody sees another's notes."""
    made("Api", "Users", "App")
    status, said = club.ask("GET", "/sightings")
    if status != 401:
        wrong(f"Somebody without a token asks for notes, and the API answers {status}, not 401.", said=said)
    mara, tom = member(), member()
    note(mara, "wren", 2)
    if listed(mara) != ["wren"]:
        wrong("Mara notes a wren, and her list is not her wren.", said=listed(mara))
    if listed(tom):
        wrong("Tom, who has noted nothing, finds the notes of somebody else.", said=listed(tom))
    note(mara, "heron", 1)
    if listed(mara) != ["heron", "wren"]:
        wrong("Mara notes a second bird and looks at once: it is not there. From when is that list?")
    status, said = club.ask("POST", "/sightings", tom, {"bird": "owl"})
    if status != 400:
        wrong(f"Tom forgets to count, and the API answers {status}, not 400.", said=said)


@task("hall")
def hall() -> None:
    """The screen in the hall asks all day without a token; few requests reach a function, and it is up to date."""
    made("Api", "Users", "App")
    token = member()
    before, mark = counted("robin"), cloud.current().record.mark()
    for _ in range(SCREEN):
        counted("robin")
    ran = club.runs(mark)
    if ran > SCREEN // 2:
        wrong(f"The screen asked {SCREEN} times in a row, and a function ran {ran} times: it asks all day, every day.")
    note(token, "robin", 3)
    if not within_a_minute(lambda: counted("robin") == before + 3):
        wrong("A minute after somebody noted three robins, the screen in the hall still does not know them.")


@task("photos")
def photos() -> None:
    """Members keep photos in a folder of their own, all members may look at them, and nobody else."""
    made("Identities", "Photos", "Users", "App")
    (maras, mara), (_, tom) = keys(member()), keys(member())
    bucket = club.outputs()["Photos"]
    photo = {"Bucket": bucket, "Key": f"{maras}/wren.jpg"}
    deeds: list[tuple[bool, str, Callable[[], Any]]] = [
        (True, "Mara puts a photo into her folder", lambda: mara.put_object(**photo, Body=b"wren")),
        (True, "Mara looks at her photo", lambda: mara.get_object(**photo)),
        (True, "Tom looks at Mara's photo", lambda: tom.get_object(**photo)),
        (False, "Tom puts another photo in the place of Mara's", lambda: tom.put_object(**photo, Body=b"owl")),
        (False, "Tom deletes Mara's photo", lambda: tom.delete_object(**photo)),
        (False, "Tom puts a photo beside all folders", lambda: tom.put_object(Bucket=bucket, Key="x.jpg", Body=b"x")),
        (True, "Mara deletes her photo of an owl", lambda: mara.delete_object(Bucket=bucket, Key=f"{maras}/owl.jpg")),
    ]
    for allowed, deed, do in deeds:
        try:
            do()
        except ClientError as error:
            if allowed:
                wrong(f"{deed}: refused.", said=error.response["Error"]["Message"])
        else:
            if not allowed:
                wrong(f"{deed}: nothing stops him.")
    if club.stranger(photo["Key"]) == 200:
        wrong("Somebody without any key looks at Mara's photo.")


@task("walk")
def walk() -> None:
    """On the spring walk all note the same bird at the same time: each sighting is taken, and none is lost."""
    made("Api", "Users", "App")
    tokens = [member() for _ in range(club.WALKERS)]
    before = counted("kingfisher")
    statuses = club.walk(tokens, "kingfisher", ROUNDS)
    refused = Counter(status for status in statuses if status != 201)
    if refused:
        wrong(f"{club.WALKERS} members noted a bird at the same time, and not all got through.", said=dict(refused))
    wanted = before + len(statuses)
    if not within_a_minute(lambda: counted("kingfisher") >= wanted):
        wrong(
            f"{len(statuses)} sightings were taken, and the counts have {counted('kingfisher') - before} of them. What "
            "happens when two writers read the same number, and both add one?"
        )


@task("gone")
def gone() -> None:
    """The account is empty."""
    client = boto3.client("cloudformation")
    stacks = client.describe_stacks()["Stacks"]
    if stacks and stacks[0]["StackStatus"] == "DELETE_FAILED":
        wrong("The stack could not be deleted.", said="; ".join(deployments.failures(club.STACK)))
    if stacks:
        not_attempted(f"The stack `{club.STACK}` is there.")
    if not client.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]:
        not_attempted("There was no stack yet.")
    left = deployments.left()
    if left:
        wrong(f"The stack is gone, and the account still holds `{left[0]}`.", said=", ".join(left))
