"""Servers that tools start for a while: an environment for one, an end to its process, and ministack's command."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.backends.endpoint import ACCOUNT_ID

MINISTACK = "1.5.33"
_MINISTACK_VENV = Path(__file__).resolve().parents[1] / "build" / "ministack"


def end(process: subprocess.Popen[Any]) -> None:
    """Ask a process to end, and make it after 20 seconds."""
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def installed(venv: Path, wanted: str, *packages: Sequence[str]) -> Path:
    """Return the Python of a virtual environment, which is made when it is not there or holds something else.

    Other processes wait until it is made.

    Parameters
    ----------
    venv:
        Its folder, below build/.
    wanted:
        What names its content: another text, and it is made anew.
    packages:
        The arguments of each ``uv pip install``, one after the other.

    Raises
    ------
    subprocess.CalledProcessError
        Something cannot be installed; ``stderr`` says what.
    """
    python, ready = venv / "bin" / "python", venv / "ready"
    venv.parent.mkdir(exist_ok=True)
    with venv.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists() or ready.read_text() != wanted:
            print(f"Installing into build/{venv.name} (once)", flush=True)
            environment = {key: value for key, value in os.environ.items() if key not in ("VIRTUAL_ENV", "PYTHONPATH")}
            into = ["pip", "install", "--quiet", "--system-certs", "--python", str(python)]
            make = ["venv", "--quiet", "--clear", "--python", sys.executable, str(venv)]
            for step in (make, *([*into, *one] for one in packages)):
                command = [sys.executable, "-m", "uv", *step]
                subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            ready.write_text(wanted)
    return python


def ministack(port: int) -> tuple[list[str], dict[str, str]]:
    """Return the command and the variables that run ministack on 127.0.0.1; it is installed at the first call."""
    python = installed(_MINISTACK_VENV, MINISTACK, [f"ministack[full]=={MINISTACK}", "boto3"])
    variables = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "MINISTACK_HOST": "127.0.0.1"}
    variables["MINISTACK_ACCOUNT_ID"] = ACCOUNT_ID  # whose APIs and functions answer requests that nobody signed
    return [str(python), "-m", "ministack"], variables
