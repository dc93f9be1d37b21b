"""Small functions for the tests of the execution environment, and what it takes to run them."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from helpers.dataplane.awslambda.environment import Environment, FunctionVersion, Invocation, Outcome


class Functions:
    """Makes functions under a folder, and ends their environments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environments: list[Environment] = []

    def version(self, code: str | Mapping[str, str], **settings: Any) -> FunctionVersion:
        """Return a function whose package is ``code``: the text of ``app.py``, or texts by file name."""
        files = {"app.py": code} if isinstance(code, str) else code
        root = self.folder / f"code-{len(list(self.folder.iterdir()))}"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(textwrap.dedent(text))
            (root / name).chmod(0o755)
        values: dict[str, Any] = {
            "name": "f", "version": "$LATEST", "runtime": "python3.13", "handler": "app.handler", "memory_mb": 128,
            "timeout_s": 10.0, "variables": {}, "system": {"AWS_REGION": "eu-west-1"}, "code": root, "layers": (),
        }  # fmt: skip
        return FunctionVersion(**{**values, **settings})

    def environment(self, code: str | Mapping[str, str], **settings: Any) -> Environment:
        """Return a new environment of such a function."""
        environment = Environment(self.version(code, **settings), self.folder)
        self._environments.append(environment)
        return environment

    def run(self, code: str | Mapping[str, str], event: Any = None, **settings: Any) -> Outcome:
        """Run such a function once, cold."""
        environment = self.environment(code, **settings)
        outcome = invoke(environment, event)
        environment.stop()
        return outcome

    def stop(self) -> None:
        """End all environments."""
        for environment in self._environments:
            environment.stop()


def invoke(environment: Environment, event: Any = None, request_id: str = "r", **more: str) -> Outcome:
    """Hand an event over and return the outcome."""
    return environment.invoke(Invocation(request_id, "arn:f", json.dumps(event).encode(), **more))


def result(outcome: Outcome) -> Any:
    """Return the function's result; fail with its log if it failed."""
    assert outcome.status == "success", (outcome.payload, texts(outcome))
    return json.loads(outcome.payload)


def texts(outcome: Outcome) -> list[str]:
    """Return the texts of the log."""
    return [line.text for line in outcome.log]


def own_lines(outcome: Outcome) -> list[str]:
    """Return what the function itself wrote after START."""
    lines = texts(outcome)
    begin = next(number for number, line in enumerate(lines) if line.startswith("START"))
    return lines[begin + 1 : -2]


def eventually(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Return whether something becomes true in time."""
    limit = time.monotonic() + seconds
    while not true() and time.monotonic() < limit:
        time.sleep(0.01)
    return true()


def running(pid: int) -> bool:
    """Return whether a process runs (one that has ended but was not waited for does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
