"""Checks of the lab hello_function: they look at the functions, call them, and say what they saw."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import boto3
from bakery import TILL
from botocore.exceptions import ClientError
from words import HINTS, WHY

from helpers.teaching import package
from helpers.teaching.checks import Lab, not_attempted, wrong
from helpers.teaching.lookups import found

HELLO, REPAIRED, PROBE = "bakery-hello", "bakery-till", "bakery-probe"
MENU, WAGES = "bakery-menu", "bakery-wages"

lab = Lab("hello_function")

TRY = """
import boto3
from botocore.exceptions import ClientError

dynamodb = boto3.client("dynamodb")

def handler(event, context):
    return [allowed(**attempt) for attempt in event]

def allowed(action, arguments):
    try:
        getattr(dynamodb, action)(**arguments)
    except ClientError as error:
        return "AccessDenied" not in error.response["Error"]["Code"]
    return True
"""
IMPORT = """
def handler(event, context):
    import opening

    return opening.is_open(event["hour"])
"""


def configuration() -> dict[str, Any]:
    """Return the configuration of bakery-hello; without the function nothing is attempted."""
    told = found(boto3.client("lambda").get_function_configuration, FunctionName=HELLO)
    if told is None:
        not_attempted(f"There is no function called {HELLO} yet.")
    return told


def call(name: str, event: object) -> tuple[Any, bool]:
    """Invoke a function; return what it answered and whether that is an error."""
    response = boto3.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(response["Payload"].read() or b"null"), "FunctionError" in response


def answer(event: dict[str, object], failed: str) -> dict[str, Any]:
    """Return what bakery-hello answers; ``failed`` says what it means if the function fails."""
    payload, error = call(HELLO, event)
    if error:
        wrong(failed, said=payload)
    if not isinstance(payload, dict) or not isinstance(payload.get("message"), str):
        got = "nothing" if payload is None else f"`{json.dumps(payload)}`"
        wrong(f"For `{json.dumps(event)}` the function must return a dictionary with a message; it returned {got}.")
    return payload


@contextmanager
def probe(code: str, role: str, layers: list[str] | None = None) -> Iterator[str]:
    """Make a function of ours with the learner's role or layers, to see what these can do; it goes afterwards."""
    client = boto3.client("lambda")
    with suppress(ClientError):
        client.delete_function(FunctionName=PROBE)
    client.create_function(
        FunctionName=PROBE, Runtime="python3.13", Role=role, Handler="probe.handler", Timeout=20, MemorySize=512,
        Layers=layers or [], Code={"ZipFile": package({"probe.py": code})},
    )  # fmt: skip
    try:
        yield PROBE
    finally:
        client.delete_function(FunctionName=PROBE)


@lab.task("deploy", hints=HINTS["deploy"], why=WHY["deploy"])
def deploy() -> None:
    """The function exists and greets guests with and without a name."""
    others = [f["FunctionName"] for f in boto3.client("lambda").list_functions()["Functions"]]
    others = [name for name in others if name not in (HELLO, REPAIRED, PROBE)]
    if others and HELLO not in _function_names():
        wrong(f"You made a function called {others[0]}; the display calls {HELLO}. Create it under that name.")
    configuration()
    ana = answer({"name": "Ana"}, "The function is there, but it fails when Ana comes in.")["message"]
    if "Ana" not in ana:
        wrong(f"The message for Ana does not name her. It says: {ana}")
    guest = answer({}, "The function greets Ana, but it fails for a guest who gives no name.")["message"]
    if "dear guest" not in guest:
        wrong(f"A guest without a name is to be called dear guest. The message says: {guest}")


def _function_names() -> list[str]:
    return [function["FunctionName"] for function in boto3.client("lambda").list_functions()["Functions"]]


@lab.task("configure", hints=HINTS["configure"], why=WHY["configure"])
def configure() -> None:
    """Timeout, memory and the greeting are set, and the code reads the greeting."""
    now = configuration()
    variables = dict(now.get("Environment", {}).get("Variables", {}))
    if now["Timeout"] == 3 and now["MemorySize"] == 128 and not variables:
        not_attempted("Timeout, memory and variables are still as Lambda set them.")
    if now["Timeout"] != 10:
        wrong(f"The timeout is {now['Timeout']} s. Rosa asks for 10 s.")
    if now["MemorySize"] != 256:
        wrong(f"The function has {now['MemorySize']} MB of memory. Rosa asks for 256 MB.")
    if not variables.get("GREETING"):
        there = f" It has {', '.join(variables)}." if variables else ""
        wrong(f"The function has no environment variable GREETING.{there}")
    failed = "The configuration is right, but now the function fails."
    message = answer({"name": "Ana"}, failed)["message"]
    if not message.startswith(variables["GREETING"]):
        wrong(
            f"GREETING is {variables['GREETING']}, but the function says: {message} Its code does not use the variable."
        )
    with greeting("Ahoy", variables):
        message = answer({"name": "Ana"}, failed)["message"]
    if not message.startswith("Ahoy"):
        wrong(f"For one call we set GREETING to Ahoy, and the function said: {message} The word is fixed in its code.")


@contextmanager
def greeting(word: str, variables: dict[str, str]) -> Iterator[None]:
    """Set GREETING for a while; all variables are as they were afterwards."""
    client = boto3.client("lambda")
    client.update_function_configuration(FunctionName=HELLO, Environment={"Variables": variables | {"GREETING": word}})
    try:
        yield
    finally:
        client.update_function_configuration(FunctionName=HELLO, Environment={"Variables": variables})


@lab.task("menu", hints=HINTS["menu"], why=WHY["menu"])
def menu() -> None:
    """The function reads the special from the table, and its role may do that and no more."""
    role = str(configuration()["Role"])
    payload, error = call(HELLO, {"name": "Ana", "day": "monday"})
    if error and "AccessDenied" in str(payload.get("errorType", "")) + str(payload.get("errorMessage", "")):
        wrong("The function asks for the menu, but its role may not read that table.", said=payload)
    if error:
        wrong("The function fails when the event has a day.", said=payload)
    may_read, may_delete, may_see_wages = permissions(role)
    if not isinstance(payload, dict) or "special" not in payload:
        if may_read:
            wrong("The role may read the menu now, but for an event with a day the function returns no special.")
        not_attempted("For an event with a day the function returns no special yet.")
    with special("sunday", "saffron buns"):
        said = answer({"name": "Ana", "day": "sunday"}, "The function fails for a day that we wrote on the menu.")
    if said.get("special") != "saffron buns":
        wrong(
            "For one call we wrote saffron buns on the menu for Sunday, and the special was "
            f"`{json.dumps(said.get('special'))}`. Return the text from the table."
        )
    if may_see_wages:
        wrong("The special is right, but the role may also read bakery-wages. Name the one table as the Resource.")
    if may_delete:
        wrong("The special is right, but the role may also delete from the menu. Allow the one action that is needed.")


def permissions(role: str) -> list[bool]:
    """Return whether the role may read the menu, delete from it, and read the wages: tried by a function of ours."""
    monday, nobody = {"day": {"S": "monday"}}, {"person": {"S": "nobody"}}
    attempts = [
        {"action": "get_item", "arguments": {"TableName": MENU, "Key": monday}},
        {"action": "delete_item", "arguments": {"TableName": MENU, "Key": {"day": {"S": "no such day"}}}},
        {"action": "get_item", "arguments": {"TableName": WAGES, "Key": nobody}},
    ]
    with probe(TRY, role) as name:
        payload, error = call(name, attempts)
    if error:
        wrong("We could not try what the role may do.", said=payload)
    return list(payload)


@contextmanager
def special(day: str, text: str) -> Iterator[None]:
    """Write a special on the menu for a while."""
    dynamodb = boto3.client("dynamodb")
    dynamodb.put_item(TableName=MENU, Item={"day": {"S": day}, "special": {"S": text}})
    try:
        yield
    finally:
        dynamodb.delete_item(TableName=MENU, Key={"day": {"S": day}})


@lab.task("layer", hints=HINTS["layer"], why=WHY["layer"])
def layer() -> None:
    """The opening hours come from a layer."""
    now = configuration()
    layers = [layer["Arn"] for layer in now.get("Layers", [])]
    payload, error = call(HELLO, {"name": "Ana", "hour": 9})
    if error and "No module named 'opening'" in str(payload):
        if layers:
            wrong(
                "A layer is attached, but the module does not lie where Python looks for it in a layer.", said=payload
            )
        wrong("The code imports opening, but the function has no layer that brings it.", said=payload)
    if error:
        wrong("The function fails when the event has an hour.", said=payload)
    says_open = isinstance(payload, dict) and "open" in payload
    if not layers and not says_open:
        not_attempted("The function has no layer yet.")
    if not layers:
        wrong("The function knows the opening hours, but it has no layer: move the library out of the package.")
    if not says_open:
        wrong("The layer is attached, but for an event with an hour the answer has no `open`.")
    evening = answer({"name": "Ana", "hour": 20}, "The function answers at 9, but it fails at 20.").get("open")
    if payload["open"] is not True or evening is not False:
        found = f"`{json.dumps(payload['open'])}` and `{json.dumps(evening)}`"
        wrong(f"`open` must be true at 9 and false at 20; it is {found}.")
    with probe(IMPORT, str(now["Role"]), layers) as name:
        payload, error = call(name, {"hour": 9})
    if error:
        wrong(
            "`open` is right, but the layer does not hold `opening`: a function of ours cannot import it.", said=payload
        )


@lab.task("repair", hints=HINTS["repair"], why=WHY["repair"])
def repair() -> None:
    """The till adds up."""
    now = boto3.client("lambda").get_function(FunctionName=REPAIRED)["Configuration"]
    if (now["Handler"], now["Timeout"]) == ("till.handel", 1) and now["CodeSha256"] == _sha256(TILL):
        not_attempted(f"{REPAIRED} is as you found it.")
    for basket, total in (({"bread": "2", "roll": "6"}, 8.8), ({"roll": "3"}, 1.2)):
        payload, error = call(REPAIRED, {"basket": basket})
        kind = payload.get("errorType", "") if error else ""
        if kind in ("Runtime.HandlerNotFound", "Runtime.ImportModuleError", "Runtime.MalformedHandlerName"):
            wrong(
                "Lambda does not find the handler. Compare the configuration with the names in the code.", said=payload
            )
        if kind == "Sandbox.Timedout":
            wrong("The handler runs now, but Lambda stops it before it has finished.", said=payload)
        if error:
            wrong("The till starts and has the time that it needs; now its code fails.", said=payload)
        if not isinstance(payload, dict) or payload.get("total") != total:
            wrong(f"For `{json.dumps(basket)}` the total is {total}; the till returned `{json.dumps(payload)}`.")


def _sha256(code: str) -> str:
    import base64
    import hashlib

    return base64.b64encode(hashlib.sha256(package({"till.py": code})).digest()).decode()


@lab.task("url", hints=HINTS["url"], why=WHY["url"])
def url() -> None:
    """Everybody can ask over HTTP."""
    configuration()
    client = boto3.client("lambda")
    config = found(client.get_function_url_config, FunctionName=HELLO)
    if config is None:
        not_attempted("The function has no URL yet.")
    if config["AuthType"] != "NONE":
        wrong(
            f"The URL has AuthType {config['AuthType']}: it wants a signature, and the display in the shop cannot sign."
        )
    status, text = http_get(config["FunctionUrl"] + "?name=Ana&day=monday&hour=9")
    missing = {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"} - public_actions()
    if status == 403 and len(missing) == 2:
        wrong("The URL is there, but the function's resource policy lets nobody call it.", said=f"{status} {text}")
    if status == 403:
        wrong(f"The URL is there, but the function's resource policy lacks {missing.pop()}.", said=f"{status} {text}")
    if status != 200:
        wrong(
            "The URL works, but the function fails on its event. Look at the log with `show.log`: in such an event the "
            "query is under `queryStringParameters`, and its values are texts.",
            said=f"{status} {text}",
        )
    shown = json.loads(text)
    if "Ana" not in str(shown.get("message")):
        wrong(f"We asked for `?name=Ana`, and the page says: {shown.get('message')} Read the name from the query.")
    if shown.get("special") != "rye bread" or shown.get("open") is not True:
        wrong(f"With `day=monday` and `hour=9` the page must have special and open, too; it has `{text}`.")


def http_get(address: str) -> tuple[int, str]:
    """Return status and text of an HTTP GET."""
    try:
        with urllib.request.urlopen(address, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def public_actions() -> set[str]:
    """Return what the function's resource policy allows everybody to do."""
    try:
        policy = json.loads(boto3.client("lambda").get_policy(FunctionName=HELLO)["Policy"])
    except ClientError:
        return set()
    everybody = ("*", {"AWS": "*"})
    return {statement["Action"] for statement in policy["Statement"] if statement["Principal"] in everybody}
