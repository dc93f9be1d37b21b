"""The clouds that are measured: how each is started, and what measures it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.dataplane.web import free_port
from tools import servers
from tools.bench.report import Figures
from tools.servers import end

PROJECT = Path(__file__).resolve().parents[2]
ROUNDS = 3


def client(*arguments: str, keys: Mapping[str, str] | None = None) -> Figures:
    """Return what ``tools.bench.client`` measures in a process of its own."""
    given = keys or {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", **given}
    command = [sys.executable, "-m", "tools.bench.client", *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, timeout=300, check=True)
    return {key: float(value) for key, value in json.loads(done.stdout).items()}


def middle(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure over several runs."""
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


@contextmanager
def server(
    command: Sequence[str], port: int, variables: Mapping[str, str] | None = None
) -> Iterator[tuple[str, float]]:
    """Run a server; give its address and the milliseconds from its start to its first answer."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder, **(variables or {})}
        began = time.perf_counter()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=folder, env=environment, **quiet)  # type: ignore[call-overload]
        try:
            wait_for_answer(port, process)
            yield f"http://127.0.0.1:{port}", (time.perf_counter() - began) * 1000
        finally:
            end(process)


def wait_for_answer(port: int, process: Any, seconds: float = 60) -> None:
    """Wait until somebody answers HTTP at the port; any status will do."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise RuntimeError(f"no answer at port {port} within {seconds:g} s, or the server ended")


def course() -> Figures:
    """Measure this course's cloud as a notebook has it."""
    return middle([client() for _ in range(ROUNDS)])


def course_over_http() -> Figures:
    """Measure ``python -m helpers.cloud`` from another process."""
    command = [sys.executable, "-m", "helpers.cloud"]
    runs = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            said = json.loads(process.stdout.readline())
            ready = (time.perf_counter() - began) * 1000
            keys = {"AWS_ACCESS_KEY_ID": said["access_key_id"], "AWS_SECRET_ACCESS_KEY": said["secret_access_key"]}
            runs.append({"process": ready, **client("--endpoint", said["endpoint"], keys=keys)})
        finally:
            end(process)
    return middle(runs)


def moto_server() -> Figures:
    """Measure moto's own server; its functions run in Docker only."""
    runs = []
    for _ in range(ROUNDS):
        port = free_port()
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        with server(command, port) as (endpoint, ready):
            runs.append({"process": ready, **client("--endpoint", endpoint, "--no-functions")})
    return middle(runs)


def ministack() -> Figures:
    """Measure ministack, installed into a virtual environment of its own."""
    runs = []
    for _ in range(ROUNDS):
        port = free_port()
        command, variables = servers.ministack(port)
        with server(command, port, variables) as (endpoint, ready):
            runs.append({"process": ready, **client("--endpoint", endpoint)})
    return middle(runs)
