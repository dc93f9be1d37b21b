"""``cloud.start()`` in a notebook and ``python -m helpers.cloud`` in a terminal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from helpers import cloud
from helpers.cloud import main
from helpers.dataplane.web import free_port

COMMAND = [sys.executable, "-m", "helpers.cloud"]


@pytest.fixture(autouse=True)
def stopped() -> Iterator[None]:
    """Every test begins and ends without a cloud."""
    cloud.stop()
    yield
    cloud.stop()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_plain_boto3_reaches_it() -> None:
    running = cloud.start()
    boto3.client("s3").create_bucket(Bucket="shelf")
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == ["shelf"]
    assert cloud.current() is running
    assert repr(running) == "A local AWS: account 123456789012, Region us-east-1, speed 1"


def test_a_resource_and_the_default_session_reach_it_too() -> None:
    boto3.setup_default_session(aws_access_key_id="other", aws_secret_access_key="other", region_name="eu-west-1")
    cloud.start()
    assert boto3.resource("s3").create_bucket(Bucket="shelf").name == "shelf"


def test_settings_arrive() -> None:
    running = cloud.start(speed=60, region="eu-central-1", quotas={"lambda.concurrent_executions": 7})
    limit = boto3.client("lambda").get_account_settings()["AccountLimit"]
    assert limit["ConcurrentExecutions"] == 7
    assert (running.speed, running.region, boto3.session.Session().region_name) == (60, "eu-central-1", "eu-central-1")


def test_the_environment_is_all_that_a_tool_needs() -> None:
    """What is handed to a terminal or to the SAM CLI."""
    running = cloud.start()
    environment = running.environment()
    assert environment["AWS_ENDPOINT_URL"] == running.endpoint
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    variables = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**variables, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "123456789012\n", done.stderr


def test_a_port_that_is_taken(taken: int) -> None:
    before = dict(os.environ)
    with pytest.raises(
        RuntimeError, match=rf"port {taken} on 127.0.0.1 cannot be had \(.*in use\): give another, or 0"
    ):
        cloud.start(port=taken)
    assert dict(os.environ) == before


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(RuntimeError, match=f"port {port} on 127.0.0.1 cannot be had"):
        cloud.start(port=port)


def test_a_port_of_ones_own_can_be_had_again_and_again() -> None:
    port = free_port()
    for _ in range(4):
        assert cloud.start(port=port).endpoint == f"http://127.0.0.1:{port}"
        boto3.client("s3").list_buckets()


class Shell:
    """As much of IPython's shell as the cloud uses."""

    def __init__(self) -> None:
        self.events = SimpleNamespace(callbacks={"pre_run_cell": []}, register=self._register)

    def _register(self, name: str, callback: Any) -> None:
        self.events.callbacks[name].append(callback)

    def run_cell(self) -> None:
        """Begin a cell."""
        for callback in self.events.callbacks["pre_run_cell"]:
            callback(None)


def test_drawings_begin_with_the_newest_cell_that_called(monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    for _ in range(2):
        running = cloud.start()
    assert len(shell.events.callbacks["pre_run_cell"]) == 1, "Run All twice does not count cells twice"
    first = running.record.mark()
    shell.run_cell()
    boto3.client("s3").list_buckets()
    assert running.cell_mark == first
    shell.run_cell()
    assert running.cell_mark == first, "a cell that draws, and calls nothing, shows the cell before it"
    second = running.record.mark()
    boto3.client("s3").list_buckets()
    assert running.cell_mark == second


def test_one_line_of_json(tmp_path: Any) -> None:
    server = subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        said = json.loads(server.stdout.readline())
        assert sorted(said) == ["access_key_id", "account_id", "endpoint", "region", "secret_access_key"]
        client = boto3.client(
            "s3",
            endpoint_url=said["endpoint"],
            region_name=said["region"],
            aws_access_key_id=said["access_key_id"],
            aws_secret_access_key=said["secret_access_key"],
        )
        client.create_bucket(Bucket="shelf")
        assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["shelf"]
        server.send_signal(signal.SIGTERM)
        rest, errors = server.communicate(timeout=20)
        assert (server.returncode, rest, errors) == (0, "", "")
    finally:
        server.kill()
        server.wait()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what the command says when it cannot start."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--speed", "0"), "speed is 0.0: it must be 1 (real time) or more, such as 60 (a minute lasts a second)"),
        (("--speed", "nan"), "speed is nan: it must be 1"),
        (("--speed", "fast"), "argument --speed: invalid float value: 'fast'"),
        (("--quota", "lambda.concurrent_executions"), "is not NAME=NUMBER, such as lambda.concurrent_executions=5"),
        (("--quota", "lambda.concurrent_executions=many"), "is not NAME=NUMBER"),
        (
            ("--quota", "lambda.nothing=5"),
            "there is no quota named 'lambda.nothing'; the quotas are: apigateway.burst, ",
        ),
        (("--port", "http"), "argument --port: invalid int value: 'http'"),
        (("--port", "99999"), "port 99999 on 127.0.0.1 cannot be had"),
        (("--prot", "1"), "unrecognized arguments: --prot 1"),
    ],
)
def test_what_cannot_be_is_said(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert said in refused(capsys, *arguments)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_a_port_that_is_taken_is_said_in_the_terminal(taken: int) -> None:
    done = subprocess.run([*COMMAND, "--port", str(taken)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].endswith("): give another, or 0")
    assert f"port {taken} on 127.0.0.1 cannot be had" in done.stderr
