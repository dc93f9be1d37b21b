"""A REST API that a contract test builds step by step, and asks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.contract.subjects import Page, Subject

OK = {"application/json": '{"statusCode": 200}'}
"""The request template of a mock integration that chooses status 200."""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": [f"{name}.amazonaws.com"]}, "Action": "sts:AssumeRole"}
        for name in ("apigateway", "states")
    ],
}


class Api:
    """A REST API; a method is named by its path and HTTP method, ``/todos/{id}`` and ``GET``."""

    def __init__(self, aws: Subject, **settings: Any) -> None:
        self.aws, self.client = aws, aws.client("apigateway")
        self.id: str = self.client.create_rest_api(name="todos", **settings)["id"]
        self._resources = {"/": self.client.get_resources(restApiId=self.id)["items"][0]["id"]}

    def resource(self, path: str) -> str:
        """Return the id of a resource; it and its parents are made where they are missing."""
        if path not in self._resources:
            parent, _, part = path.rpartition("/")
            self._resources[path] = self.client.create_resource(
                restApiId=self.id, parentId=self.resource(parent or "/"), pathPart=part
            )["id"]
        return self._resources[path]

    def place(self, path: str, method: str) -> dict[str, str]:
        """Return the parameters that name a method."""
        return {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": method}

    def method(self, path: str, method: str = "GET", integration: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Add a method with an integration."""
        self.client.put_method(**self.place(path, method), authorizationType="NONE", **more)
        self.client.put_integration(**self.place(path, method), **(integration or {}))

    def respond(self, path: str, method: str, status: str = "200", **response: Any) -> None:
        """Add an integration response, and a method response that declares its headers."""
        headers = {name: False for name in response.get("responseParameters") or {}}
        place = self.place(path, method)
        self.client.put_method_response(**place, statusCode=status, responseParameters=headers)
        self.client.put_integration_response(**place, statusCode=status, **response)

    def mock(self, path: str, method: str = "GET", body: str = "{}", **more: Any) -> None:
        """Add a method that API Gateway answers itself."""
        self.method(path, method, {"type": "MOCK", "requestTemplates": OK}, **more)
        self.respond(path, method, responseTemplates={"application/json": body})

    def function(self, path: str, source: str, method: str = "GET", name: str = "f", **integration: Any) -> Any:
        """Add a method with a new Lambda function behind it, which it may call; return the Lambda client."""
        client = self.aws.function(source, name)
        self.calls(path, method, name, **integration)
        client.add_permission(
            FunctionName=name,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"arn:aws:execute-api:us-east-1:123456789012:{self.id}/*",
        )
        return client

    def calls(self, path: str, method: str, name: str, **integration: Any) -> None:
        """Add a method that calls a function, whatever that allows."""
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        settings = {
            "type": "AWS_PROXY",
            "integrationHttpMethod": "POST",
            "uri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations",
            **integration,
        }
        self.method(path, method, settings)

    def role(self, *actions: str) -> str:
        """Create a role with which API Gateway may do ``actions``; return its ARN."""
        iam = self.aws.client("iam")
        arn = iam.create_role(RoleName="gateway", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        allow = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        iam.put_role_policy(RoleName="gateway", PolicyName="inline", PolicyDocument=policy)
        return str(arn)

    def deploy(self, stage: str = "prod", **settings: Any) -> str:
        """Deploy the API; return the deployment's id."""
        return str(self.client.create_deployment(restApiId=self.id, stageName=stage, **settings)["id"])

    def patch(self, operation: str, *changes: Mapping[str, str], **names: str) -> Any:
        """Call an Update operation, such as ``update_stage``."""
        return getattr(self.client, operation)(restApiId=self.id, patchOperations=list(changes), **names)

    def url(self, path: str = "/", stage: str = "prod") -> str:
        """Return the address of a path in a stage."""
        return f"{self.aws.endpoint}/_aws/execute-api/{self.id}/{stage}{path}"

    def ask(
        self, path: str = "/", method: str = "GET", body: bytes | None = None, stage: str = "prod", **headers: str
    ) -> Page:
        """Send a request; a header is given as ``content_type="text/plain"``."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return self.aws.http(self.url(path, stage), method, body, named)


def change(op: str, path: str, value: str = "") -> dict[str, str]:
    """Return a patch operation."""
    return {"op": op, "path": path, **({"value": value} if value else {})}
