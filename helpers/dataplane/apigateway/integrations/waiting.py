"""The patience of an integration.

AWS: ``timeoutInMillis``, 50 ms to 29 s and 29 s by default; then the client gets a 504 while the backend works on
("API Gateway quotas for REST APIs", API Gateway Developer Guide). Here in real time whatever the cloud's speed, since
functions and servers work in real time.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from helpers.dataplane.apigateway.errors import GatewayError

LONGEST_MS = 29_000
T = TypeVar("T")


def patience(integration: dict[str, Any]) -> float:
    """Return how long an integration waits for its backend, in seconds."""
    return int(integration.get("timeoutInMillis") or LONGEST_MS) / 1000


def within(seconds: float, act: Callable[[], T]) -> T:
    """Return what ``act`` returns, if it does so in time.

    Raises
    ------
    GatewayError
        INTEGRATION_TIMEOUT.
    """
    future: Future[T] = Future()
    run = contextvars.copy_context().run  # the trace header goes along
    threading.Thread(target=run, args=(_run, future, act), name="integration", daemon=True).start()
    try:
        return future.result(seconds)
    except TimeoutError:
        raise GatewayError("INTEGRATION_TIMEOUT") from None


def _run(future: Future[T], act: Callable[[], T]) -> None:
    try:
        future.set_result(act())
    except Exception as error:
        future.set_exception(error)
