"""What Lambda promises about Regions: a function and what belongs to it are in one, and are told which."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from helpers.teaching import package
from tests.contract.subjects import Subject, promise, refused

HOME, AWAY = "us-east-1", "eu-west-1"
CREATE = "Lambda API Reference, CreateFunction"
EVENTS = "Amazon S3 User Guide, Supported event destinations"
SOURCE = "import os\ndef handler(event, context): return os.environ['AWS_REGION'], context.invoked_function_arn"
_numbers = itertools.count(1)
CODE = {"ZipFile": package({"app.py": SOURCE})}


def create(aws: Subject, region: str = AWAY, code: dict[str, Any] = CODE, **more: Any) -> Any:
    """Create the function ``f`` in a Region; return the Region's client."""
    client = aws.client("lambda", region)
    settings = {"FunctionName": "f", "Runtime": "python3.13", "Handler": "app.handler", **more}
    client.create_function(Code=code, Role=aws.role(f"role-{next(_numbers)}"), **settings)
    return client


def bucket(aws: Subject) -> str:
    """Create a bucket in the home Region that holds a package."""
    aws.client("s3").create_bucket(Bucket="packages")
    aws.client("s3").put_object(Bucket="packages", Key="f.zip", Body=CODE["ZipFile"])
    return "packages"


@promise("Lambda Developer Guide, Working with Lambda environment variables", "AWS_REGION is where the function runs")
def test_told(aws: Subject) -> None:
    for region in (HOME, AWAY):
        answer = create(aws, region).invoke(FunctionName="f")["Payload"].read().decode()
        assert answer.count(region) == 2, "the same name in two Regions is two functions"


@promise(CREATE, "a layer must be in the function's Region")
def test_layer(aws: Subject) -> None:
    content = {"ZipFile": package({"python/x.py": "y = 1"})}
    layer = aws.client("lambda").publish_layer_version(LayerName="x", Content=content)["LayerVersionArn"]
    with refused("InvalidParameterValueException", f"Layers are expected to be in region {AWAY}"):
        create(aws, Layers=[layer])


@promise(CREATE, "the bucket with the code must be in the function's Region")
def test_code(aws: Subject) -> None:
    there = {"S3Bucket": bucket(aws), "S3Key": "f.zip"}
    with refused("InvalidParameterValueException", "S3 Error Code: PermanentRedirect"):
        create(aws, code=there)
    create(aws, HOME, code=there)
    with refused("InvalidParameterValueException", "S3 Error Code: PermanentRedirect"):
        create(aws, AWAY).update_function_code(FunctionName="f", **there)


@pytest.mark.parametrize("skip", [False, True])
@promise(EVENTS, "a bucket tells only what is in its own Region")
def test_notification(aws: Subject, skip: bool) -> None:
    name, client = bucket(aws), create(aws)
    client.add_permission(
        FunctionName="f", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    arn = client.get_function_configuration(FunctionName="f")["FunctionArn"]
    wanted = {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    with refused("InvalidArgument", "region is not valid for the bucket location constraint", 400):
        aws.client("s3").put_bucket_notification_configuration(
            Bucket=name, NotificationConfiguration=wanted, SkipDestinationValidation=skip
        )
