"""What LocalStack finds in its environment through the entry points of pyproject.toml.

- ``process``: functions run as processes, without Docker (LAMBDA_RUNTIME_EXECUTOR).
- ``moto``: DynamoDB and its streams by the moto in LocalStack (PROVIDER_OVERRIDE_DYNAMODB); its own is a Java program.
- ``apart``: S3 with its objects in this LocalStack's own folder (PROVIDER_OVERRIDE_S3); its own writes to one folder
  below /tmp, which outside of a container all LocalStacks of a machine would share, and empty.
- ``course``: JSONata without a Java machine, and ``POST /_localstack/course/reset``, which empties all at once.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
from typing import Any

from localstack.http import Response
from localstack.runtime import hooks
from localstack.services.internal import get_internal_apis
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.plugins import SERVICE_PLUGINS, Service, aws_provider
from localstack.state import AssetDirectory, StateVisitor
from localstack.utils.functions import call_safe

RESET = "/_localstack/course/reset"
_resetting = threading.Lock()


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """The executor that needs no Docker."""

    name = "process"

    def load(self, *_: Any, **__: Any) -> Any:
        """Return the class of the executor."""
        from tools.localstack.executor import ProcessExecutor

        return ProcessExecutor


def _by_moto(api: type) -> Service:
    from localstack.services.moto import MotoFallbackDispatcher

    return Service.for_provider(api(), dispatch_table_factory=MotoFallbackDispatcher)


@aws_provider(api="dynamodb", name="moto")
def dynamodb() -> Service:
    """Return DynamoDB by moto: every operation of the interface is left to it."""
    from localstack.aws.api.dynamodb import DynamodbApi

    return _by_moto(DynamodbApi)


@aws_provider(api="dynamodbstreams", name="moto")
def dynamodbstreams() -> Service:
    """Return DynamoDB's streams by moto."""
    from localstack.aws.api.dynamodbstreams import DynamodbstreamsApi

    return _by_moto(DynamodbstreamsApi)


@aws_provider(api="s3", name="apart")
def s3() -> Service:
    """Return S3 with a folder of its own."""
    from localstack.services.s3.provider import S3Provider
    from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

    return Service.for_provider(S3Provider(EphemeralS3ObjectStore(os.path.join(tempfile.gettempdir(), "s3"))))


@hooks.on_infra_start()
def course() -> None:
    """Put JSONata without Java in place, and offer the reset."""
    from localstack.services.stepfunctions.asl.jsonata import jsonata

    jsonata._eval_jsonata = _evaluate
    get_internal_apis().add(RESET, lambda request, *_, **__: reset(), methods=["POST"])


def _evaluate(expression: str) -> Any:
    from jsonata.jexception import JException
    from jsonata.jsonata import Jsonata
    from localstack.services.stepfunctions.asl.jsonata.jsonata import JSONataException

    try:
        return json.loads(json.dumps(Jsonata(expression).evaluate(None)))
    except (JException, TypeError, ValueError, RecursionError) as error:
        raise JSONataException("UNKNOWN", str(error)) from None


class _Empty(StateVisitor):
    def visit(self, state_container: Any) -> None:
        if isinstance(state_container, AssetDirectory):
            shutil.rmtree(state_container.path, ignore_errors=True)
            state_container.path.mkdir(parents=True, exist_ok=True)
        else:
            state_container.reset()


def reset() -> Response:
    """Empty every service that was used, of all accounts."""
    with _resetting:
        for name in SERVICE_PLUGINS.list_loaded_services():
            service = SERVICE_PLUGINS.get_service(name)
            for worker in getattr(service._provider, "esm_workers", {}).values():
                worker.stop_for_shutdown()
            # what was stopped already, such as a function's environment, refuses to be stopped again
            call_safe(
                service.lifecycle_hook.on_before_state_reset, exception_message=f"{name} did not stop as it should"
            )
            service.accept_state_visitor(_Empty())
            service.lifecycle_hook.on_after_state_reset()
    return Response(status=204)
