"""The garden as you find it: a table with two to-dos and a function that nobody can reach; and ways to ask the API.

``garden.open_garden()`` makes them, ``garden.tell("GET", "/todos")`` asks as any client would, ``garden.browser(...)``
as a browser does for a page of ``ORIGIN``. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import boto3
import urllib3

from helpers.teaching import api_address, package

API, FUNCTION, TABLE, ORIGIN = "garden", "todos", "todos", "https://garden.example"
ROUTES = [
    ("GET", "/todos"),
    ("POST", "/todos"),
    ("GET", "/todos/{id}"),
    ("PUT", "/todos/{id}"),
    ("DELETE", "/todos/{id}"),
]
TOOLS = """
import json
import boto3

table = boto3.resource("dynamodb").Table("todos")

def answer(status, content):
    return {"statusCode": status, "body": json.dumps(content)}
"""
HANDLER = """
def handler(event, context):
    method, names = event["httpMethod"], event["pathParameters"]
    if event["resource"] == "/todos" and method == "GET":
        return answer(200, table.scan()["Items"])
    if method == "GET":
        return answer(200, table.get_item(Key=names)["Item"])
    if method == "DELETE":
        table.delete_item(Key=names)
        return answer(200, {})
    todo = {"id": context.aws_request_id[:8], "done": False} | json.loads(event["body"]) | (names or {})
    table.put_item(Item=todo)
    return answer(200, todo)
"""
TODOS = [
    {"id": "seeds", "text": "Order seeds", "done": True},
    {"id": "fence", "text": "Mend the fence", "done": False, "hours": 3},
]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def open_garden() -> None:
    """Make what there is before you come: run it once, right after ``cloud.start``."""
    table = boto3.resource("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for todo in TODOS:
        table.put_item(Item=todo)
    role = boto3.client("iam").create_role(RoleName="garden", AssumeRolePolicyDocument=json.dumps(TRUST))
    boto3.client("lambda").create_function(
        FunctionName=FUNCTION,
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": package({"app.py": TOOLS + HANDLER})},
    )
    print(f"There are a table with {len(TODOS)} to-dos and the function {FUNCTION}. No API yet.")


def upload(code: str) -> None:
    """Make ``code`` the function's ``$LATEST``."""
    boto3.client("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=package({"app.py": code}))
    boto3.client("lambda").get_waiter("function_updated_v2").wait(FunctionName=FUNCTION)


def uri(alias: str = "") -> str:
    """Return the integration's URI of the function, or of one of its aliases."""
    arn = boto3.client("lambda").get_function(FunctionName=FUNCTION)["Configuration"]["FunctionArn"]
    arn += f":{alias}" if alias else ""
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"


def newest_error() -> list[str]:
    """Return the newest error in the function's log: what was raised, and where in the function's own code."""
    logs, group = boto3.client("logs"), f"/aws/lambda/{FUNCTION}"
    if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
        return []
    events = logs.filter_log_events(logGroupName=group, filterPattern="ERROR")["events"]
    lines = str(events[-1]["message"]).splitlines() if events else [""]
    own = [f"  {text.strip()}" for line, text in pairwise(lines) if "/var/task/" in line]
    return [lines[0], *own]


def api_id() -> str:
    """Return the id of the newest API called ``garden``, or an empty text."""
    found = [each["id"] for each in boto3.client("apigateway").get_rest_apis()["items"] if each["name"] == API]
    return found[-1] if found else ""


def ask(
    method: str, path: str, body: str | None = None, stage: str = "beta", **headers: str
) -> urllib3.BaseHTTPResponse:
    """Send a request to a stage; a header is given as ``content_type="..."``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return urllib3.request(method, api_address(api_id(), stage, path), body=body, headers=named, timeout=20)


def content(answer: urllib3.BaseHTTPResponse) -> Any:
    """Return what an answer's body says; None where it is no JSON."""
    try:
        return answer.json()
    except ValueError:
        return None


def tell(method: str, path: str, body: str | None = None, stage: str = "beta") -> None:
    """Ask, and print what came."""
    if not api_id():
        print(f"{method} {path}: there is no API called {API} yet.")
        return
    answer = ask(method, path, body, stage)
    said = content(answer)
    if isinstance(said, list):
        said = sorted(said, key=lambda todo: str(todo.get("text")))
    print(f"{stage}: {method} {path} -> {answer.status} {json.dumps(said, sort_keys=True)}")


def browser(method: str, path: str, body: str | None = None, stage: str = "prod") -> str:
    """Do what a browser does for a script of ``ORIGIN``; return what the script learns."""
    if not api_id():
        return f"there is no API called {API} yet"
    if method != "GET":
        asks = {"Access_Control_Request_Method": method, "Access_Control_Request_Headers": "content-type"}
        problem = preflight_problem(ask("OPTIONS", path, stage=stage, Origin=ORIGIN, **asks), method)
        if problem:
            return f"not sent: {problem}"
    answer = ask(method, path, body, stage, Origin=ORIGIN, Content_Type="application/json")
    if answer.headers.get("Access-Control-Allow-Origin") not in (ORIGIN, "*"):
        return f"answered, but hidden from the script: {answer.status} has no Access-Control-Allow-Origin for {ORIGIN}"
    return f"{answer.status}"


def preflight_problem(answer: urllib3.BaseHTTPResponse, method: str) -> str:
    """Return why a browser would not send the request after this preflight, or an empty text."""
    headers = answer.headers
    if not 200 <= answer.status < 300:
        return f"the preflight got {answer.status}"
    if headers.get("Access-Control-Allow-Origin") not in (ORIGIN, "*"):
        return f"the preflight does not allow the origin {ORIGIN}"
    if method not in listed(headers.get("Access-Control-Allow-Methods")):
        return f"the preflight does not allow the method {method}"
    if "content-type" not in [name.lower() for name in listed(headers.get("Access-Control-Allow-Headers"))]:
        return "the preflight does not allow the header content-type"
    return ""


def listed(value: str | None) -> list[str]:
    """Return the names in a header."""
    return [name.strip() for name in (value or "").split(",")]
