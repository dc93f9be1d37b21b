"""The clouds that contract tests can ask: this course's, plain moto's server, LocalStack, ministack."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from helpers import cloud
from helpers.backends.endpoint import ACCOUNT_ID
from helpers.backends.localstack import when_ready
from helpers.dataplane import models
from helpers.dataplane.web import free_port
from helpers.teaching import package
from tools.bench.clouds import server
from tools.localstack.server import running as localstack_running
from tools.servers import ministack

ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
RETURN_THE_EVENT = "def handler(event, context): return event"
SLEEP = "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return os.getpid()"
NOTHING = object()
BACKEND = os.environ.get("CONTRACT_BACKEND", "course")
THIS_COURSE = BACKEND == "course"
LONGEST_S = {"plain-moto": 2, "localstack": 5, "ministack": 5}
"""How long others are waited for, in seconds: no function runs in plain moto, so nothing comes later."""
promise = pytest.mark.promise


def not_built(reason: str) -> pytest.MarkDecorator:
    """Mark a promise that this course does not keep, and says so; the test fails as soon as it does."""
    return pytest.mark.xfail(THIS_COURSE, reason=reason, strict=True)


@dataclass(frozen=True)
class Answer:
    """What Invoke answered, with the payload read and the tail log decoded."""

    status: int
    error: str | None
    payload: Any
    log: str
    version: str | None
    request_id: str


@dataclass(frozen=True)
class Page:
    """What an HTTP address answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body, read as JSON."""
        return json.loads(self.body)


@contextmanager
def refused(code: str, words: str = "", status: int = 0) -> Iterator[dict[str, Any]]:
    """Expect AWS's error ``code`` whose message contains ``words``; what was answered is then in the mapping."""
    said: dict[str, Any] = {}
    with pytest.raises(ClientError) as failure:
        yield said
    said |= failure.value.response
    assert said["Error"]["Code"] == code, said["Error"]
    assert words in said["Error"]["Message"], said["Error"]
    assert status in (0, said["ResponseMetadata"]["HTTPStatusCode"])


class Subject:
    """An empty account, plain boto3, and the few steps that many tests begin with."""

    def __init__(self, endpoint: str, credentials: Mapping[str, str], speed: float, stop: Callable[[], None]) -> None:
        self.endpoint, self.speed = endpoint, speed
        session = models.session()
        if BACKEND == "localstack":
            session.register("needs-retry.lambda.*", when_ready)
        self._session = boto3.session.Session(region_name="us-east-1", botocore_session=session, **credentials)
        self._clients: dict[tuple[str, str], Any] = {}
        self.close = stop

    def client(self, service: str, region: str = "us-east-1") -> Any:
        """Return a client that does not retry, so that a test sees what the service says."""
        if (service, region) not in self._clients:
            settings = Config(
                retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=50, parameter_validation=False
            )
            there = {"endpoint_url": self.endpoint, "region_name": region}
            self._clients[service, region] = self._session.client(service, config=settings, **there)
        return self._clients[service, region]

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

    def call(self, event: Any = NOTHING, name: str = "f", **settings: Any) -> Answer:
        """Invoke a function with ``event``, written as JSON, and read what comes back."""
        payload = {} if event is NOTHING else {"Payload": json.dumps(event)}
        answer = self.client("lambda").invoke(FunctionName=name, **payload, **settings)
        content = answer["Payload"].read()
        return Answer(
            status=answer["StatusCode"],
            error=answer.get("FunctionError"),
            payload=json.loads(content) if content else None,
            log=base64.b64decode(answer.get("LogResult", "")).decode(),
            version=answer.get("ExecutedVersion"),
            request_id=answer["ResponseMetadata"]["RequestId"],
        )

    def call_together(self, events: list[Any], name: str = "f", **settings: Any) -> list[Answer | ClientError]:
        """Invoke a function with all ``events`` at once; an error of AWS stands in the place of its answer."""

        def one(event: Any) -> Answer | ClientError:
            try:
                return self.call(event, name, **settings)
            except ClientError as error:
                return error

        with ThreadPoolExecutor(len(events)) as pool:
            return list(pool.map(one, events))

    def logged(self, name: str = "f") -> list[str]:
        """Return what the log streams of a function hold, in the order of time."""
        logs = self.client("logs")
        try:
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
            return [event["message"] for page in pages for event in page["events"]]
        except logs.exceptions.ResourceNotFoundException:
            return []

    def metric(self, metric: str, statistic: str = "Sum", name: str = "f", **dimensions: str) -> float:
        """Return a metric of a function over the last hour; 0 when there is none.

        ``dimensions`` are further ones, such as ``Resource="f:live"``.
        """
        return float(sum(self.points("AWS/Lambda", metric, statistic, FunctionName=name, **dimensions)))

    def points(
        self,
        namespace: str,
        metric: str,
        statistic: str = "Sum",
        ahead: timedelta = timedelta(minutes=1),
        **dimensions: str,
    ) -> list[float]:
        """Return what CloudWatch tells of a metric, from an hour ago to ``ahead`` of now."""
        now = datetime.now(UTC)
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - timedelta(hours=1),
            EndTime=now + ahead,
            Period=7200,
            Statistics=[statistic],
        )["Datapoints"]
        return [float(point[statistic]) for point in points]

    def queue(self, name: str = "q") -> tuple[str, str]:
        """Create a queue to which every service may send; return its URL and its ARN."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        send = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [send]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return url, arn

    def message(self, url: str) -> dict[str, Any]:
        """Wait for a message of a queue, delete it, so that it comes once, and return it."""
        sqs = self.client("sqs")
        wanted = {"QueueUrl": url, "MessageAttributeNames": ["All"]}
        message: dict[str, Any] = self.wait(lambda: (sqs.receive_message(**wanted).get("Messages") or [None])[0])
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return message

    def http(
        self, url: str, method: str = "GET", body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Page:
        """Ask an HTTP address, as a browser would."""
        request = urllib.request.Request(url, body, dict(headers or {}), method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Page(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as answer:
            return Page(answer.code, answer.headers, answer.read())

    def signed(self, url: str, method: str = "GET") -> dict[str, str]:
        """Return the headers that sign a request to a function URL with the account's key."""
        request = AWSRequest(method, url)
        SigV4Auth(self._session.get_credentials(), "lambda", "us-east-1").add_auth(request)
        return dict(request.headers.items())

    def wait(self, condition: Callable[[], Any], seconds: float = 20) -> Any:
        """Return the first true value of ``condition``; fail after ``seconds``, elsewhere than here after a few."""
        deadline = time.monotonic() + (seconds if THIS_COURSE else min(seconds, LONGEST_S[BACKEND]))
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
            [sys.executable, "-c", _SERVE],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.endpoint = f"http://127.0.0.1:{int(self._process.stdout.readline())}"

    def empty(self, **_: Any) -> Subject:
        """Reset the account; moto knows no other options."""
        urllib.request.urlopen(
            urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST"), timeout=20
        ).close()
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return Subject(self.endpoint, keys, 1, lambda: None)

    def stop(self) -> None:
        """End the server."""
        self._process.kill()
        self._process.wait()


class LocalStack:
    """LocalStack in host mode, its functions run as processes; emptied for each test."""

    name = "LocalStack"

    def __init__(self) -> None:
        self._running = ExitStack()
        self.endpoint = self._running.enter_context(localstack_running())
        self.reset = f"{self.endpoint}/_localstack/course/reset"

    def empty(self, **_: Any) -> Subject:
        """Empty it; it knows no other options."""
        urllib.request.urlopen(urllib.request.Request(self.reset, method="POST"), timeout=60).close()
        keys = {"aws_access_key_id": ACCOUNT_ID, "aws_secret_access_key": "local"}
        return Subject(self.endpoint, keys, 1, lambda: None)

    def stop(self) -> None:
        """End it."""
        self._running.close()


class Ministack(LocalStack):
    """ministack, in an environment of its own."""

    name = "ministack"

    def __init__(self) -> None:
        self._running = ExitStack()
        port = free_port()
        command, variables = ministack(port)
        self.endpoint, _ = self._running.enter_context(server(command, port, variables))
        self.reset = f"{self.endpoint}/_ministack/reset"


_SERVE = """
import logging, time
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
time.sleep(3600)
"""

BACKENDS: dict[str, Callable[[], Any]] = {
    "course": Course,
    "plain-moto": PlainMoto,
    "localstack": LocalStack,
    "ministack": Ministack,
}
