"""A cloud in a process of its own, and what is left of it afterwards: processes, listening ports, files."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.wire import TRUST

LIMIT = 20
FIFTY = 50
SOURCES = {
    "quick": "def handler(event, context):\n    return 1\n",
    "long": """
        import subprocess, time
        def handler(event, context):
            subprocess.run(["touch", event])
            time.sleep(600)
        """,
    "parent": """
        import subprocess
        def handler(event, context):
            sleep = ["sleep", "600"]
            plain, own = subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)
            orphan = subprocess.run(["sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!"], capture_output=True)
            return [plain.pid, own.pid, int(orphan.stdout)]
        """,
}
"""Functions: one that is called 50 times, one that is still running at the end, one that leaves children."""

CODE = f"""
import json, os, textwrap, threading, time
import boto3
from botocore.config import Config
from concurrent.futures import ThreadPoolExecutor
from helpers import cloud
from helpers.teaching import package

def lambda_client():
    return boto3.client("lambda", config=Config(max_pool_connections={FIFTY}, retries={{"total_max_attempts": 1}}))

def run_everything(marker):
    client = lambda_client()
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument={TRUST!r})["Role"]["Arn"]
    for name, source in {SOURCES!r}.items():
        client.create_function(FunctionName=name, Runtime="python3.13", Handler="app.handler", Role=role, Timeout=900,
                               Code={{"ZipFile": package({{"app.py": textwrap.dedent(source)}})}})
    def call(name, event):
        answer = client.invoke(FunctionName=name, Payload=json.dumps(event))
        payload = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, payload
        return payload
    children = call("parent", 0)
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(lambda number: call("quick", number), range({FIFTY}))) == {FIFTY}
    threading.Thread(target=call, args=("long", str(marker)), daemon=True).start()
    while not os.path.exists(marker):
        time.sleep(0.01)
    return children
"""
"""What a test's process runs first; ``run_everything(marker)`` returns when the long function has made the file."""


def listening(processes: list[psutil.Process]) -> set[int]:
    """Return the ports on which processes listen."""
    found = set()
    for process in processes:
        # one that has just ended listens to nothing
        with contextlib.suppress(psutil.NoSuchProcess, FileNotFoundError):
            found |= {item.laddr.port for item in process.net_connections("inet") if item.status == psutil.CONN_LISTEN}
    return found


def shown(process: psutil.Process) -> str:
    """Return what a failed test says of a process."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return f"{process.pid} {' '.join(process.cmdline()[:4])}"
    return f"{process.pid}"


def is_open(port: int) -> bool:
    """Return whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as attempt:
        attempt.settimeout(2)
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def alive(process: psutil.Process) -> bool:
    """Return whether a process runs; one that waits for its parent to notice its end does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], Any], what: Callable[[], Any], seconds: float = LIMIT) -> None:
    """Wait for ``condition``; fail with ``what`` after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"after {seconds} s: {what()}")
        time.sleep(0.02)


@dataclass
class Traces:
    """Everything of a cloud that can be left over, looked at while it runs."""

    folder: Path
    processes: list[psutil.Process] = field(default_factory=list)
    ports: set[int] = field(default_factory=set)

    def take(self, pid: int, children: list[int]) -> None:
        """Note a process, all that descends from it, and ``children`` that have left its family."""
        root = psutil.Process(pid)
        self.processes = [root, *root.children(recursive=True)]
        known = {process.pid for process in self.processes}
        self.processes += [psutil.Process(child) for child in children if child not in known]
        self.ports = listening(self.processes)

    def left(self) -> dict[str, list[str]]:
        """Return what is still there."""
        return {
            "processes": [shown(process) for process in self.processes if alive(process)],
            "ports": [str(port) for port in self.ports if is_open(port)],
            "files": [str(path) for path in self.folder.iterdir()],
        }

    def assert_all_gone(self) -> None:
        """Wait until nothing is left."""
        wait_until(lambda: not any(self.left().values()), self.left)

    def end(self) -> None:
        """End what a failed test has left."""
        for process in filter(alive, self.processes):
            process.kill()
