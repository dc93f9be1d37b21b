"""What every service's API promises: signatures, limits, identities."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

from tests.contract.subjects import Subject, promise


@promise("IAM User Guide, Signature Version 4", "a call with a wrong secret key is refused")
def test_wrong_secret(aws: Subject) -> None:
    client = aws.client("dynamodb")
    client._request_signer._credentials.secret_key = "wrong"
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        client.list_tables()


@promise("IAM User Guide, Signature Version 4", "an unsigned call is refused")
def test_unsigned(aws: Subject) -> None:
    request = urllib.request.Request(
        aws.endpoint,
        b"{}",
        {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code in (400, 403)


@promise("STS API Reference, GetCallerIdentity", "the account's own key is the account's root")
def test_caller_identity(aws: Subject) -> None:
    identity = aws.client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{identity['Account']}:root"


@promise("Smithy constraint traits, DynamoDB API Reference", "a name off the model's pattern is a ValidationException")
def test_pattern(aws: Subject) -> None:
    with pytest.raises(ClientError, match="1 validation error detected: Value 'a b' at 'logGroupName'"):
        aws.client("logs").create_log_group(logGroupName="a b")
