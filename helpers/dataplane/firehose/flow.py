"""A delivery stream at work: records gather in a buffer, pass the function, gather again, and become files.

AWS: "Understand buffering hints", "Transform source data" and "Understand data delivery in Amazon Data Firehose"
(Amazon Data Firehose Developer Guide). A buffer is emptied when its size or its interval is reached, whichever is
first; with a transformation there is one before the function and one before S3. What cannot be delivered is tried again
for 24 hours, and then lost. Errors go to CloudWatch Logs, where the destination's CloudWatchLoggingOptions say so.

Differs: hints are kept to the byte and the second. Failed records gather in a buffer of their own, as long as the
others. Unsourced: the pause between two tries of a delivery (a minute here). Deleting a stream drops what it holds; AWS
promises nothing about it.
"""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from moto.firehose.models import DeliveryStream

from helpers.dataplane.clock import Clock
from helpers.dataplane.context import Context
from helpers.dataplane.delivery import Post, as_json
from helpers.dataplane.firehose import keys
from helpers.dataplane.firehose.transform import Record, Transformation, error_line
from helpers.dataplane.metrics import measure
from helpers.dataplane.timetable import Timetable

MIB = 1024 * 1024
RETENTION_SECONDS = 24 * 3600.0
_RETRY_SECONDS = 60.0
_HINTS = (5.0, 300.0)
_LAMBDA_HINTS = (1.0, 60.0)
_MESSAGES = {
    "S3.AccessDenied": (
        "Access was denied. Ensure that the trust policy for the provided IAM role allows Kinesis Firehose to assume "
        "the role, and the access policy allows access to the S3 bucket."
    ),
    "S3.NoSuchBucket": (
        "The specified bucket does not exist. Create the bucket or use a different bucket that does exist."
    ),
}
_DENIED = "S3.AccessDenied"
Flush = Callable[[list[Record]], bool]
"""Takes a full buffer; False when it could not, and the buffer is to keep its records."""


class Buffer:
    """Gathers records until there are ``mebibytes`` of them, or the first is ``seconds`` old (AWS's seconds)."""

    def __init__(self, timetable: Timetable, clock: Clock, hints: tuple[float, float], flush: Flush) -> None:
        self._timetable, self._clock, self._flush = timetable, clock, flush
        self._most, self._seconds = hints[0] * MIB, hints[1]
        self._held: list[Record] = []
        self._lock = threading.Lock()

    def add(self, records: list[Record]) -> None:
        """Take records in."""
        with self._lock:
            first = not self._held
            self._held += records
            full = self._size() >= self._most
            if full or first:
                due = self._clock.time() + (0 if full else self._seconds)
                self._timetable.put(self, due, self._fire)

    def _size(self) -> int:
        return sum(len(record.data) for record in self._held)

    def _fire(self, due: float) -> float | None:
        with self._lock:
            batch = self._batch()
            del self._held[: len(batch)]
        done = self._flush(batch)
        with self._lock:
            if not done:
                oldest = self._clock.time() - RETENTION_SECONDS
                self._held[:0] = [record for record in batch if record.arrived > oldest]
            if not self._held:
                return None
            pause = 0.0 if self._size() >= self._most else self._seconds
            return self._clock.time() + (pause if done else _RETRY_SECONDS)

    def _batch(self) -> list[Record]:
        """Return the first records that fill the buffer."""
        size = 0
        for number, record in enumerate(self._held, 1):
            size += len(record.data)
            if size >= self._most:
                return self._held[:number]
        return list(self._held)


class Flow:
    """What happens to the records of one delivery stream; it has a thread of its own, once it has records."""

    def __init__(self, context: Context, post: Post, stream: DeliveryStream, region: str) -> None:
        self._context, self._region, self._stream = context, region, stream
        destination = stream.destinations[0]
        self._to: dict[str, Any] = destination.get("ExtendedS3") or destination["S3"]
        self._bucket = self._to["BucketARN"].rpartition(":")[2]
        self.timetable = Timetable(context.clock)
        given = self._to.get("BufferingHints") or {}
        hints = (given.get("SizeInMBs", _HINTS[0]), given.get("IntervalInSeconds", _HINTS[1]))
        self._ready = Buffer(self.timetable, context.clock, hints, self._deliver)
        self._failed = Buffer(self.timetable, context.clock, hints, lambda held: self._deliver(held, keys.FAILED))
        self._first = self._ready
        self._transformation = self._function(post)

    def _function(self, post: Post) -> Transformation | None:
        parameters = processor(self._to)
        if not parameters:
            return None
        arns = {"delivery_stream": self._stream.delivery_stream_arn, "role": self._to["RoleARN"]}
        arns |= {"source": (self._stream.source or {}).get("KinesisStreamARN", "")}
        hints = (
            float(parameters.get("BufferSizeInMBs", _LAMBDA_HINTS[0])),
            float(parameters.get("BufferIntervalInSeconds", _LAMBDA_HINTS[1])),
        )
        self._first = Buffer(self.timetable, self._context.clock, hints, self._transform)
        return Transformation(post, self._context.clock, arns, parameters)

    def take(self, records: list[Record]) -> None:
        """Take records in."""
        source = "DataReadFromKinesisStream." if self._stream.source else "Incoming"
        size = sum(len(record.data) for record in records)
        self._context.record.meter("firehose", "bytes", sum(billed(len(record.data)) for record in records))
        self._measure({f"{source}Records": len(records)})
        self._measure({f"{source}Bytes": size}, "Bytes")
        self._first.add(records)

    def stop(self) -> None:
        """Do nothing more."""
        self.timetable.stop()

    def _measure(self, values: dict[str, float], unit: str = "Count") -> None:
        dimensions = {"DeliveryStreamName": self._stream.delivery_stream_name}
        measure(self._context.account_id, self._region, "AWS/Firehose", values, dimensions, unit)

    def _transform(self, records: list[Record]) -> bool:
        assert self._transformation is not None
        result, clock = self._transformation.of(records), self._context.clock
        failures = {failure.code: failure for _, failure in result.failed}
        worked = not any(code in failures for code in ("Lambda.FunctionError", *_CALLS))
        self._measure({"ExecuteProcessing.Success": worked, "SucceedProcessing.Records": len(result.done)})
        self._measure({"ExecuteProcessing.Duration": result.milliseconds}, "Milliseconds")
        self._measure({"SucceedProcessing.Bytes": sum(len(record.data) for record in result.done)}, "Bytes")
        for failure in failures.values():
            self._log(failure.code, failure.message)
        if result.failed:
            ended, name = clock.time(), self._transformation.function
            lines = [(record, error_line(record, failure, ended, name)) for record, failure in result.failed]
            self._failed.add([Record(record.identifier, line, record.arrived) for record, line in lines])
        if result.done:
            self._ready.add(result.done)
        return True

    def _deliver(self, records: list[Record], kind: str = "") -> bool:
        oldest = min(record.arrived for record in records)
        moment, stream = datetime.fromtimestamp(oldest, UTC), self._stream
        zipped = self._to.get("CompressionFormat") == "GZIP"
        extension = self._to.get("FileExtension") or (".gz" if zipped else "")
        key = keys.file_key(self._to.get("Prefix") or "", self._to.get("ErrorOutputPrefix") or "", moment, kind)
        key += keys.suffix(stream.delivery_stream_name, stream.version_id, moment, extension)
        body = b"".join(record.data for record in records)
        problem = self._write(key, gzip.compress(body, mtime=0) if zipped else body)
        if problem:
            self._log(problem, _MESSAGES.get(problem, "The data could not be delivered."))
        elif not kind:
            self._measure({"DeliveryToS3.Records": len(records)})
            self._measure({"DeliveryToS3.Bytes": len(body)}, "Bytes")
            self._measure({"DeliveryToS3.DataFreshness": self._context.clock.time() - oldest}, "Seconds")
        self._measure({"DeliveryToS3.Success": not problem})
        return not problem

    def _write(self, key: str, body: bytes) -> str:
        """Write a file; return the code of the problem, if there was one."""
        if not self._context.identities.role_may(self._to["RoleARN"], "s3:PutObject", f"{self._to['BucketARN']}/{key}"):
            self._context.record.add(
                "event", "firehose", "s3", "PutObject", subject=self._bucket, outcome="AccessDenied"
            )
            return _DENIED
        try:
            client = self._context.client("s3", "firehose", self._region)
            client.put_object(Bucket=self._bucket, Key=key, Body=body)
        except ClientError as error:
            return f"S3.{error.response['Error']['Code']}"
        return ""

    def _log(self, code: str, message: str) -> None:
        """Write an error into the log stream that the destination names; nobody hears of it when that fails."""
        options = self._to.get("CloudWatchLoggingOptions") or {}
        if not options.get("Enabled"):
            return
        text = as_json(
            {
                "deliveryStreamARN": self._stream.delivery_stream_arn,
                "destination": self._to["BucketARN"],
                "deliveryStreamVersionId": int(self._stream.version_id),
                "message": message,
                "errorCode": code,
            }
        )
        where = {"logGroupName": options["LogGroupName"], "logStreamName": options["LogStreamName"]}
        event = {"timestamp": int(self._context.clock.at(datetime.now(UTC).timestamp()) * 1000), "message": text}
        with contextlib.suppress(ClientError):
            self._context.client("logs", "firehose", self._region).put_log_events(**where, logEvents=[event])


_CALLS = ("Lambda.InvokeAccessDenied", "Lambda.InvokeLimitExceeded", "Lambda.ResourceNotFound")


def processor(destination: dict[str, Any]) -> dict[str, str]:
    """Return the parameters of a destination's function; empty when nothing is transformed."""
    processing = destination.get("ProcessingConfiguration") or {}
    found = processing.get("Processors") or []
    if not processing.get("Enabled") or not found:
        return {}
    return {one["ParameterName"]: one["ParameterValue"] for one in found[0].get("Parameters") or []}


def billed(size: int) -> int:
    """Return how many bytes of a record are paid for: 5 KB, or the next multiple."""
    return max(1, -(-size // 5120)) * 5120
