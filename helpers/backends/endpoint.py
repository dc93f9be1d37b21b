"""Any AWS that runs on this machine already: LocalStack, ministack, AWS's own Emulator, moto's server.

Plain boto3 is pointed at its address, and the wall keeps every call on this machine. What it does is its own affair:
there is no ``speed``, no quota and no enforcement of IAM that this course could set. The record holds what this process
calls, taken from botocore's events, and nothing of what that triggers. What it lacks is not assumed but asked.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from helpers.backends import shortcut
from helpers.dataplane import models
from helpers.dataplane.context import SDK_CONFIG
from helpers.dataplane.record import Record
from helpers.dataplane.resources import subject_in

ACCOUNT_ID = "123456789012"
"""LocalStack and ministack take an access key of twelve digits for the account itself; the notebooks name this one."""
_LACKING = ("UnknownService", "UnknownOperationException", "InvalidAction", "NotImplemented", "NotImplementedException")
_SOMETHING = {"integer": 1, "long": 1, "list": [], "structure": {}, "timestamp": 0, "boolean": False}
_lookup = socket.getaddrinfo


class Unavailable(RuntimeError):
    """What only the course's own cloud can do; in a notebook it is one line, not a stack trace."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class EndpointBackend:
    """An AWS at ``url``, an address of this machine, until ``stop``.

    Raises
    ------
    RuntimeError
        The address is not on this machine, or nobody answers there.
    """

    speed = 1.0
    title = "this cloud"

    def __init__(
        self, url: str, region: str, credentials: tuple[str, str] | None = None, ca_bundle: str | None = None
    ) -> None:
        self.endpoint, self.region = on_this_machine(url), region
        self.title = f"The cloud at {self.endpoint}"
        self.access_key_id, self.secret_access_key = credentials or (ACCOUNT_ID, "local")
        self.record: Record = Record()
        self._ca_bundle, self._asked = ca_bundle, dict[str, bool]()
        self.lacked: str = ""
        """What the newest refused call wanted, in words, when the answer was 501."""
        shortcut.guard()
        setattr(socket, "getaddrinfo", _local_names)
        self._home = Path(tempfile.mkdtemp(prefix="local-aws-"))
        (self._home / "aws-config").write_text(SDK_CONFIG)
        try:
            self.account_id: str = self._client("sts").get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            self.stop()
            raise RuntimeError(self._silent(error)) from None

    def _silent(self, error: Exception) -> str:
        if isinstance(error, EndpointConnectionError):
            return f"nobody answers at {self.endpoint}: start that cloud first"
        return f"what answers at {self.endpoint} did not say which account it is ({error})"

    def environment(self) -> dict[str, str]:
        """Return the standard variables with which any AWS SDK or tool reaches this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_CONFIG_FILE": str(self._home / "aws-config"),
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            **({"AWS_CA_BUNDLE": self._ca_bundle} if self._ca_bundle else {}),
        }

    def time(self) -> float:
        """Return the time of day, in seconds since the epoch."""
        return time.time()

    def watch(self, session: Any) -> None:
        """Write the calls of a botocore session into the record."""
        session.register("before-parameter-build.*.*", self._begin)
        session.register("after-call.*.*", self._end)

    def _begin(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["course"] = (time.time(), subject_in(params))

    def _end(self, http_response: Any, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        service, said = model.service_model.service_name, parsed.get("ResponseMetadata", {})
        started, subject = context.get("course", (time.time(), ""))
        outcome = parsed.get("Error", {}).get("Code", "ok") if http_response.status_code >= 300 else "ok"
        if http_response.status_code == 501:
            self.lacked = f"{model.name} of {full_name(service)}"
        self.record.add(
            "call", "you", service, model.name, subject=subject, outcome=outcome, started=started,
            milliseconds=(time.time() - started) * 1000, request_id=said.get("RequestId", ""),
        )  # fmt: skip

    def lacks(self, service: str) -> bool:
        """Return whether a service is missing: harmless calls (lists, descriptions) are refused as unknown."""
        if service not in self._asked:
            client = self._client(service)
            asked = _harmless(client.meta.service_model)
            self._asked[service] = all(_refused(client, operation) for operation in asked)
        return self._asked[service]

    def differs(self, notebook: str, cell: str) -> str:
        """Return what it does otherwise than AWS, where that is known to end a cell of the course with an error.

        Parameters
        ----------
        notebook:
            The notebook's file and its folder, such as ``04_safe_rollout/lab.ipynb``.
        cell:
            The cell's id.
        """
        return ""

    def _client(self, service: str) -> Any:
        settings = Config(
            retries={"total_max_attempts": 1}, read_timeout=60, parameter_validation=False, inject_host_prefix=False
        )
        keys = (self.access_key_id, self.secret_access_key)
        session = boto3.session.Session(*keys, region_name=self.region, botocore_session=models.session())
        return session.client(service, endpoint_url=self.endpoint, config=settings, verify=self._ca_bundle)

    def stop(self) -> None:
        """Take the wall down. That cloud itself runs on, with what is in it."""
        shortcut.remove()
        setattr(socket, "getaddrinfo", _lookup)
        shutil.rmtree(self._home, ignore_errors=True)


def on_this_machine(url: str) -> str:
    """Return the address, its name replaced by a loopback address (S3 then puts buckets in the path).

    Raises
    ------
    RuntimeError
        It is not an address of this machine.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname not in shortcut.LOOPBACK:
        raise RuntimeError(f"the endpoint {url} is not on this machine: the course never leaves it")
    if parts.hostname != "localhost":
        return url.rstrip("/")
    return f"{parts.scheme}://127.0.0.1:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def full_name(service: str) -> str:
    """Return AWS's name of a service that botocore knows by a short one."""
    metadata = models.loader().load_service_model(service, "service-2")["metadata"]
    return str(metadata.get("serviceFullName", service))


def _refused(client: Any, operation: str) -> bool:
    """Return whether an operation is unknown there; any other error is an answer of the service."""
    model = client.meta.service_model
    members = model.operation_model(operation).input_shape.members if _required(model, operation) else {}
    given = {name: _SOMETHING.get(members[name].type_name, "none") for name in _required(model, operation)}
    try:
        getattr(client, xform_name(operation))(**given)
    except ClientError as error:
        code, status = error.response["Error"].get("Code", ""), error.response["ResponseMetadata"]["HTTPStatusCode"]
        # a number for a code: what came was no answer of an AWS service
        return status == 501 or code in _LACKING or code.isdecimal()
    except BotoCoreError:
        return True
    return False


def _harmless(model: Any) -> list[str]:
    """Return operations that change nothing: six that need the fewest parameters and have the plainest names."""
    reading = [name for name in model.operation_names if name.startswith(("List", "Describe", "Get"))]
    return sorted(reading, key=lambda name: (len(_required(model, name)), not name.startswith("List"), len(name)))[:6]


def _required(model: Any, operation: str) -> list[str]:
    shape = model.operation_model(operation).input_shape
    return list(shape.required_members) if shape else []


def _local_names(host: Any, *arguments: Any, **settings: Any) -> Any:
    """Look up a name; those below localhost, as LocalStack calls its APIs and function URLs, are this machine's."""
    name = host.decode() if isinstance(host, bytes) else host
    if isinstance(name, str) and name.endswith((".localhost", ".localhost.localstack.cloud")):
        host = "127.0.0.1"
    return _lookup(host, *arguments, **settings)
