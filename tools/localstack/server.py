"""Install LocalStack into a virtual environment of its own, and run it there in host mode, without Docker.

LocalStack 4.9.2 is the last that runs on all of the course's Pythons as it is (4.10 wants 3.12, 4.14 3.13).
Its dependencies have moved on since, so ``requirements.txt`` beside this file holds all of them as they were then.
Some 310 MB; it is made once, below build/, which git ignores, and again when that file changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from helpers.dataplane.awslambda.guardian import GUARDIAN
from helpers.dataplane.web import free_port
from tools.servers import end, installed

PROJECT = Path(__file__).resolve().parents[2]
VENV = PROJECT / "build" / "localstack"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
START_S = 120.0


class NoLocalStack(RuntimeError):
    """LocalStack could not be installed or started; the message says why."""


def install() -> Path:
    """Make the environment if it is not there, or outdated; return its Python.

    Raises
    ------
    NoLocalStack
        The packages cannot be had.
    """
    wanted = [REQUIREMENTS.read_bytes(), (PROJECT / "pyproject.toml").read_bytes(), str(PROJECT).encode()]
    state = hashlib.sha256(b"".join(wanted)).hexdigest()
    try:
        return installed(VENV, state, ["--requirements", str(REQUIREMENTS)], ["--no-deps", "--editable", str(PROJECT)])
    except subprocess.CalledProcessError as error:
        raise NoLocalStack(f"LocalStack cannot be installed: {error.stderr.strip()[-600:]}") from None


def variables(port: int, folder: Path) -> dict[str, str]:
    """Return the variables of a LocalStack that listens on 127.0.0.1 only and keeps its files in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCALSTACK_"))}
    return kept | {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH")))),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": f"localhost:{port}",
        "SQS_ENDPOINT_STRATEGY": "path",
        "OVERRIDE_IN_DOCKER": "0",
        "FILESYSTEM_ROOT": str(folder),
        "TMPDIR": str(folder),
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        "LAMBDA_RETRY_BASE_DELAY": "1",  # seconds before a retry; AWS waits a minute, the course's own cloud a second
        "PROVIDER_OVERRIDE_DYNAMODB": "moto",
        "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "moto",
        "PROVIDER_OVERRIDE_S3": "apart",
    }


@contextmanager
def running(port: int = 0, log: bool = False) -> Iterator[str]:
    """Run LocalStack; give its address, http://127.0.0.1:PORT, when it answers. ``log`` lets it write to the terminal.

    Raises
    ------
    NoLocalStack
        It cannot be installed, or does not start.
    """
    python, port = install(), port or free_port()
    with tempfile.TemporaryDirectory(prefix="localstack-", ignore_cleanup_errors=True) as folder:
        where = None if log else subprocess.DEVNULL
        command = [str(python), "-m", "localstack.runtime.main"]
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables(port, Path(folder)),
            stdin=subprocess.DEVNULL,
            stdout=where,
            stderr=where,
            start_new_session=True,
        )
        GUARDIAN.hold("group", process.pid)
        address = f"http://127.0.0.1:{port}"
        try:
            _wait_for(address, process)
            yield address
        finally:
            end(process)
            GUARDIAN.release("group", process.pid)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/_localstack/health", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise NoLocalStack(f"LocalStack does not answer at {address} after {START_S:g} s, or has ended: see its log")


def version() -> str:
    """Return which LocalStack this is."""
    return re.findall(r"(?m)^localstack-core==(\S+)", REQUIREMENTS.read_text(encoding="utf-8"))[0]
