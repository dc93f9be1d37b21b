"""The theatre as you find it: a function, an API in front of it that nobody may use yet, and the crowd at noon.

``theatre.open_theatre()`` makes them, ``theatre.noon("title")`` sends the crowd. Read this file if you like; no answer
is in it.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import boto3
import urllib3

from helpers.teaching import api_address, package, plots

API, STAGE, FUNCTION = "box-office", "prod", "box-office"
SHOWS, SHOW, SEATS = "/shows", "/shows/{show}", "/shows/{show}/seats"

SOURCE = """
import json

runs = 0

def handler(event, context):
    global runs
    runs += 1
    return {"statusCode": 200, "body": json.dumps({"path": event["path"], "run": runs})}
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
CROWD = [
    ("website", "the list of shows", ["shows"] * 50),
    ("website", "one show", ["shows/hamlet", "shows/lear", "shows/macbeth"] * 10),
    ("agency", "seats", ["shows/hamlet/seats"] * 30),
    ("website", "seats", ["shows/hamlet/seats"] * 4),
]
"""Who asks for what: one after the other, as fast as they can."""
STATES = ["function", "cache", "refused (429)", "no key (403)", "failed"]
_REFILL_SECONDS = 5.0
_AT_ONCE_SECONDS, _NOONS = 0.45, 6
"""In half a second the seats' bucket gets another token; a crowd that takes as long is not counted."""
_http = urllib3.PoolManager()
_known: dict[str, Any] = {}


def open_theatre() -> None:
    """Make what the theatre has before you come: run it once, right after ``cloud.start``."""
    role = boto3.client("iam").create_role(RoleName="box-office", AssumeRolePolicyDocument=json.dumps(TRUST))
    arn = boto3.client("lambda").create_function(
        FunctionName=FUNCTION, Runtime="python3.13", Role=role["Role"]["Arn"], Handler="app.handler",
        Code={"ZipFile": package({"app.py": SOURCE})},
    )["FunctionArn"]  # fmt: skip
    boto3.client("lambda").add_permission(
        FunctionName=FUNCTION, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    gateway = boto3.client("apigateway")
    api = gateway.create_rest_api(name=API)["id"]
    parent = gateway.get_resources(restApiId=api)["items"][0]["id"]
    for part in ("shows", "{show}", "seats"):
        parent = gateway.create_resource(restApiId=api, parentId=parent, pathPart=part)["id"]
        method = {"restApiId": api, "resourceId": parent, "httpMethod": "GET"}
        named = {} if part == "shows" else {"method.request.path.show": True}
        gateway.put_method(**method, authorizationType="NONE", apiKeyRequired=True, requestParameters=named)
        gateway.put_integration(**method, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri(arn))
    gateway.create_deployment(restApiId=api, stageName=STAGE)
    _known.clear()
    print(f"The box office is there: API {API}, stage {STAGE}, function {FUNCTION}. All methods want an API key.")


def uri(function_arn: str) -> str:
    """Return the integration's URI for a function."""
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function_arn}/invocations"


def api_id() -> str:
    """Return the id of the theatre's API."""
    return next(one["id"] for one in boto3.client("apigateway").get_rest_apis()["items"] if one["name"] == API)


def keys() -> dict[str, dict[str, Any]]:
    """Return the API keys by name, with their values."""
    return {key["name"]: key for key in boto3.client("apigateway").get_api_keys(includeValues=True)["items"]}


def ask(path: str, key: str = "") -> tuple[int, dict[str, Any]]:
    """Send a request with an API key's value; return the status and the answer."""
    if "address" not in _known:
        _known["address"] = api_address(api_id(), STAGE)
    answer = _http.request("GET", f"{_known['address']}/{path}", headers={"x-api-key": key} if key else {}, timeout=20)
    return answer.status, json.loads(answer.data)


def drained() -> None:
    """Note that buckets are empty now: the next crowd waits until they are full again."""
    _known["full"] = time.monotonic() + _REFILL_SECONDS


def noon(title: str) -> None:
    """Let the sale open: the crowd comes; print and draw who got an answer, and from where.

    Each time is a new noon: it begins with an empty cache, and waits until the buckets are full again. A machine that
    is too slow for a crowd that comes at once gets another noon.
    """
    for _ in range(_NOONS):
        rows, took = _crowd()
        if took < _AT_ONCE_SECONDS or not any(counted["refused (429)"] for _, counted in rows):
            break
    width = max(len(name) for name, _ in rows)
    for name, counted in rows:
        print(f"{name:{width}}  {', '.join(f'{counted[state]} {state}' for state in STATES if counted[state])}")
    _draw(title, rows)


def _crowd() -> tuple[list[tuple[str, Counter[str]]], float]:
    """Let the crowd ask; return what each client got, and the seconds that the questions for seats took."""
    boto3.client("apigateway").flush_stage_cache(restApiId=api_id(), stageName=STAGE)
    time.sleep(max(0.0, _known.get("full", 0.0) - time.monotonic()))
    values = {name: key["value"] for name, key in keys().items()}
    rows, took = [], 0.0
    for client, what, paths in CROWD:
        began = time.monotonic()
        rows.append((f"{client}: {what}", _count(paths, values.get(client, ""))))
        took += time.monotonic() - began if what == "seats" else 0
    if any(counted["refused (429)"] for _, counted in rows):
        drained()
    return rows, took


def _count(paths: list[str], key: str) -> Counter[str]:
    counted: Counter[str] = Counter()
    seen: set[int] = set()
    for path in paths:
        status, answer = ask(path, key)
        if status == 200:
            counted["cache" if answer["run"] in seen else "function"] += 1
            seen.add(answer["run"])
        else:
            counted[{429: "refused (429)", 403: "no key (403)"}.get(status, "failed")] += 1
    return counted


def _draw(title: str, rows: list[tuple[str, Counter[str]]]) -> None:
    figure, axes = plots.new(title, x="Requests", y="", height=3)
    names = [name for name, _ in rows]
    begin = [0] * len(rows)
    for number, state in enumerate(STATES[:4]):
        widths = [counted[state] for _, counted in rows]
        axes.barh(names, widths, left=begin, **plots.fill((2, 1, 0, 3)[number], state))
        begin = [start + width for start, width in zip(begin, widths, strict=True)]
    axes.invert_yaxis()
    total: Counter[str] = sum((counted for _, counted in rows), Counter())
    plots.draw(figure, f"Of {total.total()} requests {total['function']} made the function run.")
