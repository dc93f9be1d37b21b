"""What Firehose does not do here, and says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from helpers import cloud

ROLE = "arn:aws:iam::123456789012:role/firehose"


@pytest.fixture(scope="module", autouse=True)
def _cloud() -> Iterator[None]:
    cloud.start()
    trust = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    boto3.client("iam").create_role(RoleName="firehose", AssumeRolePolicyDocument=document)
    yield
    cloud.stop()


def create(**settings: Any) -> Any:
    to = {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::lake", **settings}
    client = boto3.client("firehose")
    client.create_delivery_stream(DeliveryStreamName="d", ExtendedS3DestinationConfiguration=to)
    return client


@pytest.mark.parametrize(
    "settings",
    [
        {"DynamicPartitioningConfiguration": {"Enabled": True}},
        {"DataFormatConversionConfiguration": {"Enabled": True}},
        {"S3BackupMode": "Enabled", "S3BackupConfiguration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::b"}},
        {"CompressionFormat": "Snappy"},
        {"CustomTimeZone": "Asia/Tokyo"},
        {"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "AppendDelimiterToRecord"}]}},
    ],
)
def test_what_is_not_built_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="not built in this local cloud") as refused:
        create(**settings)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_other_destinations_and_sources_are_refused() -> None:
    client = boto3.client("firehose")
    endpoint = {"EndpointConfiguration": {"Url": "https://x"}}
    backup = {"S3Configuration": {"RoleARN": ROLE, "BucketARN": "arn:aws:s3:::b"}}
    with pytest.raises(ClientError, match="HttpEndpointDestinationConfiguration is not built"):
        client.create_delivery_stream(
            DeliveryStreamName="d", HttpEndpointDestinationConfiguration={**endpoint, **backup}
        )
    with pytest.raises(ClientError, match="type MSKAsSource is not built"):
        client.create_delivery_stream(DeliveryStreamName="d", DeliveryStreamType="MSKAsSource")


def test_a_processor_needs_its_function_and_a_deleted_stream_takes_nothing() -> None:
    with pytest.raises(ClientError, match="LambdaArn"):
        create(ProcessingConfiguration={"Enabled": True, "Processors": [{"Type": "Lambda"}]})
    client = create()
    with pytest.raises(ClientError, match="4 MB"):
        client.put_record_batch(DeliveryStreamName="d", Records=[{"Data": b"x" * 1_000_000}] * 5)
    client.delete_delivery_stream(DeliveryStreamName="d")
    with pytest.raises(ClientError, match="Firehose d under account 123456789012 not found"):
        client.put_record(DeliveryStreamName="d", Record={"Data": b"x"})
