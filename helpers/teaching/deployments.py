"""A whole system from one SAM template: deploy it, remove it with all that it left behind, say what is there still.

AWS: ``sam deploy`` packages the code, makes a change set and executes it, ``sam delete`` removes the stack and its
packages ("sam deploy", "sam delete" in the SAM Developer Guide). Here: the same calls of CloudFormation and S3.

Differs: one bucket for the packages of each stack, which goes with it; ``remove`` also empties the stack's buckets and
deletes the log groups that Lambda made for its functions, which on AWS stay until somebody deletes them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.teaching.packaging import package_template

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
_LONGEST_SECONDS = 120
_LISTS = (
    ("acm", "list_certificates", "CertificateSummaryList", "DomainName"),
    ("apigateway", "get_domain_names", "items", "domainName"),
    ("apigateway", "get_rest_apis", "items", "name"),
    ("apigatewayv2", "get_apis", "Items", "Name"),
    ("apigatewayv2", "get_domain_names", "Items", "DomainName"),
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
    ("cloudfront", "list_distributions", "DistributionList.Items", "Id"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("codedeploy", "list_applications", "applications", ""),
    ("cognito-identity", "list_identity_pools", "IdentityPools", "IdentityPoolName"),
    ("cognito-idp", "list_user_pools", "UserPools", "Name"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("elbv2", "describe_load_balancers", "LoadBalancers", "LoadBalancerName"),
    ("events", "list_rules", "Rules", "Name"),
    ("firehose", "list_delivery_streams", "DeliveryStreamNames", ""),
    ("glue", "get_databases", "DatabaseList", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_users", "Users", "UserName"),
    ("kinesis", "list_streams", "StreamNames", ""),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_layers", "Layers", "LayerName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("route53", "list_hosted_zones", "HostedZones", "Name"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("scheduler", "list_schedules", "Schedules", "Name"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("sesv2", "list_email_identities", "EmailIdentities", "IdentityName"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
)
"""How to list what an account holds: the client, its method, where the answer has the list, and what names a member."""
_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "list_identity_pools": {"MaxResults": 60},
    "list_user_pools": {"MaxResults": 60},
}
_EVERYWHERE = ("cloudfront", "iam", "route53", "s3")
"""Services whose list is the same in each Region."""
_UNASKED = ("cloudformation", "iam", "logs", "s3")
"""Services that are always asked, the first three because other services make something there by themselves."""


class DeploymentFailed(Exception):
    """The stack could not be made or changed; the message says which resource failed, and why."""


def together(*parts: str) -> str:
    """Return one template of several: what a later part says is added to the earlier ones, or takes its place.

    Raises
    ------
    ValueError
        The parts have no ``Resources``, or one of them is no template's text.
    """
    from samtranslator.yaml_helper import yaml_parse  # reads !Ref and its like

    whole: dict[str, Any] = {}
    for part in parts:
        said = yaml_parse(part) or {}
        if not isinstance(said, dict):
            raise ValueError(f"a part of a template has names and values, and this is {type(said).__name__}: {part!r}")
        _add(whole, said)
    if not whole.get("Resources"):
        raise ValueError("the template has no Resources yet")
    return yaml.safe_dump(whole, sort_keys=False)


def _add(whole: dict[str, Any], part: Mapping[str, Any]) -> None:
    for name, value in part.items():
        if isinstance(value, dict) and isinstance(whole.get(name), dict):
            _add(whole[name], value)
        else:
            whole[name] = value


def deploy(
    template: str | os.PathLike[str],
    stack: str,
    *,
    parameters: Mapping[str, str] | None = None,
    region: str | None = None,
) -> dict[str, str]:
    """Deploy the template in a file: package its code, make or change the stack, wait; return the stack's outputs.

    Parameters
    ----------
    template:
        The path of the template; the paths in it begin in its folder.
    stack:
        The stack's name.
    parameters:
        The template's parameters.
    region:
        The Region; the home of the account without it.

    Raises
    ------
    DeploymentFailed
        A resource could not be made; what was made is rolled back.
    FileNotFoundError
        There is no such file, or none that the template names.
    """
    path = Path(template)
    return deploy_text(path.read_text(), path.parent, stack, parameters=parameters, region=region)


def deploy_text(
    text: str,
    folder: str | os.PathLike[str],
    stack: str,
    *,
    parameters: Mapping[str, str] | None = None,
    region: str | None = None,
) -> dict[str, str]:
    """Deploy a template's text, as ``deploy`` does; ``folder`` is where the paths in it begin.

    A stack whose first deployment failed is deleted and made anew: nothing else can be done with it.
    """
    client, bucket = boto3.client("cloudformation", region_name=region), _bucket(stack, region)
    _make(bucket, region)
    packaged = package_template(text, folder, bucket)
    if _status(client, stack) == "ROLLBACK_COMPLETE":
        client.delete_stack(StackName=stack)
        _settled(client, stack)
    kind = "CREATE" if _status(client, stack) in ("", "REVIEW_IN_PROGRESS") else "UPDATE"
    names = {"StackName": stack, "ChangeSetName": f"deploy-{time.time_ns()}"}
    boto3.client("s3", region_name=region).put_object(Bucket=bucket, Key="template.yaml", Body=packaged.encode())
    client.create_change_set(
        **names, ChangeSetType=kind, Capabilities=CAPABILITIES,
        TemplateURL=f"https://{bucket}.s3.{client.meta.region_name}.amazonaws.com/template.yaml",
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()],
    )  # fmt: skip
    while (made := client.describe_change_set(**names))["Status"] not in ("CREATE_COMPLETE", "FAILED"):
        time.sleep(0.02)
    if made["Status"] == "FAILED":
        client.delete_change_set(**names)
        if "didn't contain changes" not in made["StatusReason"] and "No updates" not in made["StatusReason"]:
            raise DeploymentFailed(made["StatusReason"])
        return outputs(stack, region) or {}
    client.execute_change_set(**names)
    status = _settled(client, stack)
    if "ROLLBACK" in status or "FAILED" in status:
        raise DeploymentFailed("\n  ".join([f"the stack {stack} is {status}:", *failures(stack, region)]))
    return outputs(stack, region) or {}


def outputs(stack: str, region: str | None = None) -> dict[str, str] | None:
    """Return the outputs of a stack, or None where there is no such stack."""
    found = _described(boto3.client("cloudformation", region_name=region), stack)
    return None if found is None else {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}


@contextmanager
def with_functions(folder: str | os.PathLike[str], code: Mapping[str, str]) -> Iterator[str]:
    """Give a folder with a copy of ``functions`` in ``folder``, in which these texts are the ``app.py`` of functions.

    Parameters
    ----------
    folder:
        Where ``functions`` lies.
    code:
        Texts by the names of the functions' folders; a folder that is not there is made.
    """
    with tempfile.TemporaryDirectory() as copy:
        functions = Path(shutil.copytree(Path(folder, "functions"), Path(copy, "functions")))
        for name, source in code.items():
            (functions / name).mkdir(exist_ok=True)
            (functions / name / "app.py").write_text(textwrap.dedent(source).lstrip())
        yield copy


def failures(stack: str, region: str | None = None) -> list[str]:
    """Return which resources failed in the newest operation on a stack, and why, in the order of time."""
    found: list[str] = []
    for event in boto3.client("cloudformation", region_name=region).describe_stack_events(StackName=stack)[
        "StackEvents"
    ]:
        if event["ResourceStatus"].endswith("_FAILED"):
            reason = event.get("ResourceStatusReason", "")
            found.insert(0, f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}")
        if event.get("ResourceStatusReason") == "User Initiated":
            break
    return found


def remove(stack: str, *, region: str | None = None) -> None:
    """Delete a stack and what it left: the objects in its buckets, its packages, the log groups of its functions.

    A stack that is not there is none to remove.

    Raises
    ------
    DeploymentFailed
        Something could not be deleted; the message says what, and why.
    """
    client = boto3.client("cloudformation", region_name=region)
    if _status(client, stack):
        resources = client.describe_stack_resources(StackName=stack)["StackResources"]
        ids = [(one["ResourceType"], one.get("PhysicalResourceId", "")) for one in resources]
        functions = _functions(client, stack)
        for bucket in [name for kind, name in ids if kind == "AWS::S3::Bucket" and name]:
            _emptied(bucket)
        client.delete_stack(StackName=stack)
        status = _settled(client, stack)
        if status:
            raise DeploymentFailed("\n  ".join([f"the stack {stack} is {status}:", *failures(stack, region)]))
        _without_logs(functions, region)
    packages = _bucket(stack, region)
    if _exists(packages):
        _emptied(packages)
        boto3.client("s3").delete_bucket(Bucket=packages)


def left(regions: Iterable[str] | None = None) -> list[str]:
    """Return what the account still holds, such as ``lambda thumbnails``; empty for an empty account.

    Parameters
    ----------
    regions:
        Where to look; the account's home without it.
    """
    home, used = boto3.client("sts").meta.region_name, _used()
    found = []
    for number, region in enumerate(regions or [home]):
        for service, method, where, name in _LISTS:
            if (number and service in _EVERYWHERE) or service not in used:
                continue
            answer = getattr(boto3.client(service, region_name=region), method)(**_ARGUMENTS.get(method, {}))
            for part in where.split("."):
                answer = answer.get(part, [])
            found += [f"{service} {one[name] if name else one}" for one in answer if not _given(one)]
    return sorted(found)


def _used() -> set[str]:
    """Return the services that were called since the start (to ask one would wake it), or all if nobody knows."""
    running = cloud.current()
    if not running.record.standing:
        known = {service for service, *_ in _LISTS}
        return known - set(running.lacking(*known))
    used = {use.service for use in running.record.used()} | {*_UNASKED}
    return used | {"sesv2"} if "ses" in used else used


def _given(member: Any) -> bool:
    """Return whether AWS makes this itself in each account."""
    return isinstance(member, dict) and str(member.get("Path", "")).startswith("/aws-service-role/")


def _bucket(stack: str, region: str | None) -> str:
    """Return the name of the bucket for a stack's packages."""
    return f"{stack.lower()}-packages-{boto3.client('s3', region_name=region).meta.region_name}"


def _exists(bucket: str) -> bool:
    try:
        boto3.client("s3").head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        return False
    return True


def _make(bucket: str, region: str | None) -> None:
    s3 = boto3.client("s3", region_name=region)
    place = s3.meta.region_name
    if not _exists(bucket):
        elsewhere = {} if place == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": place}}
        s3.create_bucket(Bucket=bucket, **elsewhere)


def _emptied(bucket: str) -> None:
    boto3.resource("s3").Bucket(bucket).object_versions.delete()


def _functions(client: Any, stack: str) -> set[str]:
    """Return the names of all functions that a stack has, or had: the logs of those stay, too."""
    pages = client.get_paginator("describe_stack_events").paginate(StackName=stack)
    events = [event for page in pages for event in page["StackEvents"] if event.get("PhysicalResourceId")]
    return {one["PhysicalResourceId"] for one in events if one["ResourceType"] == "AWS::Lambda::Function"}


def _without_logs(functions: Iterable[str], region: str | None) -> None:
    logs = boto3.client("logs", region_name=region)
    for function in functions:
        for group in logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])


def _described(client: Any, stack: str) -> dict[str, Any] | None:
    """Return what CloudFormation says about a stack, or None where there is none."""
    try:
        return dict(client.describe_stacks(StackName=stack)["Stacks"][0])
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise


def _status(client: Any, stack: str) -> str:
    """Return a stack's status, empty where there is none."""
    found = _described(client, stack)
    return str(found["StackStatus"]) if found else ""


def _settled(client: Any, stack: str) -> str:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while (status := _status(client, stack)).endswith("_IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise DeploymentFailed(f"the stack {stack} is {status} since {_LONGEST_SECONDS} seconds")
        time.sleep(0.02)
    return status
