"""A REST API that is imported from an OpenAPI document and deployed, as the tests of contracts need one."""

from __future__ import annotations

import json
from typing import Any

from tests.contract.subjects import Page, Subject

INTEGRATION = "x-amazon-apigateway-integration"
JSON = {"Content-Type": "application/json"}


def document(paths: dict[str, Any], title: str = "library", **more: Any) -> dict[str, Any]:
    """Return an OpenAPI 3.0 document."""
    return {"openapi": "3.0.1", "info": {"title": title, "version": "7"}, "paths": paths, **more}


def mock(template: str = "", status: str = "200", **more: Any) -> dict[str, Any]:
    """Return an operation that API Gateway answers itself, by a response template."""
    response = {"statusCode": status, "responseTemplates": {"application/json": template}}
    integration = {"type": "mock", "requestTemplates": {"application/json": '{"statusCode": 200}'}}
    return {
        "responses": {status: {"description": "fine"}},
        INTEGRATION: integration | {"responses": {"default": response}},
    } | more


class Imported:
    """An API whose stage is ``prod``; ``more`` stands in the document beside the paths."""

    def __init__(self, aws: Subject, paths: dict[str, Any], **more: Any) -> None:
        self.aws, self.client = aws, aws.client("apigateway")
        self.id = self.client.import_rest_api(body=json.dumps(document(paths, **more)))["id"]
        self.deploy()

    def deploy(self) -> None:
        """Let the stage have what the API is now."""
        self.client.create_deployment(restApiId=self.id, stageName="prod", variables={"shelf": "B7"})

    def put(self, paths: dict[str, Any], mode: str = "merge", **more: Any) -> dict[str, Any]:
        """Update the API from another document."""
        answer: dict[str, Any] = self.client.put_rest_api(
            restApiId=self.id, mode=mode, body=json.dumps(document(paths, **more))
        )
        return answer

    def ask(self, path: str, method: str = "GET", body: str = "", **headers: str) -> Page:
        """Send a request; an underscore in a header's name stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = f"{self.aws.endpoint}/_aws/execute-api/{self.id}/prod{path}"
        return self.aws.http(address, method, body.encode() or None, named)

    def rendered(self, path: str, method: str = "GET", body: str = "", **headers: str) -> str:
        """Return the body of an answer that is fine."""
        page = self.ask(path, method, body, **headers)
        assert page.status == 200, page
        return page.body.decode()

    def methods(self) -> dict[str, set[str]]:
        """Return which methods each path has."""
        items = self.client.get_resources(restApiId=self.id, embed=["methods"])["items"]
        return {one["path"]: set(one.get("resourceMethods", {})) for one in items}

    def export(self, kind: str = "oas30", extensions: str = "", accepts: str = "application/json") -> str:
        """Return the stage as an OpenAPI document."""
        parameters = {"extensions": extensions} if extensions else {}
        answer = self.client.get_export(
            restApiId=self.id, stageName="prod", exportType=kind, parameters=parameters, accepts=accepts
        )
        return str(answer["body"].read().decode())
