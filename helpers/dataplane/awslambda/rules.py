"""The checks of Lambda's control plane that its API model does not hold: sizes, counts, roles, reservations.

Numbers: "Lambda quotas", Lambda Developer Guide. Messages: as AWS answers them.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.identities import Identities
from helpers.dataplane.regions import region_of_bucket

MOST_MEMORY_MB = 10_240
MOST_VARIABLES_BYTES = 4096
MOST_LAYERS = 5
MOST_UNZIPPED_BYTES = 250 * 1024 * 1024
MOST_REQUEST_BYTES = 70_167_211
"""50 MB of zip, written in base64 into a JSON request."""
MOST_PAYLOAD_BYTES = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024}
_RESERVED = frozenset(
    """_HANDLER _X_AMZN_TRACE_ID AWS_ACCESS_KEY AWS_ACCESS_KEY_ID AWS_DEFAULT_REGION AWS_EXECUTION_ENV
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_FUNCTION_VERSION AWS_LAMBDA_INITIALIZATION_TYPE
    AWS_LAMBDA_LOG_GROUP_NAME AWS_LAMBDA_LOG_STREAM_NAME AWS_LAMBDA_RUNTIME_API AWS_REGION AWS_SECRET_ACCESS_KEY
    AWS_SECRET_KEY AWS_SESSION_TOKEN LAMBDA_RUNTIME_DIR LAMBDA_TASK_ROOT""".split()
)
_UNCONFIGURABLE = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)


def invalid(message: str) -> AWSError:
    """Return Lambda's error for a parameter that is well-formed but wrong."""
    return AWSError("InvalidParameterValueException", message, 400, Type="User")


def check_configuration(given: dict[str, Any], identities: Identities) -> None:
    """Check the parameters of CreateFunction or UpdateFunctionConfiguration.

    Raises
    ------
    AWSError
        ``InvalidParameterValueException`` with AWS's message.
    """
    if int(given.get("MemorySize") or 128) > MOST_MEMORY_MB:
        raise invalid(
            "'MemorySize' value failed to satisfy constraint: Member must have value less than or equal to "
            f"{MOST_MEMORY_MB}"
        )
    if len(given.get("Layers") or []) > MOST_LAYERS:
        raise invalid(f"Cannot reference more than {MOST_LAYERS} layers.")
    _check_variables((given.get("Environment") or {}).get("Variables") or {})
    if given.get("Role"):
        check_role(given["Role"], identities)


def check_layer_region(arn: str, region: str) -> None:
    """Check that a layer is in the function's Region.

    Raises
    ------
    AWSError
        ``InvalidParameterValueException`` with AWS's message.
    """
    if arn.split(":")[3] != region:
        words = f"Layers are expected to be in region {region}."
        raise invalid(f"Layers are not in the same region as the function. {words}")


def check_code_region(bucket: str | None, call: Call) -> None:
    """Check that the bucket with a function's code is in its Region.

    Raises
    ------
    AWSError
        ``InvalidParameterValueException`` with AWS's message.
    """
    region = region_of_bucket(call.account_id, bucket or "")
    if region not in ("", call.region):
        words = f"The bucket is in this region: {region}. Please use this region to retry the request"
        raise invalid(f"Error occurred while GetObject. S3 Error Code: PermanentRedirect. S3 Error Message: {words}")


def check_tracing(role: str, identities: Identities) -> None:
    """Check that the execution role of a function with active tracing may send segments.

    Raises
    ------
    AWSError
        ``InvalidParameterValueException`` with AWS's message.
    """
    if not identities.role_may(role, "xray:PutTraceSegments", "*"):
        raise invalid("The provided execution role does not have permissions to call PutTraceSegments on XRAY")


def _check_variables(variables: dict[str, str]) -> None:
    reserved = sorted(_RESERVED & set(variables))
    if reserved:
        raise invalid(
            _UNCONFIGURABLE + "contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"))
    if len(measured.encode()) > MOST_VARIABLES_BYTES:
        raise invalid(_UNCONFIGURABLE + f"exceeded the 4KB limit. String measured: {measured}")


def check_role(arn: str, identities: Identities) -> None:
    """Check that the execution role exists and that its trust policy lets Lambda assume it."""
    if not identities.lets_assume(arn, "lambda"):
        raise invalid("The role defined for the function cannot be assumed by Lambda.")


def check_package(content: bytes | None, request_bytes: int, operation: str) -> None:
    """Check a deployment package that came in a request of ``request_bytes``.

    Raises
    ------
    AWSError
        ``RequestEntityTooLargeException`` or ``InvalidParameterValueException`` (not a zip, empty, too large unzipped).
    """
    if request_bytes > MOST_REQUEST_BYTES:
        message = f"Request must be smaller than {MOST_REQUEST_BYTES} bytes for the {operation} operation"
        raise AWSError("RequestEntityTooLargeException", message, 413)
    if content is None:
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            unzipped = sum(entry.file_size for entry in package.infolist())
    except zipfile.BadZipFile:
        raise invalid("Could not unzip uploaded file. Please check your file, then try to upload again.") from None
    if unzipped == 0:
        raise invalid("Uploaded file must be a non-empty zip")
    if unzipped >= MOST_UNZIPPED_BYTES:
        raise invalid(f"Unzipped size must be smaller than {MOST_UNZIPPED_BYTES} bytes")


def check_payload(payload: bytes, invocation_type: str) -> None:
    """Check the size and the form of an event.

    Raises
    ------
    AWSError
        ``RequestEntityTooLargeException`` (413) or ``InvalidRequestContentException``.
    """
    most = MOST_PAYLOAD_BYTES.get(invocation_type, MOST_PAYLOAD_BYTES["RequestResponse"])
    if len(payload) > most:
        message = (
            f"{len(payload)} byte payload is too large for the {invocation_type} invocation type (limit {most} bytes)"
        )
        raise AWSError("RequestEntityTooLargeException", message, 413, Type="User")
    try:
        json.loads(payload or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise AWSError("InvalidRequestContentException", message, 400, Type="User") from None


def read_client_context(given: str) -> str:
    """Return the JSON text of a client context, which a caller sends in base64; empty when there is none.

    Raises
    ------
    AWSError
        ``InvalidRequestContentException``.
    """
    try:
        text = base64.b64decode(given, validate=True).decode()
        json.loads(text or "{}")
    except ValueError:
        message = "Client context must be a valid Base64-encoded JSON object."
        raise AWSError("InvalidRequestContentException", message, 400, Type="User") from None
    return text


def check_reservation(wanted: int, reserved_elsewhere: int, quotas: dict[str, int]) -> None:
    """Check that a reservation leaves enough of the account's concurrency to all other functions."""
    check_unreserved("ReservedConcurrentExecutions", reserved_elsewhere + wanted, quotas)


def check_unreserved(parameter: str, claimed: int, quotas: dict[str, int]) -> None:
    """Check that what functions claim for themselves, by ``parameter``, leaves enough of the account's concurrency."""
    least = quotas["lambda.unreserved_concurrency_minimum"]
    if quotas["lambda.concurrent_executions"] - claimed < least:
        raise invalid(
            f"Specified {parameter} for function decreases account's UnreservedConcurrentExecution below its minimum "
            f"value of [{least}]."
        )


def check_unpublished(qualifier: str | None, part: str) -> None:
    """Check that a change is meant for ``$LATEST``: a published version keeps its code and its configuration.

    AWS publishes this rule (API_UpdateFunctionCode, API_UpdateFunctionConfiguration) and not what its refusal says; the
    message here is the rule.
    """
    if qualifier not in (None, "$LATEST"):
        raise invalid(f"You can't modify the {part} of a published version, only the unpublished version.")


def check_weights(routing: dict[str, Any], primary: str) -> None:
    """Check an alias's weights: one further version at most, another than the first, and no ``$LATEST``."""
    weights = (routing or {}).get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    if weights and (primary == "$LATEST" or "$LATEST" in weights):
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    if primary in weights:
        raise invalid(
            f"Invalid function version {primary}. "
            f"Function version {primary} is already included in routing configuration."
        )
