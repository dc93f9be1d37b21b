"""The pipe on which everything that a runtime process writes comes to us: standard output, standard error and framed
messages.

AWS: a line that a function prints is one event in CloudWatch Logs. AWS's runtimes send what goes through ``logging``,
and their own errors, as *frames* instead (a type, a length, a time, a text), so that a text of many lines, such as a
stack trace, stays one event. Here both use the same pipe, which keeps their order; a frame begins with bytes that no
UTF-8 text contains.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

_FRAME = b"\xa5\x5a\x00"
_HEADER = 16
_LONGEST = 256 * 1024
_INDENT = re.compile(r"^\xa0+", re.MULTILINE)


@dataclass(frozen=True)
class LogLine:
    """One event of a log stream: milliseconds since the epoch, and the text with its line break."""

    time_ms: int
    text: str


class LogReader:
    """Cuts a stream of bytes into log events."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes, time_ms: int) -> Iterator[LogLine]:
        """Yield the events that ``data`` completes; a frame brings its own time, a line has ``time_ms``."""
        self._rest += data
        while (at := self._rest.find(_FRAME)) >= 0:
            if at:
                text, self._rest = self._rest[:at], self._rest[at:]
                yield from _lines(text, time_ms)
            size = int.from_bytes(self._rest[4:8], "big")
            if len(self._rest) < _HEADER + size:
                return
            moment = int.from_bytes(self._rest[8:_HEADER], "big") // 1000
            text, self._rest = self._rest[_HEADER : _HEADER + size], self._rest[_HEADER + size :]
            yield LogLine(moment, _INDENT.sub(lambda found: " " * len(found[0]), text.decode(errors="replace")))
        end = self._rest.rfind(b"\n") + 1
        if end == 0 and len(self._rest) > _LONGEST:
            end = len(self._rest)
        text, self._rest = self._rest[:end], self._rest[end:]
        yield from _lines(text, time_ms)

    def finish(self, time_ms: int) -> Iterator[LogLine]:
        """Yield what is left: a line without its break, or a frame that was cut off."""
        text, self._rest = self._rest, b""
        yield from _lines(text[_HEADER:] if text.startswith(_FRAME) else text, time_ms)


def _lines(text: bytes, time_ms: int) -> Iterator[LogLine]:
    for line in re.findall(rb"[^\n]*\n|[^\n]+", text):
        yield LogLine(time_ms, line.decode(errors="replace"))


class LogPipe:
    """A pipe whose write end is for a runtime process; ``fileno`` is the end that we read."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def fileno(self) -> int:
        """Return the read end's file descriptor."""
        return self._read_end

    def started(self) -> None:
        """Close our copy of the write end, so that the pipe ends with the last process that has it."""
        os.close(self.write_end)
        self.write_end = -1

    def read(self) -> bytes | None:
        """Return what is there, an empty bytes object when nothing is, None when nothing will come any more."""
        try:
            return os.read(self._read_end, 1 << 20) or None
        except BlockingIOError:
            return b""

    def close(self) -> None:
        """Close both ends."""
        os.close(self._read_end)
        if self.write_end >= 0:
            os.close(self.write_end)
