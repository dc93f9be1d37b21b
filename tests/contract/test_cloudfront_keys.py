"""What CloudFront promises about rotating keys, and CloudFormation about keys and secrets of a stack."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.distributions import Edge, Server, behavior, listed
from tests.contract.stacks import Stacks
from tests.contract.subjects import Subject, promise, refused
from tests.contract.test_cloudfront_private import KEY, denied, public, signer

ROTATE = "CloudFront Developer Guide, Specify signers that can create signed URLs and signed cookies (rotate key pairs)"
UPDATE = "CloudFront API Reference, UpdateKeyGroup"
DELETE = "CloudFront API Reference, DeleteKeyGroup and DeletePublicKey"
TEMPLATES = "CloudFormation Template Reference, AWS::CloudFront::KeyGroup and AWS::CloudFront::PublicKey"
SECRETS = "CloudFormation Template Reference, AWS::SecretsManager::Secret"
NEXT = rsa.generate_private_key(65537, 2048)


class Group:
    """A key group with one key, and another key beside it."""

    def __init__(self, aws: Subject) -> None:
        self.client = aws.client("cloudfront")
        self.old, self.new = self.key("old", KEY), self.key("new", NEXT)
        made = self.client.create_key_group(KeyGroupConfig={"Name": "g", "Items": [self.old]})
        self.id, self.tag = made["KeyGroup"]["Id"], made["ETag"]

    def key(self, name: str, key: Any) -> str:
        """Create a public key; return its id."""
        config = {"CallerReference": name, "Name": name, "EncodedKey": public(key)}
        return str(self.client.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"])

    def update(self, *keys: str, tag: str = "") -> None:
        """Let the group have these keys."""
        config = {"Name": "g", "Items": list(keys)}
        answer = self.client.update_key_group(Id=self.id, IfMatch=tag or self.tag, KeyGroupConfig=config)
        assert answer["KeyGroup"]["KeyGroupConfig"]["Items"] == list(keys)
        self.tag = answer["ETag"]


@promise(ROTATE, "while a group has two keys both sign, and a link dies with its key")
def test_rotate(aws: Subject) -> None:
    server, group = Server(), Group(aws)
    chosen = behavior(TrustedKeyGroups={"Enabled": True, **listed(group.id)})
    edge, end = Edge(aws, server.origin(), DefaultCacheBehavior=chosen), datetime.now(UTC) + timedelta(hours=1)
    by_old = signer(group.old).generate_presigned_url(f"{edge.url}/a", date_less_than=end)
    by_new = signer(group.new, NEXT).generate_presigned_url(f"{edge.url}/a", date_less_than=end)
    assert aws.http(by_old).status == 200 and denied(aws.http(by_new), "InvalidKey", "Unknown Key")
    group.update(group.old, group.new)
    assert aws.http(by_old).status == 200 and aws.http(by_new).status == 200
    group.update(group.new)
    assert denied(aws.http(by_old), "InvalidKey", "Unknown Key") and aws.http(by_new).status == 200
    with refused("ResourceInUse", status=409):
        group.client.delete_key_group(Id=group.id, IfMatch=group.tag)
    server.stop()


@promise(UPDATE, "the current ETag is wanted, and keys that there are")
def test_update(aws: Subject) -> None:
    group = Group(aws)
    first = group.tag
    with refused("InvalidArgument"):
        group.update("K0000000000000")
    group.update(group.new)
    with refused("PreconditionFailed", status=412):
        group.update(group.old, tag=first)
    assert group.client.get_key_group(Id=group.id)["KeyGroup"]["KeyGroupConfig"]["Items"] == [group.new]
    with refused("NoSuchResource", status=404):
        group.client.get_key_group(Id="none")


@promise(DELETE, "a key in a group stays; a group in no behaviour goes")
def test_delete(aws: Subject) -> None:
    group = Group(aws)
    tag = group.client.get_public_key(Id=group.old)["ETag"]
    with refused("PublicKeyInUse", status=409):
        group.client.delete_public_key(Id=group.old, IfMatch=tag)
    with refused("PreconditionFailed", status=412):
        group.client.delete_key_group(Id=group.id, IfMatch="older")
    group.client.delete_key_group(Id=group.id, IfMatch=group.tag)
    group.client.delete_public_key(Id=group.old, IfMatch=tag)
    with refused("NoSuchPublicKey", status=404):
        group.client.get_public_key(Id=group.old)


def template(*names: str) -> str:
    """Return a template of a group with these keys, and an empty secret."""
    keys = {"Old": KEY, "New": NEXT}
    resources: dict[str, Any] = {
        name: {
            "Type": "AWS::CloudFront::PublicKey",
            "Properties": {
                "PublicKeyConfig": {"CallerReference": name, "Name": name, "EncodedKey": public(keys[name])}
            },
        }
        for name in names
    }
    config = {"Name": "g", "Items": [{"Ref": name} for name in names]}
    resources["Group"] = {"Type": "AWS::CloudFront::KeyGroup", "Properties": {"KeyGroupConfig": config}}
    resources["Secret"] = {"Type": "AWS::SecretsManager::Secret", "Properties": {"Description": "a key"}}
    outputs = {"Group": {"Value": {"Ref": "Group"}}, "Secret": {"Value": {"Ref": "Secret"}}}
    return json.dumps({"Resources": resources, "Outputs": outputs})


@promise(TEMPLATES, "an update of a stack rotates the keys of a group")
def test_stack(aws: Subject) -> None:
    stacks, client = Stacks(aws), aws.client("cloudfront")
    assert stacks.create(template("Old"))["StackStatus"] == "CREATE_COMPLETE"
    group, old = stacks.outputs()["Group"], stacks.resource("Old")
    for names in (("Old", "New"), ("New",)):
        assert stacks.update(template(*names))["StackStatus"] == "UPDATE_COMPLETE"
        items = client.get_key_group(Id=group)["KeyGroup"]["KeyGroupConfig"]["Items"]
        assert items == [stacks.resource(name) for name in names]
    with refused("NoSuchPublicKey"):
        client.get_public_key(Id=old)
    assert stacks.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert client.list_public_keys()["PublicKeyList"]["Quantity"] == 0


@promise(SECRETS, "a secret without a value is empty until somebody puts one in, and goes with its stack")
def test_secret(aws: Subject) -> None:
    stacks, client = Stacks(aws), aws.client("secretsmanager")
    stacks.create(template())
    arn = stacks.outputs()["Secret"]
    with refused("ResourceNotFoundException"):
        client.get_secret_value(SecretId=arn)
    client.put_secret_value(SecretId=arn, SecretString="sesame")
    assert client.get_secret_value(SecretId=arn)["SecretString"] == "sesame"
    stacks.delete()
    with refused("ResourceNotFoundException"):
        client.describe_secret(SecretId=arn)
