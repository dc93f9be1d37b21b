"""What API Gateway promises about mock integrations, gateway responses and CORS."""

from __future__ import annotations

import json

from tests.contract.rest_api import OK, Api
from tests.contract.subjects import Subject, promise

MOCK = "API Gateway Developer Guide, Mock integrations for REST APIs in API Gateway"
RESPONSES = "API Gateway Developer Guide, Gateway responses for REST APIs in API Gateway"
CORS = "API Gateway Developer Guide, CORS for REST APIs in API Gateway"
OVERRIDE = "API Gateway Developer Guide, Override your API's request and response parameters and status codes"


@promise(MOCK, "the statusCode that the request template gives chooses the integration response")
def test_mock(aws: Subject) -> None:
    api = Api(aws)
    template = "{\"statusCode\": #if($input.params('n') == 'bad') 400 #else 200 #end}"
    api.method("/{n}", "GET", {"type": "MOCK", "requestTemplates": {"application/json": template}})
    api.respond("/{n}", "GET", "200", responseTemplates={"application/json": '{"ok": true}'})
    api.respond("/{n}", "GET", "400", selectionPattern="400", responseTemplates={"application/json": '{"ok": false}'})
    api.deploy()
    assert [(page.status, page.json()) for page in (api.ask("/good"), api.ask("/bad"))] == [
        (200, {"ok": True}),
        (400, {"ok": False}),
    ]


@promise(MOCK, "a mock without a statusCode is a 500")
def test_mock_without_status(aws: Subject) -> None:
    api = Api(aws)
    api.method("/", "GET", {"type": "MOCK", "requestTemplates": {"application/json": "{}"}})
    api.respond("/", "GET")
    api.deploy()
    assert (api.ask().status, api.ask().json()) == (500, {"message": "Internal server error"})


@promise(MOCK, "the template for the type that the client accepts makes the body, by default the JSON one")
def test_accept(aws: Subject) -> None:
    api = Api(aws)
    api.method("/", "GET", {"type": "MOCK", "requestTemplates": OK})
    api.respond("/", "GET", responseTemplates={"application/xml": "<a/>", "application/json": "{}"})
    api.deploy()
    for accept, expected in (("application/xml", "application/xml"), ("text/html", "application/json")):
        assert api.ask(accept=accept).headers["Content-Type"] == expected


@promise(OVERRIDE, "a response template overrides the status and headers")
def test_override(aws: Subject) -> None:
    api = Api(aws)
    api.mock(
        "/", body='#set($context.responseOverride.status = 404)#set($context.responseOverride.header.X-Why = "gone"){}'
    )
    api.deploy()
    assert (api.ask().status, api.ask().headers["X-Why"]) == (404, "gone")


@promise(RESPONSES, "a gateway response takes a status, headers and a template of the API's own, once deployed")
def test_gateway_response(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/")
    api.deploy()
    template = '{"a": "$a", "type": "$context.error.responseType", "was": $context.error.messageString}'
    api.client.put_gateway_response(
        restApiId=api.id,
        responseType="MISSING_AUTHENTICATION_TOKEN",
        statusCode="404",
        responseParameters={
            "gatewayresponse.header.X-Path": "context.path",
            "gatewayresponse.header.X-Asked": "method.request.header.X-Shop",
            "gatewayresponse.header.X-Fixed": "'yes'",
        },
        responseTemplates={"application/json": template},
    )
    assert api.ask("/nowhere").status == 403
    api.deploy()
    page = api.ask("/nowhere", x_shop="Bakery")
    assert (page.status, page.json()) == (
        404,
        {"type": "MISSING_AUTHENTICATION_TOKEN", "was": "Missing Authentication Token", "a": "$a"},
    )
    assert [page.headers[name] for name in ("X-Path", "X-Asked", "X-Fixed")] == ["/prod/nowhere", "Bakery", "yes"]


@promise(RESPONSES, "DEFAULT_4XX and DEFAULT_5XX are for all types without a gateway response of their own")
def test_defaults(aws: Subject) -> None:
    api = Api(aws)
    api.method("/", "GET", {"type": "MOCK", "requestTemplates": {"application/json": "{}"}})
    for kind, status in (("DEFAULT_4XX", "418"), ("DEFAULT_5XX", "599")):
        header = {"gatewayresponse.header.X-Kind": f"'{kind}'"}
        api.client.put_gateway_response(
            restApiId=api.id, responseType=kind, statusCode=status, responseParameters=header
        )
    api.deploy()
    pages = api.ask("/nowhere"), api.ask("/")
    assert [(page.status, page.headers["X-Kind"]) for page in pages] == [(418, "DEFAULT_4XX"), (599, "DEFAULT_5XX")]
    assert json.loads(pages[0].body) == {"message": "Missing Authentication Token"}


@promise(CORS, "a preflight request is a mock's OPTIONS; the headers of refusals are gateway responses'")
def test_cors(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/todos")
    origin = {"method.response.header.Access-Control-Allow-Origin": "'https://shop.example'"}
    api.method("/todos", "OPTIONS", {"type": "MOCK", "requestTemplates": OK})
    methods = {"method.response.header.Access-Control-Allow-Methods": "'GET,OPTIONS'"}
    api.respond("/todos", "OPTIONS", responseParameters={**origin, **methods})
    api.respond("/todos", "GET", responseParameters=origin)
    refusal = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
    api.client.put_gateway_response(restApiId=api.id, responseType="DEFAULT_4XX", responseParameters=refusal)
    api.deploy()
    preflight = api.ask("/todos", "OPTIONS", origin="https://shop.example")
    assert (preflight.status, preflight.headers["Access-Control-Allow-Methods"]) == (200, "GET,OPTIONS")
    for page in (preflight, api.ask("/todos")):
        assert page.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert api.ask("/nowhere").headers["Access-Control-Allow-Origin"] == "*"
