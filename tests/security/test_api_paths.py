"""However a path is spelt, the policies of an API see the same one: a deny cannot be walked around."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*"},
        {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*/GET/secret"},
        {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*/GET/b/secret"},
    ],
}
SPELLINGS = ["secret", "secret/", "/secret", "//secret//", "%73ecret", "s%65cret?x=1", "secret?", "secret/?/../open"]


@pytest.fixture
def base(running: Any) -> str:
    """The address of an API with ``GET /open``, ``/secret`` and ``/b/{name}``."""
    api = boto3.client("apigateway")
    made = api.create_rest_api(name="club", policy=json.dumps(POLICY))["id"]
    root = api.get_resources(restApiId=made)["items"][0]["id"]
    parent = api.create_resource(restApiId=made, parentId=root, pathPart="b")["id"]
    for above, part in ((root, "open"), (root, "secret"), (parent, "{name}")):
        resource = api.create_resource(restApiId=made, parentId=above, pathPart=part)["id"]
        place = {"restApiId": made, "resourceId": resource, "httpMethod": "GET"}
        api.put_method(**place, authorizationType="NONE")
        api.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
        api.put_method_response(**place, statusCode="200")
        api.put_integration_response(**place, statusCode="200")
    api.create_deployment(restApiId=made, stageName="prod")
    return f"{running.endpoint}/_aws/execute-api/{made}/prod/"


def status(address: str) -> int:
    """Return the status of a GET."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_no_spelling_passes_a_deny(base: str) -> None:
    assert status(base + "open") == 200 and status(base + "b/open") == 200
    for spelling in SPELLINGS:
        assert status(base + spelling) == 403, spelling
        assert status(base + "b/" + spelling.lstrip("/")) == 403, spelling


@pytest.mark.parametrize("kind", ["JWT", "aws_iam", "CUSTOM", "COGNITO_USER_POOLS"])
def test_a_lock_that_is_not_known_or_not_complete_does_not_open(running: Any, kind: str) -> None:
    api = boto3.client("apigateway")
    made = api.create_rest_api(name="club")["id"]
    root = api.get_resources(restApiId=made)["items"][0]["id"]
    place = {"restApiId": made, "resourceId": root, "httpMethod": "GET"}
    api.put_method(**place, authorizationType=kind)
    api.put_integration(**place, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'})
    api.put_method_response(**place, statusCode="200")
    api.put_integration_response(**place, statusCode="200")
    api.create_deployment(restApiId=made, stageName="prod")
    assert status(f"{running.endpoint}/_aws/execute-api/{made}/prod/") >= 500
