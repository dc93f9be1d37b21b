"""What API Gateway promises about REST APIs: paths, deployments and stages."""

from __future__ import annotations

import json

import pytest

from tests.contract.rest_api import Api, change
from tests.contract.subjects import RETURN_THE_EVENT, Subject, promise, refused

PROXY = "API Gateway Developer Guide, Set up a proxy integration with a proxy resource"
DEPLOY = "API Gateway Developer Guide, Deploy REST APIs in API Gateway"
STAGES = "API Gateway Developer Guide, Use stage variables for a REST API in API Gateway"
RESPONSES = "API Gateway Developer Guide, Gateway response types for API Gateway"
TYPES = "API Gateway Developer Guide, API endpoint types for REST APIs in API Gateway"
PATCHES = "API Gateway API Reference, Patch operations"


@promise(PROXY, "a literal path goes before a parameter, a parameter before {proxy+}")
def test_particular_paths_first(aws: Subject) -> None:
    api = Api(aws)
    for path in ("/{proxy+}", "/todos/{id}", "/todos/done", "/todos"):
        api.mock(path, body=path)
    api.deploy()
    asked = ("/todos", "/todos/done", "/todos/7", "/todos/7/notes", "/elsewhere")
    assert [api.ask(path).body.decode() for path in asked] == [
        "/todos", "/todos/done", "/todos/{id}", "/{proxy+}", "/{proxy+}",
    ]  # fmt: skip


@promise(PROXY, "ANY answers each method that the resource does not name, {proxy+} each path below it")
def test_any_and_proxy(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/shop/{proxy+}", "ANY", body="any")
    api.mock("/shop/{proxy+}", "GET", body="get")
    api.deploy()
    answers = [api.ask("/shop/a/b/c", method).body for method in ("GET", "POST", "DELETE", "PATCH")]
    assert answers == [b"get", b"any", b"any", b"any"]
    assert api.ask("/shop").status == 403


@promise(RESPONSES, "a path or method that is not there is a 403, Missing Authentication Token")
def test_unknown_route(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/todos")
    api.deploy()
    for page in (api.ask("/todo"), api.ask("/todos", "POST"), api.ask("/")):
        assert (page.status, page.json()) == (403, {"message": "Missing Authentication Token"})
        assert page.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


@promise(RESPONSES, "an API or a stage that is not there is a 403, Forbidden")
def test_unknown_stage(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/todos")
    api.deploy()
    assert (api.ask("/todos", stage="dev").status, aws.http(api.url("/todos").replace(api.id, "abc")).status) == (
        403,
        403,
    )


@promise(DEPLOY, "a deployment is a snapshot: a change shows after the next one, in the stages that it goes to")
def test_snapshot(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/todos", body="old")
    api.deploy("prod")
    api.respond("/todos", "GET", responseTemplates={"application/json": "new"})
    api.mock("/later")
    assert (api.ask("/todos").body, api.ask("/later").status) == (b"old", 403)
    api.deploy("beta")
    assert (api.ask("/todos").body, api.ask("/todos", stage="beta").body) == (b"old", b"new")
    newest = api.deploy("prod")
    assert (api.ask("/todos").body, api.ask("/later").status) == (b"new", 200)
    assert api.client.get_stage(restApiId=api.id, stageName="prod")["deploymentId"] == newest


@promise(DEPLOY, "a stage goes back to an older deployment when its deploymentId is replaced")
def test_rollback(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/todos", body="old")
    first = api.deploy()
    api.respond("/todos", "GET", responseTemplates={"application/json": "new"})
    api.deploy()
    assert api.ask("/todos").body == b"new"
    api.patch("update_stage", change("replace", "/deploymentId", first), stageName="prod")
    assert api.ask("/todos").body == b"old"
    with refused("BadRequestException", "Active stages pointing to this deployment must be moved or deleted"):
        api.client.delete_deployment(restApiId=api.id, deploymentId=first)


@promise(
    "API Gateway API Reference, CreateDeployment",
    "a deployment may set the tracing, cache and description of its stage",
)
def test_deployment_sets_the_stage(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/")
    api.deploy("prod", tracingEnabled=True, cacheClusterEnabled=True, cacheClusterSize="0.5", stageDescription="Live")
    stage = api.client.get_stage(restApiId=api.id, stageName="prod")
    assert (stage["tracingEnabled"], stage["cacheClusterEnabled"], stage["cacheClusterSize"]) == (True, True, "0.5")
    assert stage["description"] == "Live"
    api.deploy("prod", tracingEnabled=False)
    stage = api.client.get_stage(restApiId=api.id, stageName="prod")
    assert (stage["tracingEnabled"], stage["cacheClusterEnabled"]) == (False, True)


@promise(DEPLOY, "a new deployment leaves the settings of its stage alone")
def test_settings_stay(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/todos")
    api.deploy(variables={"a": "1"})
    api.patch("update_stage", change("replace", "/*/*/throttling/rateLimit", "7"), stageName="prod")
    api.deploy(description="the second")
    stage = api.client.get_stage(restApiId=api.id, stageName="prod")
    assert stage["methodSettings"]["*/*"]["throttlingRateLimit"] == 7
    assert stage["variables"] == {"a": "1"}


@promise(DEPLOY, "an API that was deleted answers no more")
def test_deleted(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/todos")
    api.deploy()
    assert api.ask("/todos").status == 200
    api.client.delete_rest_api(restApiId=api.id)
    assert api.ask("/todos").status == 403


@promise(STAGES, "a stage variable in an integration's URI chooses the function's alias")
def test_stage_variable_chooses_alias(aws: Subject) -> None:
    api = Api(aws)
    client = aws.function("def handler(event, context):\n    return {'body': context.invoked_function_arn}")
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    for name in ("f", "f:live"):
        client.add_permission(
            FunctionName=name, StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
        )
    api.calls("/todos", "GET", "${stageVariables.function}")
    api.deploy("prod", variables={"function": "f:live"})
    api.deploy("dev", variables={"function": "f"})
    arns = [api.ask("/todos", stage=stage).body.decode() for stage in ("prod", "dev")]
    assert [arn.rpartition("function:")[2] for arn in arns] == ["f:live", "f"]


@promise(STAGES, "stage variables are in the function's event and in templates, and change without a deployment")
def test_stage_variables(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/", body="$stageVariables.colour")
    api.deploy(variables={"colour": "red"})
    assert api.ask().body == b"red"
    api.patch("update_stage", change("replace", "/variables/colour", "blue"), stageName="prod")
    assert api.ask().body == b"blue"
    api.patch("update_stage", change("remove", "/variables/colour"), stageName="prod")
    assert api.ask().body == b""


@promise(TYPES, "an API is edge-optimized by default, and Regional or private when it says so")
@pytest.mark.parametrize("kind", ["", "REGIONAL", "PRIVATE"])
def test_endpoint_types(aws: Subject, kind: str) -> None:
    api = Api(aws, **({"endpointConfiguration": {"types": [kind]}} if kind else {}))
    found = api.client.get_rest_api(restApiId=api.id)["endpointConfiguration"]["types"]
    assert found == [kind or "EDGE"]


@promise(TYPES, "an API whose execute-api endpoint is disabled answers 403, Forbidden")
def test_disabled_endpoint(aws: Subject) -> None:
    api = Api(aws, disableExecuteApiEndpoint=True)
    api.mock("/")
    api.deploy()
    assert (api.ask().status, api.ask().json()["message"]) == (403, "Forbidden")


@promise("CloudFormation Template Reference, AWS::ApiGateway::Deployment", "an API that a stack makes answers")
def test_stack(aws: Subject) -> None:
    arn = aws.function("def handler(event, context): return {'body': event['resource']}").get_function(FunctionName="f")
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/%s/invocations"
    api = {"RestApiId": {"Ref": "Api"}}
    integration = {
        "Type": "AWS_PROXY",
        "IntegrationHttpMethod": "POST",
        "Uri": uri % arn["Configuration"]["FunctionArn"],
    }
    parent = {"Fn::GetAtt": ["Api", "RootResourceId"]}
    method = {
        "HttpMethod": "GET",
        "AuthorizationType": "NONE",
        "ResourceId": {"Ref": "Todos"},
        "Integration": integration,
    }
    resources = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "made"}},
        "Todos": {"Type": "AWS::ApiGateway::Resource", "Properties": {**api, "ParentId": parent, "PathPart": "todos"}},
        "Get": {"Type": "AWS::ApiGateway::Method", "Properties": {**api, **method}},
        "Live": {
            "Type": "AWS::ApiGateway::Deployment",
            "Properties": {**api, "StageName": "prod"},
            "DependsOn": ["Get"],
        },
        "May": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": "f",
                "Action": "lambda:InvokeFunction",
                "Principal": "apigateway.amazonaws.com",
            },
        },
    }
    aws.client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps({"Resources": resources}))
    made = aws.client("apigateway").get_rest_apis()["items"][0]["id"]
    page = aws.http(f"{aws.endpoint}/_aws/execute-api/{made}/prod/todos")
    assert (page.status, page.body) == (200, b"/todos")


@promise(PATCHES, "methods, integrations and responses change by patch operations")
def test_patches(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/", body="old")
    place = {"resourceId": api.resource("/"), "httpMethod": "GET"}
    api.patch("update_method", change("replace", "/apiKeyRequired", "true"), **place)
    assert api.client.get_method(restApiId=api.id, **place)["apiKeyRequired"] is True
    api.patch("update_method", change("replace", "/apiKeyRequired", "false"), **place)
    api.patch("update_integration", change("replace", "/timeoutInMillis", "500"), **place)
    assert api.client.get_integration(restApiId=api.id, **place)["timeoutInMillis"] == 500
    template = change("replace", "/responseTemplates/application~1json", "new")
    api.patch("update_integration_response", template, **place, statusCode="200")
    header = change("add", "/responseParameters/method.response.header.X-Shop", "false")
    answered = api.patch("update_method_response", header, **place, statusCode="200")
    assert answered["responseParameters"] == {"method.response.header.X-Shop": False}
    api.deploy()
    assert api.ask().body == b"new"
    with refused("BadRequestException", "Invalid patch path"):
        api.patch("update_method", change("replace", "/colour", "red"), **place)


@promise("API Gateway API Reference, PutMethod", "a method that is there already is a ConflictException")
def test_second_method(aws: Subject) -> None:
    api = Api(aws)
    api.mock("/todos")
    again = {"restApiId": api.id, "resourceId": api.resource("/todos"), "httpMethod": "GET"}
    with refused("ConflictException", "Method already exists for this resource", 409):
        api.client.put_method(**again, authorizationType="NONE")


@promise(PATCHES, "binary media types are added and removed by their escaped names")
def test_binary_media_types(aws: Subject) -> None:
    api = Api(aws)
    api.patch("update_rest_api", change("add", "/binaryMediaTypes/image~1png"), change("add", "/binaryMediaTypes/*~1*"))
    assert api.client.get_rest_api(restApiId=api.id)["binaryMediaTypes"] == ["image/png", "*/*"]
    api.patch("update_rest_api", change("remove", "/binaryMediaTypes/*~1*"))
    assert api.client.get_rest_api(restApiId=api.id)["binaryMediaTypes"] == ["image/png"]


@promise("API Gateway Developer Guide, API Gateway quotas for REST APIs", "an integration waits 50 ms to 29 seconds")
def test_timeout_range(aws: Subject) -> None:
    api = Api(aws)
    api.function("/", RETURN_THE_EVENT)
    for milliseconds in (49, 29_001):
        with refused("BadRequestException", "Timeout should be between 50 ms and 29000 ms"):
            api.calls("/other", "GET" if milliseconds == 49 else "PUT", "f", timeoutInMillis=milliseconds)
