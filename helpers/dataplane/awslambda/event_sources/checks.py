"""What Lambda checks before it makes or changes a mapping: settings, source, function, role.

AWS: API_CreateEventSourceMapping, Lambda API Reference, and the pages of each source in the Lambda Developer Guide.
Ranges and enums stand in the API model (``limits``). Messages: as AWS answers them. Sources that the course does not
use (Kafka, Amazon MQ, DocumentDB), tumbling windows and provisioned pollers are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping as Given
from typing import Any

from moto.dynamodbstreams.models import dynamodbstreams_backends
from moto.kinesis.models import kinesis_backends
from moto.sqs.models import sqs_backends

from helpers.dataplane.awslambda.event_sources import filters
from helpers.dataplane.awslambda.event_sources.poller import PERMISSIONS, Mapping, Services, missing_permissions
from helpers.dataplane.awslambda.functions import Target
from helpers.dataplane.awslambda.rules import invalid
from helpers.dataplane.call import AWSError, not_built

_LARGEST_FIFO_BATCH = 10
_LARGEST_UNWINDOWED_BATCH = 10
_DEFAULTS: dict[str, dict[str, Any]] = {
    "sqs": {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []},
    "stream": {
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "BisectBatchOnFunctionError": False,
        "DestinationConfig": {"OnFailure": {}},
        "MaximumRecordAgeInSeconds": -1,
        "MaximumRetryAttempts": -1,
        "ParallelizationFactor": 1,
        "TumblingWindowInSeconds": 0,
    },
}
_OF_STREAMS_ONLY = frozenset(_DEFAULTS["stream"]) - frozenset(_DEFAULTS["sqs"])
_NOT_BUILT = (
    "SelfManagedEventSource", "Topics", "Queues", "SourceAccessConfigurations", "ProvisionedPollerConfig", "KMSKeyArn",
    "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig",
    "MetricsConfig", "LoggingConfig",
)  # fmt: skip


def service_of(source_arn: str) -> str:
    """Return the service of an event source's ARN."""
    return (source_arn.split(":") + [""] * 3)[2]


def check_new(given: Given[str, Any]) -> None:
    """Check what only a new mapping has: its source and where to start in a stream.

    Raises
    ------
    AWSError
        ``InvalidParameterValueException``; ``NotImplementedException`` for what this cloud lacks.
    """
    source = given.get("EventSourceArn") or ""
    if not source and not given.get("SelfManagedEventSource"):
        raise invalid("Unrecognized event source.")
    service, position = service_of(source), given.get("StartingPosition")
    if service not in PERMISSIONS:
        raise _not_built(f"an event source of {service or 'your own'}")
    if service == "sqs":
        if position or given.get("StartingPositionTimestamp"):
            raise invalid("StartingPosition is not valid for SQS event sources.")
        return
    if not position:
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if position == "AT_TIMESTAMP" and service == "dynamodb":
        raise invalid(f"Unsupported starting position for arn type: {source}")
    if given.get("StartingPositionTimestamp") and position != "AT_TIMESTAMP":
        raise invalid("Timestamp only valid with StartingPosition AT_TIMESTAMP")
    if position == "AT_TIMESTAMP" and not given.get("StartingPositionTimestamp"):
        raise invalid("StartingPositionTimestamp is required when StartingPosition is AT_TIMESTAMP.")


def with_defaults(source_arn: str, settings: Given[str, Any]) -> dict[str, Any]:
    """Return the settings of a new mapping with AWS's defaults."""
    return {**_DEFAULTS["sqs" if service_of(source_arn) == "sqs" else "stream"], **settings}


def target_of(services: Services, name: str, region: str) -> Target:
    """Return the function that a mapping is to invoke."""
    try:
        return services.functions.find(name, region=region)
    except AWSError:
        raise invalid("Function does not exist") from None


def check_is_new(target: Target, source_arn: str, mappings: list[Mapping]) -> None:
    """Check that the function does not poll the source already."""
    for mapping in mappings:
        if (mapping.function_arn, mapping.source_arn) == (target.arn, source_arn):
            if mapping.service == "sqs":
                what = f'An event source mapping with SQS arn (" {source_arn} ") and function (" {target.name} ")'
            else:
                what = f'The event source arn (" {source_arn} ") and function (" {target.name} ") provided mapping'
            message = f"{what} already exists. Please update or delete the existing mapping with UUID {mapping.uuid}"
            raise AWSError("ResourceConflictException", message, 409, Type="User")


def check_settings(
    services: Services, source_arn: str, target: Target, settings: Given[str, Any]
) -> list[dict[str, Any]]:
    """Check settings as they would be in force; return the filter patterns, read.

    Raises
    ------
    AWSError
        ``InvalidParameterValueException`` with AWS's message; ``NotImplementedException`` for what this cloud lacks.
    """
    for name in _NOT_BUILT:
        if settings.get(name):
            raise _not_built(name)
    if settings.get("TumblingWindowInSeconds"):
        raise _not_built("TumblingWindowInSeconds")
    if (settings.get("DestinationConfig") or {}).get("OnSuccess"):
        raise invalid("Unsupported DestinationConfig parameter for given event source mapping type.")
    if service_of(source_arn) == "sqs":
        _check_sqs(services, source_arn, target, settings)
    else:
        _check_stream(services, source_arn, target, settings)
    return _patterns(settings)


def _patterns(settings: Given[str, Any]) -> list[dict[str, Any]]:
    given = (settings.get("FilterCriteria") or {}).get("Filters") or []
    if len(given) > filters.MOST_FILTERS:
        raise invalid(f"Exceeded maximum number of filters: {filters.MOST_FILTERS}")
    try:
        return [filters.parse(one.get("Pattern") or "") for one in given]
    except ValueError:
        raise invalid("Invalid filter pattern definition.") from None


def _check_sqs(services: Services, source_arn: str, target: Target, settings: Given[str, Any]) -> None:
    size, window = settings["BatchSize"], settings["MaximumBatchingWindowInSeconds"]
    unsupported = sorted(name for name in _OF_STREAMS_ONLY if name in settings)
    if unsupported:
        raise invalid(f"{unsupported[0]} is not supported for SQS event sources.")
    if source_arn.endswith(".fifo"):
        if window:
            raise invalid("Batching window is not supported for FIFO queues")
        if size > _LARGEST_FIFO_BATCH:
            raise invalid(f"Batch size must not exceed {_LARGEST_FIFO_BATCH} for FIFO queues")
    if size > _LARGEST_UNWINDOWED_BATCH and not window:
        raise invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
    denied = missing_permissions(services.context, target, source_arn)
    if denied:
        raise invalid(f"The function execution role does not have permissions to call {denied[0]} on SQS")
    _, _, _, region, account, name = source_arn.split(":", 5)
    queue = sqs_backends[account][region].queues.get(name) if account == services.context.account_id else None
    if queue is None or region != target.arn.split(":")[3]:
        raise invalid(
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist."
        )
    visible, timeout = int(queue.visibility_timeout), int(target.function.timeout)  # type: ignore[attr-defined]
    if visible < timeout:
        raise invalid(f"Queue visibility timeout: {visible} seconds is less than Function timeout: {timeout} seconds")


def _check_stream(services: Services, source_arn: str, target: Target, settings: Given[str, Any]) -> None:
    service = service_of(source_arn)
    if settings.get("ScalingConfig"):
        raise invalid("ScalingConfig is only supported for SQS event sources.")
    if 0 <= settings["MaximumRecordAgeInSeconds"] < 60:
        raise invalid("MaximumRecordAgeInSeconds must be -1 or between 60 and 604800.")
    if missing_permissions(services.context, target, source_arn):
        names = PERMISSIONS[service]
        actions = f"{', '.join(names[:-1])}, and {names[-1]}"
        raise invalid(
            f"Cannot access stream {source_arn}. Please ensure the role can perform the {actions} Actions "
            "on your stream in IAM."
        )
    account, region = source_arn.split(":")[4], source_arn.split(":")[3]
    if service == "kinesis":
        arns = [stream.arn for stream in kinesis_backends[account][region].list_streams()]
    else:
        arns = [stream["StreamArn"] for stream in dynamodbstreams_backends[account][region].list_streams()]
    if source_arn not in arns:
        raise invalid(f"Stream not found: {source_arn}")


def _not_built(what: str) -> AWSError:
    return not_built(f"lambda CreateEventSourceMapping with {what}")
