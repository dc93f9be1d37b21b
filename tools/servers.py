"""Servers that tools start for a while: a free port for one, and an end to its process."""

from __future__ import annotations

import socket
import subprocess
from typing import Any


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def end(process: subprocess.Popen[Any]) -> None:
    """Ask a process to end, and make it after 20 seconds."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
