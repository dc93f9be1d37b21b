"""The tables of resource types: that their calls exist, and how a property becomes a parameter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session

from helpers import cloud
from helpers.dataplane.call import AWSError
from helpers.dataplane.cloudformation.kinds.kind import Kind, schema_of, shaped
from helpers.dataplane.cloudformation.plane import KINDS

SESSION = get_session()


def calls(service: str) -> dict[str, Any]:
    """Return the operations of a service by their names in boto3."""
    from botocore import xform_name

    model = SESSION.get_service_model(service)
    return {xform_name(name): model.operation_model(name) for name in model.operation_names}


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_table_names_calls_and_properties_that_exist(kind: Kind) -> None:
    known, properties = calls(kind.service), schema_of(kind.type)["properties"]
    for call in (kind.create_call, kind.delete_call, kind.read, *kind.update_calls):
        assert not call or call in known
    given = {*kind.steps, *kind.ignored, *kind.rename, *kind.own, *kind.defaults, *([kind.name] if kind.name else [])}
    assert given <= set(properties), given - set(properties)


def member(service: str, operation: str, name: str) -> Any:
    """Return the shape of a parameter."""
    return SESSION.get_service_model(service).operation_model(operation).input_shape.members[name]


@pytest.mark.parametrize(
    ("shape", "said", "written"),
    [
        (("lambda", "CreateFunction", "Timeout"), "30", 30),
        (("lambda", "CreateFunction", "Publish"), "true", True),
        (("lambda", "CreateFunction", "Tags"), [{"Key": "a", "Value": 1}], {"a": "1"}),
        (("iam", "CreateRole", "AssumeRolePolicyDocument"), {"Version": "x"}, '{"Version": "x"}'),
        (("apigateway", "CreateRestApi", "endpointConfiguration"), {"Types": ["EDGE"]}, {"types": ["EDGE"]}),
        (("lambda", "CreateFunction", "Layers"), "one", ["one"]),
    ],
)
def test_a_property_is_written_as_its_call_takes_it(shape: tuple[str, str, str], said: Any, written: Any) -> None:
    assert shaped(member(*shape), said, "X") == written


def test_cloudfronts_lists_have_a_quantity_and_unknown_names_are_refused() -> None:
    config = member("cloudfront", "CreateDistribution", "DistributionConfig")
    assert shaped(config, {"Aliases": ["a.example"]}, "X") == {"Aliases": {"Quantity": 1, "Items": ["a.example"]}}
    with pytest.raises(AWSError, match="X Colour is not built in this local cloud"):
        shaped(config, {"Colour": "red"}, "X")


@pytest.fixture
def stacks() -> Iterator[Any]:
    """CloudFormation in an empty account."""
    cloud.start(speed=60)
    yield boto3.client("cloudformation")
    cloud.stop()


def test_a_type_without_a_table_is_motos_or_refused(stacks: Any) -> None:
    network = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.9.0.0/16"}}
    stacks.create_stack(StackName="net", TemplateBody=json.dumps({"Resources": {"Vpc": network}}))
    stacks.get_waiter("stack_create_complete").wait(StackName="net", WaiterConfig={"Delay": 1})
    blocks = lambda: [one["CidrBlock"] for one in boto3.client("ec2").describe_vpcs()["Vpcs"]]  # noqa: E731
    assert "10.9.0.0/16" in blocks()
    stacks.delete_stack(StackName="net")
    assert "10.9.0.0/16" not in blocks()
    stacks.create_stack(StackName="no", TemplateBody='{"Resources": {"X": {"Type": "AWS::Nobody::Knows"}}}')
    events = stacks.describe_stack_events(StackName="no")["StackEvents"]
    reasons = [one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
    assert reasons == ["the resource type AWS::Nobody::Knows is not built in this local cloud; AWS has it"]


def test_a_nested_stack_is_refused_and_nothing_of_it_made(stacks: Any) -> None:
    inner = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="inner.json", Body=inner.encode())
    place = {"TemplateURL": "https://templates.s3.amazonaws.com/inner.json"}
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": place}
    stacks.create_stack(StackName="outer", TemplateBody=json.dumps({"Resources": {"Inner": nested}}))
    (outer,) = stacks.describe_stacks()["Stacks"]
    assert outer["StackStatus"] == "ROLLBACK_COMPLETE"
    events = stacks.describe_stack_events(StackName="outer")["StackEvents"]
    reasons = [one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "CREATE_FAILED"]
    assert reasons == ["the resource type AWS::CloudFormation::Stack is not built in this local cloud; AWS has it"]
    assert "QueueUrls" not in boto3.client("sqs").list_queues()


def test_properties_that_a_type_has_not_or_must_have_are_named(stacks: Any) -> None:
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Colour": "red"}}
    stacks.create_stack(StackName="no", TemplateBody=json.dumps({"Resources": {"P": policy}}))
    (failed,) = [
        one
        for one in stacks.describe_stack_events(StackName="no")["StackEvents"]
        if one["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert failed["ResourceStatusReason"] == (
        "Properties validation failed for resource P with message: #: required key [Bucket] not found "
        "#: required key [PolicyDocument] not found #: extraneous key [Colour] is not permitted"
    )


def test_what_is_not_built_is_refused_before_anything_is_made(stacks: Any) -> None:
    queue = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'
    with pytest.raises(ClientError, match="CreateStack NotificationARNs is not built"):
        stacks.create_stack(StackName="no", TemplateBody=queue, NotificationARNs=["arn:aws:sns:us-east-1:1:news"])
    with pytest.raises(ClientError, match="cloudformation CreateStackSet is not built"):
        stacks.create_stack_set(StackSetName="no", TemplateBody=queue)
    assert stacks.list_stacks()["StackSummaries"] == []
