"""Checks of the lab todo_api: they look at the API, its stages and aliases, and ask from outside as clients do."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import boto3
from botocore.exceptions import ClientError
from garden import API, FUNCTION, HANDLER, ROUTES, TABLE, TODOS, TOOLS, api_id, ask, browser, content, newest_error
from words import HINTS, WHY

from helpers.teaching import package
from helpers.teaching.checks import Lab, not_attempted, wrong
from helpers.teaching.lookups import metric_sum

VARIABLE = "${stageVariables.alias}"

lab = Lab("todo_api")


def gateway() -> Any:
    """Return a client of API Gateway."""
    return boto3.client("apigateway")


def stages() -> dict[str, dict[str, Any]]:
    """Return the API's stages by name."""
    found = gateway().get_stages(restApiId=api_id())["item"] if api_id() else []
    return {each["stageName"]: each for each in found}


def designed() -> dict[str, dict[str, Any]]:
    """Return the methods of each resource by its path, as they are now, deployed or not."""
    items = gateway().get_resources(restApiId=api_id(), embed=["methods"])["items"]
    return {each["path"]: each.get("resourceMethods") or {} for each in items}


def statements(qualifier: str = "") -> list[dict[str, Any]]:
    """Return the resource policy of the function, or of its alias."""
    named = {"Qualifier": qualifier} if qualifier else {}
    try:
        policy = boto3.client("lambda").get_policy(FunctionName=FUNCTION, **named)["Policy"]
    except ClientError:
        return []
    return list(json.loads(policy)["Statement"])


def is_open() -> bool:
    """Whether the stage beta reaches the function."""
    return "beta" in stages() and ask("GET", "/todos").status in (200, 502)


def last_words() -> str:
    """Return what the function raised last."""
    return (newest_error() or [""])[0]


def is_untouched() -> bool:
    """Whether the function's code is still the first one."""
    now = boto3.client("lambda").get_function_configuration(FunctionName=FUNCTION)["CodeSha256"]
    first = hashlib.sha256(package({"app.py": TOOLS + HANDLER})).digest()
    return bool(now == base64.b64encode(first).decode())


@lab.task("routes", hints=HINTS["routes"], why=WHY["routes"])
def routes() -> None:
    """The API garden has its five methods, each with a Lambda proxy integration to the function."""
    if not api_id():
        not_attempted(f"There is no API called `{API}` yet.")
    found = designed()
    for path in dict.fromkeys(path for _, path in ROUTES):
        if path not in found:
            others = ", ".join(f"`{other}`" for other in sorted(found))
            wrong(f"The API has no resource `{path}`. It has {others}.")
    for method, path in ROUTES:
        if method not in found[path]:
            wrong(f"`{path}` has no method `{method}` yet.")
        look_at(method, path, found[path][method].get("methodIntegration") or {})


def look_at(method: str, path: str, integration: dict[str, Any]) -> None:
    """Say what is wrong with an integration."""
    if not integration:
        wrong(f"`{method} {path}` has no integration: nothing stands behind it.")
    if integration["type"] != "AWS_PROXY":
        wrong(
            f"`{method} {path}` has an integration of the type {integration['type']}. The function wants the whole "
            "request and gives the whole response: that is `AWS_PROXY`."
        )
    if integration.get("httpMethod") != "POST":
        wrong(
            f"`{method} {path}` calls the function by {integration.get('httpMethod')}. Lambda's Invoke is always a "
            "`POST`: `integrationHttpMethod`."
        )
    if f":function:{FUNCTION}" not in integration.get("uri", ""):
        wrong(f"`{method} {path}` leads to another function.", said=integration.get("uri"))


@lab.task("open", hints=HINTS["open"], why=WHY["open"])
def open_door() -> None:
    """The stage beta reaches the function by all five routes, and only this API may call it."""
    if not api_id():
        not_attempted("There is nothing to open yet: first the API.")
    allowed, found = statements() + statements("beta"), stages()
    if not allowed and not found:
        not_attempted("The API is designed; it has no stage, and the function lets nobody call it.")
    if "beta" not in found:
        others = f" You deployed to `{next(iter(found))}`." if found else " The permission is there."
        wrong(f"There is no stage `beta`.{others}")
    for method, path in ROUTES:
        probe(method, path, allowed)
    if any(api_id() not in json.dumps(each.get("Condition") or {}) for each in allowed):
        wrong("The function's permission does not name your API: any other could call it, too. Add `SourceArn`.")


def probe(method: str, path: str, allowed: list[dict[str, Any]]) -> None:
    """Send a request that changes nothing, and say why it does not reach the function."""
    answer = ask(method, path.replace("{id}", "nobody"))
    if answer.status == 403:
        wrong(
            f"Stage `beta` does not know `{method} {path}`. Has it been deployed since you made it?", said=answer.data
        )
    if answer.status == 500 and not allowed:
        wrong("Stage `beta` is there, but the function lets nobody call it.", said=content(answer).get("message"))
    if answer.status == 500:
        arns = [json.dumps(each.get("Condition") or {}) for each in allowed]
        wrong(f"`{method} {path}` may not call the function: look at the end of `SourceArn`.", said=" ".join(arns))


@lab.task("bug", hints=HINTS["bug"], why=WHY["bug"])
def bug() -> None:
    """The list has all to-dos, with the hours as a number."""
    if not is_open():
        not_attempted("First the API has to reach the function.")
    answer = ask("GET", "/todos")
    if answer.status == 502:
        if is_untouched():
            not_attempted("`GET /todos` still gets 502.")
        wrong("You changed the code, and `GET /todos` still gets 502. The last error of its log:", said=last_words())
    todos = {todo.get("id"): todo for todo in content(answer) or []}
    if "fence" not in todos:
        wrong("The list answers, but the fence is missing in it. The to-do is fine; mend the code, not the table.")
    hours = todos["fence"].get("hours")
    if hours is None:
        wrong("The list answers, but the fence has lost its `hours`.")
    if hours != TODOS[1]["hours"]:
        wrong(f"The fence takes 3 hours, a number. The list says `{json.dumps(hours)}`.")


@lab.task("statuses", hints=HINTS["statuses"], why=WHY["statuses"])
def statuses() -> None:
    """Created is 201, unknown is 404, nonsense is 400; and what was saved can be read, changed and deleted."""
    if not is_open():
        not_attempted("First the API has to reach the function.")
    unknown, nonsense = ask("GET", "/todos/nobody").status, ask("POST", "/todos", "not JSON").status
    created = ask("POST", "/todos", '{"text": "Water the beans"}')
    todo = content(created) or {}
    try:
        if (unknown, nonsense, created.status) == (502, 502, 200):
            not_attempted("A new to-do still gets 200, an unknown one and nonsense 502.")
        if created.status != 201:
            wrong(f"A new to-do gets {created.status}. What has been created is 201.", said=said(created.status))
        refusals(unknown, nonsense)
        life_of(todo)
    finally:
        clean(todo.get("id"), "nobody")


def said(status: int) -> str:
    """Return the log's last error if the function failed."""
    return last_words() if status == 502 else ""


def clean(*ids: Any) -> None:
    """Delete what a check has made."""
    for todo_id in filter(None, ids):
        boto3.resource("dynamodb").Table(TABLE).delete_item(Key={"id": str(todo_id)})


def refusals(unknown: int, nonsense: int) -> None:
    """Say which refusal has the wrong status."""
    if unknown != 404:
        wrong(f"`GET /todos/nobody` gets {unknown}. There is no such to-do: 404.", said=said(unknown))
    if nonsense != 400:
        wrong(f"A `POST` whose body is no JSON gets {nonsense}. The client's mistake is 400.", said=said(nonsense))
    empty = ask("POST", "/todos", '{"done": true}')
    clean((content(empty) or {}).get("id"))
    if empty.status != 400:
        wrong(f"A to-do without `text` gets {empty.status}. It should be refused with 400.", said=said(empty.status))
    put = ask("PUT", "/todos/nobody", '{"text": "Nobody\'s"}').status
    if put != 404:
        wrong(f"`PUT /todos/nobody` gets {put}. It changes what is there, and there is nothing: 404.", said=said(put))


def life_of(todo: dict[str, Any]) -> None:
    """Follow a new to-do until it is deleted."""
    path = f"/todos/{todo.get('id')}"
    if content(ask("GET", path)) != todo or todo.get("text") != "Water the beans":
        wrong("A new to-do cannot be read by the `id` that the answer to its `POST` gave.", said=json.dumps(todo))
    changed = ask("PUT", path, '{"text": "Water the beans", "done": true}')
    if changed.status != 200 or (content(ask("GET", path)) or {}).get("done") is not True:
        wrong(f"A `PUT` with `done` got {changed.status}, and the to-do is not done.", said=said(changed.status))
    deleted, after = ask("DELETE", path).status, ask("GET", path).status
    if deleted not in (200, 204) or after != 404:
        wrong(f"`DELETE` got {deleted}, and then `GET` of the same to-do {after}.", said=said(deleted))


@lab.task("stages", hints=HINTS["stages"], why=WHY["stages"])
def two_stages() -> None:
    """Stage prod runs the alias prod, a published version; stage beta runs the alias beta, $LATEST."""
    listed = boto3.client("lambda").list_aliases(FunctionName=FUNCTION)["Aliases"]
    aliases = {each["Name"]: each["FunctionVersion"] for each in listed}
    found = stages()
    if not aliases and "prod" not in found:
        not_attempted("There is no alias and no stage `prod` yet.")
    for name in ("prod", "beta"):
        if name not in aliases:
            wrong(f"The function has no alias `{name}`. It has: {', '.join(aliases) or 'none'}.")
    if aliases["prod"] == "$LATEST":
        wrong("The alias `prod` points to `$LATEST`: each upload would be live at once. Publish a version.")
    if aliases["beta"] != "$LATEST":
        wrong(f"The alias `beta` points to version {aliases['beta']}. Testers want the newest upload: `$LATEST`.")
    for name in ("prod", "beta"):
        if name not in found:
            wrong(f"There is no stage `{name}` yet.")
        if (found[name].get("variables") or {}).get("alias") != name:
            wrong(f"Stage `{name}` needs the stage variable `alias` with the value `{name}`.")
    for method, path in ROUTES:
        if VARIABLE not in designed()[path][method].get("methodIntegration", {}).get("uri", ""):
            wrong(f"The integration of `{method} {path}` does not ask the stage for the alias: `{VARIABLE}`.")
    for name in ("prod", "beta"):
        runs_alias(name)


def runs_alias(name: str) -> None:
    """Ask each route of a stage, and see which alias CloudWatch counts."""
    before = counted(name)
    for method, path in ROUTES:
        answer = ask(method, path.replace("{id}", "nobody"), stage=name)
        if answer.status == 403:
            wrong(f"Stage `{name}` does not know `{method} {path}`: deploy to it.", said=answer.data)
        if answer.status == 500 and not statements(name):
            wrong(f"The alias `{name}` lets nobody call it: each alias has a permission of its own.", said=answer.data)
        if answer.status == 500:
            wrong(f"In stage `{name}`, `{method} {path}` gets 500.", said=answer.data)
    if counted(name) - before < len(ROUTES):
        wrong(f"Stage `{name}` answers, but not by its alias. Were the new integrations deployed to it?")


def counted(alias: str) -> int:
    """Return how often CloudWatch counted invocations of an alias."""
    return round(metric_sum("AWS/Lambda", "Invocations", FunctionName=FUNCTION, Resource=f"{FUNCTION}:{alias}"))


@lab.task("page", hints=HINTS["page"], why=WHY["page"])
def page() -> None:
    """A script of the garden's page may list, add, change and delete in prod, and see refusals."""
    if "prod" not in stages():
        not_attempted("First there has to be a stage `prod`.")
    mocked = [path for path, methods in designed().items() if "OPTIONS" in methods]
    for path in mocked:
        kind = (designed()[path]["OPTIONS"].get("methodIntegration") or {}).get("type")
        if kind != "MOCK":
            wrong(f"`OPTIONS {path}` runs {kind}. A preflight needs no backend: `MOCK` costs no invocation.")
    seen = {stage: browser("GET", "/todos", stage=stage) for stage in ("beta", "prod")}
    if not mocked and seen["beta"] != "200":
        not_attempted("No preflight is answered, and no answer allows the page's origin.")
    for method, path in ROUTES:
        if method != "GET":
            may_send(method, path.replace("{id}", "nobody"))
    if seen["beta"] == "200" != seen["prod"]:
        wrong("In `beta` the script may read the list. `prod` runs an older version: publish, and move its alias.")
    if seen["prod"] != "200":
        wrong("The preflights are fine, but the function's own answers lack the header.", said=seen["prod"])
    refused = browser("GET", "/todos/nobody")
    if refused != "404":
        wrong("The script sees the list, but not why a request is refused.", said=refused)


def may_send(method: str, path: str) -> None:
    """Say why a browser would not send a request."""
    learned = browser(method, path, "nonsense, so that nothing changes")
    if learned.startswith("not sent"):
        wrong(f"The page may not send `{method} {path}` to `prod`.", said=learned)
