"""Kinesis Data Streams: what a shard takes in a second, and what CloudWatch hears of it.

AWS: a shard takes 1,000 records or 1 MB a second, in both capacity modes; a partition key decides the shard, so one key
alone can never have more. PutRecord over the limit is a ProvisionedThroughputExceededException; PutRecords takes what
fits, and says of each other record that it did not ("Quotas and limits", Amazon Kinesis Data Streams Developer Guide;
PutRecords, API Reference). CloudWatch gets, for each stream, what was rejected (WriteProvisionedThroughputExceeded) and
how puts and reads went ("Monitoring the Amazon Kinesis Data Streams service with Amazon CloudWatch"). Streams, records,
IncomingRecords and IncomingBytes are moto's. The metrics of shards, which cost extra, are not written, nor is
ReadProvisionedThroughputExceeded.

Differs: the limits hold by the second of the cloud's clock, so a fast clock lets more through in a moment of ours. What
consumers read is not limited. PutRecords refuses records of more than 1 MiB, as AWS did before it took 10. Unsourced:
that a shard saves up one second of its limits, and no more.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from moto.kinesis.models import Stream, kinesis_backends

from helpers.dataplane.call import AWSError, Call
from helpers.dataplane.context import Context
from helpers.dataplane.control_plane import forward
from helpers.dataplane.frontdoor import Address, Operation
from helpers.dataplane.metrics import measure
from helpers.dataplane.token_bucket import TokenBucket
from helpers.dataplane.web import HttpResponse

_CODE = "ProvisionedThroughputExceededException"


class KinesisPlane:
    """The part of Kinesis that moto leaves out: the limits of shards."""

    service = "kinesis"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._shards: dict[tuple[str, str], tuple[TokenBucket, TokenBucket]] = {}
        self._moment = 0.0
        """When the newest call came, in AWS's seconds: all records of a call come at one moment."""

    def operations(self) -> Mapping[str, Operation]:
        """Return what this plane answers, by operation."""
        puts = {"PutRecord": self._put_record, "PutRecords": self._put_records}
        return {name: self._measured(do) for name, do in {**puts, "GetRecords": forward}.items()}

    def addresses(self) -> Mapping[str, Address]:
        """Kinesis has no addresses of its own."""
        return {}

    def stop(self) -> None:
        """Nothing runs here."""

    def _measured(self, operation: Operation) -> Operation:
        def answer(call: Call) -> HttpResponse:
            stream, started = self._asked(call), time.perf_counter()
            try:
                response = operation(call)
            except AWSError:
                if stream:
                    self._tell(stream, call, None, started)
                raise
            if stream:
                self._tell(stream, call, json.loads(response.body) if response.status < 400 else None, started)
            return response

        return answer

    def _asked(self, call: Call) -> Stream | None:
        """Return the stream that is put to or read; a shard's iterator names it, as moto makes them."""
        if call.name != "GetRecords":
            return self._stream(call)
        try:
            name = base64.b64decode(call.params["ShardIterator"]).decode().split(":")[0]
        except ValueError:
            return None
        return kinesis_backends[call.account_id][call.region].streams.get(name)

    def _tell(self, stream: Stream, call: Call, answer: Mapping[str, Any] | None, started: float) -> None:
        """Write the stream's metrics of one call; ``answer`` is None when it failed."""
        took = {f"{call.name}.Latency": (time.perf_counter() - started) * 1000}
        counts, sizes = {f"{call.name}.Success": float(answer is not None)}, {}
        if answer is not None and call.name == "GetRecords":
            records = answer["Records"]
            counts["GetRecords.Records"] = len(records)
            sizes["GetRecords.Bytes"] = sum(len(base64.b64decode(record["Data"])) for record in records)
            newest = records[-1]["ApproximateArrivalTimestamp"] if records else time.time()
            took["GetRecords.IteratorAgeMilliseconds"] = max(0.0, time.time() - newest) * 1000
        elif answer is not None:
            results, given = answer.get("Records", [answer]), call.params.get("Records", [call.params])
            taken = [one for one, told in zip(given, results, strict=True) if "ErrorCode" not in told]
            sizes[f"{call.name}.Bytes"] = sum(len(one["Data"]) + len(one["PartitionKey"].encode()) for one in taken)
            counts[f"{call.name}.Success"] = float(bool(taken))
            if call.name == "PutRecords":
                counts["PutRecords.Records"] = len(taken)
        for values, unit in ((counts, "Count"), (sizes, "Bytes"), (took, "Milliseconds")):
            dimensions = {"StreamName": stream.stream_name}
            measure(self._context.account_id, stream.region, "AWS/Kinesis", values, dimensions, unit)

    def _put_record(self, call: Call) -> HttpResponse:
        stream = self._stream(call)
        message = self._refused(stream, call.params) if stream else ""
        if stream and message:
            self._count(stream, 1)
            raise AWSError(_CODE, message, 400)
        return forward(call)

    def _put_records(self, call: Call) -> HttpResponse:
        stream, records = self._stream(call), call.params["Records"]
        messages = [self._refused(stream, one) if stream else "" for one in records]
        refused = sum(map(bool, messages))
        if not stream or not refused:
            return forward(call)
        self._count(stream, refused)
        taken: list[dict[str, Any]] = []
        if refused < len(records):
            taken = self._forwarded(call, messages)
        answers = iter(taken)
        told = [{"ErrorCode": _CODE, "ErrorMessage": text} if text else next(answers) for text in messages]
        return call.reply({"FailedRecordCount": refused, "Records": told})

    def _forwarded(self, call: Call, messages: list[str]) -> list[dict[str, Any]]:
        """Let moto take the records that are not refused; return what it says of each."""
        body = json.loads(call.request.body)
        body["Records"] = [one for one, text in zip(body["Records"], messages, strict=True) if not text]
        call.request.body = json.dumps(body).encode()
        call.request.headers["Content-Length"] = str(len(call.request.body))
        return list(json.loads(forward(call).body)["Records"])

    def _stream(self, call: Call) -> Stream | None:
        self._moment = max(self._moment, self._context.clock.now())
        name = call.params.get("StreamName") or str(call.params.get("StreamARN", "")).rpartition("/")[2]
        return kinesis_backends[call.account_id][call.region].streams.get(name)

    def _refused(self, stream: Stream, record: Mapping[str, Any]) -> str:
        """Return why a record's shard does not take it, or an empty string when it does."""
        key = record["PartitionKey"]
        shard = stream.get_shard_for_key(key, str(record.get("ExplicitHashKey") or ""))
        if shard is None:
            return ""
        counts, sizes = self._buckets(stream.arn, shard.shard_id)
        if counts.take():
            if sizes.take(min(len(record["Data"]) + len(key.encode()), sizes.burst)):
                return ""
            counts.settle(-1)
        place = f"{shard.shard_id} in stream {stream.stream_name} under account {stream.account_id}"
        return f"Rate exceeded for shard {place}."

    def _buckets(self, arn: str, shard: str) -> tuple[TokenBucket, TokenBucket]:
        if (arn, shard) not in self._shards:
            quotas = self._context.quotas
            limits = (quotas["kinesis.shard_records_per_second"], quotas["kinesis.shard_bytes_per_second"])
            counts, sizes = (TokenBucket(limit, limit, lambda: self._moment) for limit in limits)
            self._shards[arn, shard] = (counts, sizes)
        return self._shards[arn, shard]

    def _count(self, stream: Stream, refused: int) -> None:
        values = {"WriteProvisionedThroughputExceeded": refused}
        measure(self._context.account_id, stream.region, "AWS/Kinesis", values, {"StreamName": stream.stream_name})
