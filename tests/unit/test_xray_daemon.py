"""The daemon's buffer: what makes a batch, what is dropped, what a stop does."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from helpers.dataplane.xray.daemon import BATCH, MOST_WAITING, Daemon
from helpers.dataplane.xray.otlp import segments_of

Start = Callable[..., Daemon]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts daemons."""
    started: list[Daemon] = []

    def start(upload: Callable[[list[str]], int], **options: float) -> Daemon:
        started.append(Daemon(upload, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for daemon in started:
        daemon.stop(flush=False)


def wait(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, at most ten seconds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def test_a_full_batch_does_not_wait_and_the_rest_does(start: Start) -> None:
    sizes: list[int] = []
    daemon = start(lambda documents: sizes.append(len(documents)) or 0, idle_seconds=3600)
    for number in range(BATCH + 10):
        daemon.take(str(number))
        wait(lambda: daemon.state()["buffered"] < BATCH)
    wait(lambda: sizes == [BATCH])
    assert daemon.state() == {
        "received": BATCH + 10, "sent": BATCH, "rejected": 0, "spilled": 0, "failed": 0, "buffered": 10,
    }  # fmt: skip


def test_an_incomplete_batch_waits_for_the_idle_time(start: Start) -> None:
    came = threading.Event()
    daemon = start(lambda documents: came.set() or 0, idle_seconds=0.2)
    began = time.monotonic()
    daemon.take("x")
    assert came.wait(10) and time.monotonic() - began >= 0.2


def test_a_small_buffer_makes_small_batches(start: Start) -> None:
    sizes: list[int] = []
    daemon = start(lambda documents: sizes.append(len(documents)) or 0, idle_seconds=3600, buffer_mb=3)
    for number in range(48):
        daemon.take(str(number))
    wait(lambda: sizes == [48])


def test_the_oldest_batch_is_dropped_when_too_many_wait(start: Start) -> None:
    go, firsts = threading.Event(), []

    def upload(documents: list[str]) -> int:
        firsts.append(documents[0])
        assert go.wait(20)
        return 0

    daemon = start(upload, idle_seconds=0.001, concurrency=1)
    for number in range(MOST_WAITING + 3):
        before = daemon.state()["received"]
        daemon.take(str(number))
        # its batch is complete, and has the place of its own, before the next one comes
        wait(lambda before=before: daemon.state()["received"] > before and not daemon._batch)
        if number == 0:
            wait(lambda: firsts == ["0"])
    assert daemon.state()["spilled"] == 2
    go.set()
    wait(lambda: daemon.state()["buffered"] == 0)
    wait(lambda: daemon.state()["sent"] == MOST_WAITING + 1)
    assert firsts[:2] == ["0", "3"]


def test_a_failed_upload_is_counted_and_what_follows_goes_on(start: Start) -> None:
    answers = iter([OSError("gone"), None])

    def upload(documents: list[str]) -> int:
        if error := next(answers):
            raise error
        return 1

    daemon = start(upload, idle_seconds=0.001)
    for _ in range(2):
        known = daemon.state()
        daemon.take("x")
        wait(lambda known=known: sum(daemon.state()[name] - known[name] for name in ("sent", "failed")) == 1)
    assert (daemon.state()["failed"], daemon.state()["sent"], daemon.state()["rejected"]) == (1, 1, 1)


def test_a_stop_uploads_what_is_there(start: Start) -> None:
    came: list[str] = []
    daemon = Daemon(lambda documents: came.extend(documents) or 0, idle_seconds=3600)
    daemon.take("x")
    daemon.stop()
    assert came == ["x"]


def test_a_taken_port_is_an_error(start: Start) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with pytest.raises(OSError):
            Daemon(lambda documents: 0, other.getsockname())


def test_an_interpreter_that_ends_with_a_full_buffer_says_nothing() -> None:
    source = """
import atexit, time
from helpers.dataplane.xray.daemon import Daemon
Daemon(len, idle_seconds=0.2).take("x")
atexit.register(time.sleep, 0.6)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_no_otlp_is_refused() -> None:
    for body, encoding in ((b"\xff\xff\xff", ""), (b"plain", "gzip"), (b'{"resourceSpans": []}', "")):
        with pytest.raises(ValueError, match="not OTLP"):
            segments_of(body, encoding)


def test_otlp_may_be_compressed_and_empty() -> None:
    assert segments_of(gzip.compress(b""), "gzip") == segments_of(b"") == []
