"""The lab hello_function: each wrong answer gets its own reason, the solution passes, the starter does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers.teaching import package
from helpers.teaching.checks import Lab, Result
from tests.labs.lab_under_test import WrongAnswers, open_lab
from tools.notebook_files import PROJECT

FOLDER = PROJECT / "labs" / "02_hello_function"
TASKS = ["deploy", "configure", "menu", "layer", "repair", "url"]

DEPLOY = """
def handler(event, context):
    return {"message": f"Good morning, {event.get('name', 'dear guest')}!"}
"""
CONFIGURE = """
import os

def handler(event, context):
    return {"message": f"{os.environ['GREETING']}, {event.get('name', 'dear guest')}!"}
"""
MENU = """
import os
import boto3

menu = boto3.resource("dynamodb").Table("bakery-menu")

def handler(event, context):
    asked = event.get("queryStringParameters", event)
    answer = {"message": f"{os.environ['GREETING']}, {asked.get('name', 'dear guest')}!"}
    if "day" in asked:
        answer["special"] = menu.get_item(Key={"day": asked["day"]})["Item"]["special"]
    return answer
"""
OPEN = """    if "hour" in asked:
        answer["open"] = opening.is_open(int(asked["hour"]))
    return answer"""
LAYER = MENU.replace("import boto3", "import boto3, opening").replace("    return answer", OPEN)


class Learner:
    """Somebody who works in the bakery: what a learner's cells would do, and the checks."""

    def __init__(self, bakery: Any, lab: Lab) -> None:
        self.bakery, self.lab = bakery, lab
        self.iam, self.aws = boto3.client("iam"), boto3.client("lambda")
        self.role = self.iam.get_role(RoleName="bakery-role")["Role"]["Arn"]

    def create(self, code: str, name: str = "bakery-hello", handler: str = "app.handler") -> None:
        zip_file = {"ZipFile": package({"app.py": code})}
        self.aws.create_function(
            FunctionName=name, Runtime="python3.13", Role=self.role, Handler=handler, Code=zip_file
        )

    def code(self, code: str, name: str = "bakery-hello", **files: str) -> None:
        main = "app.py" if name == "bakery-hello" else "till.py"
        self.aws.update_function_code(FunctionName=name, ZipFile=package({main: code, **files}))

    def configure(self, name: str = "bakery-hello", **settings: Any) -> None:
        self.aws.update_function_configuration(FunctionName=name, **settings)

    def configured(self, code: str = CONFIGURE) -> None:
        self.create(code)
        self.configure(Timeout=10, MemorySize=256, Environment={"Variables": {"GREETING": "Good morning"}})

    def allow(self, action: str | list[str], resource: str) -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.iam.put_role_policy(RoleName="bakery-role", PolicyName="read-menu", PolicyDocument=policy)

    def allow_menu(self) -> None:
        self.allow("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/bakery-menu")

    def layer(self, path: str = "python/opening.py", text: str = "") -> None:
        content = {"ZipFile": package({path: text or self.bakery.OPENING})}
        arn = self.aws.publish_layer_version(LayerName="opening", Content=content)["LayerVersionArn"]
        self.configure(Layers=[arn])

    def url(self, *actions: str, auth: str = "NONE") -> None:
        self.aws.create_function_url_config(FunctionName="bakery-hello", AuthType=auth)
        for action in actions:
            extra: dict[str, Any] = {"FunctionUrlAuthType": "NONE"} if action.endswith("Url") else {}
            self.aws.add_permission(
                FunctionName="bakery-hello", StatementId=action[-3:], Action=action, Principal="*", **extra
            )

    def on_the_air(self, code: str) -> None:
        self.configured(code)
        self.allow_menu()
        self.layer()
        self.url("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")

    def result(self, task: str) -> Result:
        return self.lab.run(task)


@pytest.fixture
def learner() -> Iterator[Learner]:
    with open_lab(FOLDER, enforce_iam=True) as modules:
        bakery = modules["bakery"]
        bakery.open_shop()
        yield Learner(bakery, modules["checks"].lab)


def other_name(learner: Learner) -> None:
    learner.create(DEPLOY, name="hello-bakery")


def wrong_handler(learner: Learner) -> None:
    learner.create(DEPLOY, handler="lambda_function.handler")


def prints(learner: Learner) -> None:
    learner.create(DEPLOY.replace("return", "print(").replace('!"}', '!"})'))


def needs_a_name(learner: Learner) -> None:
    learner.create("def handler(event, context): return {'message': 'Good morning, ' + event['name']}")


def only_ana(learner: Learner) -> None:
    learner.create("def handler(event, context): return {'message': 'Good morning, Ana!'}")


def nobody(learner: Learner) -> None:
    learner.create("def handler(event, context): return {'message': 'Good morning!'}")


def minutes(learner: Learner) -> None:
    learner.configured()
    learner.configure(Timeout=600)


def little_memory(learner: Learner) -> None:
    learner.configured()
    learner.configure(MemorySize=128)


def other_variable(learner: Learner) -> None:
    learner.create(DEPLOY)
    learner.configure(Timeout=10, MemorySize=256, Environment={"Variables": {"greeting": "Good morning"}})


def fixed_word(learner: Learner) -> None:
    learner.configured(DEPLOY)


def unused_variable(learner: Learner) -> None:
    learner.configured(DEPLOY)
    learner.configure(Environment={"Variables": {"GREETING": "Ciao"}})


def no_import(learner: Learner) -> None:
    learner.configured(CONFIGURE.replace("import os", ""))


def no_permission(learner: Learner) -> None:
    learner.configured(MENU)


def only_permission(learner: Learner) -> None:
    learner.configured()
    learner.allow_menu()


def every_action(learner: Learner) -> None:
    learner.configured(MENU)
    learner.allow("dynamodb:*", "arn:aws:dynamodb:us-east-1:123456789012:table/bakery-menu")


def every_table(learner: Learner) -> None:
    learner.configured(MENU)
    learner.allow("dynamodb:GetItem", "*")


def menu_by_heart(learner: Learner) -> None:
    learner.configured(MENU.replace('menu.get_item(Key={"day": asked["day"]})["Item"]["special"]', '"rye bread"'))


def wrong_key(learner: Learner) -> None:
    learner.configured(MENU.replace('Key={"day"', 'Key={"name"'))
    learner.allow_menu()


def top_of_the_zip(learner: Learner) -> None:
    learner.configured(LAYER)
    learner.layer(path="opening.py")


def no_layer(learner: Learner) -> None:
    learner.configured(LAYER)


def in_the_package(learner: Learner) -> None:
    learner.configured()
    learner.code(LAYER, **{"opening.py": learner.bakery.OPENING})


def layer_beside_a_copy(learner: Learner) -> None:
    in_the_package(learner)
    learner.layer(path="opening.py")


def unused_layer(learner: Learner) -> None:
    learner.configured()
    learner.layer()


def always_open(learner: Learner) -> None:
    learner.configured(LAYER)
    learner.layer(text="def is_open(hour): return True")


def handler_only(learner: Learner) -> None:
    learner.configure("bakery-till", Handler="till.handler")


def timeout_only(learner: Learner) -> None:
    learner.configure("bakery-till", Timeout=5)


def no_number(learner: Learner) -> None:
    learner.configure("bakery-till", Handler="till.handler", Timeout=5)


def no_counts(learner: Learner) -> None:
    no_number(learner)
    learner.code(learner.bakery.TILL.replace(" * count", ""), "bakery-till")


def closed_url(learner: Learner) -> None:
    learner.configured()
    learner.url()


def half_open_url(learner: Learner) -> None:
    learner.configured()
    learner.url("lambda:InvokeFunctionUrl")


def signed_url(learner: Learner) -> None:
    learner.configured()
    learner.url(auth="AWS_IAM")


def fails_on_text(learner: Learner) -> None:
    learner.on_the_air(LAYER.replace('int(asked["hour"])', 'asked["hour"]'))


def no_query(learner: Learner) -> None:
    learner.on_the_air(LAYER.replace('event.get("queryStringParameters", event)', "event"))


def greeting_only(learner: Learner) -> None:
    learner.on_the_air(CONFIGURE.replace("event.get(", "event.get('queryStringParameters', event).get("))


WRONG: list[tuple[str, Callable[[Learner], None], str, str]] = [
    ("deploy", other_name, "called hello-bakery", ""),
    ("deploy", wrong_handler, "it fails when Ana comes in", "Runtime.ImportModuleError"),
    ("deploy", prints, "it returned nothing", ""),
    ("deploy", needs_a_name, "fails for a guest who gives no name", "KeyError: 'name'"),
    ("deploy", only_ana, "is to be called dear guest", ""),
    ("deploy", nobody, "does not name her", ""),
    ("configure", minutes, "timeout is 600 s", ""),
    ("configure", little_memory, "has 128 MB", ""),
    ("configure", other_variable, "It has greeting.", ""),
    ("configure", fixed_word, "The word is fixed in its code", ""),
    ("configure", unused_variable, "does not use the variable", ""),
    ("configure", no_import, "now the function fails", "NameError"),
    ("menu", no_permission, "its role may not read that table", "not authorized to perform: dynamodb:GetItem"),
    ("menu", only_permission, "returns no special", ""),
    ("menu", every_action, "may also delete", ""),
    ("menu", every_table, "may also read bakery-wages", ""),
    ("menu", menu_by_heart, "wrote saffron buns on the menu", ""),
    ("menu", wrong_key, "fails when the event has a day", "ValidationException"),
    ("layer", top_of_the_zip, "does not lie where Python looks", "No module named 'opening'"),
    ("layer", no_layer, "has no layer that brings it", "No module named 'opening'"),
    ("layer", in_the_package, "move the library out of the package", ""),
    ("layer", layer_beside_a_copy, "the layer does not hold `opening`", "No module named 'opening'"),
    ("layer", unused_layer, "has no `open`", ""),
    ("layer", always_open, "it is `true` and `true`", ""),
    ("repair", timeout_only, "does not find the handler", "Runtime.HandlerNotFound"),
    ("repair", handler_only, "stops it before it has finished", "Task timed out after 1.00 seconds"),
    ("repair", no_number, "now its code fails", "TypeError"),
    ("repair", no_counts, "the till returned", ""),
    ("url", closed_url, "lets nobody call it", "403"),
    ("url", half_open_url, "lacks lambda:InvokeFunction", "403"),
    ("url", signed_url, "AuthType AWS_IAM", ""),
    ("url", fails_on_text, "fails on its event", "502"),
    ("url", no_query, "the page says: Good morning, dear guest!", ""),
    ("url", greeting_only, "must have special and open", ""),
]


class TestWrongAnswers(WrongAnswers):
    """Each wrong answer gets its reason, and each reason is its own."""


def test_a_check_leaves_everything_as_it_was(learner: Learner) -> None:
    learner.on_the_air(LAYER)
    before = state(learner)
    results = learner.lab.results()
    assert [result.state for slug, result in results.items() if slug != "repair"] == ["right"] * 5
    assert state(learner) == before


def state(learner: Learner) -> Any:
    """Return what a check could change: functions, their variables, the menu."""
    functions = learner.aws.list_functions()["Functions"]
    variables = {function["FunctionName"]: function.get("Environment") for function in functions}
    return variables, boto3.client("dynamodb").scan(TableName="bakery-menu")["Items"]


def test_before_a_task_is_begun_it_is_not_attempted(learner: Learner) -> None:
    learner.create(DEPLOY)
    states = {slug: result.state for slug, result in learner.lab.results().items()}
    assert states == {"deploy": "right"} | dict.fromkeys(TASKS[1:], "not attempted")
