"""DynamoDB Streams and Kinesis: batches in order, shard by shard, tried again until they succeed, end or expire.

AWS: each shard is read in order, in ``ParallelizationFactor`` lanes by partition key; a lane has one batch under way,
and a batch that fails blocks it. Bisecting, maximum retries, maximum record age and the function's own report of what
failed shorten that; what is given up goes to the on-failure destination as a pointer ("Process Amazon Kinesis Data
Streams records with Lambda", "Process DynamoDB records with Lambda", Lambda Developer Guide). Shards are polled once
(Kinesis) or four times (DynamoDB) a second. Differs: a shard without news is not polled; every record is kept for 24
hours; a changed ParallelizationFactor holds for shards that are found later.
"""

from __future__ import annotations

import base64
import threading
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from helpers.dataplane.awslambda.environment import Outcome
from helpers.dataplane.awslambda.event_sources.arrivals import Arrivals
from helpers.dataplane.awslambda.event_sources.given_up import Batch, send_pointer
from helpers.dataplane.awslambda.event_sources.poller import (
    Mapping,
    Poller,
    Services,
    as_json,
    failures_in,
    fitting,
)
from helpers.dataplane.call import AWSError

RETENTION_SECONDS = 24 * 3600.0
INTERVAL_SECONDS = {"kinesis": 1.0, "dynamodb": 0.25}
MOST_IN_ONE_READ = 1000
_IDLE_SECONDS = 30.0
_LONGEST_BACKOFF_SECONDS = 60.0


@dataclass(frozen=True)
class Record:
    """A record of a stream: ``key`` decides its lane, ``arrived`` is in seconds since the epoch."""

    sequence_number: str
    key: str
    arrived: float
    text: bytes


@dataclass
class Lane:
    """A part of a shard whose batches run one after the other; ``since`` is when the first waiting record was read."""

    shard_id: str
    waiting: deque[Record] = field(default_factory=deque)
    since: float = 0.0
    busy: bool = False


@dataclass
class Shard:
    """A shard and how far it was read; ``behind`` is whether there may be more."""

    shard_id: str
    iterator: str
    lanes: list[Lane]
    behind: bool = True


class StreamPoller(Poller):
    """Polls the shards of one stream."""

    def __init__(self, mapping: Mapping, services: Services, arrivals: Arrivals) -> None:
        super().__init__(mapping, services)
        self._arrivals = arrivals
        self._shards: dict[str, Shard] = {}
        self._news = threading.Event()
        self._looked = 0.0
        arrivals.listen(mapping.source_arn, self._tell)

    def start(self) -> None:
        """Begin where the mapping says, or go on where an earlier start ended."""
        self._find_shards()
        super().start()

    def close(self) -> None:
        """Stop for good."""
        self._arrivals.forget(self.mapping.source_arn, self._tell)
        super().close()

    def poll(self) -> None:
        """Wait for news, read the shards that have some, and hand over what is due."""
        self._wait()
        for shard in list(self._shards.values()):
            self._read(shard)
        for lane in self._lanes():
            if self._due(lane):
                self._hand_over(lane)

    def _tell(self) -> None:
        self._news.set()
        with self._changed:
            self._changed.notify_all()

    def _lanes(self) -> list[Lane]:
        return [lane for shard in self._shards.values() for lane in shard.lanes]

    def _wait(self) -> None:
        if not any(shard.behind and self._room(shard) for shard in self._shards.values()):
            windows = [self._complete_at(lane) - self.clock.now() for lane in self._lanes() if lane.waiting]
            longest = max(_IDLE_SECONDS, self.clock.speed)
            self.wait_until(lambda: self._news.is_set() or any(map(self._due, self._lanes())), min([longest, *windows]))
        if self._news.is_set():
            interval = INTERVAL_SECONDS[self.mapping.service]
            self.clock.wait(interval - self.clock.now() % interval, self.stopped)
            self._news.clear()
            for shard in self._shards.values():
                shard.behind = True
        if self.clock.now() - self._looked > _IDLE_SECONDS:
            self._find_shards()

    def _complete_at(self, lane: Lane) -> float:
        return float("inf") if lane.busy else lane.since + self.mapping.settings["MaximumBatchingWindowInSeconds"]

    def _due(self, lane: Lane) -> bool:
        if lane.busy or not lane.waiting:
            return False
        full = len(lane.waiting) >= self.mapping.settings["BatchSize"]
        return full or self.clock.now() >= self._complete_at(lane) or self._fitting(lane) < len(lane.waiting)

    def _fitting(self, lane: Lane) -> int:
        return fitting([len(record.text) for record in lane.waiting])

    def _room(self, shard: Shard) -> int:
        most = self.mapping.settings["BatchSize"] * self.mapping.settings["ParallelizationFactor"]
        return max(0, most - sum(len(lane.waiting) for lane in shard.lanes))

    def _find_shards(self) -> None:
        """Look for shards; those that came after the first look are read from their beginning."""
        source, first = self._source(), not self._shards
        self._looked = self.clock.now()
        if self.mapping.service == "kinesis":
            found = self.client("kinesis").list_shards(**source)["Shards"]
        else:
            found = self.client("dynamodbstreams").describe_stream(**source)["StreamDescription"]["Shards"]
        for shard_id in [shard["ShardId"] for shard in found if shard["ShardId"] not in self._shards]:
            start = {"ShardIteratorType": "TRIM_HORIZON"}
            if first:
                start = {"ShardIteratorType": self.mapping.settings["StartingPosition"]}
            if start["ShardIteratorType"] == "AT_TIMESTAMP":
                start["Timestamp"] = self.mapping.settings["StartingPositionTimestamp"]
            iterator = self._streams().get_shard_iterator(**source, ShardId=shard_id, **start)["ShardIterator"]
            lanes = [Lane(shard_id) for _ in range(self.mapping.settings["ParallelizationFactor"])]
            self._shards[shard_id] = Shard(shard_id, iterator, lanes)

    def _streams(self) -> Any:
        return self.client("kinesis" if self.mapping.service == "kinesis" else "dynamodbstreams")

    def _source(self) -> dict[str, str]:
        if self.mapping.service == "kinesis":
            return {"StreamName": self.mapping.source_name}
        return {"StreamArn": self.mapping.source_arn}

    def _read(self, shard: Shard) -> None:
        room = min(MOST_IN_ONE_READ, self._room(shard))
        if not shard.behind or not room:
            return
        answer = self._streams().get_records(ShardIterator=shard.iterator, Limit=room)
        shard.iterator = answer["NextShardIterator"]
        shard.behind = len(answer["Records"]) >= room
        with self._changed:
            for given in answer["Records"]:
                event, record = self._kinesis(shard, given) if "Data" in given else self._dynamodb(given)
                if self.wanted(event):
                    lane = shard.lanes[zlib.crc32(record.key.encode()) % len(shard.lanes)]
                    lane.since = lane.since if lane.waiting else self.clock.now()
                    lane.waiting.append(record)

    def _kinesis(self, shard: Shard, given: dict[str, Any]) -> tuple[dict[str, Any], Record]:
        arrived = given["ApproximateArrivalTimestamp"].timestamp()
        number, key = given["SequenceNumber"], given["PartitionKey"]
        target = self.services.functions.find(self.mapping.function_arn)
        event = {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": key,
                "sequenceNumber": number,
                "data": base64.b64encode(given["Data"]).decode(),
                "approximateArrivalTimestamp": round(arrived, 3),
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard.shard_id}:{number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": target.function.role,
            "awsRegion": self.mapping.region,
            "eventSourceARN": self.mapping.source_arn,
        }
        return event, Record(number, key, arrived, as_json(event))

    def _dynamodb(self, given: dict[str, Any]) -> tuple[dict[str, Any], Record]:
        event = {**_plain(given), "eventSourceARN": self.mapping.source_arn}
        if "userIdentity" in event:  # Lambda writes its members in other letters than GetRecords
            event["userIdentity"] = {name[0].lower() + name[1:]: text for name, text in event["userIdentity"].items()}
        change = event["dynamodb"]
        text = as_json(event)
        return event, Record(
            change["SequenceNumber"],
            str(change["Keys"]),
            given["dynamodb"]["ApproximateCreationDateTime"].timestamp(),
            text,
        )

    def _hand_over(self, lane: Lane) -> None:
        size = min(self.mapping.settings["BatchSize"], self._fitting(lane))
        batch = [lane.waiting.popleft() for _ in range(min(size, len(lane.waiting)))]
        lane.busy, lane.since = True, self.clock.now()

        def work() -> None:
            left = batch
            try:
                left = self._process(lane, batch)
            finally:
                with self._changed:
                    lane.waiting.extendleft(reversed(left))
                    lane.busy = False

        self.in_background(work)

    def _process(self, lane: Lane, batch: list[Record]) -> list[Record]:
        """Hand records to the function until each is done or given up; return those that were left at a stop."""
        parts, backoff = deque([(batch, 0)]), 1.0
        while parts:
            records, tries = parts.popleft()
            records = self._without_old(lane, records)
            if self.stopped.is_set():
                return [*records, *(record for part, _ in parts for record in part)]
            outcome = self._attempt(lane, records, tries) if records else None
            rest = records if outcome is None else self._unprocessed(outcome, records)
            if not rest:
                backoff = 1.0
                continue
            whole = len(rest) == len(records) > 1
            if outcome is not None and whole and self.mapping.settings["BisectBatchOnFunctionError"]:
                middle = len(rest) // 2
                parts.extendleft([(rest[middle:], tries), (rest[:middle], tries)])
                continue
            tries += outcome is not None
            if outcome is not None and 0 <= self.mapping.settings["MaximumRetryAttempts"] < tries:
                self._give_up(lane, rest, "RetryAttemptsExhausted", tries, outcome)
                continue
            parts.appendleft((rest, tries))
            self.clock.wait(backoff, self.stopped)
            backoff = min(2 * backoff, _LONGEST_BACKOFF_SECONDS)
        return []

    def _attempt(self, lane: Lane, records: Sequence[Record], tries: int) -> Outcome | None:
        """Run the function; None when the batch did not reach it."""
        age = self.clock.time() - records[-1].arrived
        try:
            target, outcome = self.invoke(
                [record.text for record in records],
                self.request_id(lane.shard_id, records[0].sequence_number, len(records), tries),
            )
        except AWSError:
            return None
        self.services.telemetry.measure(target, "IteratorAge", max(0.0, age * 1000))
        return outcome

    def _unprocessed(self, outcome: Outcome, records: list[Record]) -> list[Record]:
        if outcome.function_error:
            return records
        if not self.mapping.reports_failures:
            return []
        numbers = [record.sequence_number for record in records]
        failed = failures_in(outcome.payload, numbers)
        if failed is None:
            return records
        return records[min(map(numbers.index, failed)) :] if failed else []

    def _without_old(self, lane: Lane, records: list[Record]) -> list[Record]:
        most = self.mapping.settings["MaximumRecordAgeInSeconds"]
        oldest = self.clock.time() - (most if most >= 0 else RETENTION_SECONDS)
        old = [record for record in records if record.arrived < oldest]
        if old:
            self._give_up(lane, old, "RecordAgeExceeded", 0, None)
        return [record for record in records if record.arrived >= oldest]

    def _give_up(
        self, lane: Lane, records: list[Record], condition: str, invocations: int, outcome: Outcome | None
    ) -> None:
        arn = ((self.mapping.settings["DestinationConfig"] or {}).get("OnFailure") or {}).get("Destination")
        if arn:
            first, last = records[0], records[-1]
            request_id = self.request_id(lane.shard_id, first.sequence_number, len(records), invocations - 1)
            batch = Batch(
                lane.shard_id, first.sequence_number, last.sequence_number, first.arrived, last.arrived,
                [record.text for record in records], condition, invocations, outcome, request_id,
            )  # fmt: skip
            send_pointer(self.services, self.mapping, arn, batch)


def _plain(value: Any) -> Any:
    """Return a change as JSON can hold it: times in seconds, binary values in base64."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return int(value.timestamp()) if isinstance(value, datetime) else value
