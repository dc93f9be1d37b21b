"""Other local clouds behind ``cloud.start``: found, checked, never confused with what is not the course's."""

from __future__ import annotations

import csv
import json
import os
import socket
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from helpers import cloud
from helpers.backends import localstack
from helpers.backends.endpoint import EndpointBackend, Unavailable, on_this_machine
from helpers.backends.function_logs import LoggedRecord
from helpers.backends.left_out import made_by
from helpers.backends.shortcut import NotThisMachine
from tests.contract.subjects import PlainMoto
from tools.notebook_files import PROJECT, read

IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@pytest.fixture(autouse=True)
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test begins and ends without a cloud, and without the reader's own settings."""
    for name in ("COURSE_BACKEND", "COURSE_ENDPOINT", "AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "USE_SSL"):
        monkeypatch.delenv(name, raising=False)
    cloud.stop()
    yield
    cloud.stop()


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """An AWS that runs on this machine already."""
    server = PlainMoto()
    yield server.endpoint
    server.stop()


class FakeLocalStack(BaseHTTPRequestHandler):
    """Health, restart and STS, as LocalStack's container answers them."""

    def do_GET(self) -> None:
        self._answer(200, json.dumps(self.server.health))  # type: ignore[attr-defined]

    def do_PUT(self) -> None:
        self.server.health |= self._content()  # type: ignore[attr-defined]
        self._answer(200, "{}")

    def do_POST(self) -> None:
        if self.path == "/":
            self._content(json_too=False)
            return self._answer(200, IDENTITY)
        health = self.server.health  # type: ignore[attr-defined]
        if self.path.endswith("/health") and self._content() == {"action": "restart"}:
            health.pop("course", None)
            health["services"] = dict.fromkeys(health["services"], "available")
            self.server.restarts += 1  # type: ignore[attr-defined]
            return self._answer(200, "ok")
        return self._answer(404, "{}")

    def _content(self, json_too: bool = True) -> Any:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return json.loads(body) if json_too else body

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A LocalStack in a container, as seen from outside; nobody has used it yet."""
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), FakeLocalStack)
    server.restarts = 0
    server.health = {"version": "4.14.0", "services": {"s3": "available", "lambda": "available"}}
    monkeypatch.setenv("LOCALSTACK_HOST", f"localhost:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_plain_boto3_reaches_an_endpoint_and_leaves_it_running(moto: str) -> None:
    before = dict(os.environ)
    running = cloud.start(backend="endpoint", url=moto)
    boto3.client("s3").create_bucket(Bucket="shelf")
    assert repr(running) == f"The cloud at {moto}: account 123456789012, Region us-east-1"
    cloud.stop()
    assert dict(os.environ) == before
    cloud.start(backend="endpoint", url=moto)
    assert [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]] == ["shelf"]
    boto3.client("s3").delete_bucket(Bucket="shelf")


def test_the_environment_can_choose(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_BACKEND", "endpoint")
    monkeypatch.setenv("COURSE_ENDPOINT", moto)
    assert cloud.start().endpoint == moto
    with pytest.raises(ValueError, match="no backend 'azure'"):
        cloud.start(backend="azure")


def test_the_record_holds_what_was_called(moto: str) -> None:
    running = cloud.start(backend="endpoint", url=moto)
    boto3.client("sqs").create_queue(QueueName="letters")
    with pytest.raises(boto3.client("s3").exceptions.NoSuchBucket):
        boto3.client("s3").list_objects_v2(Bucket="nowhere")
    called = [
        (entry.source, entry.target, entry.action, entry.subject, entry.outcome) for entry in running.record.since()
    ]
    assert called == [
        ("you", "sqs", "CreateQueue", "letters", "ok"),
        ("you", "s3", "ListObjectsV2", "nowhere", "NoSuchBucket"),
    ]


def test_the_wall_stands(moto: str) -> None:
    cloud.start(backend="endpoint", url=moto)
    with pytest.raises(NotThisMachine, match=r"sqs\.us-east-1\.amazonaws\.com"):
        boto3.client("sqs", endpoint_url="https://sqs.us-east-1.amazonaws.com").list_queues()
    cloud.stop()
    assert boto3.DEFAULT_SESSION is None


@pytest.mark.parametrize(
    "url", ["http://198.51.100.7:4566", "https://lambda.us-east-1.amazonaws.com", "ftp://localhost", ""]
)
def test_only_addresses_of_this_machine(url: str) -> None:
    with pytest.raises(RuntimeError, match="not on this machine"):
        cloud.start(backend="endpoint", url=url)
    with pytest.raises(RuntimeError, match="no cloud is running"):
        cloud.current()


def test_a_name_becomes_an_address() -> None:
    assert on_this_machine("http://localhost:4566/") == "http://127.0.0.1:4566"
    assert on_this_machine("https://127.0.0.1:9297") == "https://127.0.0.1:9297"


def test_names_below_localhost_are_this_machine(moto: str) -> None:
    cloud.start(backend="endpoint", url=moto)
    place = moto.replace("127.0.0.1", "abc.lambda-url.us-east-1.localhost.localstack.cloud")
    assert urllib.request.urlopen(f"{place}/moto-api/", timeout=10).status == 200


def test_nobody_answers() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # and does not listen: nobody else gets this port
        with pytest.raises(RuntimeError, match="nobody answers"):
            cloud.start(backend="endpoint", url=f"http://127.0.0.1:{deaf.getsockname()[1]}")


def test_what_is_lacking_is_asked(moto: str, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.start(backend="endpoint", url=moto, speed=60)
    assert "No effect there: speed." in capsys.readouterr().out
    assert cloud.needs("sqs", "lambda", "dynamodb", "cognito-idp")
    assert not cloud.needs("sqs", "gamelift")
    assert "Left out: this needs Amazon GameLift." in capsys.readouterr().out


def test_the_courses_own_cloud_lacks_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    cloud.start()
    assert cloud.needs("xray", "codedeploy")
    assert capsys.readouterr().out == ""


def test_what_only_the_own_cloud_can_do_says_so(moto: str) -> None:
    running = cloud.start(backend="endpoint", url=moto)
    with pytest.raises(Unavailable, match="cannot cut off a Region: that needs the course's own cloud"):
        running.pause_replication("eu-west-1")
    assert running.time() > 1_700_000_000


def test_cells_that_need_what_is_lacking_are_left_out(moto: str, capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.user_ns.update(cloud=cloud, boto3=boto3)
    running = cloud.Cloud(EndpointBackend(moto, "us-east-1"))
    left_out = cloud.LeftOut(shell, running._backend)
    try:
        assert shell.run_cell("pool = cloud.current().pause_replication('eu-west-1')").error_in_exec
        cloud._current = running
        assert shell.run_cell("pool = cloud.current().pause_replication('eu-west-1')").success
        assert shell.run_cell("print(pool)").success
        assert not shell.run_cell("print(puddle)").success
    finally:
        left_out.stop()
    said = capsys.readouterr().out
    assert "cannot cut off a Region" in said and "it needs `pool`" in said and "puddle" in said


def test_cells_of_which_it_is_known_that_they_differ_are_left_out(
    moto: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jupyter says which cell runs; where it does not, the notebook in the folder does."""

    class Differs(EndpointBackend):
        def differs(self, notebook: str, cell: str) -> str:
            return "does not throttle." if (notebook, cell) == (f"{tmp_path.name}/lab.ipynb", "burst") else ""

    cells = [{"id": "burst", "source": ["count = ", "1 / 0"]}, {"id": "other", "source": "2 / 0"}]
    (tmp_path / "lab.ipynb").write_text(json.dumps({"cells": cells}))
    monkeypatch.chdir(tmp_path)
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    running = cloud.Cloud(Differs(moto, "us-east-1"))
    left_out = cloud.LeftOut(shell, running._backend)
    monkeypatch.setattr(cloud, "_current", running)
    try:
        assert shell.run_cell("count = 1 / 0").success
        assert shell.run_cell("print(count)").success
        assert not shell.run_cell("2 / 0").success
        monkeypatch.setenv("JPY_SESSION_NAME", "labs/lab.ipynb")
        monkeypatch.setattr(shell, "get_parent", lambda: {"metadata": {"cellId": "burst"}}, raising=False)
        assert shell.run_cell("3 / 0").success
    finally:
        left_out.stop()
    said = capsys.readouterr().out
    assert said.count("does not throttle.") == 2 and "it needs `count`" in said and "ZeroDivisionError" in said


def test_what_is_known_of_localstack_names_cells_that_are_there() -> None:
    with (PROJECT / "helpers/backends/localstack_differs.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({(row["notebook"], row["cell"]) for row in rows}) == len(rows)
    for row in rows:
        assert row["cell"] in {cell.id for cell in read(PROJECT / row["notebook"]).cells if cell.cell_type == "code"}
        assert row["why"].endswith(".") and len(row["why"]) <= 160
        place = "/".join(Path(row["notebook"]).parts[-2:]).replace("solution", "lab")
        assert localstack.difference(place, row["cell"]) == row["why"]


def test_names_that_a_cell_makes() -> None:
    assert made_by("import a.b as c, d.e\nx, (y, *z) = 1, (2, 3)\nfor i in []: pass\ndef f(n): m = n") == set(
        "cdxyzifm"
    )


def test_localstack_that_is_not_running_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALSTACK_HOST", "localhost:9")
    with pytest.raises(RuntimeError, match=r"`make localstack`.*`docker compose up`"):
        cloud.start(backend="localstack")


def test_localstack_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://198.51.100.7:4566")
    with pytest.raises(RuntimeError, match="not on this machine"):
        cloud.start(backend="localstack")


def test_what_answers_is_not_localstack(moto: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto)
    with pytest.raises(RuntimeError, match="is not LocalStack"):
        cloud.start(backend="localstack")


def test_an_unused_localstack_is_claimed_and_later_emptied(fake: Any, capsys: pytest.CaptureFixture[str]) -> None:
    running = cloud.start(backend="localstack")
    assert repr(running) == "LocalStack 4.14.0: account 123456789012, Region us-east-1"
    assert "course" in fake.health and fake.restarts == 0
    fake.health["services"]["s3"] = "running"
    cloud.start(backend="localstack")
    assert "course" in fake.health and fake.restarts == 1
    assert not cloud.needs("s3", "xray")
    assert "Left out: this needs AWS X-Ray." in capsys.readouterr().out


def test_somebody_elses_localstack_is_left_alone(fake: Any) -> None:
    fake.health["services"]["s3"] = "running"
    with pytest.raises(RuntimeError, match="in use before this course came"):
        cloud.start(backend="localstack")
    assert "course" not in fake.health and fake.restarts == 0


def test_calls_wait_until_a_function_is_ready() -> None:
    def answer(message: str) -> tuple[None, dict[str, Any]]:
        return None, {"Error": {"Code": "ResourceConflictException", "Message": message}}

    busy = answer("The operation cannot be performed at this time. An update is in progress for resource: arn")
    assert localstack.when_ready(busy, 1) == 0.1
    assert localstack.when_ready(busy, localstack.READY_TRIES) is None
    assert localstack.when_ready(answer("Function already exist: f"), 1) is None
    assert localstack.when_ready(None, 1) is None


class FakeLogs:
    """CloudWatch Logs with one group."""

    def __init__(self, *messages: str) -> None:
        self.events = [{"logStreamName": "s", "timestamp": 2000, "message": message} for message in messages]

    def describe_log_groups(self, **_: Any) -> dict[str, Any]:
        return {"logGroups": [{"logGroupName": "/aws/lambda/tea"}]}

    def get_paginator(self, _: str) -> FakeLogs:
        return self

    def paginate(self, startTime: int, **_: Any) -> list[dict[str, Any]]:
        return [{"events": [event for event in self.events if event["timestamp"] >= startTime]}]


def test_the_record_learns_from_logs_which_functions_ran() -> None:
    usage = "Memory Size: 256 MB\tMax Memory Used: 40 MB\t"
    logs = FakeLogs(
        "START RequestId: a Version: 7\n",
        f"REPORT RequestId: a\tDuration: 20.50 ms\tBilled Duration: 121 ms\t{usage}Init Duration: 100.00 ms\t\n",
        "START RequestId: b Version: 7\n",
        "[ERROR] KeyError: 'tea'\n",
        f"REPORT RequestId: b\tDuration: 1.00 ms\tBilled Duration: 1 ms\t{usage}\n",
    )
    record = LoggedRecord(logs)
    mark = record.mark()
    cold, warm = record.since()
    assert (cold.target, cold.action, cold.outcome, cold.milliseconds) == ("function tea", "cold", "ok", 20.5)
    assert (cold.detail["version"], cold.detail["billed_ms"], cold.detail["memory_mb"]) == ("7", 121, 256)
    assert (warm.action, warm.outcome) == ("warm", "KeyError")
    assert record.since(mark) == [] and len(record.used()) == 2
    late = f"REPORT RequestId: c\tDuration: 9.00 ms\tBilled Duration: 9 ms\t{usage}"
    late += "Status: timeout\tError Type: Sandbox.Timedout"
    logs.events.append({"logStreamName": "s", "timestamp": 3000, "message": late})
    assert [entry.outcome for entry in record.since(mark)] == ["Sandbox.Timedout"]
    # another environment's lines came later than these, and are older
    logs.events.append({"logStreamName": "t", "timestamp": 2000, "message": "START RequestId: d Version: 8"})
    report = f"REPORT RequestId: d\tDuration: 3.00 ms\tBilled Duration: 3 ms\t{usage}"
    logs.events.append({"logStreamName": "t", "timestamp": 2100, "message": report})
    mark = record.mark()
    assert sorted(entry.detail["version"] for entry in record.since()) == ["7", "7", "7", "8"]
    assert record.since(mark) == []
    # a retry has the request id of the first try
    again = f"REPORT RequestId: d\tDuration: 4.00 ms\tBilled Duration: 4 ms\t{usage}"
    logs.events.append({"logStreamName": "t", "timestamp": 2900, "message": again})
    assert [entry.milliseconds for entry in record.since(mark)] == [4]
