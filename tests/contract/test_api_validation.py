"""What API Gateway promises about validating requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.imported import JSON, Imported, mock
from tests.contract.subjects import Subject, promise

VALIDATION = "API Gateway Developer Guide, Request validation for REST APIs in API Gateway"
SET_UP = "API Gateway Developer Guide, Set up basic request validation in API Gateway"
MODELS = "API Gateway Developer Guide, Data models for REST APIs"
RESPONSES = "API Gateway Developer Guide, Gateway response types for API Gateway"
PET = {
    "type": "object",
    "required": ["type", "price"],
    "properties": {
        "type": {"type": "string", "enum": ["dog", "cat", "fish"]},
        "price": {"type": "number", "minimum": 25, "maximum": 500},
    },
}
GOOD, BIRD = '{"type": "dog", "price": 260}', '{"type": "bird", "price": 269}'
EXTENSION = "x-amazon-apigateway-"
INVALID = {"message": "Invalid request body"}
VALIDATORS = {
    "all": {"validateRequestBody": True, "validateRequestParameters": True},
    "params-only": {"validateRequestBody": False, "validateRequestParameters": True},
}


def shop(aws: Subject, validator: str = "all", media: str = "application/json", **more: Any) -> Imported:
    """Return AWS's example: GET needs the query parameter q1, POST the header h1 and a body that is a pet."""
    get = mock("[]", parameters=[{"name": "q1", "in": "query", "required": True, "schema": {"type": "string"}}])
    post = mock(
        "{}",
        parameters=[{"name": "h1", "in": "header", "required": True, "schema": {"type": "string"}}],
        requestBody={"content": {media: {"schema": {"$ref": "#/components/schemas/Pet"}}}},
    )
    return Imported(
        aws, {"/validation": {"get": get, "post": post}}, components={"schemas": {"Pet": PET}},
        **{f"{EXTENSION}request-validators": VALIDATORS, f"{EXTENSION}request-validator": validator}, **more,
    )  # fmt: skip


@promise(SET_UP, "a required parameter that is missing or blank is a 400 that names it")
def test_parameters(aws: Subject) -> None:
    api = shop(aws)
    assert api.ask("/validation?q1=cat").status == 200
    for path in ("/validation", "/validation?q1=", "/validation?q2=cat"):
        page = api.ask(path)
        assert (page.status, page.json()) == (400, {"message": "Missing required request parameters: [q1]"})
    page = api.ask("/validation", "POST", GOOD, **JSON)
    assert (page.status, page.json()) == (400, {"message": "Missing required request parameters: [h1]"})
    assert api.ask("/validation", "POST", GOOD, h1="v1", **JSON).status == 200


@promise(SET_UP, "a body that does not fit the model is a 400")
@pytest.mark.parametrize(
    "body", [BIRD, '{"type": "dog", "price": 501}', '{"type": "dog"}', "[]", "no JSON", '{"type": "dog", "price": "9"}']
)
def test_body(aws: Subject, body: str) -> None:
    page = shop(aws).ask("/validation", "POST", body, h1="v1", **JSON)
    assert (page.status, page.json(), page.headers["x-amzn-ErrorType"]) == (400, INVALID, "BadRequestException")


@promise(SET_UP, "a validator of parameters alone lets any body pass")
def test_parameters_only(aws: Subject) -> None:
    api = shop(aws, "params-only")
    assert api.ask("/validation", "POST", BIRD, h1="v1", **JSON).status == 200
    assert api.ask("/validation", "POST", BIRD, **JSON).status == 400


@promise(VALIDATION, "a Content-Type without a model is not validated; $default is for all types")
def test_content_types(aws: Subject) -> None:
    given = {"h1": "v1", "Content_Type": "application/x-www-form-urlencoded"}
    # a MOCK without a template for the type cannot answer: what counts is who refuses
    assert shop(aws).ask("/validation", "POST", BIRD, **given).status != 400
    assert shop(aws, media="$default").ask("/validation", "POST", BIRD, **given).status == 400


@promise(MODELS, "a model may refer to another model of the API")
def test_reference(aws: Subject) -> None:
    client = aws.client("apigateway")
    api = client.create_rest_api(name="shop")
    pets = {"type": "array", "items": {"$ref": f"https://apigateway.amazonaws.com/restapis/{api['id']}/models/Pet"}}
    for name, schema in {"Pet": PET, "Pets": pets}.items():
        given = {"name": name, "contentType": "application/json", "schema": json.dumps(schema)}
        client.create_model(restApiId=api["id"], **given)
    validator = client.create_request_validator(restApiId=api["id"], name="body", validateRequestBody=True)["id"]
    method = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "POST"}
    models = {"application/json": "Pets"}
    client.put_method(authorizationType="NONE", requestModels=models, requestValidatorId=validator, **method)
    client.put_integration(type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}, **method)
    client.put_method_response(statusCode="200", **method)
    client.put_integration_response(statusCode="200", **method)
    client.create_deployment(restApiId=api["id"], stageName="prod")
    url = f"{aws.endpoint}/_aws/execute-api/{api['id']}/prod/"
    assert aws.http(url, "POST", f"[{GOOD}]".encode(), JSON).status == 200
    assert aws.http(url, "POST", f"[{GOOD}, {BIRD}]".encode(), JSON).status == 400


@promise(RESPONSES, "BAD_REQUEST_BODY may tell the client why: $context.error.validationErrorString")
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{}", '[object has missing required properties (["price","type"])]'),
        ("no JSON", "[Unknown error parsing request body]"),
    ],
)
def test_reason(aws: Subject, body: str, why: str) -> None:
    template = '{"message": $context.error.messageString, "why": "$context.error.validationErrorString"}'
    override = {"BAD_REQUEST_BODY": {"statusCode": 422, "responseTemplates": {"application/json": template}}}
    api = shop(aws, **{"x-amazon-apigateway-gateway-responses": override})
    page = api.ask("/validation", "POST", body, h1="v1", **JSON)
    assert (page.status, page.json()) == (422, {"message": "Invalid request body", "why": why})
