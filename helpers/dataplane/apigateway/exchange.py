"""An exchange: one request on its way through a REST API, and what has been learned about it so far.

Each step (who may call, how often, is it valid, is it cached, the integration) reads it and adds to it. ``variables``
is what mapping templates, access logs and gateway responses see as ``$context`` ("Variables for data transformations",
API Gateway Developer Guide).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from moto.apigateway.models import RestAPI, Stage

from helpers.dataplane.apigateway.snapshot import Resource, Snapshot
from helpers.dataplane.web import HttpRequest


@dataclass
class Exchange:
    """A request that has found its API, stage, resource and method."""

    request: HttpRequest
    api: RestAPI
    stage: Stage
    snapshot: Snapshot
    """Of the stage's deployment, or of its canary's."""
    resource: Resource
    method: dict[str, Any]
    """As GetMethod answers it."""
    path: str
    """Below the stage, percent-encoded, beginning with a slash."""
    path_parameters: dict[str, str]
    stage_variables: dict[str, str]
    request_id: str
    account_id: str
    region: str
    identity: dict[str, Any] = field(default_factory=dict)
    """``$context.identity``: ``sourceIp``, ``userAgent``, and what the check of the caller added."""
    authorizer: dict[str, Any] = field(default_factory=dict)
    """``$context.authorizer``: the authorizer's context and ``principalId``, or Cognito's ``claims``."""
    client: str = "client"
    """Who calls, for people: the name of who signed the request."""
    usage_key: str = ""
    """The API key's value that a Lambda authorizer gave (``usageIdentifierKey``)."""
    request_override: dict[str, Any] = field(default_factory=lambda: {"header": {}, "path": {}, "querystring": {}})
    """What a mapping template ``#set`` below ``$context.requestOverride``."""
    response_override: dict[str, Any] = field(default_factory=lambda: {"header": {}})
    """Likewise below ``$context.responseOverride``: ``status`` and ``header``."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further variables of ``$context``, with dots in their names: ``integration.latency``, ``error.message``."""
    started: float = field(default_factory=time.time)
    cache: str = ""
    """``hit`` or ``miss``, where the method's responses are cached."""
    integration_began: float | None = None
    """When the backend was asked, in seconds since the epoch."""
    integration_ms: float | None = None
    """How long the backend took, in milliseconds, if it was asked."""
    notes: list[tuple[str, str]] = field(default_factory=list)
    """What happened, for the execution log: a level (``INFO``, ``ERROR``) and a line."""

    @property
    def method_arn(self) -> str:
        """The ARN of what is called: ``arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/path``.

        The path is as the routing reads it, percent-decoded and without slashes at its ends: however a path is spelt,
        policies see the same one. Only a slash within a segment stays encoded.
        """
        path = "/".join(unquote(part).replace("/", "%2F") for part in self.path.strip("/").split("/"))
        below = f"{self.api.id}/{self.stage.name}/{self.request.method}/{path}"
        return f"arn:aws:execute-api:{self.region}:{self.account_id}:{below}"

    def note(self, line: str, level: str = "INFO") -> None:
        """Note what happened, for the execution log."""
        self.notes.append((level, line))

    def failed(self, reason: str) -> None:
        """Note why the integration failed, for the execution log and ``$context.integration.error``."""
        self.extra["integration.error"] = reason
        self.note(reason, "ERROR")

    @property
    def own_settings(self) -> dict[str, Any]:
        """The stage's settings of this method alone (``~1todos/GET``)."""
        key = f"{self.resource.path.replace('/', '~1')}/{self.method['httpMethod']}"
        settings = self.stage.method_settings
        return settings.get(key) or settings.get(key.removeprefix("~1")) or {}

    def setting(self, name: str) -> Any:
        """Return a setting of this method in this stage, such as ``throttlingRateLimit``, or None where none is set.

        AWS: the settings of one method (``~1todos/GET``) go before those of all methods (``*/*``).
        """
        for settings in (self.own_settings, self.stage.method_settings.get("*/*") or {}):
            if name in settings:
                return settings[name]
        return None

    def variables(self) -> dict[str, Any]:
        """Return ``$context``."""
        moment = datetime.fromtimestamp(self.started, UTC)
        domain = self.request.domain or f"{self.api.id}.execute-api.{self.region}.amazonaws.com"
        found: dict[str, Any] = {
            "accountId": self.account_id,
            "apiId": self.api.id,
            "authorizer": self.authorizer,
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "extendedRequestId": self.request_id,
            "httpMethod": self.request.method,
            "identity": self.identity,
            "path": self.path if self.request.domain else f"/{self.stage.name}{self.path}",
            "protocol": "HTTP/1.1",
            "requestId": self.request_id,
            "requestOverride": self.request_override,
            "requestTime": f"{moment:%d/%b/%Y:%H:%M:%S} +0000",
            "requestTimeEpoch": int(self.started * 1000),
            "resourceId": self.resource.id,
            "resourcePath": self.resource.path,
            "responseOverride": self.response_override,
            "stage": self.stage.name,
        }
        for name, value in self.extra.items():
            *parents, last = name.split(".")
            inner = found
            for parent in parents:
                inner = inner.setdefault(parent, {})
            inner[last] = value
        return found
