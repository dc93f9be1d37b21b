"""What is not built says so: no silence, no false success."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.teaching import api_address

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:moto")


@pytest.fixture(scope="module")
def gateway() -> Iterator[Any]:
    cloud.start()
    yield boto3.client("apigateway")
    cloud.stop()


def test_conversions_and_streaming_are_refused(gateway: Any) -> None:
    place = method(gateway)
    for more in ({"contentHandling": "CONVERT_TO_BINARY"}, {"responseTransferMode": "STREAM"}):
        with pytest.raises(ClientError, match="not built in this local cloud"):
            gateway.put_integration(**place, type="MOCK", **more)


def test_a_vpc_link_answers_501(gateway: Any) -> None:
    place = method(gateway)
    link = {"connectionType": "VPC_LINK", "connectionId": "abc", "uri": "http://127.0.0.1:1/"}
    gateway.put_integration(**place, type="HTTP_PROXY", integrationHttpMethod="GET", **link)
    gateway.create_deployment(restApiId=place["restApiId"], stageName="prod")
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(api_address(place["restApiId"], "prod", "/"), timeout=10)
    assert answer.value.code == 501
    assert "a VPC link is not built" in json.loads(answer.value.read())["message"]


def test_an_operation_that_nobody_answers(gateway: Any) -> None:
    place = method(gateway)
    with pytest.raises(ClientError, match="apigateway TestInvokeMethod is not built in this local cloud"):
        gateway.test_invoke_method(**place)


def method(gateway: Any) -> dict[str, str]:
    """Make an API with a method; return the parameters that name it."""
    api = gateway.create_rest_api(name="todos")["id"]
    place = {
        "restApiId": api,
        "resourceId": gateway.get_resources(restApiId=api)["items"][0]["id"],
        "httpMethod": "GET",
    }
    gateway.put_method(**place, authorizationType="NONE")
    return place
