"""What the SAM CLI needs of S3 and Cloud Control: a bucket with its policy, and the address of a function."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.subjects import Subject, promise, refused

WITHOUT_TLS = {
    "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::code/*", "arn:aws:s3:::code"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}  # fmt: skip


def with_policy(aws: Subject, *statements: dict[str, Any]) -> Any:
    """Return a client of S3, where the bucket ``code`` has a policy of these statements."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_bucket_policy(Bucket="code", Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
    return s3


@promise("S3 User Guide, Security best practices", "a policy that denies requests without TLS lets those with TLS pass")
def test_without_tls(aws: Subject) -> None:
    s3 = with_policy(aws, WITHOUT_TLS)
    s3.put_object(Bucket="code", Key="app.zip", Body=b"x")
    assert s3.get_object(Bucket="code", Key="app.zip")["Body"].read() == b"x"


@promise("S3 User Guide, Bucket policies", "a statement that denies without a condition denies")
def test_denied(aws: Subject) -> None:
    always = {name: said for name, said in WITHOUT_TLS.items() if name != "Condition"}
    s3 = with_policy(aws, WITHOUT_TLS, {**always, "Action": "s3:PutObject"})
    with pytest.raises(ClientError) as refusal:
        s3.put_object(Bucket="code", Key="app.zip", Body=b"x")
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@promise("Cloud Control API Reference, GetResource", "the address of a function is a property of its AWS::Lambda::Url")
def test_function_url(aws: Subject) -> None:
    control, client = aws.client("cloudcontrol"), aws.function("def handler(event, context): return 1")
    with refused("ResourceNotFoundException"):
        control.get_resource(TypeName="AWS::Lambda::Url", Identifier="f")
    address = client.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
    found = control.get_resource(TypeName="AWS::Lambda::Url", Identifier="f")["ResourceDescription"]
    assert json.loads(found["Properties"])["FunctionUrl"] == address
