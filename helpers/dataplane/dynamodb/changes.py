"""Changes of items: what a stream is told, and what other Regions are.

AWS: a stream record says INSERT, MODIFY or REMOVE and holds the keys, the old or the new image, as the stream's view
type wants; each change appears once, those of one item in their order ("Change data capture for DynamoDB Streams",
DynamoDB Developer Guide). What Time to Live deletes is marked by ``userIdentity`` ("DynamoDB Streams and Time to
Live"). A write of one item is atomic, and a transaction that is cancelled has changed nothing.

moto keeps the records. Here: an UpdateItem that makes an item is one record, not two; a cancelled transaction is none,
and its stream goes on; writes are made one after the other, so that a condition and its write belong together.

Not sourced: that a write which changes nothing leaves no record, as here.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamRecord, StreamShard, Table

from helpers.dataplane.seams import Seams

Listener = Callable[[Table, Item], None]
_TIME_TO_LIVE = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}


class Changes:
    """Stands between moto's tables and their streams while the cloud runs."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        """Held during each write; who holds it sees tables that nobody changes."""
        self.listeners: list[Listener] = []
        """Called after each change of a table that has a stream, with the item as it is now or was last."""
        self._local = threading.local()
        self._seams = Seams()
        self._add, self._make = StreamShard.add, StreamRecord.__init__
        self._seams.put(StreamShard, "add", self._hold_or_tell)
        self._seams.put(StreamRecord, "__init__", self._made)
        for name in ("put_item", "delete_item"):
            self._seams.put(DynamoDBBackend, name, self._locked(getattr(DynamoDBBackend, name)))
        self._seams.put(DynamoDBBackend, "update_item", self._updating(DynamoDBBackend.update_item))
        transact = DynamoDBBackend.transact_write_items
        self._seams.put(DynamoDBBackend, "transact_write_items", self._transacting(transact))

    def stop(self) -> None:
        """moto gets its own methods back."""
        self._seams.remove()

    @contextmanager
    def by_time_to_live(self) -> Iterator[None]:
        """Mark the changes that this thread makes as those of Time to Live."""
        self._local.identity = _TIME_TO_LIVE
        try:
            yield
        finally:
            self._local.identity = None

    def _made(self, record: StreamRecord, *given: Any) -> None:
        self._make(record, *given)
        identity = getattr(self._local, "identity", None)
        if identity:
            record.record["userIdentity"] = identity

    def _hold_or_tell(self, shard: StreamShard, old: Item | None, new: Item | None) -> None:
        held = getattr(self._local, "held", None)
        if held is not None:
            held.append((shard, copy.deepcopy(old), copy.deepcopy(new)))
        elif old is None or new is None or old.attrs != new.attrs:
            self._add(shard, old, new)
            item = new or old
            for listener in self.listeners if item else ():
                listener(shard.table, item)  # type: ignore[arg-type]

    @contextmanager
    def _held(self, last_only: bool) -> Iterator[None]:
        """Tell what is changed inside when all of it is done; nothing when it fails."""
        with self.lock:
            before, held = getattr(self._local, "held", None), list[tuple[StreamShard, Item | None, Item | None]]()
            self._local.held = held
            try:
                yield
            finally:
                self._local.held = before
            for change in held[-1:] if last_only else held:
                self._hold_or_tell(*change)

    def _locked(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def locked(*given: Any, **named: Any) -> Any:
            with self.lock:
                return write(*given, **named)

        return locked

    def _updating(self, update: Callable[..., Any]) -> Callable[..., Any]:
        """moto makes a new item first, and updates it then: the second record is the one."""

        def updated(*given: Any, **named: Any) -> Any:
            with self._held(last_only=True):
                return update(*given, **named)

        return updated

    def _transacting(self, transact: Callable[..., None]) -> Callable[..., None]:
        """moto puts copies of the tables back when it cancels: they get the streams that readers know."""

        def transacted(backend: DynamoDBBackend, *given: Any, **named: Any) -> None:
            with self._held(last_only=False):
                shards = {name: table.stream_shard for name, table in backend.tables.items()}
                try:
                    transact(backend, *given, **named)
                except Exception:
                    for name, shard in shards.items():
                        backend.tables[name].stream_shard = shard
                        if shard is not None:
                            shard.table = backend.tables[name]
                    raise

        return transacted
