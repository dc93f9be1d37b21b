"""What CloudFormation promises about global tables in templates."""

from __future__ import annotations

from typing import Any

from tests.contract.stacks import Stacks
from tests.contract.subjects import Subject, promise

DOCUMENT = "CloudFormation Template Reference, AWS::DynamoDB::GlobalTable"
HOME, AWAY, THIRD = "us-east-1", "eu-west-1", "ap-northeast-1"


def template(*regions: str, **more: Any) -> dict[str, Any]:
    """Return a template with one global table."""
    properties = {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "Replicas": [{"Region": region} for region in regions],
        **more,
    }
    kept = {name: value for name, value in properties.items() if value is not None}
    outputs = {"Name": {"Value": {"Ref": "Posts"}}, "Stream": {"Value": {"Fn::GetAtt": ["Posts", "StreamArn"]}}}
    return {"Resources": {"Posts": {"Type": "AWS::DynamoDB::GlobalTable", "Properties": kept}}, "Outputs": outputs}


def where(aws: Subject, name: str) -> list[str]:
    """Return the Regions that have the table."""
    regions = (HOME, AWAY, THIRD)
    return [one for one in regions if name in aws.client("dynamodb", one).list_tables()["TableNames"]]


@promise(DOCUMENT, "one stack makes the table and its replicas; StreamArn is the stream of its own Region")
def test_create(aws: Subject) -> None:
    stack = Stacks(aws)
    assert stack.create(template(HOME, AWAY))["StackStatus"] == "CREATE_COMPLETE"
    outputs = stack.outputs()
    assert where(aws, outputs["Name"]) == [HOME, AWAY]
    assert outputs["Stream"].startswith(f"arn:aws:dynamodb:{HOME}:")
    aws.client("dynamodb").put_item(TableName=outputs["Name"], Item={"id": {"S": "hello"}})
    aws.wait(lambda: aws.client("dynamodb", AWAY).scan(TableName=outputs["Name"])["Count"] == 1)


@promise(DOCUMENT, "an update adds and removes replicas and keeps the table")
def test_update(aws: Subject) -> None:
    stack = Stacks(aws)
    stack.create(template(HOME, AWAY))
    name = stack.outputs()["Name"]
    aws.client("dynamodb").put_item(TableName=name, Item={"id": {"S": "hello"}})
    assert stack.update(template(HOME, THIRD))["StackStatus"] == "UPDATE_COMPLETE"
    assert stack.outputs()["Name"] == name and where(aws, name) == [HOME, THIRD]
    assert aws.client("dynamodb", THIRD).scan(TableName=name)["Count"] == 1


@promise(DOCUMENT, "all replicas go with the stack")
def test_delete(aws: Subject) -> None:
    stack = Stacks(aws)
    stack.create(template(HOME, AWAY))
    name = stack.outputs()["Name"]
    assert stack.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert where(aws, name) == []


@promise(DOCUMENT, "the replicas must include the Region of the stack")
def test_own_region(aws: Subject) -> None:
    stack = Stacks(aws)
    assert stack.create(template(AWAY, THIRD))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "must contain an entry for the current region" in stack.reasons("CREATE_FAILED")[0]


@promise(DOCUMENT, "more than one replica needs a StreamSpecification")
def test_stream_specification(aws: Subject) -> None:
    stack = Stacks(aws)
    assert stack.create(template(HOME, AWAY, StreamSpecification=None))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "StreamSpecification" in stack.reasons("CREATE_FAILED")[0]
