"""Somebody who builds the API of the lab todo_api, right or wrong, and what the lab's solution uploads."""

from __future__ import annotations

from typing import Any

import boto3

from helpers.teaching.checks import Lab, Result
from tools.notebook_files import PROJECT, read

FOLDER = PROJECT / "labs" / "07_todo_api"
OWN = "${stageVariables.alias}"
PREFLIGHT = {"Origin": "https://garden.example", "Methods": "GET,POST,PUT,DELETE,OPTIONS", "Headers": "content-type"}


def answered(cell: str, name: str) -> str:
    """Return a text that a cell of the solution makes."""
    source = next(each.source for each in read(FOLDER / "solution.ipynb").cells if each.id == cell)
    space: dict[str, Any] = {name: ""}
    exec(source, space)
    return str(space[name])


def allowing(**allow: str) -> dict[str, str]:
    """Return the headers of a preflight as an integration response has them."""
    values = (PREFLIGHT | allow).items()
    return {f"method.response.header.Access-Control-Allow-{name}": f"'{value}'" for name, value in values}


TOOLS = answered("bug-answer", "TOOLS")
HANDLER = answered("statuses-answer", "HANDLER") + answered("statuses-more-answer", "HANDLER")


class Learner:
    """Somebody who builds the garden's API: what a learner's cells would do, and the checks."""

    def __init__(self, garden: Any, lab: Lab) -> None:
        self.garden, self.lab = garden, lab
        self.gateway, self.functions = boto3.client("apigateway"), boto3.client("lambda")
        self.api, self.ids = "", dict[str, str]()

    def resource(self, path: str) -> str:
        if path not in self.ids:
            parent, _, part = path.rpartition("/")
            above = self.resource(parent or "/")
            self.ids[path] = self.gateway.create_resource(restApiId=self.api, parentId=above, pathPart=part)["id"]
        return self.ids[path]

    def place(self, method: str, path: str) -> dict[str, str]:
        return {"restApiId": self.api, "resourceId": self.resource(path), "httpMethod": method}

    def create(self) -> None:
        self.api = self.gateway.create_rest_api(name="garden")["id"]
        self.ids = {"/": self.gateway.get_resources(restApiId=self.api)["items"][0]["id"]}

    def integrate(self, *routes: tuple[str, str], **settings: Any) -> None:
        default = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": self.garden.uri()}
        for method, path in routes or self.garden.ROUTES:
            self.gateway.put_integration(**self.place(method, path), **(default | settings))

    def routes(self, **settings: Any) -> None:
        """Do the first task."""
        self.create()
        for method, path in self.garden.ROUTES:
            self.gateway.put_method(**self.place(method, path), authorizationType="NONE")
        self.integrate(**settings)

    def allow(self, function: str = "todos", end: str = "/*", source: bool = True) -> None:
        arn = {"SourceArn": f"arn:aws:execute-api:us-east-1:123456789012:{self.api}{end}"} if source else {}
        rule = {"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "StatementId": "garden"}
        self.functions.add_permission(FunctionName=function, **rule, **arn)

    def deploy(self, stage: str = "beta", **settings: Any) -> None:
        self.gateway.create_deployment(restApiId=self.api, stageName=stage, **settings)

    def opened(self) -> None:
        """Do the first two tasks, unless they are done."""
        if not self.api:
            self.routes()
            self.allow()
            self.deploy()

    def mended(self, tools: str = TOOLS) -> None:
        """Do the first three tasks."""
        self.opened()
        self.garden.upload(tools + self.garden.HANDLER)

    def spoken(self, old: str = "", new: str = "") -> None:
        """Do the first four tasks, with ``new`` in place of a part of the handler."""
        self.opened()
        assert old in HANDLER
        self.garden.upload(TOOLS + (HANDLER.replace(old, new) if old else HANDLER))

    def alias(self, name: str, version: str = "$LATEST", allow: bool = True) -> None:
        self.functions.create_alias(FunctionName="todos", Name=name, FunctionVersion=version)
        if allow:
            self.allow(f"todos:{name}")

    def stage(self, name: str, variable: str = "") -> None:
        self.deploy(name)
        change = {"op": "replace", "path": "/variables/alias", "value": variable or name}
        self.gateway.update_stage(restApiId=self.api, stageName=name, patchOperations=[change])

    def version(self) -> str:
        return str(self.functions.publish_version(FunctionName="todos")["Version"])

    def staged(self, **prod: Any) -> None:
        """Do the first five tasks."""
        self.spoken()
        self.alias("prod", **{"version": self.version(), **prod})
        self.alias("beta")
        self.integrate(uri=self.garden.uri(OWN))
        self.stage("prod")
        self.stage("beta")

    def preflight(self, *paths: str) -> None:
        for path in paths or ("/todos", "/todos/{id}"):
            place = self.place("OPTIONS", path)
            self.gateway.put_method(**place, authorizationType="NONE")
            choose = {"application/json": '{"statusCode": 200}'}
            self.gateway.put_integration(**place, type="MOCK", requestTemplates=choose)
            names = dict.fromkeys(allowing(), False)
            self.gateway.put_method_response(**place, statusCode="200", responseParameters=names)
            self.answer_preflights(path)

    def answer_preflights(self, *paths: str, **allow: str) -> None:
        """Give the mocks' answers these values of the headers."""
        for path in paths or ("/todos", "/todos/{id}"):
            place = self.place("OPTIONS", path)
            self.gateway.put_integration_response(**place, statusCode="200", responseParameters=allowing(**allow))

    def names_origin(self, when: str = "") -> None:
        """Upload the function with the header in its answers."""
        headers = f'"headers": {{"Access-Control-Allow-Origin": "{PREFLIGHT["Origin"]}"}}{when}, "body":'
        self.garden.upload(TOOLS.replace('"body":', headers) + HANDLER)

    def live(self) -> None:
        """Bring all to both stages."""
        self.functions.update_alias(FunctionName="todos", Name="prod", FunctionVersion=self.version())
        self.deploy("beta")
        self.deploy("prod")

    def let_in(self, *paths: str) -> None:
        """Do all tasks, the last one for some paths only if they are told."""
        self.staged()
        self.preflight(*paths)
        self.names_origin()
        self.live()

    def result(self, task: str) -> Result:
        return self.lab.run(task)
