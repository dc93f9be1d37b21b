"""Starting and stopping again and again leaves nothing, and each start is an empty account: Run All twice is safe."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from helpers import cloud
from helpers.teaching import package
from tests.leaks.processes import wait_until
from tests.wire import TRUST


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the clouds of a test keep their files."""
    cloud.stop()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    cloud.stop()


def run_a_function() -> None:
    """Make a function and call it."""
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    client = boto3.client("lambda")
    client.create_function(
        FunctionName="f", Runtime="python3.13", Handler="app.handler", Role=role,
        Code={"ZipFile": package({"app.py": "def handler(event, context): return 1"})},
    )  # fmt: skip
    assert client.invoke(FunctionName="f")["Payload"].read() == b"1"


def populate() -> None:
    """Make one of each: a bucket, a table, a queue, a function that ran."""
    boto3.client("s3").create_bucket(Bucket="shelf")
    boto3.client("sqs").create_queue(QueueName="work")
    boto3.client("dynamodb").create_table(
        TableName="books", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    run_a_function()


def contents() -> dict[str, list[Any]]:
    """Return what an account holds."""
    return {
        "buckets": boto3.client("s3").list_buckets()["Buckets"],
        "queues": boto3.client("sqs").list_queues().get("QueueUrls", []),
        "tables": boto3.client("dynamodb").list_tables()["TableNames"],
        "functions": boto3.client("lambda").list_functions()["Functions"],
        "roles": boto3.client("iam").list_roles()["Roles"],
        "logs": boto3.client("logs").describe_log_groups()["logGroups"],
        "metrics": boto3.client("cloudwatch").list_metrics()["Metrics"],
    }


def usage() -> dict[str, int]:
    """Return what this process holds of the machine."""
    gc.collect()
    me = psutil.Process()
    return {"threads": threading.active_count(), "files": me.num_fds(), "children": len(me.children(recursive=True))}


@pytest.mark.slow
def test_twenty_starts_and_stops_leave_nothing(temporary: Path) -> None:
    def once() -> None:
        cloud.start()
        run_a_function()
        cloud.stop()

    for _ in range(2):
        once()  # what is imported and cached for good is there now
    before, variables = usage(), dict(os.environ)
    for _ in range(20):
        once()
    wait_until(lambda: all(usage()[name] <= before[name] for name in before), lambda: (before, usage()))
    assert list(temporary.iterdir()) == []
    assert dict(os.environ) == variables


def test_starting_again_gives_an_empty_account(temporary: Path) -> None:
    """Run All, twice: the second run meets no bucket of the first."""
    first = cloud.start()
    populate()
    assert all(contents().values())
    second = cloud.start()
    assert contents() == {name: [] for name in contents()}
    populate()
    assert (first.record.mark() > 0, second.access_key_id == first.access_key_id) == (True, False)
    assert len(list(temporary.glob("local-aws-*"))) == 1, "the first cloud's folder is gone"


def test_keys_of_the_last_start_are_no_good(temporary: Path) -> None:
    """A client that is kept in a variable over a second start gets an error that says what is wrong."""
    cloud.start()
    kept = boto3.client("s3")
    cloud.start()
    with pytest.raises(Exception, match=r"outside of this machine|Could not connect|InvalidAccessKeyId"):
        kept.list_buckets()


def test_stop_without_start_does_nothing() -> None:
    cloud.stop()
    cloud.stop()
    with pytest.raises(RuntimeError, match=r"no cloud is running here: run cloud\.start\(\) first"):
        cloud.current()
