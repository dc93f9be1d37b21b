"""Where a batch of a stream goes that Lambda gives up: a pointer to its records, for the on-failure destination.

AWS: the record names the shard and the sequence numbers, not the data, which stays in the stream; in S3 it has the data
too ("Retain discarded batch records", Lambda Developer Guide).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.awslambda.event_sources.poller import Mapping, Services


@dataclass(frozen=True)
class Batch:
    """A batch of a shard: its sequence numbers, when its first and last record arrived, its records in JSON; and why
    and after how many invocations it was given up, with the outcome of the last one."""

    shard_id: str
    first: str
    last: str
    first_arrived: float
    last_arrived: float
    records: list[bytes]
    condition: str
    invocations: int
    outcome: Outcome | None
    request_id: str


def send_pointer(services: Services, mapping: Mapping, arn: str, batch: Batch) -> None:
    """Send the record of a given-up batch to the destination ``arn``; a failure is counted."""
    target = services.functions.find(mapping.function_arn)
    try:
        _send(services, mapping, arn, batch, _record(mapping, batch, target.version, services.context.clock.time()))
    except Exception:
        services.telemetry.count(target, "DestinationDeliveryFailures")


def _record(mapping: Mapping, batch: Batch, version: str, now: float) -> dict[str, Any]:
    record: dict[str, Any] = {
        "requestContext": {
            "requestId": batch.request_id,
            "functionArn": mapping.function_arn,
            "condition": batch.condition,
            "approximateInvokeCount": batch.invocations,
        },
    }
    if batch.outcome is not None:
        failed = {"functionError": batch.outcome.function_error} if batch.outcome.function_error else {}
        record["responseContext"] = {"statusCode": 200, "executedVersion": version, **failed}
    kinesis = mapping.service == "kinesis"
    pointer = {
        "shardId": batch.shard_id,
        "startSequenceNumber": batch.first,
        "endSequenceNumber": batch.last,
        "approximateArrivalOfFirstRecord": _moment(batch.first_arrived, kinesis),
        "approximateArrivalOfLastRecord": _moment(batch.last_arrived, kinesis),
        "batchSize": len(batch.records),
        "streamArn": mapping.source_arn,
    }
    record |= {"version": "1.0", "timestamp": _moment(now, True)}
    return {**record, "KinesisBatchInfo" if kinesis else "DDBStreamBatchInfo": pointer}


def _send(services: Services, mapping: Mapping, arn: str, batch: Batch, record: dict[str, Any]) -> None:
    service, name = arn.split(":")[2], arn.rpartition(":")[2]
    client = services.context.client(service, "lambda", arn.split(":")[3] or mapping.region)
    if service == "sqs":
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        client.send_message(QueueUrl=url, MessageBody=json.dumps(record))
    elif service == "sns":
        client.publish(TopicArn=arn, Message=json.dumps(record))
    else:
        moment = datetime.fromtimestamp(services.context.clock.time(), UTC)
        place = f"aws/lambda/{mapping.uuid}/{batch.shard_id}/{moment:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}"
        payload = b'{"Records":[' + b",".join(batch.records) + b"]}"
        body = json.dumps({**record, "payload": payload.decode()})
        client.put_object(Bucket=name, Key=f"{place}-{services.context.new_id()}", Body=body.encode())


def _moment(seconds: float, with_milliseconds: bool) -> str:
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds" if with_milliseconds else "seconds")
    return text.replace("+00:00", "Z")
