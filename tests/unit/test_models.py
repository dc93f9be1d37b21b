"""API models: one copy in the process, and moto sees in it what it would have read itself."""

from __future__ import annotations

import boto3
import pytest
from moto.core import utils
from moto.core.loaders import create_loader

from helpers import cloud
from helpers.dataplane import models

SERVICES = ["dynamodb", "ec2", "lambda", "s3", "secretsmanager", "sqs"]


@pytest.mark.parametrize("service", SERVICES)
def test_moto_gets_the_model_that_it_would_read_itself(service: str) -> None:
    models.share_with_moto()

    assert utils._load_service_model(service, "service-2") == create_loader().load_service_model(service, "service-2")


@pytest.mark.parametrize("service", ["dynamodb", "ec2", "lambda"])
def test_moto_and_the_sdk_share_their_shapes(service: str) -> None:
    models.share_with_moto()
    ours = models.loader().load_service_model(service, "service-2")

    assert utils._load_service_model(service, "service-2")["operations"] is ours["operations"]


def test_the_model_that_botocore_changes_in_place_is_not_shared() -> None:
    models.share_with_moto()
    ours = models.loader().load_service_model("s3", "service-2")

    assert utils._load_service_model("s3", "service-2")["operations"] is not ours["operations"]


def test_the_learners_clients_use_the_shared_models() -> None:
    cloud.start()
    try:
        session = boto3.DEFAULT_SESSION
        assert session is not None
        assert session._session.get_component("data_loader") is models.loader()
    finally:
        cloud.stop()
