"""The guardian: a tiny process that cleans up when ours cannot, because it was killed with SIGKILL.

AWS's sandboxes go when their host goes. Ours are processes and folders on a learner's machine, so that somebody has
to outlive us: this process holds one end of a pipe, is told process groups and folders, and at the end of the pipe,
which the operating system closes however we die, kills the groups, removes the folders, and ends.

The same file is both sides: ``Guardian`` is what we hold, ``main`` is what runs in the other process.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import IO


class Guardian:
    """Tells the guardian process what to clean up; starts it when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Let go in a forked child: its copy of the pipe would keep the guardian waiting, and nothing there is its
        own."""
        self._lock = threading.Lock()
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            self._process.returncode = 0
        self._process = None

    def hold(self, kind: str, value: object) -> None:
        """Have ``value`` cleaned up should we die; ``kind`` is ``group`` (a process group's id) or ``folder`` (a
        path)."""
        self._tell(f"+{kind}:{value}")

    def release(self, kind: str, value: object) -> None:
        """Take back ``hold``: we have cleaned it up ourselves."""
        self._tell(f"-{kind}:{value}")

    def _tell(self, message: str) -> None:
        with self._lock:
            if self._process is None:
                # its own session: whoever kills our process group does not kill it with us
                self._process = subprocess.Popen(
                    [sys.executable, "-S", "-E", "-I", __file__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    cwd="/",
                )
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(message.encode() + b"\0")
                self._process.stdin.flush()

    @property
    def pid(self) -> int | None:
        """The guardian process, or None while there was nothing to guard."""
        return None if self._process is None else self._process.pid


def follow(pipe: IO[bytes]) -> list[str]:
    """Read messages until the pipe ends; return what is still held, groups first."""
    held: dict[str, None] = {}
    for message in pipe.read().decode(errors="surrogateescape").split("\0"):
        if message.startswith("+"):
            held[message[1:]] = None
        else:
            held.pop(message[1:], None)
    return sorted(held, key=lambda item: not item.startswith("group:"))


def processes_of(folder: str) -> list[int]:
    """Return the processes that were started with HOME in ``folder``, also those that left group and parent.

    Only Linux tells; elsewhere nothing is found.
    """
    marker, found = f"HOME={folder}/tmp".encode(), []
    for name in os.listdir("/proc") if sys.platform == "linux" else []:
        with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as environ:
            if marker in environ.read().split(b"\0"):
                found.append(int(name))
    return found


def kill(pid: int) -> None:
    """Kill a process, if it is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Wait for the end of the pipe on standard input, then clean up."""
    for item in follow(sys.stdin.buffer):
        kind, _, value = item.partition(":")
        if kind == "group":
            kill(-int(value))
        else:
            for pid in processes_of(value):
                kill(pid)
            shutil.rmtree(value, ignore_errors=True)


GUARDIAN = Guardian()

if __name__ == "__main__":
    main()
