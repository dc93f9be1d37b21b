"""The patience of an integration.

AWS: ``timeoutInMillis``, 50 ms to 29 s and 29 s by default; then the client gets a 504 while the backend works on
("API Gateway quotas for REST APIs", API Gateway Developer Guide).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from helpers.dataplane.apigateway.errors import GatewayError
from helpers.dataplane.clock import Clock

LONGEST_MS = 29_000
T = TypeVar("T")


def within(clock: Clock, integration: dict[str, Any], act: Callable[[], T]) -> T:
    """Return what ``act`` returns, if it does within the integration's patience.

    Raises
    ------
    GatewayError
        INTEGRATION_TIMEOUT.
    """
    future: Future[T] = Future()
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    threading.Thread(target=_run, args=(future, act), name="integration", daemon=True).start()
    if not clock.wait(int(integration.get("timeoutInMillis") or LONGEST_MS) / 1000, done):
        raise GatewayError("INTEGRATION_TIMEOUT")
    return future.result()


def _run(future: Future[T], act: Callable[[], T]) -> None:
    try:
        future.set_result(act())
    except Exception as error:
        future.set_exception(error)
