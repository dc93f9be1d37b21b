"""What API Gateway promises about OpenAPI documents: import, update, export."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.contract.imported import INTEGRATION, Imported, document, mock
from tests.contract.subjects import Subject, promise, refused

OPENAPI = "API Gateway Developer Guide, Develop REST APIs using OpenAPI in API Gateway"
EXTENSIONS = "API Gateway Developer Guide, OpenAPI extensions for API Gateway"
UPDATE = "API Gateway Developer Guide, Use an OpenAPI definition to update an existing API in API Gateway"
ERRORS = "API Gateway Developer Guide, Errors and warnings from importing your API definition into API Gateway"
EXPORT = "API Gateway Developer Guide, Export a REST API from API Gateway"
MISSING = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Nope"}}}}
WARNING = "Parse issue: attribute paths.'/a'(get).responses.200.content.schema.#/components/schemas/Nope is missing"
ARN = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"


@promise(OPENAPI, "an OpenAPI 3.0 document becomes an API that answers")
def test_import(aws: Subject) -> None:
    api = Imported(
        aws, {"/books/{id}": {"get": mock("$input.params('id')"), "delete": mock("gone")}, "/": {"get": mock()}}
    )
    assert api.methods() == {"/": {"GET"}, "/books": set(), "/books/{id}": {"GET", "DELETE"}}
    assert api.client.get_rest_api(restApiId=api.id)["name"] == "library"
    assert api.rendered("/books/7") == "7" and api.rendered("/books/7", "DELETE") == "gone"


@promise(OPENAPI, "so does a Swagger 2.0 document, in YAML as well")
def test_import_swagger(aws: Subject) -> None:
    text = """
swagger: "2.0"
info: {title: library, version: 1.0}
consumes: [application/json]
paths:
  /books:
    post:
      parameters:
        - {name: book, in: body, schema: {$ref: "#/definitions/Book"}}
        - {name: till, in: header, required: true, type: string}
      responses:
        200: {description: fine, schema: {$ref: "#/definitions/Book"}, headers: {Location: {type: string}}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: 200, responseTemplates: {application/json: noted}}}
definitions:
  Book: {type: object, required: [title]}
"""
    client = aws.client("apigateway")
    made = client.import_rest_api(body=text)["id"]
    resource = next(one for one in client.get_resources(restApiId=made)["items"] if one["path"] == "/books")
    method = client.get_method(restApiId=made, resourceId=resource["id"], httpMethod="POST")
    assert method["requestModels"] == {"application/json": "Book"}
    assert method["requestParameters"] == {"method.request.header.till": True}
    assert method["methodResponses"]["200"]["responseParameters"] == {"method.response.header.Location": False}
    assert json.loads(client.get_model(restApiId=made, modelName="Book")["schema"])["required"] == ["title"]
    client.create_deployment(restApiId=made, stageName="prod")
    url = f"{aws.endpoint}/_aws/execute-api/{made}/prod/books"
    assert aws.http(url, "POST", b"{}", {"Content-Type": "application/json"}).body == b"noted"


@promise(OPENAPI, "endpointConfigurationTypes sets the endpoint; EDGE is the default")
def test_endpoint(aws: Subject) -> None:
    client, body = aws.client("apigateway"), json.dumps(document({"/": {"get": mock()}}))
    regional = client.import_rest_api(body=body, parameters={"endpointConfigurationTypes": "REGIONAL"})
    assert regional["endpointConfiguration"]["types"] == ["REGIONAL"]
    assert client.import_rest_api(body=body)["endpointConfiguration"]["types"] == ["EDGE"]


@promise(
    EXTENSIONS, "any-method, binary-media-types, policy, gateway-responses, and authorizers through security schemes"
)
def test_extensions(aws: Subject) -> None:
    aws.function("def handler(event, context): return {}")
    lambda_arn = aws.client("lambda").get_function_configuration(FunctionName="f")["FunctionArn"]
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "*"}]}  # fmt: skip
    header = {"type": "apiKey", "name": "Token", "in": "header"}
    authorizer = {"type": "token", "authorizerUri": ARN.format(lambda_arn), "authorizerResultTtlInSeconds": 60}
    more: dict[str, Any] = {
        "x-amazon-apigateway-binary-media-types": ["image/png"],
        "x-amazon-apigateway-policy": policy,
        "x-amazon-apigateway-gateway-responses": {"RESOURCE_NOT_FOUND": {"statusCode": 410}},
        "components": {
            "securitySchemes": {
                "members": header | {
                    "x-amazon-apigateway-authtype": "custom", "x-amazon-apigateway-authorizer": authorizer},
                "sigv4": header | {"name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"},
                "key": header | {"name": "x-api-key"},
            }
        },
    }  # fmt: skip
    paths = {
        "/": {"x-amazon-apigateway-any-method": mock(security=[{"members": []}])},
        "/signed": {"get": mock(security=[{"sigv4": []}, {"key": []}])},
    }
    api = Imported(aws, paths, **more)
    assert api.methods() == {"/": {"ANY"}, "/signed": {"GET"}}
    about = api.client.get_rest_api(restApiId=api.id)
    assert about["binaryMediaTypes"] == ["image/png"] and json.loads(about["policy"]) == policy
    known = api.client.get_gateway_response(restApiId=api.id, responseType="RESOURCE_NOT_FOUND")
    assert str(known["statusCode"]) == "410"
    (made,) = api.client.get_authorizers(restApiId=api.id)["items"]
    assert (made["type"], made["identitySource"], made["authorizerResultTtlInSeconds"]) == (
        "TOKEN", "method.request.header.Token", 60)  # fmt: skip
    items = {one["path"]: one["id"] for one in api.client.get_resources(restApiId=api.id)["items"]}
    open_to_all = api.client.get_method(restApiId=api.id, resourceId=items["/"], httpMethod="ANY")
    assert (open_to_all["authorizationType"], open_to_all["authorizerId"]) == ("CUSTOM", made["id"])
    signed = api.client.get_method(restApiId=api.id, resourceId=items["/signed"], httpMethod="GET")
    assert (signed["authorizationType"], signed["apiKeyRequired"]) == ("AWS_IAM", True)


@promise(UPDATE, "merge replaces the methods that the document has, and leaves the others: AWS's example")
def test_merge(aws: Subject) -> None:
    def responding(*codes: str) -> dict[str, Any]:
        return mock() | {"responses": {code: {"description": ""} for code in codes}}

    api = Imported(aws, {"/a": {"get": responding("200", "206"), "post": responding("200", "206")}})
    api.put({"/a": {"get": responding("200", "400")}})
    items = api.client.get_resources(restApiId=api.id, embed=["methods"])["items"]
    methods = next(one for one in items if one["path"] == "/a")["resourceMethods"]
    assert set(methods["GET"]["methodResponses"]) == {"200", "400"}
    assert set(methods["POST"]["methodResponses"]) == {"200", "206"}


@promise(UPDATE, "overwrite deletes what the document does not have, but no stage and no endpoint")
def test_overwrite(aws: Subject) -> None:
    api = Imported(
        aws, {"/a": {"get": mock("old")}, "/b": {"get": mock()}}, components={"schemas": {"Old": {"type": "object"}}}
    )
    before = api.client.get_rest_api(restApiId=api.id)
    api.put({"/a": {"get": mock("new")}, "/c": {"get": mock()}}, "overwrite")
    assert api.methods() == {"/": set(), "/a": {"GET"}, "/c": {"GET"}}
    assert api.client.get_models(restApiId=api.id)["items"] == []
    after = api.client.get_rest_api(restApiId=api.id)
    assert (after["id"], after["endpointConfiguration"]) == (before["id"], before["endpointConfiguration"])
    assert after["rootResourceId"] == before["rootResourceId"]
    assert api.rendered("/a") == "old"
    api.deploy()
    assert api.rendered("/a") == "new"


@promise(ERRORS, "an invalid document is a BadRequestException, and no API is made")
@pytest.mark.parametrize("body", ["{", "hello", '{"openapi": "3.0.1"}', '{"info": {"title": "x"}, "paths": {}}'])
def test_invalid(aws: Subject, body: str) -> None:
    client = aws.client("apigateway")
    with refused("BadRequestException", "Invalid OpenAPI input.", 400):
        client.import_rest_api(body=body)
    assert client.get_rest_apis()["items"] == []


@promise(ERRORS, "after an error nothing of the existing API has changed")
def test_error(aws: Subject) -> None:
    api = Imported(aws, {"/a": {"get": mock("old")}})
    wrong = {
        "responses": {},
        INTEGRATION: {"type": "aws_proxy", "httpMethod": "POST", "uri": "arn:aws:lambda:us-east-1:1:f"},
    }
    for mode in ("merge", "overwrite"):
        with refused("BadRequestException", "Errors found during import:") as said:
            api.put({"/a": {"get": mock("new")}, "/b": {"get": wrong}}, mode)
        assert "Unable to put integration on 'GET' for resource at path '/b'" in said["Error"]["Message"]
    api.deploy()
    assert api.methods() == {"/": set(), "/a": {"GET"}} and api.rendered("/a") == "old"


@promise(ERRORS, "a warning is told with the API, or with failOnWarnings as an error that changes nothing")
def test_warnings(aws: Subject) -> None:
    api = Imported(aws, {"/a": {"get": mock("old")}})
    paths = {"/a": {"get": mock("new") | {"responses": {"200": MISSING}}}}
    with refused("BadRequestException", f"Warnings found during import:\n\t{WARNING}"):
        api.client.put_rest_api(restApiId=api.id, failOnWarnings=True, body=json.dumps(document(paths)))
    api.deploy()
    assert api.rendered("/a") == "old"
    assert api.put(paths)["warnings"] == [WARNING]
    api.deploy()
    assert api.rendered("/a") == "new"


@promise(EXPORT, "OpenAPI 3.0 or Swagger 2.0, JSON or YAML, without API Gateway's extensions unless they are asked for")
@pytest.mark.parametrize("kind", ["oas30", "swagger"])
def test_export(aws: Subject, kind: str) -> None:
    book = {"application/json": {"schema": {"$ref": "#/components/schemas/Book"}}}
    post = mock(requestBody={"content": book}) | {"responses": {"200": {"description": "", "content": book}}}
    api = Imported(aws, {"/books": {"post": post}}, components={"schemas": {"Book": {"type": "object"}}})
    plain = json.loads(api.export(kind))
    assert yaml.safe_load(api.export(kind, accepts="application/yaml")) == plain
    assert "x-amazon" not in json.dumps(plain) and plain["info"] == {"title": "library", "version": "7"}
    host = f"{api.id}.execute-api.us-east-1.amazonaws.com"
    said = plain["paths"]["/books"]["post"]
    if kind == "oas30":
        assert plain["servers"] == [
            {"url": f"https://{host}/{{basePath}}", "variables": {"basePath": {"default": "/prod"}}}
        ]
        assert said["requestBody"]["content"] == said["responses"]["200"]["content"] == book
    else:
        assert (plain["host"], plain["basePath"], plain["schemes"]) == (host, "/prod", ["https"])
        assert said["parameters"][0]["schema"] == said["responses"]["200"]["schema"] == {"$ref": "#/definitions/Book"}
    for extensions in ("integrations", "apigateway"):
        assert json.loads(api.export(kind, extensions))["paths"]["/books"]["post"][INTEGRATION]["type"] == "mock"


@promise(EXPORT, "what is exported is the API as it was deployed to the stage")
def test_export_is_of_the_stage(aws: Subject) -> None:
    api = Imported(aws, {"/a": {"get": mock()}})
    api.put({"/b": {"get": mock()}})
    assert set(json.loads(api.export())["paths"]) == {"/a"}
    api.deploy()
    assert set(json.loads(api.export())["paths"]) == {"/a", "/b"}


@promise(EXPORT, "an export with its extensions imports again as the same API")
def test_round_trip(aws: Subject) -> None:
    api = Imported(aws, {"/books/{id}": {"get": mock("$input.params('id')")}})
    export = api.export(extensions="integrations,authorizers")
    again = api.client.import_rest_api(body=export)["id"]
    api.client.create_deployment(restApiId=again, stageName="prod")
    assert aws.http(f"{aws.endpoint}/_aws/execute-api/{again}/prod/books/7").body == b"7"
