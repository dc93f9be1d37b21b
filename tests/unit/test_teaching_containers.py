"""A container's program as a process: it gets the task role's credentials, and goes when it is told to."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from helpers import cloud
from helpers.teaching import web_address
from helpers.teaching.containers import Container

WHO = """
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer
import boto3

class Who(BaseHTTPRequestHandler):
    def do_GET(self):
        arn = boto3.client("sts").get_caller_identity()["Arn"]
        body = json.dumps({"arn": arn, "colour": os.environ["COLOUR"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Who).serve_forever()
"""


@pytest.fixture
def role() -> Iterator[str]:
    """A role for tasks in an empty account."""
    cloud.start()
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    yield boto3.client("iam").create_role(RoleName="task", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    cloud.stop()


def says(container: Container) -> dict[str, str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{container.port}/", timeout=20) as answer:
        return dict(json.load(answer))


def test_it_runs_with_the_task_roles_credentials_until_it_is_stopped(role: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(WHO)
    container = Container("who", tmp_path, role, {"COLOUR": "green"})
    try:
        assert says(container) == {"arn": "arn:aws:sts::123456789012:assumed-role/task/task-who", "colour": "green"}
    finally:
        container.stop()
    assert not container.runs
    container.stop()
    with pytest.raises(OSError):
        says(container)


def test_another_one_takes_its_name(role: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(WHO)
    first = Container("who", tmp_path, role, {"COLOUR": "green"})
    second = Container("who", tmp_path, role, {"COLOUR": "blue"})
    try:
        assert (first.runs, second.runs, says(second)["colour"]) == (False, True, "blue")
    finally:
        second.stop()


def test_a_program_that_ends_is_told_with_its_last_words(role: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("raise SystemExit('no table')")
    with pytest.raises(RuntimeError, match="the container who does not listen at its port: no table"):
        Container("who", tmp_path, role, {})


def test_an_address_of_the_web(role: str) -> None:
    assert web_address() == f"{cloud.current().endpoint}/_aws/https/"
    assert web_address("prices.books.example", "/emma") == f"{web_address()}prices.books.example/emma"
