"""Run Lambda functions of LocalStack as processes: the course's execution environments, behind LocalStack's interface.

LocalStack starts a container for each environment and speaks with a program of its own in it. Here an environment is
``helpers.dataplane.awslambda.environment.Environment``, with the same Runtime API, folders, limits and log lines that a
function has in the course's own cloud. LocalStack keeps queues, retries, concurrency, events and everything else.

Differs: functions run on LocalStack's Python, with the boto3 that is installed beside it; VPC settings are ignored.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from localstack.services.lambda_.invocation import lambda_models
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from helpers.dataplane.awslambda.environment import Environment, FunctionVersion, Invocation

_SYSTEM = (
    "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_ENDPOINT_URL",
)  # fmt: skip
"""What a function gets of LocalStack's variables; the others are for its container."""
HOST = "127.0.0.1"


class ProcessExecutor(RuntimeExecutor):
    """What LocalStack asks to run a function: one execution environment."""

    def start(self, env_vars: dict[str, str]) -> None:
        """Make the environment; what was provisioned runs its Init now, everything else with the first event."""
        self._variables = {name: str(value) for name, value in env_vars.items()}
        self._environment = self._new_environment()
        if self._variables["AWS_LAMBDA_INITIALIZATION_TYPE"] != "on-demand":
            self._environment.initialise()

    def _new_environment(self) -> Environment:
        home = Path(tempfile.gettempdir()) / "environments"
        home.mkdir(exist_ok=True)
        stream = self._variables["AWS_LAMBDA_LOG_STREAM_NAME"]
        return Environment(_unpacked(self.function_version, self._variables), home, log_stream=stream)

    def invoke(self, payload: dict[str, str]) -> lambda_models.InvocationResult:
        """Run the function on one event; after a crash or a time-out, in a new environment."""
        if not self._environment.usable:
            self._environment.stop()
            self._environment = self._new_environment()
        event = payload["payload"].encode()
        asked = Invocation(payload["invoke-id"], payload["invoked-function-arn"], event, payload["trace-id"])
        outcome = self._environment.invoke(asked)
        return lambda_models.InvocationResult(
            request_id=asked.request_id,
            payload=outcome.payload,
            is_error=outcome.function_error is not None,
            logs="".join(line.text if line.text.endswith("\n") else f"{line.text}\n" for line in outcome.log),
        )

    def stop(self) -> None:
        """End the processes and remove the folders."""
        self._environment.stop()

    def get_address(self) -> str:
        """Return where the environment is: on this machine."""
        return HOST

    def get_endpoint_from_executor(self) -> str:
        """Return where a function finds LocalStack: on this machine."""
        return HOST

    def get_runtime_endpoint(self) -> str:
        """Return an empty address: nothing in the environment speaks LocalStack's own protocol."""
        return ""

    def get_logs(self) -> str:
        """Return nothing: each invocation brings its own lines."""
        return ""

    @classmethod
    def prepare_version(cls, function_version: lambda_models.FunctionVersion) -> None:
        """Unpack the code and the layers."""
        for code in _archives(function_version):
            code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: lambda_models.FunctionVersion) -> None:
        """Keep the code: the next version of a function may share it. It goes with the function, or with LocalStack."""


def _archives(version: lambda_models.FunctionVersion) -> list[lambda_models.ArchiveCode]:
    return [version.config.code, *(layer.code for layer in version.config.layers)]


def _unpacked(version: lambda_models.FunctionVersion, variables: dict[str, str]) -> FunctionVersion:
    """Return what an environment has to know of one of LocalStack's function versions."""
    code, *layers = (archive.get_unzipped_code_location() for archive in _archives(version))
    own = dict(version.config.environment or {})
    return FunctionVersion(
        name=version.id.function_name,
        version=version.id.qualifier,
        runtime=version.config.runtime,
        handler=version.config.handler or "",
        memory_mb=version.config.memory_size,
        timeout_s=version.config.timeout,
        variables=own,
        system={name: variables[name] for name in _SYSTEM if name in variables and name not in own},
        code=code,
        layers=tuple(layers),
    )
