"""Checks of the lab chat: they look at the APIs and connect members of their own, in rooms of their own."""

from __future__ import annotations

import json
import secrets
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from typing import Any

import boto3
import circle
from botocore.exceptions import ClientError
from websockets.exceptions import InvalidStatus
from words import HINTS, WHY

from helpers.teaching.checks import Lab, not_attempted, wrong

QUIET_SECONDS = 0.4

lab = Lab("chat")


def rows() -> list[dict[str, Any]]:
    """Return the members who are noted."""
    return list(boto3.resource("dynamodb").Table(circle.TABLE).scan()["Items"])


def fresh() -> str:
    """Return the name of a room in which nobody has been."""
    return f"check-{secrets.token_hex(3)}"


def noted(room: str) -> list[str]:
    """Return the names that are noted for a room."""
    return sorted(str(each.get("name")) for each in rows() if each.get("room") == room)


def within(condition: Any, seconds: float = 3) -> bool:
    """Return whether ``condition()`` becomes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def routes() -> dict[str, dict[str, Any]]:
    """Return the routes of the chat's API, by key."""
    found = circle.api()
    assert found is not None
    return {one["RouteKey"]: one for one in boto3.client("apigatewayv2").get_routes(ApiId=found["ApiId"])["Items"]}


def refusal(**asked: str) -> int:
    """Return the status with which a member is refused, or 0 for one who may come in."""
    try:
        with circle.member(**asked):
            return 0
    except InvalidStatus as refused:
        return int(refused.response.status_code)


def needs_door() -> None:
    """Leave a task for later while members cannot even connect."""
    if circle.api() is None or not {"$connect", "say"} <= set(routes()) or refusal(name="Ada", room=fresh()):
        not_attempted("First make the door: members cannot connect yet.")


def needs_presence() -> None:
    """Likewise while nobody is noted."""
    needs_door()
    room = fresh()
    with circle.member(name="Ada", room=room):
        if not within(lambda: "Ada" in noted(room), 1):
            not_attempted("First note who is here: a member who comes in is not in the table yet.")


@lab.task("door", hints=HINTS["door"], why=WHY["door"])
def door() -> None:
    """There is a WebSocket API with the routes, and members can connect to its stage."""
    found = circle.api()
    if found is None:
        not_attempted("There is no API called `circle` yet.")
    if found["ProtocolType"] != "WEBSOCKET":
        wrong('`circle` is an HTTP API: it can only answer. The chat needs `ProtocolType="WEBSOCKET"`.')
    if found["RouteSelectionExpression"] not in ("$request.body.action", "${request.body.action}"):
        expression = found["RouteSelectionExpression"]
        wrong(f"Routes are chosen by `{expression}`; the page puts the route's name into the field `action`.")
    missing = {"$connect", "$disconnect", "say"} - set(routes())
    if missing:
        wrong(f"The route {' and '.join(f'`{key}`' for key in sorted(missing))} is missing.")
    stages = [one["StageName"] for one in boto3.client("apigatewayv2").get_stages(ApiId=found["ApiId"])["Items"]]
    if circle.STAGE not in stages:
        wrong(f"There is no stage `{circle.STAGE}`, so the API answers nowhere.")
    status = refusal(name="Ada", room=fresh())
    if status == 500:
        wrong("A member who knocks gets a 500: API Gateway may not call `circle-chat`. Has it a permission?")
    if status == 403:
        wrong("A member who knocks gets a 403: the stage serves no deployment. Deploy, or let it deploy by itself.")
    if status:
        wrong(f"A member who knocks gets a {status}: the function failed in `$connect`. Look at its log.")


@lab.task("presence", hints=HINTS["presence"], why=WHY["presence"])
def presence() -> None:
    """Members are noted while they are here; who gives no name or no room does not come in."""
    needs_door()
    room = fresh()
    with circle.member(name="Ada", room=room):
        if not within(lambda: "Ada" in noted(room), 1):
            half = [each for each in rows() if each.get("name") == "Ada"]
            if half:
                row = json.dumps(half[0], default=str)
                wrong(f"Ada is noted without her room: `{row}`. The row needs `id`, `name` and `room`.")
            not_attempted("A member came in, and the table has no row for her.")
    if not within(lambda: "Ada" not in noted(room)):
        wrong("Ada has left, and her row is still there after three seconds. `$disconnect` has to delete it.")
    for asked in ({}, {"name": "Ada"}, {"room": room}):
        status = refusal(**asked)
        if status == 0:
            what = " and ".join(sorted({"name", "room"} - set(asked)))
            wrong(f"Somebody came in without a {what}. Answer such a `$connect` with a status such as 400.")
        if status >= 500:
            wrong(
                f"Without a name or a room the function fails ({status}). Refuse in order: answer with a status of 4xx."
            )


@lab.task("rooms", hints=HINTS["rooms"], why=WHY["rooms"])
def rooms() -> None:
    """What a member says is heard in her room, by herself too, and nowhere else."""
    needs_presence()
    room = fresh()
    with ExitStack() as doors:
        ada, ben, eve = (
            doors.enter_context(circle.member(name=name, room=where))
            for name, where in (("Ada", room), ("Ben", room), ("Eve", fresh()))
        )
        ada.send(json.dumps({"action": "say", "text": "Page 40?"}))
        first = circle.heard(ben, 2)
        answered = circle.heard(ada, 0.5)
        if first is None and answered is None:
            not_attempted("Ada said something, and nobody heard it.")
        if isinstance(answered, dict) and answered.get("message"):
            wrong(
                "Ada got an error instead: the function failed in `say`. Has it the variable `CALLBACK_URL`, and may "
                "its role manage connections?",
                said=last_error() or answered["message"],
            )
        if first is None:
            wrong("Ada hears herself, but Ben, who is in the same room, hears nothing.")
        if first != {"from": "Ada", "text": "Page 40?"}:
            wrong(f"Ben hears `{json.dumps(first)}`. The page expects `from` and `text`.")
        if answered != first:
            wrong("Ben hears it, but Ada does not see her own words. Send them to everybody in the room.")
        if circle.heard(eve, QUIET_SECONDS) is not None:
            wrong("Eve, who is in another room, hears it too. Compare the rooms of the rows.")


def last_error() -> str:
    """Return the last line of an error in the chat function's log."""
    try:
        events = boto3.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{circle.CHAT}", filterPattern="ERROR"
        )
    except ClientError:
        return ""
    lines = [event["message"].strip() for event in events["events"]]
    return lines[-1].splitlines()[0][:300] if lines else ""


@lab.task("stale", hints=HINTS["stale"], why=WHY["stale"])
def stale() -> None:
    """A member who has vanished keeps nobody from hearing, and is forgotten."""
    needs_presence()
    table, room = boto3.resource("dynamodb").Table(circle.TABLE), fresh()
    with ExitStack() as doors:
        everyone = [doors.enter_context(circle.member(name=name, room=room)) for name in ("Ada", "Ben", "Cem")]
        everyone[0].send(json.dumps({"action": "say", "text": "hello"}))
        if any((circle.heard(each, 2) or {}).get("text") != "hello" for each in everyone):
            not_attempted("First let the members of a room hear each other.")
        gone = [f"{letter}-vanished=" for letter in "0Mz"]

        def vanished() -> list[str]:
            return [each["id"] for each in rows() if each["id"] in gone]

        for identifier in gone:
            table.put_item(Item={"id": identifier, "name": "Vanished", "room": room})
        try:
            everyone.append(doors.enter_context(circle.member(name="Dan", room=room)))
            everyone[0].send(json.dumps({"action": "say", "text": "still here?"}))
            end = time.monotonic() + 3
            heard = [circle.heard(each, max(0.1, end - time.monotonic())) for each in everyone]
            errors = any("message" in (each or {}) for each in heard)
            within(lambda: not vanished())
            left = vanished()
        finally:
            for identifier in gone:
                table.delete_item(Key={"id": identifier})
    deaf = sum((each or {}).get("text") != "still here?" for each in heard)
    if errors:
        not_attempted("Rows of vanished members still make the function fail.")
    if deaf:
        wrong(f"{deaf} of 4 members heard nothing: the loop ended at the first vanished one. Go on with the next.")
    if left:
        wrong(f"All heard it, but {len(left)} of 3 vanished members are still in the table. Delete a row that is gone.")


@lab.task("who", hints=HINTS["who"], why=WHY["who"])
def who() -> None:
    """The route ``who`` tells the one who asks who is in her room."""
    needs_presence()
    if "who" not in routes():
        not_attempted("There is no route `who` yet.")
    room = fresh()
    with ExitStack() as doors:
        ada, _, ben = (
            doors.enter_context(circle.member(name=name, room=where))
            for name, where in (("Ada", room), ("Eve", fresh()), ("Ben", room))
        )
        ada.send('{"action": "who"}')
        answer = circle.heard(ada, 2)
        if answer is None:
            wrong("Ada asked and got no answer. Has the route a route response, and the result a `body`?")
        if "message" in answer and "present" not in answer:
            wrong("Ada asked and got an error: the function failed in `who`.", said=last_error() or answer["message"])
        if answer.get("present") == ["Ada", "Ben", "Eve"]:
            wrong("Eve is named too, but she is in another room.")
        if answer.get("present") != ["Ada", "Ben"]:
            wrong(f'Ada hears `{json.dumps(answer)}`. Right would be `{{"present": ["Ada", "Ben"]}}`.')
        if circle.heard(ben, QUIET_SECONDS) is not None:
            wrong("Ben, who has not asked, gets the answer as well. Return it; do not push it to the room.")


@lab.task("page", hints=HINTS["page"], why=WHY["page"])
def page() -> None:
    """An HTTP API serves the page."""
    found = circle.api(circle.PAGE)
    if found is None:
        not_attempted("There is no API called `circle-page` yet.")
    if found["ProtocolType"] != "HTTP":
        wrong("`circle-page` is a WebSocket API. A browser fetches a page by HTTP.")
    try:
        with urllib.request.urlopen(f"{found['ApiEndpoint']}/", timeout=10) as answer:
            kind, text = answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        why = {
            404: "Is there a route `GET /`, and a stage `$default` that deploys?",
            500: "May API Gateway call `circle-page`, and is the integration's payload format 2.0?",
        }
        wrong(f"The page's address answers {refused.code}. {why.get(refused.code, '')}", said=refused.read().decode())
    if "text/html" not in kind or "Reading circle" not in text:
        wrong("Something answers, but it is not the page. Is `circle-page` behind the route?")
