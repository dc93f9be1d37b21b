"""Firehose's transformation: a function gets a batch of records and says for each of them what became of it.

AWS: "Transform source data in Amazon Data Firehose" and "Handle failure in data transformation" (Amazon Data Firehose
Developer Guide). A function that fails is called again, three more times by default; then its batch counts as failed,
as does each record that is not answered, answered twice, or answered with ProcessingFailed. The codes and messages are
those of "Lambda invocation errors", and of error files that users of AWS have shown: they count the first call as an
attempt, and write ``lambdaARN``, which the guide calls ``lambdaArn``.

Unsourced: the pause between the attempts (a second here), and which code stands for a function that is throttled or
denied by the time of the last attempt, beyond the names of the guide.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from helpers.dataplane.call import AWSError
from helpers.dataplane.clock import Clock
from helpers.dataplane.delivery import Delivery, Post, as_json

DEFAULT_RETRIES = 3
_PAUSE_SECONDS = 1.0
_MESSAGES = {
    "Lambda.FunctionError": "The Lambda function was successfully invoked but it returned an error result.",
    "Lambda.InvokeAccessDenied": (
        "Access was denied. Ensure that the access policy allows access to the Lambda function."
    ),
    "Lambda.InvokeLimitExceeded": (
        "The Lambda concurrent execution limit is exceeded. Increase the concurrent execution limit."
    ),
    "Lambda.ResourceNotFound": (
        "The specified Lambda function does not exist. Use a different function that does exist."
    ),
    "Lambda.JsonProcessingException": (
        "There was an error parsing returned records from the Lambda function. Ensure that the returned records follow "
        "the status model required by Kinesis Firehose."
    ),
    "Lambda.DuplicatedRecordId": (
        "Multiple records were returned with the same record ID. Ensure that the Lambda function returns unique record "
        "IDs for each record."
    ),
    "Lambda.MissingRecordId": (
        "One or more record Ids were not returned. Ensure that the Lambda function returns all received record Ids."
    ),
    "Lambda.ProcessingFailedStatus": "ProcessingFailed status set for record",
}
_CODES = {
    "AccessDeniedException": "Lambda.InvokeAccessDenied",
    "TooManyRequestsException": "Lambda.InvokeLimitExceeded",
    "ResourceNotFoundException": "Lambda.ResourceNotFound",
}


@dataclass(frozen=True)
class Record:
    """A record on its way; ``arrived`` is in seconds since the epoch, ``source`` is what is known of its shard."""

    identifier: str
    data: bytes
    arrived: float
    source: dict[str, Any] | None = None


@dataclass(frozen=True)
class Failure:
    """Why records were not transformed."""

    code: str
    attempts: int = 1

    @property
    def message(self) -> str:
        """What Firehose says about it."""
        return _MESSAGES[self.code]


@dataclass(frozen=True)
class Result:
    """What became of a batch: the records to deliver, and those that failed, each with its reason."""

    done: list[Record]
    failed: list[tuple[Record, Failure]]
    milliseconds: float = 0.0
    """How long the last call took."""


class Transformation:
    """Calls the function of one delivery stream, with its role."""

    def __init__(self, post: Post, clock: Clock, arns: dict[str, str], parameters: dict[str, str]) -> None:
        self._post, self._clock, self._arns = post, clock, arns
        self.function = parameters["LambdaArn"]
        self._role = parameters.get("RoleArn") or arns["role"]
        self._retries = int(parameters.get("NumberOfRetries", DEFAULT_RETRIES))

    def of(self, records: Sequence[Record]) -> Result:
        """Transform a batch."""
        failure, began = Failure("Lambda.FunctionError"), time.monotonic()
        for attempt in range(1, self._retries + 2):
            if attempt > 1:
                self._clock.wait(_PAUSE_SECONDS)
            began = time.monotonic()
            try:
                outcome = self._post.ask(self._delivery(records))
            except AWSError as error:
                failure = Failure(_CODES.get(error.code, "Lambda.FunctionError"), attempt)
                continue
            if not outcome.function_error:
                return replace(_judged(records, outcome.payload, attempt), milliseconds=_since(began))
            failure = Failure("Lambda.FunctionError", attempt)
        return Result([], [(record, failure) for record in records], _since(began))

    def _delivery(self, records: Sequence[Record]) -> Delivery:
        event: dict[str, Any] = {
            "invocationId": str(uuid.uuid4()),
            "deliveryStreamArn": self._arns["delivery_stream"],
            "region": self._arns["delivery_stream"].split(":")[3],
            "records": [_shown(record) for record in records],
        }
        if self._arns.get("source"):
            event["sourceKinesisStreamArn"] = self._arns["source"]
        name = self._arns["delivery_stream"].rpartition("/")[2]
        how_many = f"{len(records)} record{'s' if len(records) > 1 else ''}"
        source = self._arns["delivery_stream"]
        return Delivery("firehose", source, self.function, as_json(event), how_many, name, self._role)


def error_line(record: Record, failure: Failure, ended: float, function: str) -> bytes:
    """Return a failed record as it stands in the error file; ``ended`` is in seconds since the epoch."""
    document = {
        "attemptsMade": failure.attempts,
        "arrivalTimestamp": int(record.arrived * 1000),
        "errorCode": failure.code,
        "errorMessage": failure.message,
        "attemptEndingTimestamp": int(ended * 1000),
        "rawData": base64.b64encode(record.data).decode(),
        "lambdaARN": function,
    }
    return as_json(document).encode() + b"\n"


def _since(began: float) -> float:
    return (time.monotonic() - began) * 1000


def _shown(record: Record) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "recordId": record.identifier,
        "approximateArrivalTimestamp": int(record.arrived * 1000),
        "data": base64.b64encode(record.data).decode(),
    }
    return shown | ({"kinesisRecordMetadata": record.source} if record.source else {})


def _judged(records: Sequence[Record], payload: bytes, attempt: int) -> Result:
    """Read what the function answered."""
    try:
        answered = [(str(one["recordId"]), one) for one in json.loads(payload)["records"]]
    except (ValueError, KeyError, TypeError):
        failure = Failure("Lambda.JsonProcessingException", attempt)
        return Result([], [(record, failure) for record in records])
    times, answers = Counter(identifier for identifier, _ in answered), dict(answered)
    done: list[Record] = []
    failed: list[tuple[Record, Failure]] = []
    for record in records:
        verdict = _verdict(times[record.identifier], answers.get(record.identifier, {}))
        if isinstance(verdict, bytes):
            done.append(replace(record, data=verdict))
        elif verdict:
            failed.append((record, Failure(verdict, attempt)))
    return Result(done, failed)


def _verdict(times: int, answer: dict[str, Any]) -> bytes | str:
    """Return the new data of a record, the code of its failure, or an empty string when it is to be dropped."""
    if times != 1:
        return "Lambda.DuplicatedRecordId" if times else "Lambda.MissingRecordId"
    if answer.get("result") == "Dropped":
        return ""
    if answer.get("result") == "ProcessingFailed":
        return "Lambda.ProcessingFailedStatus"
    try:
        if answer.get("result") == "Ok":
            return base64.b64decode(answer["data"], validate=True)
    except (binascii.Error, KeyError, TypeError, ValueError):
        pass
    return "Lambda.JsonProcessingException"
