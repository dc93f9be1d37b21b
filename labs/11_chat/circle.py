"""The reading circle as you find it: a table, two functions with little in them, and members who come and go.

``circle.open_circle()`` makes them, ``circle.deploy(...)`` uploads your parts of the chat function. Read this file if
you like; no answer is in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from websockets.sync.client import ClientConnection, connect

from helpers.teaching import open_link, package

NAME, STAGE, TABLE, CHAT, PAGE, ROLE = "circle", "live", "circle-members", "circle-chat", "circle-page", "circle-role"
START = """
import json
import os

import boto3

members = boto3.resource("dynamodb").Table("circle-members")
ROUTES = {}


def handler(event, context):
    here = event["requestContext"]
    take = ROUTES.get(here["routeKey"])
    return take(event, here["connectionId"]) if take else {"statusCode": 200}
"""
SERVE = """
import os

def handler(event, context):
    with open("chat.html", encoding="utf-8") as file:
        page = file.read().replace("CHAT_URL", os.environ.get("CHAT_URL", ""))
    return {"statusCode": 200, "headers": {"Content-Type": "text/html; charset=utf-8"}, "body": page}
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
WRITE_LOGS = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def open_circle() -> None:
    """Make what the circle has before you come: run it once, right after ``cloud.start``."""
    iam, lambda_ = boto3.client("iam"), boto3.client("lambda")
    role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=WRITE_LOGS)
    statement = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": f"arn:aws:dynamodb:*:*:table/{TABLE}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=ROLE, PolicyName="members", PolicyDocument=document)
    boto3.client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    html = Path(__file__).with_name("chat.html").read_text(encoding="utf-8")
    for name, files in {CHAT: {"app.py": START}, PAGE: {"app.py": SERVE, "chat.html": html}}.items():
        lambda_.create_function(
            FunctionName=name, Runtime="python3.13", Role=role, Handler="app.handler", Code={"ZipFile": package(files)}
        )
        lambda_.get_waiter("function_active_v2").wait(FunctionName=name)
    print(f"The circle is open: functions {CHAT} and {PAGE}, table {TABLE}, role {ROLE}.")


def deploy(*parts: str) -> None:
    """Upload the chat function: what it had at the beginning, and your parts after it."""
    lambda_ = boto3.client("lambda")
    lambda_.update_function_code(FunctionName=CHAT, ZipFile=package({"app.py": START + "\n".join(parts)}))
    lambda_.get_waiter("function_updated_v2").wait(FunctionName=CHAT)
    print(f"{CHAT} is deployed.")


def api(name: str = NAME) -> dict[str, Any] | None:
    """Return the HTTP or WebSocket API of that name, or None."""
    found = [one for one in boto3.client("apigatewayv2").get_apis()["Items"] if one["Name"] == name]
    return found[-1] if found else None


def address() -> str | None:
    """Return where members connect, or None while there is no API."""
    found = api()
    return f"{found['ApiEndpoint']}/{STAGE}" if found else None


@contextmanager
def member(**asked: str) -> Iterator[ClientConnection]:
    """Let a member connect: ``with circle.member(name="Ada", room="dune") as ada``."""
    with connect(f"{address()}?{urlencode(asked)}", close_timeout=2) as client:
        yield client


def heard(client: ClientConnection, seconds: float = 5) -> Any:
    """Return what a member hears next, read as JSON, or None after ``seconds`` of silence."""
    try:
        return json.loads(client.recv(timeout=seconds))
    except TimeoutError:
        return None


def tell_page() -> None:
    """Tell the page's function where the chat is."""
    variables = {"Variables": {"CHAT_URL": address() or ""}}
    boto3.client("lambda").update_function_configuration(FunctionName=PAGE, Environment=variables)


def open_page() -> None:
    """Show a link to the page, which your browser can open beside the notebook."""
    found = api(PAGE)
    if found is None:
        print("There is no page yet.")
    else:
        open_link(f"{found['ApiEndpoint']}/", "Open the chat: in two tabs, with two names and the same room")
