"""A Kinesis data stream as the source of a delivery stream.

AWS: Firehose reads from the LATEST position on, with GetRecords once a second for each shard, with the role of the
source ("Writing to Amazon Data Firehose using Kinesis Data Streams" and "Grant Firehose access to an Amazon S3
destination", Amazon Data Firehose Developer Guide). Here: the same, but a shard without news is not asked, and the
calls are not recorded, as those of Lambda's pollers. Records of the Kinesis Producer Library are not taken apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from helpers.dataplane.awslambda.event_sources.arrivals import Arrivals
from helpers.dataplane.call import AWSError
from helpers.dataplane.context import Context
from helpers.dataplane.firehose.transform import Record
from helpers.dataplane.frontdoor import POLLER
from helpers.dataplane.timetable import Timetable

PERMISSIONS = ("DescribeStream", "GetShardIterator", "GetRecords", "ListShards")
_KEY = "read"
_MOST = 10_000
_PAUSE_SECONDS = 60.0


class KinesisSource:
    """Reads what comes to a stream; what was there before it is left alone.

    Raises
    ------
    AWSError
        ``InvalidArgumentException``: the role may not look at the stream.
    """

    def __init__(
        self,
        context: Context,
        arrivals: Arrivals,
        given: dict[str, str],
        timetable: Timetable,
        take: Callable[[list[Record]], None],
    ) -> None:
        self._context, self._arrivals, self._timetable, self._take = context, arrivals, timetable, take
        self.arn, self._role = given["KinesisStreamARN"], given["RoleARN"]
        self._client = context.client("kinesis", POLLER, self.arn.split(":")[3])
        self._iterators: dict[str, str] = {}
        if not self._may("DescribeStream"):
            words = f"Role {self._role} is not authorized to perform: kinesis:DescribeStream on resource {self.arn}."
            raise AWSError("InvalidArgumentException", words, 400)
        self._find("LATEST")
        arrivals.listen(self.arn, self._tell)

    def close(self) -> None:
        """Listen no more."""
        self._arrivals.forget(self.arn, self._tell)

    def _may(self, name: str) -> bool:
        return self._context.identities.role_may(self._role, f"kinesis:{name}", self.arn)

    def _tell(self) -> None:
        self._timetable.put(_KEY, math.floor(self._context.clock.time()) + 1, self._read)

    def _find(self, position: str) -> None:
        stream = {"StreamName": self.arn.rpartition("/")[2]}
        for shard in [one["ShardId"] for one in self._client.list_shards(**stream)["Shards"]]:
            if shard not in self._iterators:
                asked = {"ShardId": shard, "ShardIteratorType": position}
                self._iterators[shard] = self._client.get_shard_iterator(**stream, **asked)["ShardIterator"]

    def _read(self, due: float) -> float | None:
        """Read all shards; come again later when the role does not let it."""
        if not all(map(self._may, PERMISSIONS)):
            return due + _PAUSE_SECONDS
        self._find("TRIM_HORIZON")
        more = False
        for shard, iterator in list(self._iterators.items()):
            answer = self._client.get_records(ShardIterator=iterator, Limit=_MOST)
            self._iterators[shard] = answer["NextShardIterator"]
            more = more or len(answer["Records"]) == _MOST
            if answer["Records"]:
                self._take([_record(shard, one) for one in answer["Records"]])
        return due + 1 if more else None


def _record(shard: str, given: dict[str, Any]) -> Record:
    arrived, number = given["ApproximateArrivalTimestamp"].timestamp(), given["SequenceNumber"]
    metadata = {
        "sequenceNumber": number,
        "subsequenceNumber": 0,
        "partitionKey": given["PartitionKey"],
        "shardId": shard,
        "approximateArrivalTimestamp": int(arrived * 1000),
    }
    return Record(f"{shard}{number:0>124}{0:012}", given["Data"], arrived, metadata)
