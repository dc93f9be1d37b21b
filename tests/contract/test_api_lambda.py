"""What API Gateway promises about Lambda functions behind REST APIs."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.contract.rest_api import Api
from tests.contract.subjects import RETURN_THE_EVENT, Subject, promise

PROXY = "API Gateway Developer Guide, Lambda proxy integrations in API Gateway"
CUSTOM = "API Gateway Developer Guide, Set up Lambda custom integrations in API Gateway"
ERRORS = "API Gateway Developer Guide, Handle Lambda errors in API Gateway"
BINARY = "API Gateway Developer Guide, Return binary media from a Lambda proxy integration in API Gateway"
PERMISSIONS = "API Gateway Developer Guide, Permissions to invoke an API's Lambda function"
QUOTAS = "API Gateway Developer Guide, API Gateway quotas for REST APIs"
THROTTLE = "AWS re:Post, How do I troubleshoot issues for API Gateway endpoints that integrate with Lambda?"
ASYNC = "API Gateway Developer Guide, Set up asynchronous invocation of the backend Lambda function"
ECHO = "import json\ndef handler(event, context): return {'statusCode': 200, 'body': json.dumps(event)}"
ERROR = {"message": "Internal server error"}


def returning(result: str) -> str:
    return f"def handler(event, context): return {result}"


@promise(PROXY, "the function gets the request as an event in payload format 1.0")
def test_event(aws: Subject) -> None:
    api = Api(aws)
    api.function("/todos/{id}", ECHO, "ANY")
    api.deploy(variables={"colour": "red"})
    asked = "/todos/a%2Bb?tag=x&tag=y&empty=&text=a+b%21"
    event = api.ask(asked, "POST", b'{"title": "milk"}', content_type="application/json", x_shop="Bakery").json()
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/todos/{id}", "/todos/a%2Bb", "POST")
    assert event["pathParameters"] == {"id": "a%2Bb"}
    assert event["queryStringParameters"] == {"tag": "y", "empty": "", "text": "a b!"}
    assert event["multiValueQueryStringParameters"] == {"tag": ["x", "y"], "empty": [""], "text": ["a b!"]}
    assert (event["headers"]["X-Shop"], event["multiValueHeaders"]["X-Shop"]) == ("Bakery", ["Bakery"])
    assert "Content-Length" not in event["headers"] and event["headers"]["X-Forwarded-Proto"] == "https"
    assert (event["body"], event["isBase64Encoded"]) == ('{"title": "milk"}', False)
    assert event["stageVariables"] == {"colour": "red"}


@promise(PROXY, "requestContext says which API, stage, resource and request it is, and who asks")
def test_request_context(aws: Subject) -> None:
    api = Api(aws)
    api.function("/todos/{id}", ECHO, "ANY")
    deployment = api.deploy()
    context = api.ask("/todos/7", "PUT", user_agent="test").json()["requestContext"]
    assert {
        name: context[name] for name in ("apiId", "stage", "httpMethod", "resourcePath", "path", "deploymentId")
    } == {
        "apiId": api.id,
        "stage": "prod",
        "httpMethod": "PUT",
        "resourcePath": "/todos/{id}",
        "path": "/prod/todos/7",
        "deploymentId": deployment,
    }
    assert context["resourceId"] == api.resource("/todos/{id}")
    assert (context["accountId"], context["protocol"]) == ("123456789012", "HTTP/1.1")
    assert context["domainName"] == f"{api.id}.execute-api.us-east-1.amazonaws.com"
    assert context["requestTimeEpoch"] > 1_700_000_000_000 and context["requestId"] and context["extendedRequestId"]
    identity = context["identity"]
    assert (identity["sourceIp"], identity["userAgent"], identity["caller"]) == ("127.0.0.1", "test", None)
    assert "authorizer" not in context and "responseOverride" not in context


@promise(PROXY, "empty maps and an empty body come as null")
def test_null(aws: Subject) -> None:
    api = Api(aws)
    api.function("/", ECHO)
    api.deploy()
    event = api.ask().json()
    names = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body")
    assert {name: event[name] for name in names} == dict.fromkeys(names)
    assert event["path"] == "/"


@promise(PROXY, "a slash at the end stays in the path and goes from the proxy parameter")
def test_trailing_slash(aws: Subject) -> None:
    api = Api(aws)
    api.function("/{proxy+}", ECHO)
    api.deploy()
    event = api.ask("/a/b/").json()
    assert (event["path"], event["pathParameters"]) == ("/a/b/", {"proxy": "a/b"})


@promise(PROXY, "statusCode, headers, multiValueHeaders and body are the response; the two kinds of headers are merged")
def test_response(aws: Subject) -> None:
    result = {
        "statusCode": "201",
        "headers": {"X-One": "1", "X-Both": "a", "X-True": True},
        "multiValueHeaders": {"X-Both": ["b", "c"], "Set-Cookie": ["x=1", "y=2"]},
        "body": "tea",
    }
    api = Api(aws)
    api.function("/", returning(repr(result)))
    api.deploy()
    page = api.ask()
    assert (page.status, page.body, page.headers["Content-Type"]) == (201, b"tea", "application/json")
    many: Any = page.headers
    assert sorted(many.get_all("X-Both")) == ["a", "b", "c"]
    assert many.get_all("Set-Cookie") == ["x=1", "y=2"]
    assert (page.headers["X-One"], page.headers["X-True"]) == ("1", "true")
    assert page.headers["x-amzn-RequestId"] and page.headers["x-amz-apigw-id"]


@promise(PROXY, "a result that is no such object is a 502, Internal server error")
def test_malformed(aws: Subject) -> None:
    api = Api(aws)
    results = (
        "'text'", "[1]", "None", "7", "{'status': 200}", "{'statusCode': 'soon'}", "{'statusCode': 99}",
        "{'body': {'a': 1}}", "{'headers': 7}", "{'multiValueHeaders': {'a': 'b'}}", "{'headers': {'a': ['b']}}",
    )  # fmt: skip
    choose = f"def handler(event, context): return [{', '.join(results)}][int(event['path'][1:])]"
    api.function("/{n}", choose)
    api.deploy()
    for number, result in enumerate(results):
        page = api.ask(f"/{number}")
        assert (page.status, page.json()) == (502, ERROR), result
        assert page.headers["x-amzn-ErrorType"] == "InternalServerErrorException"


@promise(PROXY, "a result without a statusCode, or without a body, is a 200 without content")
@pytest.mark.parametrize("result", ["{}", "{'statusCode': 200}", "{'headers': None, 'body': None}"])
def test_nothing(aws: Subject, result: str) -> None:
    api = Api(aws)
    api.function("/", returning(result))
    api.deploy()
    assert (api.ask().status, api.ask().body) == (200, b"")


@promise(ERRORS, "a function that fails is a 502, and says nothing of why")
@pytest.mark.parametrize(
    "source", [returning("1 / 0"), "import nothing_at_all", "import os\ndef handler(e, c): os._exit(1)"]
)
def test_function_error(aws: Subject, source: str) -> None:
    api = Api(aws)
    api.function("/", source)
    api.deploy()
    assert (api.ask().status, api.ask().json()) == (502, ERROR)


@promise(PERMISSIONS, "without a permission for this API the client gets a 500")
def test_permission(aws: Subject) -> None:
    api = Api(aws)
    client = aws.function(ECHO)
    api.calls("/todos/{id}", "GET", "f")
    api.deploy()
    assert (api.ask("/todos/7").status, api.ask("/todos/7").json()) == (500, ERROR)
    arn = f"arn:aws:execute-api:us-east-1:123456789012:{api.id}"
    rule = {"FunctionName": "f", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}
    client.add_permission(**rule, StatementId="other", SourceArn=f"{arn}/*/POST/todos/*")
    assert api.ask("/todos/7").status == 500
    client.add_permission(**rule, StatementId="this", SourceArn=f"{arn}/*/GET/todos/*")
    assert api.ask("/todos/7").status == 200


@promise(PERMISSIONS, "a role of the integration stands for the function's permission")
def test_credentials(aws: Subject) -> None:
    api = Api(aws)
    aws.function(ECHO)
    api.calls("/", "GET", "f", credentials=api.role("lambda:InvokeFunction"))
    api.deploy()
    assert api.ask().status == 200


@promise(PROXY, "a function that is not there, or is called by another method than POST, is a 500")
def test_misconfigured(aws: Subject) -> None:
    api = Api(aws)
    api.calls("/nobody", "GET", "nobody")
    api.function("/get", ECHO, integrationHttpMethod="GET")
    api.deploy()
    assert [(page.status, page.json()) for page in (api.ask("/nobody"), api.ask("/get"))] == [(500, ERROR)] * 2


@promise(THROTTLE, "a function that Lambda throttles is a 500")
def test_throttled(aws: Subject) -> None:
    api = Api(aws)
    client = api.function("/", ECHO)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    api.deploy()
    assert (api.ask().status, api.ask().json()) == (500, ERROR)


@promise(QUOTAS, "after timeoutInMillis the client gets a 504 while the function works on")
def test_timeout(aws: Subject) -> None:
    api = Api(aws)
    source = "import time\ndef handler(event, context):\n    time.sleep(2)\n    print('worked on')\n    return {}"
    api.function("/", source, timeoutInMillis=200)
    api.deploy()
    page = api.ask()
    assert (page.status, page.json()) == (504, {"message": "Endpoint request timed out"})
    assert aws.wait(lambda: any("worked on" in line for line in aws.logged()))


@promise(QUOTAS, "a payload of more than 10 MB is a 413")
def test_too_large(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/", "POST")
    api.deploy()
    page = api.ask("/", "POST", b" " * (10 * 1024 * 1024 + 1), content_type="text/plain")
    assert (page.status, page.body) == (413, b"HTTP content length exceeded 10485760 bytes.")


@promise(BINARY, "a body whose type is one of binaryMediaTypes comes in base64, any other as text")
def test_binary_request(aws: Subject) -> None:
    api = Api(aws, binaryMediaTypes=["image/png"])
    api.function("/", ECHO, "POST")
    api.deploy()
    event = api.ask("/", "POST", b"\x89PNG\xff", content_type="image/png").json()
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"\x89PNG\xff", True)
    event = api.ask("/", "POST", "käse".encode(), content_type="text/plain; charset=utf-8").json()
    assert (event["body"], event["isBase64Encoded"]) == ("käse", False)


@promise(BINARY, "a body in base64 is decoded if the type that the client accepts first is binary for the API")
def test_binary_response(aws: Subject) -> None:
    picture = base64.b64encode(b"\x89PNG\xff").decode()
    api = Api(aws, binaryMediaTypes=["image/png"])
    api.function("/", returning(repr({"body": picture, "isBase64Encoded": True})))
    api.deploy()
    assert api.ask(accept="image/png,*/*").body == b"\x89PNG\xff"
    assert api.ask(accept="text/html,image/png").body == picture.encode()


@promise(CUSTOM, "templates make the function's event from the request, and the response from its result")
def test_custom(aws: Subject) -> None:
    api = Api(aws)
    request = '{"who": "$input.params(\'name\')", "what": $input.json(\'$.item\'), "where": "$context.stage"}'
    api.function("/{name}", RETURN_THE_EVENT, "POST", type="AWS", requestTemplates={"application/json": request})
    api.respond(
        "/{name}", "POST",
        responseTemplates={"application/json": '{"sold": "$input.path(\'$.what\')", "all": $input.json(\'$\')}'},
        responseParameters={
            "method.response.header.X-Who": "integration.response.body.who",
            "method.response.header.X-Shop": "'Bakery'",
        },
    )  # fmt: skip
    api.deploy()
    page = api.ask("/ann", "POST", b'{"item": "bread"}', content_type="application/json")
    assert page.json() == {"sold": "bread", "all": {"who": "ann", "what": "bread", "where": "prod"}}
    assert (page.headers["X-Who"], page.headers["X-Shop"]) == ("ann", "Bakery")


@promise(ERRORS, "the error message of a function behind templates chooses the integration response")
def test_selection_patterns(aws: Subject) -> None:
    api = Api(aws)
    failure = "    raise ValueError('E' + str(event['n']) + ': no')"
    source = f"def handler(event, context):\n    if event['n'] == 0: return 'ok'\n{failure}"
    template = "{\"n\": $input.params('n')}"
    api.function("/{n}", source, type="AWS", requestTemplates={"application/json": template})
    api.respond("/{n}", "GET", "200")
    wrong = '{"error": "$input.path(\'$.errorMessage\')"}'
    api.respond("/{n}", "GET", "404", selectionPattern="E4.*", responseTemplates={"application/json": wrong})
    api.respond("/{n}", "GET", "500", selectionPattern="E5")
    api.deploy()
    pages = [api.ask(f"/{n}") for n in (0, 4, 5)]
    assert [page.status for page in pages] == [200, 404, 200]
    assert (pages[0].body, pages[1].json()) == (b'"ok"', {"error": "E4: no"})
    assert json.loads(pages[2].body)["errorMessage"] == "E5: no"


@promise(ASYNC, "with the mapped header X-Amz-Invocation-Type: 'Event' nobody waits for the function")
def test_asynchronous(aws: Subject) -> None:
    api = Api(aws)
    event = {"integration.request.header.X-Amz-Invocation-Type": "'Event'"}
    api.function(
        "/", "def handler(event, context): print('got', event['n'])", "POST", type="AWS", requestParameters=event
    )
    api.respond("/", "POST", "202")
    api.deploy()
    page = api.ask("/", "POST", b'{"n": 7}', content_type="application/json")
    assert (page.status, page.body) == (202, b"")
    assert aws.wait(lambda: any("got 7" in line for line in aws.logged()))
