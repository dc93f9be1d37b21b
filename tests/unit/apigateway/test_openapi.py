"""OpenAPI: what goes in comes out, twice the same; models; what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.apigateway.models import APIGatewayBackend, Stage, apigateway_backends

from helpers.dataplane.apigateway import snapshot
from helpers.dataplane.apigateway.models import problems_of
from helpers.dataplane.apigateway.openapi.document import Document
from helpers.dataplane.apigateway.openapi.exporting import Export
from helpers.dataplane.apigateway.openapi.importing import Import
from helpers.dataplane.call import AWSError

ALL = frozenset({"integrations", "authorizers"})
INTEGRATION = "x-amazon-apigateway-integration"
VALIDATORS = {"all": {"validateRequestBody": True, "validateRequestParameters": False}}
HEADER = {"type": "apiKey", "in": "header"}
words = st.text("abcXYZ09", min_size=1, max_size=4)
parts = words | words.map(lambda word: f"{{{word}}}")
paths = st.lists(parts, max_size=3).map(lambda found: "/" + "/".join(found))
text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
templates = st.fixed_dictionaries({"application/json": text}, optional={"text/xml": text})
responses = st.dictionaries(
    st.sampled_from(["200", "404", "500"]),
    st.fixed_dictionaries({}, optional={"responseTemplates": templates}),
    min_size=1,
).map(
    lambda found: {
        "default" if number == 0 else f"{code}.*": {"statusCode": code} | said
        for number, (code, said) in enumerate(found.items())
    }
)
mocks = st.fixed_dictionaries({"type": st.just("mock"), "requestTemplates": templates, "responses": responses})
servers = st.fixed_dictionaries(
    {
        "type": st.just("http_proxy"),
        "httpMethod": st.just("GET"),
        "uri": words.map(lambda word: f"http://a.example/{word}"),
    }
)
parameters = st.lists(
    st.tuples(st.sampled_from(["query", "header"]), words, st.booleans()), unique_by=lambda one: one[:2], max_size=3
).map(
    lambda found: [
        {"in": place, "name": name, "required": need, "schema": {"type": "string"}} for place, name, need in found
    ]
)
operations = st.fixed_dictionaries(
    {
        "responses": st.dictionaries(st.sampled_from(["200", "404"]), st.just({"description": ""})),
        INTEGRATION: mocks | servers,
        "parameters": parameters,
        "security": st.sampled_from([[], [{"sigv4": []}], [{"api_key": []}]]),
        "x-amazon-apigateway-request-validator": st.sampled_from(["", "all"]),
    }
)
verbs = st.sampled_from(["get", "post", "delete", "x-amazon-apigateway-any-method"])
documents = st.fixed_dictionaries(
    {
        "openapi": st.just("3.0.1"),
        "info": st.just({"title": "library", "version": "7"}),
        "paths": st.dictionaries(paths, st.dictionaries(verbs, operations, min_size=1), max_size=4),
        "x-amazon-apigateway-request-validators": st.just(VALIDATORS),
        "components": st.just(
            {
                "schemas": {"Book": {"type": "object", "properties": {"by": {"$ref": "#/components/schemas/Author"}}},
                            "Author": {"type": "string"}},
                "securitySchemes": {
                    "sigv4": HEADER | {"name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"},
                    "api_key": HEADER | {"name": "x-api-key"},
                },
            }
        ),
    }
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Keep moto from registering addresses that nobody asks."""
    with patch("moto.apigateway.models.RestAPI.update_integration_mocks"):
        yield


def exported(document: dict[str, Any], three: bool = True) -> dict[str, Any]:
    """Return what a document has become when it was imported, deployed and exported."""
    backend: APIGatewayBackend = apigateway_backends["123456789012"]["us-east-1"]
    api = backend.create_rest_api("x", "")
    Import(backend, api, Document(json.dumps(document).encode())).apply()
    api.deployments["d"] = type("Deployment", (), {"snapshot": snapshot.take(api)})()
    answer = Export(api, Stage("prod", deployment_id="d"), "us-east-1", three, ALL).document()
    return json.loads(json.dumps(answer).replace(api.id, "ID"))  # type: ignore[no-any-return]


def essence(document: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """Return what must survive: integrations, parameters, security, validators and responses, by path and method."""
    kept = {}
    for path, item in document["paths"].items():
        for verb, said in item.items():
            integration = {"passthroughBehavior": "when_no_match"} | said[INTEGRATION]
            asked = sorted(
                (one["in"], one["name"], one["required"]) for one in said.get("parameters", []) if one["in"] != "path"
            )
            kept[(path, verb)] = (
                integration, asked, said.get("security", []), set(said["responses"]),
                said.get("x-amazon-apigateway-request-validator", ""),
            )  # fmt: skip
    return kept


@settings(deadline=None, max_examples=60)
@given(documents)
def test_what_is_imported_is_exported(document: dict[str, Any]) -> None:
    first = exported(document)
    assert essence(first) == essence(document)
    assert exported(first) == first
    swagger = exported(document, three=False)
    assert essence(swagger) == essence(document)
    assert exported(swagger) == first


def test_models_and_references() -> None:
    document = Document(json.dumps({
        "openapi": "3.0.0", "info": {"title": "x"},
        "paths": {"/a": {
            "parameters": [{"$ref": "#/components/parameters/Page"}],
            "post": {
                "requestBody": {"$ref": "#/components/requestBodies/Book"},
                "responses": {"default": {"description": ""}, "200": {"$ref": "#/components/responses/Fine"}},
                INTEGRATION: {"$ref": "#/components/x-amazon-apigateway-integrations/Shelf"},
            }}},
        "components": {
            "parameters": {"Page": {"name": "page", "in": "query"}},
            "requestBodies": {"Book": {"content": {"application/json": {"schema": {"type": "array"}}}}},
            "responses": {"Fine": {"headers": {"Location": {}}}},
            "x-amazon-apigateway-integrations": {"Shelf": {"type": "mock"}},
        },
    }).encode())  # fmt: skip
    (operation,) = document.operations
    (model,) = document.models
    assert operation.models == {"application/json": model} and model.startswith("MODEL")
    assert document.models[model] == {"type": "array"}
    assert operation.parameters == {"method.request.querystring.page": False}
    assert operation.responses == {
        "200": {"responseModels": {}, "responseParameters": {"method.response.header.Location": False}}
    }
    assert operation.integration == {"type": "mock"} and document.warnings == []


def test_an_extension_that_is_not_built_is_named() -> None:
    said = {"openapi": "3.0.0", "info": {"title": "x"}, "paths": {}, "x-amazon-apigateway-documentation": {}}
    with pytest.raises(AWSError, match="x-amazon-apigateway-documentation is not built") as refused:
        Document(json.dumps(said).encode())
    assert refused.value.status == 501


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        (b'{"by": {"name": "Ann"}}', []),
        (b"{}", ['object has missing required properties (["by"])']),
        (
            b'{"by": {"name": 7}}',
            ['instance type (integer) does not match any allowed primitive type (allowed: ["string"])'],
        ),
        (b'{"by": {"name": "ann"}}', ['ECMA 262 regex "^[A-Z]" does not match input string "ann"']),
        (b"", ['object has missing required properties (["by"])']),
        (b"<a/>", ["Unknown error parsing request body"]),
    ],
)
def test_problems(body: bytes, problems: list[str]) -> None:
    other = "https://apigateway.amazonaws.com/restapis/x/models/Author"
    models = {
        "Book": json.dumps({"type": "object", "required": ["by"], "properties": {"by": {"$ref": other}}}),
        "Author": json.dumps({"type": "object", "properties": {"name": {"type": "string", "pattern": "^[A-Z]"}}}),
    }
    assert problems_of(body, "Book", models) == problems


def test_a_model_that_refers_to_nothing_refuses_every_body() -> None:
    assert problems_of(b"{}", "Book", {"Book": '{"$ref": "https://apigateway.amazonaws.com/restapis/x/models/No"}'})
