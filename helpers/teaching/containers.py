"""A container's program as a process of this machine: what stands in for a task of ECS, or for an instance of EC2.

AWS: ECS starts a task's containers from an image, with the credentials of the task role, and registers the task's
private address with the target group of a load balancer ("Amazon ECS task IAM role" and "Use load balancing to
distribute Amazon ECS service traffic", ECS Developer Guide). Here there is no Docker: the program ``app.py`` of a
folder runs in a Python process of its own, and who uses it registers its port at 127.0.0.1 with the target group.

Differs: nothing starts it again when it ends, nothing limits its memory, and it sees this machine's files.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import boto3

from helpers import cloud
from helpers.dataplane.awslambda.guardian import GUARDIAN
from helpers.dataplane.web import free_port

_START_SECONDS = 30
_END_SECONDS = 10
_running: dict[str, Container] = {}


class Container:
    """A program that runs until it is stopped, the kernel ends, or another one takes its name.

    Parameters
    ----------
    name:
        What it is called.
    folder:
        Where its ``app.py`` is; it must listen at 127.0.0.1 at the port that the variable ``PORT`` tells.
    role_arn:
        The task role, whose credentials the program gets.
    environment:
        Further variables.

    Raises
    ------
    RuntimeError
        It ended before it listened, or did not listen within 30 s; the message has its last words.
    """

    def __init__(
        self, name: str, folder: str | os.PathLike[str], role_arn: str, environment: Mapping[str, str]
    ) -> None:
        if name in _running:
            _running[name].stop()
        self.name, self.port = name, free_port()
        variables = {**os.environ, **cloud.current().environment(), **_credentials(name, role_arn), **environment}
        self._process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=Path(folder),
            env={**variables, "PORT": str(self.port)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        GUARDIAN.hold("group", self._process.pid)
        _running[name] = self
        self._wait_until_it_listens()

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process; one that has ended is left alone."""
        if self.runs:
            self._process.terminate()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()
        GUARDIAN.release("group", self._process.pid)
        if _running.get(self.name) is self:
            del _running[self.name]

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(self.port):
            late = time.monotonic() > deadline
            if late or not self.runs:
                if late:
                    self._process.kill()
                said = self._process.stderr.read().strip().splitlines() if self._process.stderr else []
                self.stop()
                raise RuntimeError(
                    f"the container {self.name} does not listen at its port: {(said or ['no words'])[-1]}"
                )
            time.sleep(0.02)


def _credentials(name: str, role_arn: str) -> dict[str, str]:
    given = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=f"task-{name}")["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
