"""One open WebSocket: frames in, whole messages out, and an end that is always told.

AWS: a frame may have 32 KB and a message 128 KB, or the connection is closed with 1009; binary frames close it with
1003; it ends after 10 minutes without a message and after 2 hours in any case ("Quotas for configuring and running a
WebSocket API" and "Binary media types for WebSocket APIs", API Gateway Developer Guide). Here the same, on the cloud's
clock; the protocol is that of the library websockets, which does no input or output of its own, so that the thread
that read the request can carry it. Not sourced: the code of those two ends (here 1001, going away), and whether pings
keep a connection from being idle (here they do not).
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable

from websockets.frames import CloseCode, Opcode
from websockets.protocol import Event, State
from websockets.server import ServerProtocol

from helpers.dataplane.clock import Clock

LARGEST_FRAME, LARGEST_MESSAGE = 32 * 1024, 128 * 1024
IDLE_SECONDS, LIFE_SECONDS = 10 * 60, 2 * 60 * 60
_PATIENCE_SECONDS = 5.0
"""Ours, not AWS's: for a client that takes no data, or does not answer a close."""
_LOGGER = logging.getLogger("helpers.websocket")
_LOGGER.disabled = True
_REASONS = {
    1001: "Going away",
    1005: "Client-side close frame status not set",
    1006: "Connection closed abnormally",
}


class Connection:
    """A client's connection; it can be closed and written to from any thread.

    Parameters
    ----------
    identifier:
        The connection id.
    user_agent:
        Of the request that opened it.
    """

    def __init__(self, identifier: str, user_agent: str, clock: Clock) -> None:
        self.id, self.user_agent = identifier, user_agent
        self._clock = clock
        self.connected_at = self.active_at = clock.time()
        self._protocol = ServerProtocol(state=State.OPEN, max_size=(LARGEST_MESSAGE, LARGEST_FRAME), logger=_LOGGER)
        self._lock = threading.RLock()
        self._socket: socket.socket | None = None
        self._parts: list[bytes] = []
        self._closing_since = 0.0

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent: the handshake is done and nobody has closed it."""
        return self._socket is not None and self._protocol.state is State.OPEN

    def begin(self, connection: socket.socket) -> None:
        """Take the connection over; whoever sends has to wait until ``serve``, in this same thread, lets them."""
        self._lock.acquire()
        self._socket = connection

    def serve(self, early: bytes, take: Callable[[str], None]) -> tuple[int, str]:
        """Hand over messages until the connection ends; return the code and the reason of the end.

        ``early`` is what the client sent before its turn, ``take`` gets each message, one after the other.
        """
        self._lock.release()
        connection = self._socket
        assert connection is not None
        data: bytes | None = early or None
        while data != b"":
            for message in self._received(data or b""):
                take(message)
            data = self._read(connection)
        with self._lock:
            self._protocol.receive_eof()
            self._socket = None
        return self._end()

    def send(self, data: bytes) -> bool:
        """Send a message to the client, in frames of 32 KB at most; return whether the connection was open."""
        with self._lock:
            if not self.is_open:
                return False
            self._protocol.send_text(data[:LARGEST_FRAME], fin=len(data) <= LARGEST_FRAME)
            for start in range(LARGEST_FRAME, len(data), LARGEST_FRAME):
                piece = data[start : start + LARGEST_FRAME]
                self._protocol.send_continuation(piece, fin=start + len(piece) == len(data))
            self.active_at = self._clock.time()
            return self._flush()

    def close(self, code: int, reason: str = "") -> bool:
        """Say goodbye; return whether the connection was open."""
        with self._lock:
            if not self.is_open:
                return False
            self._protocol.send_close(code, reason)
            self._closing_since = time.monotonic()
            return self._flush()

    def hang_up(self) -> None:
        """End it now, whatever the client says."""
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def _received(self, data: bytes) -> Iterable[str]:
        with self._lock:
            if data:
                self._protocol.receive_data(data)
            self._flush()
            events = self._protocol.events_received()
        for event in events:
            yield from self._message(event)

    def _message(self, event: Event) -> Iterable[str]:
        """Return the message that a frame completes."""
        opcode = getattr(event, "opcode", None)
        if opcode is Opcode.BINARY:
            self.close(CloseCode.UNSUPPORTED_DATA)
        elif opcode in (Opcode.TEXT, Opcode.CONT) and not self._closing_since:
            self._parts.append(bytes(event.data))  # type: ignore[union-attr]
            if event.fin:  # type: ignore[union-attr]
                whole, self._parts = b"".join(self._parts), []
                self.active_at = self._clock.time()
                try:
                    yield whole.decode()
                except UnicodeDecodeError:
                    self.close(CloseCode.INVALID_DATA)

    def _read(self, connection: socket.socket) -> bytes | None:
        """Return what comes next: nothing (``b""``) at the end, None when it was only time to look at the clock."""
        left = self._seconds_left()
        if left <= 0 and not self.close(CloseCode.GOING_AWAY, _REASONS[1001]):
            return b""
        try:
            connection.settimeout(min(max(left, 0.01), _PATIENCE_SECONDS))
            return connection.recv(65536)
        except TimeoutError:
            return None
        except OSError:
            return b""

    def _seconds_left(self) -> float:
        """Return our seconds until something has to happen."""
        with self._lock:
            if self._protocol.state is not State.OPEN:
                self._closing_since = self._closing_since or time.monotonic()
                return self._closing_since + _PATIENCE_SECONDS - time.monotonic()
        end = min(self.active_at + IDLE_SECONDS, self.connected_at + LIFE_SECONDS)
        return (end - self._clock.time()) / self._clock.speed

    def _flush(self) -> bool:
        """Send what the protocol has to say; a client that does not take it loses its connection."""
        assert self._socket is not None
        try:
            for data in self._protocol.data_to_send():
                if data:
                    self._socket.sendall(data)
                else:
                    self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.hang_up()
            return False
        return True

    def _end(self) -> tuple[int, str]:
        """Return who ended it how: the client's code, else the one that we sent, else 1006."""
        ours, theirs = self._protocol.close_sent, self._protocol.close_rcvd
        first = theirs if self._protocol.close_rcvd_then_sent else ours or theirs
        if first is None:
            return 1006, _REASONS[1006]
        return int(first.code), first.reason or _REASONS.get(int(first.code), "")
