"""Secrets are new at each start and cannot be computed; identifiers, which outputs show, are the same at each start."""

from __future__ import annotations

import random
from typing import Any

import boto3
import pytest
from moto.moto_api._internal import mock_random

from helpers import cloud
from tests.wire import TRUST


@pytest.fixture(autouse=True)
def stopped() -> Any:
    """No test leaves a cloud."""
    yield
    cloud.stop()


def secrets_of_one_start(seed: int = 42) -> list[str]:
    """Return every secret that lets somebody call the cloud: the account's, a user's, a session's, a service's."""
    running = cloud.start(seed=seed)
    iam, sts = boto3.client("iam"), boto3.client("sts")
    iam.create_user(UserName="ada")
    user = iam.create_access_key(UserName="ada")["AccessKey"]
    arn = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    session = sts.assume_role(RoleArn=arn, RoleSessionName="one")["Credentials"]
    identities = running._backend.context.identities
    function = identities.assume(arn, "f", "function f")
    service = identities.of_service("sqs")
    return [
        running.access_key_id,
        service[0],
        running.secret_access_key,
        user["SecretAccessKey"],
        session["SecretAccessKey"],
        session["SessionToken"],
        function["AWS_SECRET_ACCESS_KEY"],
        function["AWS_SESSION_TOKEN"],
        service[1],
    ]


def test_secrets_differ_at_each_start() -> None:
    starts = [secrets_of_one_start() for _ in range(3)]
    everything = [secret for start in starts for secret in start]
    assert len(set(everything)) == len(everything)


def test_secrets_come_from_no_seeded_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who knows the seed and the calls knows every draw of a seeded source, in whatever state it is."""
    first = secrets_of_one_start()
    cloud.stop()
    for source in (random, mock_random):
        source.seed(42)
    assert not set(first) & set(secrets_of_one_start())


def test_secrets_are_long_enough() -> None:
    """128 bits and more: an access key's id may be seen, its secret not be tried out; the ids come first."""
    for secret in secrets_of_one_start()[2:]:
        assert len(secret) >= 20
        assert len(set(secret)) > 8
    assert len(cloud.current().secret_access_key) == 40


def identifiers(seed: int) -> list[str]:
    """Return identifiers of some resources, as a notebook would print them."""
    cloud.start(seed=seed)
    iam, sqs, s3 = boto3.client("iam"), boto3.client("sqs"), boto3.client("s3")
    s3.create_bucket(Bucket="shelf")
    s3.put_bucket_versioning(Bucket="shelf", VersioningConfiguration={"Status": "Enabled"})
    url = sqs.create_queue(QueueName="work")["QueueUrl"].rpartition("/")[2]
    sent = sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="work")["QueueUrl"], MessageBody="x")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]
    version = s3.put_object(Bucket="shelf", Key="k", Body=b"")["VersionId"]
    return [url, role["RoleId"], sent["MessageId"], version, sent["ResponseMetadata"]["RequestId"]]


def test_the_same_seed_and_calls_give_the_same_identifiers() -> None:
    first, again, other = identifiers(42), identifiers(42), identifiers(43)
    assert first == again
    assert all(one != another for one, another in zip(first[1:], other[1:], strict=True))


def test_secrets_do_not_change_identifiers() -> None:
    """Making a key draws nothing less from the seeded source than moto does, so that later ids stay the same."""
    ids = []
    for _ in range(2):
        secrets_of_one_start()
        ids.append(boto3.client("iam").create_user(UserName="grace")["User"]["UserId"])
    assert ids[0] == ids[1]


def test_the_keys_stand_in_no_file_and_no_representation() -> None:
    running = cloud.start()
    home = running._backend.context.home
    assert running.secret_access_key not in repr(running)
    for path in home.rglob("*"):
        assert not path.is_file() or running.secret_access_key not in path.read_text()
