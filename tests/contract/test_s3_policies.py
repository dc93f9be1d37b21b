"""What S3 promises about who may do what with a bucket: its policy, presigned URLs, Block Public Access."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from tests.contract.subjects import Page, Subject, promise, refused

POLICIES = "Amazon S3 User Guide, Policies and permissions in Amazon S3"
LOGIC = "IAM User Guide, Policy evaluation logic"
MESSAGES = "Amazon S3 User Guide, Troubleshoot access denied (403 Forbidden) errors"
PRESIGNED = "Amazon S3 User Guide, Download and upload objects with presigned URLs"
BLOCK = "Amazon S3 User Guide, Blocking public access to your Amazon S3 storage"
PUT_POLICY = "Amazon S3 API Reference, PutBucketPolicy"
SIGNATURE = "Amazon S3 API Reference, Amazon S3 Signature Version 4 Authentication Specific Policy Keys"
EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::vault/*"}
NOT_THROUGH_A = {"StringNotEquals": {"aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/A"}}
enforced = pytest.mark.cloud(enforce_iam=True)


class Vault:
    """A bucket with a film, and the ways to it."""

    def __init__(self, aws: Subject) -> None:
        self.aws, self.s3 = aws, aws.client("s3")
        self.s3.create_bucket(Bucket="vault")
        self.s3.put_object(Bucket="vault", Key="film", Body=b"film")

    def policy(self, *statements: dict[str, Any]) -> None:
        """Give the bucket a policy."""
        self.s3.put_bucket_policy(
            Bucket="vault", Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        )

    def open(self) -> None:
        """Let public policies be."""
        self.s3.delete_public_access_block(Bucket="vault")

    def stranger(self, key: str = "film", method: str = "GET") -> Page:
        """Ask without a signature."""
        return self.aws.http(f"{self.aws.endpoint}/vault/{key}", method)

    def presigned(self, client: Any = None, seconds: int = 60) -> Page:
        """Ask with a presigned URL of whoever owns the client."""
        given = {"Bucket": "vault", "Key": "film"}
        return self.aws.http((client or self.s3).generate_presigned_url("get_object", given, seconds))

    def user(self, name: str, **statement: Any) -> Any:
        """Make a user, who may do what the statement says, and return the user's client of S3."""
        iam = self.aws.client("iam")
        iam.create_user(UserName=name)
        if statement:
            document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        keys = iam.create_access_key(UserName=name)["AccessKey"]
        session = boto3.session.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name="us-east-1")
        return session.client("s3", endpoint_url=self.aws.endpoint)


@pytest.fixture
def vault(aws: Subject) -> Vault:
    """The bucket."""
    return Vault(aws)


def denied(page: Page, words: str = "Access Denied") -> bool:
    """Return whether a page is S3's XML of AccessDenied with these words."""
    assert page.status == 403 and b"<Error>" in page.body, page
    return b"<Code>AccessDenied</Code>" in page.body and words.encode() in page.body


@promise(POLICIES, "a request without a signature is refused, for what is there and for what is not")
def test_stranger(vault: Vault) -> None:
    assert denied(vault.stranger()) and denied(vault.stranger("lost")) and denied(vault.stranger(""))
    assert vault.stranger("film", "DELETE").status == 403
    assert vault.stranger("new", "PUT").status == 403


@enforced
@promise(LOGIC, "a presigned URL asks in the name of its signer, whose policies decide")
def test_presigned_in_whose_name(vault: Vault) -> None:
    reader = vault.user("reader", Action="s3:GetObject", Resource="arn:aws:s3:::vault/*")
    assert vault.presigned().body == b"film" and vault.presigned(reader).body == b"film"
    assert denied(vault.presigned(vault.user("friend")), "no identity-based policy allows the s3:GetObject action")


@enforced
@promise(LOGIC, "the policy of a bucket lets in a user whose own policies say nothing")
def test_named_user(vault: Vault) -> None:
    friend, other = vault.user("friend"), vault.user("other")
    vault.policy({**EVERYBODY, "Principal": {"AWS": "arn:aws:iam::123456789012:user/friend"}})
    assert friend.get_object(Bucket="vault", Key="film")["Body"].read() == b"film"
    assert denied(vault.presigned(other), "no identity-based policy")


@promise(MESSAGES, "a deny in the policy of a bucket wins over everything, the account's root and presigned URLs too")
def test_deny(vault: Vault) -> None:
    vault.policy({**EVERYBODY, "Effect": "Deny", "Condition": NOT_THROUGH_A})
    words = "with an explicit deny in a resource-based policy"
    assert denied(vault.presigned(), words) and denied(vault.stranger())
    with refused("AccessDenied", words, 403):
        vault.s3.get_object(Bucket="vault", Key="film")
    with refused("AccessDenied", words, 403):  # a copy reads
        vault.s3.copy_object(Bucket="vault", Key="copy", CopySource="vault/film")
    vault.s3.put_object(Bucket="vault", Key="more", Body=b"")
    assert vault.s3.list_objects_v2(Bucket="vault")["KeyCount"] == 2


@promise(LOGIC, "a deny of deleting counts for each object of DeleteObjects")
def test_deny_deleting(vault: Vault) -> None:
    vault.policy({**EVERYBODY, "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::vault/film"})
    vault.s3.put_object(Bucket="vault", Key="more", Body=b"")
    vault.s3.delete_objects(Bucket="vault", Delete={"Objects": [{"Key": "more"}]})
    with refused("AccessDenied"):
        vault.s3.delete_object(Bucket="vault", Key="film")


@promise(SIGNATURE, "s3:authType tells a presigned URL from a signed call")
def test_auth_type(vault: Vault) -> None:
    vault.policy({**EVERYBODY, "Effect": "Deny", "Condition": {"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}})
    assert denied(vault.presigned(), "explicit deny")
    assert vault.s3.get_object(Bucket="vault", Key="film")["Body"].read() == b"film"


@promise(PUT_POLICY, "the account's root can always change a policy, even one that denies everything")
def test_locked_out(vault: Vault) -> None:
    vault.policy({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::*"})
    with refused("AccessDenied"):
        vault.s3.list_objects_v2(Bucket="vault")
    assert "Deny" in vault.s3.get_bucket_policy(Bucket="vault")["Policy"]
    vault.s3.delete_bucket_policy(Bucket="vault")
    assert vault.presigned().status == 200


@promise(PUT_POLICY, "a policy is JSON, and says for whom it is")
def test_malformed(vault: Vault) -> None:
    for text in ("no policy", "[]"):
        with refused("MalformedPolicy", "valid JSON", 400):
            vault.s3.put_bucket_policy(Bucket="vault", Policy=text)
    with refused("MalformedPolicy", "Missing required field Principal", 400):
        vault.policy({name: value for name, value in EVERYBODY.items() if name != "Principal"})


@promise(BLOCK, "new buckets have all four settings, and a public policy is refused")
def test_block_public_policy(vault: Vault) -> None:
    block = vault.s3.get_public_access_block(Bucket="vault")["PublicAccessBlockConfiguration"]
    assert list(block.values()) == [True] * 4
    with refused("AccessDenied", "BlockPublicPolicy setting in S3 Block Public Access", 403):
        vault.policy(EVERYBODY)
    for narrow in ({"StringEquals": {"aws:SourceArn": "arn:a"}}, {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}):
        vault.policy({**EVERYBODY, "Condition": narrow})
    with refused("AccessDenied", "BlockPublicPolicy"):
        vault.policy({**EVERYBODY, "Condition": {"Bool": {"aws:SecureTransport": "true"}}})


@promise(BLOCK, "RestrictPublicBuckets keeps strangers out where a public policy is there already")
def test_restrict_public_buckets(vault: Vault) -> None:
    vault.open()
    vault.policy(EVERYBODY)
    assert vault.stranger().body == b"film" and denied(vault.stranger("")) and vault.stranger("lost").status == 404
    vault.s3.put_public_access_block(
        Bucket="vault", PublicAccessBlockConfiguration={"RestrictPublicBuckets": True, "BlockPublicAcls": True}
    )
    assert denied(vault.stranger()) and vault.presigned().status == 200


@promise(POLICIES, "a deny of requests without TLS is for no request with it")
def test_tls(vault: Vault) -> None:
    vault.policy({**EVERYBODY, "Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": False}}})
    assert vault.presigned().status == 200


@promise(PRESIGNED, "a presigned URL ends, and whoever changes it breaks it")
def test_presigned_url(vault: Vault) -> None:
    given = {"Bucket": "vault", "Key": "film"}
    url = vault.s3.generate_presigned_url("get_object", given, 1)
    longer = vault.aws.http(url.replace("X-Amz-Expires=1&", "X-Amz-Expires=3600&"))
    assert longer.status == 403 and b"SignatureDoesNotMatch" in longer.body
    assert vault.aws.wait(lambda: denied(page, "Request has expired") if (page := vault.aws.http(url)).status == 403
                          else None)  # fmt: skip
