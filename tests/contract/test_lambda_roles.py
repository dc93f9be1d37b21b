"""What Lambda promises about execution roles: who may be one, and what a function may do with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.subjects import ASSUME, RETURN_THE_EVENT, Answer, Subject, promise, refused

ROLE = "Lambda Developer Guide, Defining Lambda function permissions with an execution role"
EVALUATION = "IAM User Guide, Policy evaluation logic"
WRITE = """
import boto3
def handler(event, context):
    boto3.client("dynamodb").put_item(TableName=event, Item={"id": {"S": "bread"}})
"""
strict = pytest.mark.cloud(enforce_iam=True)


def policy(*statements: tuple[str, str, str]) -> dict[str, Any]:
    """Return a policy of statements (effect, action, resource)."""
    parts = ("Effect", "Action", "Resource")
    return {"Version": "2012-10-17", "Statement": [dict(zip(parts, one, strict=True)) for one in statements]}


def table(aws: Subject, name: str = "orders") -> str:
    """Create a table; return its ARN."""
    made = aws.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return str(made["TableDescription"]["TableArn"])


def write(aws: Subject, name: str = "orders") -> Answer:
    """Let the function write one item into a table."""
    return aws.call(name)


@promise(ROLE, "a role that does not exist is refused")
def test_no_role(aws: Subject) -> None:
    account = aws.client("sts").get_caller_identity()["Account"]
    with refused(
        "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.", 400
    ):
        aws.function(RETURN_THE_EVENT, Role=f"arn:aws:iam::{account}:role/nobody")


@promise(ROLE, "a role whose trust policy does not name lambda.amazonaws.com is refused")
def test_untrusting_role(aws: Subject) -> None:
    trust = json.dumps(ASSUME).replace("lambda.amazonaws.com", "ec2.amazonaws.com")
    arn = aws.client("iam").create_role(RoleName="other", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    with refused(
        "InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.", 400
    ):
        aws.function(RETURN_THE_EVENT, Role=arn)


@promise(ROLE, "a function's calls are made by a session of its role, named as the function")
def test_identity(aws: Subject) -> None:
    aws.function(
        "import boto3\ndef handler(event, context): return boto3.client('sts').get_caller_identity()", Timeout=10
    )
    found, account = aws.call().payload, aws.client("sts").get_caller_identity()["Account"]
    assert found["Account"] == account
    assert found["Arn"] == f"arn:aws:sts::{account}:assumed-role/f-role/f"
    assert found["UserId"].startswith("AROA") and found["UserId"].endswith(":f")


@promise(ROLE, "a function finds temporary credentials in its environment variables")
def test_credentials(aws: Subject) -> None:
    aws.function(
        """
        import os
        def handler(event, context):
            return os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SESSION_TOKEN"]
        """
    )
    key, token = aws.call().payload
    assert key.startswith("ASIA") and len(token) > 20


@promise(
    "Lambda Developer Guide, Building Lambda functions with Python", "boto3 in a function reaches the same account"
)
def test_same_account(aws: Subject) -> None:
    table(aws)
    aws.function(WRITE, Timeout=10)
    assert write(aws).error is None
    assert aws.client("dynamodb").scan(TableName="orders")["Items"] == [{"id": {"S": "bread"}}]


@strict
@promise(EVALUATION, "what no policy of the role allows is denied, in AWS's words")
def test_denied(aws: Subject) -> None:
    arn = table(aws)
    aws.function(WRITE, Timeout=10)
    answer = write(aws)
    account = arn.split(":")[4]
    assert answer.payload["errorType"] == "ClientError"
    assert answer.payload["errorMessage"] == (
        "An error occurred (AccessDeniedException) when calling the PutItem operation: "
        f"User: arn:aws:sts::{account}:assumed-role/f-role/f is not authorized to perform: dynamodb:PutItem "
        f"on resource: {arn} because no identity-based policy allows the dynamodb:PutItem action"
    )
    assert aws.client("dynamodb").scan(TableName="orders")["Items"] == []


@strict
@promise(EVALUATION, "what a policy of the role allows is allowed, on that resource only")
def test_allowed(aws: Subject) -> None:
    arn = table(aws)
    table(aws, "others")
    aws.function(WRITE, Timeout=10, Role=aws.role(policy=policy(("Allow", "dynamodb:PutItem", arn))))
    assert write(aws).error is None
    assert "AccessDeniedException" in write(aws, "others").payload["errorMessage"]


@strict
@promise(EVALUATION, "an explicit deny wins over an allow")
def test_explicit_deny(aws: Subject) -> None:
    arn = table(aws)
    rules = policy(("Allow", "dynamodb:*", "*"), ("Deny", "dynamodb:PutItem", arn))
    aws.function(WRITE, Timeout=10, Role=aws.role(policy=rules))
    assert (
        write(aws)
        .payload["errorMessage"]
        .endswith(f"on resource: {arn} with an explicit deny in an identity-based policy")
    )


@strict
@promise(EVALUATION, "a permission that is given to the role holds for the next call")
def test_permission_later(aws: Subject) -> None:
    arn = table(aws)
    aws.function(WRITE, Timeout=10, Role=aws.role())
    assert write(aws).error == "Unhandled"
    rules = json.dumps(policy(("Allow", "dynamodb:PutItem", arn)))
    aws.client("iam").put_role_policy(RoleName="worker", PolicyName="later", PolicyDocument=rules)
    assert write(aws).error is None


@strict
@promise("Amazon S3 User Guide, Troubleshoot access denied errors", "S3 denies with AccessDenied, 403")
def test_bucket(aws: Subject) -> None:
    aws.client("s3").create_bucket(Bucket="shop")
    aws.function(
        """
        import boto3
        from botocore.exceptions import ClientError
        def handler(event, context):
            try:
                boto3.client("s3").put_object(Bucket="shop", Key="bread", Body=b"3")
            except ClientError as error:
                return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        """,
        Timeout=10,
        Role=aws.role(policy=policy(("Allow", "s3:GetObject", "*"))),
    )
    assert aws.call().payload == ["AccessDenied", 403]


@strict
@promise(ROLE, "logs are written only when the role allows it")
def test_logs(aws: Subject) -> None:
    client = aws.function("def handler(event, context): print('selling')", Role=aws.role("mute"))
    assert aws.call().error is None
    assert aws.logged() == []
    writing = ("Allow", "logs:*", "arn:aws:logs:*:*:*")
    client.update_function_configuration(FunctionName="f", Role=aws.role("talking", policy(writing)))
    aws.call()
    assert "selling\n" in aws.logged()


@strict
@promise(ROLE, "AWS's managed policy AWSLambdaBasicExecutionRole lets a function write its logs, and nothing else")
def test_managed_policy(aws: Subject) -> None:
    table(aws)
    aws.function(WRITE, Timeout=10, Role=aws.role())
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    aws.client("iam").attach_role_policy(RoleName="worker", PolicyArn=arn)
    assert "AccessDeniedException" in write(aws).payload["errorMessage"]
    assert any("AccessDeniedException" in line for line in aws.logged())
