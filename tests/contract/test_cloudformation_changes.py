"""What CloudFormation promises about changing a stack: updates, their rollback, change sets."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.contract.stacks import ALL, Stacks, text_of
from tests.contract.subjects import Subject, promise, refused

UPDATES = "CloudFormation User Guide, Update behaviors of stack resources"
SETS = "CloudFormation User Guide, Update stacks using change sets"
BEFORE: dict[str, Any] = {
    "Parameters": {"Wait": {"Type": "Number", "Default": 30}},
    "Resources": {
        "Orders": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": {"Ref": "Wait"}}},
        "Cakes": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            },
        },
        "Old": {"Type": "AWS::SNS::Topic"},
    },
    "Outputs": {"Table": {"Value": {"Ref": "Cakes"}}},
}
NOBODY = {
    "Type": "AWS::SNS::Subscription",
    "Properties": {"TopicArn": "arn:aws:sns:us-east-1:123456789012:nobody", "Protocol": "sqs", "Endpoint": "arn:x"},
}


@pytest.fixture
def shop(aws: Subject) -> Stacks:
    """An account with a stack of a queue, a table and a topic."""
    stacks = Stacks(aws)
    stacks.create(BEFORE)
    return stacks


def after() -> dict[str, Any]:
    """Return a template that changes the queue, replaces the table, adds a topic and removes another."""
    template = copy.deepcopy(BEFORE)
    resources = template["Resources"]
    resources["Orders"]["Properties"]["VisibilityTimeout"] = 60
    resources["Cakes"]["Properties"]["TableName"] = "cakes"
    resources["New"] = {"Type": "AWS::SNS::Topic"}
    del resources["Old"]
    return template


def visibility(shop: Stacks) -> str:
    """Return the queue's visibility timeout."""
    url = shop.resource("Orders")
    found = shop.aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return str(found["Attributes"]["VisibilityTimeout"])


@promise(UPDATES, "a change without interruption keeps the resource, a replacement makes a new one and deletes the old")
def test_update(shop: Stacks) -> None:
    url, table = shop.resource("Orders"), shop.resource("Cakes")
    assert shop.update(after())["StackStatus"] == "UPDATE_COMPLETE"
    assert (shop.resource("Orders"), visibility(shop)) == (url, "60")
    assert table != "cakes" and shop.outputs() == {"Table": "cakes"}
    assert shop.aws.client("dynamodb").list_tables()["TableNames"] == ["cakes"]
    (topic,) = shop.aws.client("sns").list_topics()["Topics"]
    assert topic["TopicArn"] == shop.resource("New")
    assert ("shop", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS") in shop.events()


@promise(UPDATES, "an update that fails brings back exactly what was there")
def test_update_rollback(shop: Stacks) -> None:
    names = ("Orders", "Cakes", "Old")
    ids, described = [shop.resource(name) for name in names], shop.described()
    template = after()
    template["Resources"]["Bad"] = {**NOBODY, "DependsOn": ["New", "Orders", "Cakes"]}
    assert shop.update(template)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert [shop.resource(name) for name in names] == ids and visibility(shop) == "30"
    assert shop.aws.client("dynamodb").list_tables()["TableNames"] == [ids[1]]
    assert [one["TopicArn"] for one in shop.aws.client("sns").list_topics()["Topics"]] == [ids[2]]
    assert shop.described()["Outputs"] == described["Outputs"]
    assert shop.client.get_template(StackName="shop")["TemplateBody"] == BEFORE
    assert shop.update(after())["StackStatus"] == "UPDATE_COMPLETE"
    assert shop.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert shop.aws.client("dynamodb").list_tables()["TableNames"] == []


@promise(
    "CloudFormation API Reference, UpdateStack", "an update that changes nothing is refused; a parameter's value counts"
)
def test_no_changes(shop: Stacks) -> None:
    with refused("ValidationError", "No updates are to be performed."):
        shop.update(BEFORE)
    wait = [{"ParameterKey": "Wait", "ParameterValue": "45"}]
    shop.client.update_stack(StackName="shop", UsePreviousTemplate=True, Parameters=wait)
    shop.settled()
    assert visibility(shop) == "45"
    with refused("ValidationError", "No updates are to be performed."):
        previous = [{"ParameterKey": "Wait", "UsePreviousValue": True}]
        shop.client.update_stack(StackName="shop", UsePreviousTemplate=True, Parameters=previous)


@promise(UPDATES, "a resource with a custom name that has to be replaced fails the update")
def test_custom_name(shop: Stacks) -> None:
    assert shop.update(after())["StackStatus"] == "UPDATE_COMPLETE"
    template = after()
    cakes = template["Resources"]["Cakes"]["Properties"]
    cakes["KeySchema"][0]["AttributeName"] = cakes["AttributeDefinitions"][0]["AttributeName"] = "name"
    assert shop.update(template)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "custom-named resource requires replacing. Rename cakes and update" in shop.reasons("UPDATE_FAILED")[0]


def change_set(shop: Stacks, template: Any, name: str = "next", **settings: Any) -> dict[str, Any]:
    """Create a change set and return its description."""
    settings = {"Capabilities": ALL, **settings}
    shop.client.create_change_set(StackName=shop.name, ChangeSetName=name, TemplateBody=text_of(template), **settings)
    described: dict[str, Any] = shop.client.describe_change_set(StackName=shop.name, ChangeSetName=name)
    return described


@promise(SETS, "a change set tells what would be added, modified, replaced and removed, and changes nothing")
def test_change_set(shop: Stacks) -> None:
    table = shop.resource("Cakes")
    told = change_set(shop, after())
    assert (told["Status"], told["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in told["Changes"]}
    actions = {name: (one["Action"], one.get("Replacement")) for name, one in changes.items()}
    assert actions == {
        "Orders": ("Modify", "False"), "Cakes": ("Modify", "True"), "New": ("Add", None), "Old": ("Remove", None),
    }  # fmt: skip
    assert changes["Cakes"]["Details"][0]["Target"]["Name"] == "TableName"
    assert shop.resource("Cakes") == table and visibility(shop) == "30"
    shop.client.execute_change_set(StackName="shop", ChangeSetName="next")
    assert shop.settled()["StackStatus"] == "UPDATE_COMPLETE"
    assert shop.resource("Cakes") == "cakes" and visibility(shop) == "60"
    with refused("InvalidChangeSetStatus"):
        shop.client.execute_change_set(StackName="shop", ChangeSetName="next")


@promise(SETS, "a change set without changes fails; a deleted one is gone")
def test_empty_change_set(shop: Stacks) -> None:
    told = change_set(shop, BEFORE)
    assert told["Status"] == "FAILED" and "The submitted information didn't contain changes." in told["StatusReason"]
    shop.client.delete_change_set(StackName="shop", ChangeSetName="next")
    with refused("ChangeSetNotFound", "ChangeSet [next] does not exist"):
        shop.client.describe_change_set(StackName="shop", ChangeSetName="next")
    assert shop.client.list_change_sets(StackName="shop")["Summaries"] == []


@promise(SETS, "a change set can create a stack, which waits in REVIEW_IN_PROGRESS until then")
def test_change_set_creates(aws: Subject) -> None:
    shop = Stacks(aws)
    told = change_set(shop, BEFORE, ChangeSetType="CREATE")
    shop.id = told["StackId"]
    assert {one["ResourceChange"]["Action"] for one in told["Changes"]} == {"Add"}
    assert shop.described()["StackStatus"] == "REVIEW_IN_PROGRESS"
    shop.client.get_waiter("change_set_create_complete").wait(StackName="shop", ChangeSetName="next")
    shop.client.execute_change_set(StackName="shop", ChangeSetName="next")
    shop.client.get_waiter("stack_create_complete").wait(StackName="shop", WaiterConfig={"Delay": 1})
    assert set(shop.outputs()) == {"Table"}


@promise(UPDATES, "an update keeps the name that CloudFormation has chosen, of what is known by an id, too")
def test_a_chosen_name_stays(aws: Subject) -> None:
    pools = {
        "Users": {"Type": "AWS::Cognito::UserPool", "Properties": {"MfaConfiguration": "OFF"}},
        "Identities": {"Type": "AWS::Cognito::IdentityPool", "Properties": {"AllowUnauthenticatedIdentities": True}},
    }
    stacks = Stacks(aws)
    stacks.create({"Resources": pools})

    def names() -> tuple[str, str]:
        users = aws.client("cognito-idp").describe_user_pool(UserPoolId=stacks.resource("Users"))["UserPool"]
        pool = aws.client("cognito-identity").describe_identity_pool(IdentityPoolId=stacks.resource("Identities"))
        return users["Name"], pool["IdentityPoolName"]

    before = names()
    pools["Users"]["Properties"] = {"DeletionProtection": "INACTIVE"}
    pools["Identities"]["Properties"] = {"AllowUnauthenticatedIdentities": False}
    assert stacks.update({"Resources": pools})["StackStatus"] == "UPDATE_COMPLETE"
    assert names() == before
    assert all(name.startswith("shop-") for name in before)


@promise(
    "Amazon SQS API Reference, SetQueueAttributes",
    "a queue keeps the attributes that are not set anew, such as its policy when a stack gives it a dead-letter queue",
)
def test_a_queue_keeps_its_policy(aws: Subject) -> None:
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [allow]}
    template: dict[str, Any] = {
        "Resources": {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}},
            "May": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"Queues": [{"Ref": "Queue"}], "PolicyDocument": document},
            },
        }
    }
    stacks = Stacks(aws)
    stacks.create(template)
    redrive = {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 3}
    template["Resources"]["Queue"]["Properties"]["RedrivePolicy"] = redrive
    template["Resources"]["Dead"] = {"Type": "AWS::SQS::Queue"}
    assert stacks.update(template)["StackStatus"] == "UPDATE_COMPLETE"
    asked = {"QueueUrl": stacks.resource("Queue"), "AttributeNames": ["All"]}
    found = aws.client("sqs").get_queue_attributes(**asked)["Attributes"]
    assert "sqs:SendMessage" in found["Policy"] and "maxReceiveCount" in found["RedrivePolicy"]
    aws.client("sqs").set_queue_attributes(QueueUrl=asked["QueueUrl"], Attributes={"Policy": ""})
    assert "Policy" not in aws.client("sqs").get_queue_attributes(**asked)["Attributes"]


@promise(UPDATES, "settings of a stage's methods that the template has no more are gone")
def test_method_settings(aws: Subject) -> None:
    api, stages = {"Ref": "Api"}, aws.client("apigateway")
    method = {"RestApiId": api, "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]}, "HttpMethod": "GET"}
    method |= {"AuthorizationType": "NONE", "Integration": {"Type": "MOCK"}}
    stage: dict[str, Any] = {"RestApiId": api, "StageName": "prod", "DeploymentId": {"Ref": "First"}}
    resources = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "shop"}},
        "Get": {"Type": "AWS::ApiGateway::Method", "Properties": method},
        "First": {"Type": "AWS::ApiGateway::Deployment", "DependsOn": "Get", "Properties": {"RestApiId": api}},
        "Prod": {"Type": "AWS::ApiGateway::Stage", "Properties": stage},
    }
    stacks, cached = Stacks(aws), {"CachingEnabled": True, "CacheTtlInSeconds": 30}

    def settings() -> dict[str, int]:
        found = stages.get_stage(restApiId=stacks.resource("Api"), stageName="prod").get("methodSettings", {})
        return {place: one["cacheTtlInSeconds"] for place, one in found.items()}

    stage["MethodSettings"] = [{"ResourcePath": path, "HttpMethod": "GET", **cached} for path in ("/cakes", "/teas")]
    stacks.create({"Resources": resources})
    assert settings() == {"~1cakes/GET": 30, "~1teas/GET": 30}
    stage["MethodSettings"] = [{"ResourcePath": "/teas", "HttpMethod": "GET", "CachingEnabled": True}]
    stacks.update({"Resources": resources})
    assert settings() == {"~1teas/GET": 300}
