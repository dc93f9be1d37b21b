"""What Lambda promises about function URLs."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.contract.subjects import RETURN_THE_EVENT, Subject, promise

URLS = "Lambda Developer Guide, Invoking Lambda function URLs"
ACCESS = "Lambda Developer Guide, Control access to Lambda function URLs"


def open_url(aws: Subject, source: str, **config: Any) -> str:
    """Create a function with a URL that everyone may call; return the URL."""
    client = aws.function(source)
    let_everyone(client)
    return str(client.create_function_url_config(FunctionName="f", AuthType="NONE", **config)["FunctionUrl"])


def let_everyone(client: Any, *, invoke: bool = True) -> None:
    """Allow everyone to call the URL of the function and, through it, the function."""
    everyone = {"FunctionName": "f", "Principal": "*"}
    client.add_permission(StatementId="url", Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE", **everyone)
    if invoke:
        client.add_permission(StatementId="f", Action="lambda:InvokeFunction", InvokedViaFunctionUrl=True, **everyone)


@promise(URLS, "a request becomes an event in payload format 2.0")
def test_event(aws: Subject) -> None:
    url = open_url(aws, RETURN_THE_EVENT)
    headers = {"X-Shop": "Bakery", "Cookie": "a=1; b=2", "User-Agent": "test"}
    event = aws.http(url + "till/7%20?item=bread&item=cake&paid=", headers=headers).json()
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/till/7 ")
    assert event["rawQueryString"] == "item=bread&item=cake&paid="
    assert event["queryStringParameters"] == {"item": "bread,cake", "paid": ""}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["x-shop"] == "Bakery" and "cookie" not in event["headers"]
    assert event["isBase64Encoded"] is False and "body" not in event
    context = event["requestContext"]
    http = context["http"]
    assert (http["method"], http["path"], http["userAgent"]) == ("GET", "/till/7 ", "test")
    assert context["stage"] == "$default" and context["domainName"].startswith(context["apiId"])


@promise(URLS, "a text body comes as it is, a binary one in base64")
def test_body(aws: Subject) -> None:
    url = open_url(aws, RETURN_THE_EVENT)
    text = aws.http(url, "POST", b'{"a": 1}', {"Content-Type": "application/json"}).json()
    assert (text["body"], text["isBase64Encoded"], text["requestContext"]["http"]["method"]) == (
        '{"a": 1}',
        False,
        "POST",
    )
    binary = aws.http(url, "POST", b"\x89PNG\xff", {"Content-Type": "image/png"}).json()
    assert (base64.b64decode(binary["body"]), binary["isBase64Encoded"]) == (b"\x89PNG\xff", True)


@promise(URLS, "without a statusCode the whole result is the body: 200, application/json")
@pytest.mark.parametrize(("result", "body"), [({"sold": 3}, b'{"sold": 3}'), ("sold", b"sold"), ([1], b"[1]")])
def test_inferred(aws: Subject, result: Any, body: bytes) -> None:
    page = aws.http(open_url(aws, f"def handler(event, context): return {result!r}"))
    assert (page.status, page.headers["Content-Type"], page.body) == (200, "application/json", body)


@promise(URLS, "a result with statusCode, headers, cookies and body becomes that response")
def test_response(aws: Subject) -> None:
    result = {"statusCode": 418, "headers": {"Content-Type": "text/plain", "X-Tea": "yes"}, "cookies": ["a=1", "b=2"]}
    page = aws.http(open_url(aws, f"def handler(event, context): return {result | {'body': 'short and stout'}!r}"))
    assert (page.status, page.body) == (418, b"short and stout")
    assert (page.headers["Content-Type"], page.headers["X-Tea"]) == ("text/plain", "yes")
    assert page.headers.get_all("Set-Cookie") == ["a=1", "b=2"]  # type: ignore[attr-defined]


@promise(URLS, "a body in base64 is sent as the bytes that it means")
def test_binary_response(aws: Subject) -> None:
    picture = base64.b64encode(b"\x89PNG\xff").decode()
    result = {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "body": picture, "isBase64Encoded": True}
    page = aws.http(open_url(aws, f"def handler(event, context): return {result!r}"))
    assert (page.body, page.headers["Content-Type"]) == (b"\x89PNG\xff", "image/png")


@promise(URLS, "a function that fails, or whose result cannot be read, is a 502")
@pytest.mark.parametrize(
    "result", ["1 / 0", "{'statusCode': 'soon', 'body': 'x'}", "{'statusCode': 200, 'headers': 7}"]
)
def test_malformed(aws: Subject, result: str) -> None:
    page = aws.http(open_url(aws, f"def handler(event, context): return {result}"))
    assert page.status == 502


@promise(ACCESS, "AuthType NONE still needs a resource policy that lets everyone call the URL: 403 without")
def test_no_permission(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    url = client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    page = aws.http(url)
    assert page.status == 403
    assert page.json()["Message"].startswith("Forbidden")
    let_everyone(client)
    assert aws.http(url).status == 200


@promise(ACCESS, "a URL needs both lambda:InvokeFunctionUrl and lambda:InvokeFunction")
def test_both_permissions(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    url = client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    let_everyone(client, invoke=False)
    assert aws.http(url).status == 403
    client.add_permission(
        FunctionName="f", StatementId="f", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True
    )
    assert aws.http(url).status == 200


@promise(ACCESS, "AuthType AWS_IAM wants a request that is signed")
def test_signed(aws: Subject) -> None:
    client = aws.function(RETURN_THE_EVENT)
    url = client.create_function_url_config(FunctionName="f", AuthType="AWS_IAM")["FunctionUrl"]
    assert aws.http(url).status == 403
    signed = aws.signed(url)
    assert aws.http(url, headers=signed).status == 200
    assert aws.http(url + "other", headers=signed).status == 403


@promise(URLS, "with CORS a browser's preflight is answered without the function, and answers name the origin")
def test_cors(aws: Subject) -> None:
    cors = {"AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET"], "AllowHeaders": ["x-till"], "MaxAge": 60}
    url = open_url(aws, "def handler(event, context): return 'sold'", Cors=cors)
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    preflight = aws.http(url, "OPTIONS", headers=asked)
    assert (preflight.status, preflight.body) == (200, b"")
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET"
    assert preflight.headers["Access-Control-Allow-Headers"] == "x-till"
    assert preflight.headers["Access-Control-Max-Age"] == "60"
    assert aws.http(url, headers=asked).headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "Access-Control-Allow-Origin" not in aws.http(url, headers={"Origin": "https://other.example"}).headers
