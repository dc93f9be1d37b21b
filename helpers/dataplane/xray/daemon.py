"""The X-Ray daemon: takes segments by UDP, buffers them in memory, uploads them in batches.

AWS: SDKs send datagrams of a header line ``{"format": "json", "version": 1}`` and a document to port 2000, and never
wait for an answer. The daemon uploads 50 documents at once, or what has come within a second, with several calls at a
time; 20 batches may wait, then the oldest is dropped; so is a batch whose upload fails; what is in memory when the
daemon is killed is lost ("AWS X-Ray daemon", X-Ray Developer Guide; the source of aws/aws-xray-daemon). In Lambda one
runs beside each function, with the permissions of its execution role.

Differs: it begins to wait with the first document of a batch, where AWS's clock ticks each second; it does not slow
down after ten failures; its buffer is 16 MB unless told, not 1 % of the memory; one for each role serves all
environments of Lambda.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

BATCH = 50
MOST_WAITING = 20
IDLE_SECONDS = 1.0
CONCURRENCY = 8
SMALLEST_MB, BUFFER_MB = 3, 16
MOST_BYTES = 64 * 1024
Upload = Callable[[list[str]], int]
"""Sends documents to X-Ray and returns how many came back unprocessed; raises when X-Ray cannot be asked."""


@dataclass
class Counts:
    """What became of the segments so far."""

    received: int = 0
    sent: int = 0
    rejected: int = 0
    """Malformed datagrams, and documents that came back unprocessed."""
    spilled: int = 0
    """In batches that were dropped because too many waited."""
    failed: int = 0
    """In batches that X-Ray did not answer."""


class Daemon:
    """A daemon that listens at ``address`` (a port of 0 takes a free one) until ``stop``.

    Parameters
    ----------
    idle_seconds:
        How long an incomplete batch waits, in real seconds.
    buffer_mb:
        Room for the batch that is being collected, in which each document counts as 64 kB.

    Raises
    ------
    OSError
        The port is taken.
    """

    def __init__(
        self,
        upload: Upload,
        address: tuple[str, int] = ("127.0.0.1", 0),
        *,
        idle_seconds: float = IDLE_SECONDS,
        concurrency: int = CONCURRENCY,
        buffer_mb: int = BUFFER_MB,
    ) -> None:
        self._upload, self._idle = upload, idle_seconds
        self._size = min(BATCH, buffer_mb * 1024 * 1024 // MOST_BYTES)
        self._counts, self._batch, self._due = Counts(), list[str](), 0.0
        self._waiting: deque[list[str]] = deque()
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._uploads = ThreadPoolExecutor(concurrency, "xray-upload")
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self.address = "{}:{}".format(*self._socket.getsockname())
        self._thread = threading.Thread(target=self._receive, name="xray-daemon", daemon=True)
        self._thread.start()

    def state(self) -> dict[str, int]:
        """Return the counts, and how many segments are ``buffered`` now."""
        with self._lock:
            return {**asdict(self._counts), "buffered": self._buffered()}

    def stop(self, *, flush: bool = True) -> None:
        """Stop listening; ``flush`` uploads what is in the buffer first."""
        self._stopped.set()
        self._wake()
        self._thread.join(5)
        self._socket.close()
        while flush and self._batch:
            self._pass_on()
        self._uploads.shutdown(wait=flush, cancel_futures=not flush)

    def take(self, document: str) -> None:
        """Put a document into the buffer."""
        with self._lock:
            self._counts.received += 1
            if not self._batch:
                self._due = time.monotonic() + self._idle
            self._batch.append(document)
            changes = len(self._batch) in (1, self._size)
        if changes and threading.current_thread() is not self._thread:
            self._wake()

    def _wake(self) -> None:
        """Let the thread look what there is to do."""
        self._socket.sendto(b"", self._socket.getsockname())

    def _buffered(self) -> int:
        return len(self._batch) + sum(len(batch) for batch in self._waiting)

    def _receive(self) -> None:
        while not self._stopped.is_set():
            pause = max(0.0, self._due - time.monotonic()) if self._batch else None
            if select.select([self._socket], [], [], pause)[0]:
                self._read(self._socket.recv(MOST_BYTES))
            while len(self._batch) >= self._size or (self._batch and time.monotonic() >= self._due):
                self._pass_on()

    def _read(self, datagram: bytes) -> None:
        header, _, document = datagram.partition(b"\n")
        if document and _is_known(header):
            self.take(document.decode("utf-8", "replace"))
        elif datagram:
            with self._lock:
                self._counts.received += 1
                self._counts.rejected += 1

    def _pass_on(self) -> None:
        with self._lock:
            self._waiting.append(self._batch[: self._size])
            self._batch = self._batch[self._size :]
            if len(self._waiting) > MOST_WAITING:
                self._counts.spilled += len(self._waiting.popleft())
                return  # the calls that were to send it send this one
        with contextlib.suppress(RuntimeError):  # the interpreter ends, its pools take nothing any more
            self._uploads.submit(self._send)

    def _send(self) -> None:
        with self._lock:
            batch = self._waiting.popleft()
        try:
            rejected = self._upload(batch)
        except Exception:
            with self._lock:
                self._counts.failed += len(batch)
            return
        with self._lock:
            self._counts.sent += len(batch)
            self._counts.rejected += rejected


def _is_known(header: bytes) -> bool:
    try:
        read = json.loads(header)
    except ValueError:
        return False
    return isinstance(read, dict) and (read.get("format"), read.get("version")) == ("json", 1)
