"""The rowing club as you find it: an API with every door open, a warden with keys, partners with badges.

``club.open_club()`` makes what there is. Read this file if you like; no answer is in it.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from helpers.teaching import api_address, package

API, FUNCTION, GUARD, WARDEN, PARTNERS, POOL = (
    "rowing-club", "club-api", "club-guard", "club-warden", "club-partners", "club-members",
)  # fmt: skip
GRACE = {"name": "grace", "password": "Eight-Oars-1922", "email": "grace@example.com"}
BADGES = {"good": "regatta-7", "returned": "heron-2", "unknown": "fox-9"}
DOORS = {
    "tides": ["GET"],
    "boathouse": ["GET", "DELETE"],
    "members": ["GET"],
    "results": ["GET"],
    "times": ["GET"],
    "debug": ["GET"],
}

SOURCE = """
import json

PAGES = {
    "/tides": "High water at 06:12 and 18:40.",
    "/boathouse": "Locker 4 holds the key of the launch.",
    "/members": "Grace 0171-22, Henry 0171-39, Ida 0171-51",
    "/results": "Eights: 1. Heron, 2. Blue Oar",
    "/times": "Blue Oar 6:04.2, Heron 6:03.9",
    "/debug": "Grace 0171-22, Henry 0171-39, Ida 0171-51; launch key in locker 4",
}

def handler(event, context):
    asked = event["requestContext"]
    caller = asked.get("authorizer") or asked["identity"]["userArn"]
    return {"statusCode": 200, "body": json.dumps({"page": PAGES[event["path"]], "caller": caller})}
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_state: dict[str, Any] = {}


def open_club() -> None:
    """Make what the club has before you come: run it once, right after ``cloud.start``."""
    iam, dynamodb = boto3.client("iam"), boto3.resource("dynamodb")
    role = iam.create_role(RoleName="club-role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    _state["role"] = role
    iam.create_user(UserName=WARDEN)
    key = iam.create_access_key(UserName=WARDEN)["AccessKey"]
    _state["warden"] = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    table = dynamodb.create_table(
        TableName=PARTNERS,
        KeySchema=[{"AttributeName": "badge", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "badge", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table.put_item(Item={"badge": BADGES["good"], "partner": "Regatta office", "active": True})
    table.put_item(Item={"badge": BADGES["returned"], "partner": "Heron Rowing", "active": False})
    _open_doors(function(FUNCTION, SOURCE, permitted=True))
    print(f"The club is open, and so are all the doors of its API: {', '.join(DOORS)}.")


def function(name: str, source: str, permitted: bool = False) -> str:
    """Create a function and return its ARN; ``permitted`` lets API Gateway call it."""
    lambda_ = boto3.client("lambda")
    arn = lambda_.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=_state["role"],
        Handler="app.handler",
        Code={"ZipFile": package({"app.py": source})},
    )["FunctionArn"]
    if permitted:
        permit(name)
    return str(arn)


def permit(name: str) -> None:
    """Let API Gateway call a function."""
    boto3.client("lambda").add_permission(
        FunctionName=name,
        StatementId="from-the-api",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )


def uri(arn: str) -> str:
    """Return the URI by which API Gateway calls a function."""
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"


def _open_doors(backend: str) -> None:
    api = boto3.client("apigateway")
    made = api.create_rest_api(name=API)["id"]
    root = api.get_resources(restApiId=made)["items"][0]["id"]
    for path, methods in DOORS.items():
        resource = api.create_resource(restApiId=made, parentId=root, pathPart=path)["id"]
        for method in methods:
            place = {"restApiId": made, "resourceId": resource, "httpMethod": method}
            api.put_method(**place, authorizationType="NONE")
            api.put_integration(**place, type="AWS_PROXY", integrationHttpMethod="POST", uri=uri(backend))
    _state["api"] = made
    api.create_deployment(restApiId=made, stageName="prod")


def api_id() -> str:
    """Return the id of the club's API."""
    return str(_state["api"])


def api_arn() -> str:
    """Return the beginning of the ARNs of its methods; ``/prod/GET/tides`` and the like follow."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    return f"arn:aws:execute-api:us-east-1:{account}:{api_id()}"


def resource_id(path: str) -> str | None:
    """Return the id of a path's resource, or None when it has none."""
    resources = boto3.client("apigateway").get_resources(restApiId=api_id())["items"]
    return next((each["id"] for each in resources if each["path"] == f"/{path}"), None)


def address(path: str) -> str:
    """Return the address of a path in the stage prod."""
    return api_address(api_id(), "prod", f"/{path}")


def call(path: str, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, str]:
    """Call a path over HTTP; return the status and the body."""
    request = urllib.request.Request(address(path), headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def warden(path: str, method: str = "GET") -> tuple[int, str]:
    """Let the warden call a path, signed with the warden's key; return the status and the body."""
    request = AWSRequest(method, address(path))
    SigV4Auth(_state["warden"], "execute-api", "us-east-1").add_auth(request)
    return call(path, dict(request.headers.items()), method)


def walk() -> None:
    """Try every door with empty hands, and print what happens."""
    for path, methods in DOORS.items():
        for method in methods:
            status, body = call(path, method=method)
            print(f"{method:6} /{path:10} {status}  {body}")
