"""However a cloud ends, nothing of it is left: no process, no listening port, no temporary file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager, start_new_kernel

from tests.leaks.processes import CODE, Traces, alive, is_open, wait_until
from tests.wire import port_of

pytestmark = pytest.mark.slow


@pytest.fixture
def traces(tmp_path: Path) -> Iterator[Traces]:
    """What is to be gone at the end; ``folder`` is where the cloud's process keeps its temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    noted = Traces(folder)
    yield noted
    noted.end()


@pytest.fixture
def variables(traces: Traces) -> dict[str, str]:
    """The environment of the cloud's process."""
    return {**os.environ, "TMPDIR": str(traces.folder), "PYTHONDONTWRITEBYTECODE": "1"}


def assert_busy(traces: Traces) -> None:
    """Prove that there is something to clean up."""
    assert len([process for process in traces.processes if alive(process)]) >= 8
    assert len(traces.ports) >= 4
    assert list(traces.folder.iterdir())


@contextmanager
def terminal(variables: dict[str, str], tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, list[int]]]:
    """Start ``python -m helpers.cloud``, and functions in it from a second process, as a terminal would."""
    command = [sys.executable, "-m", "helpers.cloud"]
    server = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert server.stdout is not None
        said = json.loads(server.stdout.readline())
        yield server, said["endpoint"], use(said, tmp_path)
    finally:
        server.kill()
        server.wait()


def use(said: dict[str, str], tmp_path: Path) -> list[int]:
    """Run functions in a cloud that said where it is; return the processes that they started."""
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": said["endpoint"],
        "AWS_ACCESS_KEY_ID": said["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": said["secret_access_key"],
        "AWS_DEFAULT_REGION": said["region"],
    }
    script = f"{CODE}\nprint(run_everything({str(tmp_path / 'running')!r}), flush=True)\nos._exit(0)"
    client = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert client.returncode == 0, client.stderr
    return list(json.loads(client.stdout))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_terminals_cloud_that_is_stopped(
    number: signal.Signals, variables: dict[str, str], traces: Traces, tmp_path: Path
) -> None:
    with terminal(variables, tmp_path) as (server, endpoint, children):
        traces.take(server.pid, children)
        assert_busy(traces)
        server.send_signal(number)
        assert server.wait(20) == (0 if number is not signal.SIGKILL else -number)
        traces.assert_all_gone()
        assert not is_open(port_of(endpoint))


@contextmanager
def kernel(variables: dict[str, str], traces: Traces, tmp_path: Path) -> Iterator[KernelManager]:
    """Give a kernel with a busy cloud in it, as a notebook has."""
    manager, client = start_new_kernel(kernel_name="python3", env=variables, cwd=str(tmp_path))
    try:
        traces.take(manager.provisioner.process.pid, populate(client, tmp_path))
        assert_busy(traces)
        client.stop_channels()
        yield manager
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def populate(client: Any, tmp_path: Path) -> list[int]:
    """Start a cloud in a kernel and run functions; return the processes that they started."""
    printed: list[str] = []
    code = f"{CODE}\ncloud.start()\nprint(run_everything({str(tmp_path / 'running')!r}))"
    reply = client.execute_interactive(
        code, timeout=60, output_hook=lambda message: printed.append(str(message["content"].get("text", "")))
    )
    assert reply["content"]["status"] == "ok", reply["content"]
    return list(json.loads("".join(printed)))


def test_a_kernel_that_is_shut_down(variables: dict[str, str], traces: Traces, tmp_path: Path) -> None:
    with kernel(variables, traces, tmp_path) as manager:
        manager.shutdown_kernel()
        traces.assert_all_gone()


def test_a_kernel_that_is_killed(variables: dict[str, str], traces: Traces, tmp_path: Path) -> None:
    with kernel(variables, traces, tmp_path) as manager:
        os.kill(manager.provisioner.process.pid, signal.SIGKILL)
        manager.provisioner.process.wait()
        traces.assert_all_gone()


def test_a_kernel_whose_group_is_killed(variables: dict[str, str], traces: Traces, tmp_path: Path) -> None:
    """A closed terminal or a job scheduler kills the whole process group, not one process."""
    with kernel(variables, traces, tmp_path) as manager:
        pid = manager.provisioner.process.pid
        assert os.getpgid(pid) == pid
        os.killpg(pid, signal.SIGKILL)
        manager.provisioner.process.wait()
        traces.assert_all_gone()


def test_a_cloud_without_functions_that_is_killed(variables: dict[str, str], traces: Traces) -> None:
    """Also before anything ran, there is a folder to remove."""
    code = "from helpers import cloud\ncloud.start()\nprint('ready', flush=True)\ninput()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    traces.take(process.pid, [])
    assert list(traces.folder.iterdir())
    process.kill()
    process.wait()
    traces.assert_all_gone()


def test_a_script_that_ends_by_itself(variables: dict[str, str], traces: Traces, tmp_path: Path) -> None:
    """Nobody has to call ``stop()``; a function that is still running does not hold the process up."""
    code = f"{CODE}\ncloud.start()\nprint(run_everything({str(tmp_path / 'running')!r}), flush=True)\ninput()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    children = json.loads(process.stdout.readline())
    traces.take(process.pid, children)
    process.stdin.write("\n")
    process.stdin.flush()
    wait_until(lambda: process.poll() is not None, lambda: "the script has not ended")
    assert process.returncode == 0
    traces.assert_all_gone()
