"""LocalStack behind ``cloud.start``: found by localstack-client, checked, and emptied for each notebook.

Its address is what localstack-client makes of AWS_ENDPOINT_URL or LOCALSTACK_HOST, by default localhost:4566. The last
version that asks for no account's token is 4.14.0 (docs/localstack.md). It is emptied at once where ``make
localstack`` started it; the one of compose.yaml is restarted, which its health resource offers and which takes some
seconds. One that holds somebody else's work is left alone, and refused.
"""

from __future__ import annotations

import csv
import json
import time
import urllib.error
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

from localstack_client import config

from helpers.backends.endpoint import EndpointBackend, on_this_machine
from helpers.backends.function_logs import LoggedRecord

NOT_RUNNING = (
    "LocalStack does not answer at {url}. Start it in another terminal: `make localstack` (without Docker), or "
    "`docker compose up` (with it). LOCALSTACK_HOST=localhost:PORT names another port."
)
NOT_OURS = (
    "the LocalStack at {url} was in use before this course came, so it is left as it is. "
    "Restart it, or start another: `make localstack PORT=4567`, then LOCALSTACK_HOST=localhost:4567."
)
RESTART_S = 120.0
READY_TRIES = 100
_MARK = "course"
_BUSY = ("An update is in progress for resource", "The function is currently in the following state: Pending")


class LocalStackBackend(EndpointBackend):
    """A LocalStack that runs already, emptied.

    Raises
    ------
    RuntimeError
        None answers, something else does, or it holds what is not this course's.
    """

    def __init__(self, region: str) -> None:
        url = on_this_machine(config.get_service_endpoint("s3") or "http://localhost:4566")
        health = _health(url)
        _empty(url, health)
        super().__init__(url, region)
        self.record = LoggedRecord(self._client("logs"))
        self.title = f"LocalStack {health['version']}"
        self._services = health["services"]

    def watch(self, session: Any) -> None:
        """Write calls into the record, and repeat those that find a function not ready yet.

        LocalStack, as AWS, makes and updates functions in the background. The course's own cloud is ready at once,
        and so its cells do not wait.
        """
        super().watch(session)
        session.register("needs-retry.lambda.*", when_ready)

    def lacks(self, service: str) -> bool:
        """Return whether its edition has no such service, by the list that it gives."""
        return service not in self._services

    def differs(self, notebook: str, cell: str) -> str:
        """Return what LocalStack does otherwise, as ``localstack_differs.csv`` beside this module says."""
        return difference(notebook, cell)


def when_ready(response: Any, attempts: int, **_: Any) -> float | None:
    """Return the seconds after which to repeat a call that came while a function was being made or updated."""
    message = response[1].get("Error", {}).get("Message", "") if response else ""
    return 0.1 if attempts < READY_TRIES and any(words in message for words in _BUSY) else None


def difference(notebook: str, cell: str) -> str:
    """Return what LocalStack does otherwise than a cell of the course shows, an empty string where nothing is known."""
    return _differences().get((notebook.replace("/lab.ipynb", "/solution.ipynb"), cell), "")


@cache
def _differences() -> dict[tuple[str, str], str]:
    """Return the words about each cell, by its notebook and its id."""
    with Path(__file__).with_name("localstack_differs.csv").open(encoding="utf-8", newline="") as file:
        return {("/".join(Path(row["notebook"]).parts[-2:]), row["cell"]): row["why"] for row in csv.DictReader(file)}


def _ask(url: str, method: str = "GET", content: Any = None) -> tuple[int, bytes]:
    body = None if content is None else json.dumps(content).encode()
    headers = {"Content-Type": "application/json"}
    past_proxies = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with past_proxies.open(urllib.request.Request(url, body, headers, method=method), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read()


def _health(url: str) -> dict[str, Any]:
    try:
        status, body = _ask(f"{url}/_localstack/health")
        health = json.loads(body)
    except OSError:
        raise RuntimeError(NOT_RUNNING.format(url=url)) from None
    except ValueError:
        status, health = 0, {}
    if status != 200 or "version" not in health or "services" not in health:
        raise RuntimeError(f"what answers at {url} is not LocalStack: backend='endpoint' takes any other local cloud")
    return dict(health)


def _empty(url: str, health: dict[str, Any]) -> None:
    """Empty a LocalStack that is this course's, or claim one that nobody has used yet."""
    if _ask(f"{url}/_localstack/course/reset", "POST")[0] == 204:
        return
    if _MARK not in health and "running" in health["services"].values():
        raise RuntimeError(NOT_OURS.format(url=url))
    if _MARK in health and "running" in health["services"].values():
        _ask(f"{url}/_localstack/health", "POST", {"action": "restart"})
        _wait_for_restart(url)
    _ask(f"{url}/_localstack/health", "PUT", {_MARK: "each cloud.start() empties this LocalStack"})


def _wait_for_restart(url: str) -> None:
    """Wait until it answers again without the mark, which goes with all that it held."""
    deadline = time.monotonic() + RESTART_S
    while time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            if _MARK not in _health(url):
                return
        except RuntimeError:
            continue
    raise RuntimeError(f"the LocalStack at {url} did not come back within {RESTART_S:g} s: restart it")
