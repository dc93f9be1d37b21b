"""Deploy each SAM template of a folder in a fresh local cloud, delete it again, and say which do not deploy and why.

``python -m tools.sam_examples FOLDER`` prints the rows that docs/sam_examples.md is made from. What a template takes as
given is prepared where it can be: the objects in S3 that it names, a log group, an event bus, a queue, a topic, the
role with which API Gateway writes logs, values for parameters without a default. Runtimes that can no longer be created
are replaced by today's; versions of objects are left out.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError
from samtranslator.yaml_helper import yaml_parse

from helpers import cloud

SAM = "AWS::Serverless-2016-10-31"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
TODAY = {"nodejs": "nodejs22.x", "python": "python3.13"}
GIVEN = {"EndpointConfig": "REGIONAL", "LayerRuntimeList": "python3.13", "Concurrency": "1"}
"""Values for parameters without a default; another one is given its own name."""
SOURCES = ("hello", "index", "app", "stream", "queue", "starter", "resolver")
INFO = {"info": {"title": "example", "version": "1.0"}}
MOCK = {"responses": {}, "x-amazon-apigateway-integration": {"type": "mock"}}
STATES = {"StartAt": "Done", "States": {"Done": {"Type": "Pass", "End": True}}}
DEFINITIONS: dict[str, dict[str, Any]] = {
    "AWS::Serverless::Api": {"swagger": "2.0", **INFO, "paths": {"/": {"get": MOCK}}},
    "AWS::Serverless::HttpApi": {"openapi": "3.0.1", **INFO, "paths": {}},
    "AWS::Serverless::StateMachine": STATES,
}
PATIENCE = {"Delay": 0.2, "MaxAttempts": 600}


def todays(value: Any) -> Any:
    """Return a part of a template with today's runtimes and without versions of objects."""
    if isinstance(value, dict):
        unversioned = {"Bucket", "Key", "Version"} <= set(value)
        return {key: todays(item) for key, item in value.items() if not (unversioned and key == "Version")}
    if isinstance(value, list):
        return [todays(item) for item in value]
    if not isinstance(value, str):
        return value
    runtime = re.fullmatch(r"(nodejs|python)\d+\.[x\d]+", value)
    return TODAY[runtime[1]] if runtime else re.sub(r"\?versionId=\w+$", "", value)


def objects(template: dict[str, Any]) -> Iterator[tuple[str, str, bytes]]:
    """Yield bucket, key and content of the objects that a template names."""
    functions = template.get("Globals", {}).get("Function", {})
    for part in ({"Properties": functions}, *template["Resources"].values()):
        properties = part.get("Properties") or {}
        for name in ("CodeUri", "ContentUri", "DefinitionUri"):
            place = properties.get(name)
            if isinstance(place, str) and place.startswith("s3://"):
                place = dict(zip(("Bucket", "Key"), place.removeprefix("s3://").split("/", 1), strict=True))
            if isinstance(place, dict) and all(isinstance(item, str) for item in place.values()):
                definition = json.dumps(DEFINITIONS.get(part.get("Type", ""))).encode()
                yield place["Bucket"], place["Key"], definition if name == "DefinitionUri" else archive()


def archive() -> bytes:
    """Return a ZIP file with a function in Python and JavaScript under the names that the examples use."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        for name in SOURCES:
            files.writestr(f"{name}.py", "def handler(event, context):\n    return {'statusCode': 200}\n")
            files.writestr(f"{name}.js", "exports.handler = async () => ({statusCode: 200});\n")
    return packed.getvalue()


def prepare(template: dict[str, Any]) -> list[dict[str, str]]:
    """Make what a template takes as given; return the values of its parameters."""
    s3, topic = boto3.client("s3"), boto3.client("sns").create_topic(Name="given")["TopicArn"]
    for bucket, key, content in objects(template):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=content)
    boto3.client("logs").create_log_group(logGroupName="MyCWLogGroup")
    boto3.client("events").create_event_bus(Name="ExternalEventBridge")
    boto3.client("sqs").create_queue(QueueName="MyQueue")
    trust = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = boto3.client("iam").create_role(RoleName="logs", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role}
    boto3.client("apigateway").update_account(patchOperations=[patch])
    asked = [name for name, parameter in template.get("Parameters", {}).items() if "Default" not in parameter]
    given = {**GIVEN, "SNSTopicArn": topic}
    return [{"ParameterKey": name, "ParameterValue": given.get(name, name)} for name in asked]


def outcome(template: dict[str, Any]) -> str:
    """Deploy a template and delete its stack; return ``deploys``, or the reason why it does not."""
    formation = boto3.client("cloudformation")
    try:
        stack = formation.create_stack(
            StackName="example",
            TemplateBody=json.dumps(template, default=str),
            Parameters=prepare(template),
            Capabilities=CAPABILITIES,
        )["StackId"]
        formation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=PATIENCE)
        formation.delete_stack(StackName=stack)
        formation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig=PATIENCE)
    except ClientError as error:
        return str(error)
    except WaiterError:
        events = formation.describe_stack_events(StackName=stack)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith(("FAILED", "ROLLBACK_IN_PROGRESS"))]
        return (
            f"{failed[-1]['LogicalResourceId']}: {failed[-1]['ResourceStatusReason']}"
            if failed
            else "it takes too long"
        )
    return "deploys"


def main(folder: str) -> None:
    """Print a row for each template of a folder; those named ``error_`` are for SAM to refuse, and left out."""
    for path in sorted(set(Path(folder).glob("*.yaml")) - set(Path(folder).glob("error_*"))):
        template = {"Transform": SAM, **todays(yaml_parse(path.read_text(encoding="utf-8")))}
        cloud.start(speed=60)
        print(f"| {path.stem} | {outcome(template)} |".replace("\n", " "), flush=True)
    cloud.stop()


if __name__ == "__main__":
    main(sys.argv[1])
