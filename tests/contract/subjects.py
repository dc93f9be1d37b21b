"""The clouds that contract tests can ask: this course's, and plain moto's server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config

from helpers import cloud
from helpers.teaching import package

ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
promise = pytest.mark.promise


class Subject:
    """An empty account, plain boto3, and the few steps that many tests begin with."""

    def __init__(self, endpoint: str, credentials: Mapping[str, str], speed: float, stop: Callable[[], None]) -> None:
        self.endpoint, self.speed = endpoint, speed
        self._session = boto3.session.Session(region_name="us-east-1", **credentials)
        self.close = stop

    def client(self, service: str, **config: Any) -> Any:
        """Return a client that does not retry, so that a test sees what the service says."""
        settings = Config(retries={"total_max_attempts": 1}, read_timeout=60, **config)
        return self._session.client(service, endpoint_url=self.endpoint, config=settings)

    def role(self, name: str = "worker", policy: Mapping[str, Any] | None = None) -> str:
        """Create an execution role that Lambda may assume; return its ARN."""
        iam = self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ASSUME))["Role"]["Arn"]
        if policy:
            iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=json.dumps(policy))
        return str(arn)

    def function(self, source: str, name: str = "f", **settings: Any) -> Any:
        """Create a Python function from the text of its module ``app``; return the Lambda client."""
        client = self.client("lambda")
        settings.setdefault("Role", None)
        settings["Role"] = settings["Role"] or self.role(f"{name}-role")
        settings.setdefault("Code", {"ZipFile": package({"app.py": source})})
        settings.setdefault("Runtime", "python3.13")
        settings.setdefault("Handler", "app.handler")
        client.create_function(FunctionName=name, **settings)
        return client

    def wait(self, condition: Callable[[], Any], seconds: float = 20) -> Any:
        """Return the first true value of ``condition``; fail after ``seconds``."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.05)
        pytest.fail(f"nothing came within {seconds} s")


class Course:
    """This course's local cloud, in this process."""

    name = "this course"

    def empty(self, speed: float = 60, **options: Any) -> Subject:
        """Start an empty account."""
        running = cloud.start(speed=speed, **options)
        keys = {
            "aws_access_key_id": running.access_key_id,
            "aws_secret_access_key": running.secret_access_key,
        }
        return Subject(running.endpoint, keys, speed, cloud.stop)

    def stop(self) -> None:
        """Nothing is left running."""
        cloud.stop()


class PlainMoto:
    """moto's own server, as it comes."""

    name = "plain moto"

    def __init__(self) -> None:
        environment = {**os.environ, "MOTO_CALL_RESET_API": "false"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.endpoint = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def empty(self, **_: Any) -> Subject:
        """Reset the account; moto knows no other options."""
        urllib.request.urlopen(urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST"), timeout=20).close()
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return Subject(self.endpoint, keys, 1, lambda: None)

    def stop(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()


_SERVE = """
import logging, time
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
time.sleep(3600)
"""

BACKENDS: dict[str, Callable[[], Any]] = {"course": Course, "plain-moto": PlainMoto}
