"""What API Gateway promises about AWS services behind REST APIs, without a function between."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.rest_api import Api
from tests.contract.subjects import Subject, promise, refused

SETUP = "API Gateway Developer Guide, Set up an integration request in API Gateway"
DYNAMODB = "AWS Compute Blog, Using Amazon API Gateway as a proxy for DynamoDB"
STATES = "Step Functions Developer Guide, Creating a Step Functions API using API Gateway"
SQS = "AWS re:Post, How do I use API Gateway as a proxy for another AWS service?"
KEY = "$input.params('id')"


def service(api: Api, path: str, uri: str, template: str, role: str, **settings: Any) -> None:
    """Add a POST method that calls a service."""
    integration = {
        "type": "AWS",
        "integrationHttpMethod": "POST",
        "uri": f"arn:aws:apigateway:us-east-1:{uri}",
        "credentials": role,
        "requestTemplates": {"application/json": template},
        **settings,
    }
    api.method(path, "POST", integration)


def table(aws: Subject) -> Any:
    client = aws.client("dynamodb")
    client.create_table(
        TableName="todos",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return client


@promise(DYNAMODB, "DynamoDB's PutItem, GetItem and Query answer a REST API through templates")
def test_dynamodb(aws: Subject) -> None:
    client, api = table(aws), Api(aws)
    role = api.role("dynamodb:*")
    put = (
        '{"TableName": "todos", "Item": {"id": {"S": "$input.params(\'id\')"}, "what": {"S": $input.json(\'$.what\')}}}'
    )
    get = '{"TableName": "todos", "Key": {"id": {"S": "$input.params(\'id\')"}}}'
    query = (
        '{"TableName": "todos", "KeyConditionExpression": "id = :id", '
        '"ExpressionAttributeValues": {":id": {"S": "$input.params(\'id\')"}}}'
    )
    for path, action, template in (
        ("/put/{id}", "PutItem", put),
        ("/get/{id}", "GetItem", get),
        ("/q/{id}", "Query", query),
    ):
        service(api, path, f"dynamodb:action/{action}", template, role)
    api.respond("/put/{id}", "POST")
    api.respond("/get/{id}", "POST", responseTemplates={"application/json": "{\"what\": $input.json('$.Item.what.S')}"})
    rows = "#foreach($one in $input.path('$.Items'))$one.what.S#if($foreach.hasNext),#end#end"
    api.respond("/q/{id}", "POST", responseTemplates={"application/json": rows})
    api.deploy()
    assert api.ask("/put/7", "POST", b'{"what": "milk"}', content_type="application/json").status == 200
    assert client.get_item(TableName="todos", Key={"id": {"S": "7"}})["Item"]["what"] == {"S": "milk"}
    assert api.ask("/get/7", "POST").json() == {"what": "milk"}
    assert api.ask("/q/7", "POST").body == b"milk"


@promise(SETUP, "a service's error has its HTTP status, which chooses the integration response")
def test_service_error(aws: Subject) -> None:
    api = Api(aws)
    service(api, "/", "dynamodb:action/GetItem", '{"TableName": "nobody", "Key": {}}', api.role("dynamodb:*"))
    api.respond("/", "POST", "200")
    api.respond(
        "/", "POST", "400", selectionPattern="400", responseTemplates={"application/json": "$input.path('$.__type')"}
    )
    api.deploy()
    page = api.ask("/", "POST")
    assert page.status == 400 and b"Exception" in page.body


@promise(SQS, "SQS's SendMessage takes a body from a template, and answers in JSON")
def test_sqs(aws: Subject) -> None:
    url, _ = aws.queue("jobs")
    api = Api(aws)
    form = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
    template = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"
    role = api.role("sqs:SendMessage")
    service(api, "/jobs", "sqs:path/123456789012/jobs", template, role, requestParameters=form)
    answer = '{"id": "$input.path(\'$.SendMessageResponse.SendMessageResult.MessageId\')"}'
    api.respond("/jobs", "POST", responseTemplates={"application/json": answer})
    api.deploy()
    page = api.ask("/jobs", "POST", b'{"a": "1 & 2"}', content_type="application/json")
    message = aws.message(url)
    assert (page.status, page.json()["id"]) == (200, message["MessageId"])
    assert message["Body"] == '{"a": "1 & 2"}'


@promise(STATES, "StartExecution of Step Functions starts a state machine with the request's body")
def test_step_functions(aws: Subject) -> None:
    states, api = aws.client("stepfunctions"), Api(aws)
    role = api.role("states:*")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name="m", definition=definition, roleArn=role)["stateMachineArn"]
    template = f'{{"stateMachineArn": "{machine}", "input": "$util.escapeJavaScript($input.body)"}}'
    service(api, "/runs", "states:action/StartExecution", template, role)
    api.respond("/runs", "POST")
    api.deploy()
    arn = api.ask("/runs", "POST", b'{"n": 1}', content_type="application/json").json()["executionArn"]
    assert json.loads(states.describe_execution(executionArn=arn)["input"]) == {"n": 1}


@promise(SETUP, "an integration with a service needs a role, which API Gateway may assume")
def test_needs_a_role(aws: Subject) -> None:
    api = Api(aws)
    with refused("BadRequestException", "Role ARN must be specified for AWS integrations"):
        service(api, "/a", "dynamodb:action/GetItem", "{}", "")
    service(api, "/b", "dynamodb:action/GetItem", "{}", aws.role("for-lambda-only"))
    api.respond("/b", "POST")
    api.deploy()
    assert (api.ask("/b", "POST").status, api.ask("/b", "POST").json()) == (500, {"message": "Internal server error"})


@promise(SETUP, "the role decides what the integration may do")
@pytest.mark.cloud(enforce_iam=True)
def test_role_decides(aws: Subject) -> None:
    table(aws)
    api = Api(aws)
    role = api.role("dynamodb:GetItem")
    for path, action in (("/get", "GetItem"), ("/delete", "DeleteItem")):
        service(api, path, f"dynamodb:action/{action}", '{"TableName": "todos", "Key": {"id": {"S": "7"}}}', role)
        api.respond(path, "POST", "200")
        api.respond(path, "POST", "403", selectionPattern="4..")
    api.deploy()
    refusal = api.ask("/delete", "POST")
    assert (api.ask("/get", "POST").status, refusal.status) == (200, 403)
    assert b"is not authorized to perform: dynamodb:DeleteItem" in refusal.body
