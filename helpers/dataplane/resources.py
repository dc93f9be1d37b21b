"""Names of things: the IAM action of an API operation and the ARN of the resource that a call is about.

AWS publishes both for each service in the Service Authorization Reference. Here are the ones of the services that the
course uses; for any other service the resource is ``*``.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any
from urllib.parse import unquote

from helpers.dataplane.call import Call

_ACTIONS = {
    ("lambda", "Invoke"): "InvokeFunction",
    ("lambda", "InvokeAsync"): "InvokeFunction",
    ("lambda", "ListFunctions"): "ListFunctions",
    ("s3", "ListObjects"): "ListBucket",
    ("s3", "ListObjectsV2"): "ListBucket",
    ("s3", "HeadBucket"): "ListBucket",
    ("s3", "ListBuckets"): "ListAllMyBuckets",
    ("s3", "HeadObject"): "GetObject",
    ("s3", "CopyObject"): "PutObject",
    ("s3", "DeleteObjects"): "DeleteObject",
    ("s3", "CreateMultipartUpload"): "PutObject",
    ("s3", "UploadPart"): "PutObject",
    ("s3", "CompleteMultipartUpload"): "PutObject",
    ("sqs", "SendMessageBatch"): "SendMessage",
    ("sqs", "DeleteMessageBatch"): "DeleteMessage",
}
_STEPS = {"ConditionCheck": "ConditionCheckItem"}
"""What a step of a transaction needs, where it is not called like it."""
_PREFIXES = {"stepfunctions": "states", "cloudwatch": "cloudwatch", "dynamodbstreams": "dynamodb", "sesv2": "ses"}
_SUBJECTS = (
    "FunctionName", "TableName", "Bucket", "QueueName", "QueueUrl", "TopicArn", "Name", "RoleName", "logGroupName",
    "stateMachineArn", "StreamName", "UserName", "LayerName", "DeliveryStreamName",
)  # fmt: skip


def action_of(call: Call) -> str:
    """Return the IAM action that the call needs, such as ``s3:GetObject``."""
    prefix = _PREFIXES.get(call.service, call.service)
    return f"{prefix}:{_ACTIONS.get((call.service, call.name), call.name)}"


def needs_of(call: Call) -> list[tuple[str, str]]:
    """Return each IAM action that the call needs, with the ARN of what it is done to."""
    action, resource, given = action_of(call), resource_of(call), call.params
    if (call.service, call.name) == ("s3", "DeleteObjects"):
        return [(action, f"{resource}/{one['Key']}") for one in given["Delete"]["Objects"]]
    if (call.service, call.name) == ("events", "PutEvents"):
        buses = dict.fromkeys(one.get("EventBusName") or "default" for one in given["Entries"])
        base = f"arn:aws:events:{call.region}:{call.account_id}:event-bus/"
        return [(action, bus if bus.startswith("arn:") else base + bus) for bus in buses]
    if "RequestItems" in given:
        return [(action, _table(call, table)) for table in given["RequestItems"]]
    if "TransactItems" in given:
        steps = [(kind, one["TableName"]) for step in given["TransactItems"] for kind, one in step.items()]
        return [(f"dynamodb:{_STEPS.get(kind, f'{kind}Item')}", _table(call, table)) for kind, table in steps]
    needs = [(action, resource)]
    if (call.service, call.name) == ("s3", "CopyObject"):
        source = unquote(given["CopySource"]).removeprefix("/").partition("?versionId=")[0]
        needs.append(("s3:GetObject", f"arn:aws:s3:::{source}"))
    return needs


def _table(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{call.region}:{call.account_id}:table/{name}"


def resource_of(call: Call) -> str:
    """Return the ARN of what the call is about, or ``*``; of a function with the version or alias that is asked for."""
    given: dict[str, Any] = call.params
    base = f"arn:aws:{_PREFIXES.get(call.service, call.service)}:{call.region}:{call.account_id}"
    if call.service == "athena":
        return f"{base}:workgroup/{given.get('WorkGroup') or 'primary'}"
    if call.service == "codedeploy":
        return _deployment_group(base, call)
    for name, form in _ARN_FORMS.get(call.service, {}).items():
        value = str(given.get(name) or "")
        if value:
            short = value.rpartition("/")[2] if name == "QueueUrl" else value
            short = parseaddr(value)[1] if name in ("Source", "FromEmailAddress") else short
            arn = value if value.startswith("arn:") else form.format(base=base, name=short, **_key(given))
            qualifier = given.get("Qualifier") if call.service == "lambda" else None
            return f"{arn}:{qualifier}" if qualifier else arn
    return "*"


_ARN_FORMS = {
    "s3": {"Key": "arn:aws:s3:::{bucket}/{name}", "Bucket": "arn:aws:s3:::{name}"},
    "dynamodb": {"TableName": "{base}:table/{name}"},
    "sqs": {"QueueUrl": "{base}:{name}", "QueueName": "{base}:{name}"},
    "sns": {"TopicArn": "{name}", "Name": "{base}:{name}"},
    "lambda": {"FunctionName": "{base}:function:{name}"},
    "logs": {"logGroupName": "{base}:log-group:{name}"},
    "stepfunctions": {"stateMachineArn": "{name}", "executionArn": "{name}"},
    # six characters that AWS chooses end a secret's ARN; a policy names them, or "-??????"
    "secretsmanager": {"SecretId": "{base}:secret:{name}-??????"},
    "firehose": {"DeliveryStreamName": "{base}:deliverystream/{name}"},
    "ses": {"Source": "{base}:identity/{name}"},
    "sesv2": {"FromEmailAddress": "{base}:identity/{name}", "EmailIdentity": "{base}:identity/{name}"},
    "kinesis": {"StreamARN": "{name}", "StreamName": "{base}:stream/{name}"},
}


def _key(given: dict[str, Any]) -> dict[str, str]:
    return {"bucket": str(given.get("Bucket", ""))}


def _deployment_group(base: str, call: Call) -> str:
    """Return the ARN of the deployment group that a call names, or whose deployment it names."""
    from moto.codedeploy.models import codedeploy_backends  # only its own calls need it

    application, group = call.params.get("applicationName"), call.params.get("deploymentGroupName")
    deployment = codedeploy_backends[call.account_id][call.region].deployments.get(call.params.get("deploymentId", ""))
    if deployment:
        application, group = deployment.application_name, deployment.deployment_group_name
    return f"{base}:deploymentgroup:{application}/{group}" if application and group else "*"


def subject_of(call: Call) -> str:
    """Return the short name of what the call is about (for people), or an empty string."""
    return subject_in(call.params)


def subject_in(params: Mapping[str, Any]) -> str:
    """Return the short name of what a call with these parameters is about, or an empty string."""
    for name in _SUBJECTS:
        value = params.get(name)
        if isinstance(value, str) and value:
            short = value.rpartition(":")[2] if value.startswith("arn:") else value
            return short.rpartition("/")[2] if name == "QueueUrl" else short
    return ""
