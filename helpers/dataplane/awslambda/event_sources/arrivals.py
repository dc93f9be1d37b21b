"""moto's streams made fit for pollers: they tell of new records, date them by the cloud's clock, and hold a lock.

moto numbers the records of a shard without a lock, so that two writers can get one number, and dates them in real time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.dynamodb.models.table import StreamShard
from moto.kinesis.models import KinesisBackend, Shard, Stream

from helpers.dataplane.clock import Clock, as_moto_keeps
from helpers.dataplane.seams import Seams

Listener = Callable[[], None]


class Arrivals:
    """Calls whoever listens to a stream when something was written to it."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._seams = clock, Seams()
        self._lock = threading.RLock()
        self._listeners: dict[str, list[Listener]] = {}

    def install(self) -> None:
        """Replace moto's methods that write and read records."""
        add, put_record, put_records = StreamShard.add, Stream.put_record, KinesisBackend.put_records
        self._seams.put(StreamShard, "add", lambda *given: self._add(add, *given))
        self._seams.put(Stream, "put_record", lambda *given: self._put(put_record, *given))
        self._seams.put(KinesisBackend, "put_records", self._locked(put_records))
        self._seams.put(Shard, "get_records", self._locked(Shard.get_records))

    def remove(self) -> None:
        """Put moto's own back."""
        self._seams.remove()

    def listen(self, stream_arn: str, listener: Listener) -> None:
        """Call ``listener`` after each write to the stream."""
        with self._lock:
            self._listeners.setdefault(stream_arn, []).append(listener)

    def forget(self, stream_arn: str, listener: Listener) -> None:
        """Call it no more."""
        with self._lock:
            self._listeners.get(stream_arn, []).remove(listener)

    def _tell(self, stream_arn: str) -> None:
        for listener in list(self._listeners.get(stream_arn, [])):
            listener()

    def _moment(self) -> datetime:
        return as_moto_keeps(self._clock.time())

    def _add(self, add: Callable[..., None], shard: StreamShard, *images: Any) -> None:
        with self._lock:
            add(shard, *images)
            record, table = shard.items[-1].record, shard.table
            record["awsRegion"] = table.region_name
            record["eventVersion"] = "1.1"
            record["dynamodb"]["ApproximateCreationDateTime"] = self._moment()
        self._tell(f"{table.table_arn}/stream/{table.latest_stream_label}")

    def _put(self, put: Callable[..., tuple[str, str]], stream: Stream, *given: Any) -> tuple[str, str]:
        with self._lock:
            sequence_number, shard_id = put(stream, *given)
            record = stream.shards[shard_id].records[int(sequence_number)]
            record.created_at_datetime = self._moment()
            record.created_at = self._clock.time()
        self._tell(stream.arn)
        return sequence_number, shard_id

    def _locked(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def locked(*given: Any, **named: Any) -> Any:
            with self._lock:
                return method(*given, **named)

        return locked
