"""What the tests of who may call an API share: an API of a few methods, and callers who sign."""

from __future__ import annotations

import json
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.contract.pushed import allow
from tests.contract.subjects import Page, Subject

SHOW = """
import json
def handler(event, context):
    print("event", json.dumps(event))
    return {"statusCode": 200, "body": json.dumps(event["requestContext"])}
"""


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(resource: str | list[str], effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """Return a statement about invoking a method."""
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource, **more}


class Club:
    """A REST API with a stage ``prod``; its methods answer by a mock, or show the event's request context."""

    def __init__(self, aws: Subject, **settings: Any) -> None:
        self.aws, self.client = aws, aws.client("apigateway")
        self.id = self.client.create_rest_api(name="club", **settings)["id"]
        self._root = self.client.get_resources(restApiId=self.id)["items"][0]["id"]
        self.arn = f"arn:aws:execute-api:us-east-1:123456789012:{self.id}"
        self.base = f"{aws.endpoint}/_aws/execute-api/{self.id}/prod/"

    def method(self, path: str, kind: str = "NONE", function: str = "", http: str = "GET", **settings: Any) -> None:
        """Add a method; ``function`` is the name of the one that answers, else a mock does."""
        resource = self.client.create_resource(restApiId=self.id, parentId=self._root, pathPart=path)["id"]
        place = {"restApiId": self.id, "resourceId": resource, "httpMethod": http}
        self.client.put_method(**place, authorizationType=kind, **settings)
        if function:
            self.client.put_integration(**place, type="AWS_PROXY", integrationHttpMethod="POST", uri=self.uri(function))
            return
        self.client.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        self.client.put_method_response(**place, statusCode="200")
        self.client.put_integration_response(
            **place, statusCode="200", responseTemplates={"application/json": '"welcome"'}
        )

    def uri(self, function: str) -> str:
        """Return the URI by which API Gateway calls a function."""
        arn = f"arn:aws:lambda:us-east-1:123456789012:function:{function}"
        return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"

    def authorizer(self, source: str = "", permitted: bool = True, **settings: Any) -> str:
        """Add an authorizer, with a function of its own when its source is given; return its id."""
        if source:
            self.aws.function(source, "guard")
            settings = {"type": "TOKEN", "identitySource": "method.request.header.Authorization"} | settings
            settings["authorizerUri"] = self.uri("guard")
            if permitted:
                allow(self.aws, "apigateway", name="guard")
        return str(self.client.create_authorizer(restApiId=self.id, name="guard", **settings)["id"])

    def show(self, path: str, kind: str = "NONE", **settings: Any) -> None:
        """Add a method that answers the request context of its event, and deploy."""
        self.aws.function(SHOW)
        allow(self.aws, "apigateway")
        self.method(path, kind, "f", **settings)
        self.deploy()

    def deploy(self) -> None:
        """Deploy to ``prod``."""
        self.client.create_deployment(restApiId=self.id, stageName="prod")

    def get(self, path: str, token: str = "", headers: dict[str, str] | None = None) -> Page:
        """Ask for a path, with a token in the Authorization header."""
        return self.aws.http(
            self.base + path, headers={**({"Authorization": token} if token else {}), **(headers or {})}
        )

    def refused(self, page: Page) -> tuple[int, str]:
        """Return the status and the message of an answer."""
        said = page.json()
        return page.status, said.get("message") or said.get("Message")

    def sign(
        self, path: str, key: Credentials, service: str = "execute-api", region: str = "us-east-1", **more: Any
    ) -> dict[str, str]:
        """Return the headers that sign a GET of a path."""
        request = AWSRequest(more.pop("method", "GET"), self.base + path, **more)
        SigV4Auth(key, service, region).add_auth(request)
        return dict(request.headers.items())

    def user(self, name: str, document: str = "") -> Credentials:
        """Make an IAM user with a policy; return the user's key."""
        iam = self.aws.client("iam")
        iam.create_user(UserName=name)
        if document:
            iam.put_user_policy(UserName=name, PolicyName="call", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])
