"""What CloudFormation promises about stacks: parameters, functions, order, outputs, events, failures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.stacks import Stacks
from tests.contract.subjects import Subject, promise, refused

FUNCTIONS = "CloudFormation User Guide, Intrinsic function reference"
ROLLBACK = "CloudFormation User Guide, Stack failure options"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SHOP = """
Parameters:
  Stage: {Type: String, Default: test, AllowedValues: [test, prod]}
  Sizes: {Type: CommaDelimitedList, Default: "small,large"}
Mappings:
  Waits: {test: {Seconds: 30}, prod: {Seconds: 60}}
Conditions:
  Live: !Equals [!Ref Stage, prod]
  Quiet: !Not [!Condition Live]
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${AWS::StackName}-${Stage}-${Name}"
      VisibilityTimeout: !FindInMap [Waits, !Ref Stage, Seconds]
      RedrivePolicy: !If [Live, {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}, !Ref AWS::NoValue]
  Dead: {Type: AWS::SQS::Queue}
  Extra: {Type: AWS::SQS::Queue, Condition: Live}
Outputs:
  Arn: {Value: !GetAtt Orders.Arn}
  Url: {Value: !Ref Orders, Description: where to send}
  Second: {Value: !Select [1, !Ref Sizes]}
  Joined: {Value: !Join ["/", !Split [",", "a,b"]]}
  Text: {Value: !Sub ["${One}-${!Two}", {One: !Ref Stage}]}
  Encoded: {Value: {"Fn::Base64": "hi"}}
  Hidden: {Value: x, Condition: Live}
""".replace("-${Name}", "-orders")


@pytest.fixture
def shop(aws: Subject) -> Stacks:
    """An account without stacks."""
    return Stacks(aws)


@promise(FUNCTIONS, "parameters, mappings, conditions and functions decide what is made")
def test_functions(shop: Stacks) -> None:
    assert shop.create(SHOP)["StackStatus"] == "CREATE_COMPLETE"
    outputs = shop.outputs()
    assert outputs["Arn"].endswith(":shop-test-orders") and outputs["Url"].endswith("/shop-test-orders")
    assert (outputs["Second"], outputs["Joined"], outputs["Text"]) == ("large", "a/b", "test-${Two}")
    assert outputs["Encoded"] == "aGk=" and "Hidden" not in outputs
    attributes = shop.aws.client("sqs").get_queue_attributes(QueueUrl=outputs["Url"], AttributeNames=["All"])[
        "Attributes"
    ]
    assert attributes["VisibilityTimeout"] == "30" and "RedrivePolicy" not in attributes
    assert {name for name, _ in shop.events()} == {"shop", "Orders", "Dead"}


@promise(FUNCTIONS, "resources are made in the order of their references, and deleted in the other")
def test_order(shop: Stacks) -> None:
    shop.create(SHOP, Parameters=[{"ParameterKey": "Stage", "ParameterValue": "prod"}])
    events = shop.events()
    assert events[0] == ("shop", "CREATE_IN_PROGRESS") and events[-1] == ("shop", "CREATE_COMPLETE")
    assert events.index(("Dead", "CREATE_COMPLETE")) < events.index(("Orders", "CREATE_IN_PROGRESS"))
    assert shop.delete()["StackStatus"] == "DELETE_COMPLETE"
    events = shop.events()
    assert events.index(("Orders", "DELETE_COMPLETE")) < events.index(("Dead", "DELETE_IN_PROGRESS"))
    assert "QueueUrls" not in shop.aws.client("sqs").list_queues()
    with refused("ValidationError", "Stack with id shop does not exist"):
        shop.client.describe_stacks(StackName="shop")


@promise("CloudFormation User Guide, Parameters", "a value that is not allowed, missing or unknown is refused")
def test_parameters(shop: Stacks) -> None:
    with refused("ValidationError", "Parameter 'Stage' must be one of AllowedValues"):
        shop.create(SHOP, Parameters=[{"ParameterKey": "Stage", "ParameterValue": "moon"}])
    with refused("ValidationError", "Parameters: [Colour] do not exist in the template"):
        shop.create(SHOP, Parameters=[{"ParameterKey": "Colour", "ParameterValue": "red"}])
    with refused("ValidationError", "Parameters: [Stage] must have values"):
        shop.create(SHOP.replace(", Default: test", ""))


@promise("CloudFormation API Reference, CreateStack", "a template with unknown references, or none, is refused")
def test_wrong_templates(shop: Stacks) -> None:
    queue: dict[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Nobody"}}}
    with refused("ValidationError", "Unresolved resource dependencies [Nobody] in the Resources block of the template"):
        shop.create({"Resources": {"Q": queue}})
    with refused("ValidationError", "At least one Resources member must be defined"):
        shop.create({"Description": "nothing"})
    with refused("ValidationError", "Circular dependency between resources: [A, B]"):
        pair = {name: {**queue, "Properties": {}, "DependsOn": other} for name, other in ("AB", "BA")}
        shop.create({"Resources": pair})
    with refused("ValidationError", "not well-formed"):
        shop.create("Resources: [")


@promise("CloudFormation API Reference, CreateStack", "IAM resources need a capability, named ones another")
def test_capabilities(shop: Stacks) -> None:
    role: dict[str, Any] = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST}}
    with refused("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]"):
        shop.create({"Resources": {"R": role}}, Capabilities=[])
    role["Properties"]["RoleName"] = "baker"
    with refused("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"):
        shop.create({"Resources": {"R": role}}, Capabilities=["CAPABILITY_IAM"])


FAILING = {
    "Resources": {
        "Good": {"Type": "AWS::SQS::Queue"},
        "Bad": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": "arn:aws:sns:us-east-1:123456789012:nobody",
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Good", "Arn"]},
            },
        },
    }
}


@promise(ROLLBACK, "when a resource fails, what was made is deleted; such a stack can only be deleted")
def test_rollback(shop: Stacks) -> None:
    assert shop.create(FAILING)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "QueueUrls" not in shop.aws.client("sqs").list_queues()
    assert ("Bad", "CREATE_FAILED") in shop.events() and ("Good", "DELETE_COMPLETE") in shop.events()
    with refused("ValidationError", "is in ROLLBACK_COMPLETE state and can not be updated."):
        shop.update(SHOP)
    with refused("AlreadyExistsException", "already exists"):
        shop.create(SHOP)
    assert shop.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert shop.create(SHOP)["StackStatus"] == "CREATE_COMPLETE"


@promise(ROLLBACK, "with DisableRollback what was made stays, with OnFailure DELETE the stack goes too")
def test_on_failure(shop: Stacks) -> None:
    assert shop.create(FAILING, DisableRollback=True)["StackStatus"] == "CREATE_FAILED"
    assert len(shop.aws.client("sqs").list_queues()["QueueUrls"]) == 1
    shop.delete()
    assert shop.create(FAILING, OnFailure="DELETE")["StackStatus"] == "DELETE_COMPLETE"


@promise("CloudFormation User Guide, DeletionPolicy attribute", "a resource with Retain outlives its stack")
def test_retain(shop: Stacks) -> None:
    shop.create({"Resources": {"Kept": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"}}})
    assert shop.delete()["StackStatus"] == "DELETE_COMPLETE" and ("Kept", "DELETE_SKIPPED") in shop.events()
    assert len(shop.aws.client("sqs").list_queues()["QueueUrls"]) == 1


@promise("CloudFormation User Guide, Delete a stack", "a bucket that is not empty makes the deletion fail")
def test_full_bucket(shop: Stacks) -> None:
    shop.create({"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}, "Queue": {"Type": "AWS::SQS::Queue"}}})
    bucket, s3 = shop.resource("Bucket"), shop.aws.client("s3")
    s3.put_object(Bucket=bucket, Key="cake", Body=b"rye")
    failed = shop.delete()
    assert (failed["StackStatus"], "[Bucket]" in failed["StackStatusReason"]) == ("DELETE_FAILED", True)
    s3.delete_object(Bucket=bucket, Key="cake")
    assert shop.delete()["StackStatus"] == "DELETE_COMPLETE"


@promise("CloudFormation User Guide, Fn::ImportValue", "a stack imports what another exports, which then cannot go")
def test_exports(shop: Stacks) -> None:
    export = {"Value": {"Fn::GetAtt": ["Q", "Arn"]}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-arn"}}}
    shop.create({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"Arn": export}})
    (told,) = shop.client.list_exports()["Exports"]
    assert (told["Name"], told["ExportingStackId"]) == ("shop-arn", shop.id)
    redrive = {"deadLetterTargetArn": {"Fn::ImportValue": "shop-arn"}, "maxReceiveCount": 2}
    user = Stacks(shop.aws, "user")
    user.create({"Resources": {"Mine": {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": redrive}}}})
    assert shop.client.list_imports(ExportName="shop-arn")["Imports"] == ["user"]
    with refused("ValidationError", "Export shop-arn cannot be deleted as it is in use by user"):
        shop.delete()
    assert shop.update({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert shop.described()["Outputs"][0]["ExportName"] == "shop-arn"
    same = {"Value": "x", "Export": {"Name": "shop-arn"}}
    other = Stacks(shop.aws, "other")
    other.create({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"Arn": same}})
    assert other.described()["StackStatus"] == "ROLLBACK_COMPLETE"
    user.delete()
    assert shop.delete()["StackStatus"] == "DELETE_COMPLETE"


@promise("CloudFormation User Guide, AWS::DynamoDB::Table", "a table has its stream, its TTL and its index")
def test_table(shop: Stacks) -> None:
    properties = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "day")],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
        "TimeToLiveSpecification": {"AttributeName": "gone", "Enabled": True},
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "days",
                "KeySchema": [{"AttributeName": "day", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    }
    stream = {"Value": {"Fn::GetAtt": ["Cakes", "StreamArn"]}}
    template = {"Resources": {"Cakes": {"Type": "AWS::DynamoDB::Table", "Properties": properties}}}
    shop.create({**template, "Outputs": {"Stream": stream}})
    client, name = shop.aws.client("dynamodb"), shop.resource("Cakes")
    assert client.describe_table(TableName=name)["Table"]["LatestStreamArn"] == shop.outputs()["Stream"]
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "gone")
    properties["GlobalSecondaryIndexes"] = []
    del properties["TimeToLiveSpecification"]
    assert shop.update({**template, "Outputs": {"Stream": stream}})["StackStatus"] == "UPDATE_COMPLETE"
    assert not client.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes")
    assert shop.resource("Cakes") == name


@promise("CloudFormation User Guide, AWS::ApiGateway::RestApi", "an API is made of its Body, or of a file in a bucket")
def test_api_body(shop: Stacks) -> None:
    reply = {"default": {"statusCode": "200", "responseTemplates": {"application/json": '"rye"'}}}
    integration = {"type": "mock", "requestTemplates": {"application/json": '{"statusCode": 200}'}, "responses": reply}
    cakes = {"get": {"responses": {"200": {"description": "a cake"}}, "x-amazon-apigateway-integration": integration}}
    document = {"openapi": "3.0.1", "info": {"title": "cakes", "version": "1"}, "paths": {"/cakes": cakes}}
    s3 = shop.aws.client("s3")
    s3.create_bucket(Bucket="documents")
    s3.put_object(Bucket="documents", Key="api.json", Body=json.dumps(document).encode())
    for given in ({"Body": document}, {"BodyS3Location": {"Bucket": "documents", "Key": "api.json"}}):
        api = {"RestApiId": {"Ref": "Api"}}
        resources = {
            "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": given},
            "Deployed": {"Type": "AWS::ApiGateway::Deployment", "Properties": api},
            "Stage": {
                "Type": "AWS::ApiGateway::Stage",
                "Properties": {**api, "StageName": "prod", "DeploymentId": {"Ref": "Deployed"}},
            },
        }
        assert shop.create({"Resources": resources})["StackStatus"] == "CREATE_COMPLETE"
        page = shop.aws.http(f"{shop.aws.endpoint}/_aws/execute-api/{shop.resource('Api')}/prod/cakes")
        assert (page.status, page.body) == (200, b'"rye"')
        shop.delete()
        assert shop.aws.client("apigateway").get_rest_apis()["items"] == []


@promise("CloudFormation User Guide, AWS::S3::Bucket NotificationConfiguration", "a bucket of a stack tells a queue")
def test_bucket_notification(shop: Stacks) -> None:
    send = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Statement": [send]}
    tell = [{"Event": "s3:ObjectCreated:*", "Queue": {"Fn::GetAtt": ["Q", "Arn"]}}]
    resources = {
        "Q": {"Type": "AWS::SQS::Queue"},
        "May": {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [{"Ref": "Q"}], "PolicyDocument": policy}},
        "B": {
            "Type": "AWS::S3::Bucket",
            "Properties": {"NotificationConfiguration": {"QueueConfigurations": tell}},
            "DependsOn": "May",
        },
    }
    assert shop.create({"Resources": resources})["StackStatus"] == "CREATE_COMPLETE"
    shop.aws.client("s3").put_object(Bucket=shop.resource("B"), Key="cake", Body=b"rye")
    keys = lambda: [  # noqa: E731
        one["s3"]["object"]["key"]
        for one in json.loads(shop.aws.message(shop.resource("Q"))["Body"]).get("Records", [])
    ]
    assert shop.aws.wait(keys) == ["cake"]


@promise("CloudFormation User Guide, Parameters", "a parameter with NoEcho is told as asterisks")
def test_no_echo(shop: Stacks) -> None:
    secret = {"Secret": {"Type": "String", "NoEcho": True}}
    given = [{"ParameterKey": "Secret", "ParameterValue": "flour"}]
    shop.create({"Parameters": secret, "Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}, Parameters=given)
    assert shop.described()["Parameters"] == [{"ParameterKey": "Secret", "ParameterValue": "****"}]
