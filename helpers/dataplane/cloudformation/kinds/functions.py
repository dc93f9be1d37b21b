"""Functions and workflows: AWS::Lambda::* and AWS::StepFunctions::StateMachine.

AWS: "AWS Lambda resource type reference", "AWS Step Functions resource type reference" (CloudFormation Template
Reference) and "UpdatePolicy attribute", CodeDeployLambdaAliasUpdate. Here: the types and properties of the course.
"""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from typing import Any

import yaml

from helpers.dataplane.cloudformation.kinds.kind import Kind, Made, Properties, Site, written
from helpers.dataplane.cloudformation.template import invalid
from helpers.dataplane.codedeploy import appspec
from helpers.dataplane.codedeploy.appspec import AppSpec

LONGEST_SHIFT_SECONDS = 3600
_TRIES = 600
_ENDED = {"Succeeded", "Failed", "Stopped"}


def _with_code(site: Site, properties: Properties) -> Properties:
    code = dict(properties["Code"])
    if "ZipFile" in code:
        code["ZipFile"] = _zipped(code["ZipFile"], str(properties.get("Runtime", "")))
    return {**properties, "Code": code}


class FunctionKind(Kind):
    """A function's code and its configuration change by calls of their own."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        parts = ("Code", "Architectures")
        if any(properties.get(one) != old.get(one) for one in parts):
            ready = _with_code(site, properties)
            code = {"Architectures": properties.get("Architectures", ["x86_64"]), **ready["Code"]}
            self._call(site, "update_function_code", made.keys, code)
            old = {**old, **{one: properties[one] for one in parts if one in properties}}
        return super().update(site, made, properties, old)


def _settled(site: Site, made: Made, properties: Properties) -> None:
    """Wait until the function can be called, as CloudFormation does."""
    for _ in range(_TRIES):
        said = site.client("lambda").get_function_configuration(**made.keys)
        if "Pending" not in said.get("State", "") and said.get("LastUpdateStatus") != "InProgress":
            return
        site.context.clock.wait(1)
    raise invalid(f"the function {made.id} did not become active")


def _zipped(text: str, runtime: str) -> bytes:
    """Return inline code as a package: the file is called index, in the language of the runtime."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        file = zipfile.ZipInfo("index.js" if runtime.startswith("nodejs") else "index.py")
        file.external_attr = 0o644 << 16
        archive.writestr(file, text)
    return package.getvalue()


def _reserve(site: Site, made: Made, new: Any, old: Any) -> None:
    client, name = site.client("lambda"), made.keys["FunctionName"]
    if new is None:
        client.delete_function_concurrency(FunctionName=name)
    else:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(new))


def _tag(site: Site, made: Made, new: Any, old: Any) -> None:
    client, arn = site.client("lambda"), site.arn("lambda", f"function:{made.keys['FunctionName']}")
    gone = sorted({one["Key"] for one in old or []} - {one["Key"] for one in new or []})
    if gone:
        client.untag_resource(Resource=arn, TagKeys=gone)
    if new:
        client.tag_resource(Resource=arn, Tags={one["Key"]: str(one["Value"]) for one in new})


def _provision(site: Site, made: Made, new: Any, old: Any) -> None:
    """Provision concurrency for a version or an alias; only Lambda's own setting is brought, not its becoming ready."""
    client = site.client("lambda")
    where = {"FunctionName": made.keys["FunctionName"], "Qualifier": made.keys.get("Qualifier") or made.keys["Name"]}
    if new is None:
        client.delete_provisioned_concurrency_config(**where)
    else:
        wanted = int(new["ProvisionedConcurrentExecutions"])
        client.put_provisioned_concurrency_config(**where, ProvisionedConcurrentExecutions=wanted)


def _routing(site: Site, properties: Properties) -> Properties:
    routing = properties.get("RoutingConfig")
    if not routing:
        return dict(properties)
    weights = routing.get("AdditionalVersionWeights") or []
    if isinstance(weights, list):
        weights = {one["FunctionVersion"]: one["FunctionWeight"] for one in weights}
    return {**properties, "RoutingConfig": {"AdditionalVersionWeights": weights}}


class AliasKind(Kind):
    """An alias moves at once, or, when its UpdatePolicy says so, as CodeDeploy shifts it."""

    def update(self, site: Site, made: Made, properties: Properties, old: Properties) -> Made:
        policy = site.shifts.get("CodeDeployLambdaAliasUpdate")
        if policy and properties["FunctionVersion"] != old["FunctionVersion"]:
            shift(site, policy, properties, old["FunctionVersion"])
            old = {**old, "FunctionVersion": properties["FunctionVersion"]}
        return super().update(site, made, properties, old)


def shift(site: Site, policy: dict[str, Any], alias: Properties, current: str) -> None:
    """Let CodeDeploy move an alias from the version ``current`` to its new one, and wait until that is done.

    Raises
    ------
    AWSError
        ``ValidationError``: the deployment failed or was stopped.
    """
    client = site.client("codedeploy")
    name = re.sub(r".*:function:", "", alias["FunctionName"])
    hooks = {event: policy[f"{event}Hook"] for event in appspec.HOOKS if policy.get(f"{event}Hook")}
    spec = AppSpec(name, alias["Name"], current, alias["FunctionVersion"], hooks)
    deployment = client.create_deployment(
        applicationName=policy["ApplicationName"],
        deploymentGroupName=policy["DeploymentGroupName"],
        revision=appspec.revision(spec),
    )["deploymentId"]
    limit = time.monotonic() + LONGEST_SHIFT_SECONDS
    while (state := client.get_deployment(deploymentId=deployment)["deploymentInfo"])["status"] not in _ENDED:
        if time.monotonic() > limit:
            raise invalid(f"CodeDeploy deployment {deployment} did not end within {LONGEST_SHIFT_SECONDS} s")
        site.context.clock.wait(5)
    if state["status"] != "Succeeded":
        said = (state.get("errorInformation") or {}).get("message", "")
        raise invalid(f"CodeDeploy deployment {deployment} ended as {state['status']}. {said}".strip())


def _permission(site: Site, properties: Properties) -> Properties:
    return {"StatementId": site.name(100), **properties}


def _url(site: Site, properties: Properties) -> Properties:
    """Take a qualifier out of a function's ARN: it has a parameter of its own."""
    parts = str(properties["TargetFunctionArn"]).split(":")
    if len(parts) == 8:
        return {**properties, "TargetFunctionArn": ":".join(parts[:7]), "Qualifier": parts[7]}
    return dict(properties)


def _layer(site: Site, properties: Properties) -> Properties:
    return {"LayerName": f"{site.logical}", **properties}


def _definition(site: Site, properties: Properties) -> Properties:
    """Find a state machine's definition, in the template or in a bucket, and fill in its substitutions."""
    found = dict(properties)
    place, given = found.pop("DefinitionS3Location", None), found.pop("DefinitionSubstitutions", None) or {}
    text = found.pop("DefinitionString", None) or json.dumps(found.pop("Definition", None))
    if place:
        text = s3_text(site, place)
    for name, value in given.items():
        text = text.replace(f"${{{name}}}", written(value))
    if not text.lstrip().startswith("{"):
        text = json.dumps(yaml.safe_load(text))
    return {**found, "Definition": text}


def s3_text(site: Site, place: dict[str, str]) -> str:
    """Return the text of an object that a template names by Bucket, Key and Version."""
    where = {"Bucket": place["Bucket"], "Key": place["Key"]}
    if place.get("Version"):
        where["VersionId"] = place["Version"]
    body: bytes = site.client("s3").get_object(**where)["Body"].read()
    return body.decode()


_FUNCTION = {"FunctionName": "p.FunctionName"}
KINDS = [
    FunctionKind(
        "AWS::Lambda::Function", "lambda", "create_function", "p.FunctionName", _FUNCTION, "delete_function",
        update_calls=("update_function_configuration",),
        read="get_function_configuration",
        attributes={"Arn": "d.FunctionArn"}, name="FunctionName", prepare=_with_code,
        after=_settled,
        defaults={
            "Environment": {"Variables": {}}, "Description": "", "Timeout": 3, "MemorySize": 128, "Layers": [],
            "DeadLetterConfig": {"TargetArn": ""}, "TracingConfig": {"Mode": "PassThrough"},
            "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}, "EphemeralStorage": {"Size": 512},
        },
        steps={"ReservedConcurrentExecutions": _reserve, "Tags": _tag},
        ignored=("RecursiveLoop",),
    ),
    Kind(
        "AWS::Lambda::Version", "lambda", "publish_version", "a.FunctionArn",
        {"FunctionName": "p.FunctionName", "Qualifier": "a.Version"}, "delete_function",
        attributes={"Version": "a.Version", "FunctionArn": "a.FunctionArn"},
        steps={"ProvisionedConcurrencyConfig": _provision}, ignored=("FunctionScalingConfig",),
    ),
    AliasKind(
        "AWS::Lambda::Alias", "lambda", "create_alias", "a.AliasArn",
        {"FunctionName": "p.FunctionName", "Name": "p.Name"}, "delete_alias", ("update_alias",),
        attributes={"AliasArn": "a.AliasArn"}, prepare=_routing, steps={"ProvisionedConcurrencyConfig": _provision},
        defaults={"RoutingConfig": {"AdditionalVersionWeights": []}, "Description": ""},
    ),
    Kind(
        "AWS::Lambda::Permission", "lambda", "add_permission", "p.StatementId",
        {"FunctionName": "p.FunctionName", "StatementId": "p.StatementId"}, "remove_permission",
        attributes={"Id": "p.StatementId"}, prepare=_permission,
    ),
    Kind(
        "AWS::Lambda::EventSourceMapping", "lambda", "create_event_source_mapping", "a.UUID", {"UUID": "a.UUID"},
        "delete_event_source_mapping", ("update_event_source_mapping",),
        attributes={"Id": "a.UUID", "EventSourceMappingArn": "a.EventSourceMappingArn"},
    ),
    Kind(
        "AWS::Lambda::Url", "lambda", "create_function_url_config", "a.FunctionArn",
        {"FunctionName": "p.TargetFunctionArn", "Qualifier": "p.Qualifier"}, "delete_function_url_config",
        ("update_function_url_config",), rename={"TargetFunctionArn": "FunctionName"},
        attributes={"FunctionUrl": "a.FunctionUrl", "FunctionArn": "a.FunctionArn"}, defaults={"Cors": {}},
        prepare=_url,
    ),
    Kind(
        "AWS::Lambda::LayerVersion", "lambda", "publish_layer_version", "a.LayerVersionArn",
        {"LayerName": "p.LayerName", "VersionNumber": "a.Version"}, "delete_layer_version", prepare=_layer,
        attributes={"LayerVersionArn": "a.LayerVersionArn"},
    ),
    Kind(
        "AWS::Lambda::EventInvokeConfig", "lambda", "put_function_event_invoke_config",
        lambda site, scope: f"{scope['p']['FunctionName']}|{scope['p']['Qualifier']}",
        {"FunctionName": "p.FunctionName", "Qualifier": "p.Qualifier"}, "delete_function_event_invoke_config",
        ("put_function_event_invoke_config",),
    ),
    Kind(
        "AWS::StepFunctions::StateMachine", "stepfunctions", "create_state_machine", "a.stateMachineArn",
        {"stateMachineArn": "a.stateMachineArn"}, "delete_state_machine", ("update_state_machine",),
        attributes={"Arn": "a.stateMachineArn", "Name": "p.StateMachineName"}, name="StateMachineName", longest=80,
        rename={"StateMachineName": "name", "StateMachineType": "type"}, prepare=_definition,
    ),
]  # fmt: skip
