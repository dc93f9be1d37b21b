"""What HTTP and WebSocket APIs have on AWS and not here is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from helpers import cloud


@pytest.fixture(scope="module")
def ids() -> Iterator[dict[str, str]]:
    """The ids of an API of each kind."""
    cloud.start()
    client = boto3.client("apigatewayv2")
    http = client.create_api(Name="h", ProtocolType="HTTP")["ApiId"]
    websocket = client.create_api(Name="w", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")
    yield {"HTTP": http, "WEBSOCKET": websocket["ApiId"]}
    cloud.stop()


@pytest.mark.parametrize(
    ("kind", "operation", "parameters"),
    [
        ("HTTP", "create_route", {"RouteKey": "GET /", "AuthorizationType": "AWS_IAM"}),
        ("WEBSOCKET", "create_route", {"RouteKey": "$connect", "AuthorizationType": "AWS_IAM"}),
        ("WEBSOCKET", "create_route", {"RouteKey": "$connect", "ApiKeyRequired": True}),
        ("WEBSOCKET", "create_integration", {"IntegrationType": "MOCK"}),
        ("HTTP", "create_integration", {"IntegrationType": "AWS_PROXY", "IntegrationSubtype": "SQS-SendMessage"}),
        ("HTTP", "create_stage", {"StageName": "a", "DefaultRouteSettings": {"ThrottlingBurstLimit": 1}}),
        (
            "HTTP",
            "create_authorizer",
            {"AuthorizerType": "REQUEST", "Name": "a", "IdentitySource": ["$request.header.a"]},
        ),
        ("", "create_api", {"Name": "a", "ProtocolType": "HTTP", "Target": "arn:aws:lambda:us-east-1:1:function:f"}),
        (
            "",
            "create_api",
            {"Name": "a", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.a[0]"},
        ),
    ],
)
def test_refused(ids: dict[str, str], kind: str, operation: str, parameters: dict[str, Any]) -> None:
    named = {"ApiId": ids[kind]} if kind else {}
    with pytest.raises(ClientError) as refusal:
        getattr(boto3.client("apigatewayv2"), operation)(**named, **parameters)
    assert refusal.value.response["Error"]["Code"] == "NotImplementedException"
    assert "not built in this local cloud; AWS has it" in refusal.value.response["Error"]["Message"]
