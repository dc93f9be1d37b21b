"""Errors in plain words: what a learner reads instead of a stack trace."""

from __future__ import annotations

import json
import os
from typing import Any

from helpers.teaching.output import escape

CLOUD_STOPPED = "The local cloud does not answer. Run the first cell of this notebook again, then this one."


def cloud_answers() -> bool:
    """Return whether boto3 is pointed at the local cloud; without that, a call could reach your own AWS account."""
    return "AWS_ENDPOINT_URL" in os.environ


def said_plainly(said: object) -> str:
    """Return what AWS said on one line: an error's code and message, a function's error payload, or text."""
    response = getattr(said, "response", None)
    if isinstance(response, dict) and "Error" in response:
        error = response["Error"]
        return f"{error.get('Code', 'Unknown')}: {error.get('Message', '')}".rstrip(": ")
    if isinstance(said, BaseException):
        return f"{type(said).__name__}: {said}".rstrip(": ")
    if isinstance(said, bytes):
        return said_plainly(said.decode("utf-8", "replace"))
    if isinstance(said, str):
        return _payload(_parsed(said)) or said
    return _payload(said) or json.dumps(said, default=str, ensure_ascii=False)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _payload(value: object) -> str:
    """Return type and message of a Lambda function's error payload, or an empty string for anything else."""
    if not isinstance(value, dict) or "errorMessage" not in value:
        return ""
    kind = value.get("errorType")
    return f"{kind}: {value['errorMessage']}" if kind else str(value["errorMessage"])


def what_went_wrong(error: BaseException) -> tuple[str, str]:
    """Return a sentence for the learner, and what AWS said, for an exception that a check did not expect."""
    from botocore import exceptions as aws

    if isinstance(error, aws.ClientError) and error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 501:
        return f"This task needs the call {error.operation_name}, which the cloud behind this notebook lacks.", ""
    if isinstance(error, aws.ClientError):
        return f"AWS refused the call {error.operation_name}, which this check needs.", said_plainly(error)
    if isinstance(error, aws.EndpointConnectionError | aws.ConnectionClosedError | aws.NoCredentialsError):
        return CLOUD_STOPPED, ""
    if isinstance(error, aws.HTTPClientError):
        return "AWS did not answer in time. Look at what your functions are doing, then check again.", ""
    if isinstance(error, aws.BotoCoreError):
        return "boto3 could not make a call that this check needs.", str(error)
    if isinstance(error, AssertionError):
        return str(error) or "Something that this check looked at is not as the task asks.", ""
    if isinstance(error, KeyError):
        return f"The answer has no {escape(str(error))}, which this check looks for.", ""
    if isinstance(error, IndexError | StopIteration):
        return "The answer has fewer entries than this check looks for.", ""
    if isinstance(error, json.JSONDecodeError):
        return "The answer is not JSON, which this check expects.", ""
    return f"The check could not read the answer ({escape(said_plainly(error))}).", ""
