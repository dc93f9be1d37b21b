"""Servers that tools start for a while: a free port for one, an end to its process, and ministack's command."""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.backends.endpoint import ACCOUNT_ID

MINISTACK = "1.5.33"
_MINISTACK_VENV = Path(__file__).resolve().parents[1] / "build" / "ministack"


def free_port() -> int:
    """Return a free port of 127.0.0.1, below those that the system gives to who takes any: it stays free a while."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", 10_000 + secrets.randbelow(10_000)))
            return int(probe.getsockname()[1])


def end(process: subprocess.Popen[Any]) -> None:
    """Ask a process to end, and make it after 20 seconds."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def installing(venv: Path) -> Iterator[None]:
    """Be the only process that installs into a virtual environment: others wait here until it is done."""
    venv.parent.mkdir(exist_ok=True)
    with venv.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def ministack(port: int) -> tuple[list[str], dict[str, str]]:
    """Return the command and the variables that run ministack on 127.0.0.1; it is installed at the first call."""
    python, ready = _MINISTACK_VENV / "bin" / "python", _MINISTACK_VENV / "ready"
    with installing(_MINISTACK_VENV):
        if not ready.exists():
            uv = [sys.executable, "-m", "uv"]
            make = ["venv", "--quiet", "--clear", "--python", sys.executable, str(_MINISTACK_VENV)]
            subprocess.run([*uv, *make], check=True)
            wanted = [f"ministack[full]=={MINISTACK}", "boto3"]
            subprocess.run([*uv, "pip", "install", "--quiet", "--python", str(python), *wanted], check=True)
            ready.touch()
    variables = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1"}
    variables["MINISTACK_ACCOUNT_ID"] = ACCOUNT_ID  # whose APIs and functions answer requests that nobody signed
    return [str(python), "-m", "ministack"], variables
