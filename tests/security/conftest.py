"""A running cloud for the tests of its walls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from helpers import cloud
from helpers.cloud import Cloud
from tests.wire import TRUST, Keys


@pytest.fixture(scope="module")
def running() -> Iterator[Cloud]:
    """A cloud that the tests of a module share: what is refused changes nothing."""
    yield cloud.start()
    cloud.stop()


@pytest.fixture
def keys(running: Cloud) -> Keys:
    """The keys of the running cloud."""
    return Keys(running.access_key_id, running.secret_access_key)


@pytest.fixture
def role(running: Cloud) -> Iterator[Callable[[str], str]]:
    """Make a role that Lambda may assume; return its ARN."""
    iam: Any = boto3.client("iam")
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"])

    yield make
    for name in made:
        iam.delete_role(RoleName=name)
