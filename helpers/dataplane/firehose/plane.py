"""Amazon Data Firehose's data plane: what moto, which writes each record at once, leaves out.

AWS: Amazon Data Firehose API Reference and Developer Guide. Here: records from PutRecord, PutRecordBatch or a Kinesis
data stream, to S3, through a function if there is one (``flow``, ``transform``, ``source``, ``keys``). moto keeps the
delivery streams.

For the bill, what comes in is metered as ``bytes`` of ``firehose``: Firehose charges for the data that it ingests, each
record rounded up to the next 5 KB ("Amazon Data Firehose pricing", Direct PUT and Kinesis Data Streams as a source).

Not built, and refused: other destinations, updates of a destination, encryption, backup, conversion of formats, dynamic
partitioning, compression but GZIP, processors but Lambda. Throttling (2,000 requests, 5,000 records or 5 MB a second)
is not simulated. Unsourced: the words of the refusals of a batch of more than 4 MB and of PutRecord to a delivery
stream with a source ("is disabled", says the guide).
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from moto.firehose.models import DeliveryStream, firehose_backends

from helpers.dataplane.awslambda.event_sources.arrivals import Arrivals
from helpers.dataplane.call import AWSError, Call, not_built
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward, refuse
from helpers.dataplane.delivery import Post
from helpers.dataplane.firehose import keys
from helpers.dataplane.firehose.flow import Flow, processor
from helpers.dataplane.firehose.source import KinesisSource
from helpers.dataplane.firehose.transform import Record
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.web import HttpResponse

_DESTINATIONS = ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")
_MOST_BYTES = 4 * 1024 * 1024


class FirehosePlane:
    """The delivery streams of one account."""

    service = "firehose"

    def __init__(self, context: Context, post: Post, arrivals: Arrivals) -> None:
        self._context, self._post, self._arrivals = context, post, arrivals
        self._flows: dict[str, Flow] = {}
        self._sources: dict[str, KinesisSource] = {}

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        return {
            "CreateDeliveryStream": self._create,
            "DeleteDeliveryStream": self._delete,
            "PutRecord": self._put_record,
            "PutRecordBatch": self._put_batch,
            "UpdateDestination": refuse,
            "StartDeliveryStreamEncryption": refuse,
            "StopDeliveryStreamEncryption": refuse,
        }

    def addresses(self) -> Mapping[str, Address]:
        """Firehose has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """Stop all delivery streams."""
        for arn in list(self._flows):
            self._end(arn)

    def _create(self, call: Call) -> HttpResponse:
        given = call.params
        self._check(given)
        response = forward(call)
        if response.status >= 400:
            return response
        stream = self._streams(call.region)[given["DeliveryStreamName"]]
        flow = Flow(self._context, self._post, stream, call.region)
        if stream.source:
            try:
                source = KinesisSource(self._context, self._arrivals, stream.source, flow.timetable, flow.take)
            except Exception:
                del self._streams(call.region)[given["DeliveryStreamName"]]
                raise
            self._sources[stream.delivery_stream_arn] = source
        self._flows[stream.delivery_stream_arn] = flow
        return response

    def _delete(self, call: Call) -> HttpResponse:
        stream = self._streams(call.region).get(call.params["DeliveryStreamName"])
        response = forward(call)
        if stream is not None and response.status < 400:
            self._end(stream.delivery_stream_arn)
        return response

    def _end(self, arn: str) -> None:
        if arn in self._sources:
            self._sources.pop(arn).close()
        self._flows.pop(arn).stop()

    def _put_record(self, call: Call) -> HttpResponse:
        (identifier,) = self._put(call, [call.params["Record"]])
        return call.reply({"RecordId": identifier, "Encrypted": False})

    def _put_batch(self, call: Call) -> HttpResponse:
        identifiers = self._put(call, call.params["Records"])
        answers = [{"RecordId": identifier} for identifier in identifiers]
        return call.reply({"FailedPutCount": 0, "Encrypted": False, "RequestResponses": answers})

    def _put(self, call: Call, given: list[dict[str, Any]]) -> list[str]:
        name, now = call.params["DeliveryStreamName"], self._context.clock.time()
        stream = self._streams(call.region).get(name)
        if stream is None:
            message = f"Firehose {name} under account {call.account_id} not found."
            raise AWSError("ResourceNotFoundException", message, 400)
        if stream.source:
            message = "This operation is not permitted on KinesisStreamAsSource delivery stream type."
            raise AWSError("InvalidArgumentException", message, 400)
        if sum(len(one["Data"]) for one in given) > _MOST_BYTES:
            raise AWSError("InvalidArgumentException", "Records size exceeds 4 MB limit", 400)
        records = [Record(str(uuid.uuid4()), one["Data"], now) for one in given]
        self._flows[stream.delivery_stream_arn].take(records)
        return [record.identifier for record in records]

    def _streams(self, region: str) -> dict[str, DeliveryStream]:
        return firehose_backends[self._context.account_id][region].delivery_streams

    def _check(self, given: dict[str, Any]) -> None:
        """Refuse what is not built, and what AWS would refuse."""
        for name in given:
            if name.endswith("DestinationConfiguration") and name not in _DESTINATIONS:
                raise not_built(f"a delivery stream with {name}")
        if given.get("DeliveryStreamType", "DirectPut") not in ("DirectPut", "KinesisStreamAsSource"):
            raise not_built(f"a delivery stream of the type {given['DeliveryStreamType']}")
        if given.get("DeliveryStreamEncryptionConfigurationInput"):
            raise not_built("encryption of a delivery stream")
        to: dict[str, Any] = next((given[name] for name in _DESTINATIONS if given.get(name)), {})
        _check_destination(to)
        source = given.get("KinesisStreamSourceConfiguration") or {}
        for role in (to.get("RoleARN"), source.get("RoleARN")):
            if role and not self._context.identities.lets_assume(role, "firehose"):
                message = f"Firehose is unable to assume role {role}. Please check the role provided."
                raise AWSError("InvalidArgumentException", message, 400)


def _check_destination(to: dict[str, Any]) -> None:
    for name in ("DynamicPartitioningConfiguration", "DataFormatConversionConfiguration"):
        if (to.get(name) or {}).get("Enabled"):
            raise not_built(f"{name} of a delivery stream")
    if to.get("S3BackupMode") == "Enabled":
        raise not_built("S3BackupMode of a delivery stream")
    if to.get("CustomTimeZone") not in (None, "", "UTC"):
        raise not_built("CustomTimeZone of a delivery stream")
    if to.get("CompressionFormat", "UNCOMPRESSED") not in ("UNCOMPRESSED", "GZIP"):
        raise not_built(f"the compression {to['CompressionFormat']} of a delivery stream")
    processors = (to.get("ProcessingConfiguration") or {}).get("Processors") or []
    for one in processors:
        if one["Type"] != "Lambda":
            raise not_built(f"a processor of the type {one['Type']}")
    if processors and (to["ProcessingConfiguration"].get("Enabled")) and "LambdaArn" not in processor(to):
        raise AWSError("InvalidArgumentException", "A Lambda processor needs the parameter LambdaArn", 400)
    keys.check(to.get("Prefix") or "", to.get("ErrorOutputPrefix") or "")
